package FS::part_export::magicmail::Records;

# What Freeside's database says of a service and of this server's exports, and
# the row locks. SQL that PostgreSQL, MySQL and SQLite understand.

use strict;
use warnings;

use FS::Record qw(dbh qsearch qsearchs);

use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Text qw(characters gives_bytes);

my $BASE = 'FS::part_export::magicmail';

# For $export, an export object, whose complete options are $options.
sub new {
    my ($class, $export, $options) = @_;
    my $self = {
        export     => $export,
        options    => $options,
        from_bytes => gives_bytes(dbh),
        has_record => $export->can('get_remoteid') ? 1 : 0,
    };
    return bless $self, $class;
}

sub export  { my ($self) = @_; return $self->{export} }
sub options { my ($self) = @_; return $self->{options} }

# Whether Freeside has a table for what exports have on record.
sub has_record { my ($self) = @_; return $self->{has_record} }

# Whether the database gives text as bytes (see FS::part_export::magicmail::Text).
sub gives_bytes_of_text { my ($self) = @_; return $self->{from_bytes} }

# A value of the database's as characters.
sub text {
    my ($self, $value) = @_;
    return characters($value, $self->{from_bytes});
}

# Whose a service is: custnum, agent_custid, its domain; a row for each of its records of
# this server's exports, with exportnum and on_record, the account that it is on.
sub owner_rows {
    my ($self,      $svcnum, $domsvc) = @_;
    my ($on_record, $join,   @bind)   = $self->_record_of($svcnum);
    return $self->rows( <<"END", $domsvc || undef, $svcnum, @bind);
SELECT cust_pkg.custnum, cust_main.agent_custid,
       ( SELECT domain FROM svc_domain WHERE svc_domain.svcnum = ? ) AS domain,
       $on_record
  FROM ( SELECT 1 AS one ) AS this
  LEFT JOIN cust_svc ON cust_svc.svcnum = ?
  LEFT JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
  LEFT JOIN cust_main ON cust_main.custnum = cust_pkg.custnum
  $join
END
}

# What is known of a service: that, and first_name and last_name of its customer,
# svcpart, pkgnum, susp, row_svcnum (undef when the row of svc_acct is gone), domain,
# old_domain, has_namesake (whether another service has its user name, in whatever
# domain). Of its records, one: this export's, if it has one. A service that moves to
# another definition has that under the old definition's export; it counts, for the
# mailbox is the same.
sub service_facts {
    my ($self, $svc) = @_;
    my @rows      = $self->service_rows(map { $svc->get($_) } qw(svcnum username domsvc));
    my $exportnum = $self->{export}->exportnum;
    my ($own)     = grep { ($_->{exportnum} || 0) == $exportnum } @rows;
    my $facts     = $own || $rows[0];
    foreach my $text (qw(domain on_record agent_custid first_name last_name)) {
        $facts->{$text} = $self->text($facts->{$text});
    }
    return $facts;
}

# The same as rows, one for each record.
sub service_rows {
    my ($self, $svcnum, $username, $domsvc, $old_domsvc) = @_;
    my ($on_record, $join, @bind) = $self->_record_of($svcnum);
    my @names   = spellings(defined $username ? $username : '');
    my $places  = places(@names);
    my $locking = _locking_read();
    my @domains = map { $_ || undef } $domsvc, $old_domsvc;
    return $self->rows( <<"END", @domains, @names, ($svcnum) x 3, @bind);
SELECT cust_svc.svcpart, cust_svc.pkgnum, cust_pkg.custnum, cust_pkg.susp,
       cust_main.agent_custid, cust_main.first AS first_name, cust_main.last AS last_name,
       svc_acct.svcnum AS row_svcnum,
       ( SELECT domain FROM svc_domain WHERE svc_domain.svcnum = ? ) AS domain,
       ( SELECT domain FROM svc_domain WHERE svc_domain.svcnum = ? ) AS old_domain,
       CASE WHEN EXISTS (
         SELECT 1 FROM svc_acct AS namesake
          WHERE namesake.username IN ( $places ) AND namesake.svcnum <> ?
       ) THEN 1 ELSE 0 END AS has_namesake,
       $on_record
  FROM ( SELECT 1 AS one ) AS this
  LEFT JOIN cust_svc ON cust_svc.svcnum = ?
  LEFT JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
  LEFT JOIN cust_main ON cust_main.custnum = cust_pkg.custnum
  LEFT JOIN svc_acct ON svc_acct.svcnum = ?
  $join
  $locking
END
}

