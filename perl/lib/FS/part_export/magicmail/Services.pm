package FS::part_export::magicmail::Services;

# The services of an account: those whose account it is, by what is on record or
# else by the options of their exports, whoever's customer record they stand
# under. One statement, whatever their number.

use strict;
use warnings;

use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Records;

my $BASE        = 'FS::part_export::magicmail';
my $LARGEST_INT = 2_147_483_647;

# What is read of each service, once for each of its records, and where it stands in
# a row; which of it says what account the service is on.
my @COLUMNS =
    qw(svcnum username domain svcpart custnum agent_custid exportnum remoteid susp finger first last);
my %AT;
@AT{@COLUMNS} = 0 .. $#COLUMNS;
my $SVCNUM   = $AT{svcnum};
my @TEXTS    = @AT{qw(username domain)};
my @DECISIVE = @AT{qw(svcpart custnum agent_custid exportnum remoteid)};

# For $records, an object of FS::part_export::magicmail::Records. More: with_names, for
# the names of users and customers, which only an audit asks for.
sub new {
    my ($class, $records, %more) = @_;
    return bless {%more, records => $records, named => {}}, $class;
}

# The provisioned services that are on one of the accounts, or are this
# customer's (undef: nobody's): svcnum, username, domain, package and account_id
# of each, once for each of its exports, by svcnum.
sub on_accounts {
    my ($self, $accounts, $custnum) = @_;
    my @services;
    foreach my $alike ($self->alike_on_accounts($accounts, $custnum)) {
        my %place = map { $_ => $alike->{$_} } qw(package account_id);
        foreach my $service (@{$alike->{services}}) {
            push @services, {%place};
            @{$services[-1]}{qw(svcnum username domain)} = @{$service};
        }
    }
    @services = sort { $a->{svcnum} <=> $b->{svcnum} } @services;
    return @services;
}

# The same, for there may be thousands, and most are alike: package, account_id, on_record
# (where that account is), and svcnum, username and domain of each service that has these. Without the service
# $but; of $usual, a package and an account_id, what is the same is left out.
sub alike_on_accounts {
    my ($self, $accounts, $custnum, $usual, $but) = @_;
    my $records = $self->{records};
    $custnum ||= 0;
    my ($maybe, @maybe) = $self->_numbers($accounts, $custnum);
    return if !defined $maybe;
    my $of = {accounts => $accounts, custnum => $custnum, usual => $usual || {}};
    my @alike;

    foreach my $group ($self->_groups($but, $maybe, @maybe)) {
        foreach my $place ($self->_places($group->{rows}, $of)) {
            $place->{services} = $group->{services};
            push @alike, $place;
        }
    }
    return @alike;
}

# The services among those whose numbers a select gives, but one, in groups of whom
# the same is on record: the rows of one of them, and svcnum, username and domain of
# each.
sub _groups {
    my ($self, $but, @maybe) = @_;
    my $records    = $self->{records};
    my $from_bytes = $records->gives_bytes_of_text;
    my (@services, %groups, @groups);
    my $take = sub {
        my ($row) = @_;
        return if $but && $but == $row->[$SVCNUM];
        my $key   = join "\0", @{$row}[@DECISIVE];
        my $group = $groups{$key} ||= {key => $key, rows => [[@{$row}]]};
        push @services, [@{$row}[$SVCNUM, @TEXTS], $group];
    };
    $self->_each_row($take, @maybe);
    @services = sort { $a->[0] <=> $b->[0] } @services;
    while (my $service = shift @services) {
        my $group = pop @{$service};
        while (@services && $services[0][0] == $service->[0]) {
            my $other = pop @{shift @services};
            my $key   = "$group->{key}\0$other->{key}";
            $group = $groups{$key} ||= {key => $key, rows => [@{$group->{rows}}, @{$other->{rows}}]};
        }
        if ($from_bytes)         { $_ = $records->text($_) foreach @{$service}[1, 2] }
        if (!$group->{services}) { push @groups, $group }
        push @{$group->{services}}, $service;
    }
    return @groups;
}

# Package and account_id of a service for each of its exports, but what is usual,
# where that account is one of those that are asked for, or the service is this
# customer's.
sub _places {
    my ($self, $rows, $of) = @_;
    my $service = $self->_service($rows);
    my $is_own  = $of->{custnum} && $of->{custnum} == $service->{custnum};
    $self->{by_svcpart} ||= $self->exports_by_svcpart;
    my @places;
    foreach my $export (@{$self->{by_svcpart}{$service->{svcpart}}}) {
        my $account = $self->account_of($service, $export->{exportnum});
        next if !$is_own && !grep { lc eq lc $account } @{$of->{accounts}};
        my %place   = (package => $export->{package}, account_id => $account);
        my %unusual = map { $_ => $place{$_} } grep { !_is($of->{usual}{$_}, $place{$_}) } keys %place;
        if ($service->{records}) { $unusual{on_record} = 1 }
        push @places, \%unusual;
    }
    return @places;
}

sub _is {
    my ($usual, $text) = @_;
    return defined $usual && $usual eq $text;
}

