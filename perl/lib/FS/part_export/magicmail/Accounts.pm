package FS::part_export::magicmail::Accounts;

# The accounts of a server with the provisioned services on them, as Freeside has
# them, for an audit: streamed in batches, some statements for each, so that the
# memory does not grow with the services. Passwords are not read.
#
# An account's services may stand under several customers (merged, moved). So
# all services are gone through twice: first their accounts only, each with the
# first customer who has it, then whole, at that customer.

use strict;
use warnings;

use FS::part_export::magicmail::Services;

# As many customers are read at once.
my $AT_ONCE = 200;

# For $records, an object of FS::part_export::magicmail::Records; so many customers
# are read at once.
sub new {
    my ($class, $records, $at_once) = @_;
    my $self = bless {
        records  => $records,
        services => FS::part_export::magicmail::Services->new($records, with_names => 1),
        home     => {},
        shared   => {},
        named    => {},
        count    => 0,
        left_out => [],
        at_once  => $at_once || $AT_ONCE,
    }, $class;
    $self->{exports} = $self->{services}->exports_by_svcpart;
    return $self;
}

# The first time, until $may_go_on returns false. Then the rest is known: how many
# there are, their ids, and which services are on no account.
sub survey {
    my ($self, $may_go_on) = @_;
    $self->_each_batch(
        sub {
            my (@services) = @_;
            $self->{count} += @services;
            foreach my $service (@services) {
                my $custnum  = $service->{custnum};
                my @accounts = $self->_accounts_of($service);
                if (!@accounts) { $self->_leave_out($service) }
                foreach my $account (@accounts) {
                    my $home = $self->{home}{$account};
                    if (!defined $home) { $self->{home}{$account} = $custnum }
                    elsif ($home != $custnum) { $self->{shared}{$account}{$custnum} = 1 }
                }
            }
            return $may_go_on->();
        }
    );
    return;
}

# How many services and accounts there are, and the ids (in lower case) of the
# accounts, those included that only the exports' options name.
sub count    { my ($self) = @_; return $self->{count} }
sub accounts { my ($self) = @_; return scalar keys %{$self->{home}} }

sub left_out { my ($self) = @_; return @{$self->{left_out}} }

sub _leave_out {
    my ($self, $service) = @_;
    push @{$self->{left_out}},
        {svcnum => $service->{svcnum}, customer => 0, text => 'it is in no package of a customer'};
    return;
}

sub ids {
    my ($self) = @_;
    return keys %{$self->{home}}, keys %{$self->{named}};
}

# The second time: calls $code with some accounts, until it returns false. Each is
# { id => ID, services => [ ... ] }, as the library takes them.
sub each_batch {
    my ($self, $code) = @_;
    $self->_each_batch(
        sub {
            my (@services) = @_;
            my %accounts;
            $self->_sort_in(\%accounts, @services);
            my @home = grep {
                my $account = $_;
                my $home    = $self->{home}{$account};
                defined $home && grep { $_ == $home } keys %{$accounts{$account}{custnums}};
            } sort keys %accounts;
            my @shared = grep { $self->{shared}{$_} } @home;
            if (@shared) { $self->_take_in_whole(\%accounts, @shared) }
            return $code->(map { _told($accounts{$_}) } @home);
        }
    );
    return;
}

# Accounts that no service is on, but that the options name for one that is on record
# elsewhere, after a merge or another prefix: somebody may live there all the same.
sub without_services {
    my ($self) = @_;
    my $named = $self->{named};
    return map { _empty($named->{$_}) } grep { !defined $self->{home}{$_} } sort keys %{$named};
}

# The accounts of one customer.
sub of_customer {
    my ($self, $custnum) = @_;
    return $self->_of_those('cust_pkg.custnum = ?', $custnum);
}

# Those of so many of the newest customers.
sub newest {
    my ($self, $count) = @_;
    my $newest = 'SELECT custnum FROM cust_main ORDER BY custnum DESC LIMIT ' . int $count;
    return $self->_of_those("cust_pkg.custnum IN ( SELECT custnum FROM ( $newest ) AS newest )");
}

sub _of_those {
    my ($self, $condition, @bind) = @_;
    my %accounts;
    my @services = $self->{services}->among(_of_customers($condition), @bind);
    $self->_sort_in(\%accounts, @services);
    my %named = map { lc $_ => $_ } keys %accounts, map { $self->_named_for($_) } @services;
    my @ids   = sort keys %named or return;
    $self->_take_in_whole(\%accounts, @ids);
    return map { $accounts{$_} ? _told($accounts{$_}) : _empty($named{$_}) } @ids;
}

