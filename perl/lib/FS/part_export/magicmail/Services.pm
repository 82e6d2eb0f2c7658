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

# For $records, an object of FS::part_export::magicmail::Records.
sub new {
    my ($class, $records) = @_;
    return bless {records => $records, named => {}}, $class;
}

# The provisioned services that are on one of the accounts, or are this
# customer's (undef: nobody's): svcnum, username, domain, package and account_id
# of each, once for each of its exports, by svcnum.
sub on_accounts {
    my ($self, $accounts, $cust_main) = @_;
    my $records = $self->{records};
    my $custnum = $cust_main ? $cust_main->custnum : 0;
    my %wanted  = map { lc $_ => 1 } @{$accounts};
    if ($cust_main) { $self->{customers}{$custnum} = $cust_main }
    my $exports = $self->exports_by_svcpart;
    my @services;
    foreach my $service ($self->_candidates($accounts, $custnum)) {
        my $is_own = $custnum && $custnum == ($service->{custnum} || 0);
        foreach my $export (@{$exports->{$service->{svcpart}}}) {
            my $account = $self->account_of($service, $export->{exportnum});
            next if !$is_own && !$wanted{lc $account};
            push @services,
                {
                svcnum     => $service->{svcnum},
                username   => $records->text($service->{username}),
                domain     => $records->text($service->{domain}),
                package    => $export->{package},
                account_id => $account,
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

# Each service that may be on one of the accounts.
sub _candidates {
    my ($self, $accounts, $custnum) = @_;
    my ($maybe, @maybe) = $self->_numbers($accounts, $custnum);
    return defined $maybe ? $self->among($maybe, @maybe) : ();
}

# The provisioned services among those whose numbers a select gives, each once,
# with what its exports have on record: svcnum, svcpart, username and domain as
# the database has them, custnum, susp, agent_custid.
sub among {
    my ($self, $maybe, @maybe) = @_;
    my $records  = $self->{records};
    my $exports  = $records->exports;
    my %svcparts = map { %{$_->{svcparts}} } values %{$exports};
    return if !%svcparts;
    my @svcparts = sort { $a <=> $b } keys %svcparts;
    my $places   = FS::part_export::magicmail::Records::places(@svcparts);
    my ($on_record, $join) = ('NULL AS exportnum, NULL AS remoteid', '');

    if ($records->has_record) {
        $on_record = 'export_cust_svc.exportnum, export_cust_svc.remoteid';
        $join      = 'LEFT JOIN export_cust_svc' . ' ON export_cust_svc.svcnum = cust_svc.svcnum';
    }
    my $sql = <<"END";
SELECT cust_svc.svcnum, cust_svc.svcpart, svc_acct.username, svc_domain.domain,
       cust_pkg.custnum, cust_pkg.susp, cust_main.agent_custid, $on_record
  FROM ( $maybe ) AS maybe
  JOIN cust_svc ON cust_svc.svcnum = maybe.svcnum
  JOIN svc_acct ON svc_acct.svcnum = cust_svc.svcnum
  LEFT JOIN svc_domain ON svc_domain.svcnum = svc_acct.domsvc
  LEFT JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
  LEFT JOIN cust_main ON cust_main.custnum = cust_pkg.custnum
  $join
 WHERE cust_svc.svcpart IN ( $places )
END
    my %services;
    foreach my $row ($records->rows($sql, @maybe, @svcparts)) {
        my $service   = $services{$row->{svcnum}} ||= $row;
        my $exportnum = $row->{exportnum};
        if (defined $exportnum && $exports->{$exportnum}) {
            $service->{records}{$exportnum} =
                $records->text($row->{remoteid});
        }
    }
    return map { $services{$_} } sort { $a <=> $b } keys %services;
}

# A select of the numbers of the services that may be on one of the accounts:
# those of the customers whom they may be named after, and those that have one
# of them on record.
sub _numbers {
    my ($self, $accounts, $custnum) = @_;
    my $records = $self->{records};
    my ($custnums, $agent_custids) = $self->_customers_in($accounts);
    if ($custnum) { $custnums->{$custnum} = 1 }
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
            map { lc } @{$accounts}
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
# their numbers, and their agents' numbers for them.
sub _customers_in {
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
    my ($self, @accounts) = @_;
    return $self->_candidates(\@accounts, 0);
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
    return '' if !$service->{custnum};
    my $export = $self->{records}->export;
    if ($export->can('cust_account_id') != $BASE->can('cust_account_id')) {
        return $self->_account_by_subclass($service->{custnum});
    }
    my $options = $self->{records}->exports->{$exportnum}{options};
    return FS::part_export::magicmail::Options::account_id($options, $service->{custnum},
        $self->{records}->text($service->{agent_custid}));
}

# A subclass names accounts in its own way: asked once for each customer.
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