# The provisioned services that have a user name, in whatever domain and on whatever
# account, but the service $svcnum (undef: all): svcnum, domain, account_id and on_record of
# each, once for each of its accounts.
sub namesakes {
    my ($self, $username, $svcnum) = @_;
    my $records = $self->{records};
    my @names   = FS::part_export::magicmail::Records::spellings($username);
    my $places  = FS::part_export::magicmail::Records::places(@names);
    my $alike   = "SELECT svc_acct.svcnum FROM svc_acct WHERE svc_acct.username IN ( $places )";
    my $exports = $self->{by_svcpart} ||= $self->exports_by_svcpart;
    my @namesakes;
    foreach my $service ($self->among($alike, @names)) {
        next if $svcnum && $svcnum == $service->{svcnum};
        my %accounts =
            map { lc $_ => $_ }
            map { $self->account_of($service, $_->{exportnum}) } @{$exports->{$service->{svcpart}}};
        foreach my $account (sort keys %accounts) {
            push @namesakes,
                {
                svcnum     => $service->{svcnum},
                domain     => $records->text($service->{domain}),
                account_id => $accounts{$account},
                on_record  => $service->{records} ? 1 : 0,
                };
        }
    }
    return \@namesakes;
}

# Each definition's exports, by their numbers: exportnum and package of each. A
# customer may have thousands of services that ask.
sub exports_by_svcpart {
    my ($self) = @_;
    my $exports = $self->{records}->exports;
    my %by_svcpart;
    foreach my $exportnum (sort { $a <=> $b } keys %{$exports}) {
        my $export = $exports->{$exportnum};
        my %known  = (exportnum => $exportnum, package => $export->{options}{package});
        foreach my $svcpart (keys %{$export->{svcparts}}) {
            push @{$by_svcpart{$svcpart}}, \%known;
        }
    }
    return \%by_svcpart;
}

# The customer whom an account is named after, where its id has this export's
# prefix and a number behind it; else 0.
sub custnum_in {
    my ($self, $account) = @_;
    my $number = _behind_prefix($account, $self->{records}->options);
    return _is_custnum($number) ? $number + 0 : 0;
}

sub _is_custnum {
    my ($number) = @_;
    return
           defined $number
        && $number =~ m/\A[1-9]\d{0,9}\z/x
        && $number <= $LARGEST_INT;
}

# What stands behind the prefix in an account's id, if it has that prefix.
sub _behind_prefix {
    my ($account, $options) = @_;
    my $prefix = FS::part_export::magicmail::Options::prefix($options);
    return if lc substr($account, 0, length $prefix) ne lc $prefix;
    return substr $account, length $prefix;
}

# The provisioned services among those whose numbers a select gives, each once,
# with what its exports have on record: svcnum, svcpart, username and domain as
# the database has them, custnum, susp, agent_custid; 0 or '' where there is none; with
# names, finger, and first and last of the customer.
sub among {
    my ($self, $maybe, @maybe) = @_;
    my %rows;
    $self->_each_row(sub { push @{$rows{$_[0][$SVCNUM]}}, [@{$_[0]}] }, $maybe, @maybe);
    return map { $self->_service($rows{$_}) } sort { $a <=> $b } keys %rows;
}

# A service from its rows.
sub _service {
    my ($self, $rows) = @_;
    my %service;
    @service{@COLUMNS} = @{$rows->[0]};
    my $exports = $self->{records}->exports;
    foreach my $row (@{$rows}) {
        my ($exportnum, $account) = @{$row}[@AT{qw(exportnum remoteid)}];
        if ($exports->{$exportnum}) {
            $service{records}{$exportnum} = $self->{records}->text($account);
        }
    }
    return \%service;
}

# Gives each row of the provisioned services among those whose numbers a select gives
# to the code: one for each of a service's records, in any order (told to sort them,
# SQLite goes through everybody's services).
sub _each_row {
    my ($self, $code, $maybe, @maybe) = @_;
    my $records  = $self->{records};
    my $exports  = $records->exports;
    my %svcparts = map  { %{$_->{svcparts}} } values %{$exports} or return;
    my @svcparts = sort { $a <=> $b } keys %svcparts;
    my $places   = FS::part_export::magicmail::Records::places(@svcparts);
    my ($agent_custid, $on_record, $names, @joins) = (q{''}, q{0, ''}, 'NULL, NULL, NULL');

    # What no account is named after is not looked up, a thousand times.
    my $has_agent_custid = grep { $_->{options}{use_agent_custid} } values %{$exports};
    if ($has_agent_custid)   { $agent_custid = q{COALESCE( cust_main.agent_custid, '' )} }
    if ($self->{with_names}) { $names        = 'svc_acct.finger, cust_main.first, cust_main.last' }
    if ($has_agent_custid || $self->{with_names}) {
        push @joins, 'LEFT JOIN cust_main ON cust_main.custnum = cust_pkg.custnum';
    }
    if ($records->has_record) {
        $on_record = q{COALESCE( export_cust_svc.exportnum, 0 ), COALESCE( export_cust_svc.remoteid, '' )};
        push @joins, 'LEFT JOIN export_cust_svc ON export_cust_svc.svcnum = cust_svc.svcnum';
    }
    $records->each_row($code, <<"END", @maybe, @svcparts);
SELECT cust_svc.svcnum, svc_acct.username, COALESCE( svc_domain.domain, '' ), cust_svc.svcpart,
       COALESCE( cust_pkg.custnum, 0 ), $agent_custid, $on_record, cust_pkg.susp,
       $names
  FROM ( $maybe ) AS maybe
  JOIN cust_svc ON cust_svc.svcnum = maybe.svcnum
  JOIN svc_acct ON svc_acct.svcnum = cust_svc.svcnum
  LEFT JOIN svc_domain ON svc_domain.svcnum = svc_acct.domsvc
  LEFT JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
  @joins
 WHERE cust_svc.svcpart IN ( $places )
END
    return;
}