# How Freeside may have a user name, which MagicMail compares without regard to case: as
# given, or in small letters, as it keeps them unless it is told otherwise, or in large
# ones. Its index of them knows no other way.
sub spellings {
    my ($username) = @_;
    return ($username, lc $username, uc $username);
}

sub _record_of {
    my ($self, $svcnum) = @_;
    return ('NULL AS exportnum, NULL AS on_record', '')
        if !$self->{has_record};
    my ($of_family, @family) = $self->of_family;
    my $join = <<"END";
LEFT JOIN (
       SELECT export_cust_svc.exportnum, export_cust_svc.remoteid
         FROM export_cust_svc
         JOIN part_export
           ON part_export.exportnum = export_cust_svc.exportnum
        WHERE $of_family AND export_cust_svc.svcnum = ?
     ) AS record ON record.exportnum IS NOT NULL
END
    return ('record.exportnum, record.remoteid AS on_record', $join, @family, $svcnum);
}

# Whether Freeside puts this account on record: it refuses some characters.
sub can_record {
    my ($self, $account) = @_;
    return 0 if !$self->{has_record};
    require FS::export_cust_svc;
    return FS::export_cust_svc->new({remoteid => $account})->ut_text('remoteid') eq '' ? 1 : 0;
}

# Locks a customer's row until the transaction ends, where the database has no locks but
# of rows: MySQL. SQLite's transactions run one by one.
sub lock_customer {
    my ($self, $custnum) = @_;
    my $for_update = _driver() eq 'mysql' ? 'FOR UPDATE' : '';
    my ($row) = $self->rows("SELECT custnum FROM cust_main WHERE custnum = ? $for_update", $custnum);
    return $row ? 1 : 0;
}

# MySQL's transactions go on seeing what was there when they began; a locking read sees
# what is there now.
sub _locking_read {
    return _driver() eq 'mysql' ? 'LOCK IN SHARE MODE' : '';
}

sub _driver {
    return dbh->{Driver}{Name} || '';
}

# A customer by his number; undef where there is none.
sub customer {
    my ($self, $custnum) = @_;
    require FS::cust_main;
    return scalar qsearchs('cust_main', {custnum => $custnum});
}

# The names of customers, by their numbers.
sub names_of_customers {
    my ($self, @custnums) = @_;
    my $places = places(@custnums);
    my %names;
    foreach my $row (
        $self->rows(
            "SELECT custnum, first, last, company FROM cust_main WHERE custnum IN ( $places )",
            sort { $a <=> $b } @custnums
        )
        )
    {
        my $name    = join q{ }, grep { $_ ne '' } map { $self->text($row->{$_}) } qw(first last);
        my $company = $self->text($row->{company});
        $names{$row->{custnum}} = $company eq '' ? $name : "$company, $name";
    }
    return \%names;
}