# The accounts that the options name for a service that is on record elsewhere.
sub _named_for {
    my ($self, $service) = @_;
    return if !$service->{records};
    my $services = $self->{services};
    my %named;
    foreach my $export (@{$self->{exports}{$service->{svcpart}}}) {
        my $id    = $services->account_of($service, $export->{exportnum});
        my $named = $services->configured_account_of($service, $export->{exportnum});
        if ($named ne '' && lc $named ne lc $id) { $named{$named} = 1 }
    }
    return keys %named;
}

# One account, as it is now.
sub account {
    my ($self, $id) = @_;
    my %accounts;
    $self->_take_in_whole(\%accounts, lc $id);
    return $accounts{lc $id} ? _told($accounts{lc $id}) : _empty($id);
}

# The accounts of some services in no package, then those of some customers, and
# so on, until the code returns false.
sub _each_batch {
    my ($self, $code) = @_;
    my $records = $self->{records};
    $code->($self->{services}->among('SELECT cust_svc.svcnum FROM cust_svc WHERE cust_svc.pkgnum IS NULL'))
        or return;
    my $from = 0;
    while (1) {
        my ($row) = $records->rows( <<"END", $from);
SELECT MAX( batch.custnum ) AS custnum
  FROM ( SELECT custnum FROM cust_main WHERE custnum > ? ORDER BY custnum LIMIT $self->{at_once} ) AS batch
END
        my $until = $row->{custnum} or return;
        my @services =
            $self->{services}
            ->among(_of_customers('cust_pkg.custnum > ? AND cust_pkg.custnum <= ?'), $from, $until);
        $code->(@services) or return;
        $from = $until;
    }
    return;
}

sub _of_customers {
    my ($condition) = @_;
    return 'SELECT cust_svc.svcnum FROM cust_pkg JOIN cust_svc ON cust_svc.pkgnum = cust_pkg.pkgnum'
        . " WHERE $condition";
}

# The accounts are read anew, with the services of whoever has some there.
sub _take_in_whole {
    my ($self, $accounts, @ids) = @_;
    delete @{$accounts}{@ids};
    my (%whole, %wanted);
    @wanted{@ids} = ();
    $self->_sort_in(\%whole, $self->{services}->that_may_be_on(@ids));
    foreach my $id (grep { exists $wanted{$_} } keys %whole) {
        $accounts->{$id} = $whole{$id}
    }
    return;
}

# Puts services to their accounts, once for each of their exports.
sub _sort_in {
    my ($self, $accounts, @services) = @_;
    my $records  = $self->{records};
    my $services = $self->{services};
    foreach my $service (@services) {
        foreach my $export (@{$self->{exports}{$service->{svcpart}}}) {
            my $exportnum = $export->{exportnum};
            my $id        = $services->account_of($service, $exportnum);
            next if $id eq '';
            my $account = $accounts->{lc $id} ||= {id => $id, services => [], custnums => {}};
            my $custnum = $service->{custnum};
            $account->{custnums}{$custnum} = 1;
            my %told = (
                svcnum     => $service->{svcnum},
                customer   => $custnum,
                username   => $records->text($service->{username}),
                domain     => $records->text($service->{domain}),
                finger     => $records->text($service->{finger}),
                package    => $export->{package},
                suspended  => $service->{susp} ? 1 : 0,
                no_suspend => $records->exports->{$exportnum}{no_suspend},
            );
            if ($custnum) {
                @told{qw(first_name last_name)} = map { $records->text($service->{$_}) } qw(first last);
            }
            if ($service->{records} && $custnum) {
                $told{configured_id} = $services->configured_account_of($service, $exportnum);
            }
            push @{$account->{services}}, \%told;
        }
    }
    return;
}

# The accounts of one service, each once, in lower case.
sub _accounts_of {
    my ($self, $service) = @_;
    my $services = $self->{services};
    my %ids;
    foreach my $export (@{$self->{exports}{$service->{svcpart}}}) {
        $ids{lc $services->account_of($service, $export->{exportnum})} = 1;
    }
    foreach my $named ($self->_named_for($service)) { $self->{named}{lc $named} = $named }
    delete $ids{''};
    return keys %ids;
}

sub _empty {
    my ($id) = @_;
    return {id => $id, services => []};
}

sub _told {
    my ($account) = @_;
    return {id => $account->{id}, services => $account->{services}};
}

1;