# A select of the numbers of the services that may be on one of the accounts:
# those of the customers whom they may be named after, and those that have one
# of them on record.
sub _numbers {
    my ($self, $accounts, $custnum) = @_;
    my $records = $self->{records};
    my ($custnums, $agent_custids) = $self->customers_in($accounts);
    if ($custnum) { $custnums->{$custnum} = 1 }
    my %folded = map { lc $_ => 1 } @{$accounts};
    my $of_customers =
        'SELECT cust_svc.svcnum FROM cust_svc' . ' JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum';
    my @selects = (
        ["$of_customers WHERE cust_pkg.custnum", sort { $a <=> $b } keys %{$custnums}],
        [
            "$of_customers JOIN cust_main"
                . ' ON cust_main.custnum = cust_pkg.custnum'
                . ' WHERE cust_main.agent_custid',
            sort keys %{$agent_custids}
        ],
    );
    if ($records->has_record) {
        push @selects,
            [
            'SELECT export_cust_svc.svcnum FROM export_cust_svc' . ' WHERE LOWER(export_cust_svc.remoteid)',
            sort keys %folded
            ];
    }
    my (@sql, @bind);
    foreach my $select (@selects) {
        my ($sql, @values) = @{$select};
        next if !@values;
        my $places = FS::part_export::magicmail::Records::places(@values);
        push @sql,  "$sql IN ( $places )";
        push @bind, @values;
    }
    return if !@sql;
    return (join(' UNION ', @sql), @bind);
}

# The customers whom the accounts may be named after, by each export's options:
# their numbers, and their agents' numbers for them, each as the keys of a hash.
sub customers_in {
    my ($self, $accounts) = @_;
    my (%custnums, %agent_custids);
    foreach my $account (@{$accounts}) {
        foreach my $export (values %{$self->{records}->exports}) {
            my $number = _behind_prefix($account, $export->{options});
            next if !defined $number || $number eq '';
            if (_is_custnum($number)) { $custnums{$number + 0} = 1 }
            if ($export->{options}{use_agent_custid}) {
                $agent_custids{$number} = 1;
            }
        }
    }
    return (\%custnums, \%agent_custids);
}

# The services that may be on one of the accounts, and what is known of them (see
# "among").
sub that_may_be_on {
    my ($self,  @accounts) = @_;
    my ($maybe, @maybe)    = $self->_numbers(\@accounts, 0);
    return defined $maybe ? $self->among($maybe, @maybe) : ();
}

# The account that the options of an export name for a service, whatever is on
# record.
sub configured_account_of {
    my ($self, $service, $exportnum) = @_;
    return $self->account_of({%{$service}, records => undef}, $exportnum);
}

# The account of a service: the one on record for this export, else for another
# one of this server, else the one that the export's options name.
sub account_of {
    my ($self, $service, $exportnum) = @_;
    if (my $on_record = $service->{records}) {
        return $on_record->{$exportnum} if defined $on_record->{$exportnum};
        my ($elsewhere) = sort { $a <=> $b } keys %{$on_record};
        return $on_record->{$elsewhere};
    }
    return ''                                               if !$service->{custnum};
    return $self->_account_by_subclass($service->{custnum}) if $self->is_named_by_subclass;
    my $options = $self->{records}->exports->{$exportnum}{options};
    return FS::part_export::magicmail::Options::account_id($options, $service->{custnum},
        $self->{records}->text($service->{agent_custid}));
}

# Whether a subclass names accounts in its own way.
sub is_named_by_subclass {
    my ($self) = @_;
    return $self->{records}->export->can('cust_account_id') != $BASE->can('cust_account_id');
}

# It is asked once for each customer.
sub _account_by_subclass {
    my ($self, $custnum) = @_;
    if (!defined $self->{named}{$custnum}) {
        my $customer = $self->{customers}{$custnum}
            || $self->{records}->customer($custnum);
        my $export  = $self->{records}->export;
        my $account = $customer ? $export->cust_account_id($customer) : undef;
        $self->{named}{$custnum} =
            $self->{records}->text($account);
    }
    return $self->{named}{$custnum};
}

1;