# This server's magicmail exports, this one among them, by exportnum: those of
# their options that matter to one another, no_suspend, and their service definitions.
sub exports {
    my ($self) = @_;
    return $self->{exports} if $self->{exports};
    my ($of_family, @family) = $self->of_family;
    my $sql = <<"END";
SELECT part_export.exportnum, part_export.no_suspend, part_export_option.optionname,
       part_export_option.optionvalue, export_svc.svcpart
  FROM part_export
  LEFT JOIN part_export_option
    ON part_export_option.exportnum = part_export.exportnum
   AND part_export_option.optionname
    IN ( 'account_prefix', 'package', 'use_agent_custid' )
  LEFT JOIN export_svc ON export_svc.exportnum = part_export.exportnum
 WHERE $of_family
END
    my (%given, %svcparts, %no_suspend);
    foreach my $row ($self->rows($sql, @family)) {
        my $exportnum = $row->{exportnum};
        $no_suspend{$exportnum} = $row->{no_suspend} ? 1 : 0;
        $given{$exportnum} ||= {};
        if (defined $row->{optionname}) {
            $given{$exportnum}{$row->{optionname}} =
                $self->text($row->{optionvalue});
        }
        if (defined $row->{svcpart}) {
            $svcparts{$exportnum}{$row->{svcpart}} = 1;
        }
    }
    foreach my $exportnum (keys %given) {
        $self->{exports}{$exportnum} = {
            svcparts   => $svcparts{$exportnum} || {},
            no_suspend => $no_suspend{$exportnum},
            options    => FS::part_export::magicmail::Options::complete(%{$given{$exportnum}}),
        };
    }
    return $self->{exports} ||= {};
}

# The packages that a service of a definition brings, one for each export.
sub packages_of_svcpart {
    my ($self, $svcpart) = @_;
    return if !$svcpart;
    my $exports = $self->exports;
    return map { $_->{options}{package} }
        grep   { $_->{svcparts}{$svcpart} }
        map    { $exports->{$_} } sort { $a <=> $b } keys %{$exports};
}

# A select of the numbers of services: those of customers (custnums), of customers whom
# agents have these numbers for (agent_custids), and those that have one of the accounts
# on record. Nothing where none of these is given.
sub numbers_of_services {
    my ($self, %of) = @_;
    my $of_customers =
        'SELECT cust_svc.svcnum FROM cust_svc JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum';
    my @selects = (
        ["$of_customers WHERE cust_pkg.custnum", @{$of{custnums}}],
        [
            "$of_customers JOIN cust_main ON cust_main.custnum = cust_pkg.custnum"
                . ' WHERE cust_main.agent_custid',
            @{$of{agent_custids}}
        ],
    );
    if ($self->{has_record}) {
        my %folded = map { lc $_ => 1 } @{$of{accounts}};
        push @selects,
            [
            'SELECT export_cust_svc.svcnum FROM export_cust_svc WHERE LOWER(export_cust_svc.remoteid)',
            sort keys %folded
            ];
    }
    my (@sql, @bind);
    foreach my $select (@selects) {
        my ($sql, @values) = @{$select};
        next if !@values;
        push @sql,  "$sql IN ( " . places(@values) . ' )';
        push @bind, @values;
    }
    return @sql ? (join(' UNION ', @sql), @bind) : ();
}

# Gives each row to the code: of the services whose numbers the select "maybe" gives, with
# its "bind", and that are on one of the definitions; one row for each of a service's
# records, in any order (asked to sort them, SQLite goes through everybody's services).
# svcnum, username, domain, svcpart, custnum, agent_custid (only by_agents), exportnum and
# remoteid, then susp, and with_names finger, first and last.
sub each_service {
    my ($self, $code, %of) = @_;
    my @svcparts = @{$of{definitions}} or return;
    my $places   = places(@svcparts);
    my ($agent_custid, $on_record, $names, @joins) = (q{''}, q{0, ''}, 'NULL, NULL, NULL');

    # What no account is named after is not looked up, a thousand times.
    if ($of{by_agents})  { $agent_custid = q{COALESCE( cust_main.agent_custid, '' )} }
    if ($of{with_names}) { $names        = 'svc_acct.finger, cust_main.first, cust_main.last' }
    if ($of{by_agents} || $of{with_names}) {
        push @joins, 'LEFT JOIN cust_main ON cust_main.custnum = cust_pkg.custnum';
    }
    if ($self->{has_record}) {
        $on_record = q{COALESCE( export_cust_svc.exportnum, 0 ), COALESCE( export_cust_svc.remoteid, '' )};
        push @joins, 'LEFT JOIN export_cust_svc ON export_cust_svc.svcnum = cust_svc.svcnum';
    }
    $self->each_row($code, <<"END", @{$of{bind}}, @svcparts);
SELECT cust_svc.svcnum, svc_acct.username, COALESCE( svc_domain.domain, '' ), cust_svc.svcpart,
       COALESCE( cust_pkg.custnum, 0 ), $agent_custid, $on_record, cust_pkg.susp,
       $names
  FROM ( $of{maybe} ) AS maybe
  JOIN cust_svc ON cust_svc.svcnum = maybe.svcnum
  JOIN svc_acct ON svc_acct.svcnum = cust_svc.svcnum
  LEFT JOIN svc_domain ON svc_domain.svcnum = svc_acct.domsvc
  LEFT JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
  @joins
 WHERE cust_svc.svcpart IN ( $places )
END
    return;
}

