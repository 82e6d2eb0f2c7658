package FS::part_export::magicmail::History;

# Who was on an account before: the user names of all services that Freeside's history
# tables have in packages of the customers whom the account may be named after. Where they
# may not tell all of it, nothing is known: an account is purged on the strength of this.

use strict;
use warnings;

use FS::Record qw(dbdef);

use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Transaction qw(savepoint);

my @TABLES = qw(h_svc_acct h_cust_svc h_cust_pkg h_cust_main h_part_export_option);

# The library reads 50 former users at most, each of whom may have a few rows.
my $MOST_ROWS = 200;

# For $records and $services, objects of FS::part_export::magicmail::Records and ::Services.
sub new {
    my ($class, $records, $services) = @_;
    return bless {records => $records, services => $services}, $class;
}

# The names of all users that were ever on one of the accounts, and on the present one of a
# service of this customer (0: none), as a list; undef where that is not known. The history
# must know the user $username, and the beginning of each service.
# What fails only keeps the account.
sub former_users {
    my ($self, @arguments) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $names;
    return $names if eval {
        $names = savepoint(sub { return $self->_former_users(@arguments) });
        1
    };
    my $account = join ', ', @{$arguments[0]};
    FS::part_export::magicmail::Log::warned(undef,
        "who was on account $account before is not known, so it is not purged: $@");
    return;
}

sub _former_users {
    my ($self, $accounts, $custnum, $username) = @_;
    return if $self->{services}->is_named_by_subclass;
    return if grep { !dbdef->table($_) } @TABLES;
    my ($custnums, $agent_custids) = $self->_customers($accounts) or return;
    if ($custnum) { $custnums->{$custnum} = 1 }
    my (%names, %options, $rows);
    foreach my $row ($self->_rows($custnums, $agent_custids)) {
        if ($row->{optionname}) {
            push @{$options{$row->{optionname}}}, $self->{records}->text($row->{optionvalue});
            next;
        }
        return if !defined $row->{first} || ++$rows > $MOST_ROWS;
        my @names = grep { defined && $_ ne '' } @{$row}{qw(first former present)};
        foreach my $name (@names) { $names{$self->{records}->text($name)} = 1 }
    }
    return if $self->_was_named_otherwise($accounts, \%options);
    my @names = sort keys %names;
    return if !grep { lc eq lc $username } @names;
    return \@names;
}

# The customers whom the accounts may be named after, for each of whom there must be one.
sub _customers {
    my ($self, $accounts) = @_;
    my (%custnums, %agent_custids);
    foreach my $account (@{$accounts}) {
        my ($numbers, $texts) = $self->{services}->customers_in([$account]);
        return if !%{$numbers} && !%{$texts};
        %custnums      = (%custnums,      %{$numbers});
        %agent_custids = (%agent_custids, %{$texts});
    }
    return (\%custnums, \%agent_custids);
}

# Whether an export had options once by which an account was named after somebody else.
sub _was_named_otherwise {
    my ($self, $accounts, $options) = @_;
    my @present       = map  { $_->{options} } values %{$self->{records}->exports};
    my %is_prefix     = map  { lc FS::part_export::magicmail::Options::prefix($_) => 1 } @present;
    my $is_by_agents  = grep { $_->{use_agent_custid} } @present;
    my $was_by_agents = grep { $_ } @{$options->{use_agent_custid} || []};
    return 1 if $was_by_agents && !$is_by_agents;
    foreach my $prefix (grep { !$is_prefix{lc $_} } @{$options->{account_prefix} || []}) {
        foreach my $account (@{$accounts}) {
            my $begins = lc substr($account, 0, length $prefix) eq lc $prefix;
            my $rest   = $begins ? substr $account, length $prefix : '';
            return 1 if $rest =~ m/\A\d+\z/x || $rest ne '' && $was_by_agents;
        }
    }
    return 0;
}

# By indices only: the rows of what grows are found by customer, package and service.
sub _rows {
    my ($self, $custnums, $agent_custids) = @_;
    my (@packages, @bind);
    foreach my $table (qw(cust_pkg h_cust_pkg)) {
        my @numbers = sort { $a <=> $b } keys %{$custnums};
        if (@numbers) {
            my $places = FS::part_export::magicmail::Records::places(@numbers);
            push @packages, "SELECT $table.pkgnum FROM $table WHERE $table.custnum IN ( $places )";
            push @bind,     @numbers;
        }
        my %texts =
            map { $_ => 1 } map { FS::part_export::magicmail::Records::spellings($_) } keys %{$agent_custids};
        my @texts  = sort keys %texts or next;
        my $places = FS::part_export::magicmail::Records::places(@texts);
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
    my $limit    = $MOST_ROWS + 1;
    return $self->{records}->rows( <<"END", (@bind) x 2);
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

1;
