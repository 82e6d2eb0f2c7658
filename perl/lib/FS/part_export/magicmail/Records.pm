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

# Whose a service is: custnum, agent_custid, its domain, and on_record, the account that it is on. A
# service that moves to another definition has that under the old definition's export; it
# counts, for the mailbox is the same.
sub owner {
    my ($self, $svc) = @_;
    my $svcnum = $svc->svcnum;
    my ($on_record, $join, @bind) = $self->_record_of($svcnum);
    return $self->_own_record( <<"END", $svc->domsvc || undef, $svcnum, @bind);
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

# The customer of a service, as a number; 0 where there is none.
sub custnum_of_service {
    my ($self, $svcnum) = @_;
    my ($row) = $self->rows(<<'END', $svcnum);
SELECT cust_pkg.custnum
  FROM cust_svc
  JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
 WHERE cust_svc.svcnum = ?
END
    return $row && $row->{custnum} ? $row->{custnum} : 0;
}

# What is known of a service: that, and first_name and last_name of its customer,
# svcpart, pkgnum, susp, row_svcnum (undef when the row of svc_acct is gone), domain,
# old_domain, has_namesake (whether another service has its user name, in whatever
# domain).
sub service_facts {
    my ($self, $svc, $old) = @_;
    my $svcnum  = $svc->svcnum;
    my @domains = map { $_ ? $_->domsvc || undef : undef } $svc, $old;
    my ($on_record, $join, @bind) = $self->_record_of($svcnum);
    my $username = $svc->username;
    my @names    = spellings(defined $username ? $username : '');
    my $places   = places(@names);
    my $locking  = _locking_read();
    return $self->_own_record( <<"END", @domains, @names, ($svcnum) x 3, @bind);
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

# Of the rows of a service, one for each of its records, that with this export's own
# record, if it has one.
sub _own_record {
    my ($self, $sql, @bind) = @_;
    my @rows      = $self->rows($sql, @bind);
    my $exportnum = $self->{export}->exportnum;
    my ($own)     = grep { ($_->{exportnum} || 0) == $exportnum } @rows;
    my $facts     = $own || $rows[0];
    foreach my $text (qw(domain old_domain on_record agent_custid first_name last_name)) {
        $facts->{$text} = $self->text($facts->{$text});
    }
    return $facts;
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

    # What fails is told in words of ours: DBI's own line would have the statement in it.
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