# Users and options, as the library reads them. By indices only: the rows of what grows
# are found by customer, package and service.
sub history_rows {
    my ($self, $custnums, $agent_custids, $limit) = @_;
    my (@packages, @bind);
    foreach my $table (qw(cust_pkg h_cust_pkg)) {
        my @numbers = @{$custnums};
        if (@numbers) {
            my $places = places(@numbers);
            push @packages, "SELECT $table.pkgnum FROM $table WHERE $table.custnum IN ( $places )";
            push @bind,     @numbers;
        }
        my %texts  = map { $_ => 1 } map { spellings($_) } @{$agent_custids};
        my @texts  = sort keys %texts or next;
        my $places = places(@texts);
        foreach my $customer (qw(cust_main h_cust_main)) {
            push @packages, <<"END";
SELECT $table.pkgnum
  FROM agent
  JOIN $customer ON $customer.agentnum = agent.agentnum AND $customer.agent_custid IN ( $places )
  JOIN $table ON $table.custnum = $customer.custnum
END
            push @bind, @texts;
        }
    }
    my $packages = join ' UNION ', @packages;
    return $self->rows( <<"END", (@bind) x 2);
SELECT NULL AS optionname, NULL AS optionvalue, names.first, names.former, names.present
  FROM ( SELECT DISTINCT made.username AS first, later.username AS former, svc_acct.username AS present
           FROM ( SELECT cust_svc.svcnum, cust_svc.svcpart
                    FROM ( $packages ) AS present_packages
                    JOIN cust_svc ON cust_svc.pkgnum = present_packages.pkgnum
                   UNION
                  SELECT h_cust_svc.svcnum, h_cust_svc.svcpart
                    FROM ( $packages ) AS former_packages
                    JOIN h_cust_svc ON h_cust_svc.pkgnum = former_packages.pkgnum
                ) AS ever
           LEFT JOIN part_svc ON part_svc.svcpart = ever.svcpart
           LEFT JOIN h_svc_acct AS made
             ON made.history_action = 'insert' AND made.svcnum = ever.svcnum
           LEFT JOIN h_svc_acct AS later
             ON later.history_action IN ( 'replace_old', 'replace_new', 'delete' )
            AND later.svcnum = ever.svcnum
           LEFT JOIN svc_acct ON svc_acct.svcnum = ever.svcnum
          WHERE COALESCE( part_svc.svcdb, 'svc_acct' ) = 'svc_acct'
          LIMIT $limit
       ) AS names
 UNION ALL
SELECT h_part_export_option.optionname, COALESCE( h_part_export_option.optionvalue, '' ), NULL, NULL, NULL
  FROM h_part_export_option
 WHERE h_part_export_option.optionname IN ( 'account_prefix', 'use_agent_custid' )
END
}

