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
# a row.
my @COLUMNS =
    qw(svcnum username domain svcpart custnum agent_custid exportnum remoteid susp finger first last);
my %AT;
@AT{@COLUMNS} = 0 .. $#COLUMNS;
my $SVCNUM = $AT{svcnum};

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
    my $records = $self->{records};
    my ($maybe, @maybe) = $self->_numbers($accounts, $custnum || 0);
    return if !defined $maybe;
    my $exports   = $self->exports_by_svcpart;
    my %is_wanted = map { lc $_ => 1 } @{$accounts};
    my @services;
    foreach my $service ($self->among($maybe, @maybe)) {
        my $is_own = $custnum && $custnum == $service->{custnum};
        foreach my $export (@{$exports->{$service->{svcpart}}}) {
            my $account = $self->account_of($service, $export->{exportnum});
            next if !$is_own && !$is_wanted{lc $account};
            push @services,
                {
                svcnum     => $service->{svcnum},
                package    => $export->{package},
                account_id => $account,
                map { $_ => $records->text($service->{$_}) } qw(username domain),
                };
        }
    }
    return @services;
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
# to the code.
sub _each_row {
    my ($self, $code, $maybe, @maybe) = @_;
    my $exports  = $self->{records}->exports;
    my %svcparts = map { %{$_->{svcparts}} } values %{$exports};
    $self->{records}->each_service(
        $code,
        definitions => [sort { $a <=> $b } keys %svcparts],
        by_agents   => scalar(grep { $_->{options}{use_agent_custid} } values %{$exports}),
        with_names  => $self->{with_names},
        maybe       => $maybe,
        bind        => \@maybe,
    );
    return;
}

# A select of the numbers of the services that may be on one of the accounts:
# those of the customers whom they may be named after, and those that have one
# of them on record.
sub _numbers {
    my ($self, $accounts, $custnum) = @_;
    my ($custnums, $agent_custids) = $self->customers_in($accounts);
    if ($custnum) { $custnums->{$custnum} = 1 }
    return $self->{records}->numbers_of_services(
        custnums      => [sort { $a <=> $b } keys %{$custnums}],
        agent_custids => [sort keys %{$agent_custids}],
        accounts      => $accounts,
    );
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