# A condition for this server's magicmail exports. Freeside keeps the name of the server
# as it was typed.
sub of_family {
    my ($self) = @_;
    my ($of_types, @types) = $self->of_types;
    return ("$of_types AND LOWER(part_export.machine) = ?", @types, lc $self->{export}->machine);
}

# A condition for all magicmail exports, those of subclasses included.
sub of_types {
    my ($self) = @_;
    $self->{types} ||= [export_types($self->{export}->exporttype)];
    my @types  = @{$self->{types}};
    my $places = places(@types);
    return ("part_export.exporttype IN ( $places )", @types);
}

# The types of export that are magicmail or made from it, and those named: every
# process has every export's class loaded. Where there are as many classes as before
# there are the same.
my ($classes, @made_from_ours) = (0);

sub export_types {
    my @named = @_;
    if ($classes != keys %FS::part_export::) {
        my @types = map { m/\A(\w+)::\z/x ? $1 : () } keys %FS::part_export::;
        @made_from_ours = grep { "FS::part_export::$_"->isa($BASE) } @types;
        $classes        = keys %FS::part_export::;
    }
    my %types = map { $_ => 1 } 'magicmail', @made_from_ours, @named;
    my @types = sort keys %types;
    return @types;
}

# All exports of these types, by their numbers.
sub all_exports {
    my $types   = join ', ', map { "'$_'" } export_types();
    my @exports = qsearch(
        {
            table     => 'part_export',
            hashref   => {},
            extra_sql => "WHERE exporttype IN ( $types )",
            order_by  => 'ORDER BY exportnum',
        }
    );
    return @exports;
}

# As many placeholders as there are values.
sub places {
    my (@values) = @_;
    return join ', ', (q{?}) x @values;
}

# The rows of a statement, as hashes. Dies with the database's own text.
sub rows {
    my ($self, $sql, @bind) = @_;
    my @rows;
    my $statement = _executed($sql, @bind);
    while (my $row = $statement->fetchrow_hashref('NAME_lc')) { push @rows, $row }
    _end($statement);
    return @rows;
}

# Gives each row to the code, as a list that is the same one each time: for thousands
# of them.
sub each_row {
    my ($self, $code, $sql, @bind) = @_;
    my $statement = _executed($sql, @bind);
    while (my $row = $statement->fetchrow_arrayref) { $code->($row) }
    _end($statement);
    return;
}

sub _executed {
    my ($sql, @bind) = @_;
    my $dbh = dbh;

    # The drivers take the bytes of a string without the flag as they are.
    foreach my $value (@bind) {
        if (defined $value) { utf8::upgrade($value) }
    }

    # To prepare them takes longer than to run most of them. One that an exception
    # left half read is not touched. None is kept on a PostgreSQL server: behind a
    # pooler the next transaction meets another server process, and after a change of a
    # column's type the old one is refused.
    my %kept_here = _driver() eq 'Pg' ? (pg_server_prepare => 0) : ();
    my $statement = $dbh->prepare_cached($sql, \%kept_here, 3);
    if (!$statement) { _cannot($dbh) }

    # A failure is described in our own words: DBI's line would contain the statement.
    local $statement->{PrintError} = 0;
    if (!$statement->execute(@bind)) { _cannot($dbh) }
    return $statement;
}

sub _end {
    my ($statement) = @_;
    if ($statement->err) { _cannot($statement) }

    # A read outside of a transaction leaves none open.
    ## no critic (ProhibitPackageVars) -- Freeside's own
    if ($FS::UID::AutoCommit) { dbh->commit }
    return;
}

# In words, where it is about somebody else's doing.
my %SENTENCES = (
    '40P01' => 'somebody else was working on the same, and each waited for the other; try again',
    '40001' => 'somebody else was working on the same; try again',
    '55P03' => 'somebody else holds a lock in the database for too long; try again later',
);

sub _cannot {
    my ($handle) = @_;
    my $sentence = $SENTENCES{$handle->state || ''};
    die "Freeside's database: " . (defined $sentence ? $sentence : $handle->errstr) . "\n";
}

1;
