package Drift;

# A provider whose Freeside and MagicMail differ in every way there is, each at a
# customer of its own; one customer is in order.
#
#     my $drift = Drift->new;
#     is_deeply [ keys_of(...) ], [ $drift->keys ];

use strict;
use warnings;

use FS::Record qw( dbh );
use ISP;
use Simulator;

my $ADDITIONAL = 'ADDITIONAL NOCOST MAILBOX';

# Kind => what brings it about, for the services of one customer (the second is
# an additional user) and the server's state; in the order of the customers.
my @KINDS = (
    no_mailbox => sub {
        my ($state, $first, $other) = @_;
        my $name = $other->username;
        delete $state->{users}{$name};
        delete $state->{addresses}{"$name\@example.net"};
        return $other->svcnum;
    },
    suspended => sub {
        my ($state, $first) = @_;
        $state->{users}{$first->username}{status} = 'suspended';
        return $first->svcnum;
    },
    not_suspended => sub {
        my ($state, $first) = @_;
        dbh->do('UPDATE cust_pkg SET susp = 1 WHERE pkgnum = ?', {}, $first->cust_svc->pkgnum);
        return $first->svcnum;
    },
    deleted => sub {
        my ($state, $first, $other) = @_;
        $state->{users}{$other->username}{status} = 'deleted';
        return $other->svcnum;
    },
    other_account => sub {
        my ($state, $first, $other) = @_;
        $state->{users}{$other->username}{account} = 'OTHER1';
        return $other->svcnum;
    },
    no_master => sub {
        my ($state, $first) = @_;
        my $user = $state->{users}{$first->username};
        @{$user}{qw( master_user packages )} = ('N', [$ADDITIONAL]);
        return $user->{account};
    },
    wrong_master => sub {
        my ($state, $first) = @_;
        my $svcnum = $first->svcnum;
        dbh->do("DELETE FROM $_ WHERE svcnum = ?", {}, $svcnum) for qw( export_cust_svc svc_acct cust_svc );
        my $name = $first->username;
        return ($state->{users}{$name}{account}, "orphan_user/$state->{users}{$name}{account}/\U$name");
    },
    two_masters => sub {
        my ($state, $first, $other) = @_;
        $state->{users}{$other->username}{master_user} = 'Y';
        return $state->{users}{$other->username}{account};
    },
    package_missing => sub {
        my ($state, $first) = @_;
        $state->{users}{$first->username}{packages} = [];
        return "$state->{users}{$first->username}{account}/EMAIL";
    },
    package_extra => sub {
        my ($state, $first) = @_;
        $state->{users}{$first->username}{packages} = ['EMAIL', 'GOLD'];
        return "$state->{users}{$first->username}{account}/GOLD";
    },
    additional_packages => sub {
        my ($state, $first, $other) = @_;
        $state->{users}{$other->username}{packages} = [$ADDITIONAL, 'GOLD'];
        return $other->svcnum;
    },
    address_missing => sub {
        my ($state, $first) = @_;
        delete $state->{addresses}{$first->username . '@example.net'};
        return $first->svcnum;
    },
    address_old => sub {
        my ($state, $first) = @_;
        $state->{addresses}{$first->username . '@example.org'} = $first->username;
        return $first->svcnum . '/example.org';
    },
    account_suspended => sub {
        my ($state, $first) = @_;
        my $account = $state->{users}{$first->username}{account};
        $state->{accounts}{$account}{status} = 'suspended';
        return $account;
    },
    account_deleted => sub {
        my ($state, $first) = @_;
        my $account = $state->{users}{$first->username}{account};
        $state->{accounts}{$account}{status} = 'deleted';
        return $account;
    },
    user_name => sub {
        my ($state, $first, $other) = @_;
        $state->{users}{$other->username}{first_name} = 'Somebody';
        return $other->svcnum;
    },
    account_name => sub {
        my ($state, $first) = @_;
        my $account = $state->{users}{$first->username}{account};
        $state->{accounts}{$account}{last_name} = 'Else';
        return $account;
    },
    orphan_user => sub {
        my ($state, $first, $other) = @_;
        my $user = $state->{users}{$other->username};
        $state->{users}{eve} = {%{$user}, packages => [$ADDITIONAL]};
        return "$user->{account}/EVE";
    },
    orphan_account => sub {
        my ($state, $first) = @_;
        my $account = $state->{users}{$first->username}{account};
        $state->{accounts}{FREESIDE999} = {%{$state->{accounts}{$account}}};
        return 'FREESIDE999';
    },
    nothing => sub { return },
);

# With all kinds, or those named. The simulator may be given; it is emptied.
sub new {
    my ($class, %more) = @_;
    my %wanted    = map { $_ => 1 } @{$more{kinds} || []};
    my $magicmail = $more{magicmail} || Simulator->start(domains => ['example.net', 'example.org']);
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail, options => {timeout => 5, %{$more{options} || {}}});
    my $self   = bless {magicmail => $magicmail, isp => $isp, export => $export, keys => []}, $class;
    my @kinds  = grep { !$more{kinds} || $wanted{$KINDS[$_]} } grep { !($_ % 2) } 0 .. $#KINDS;
    my @pairs  = map  { [@KINDS[$_, $_ + 1], $self->_customer("u$_")] } @kinds;
    my $state  = $magicmail->state;
    $state->{accounts}{OTHER1} = {first_name => 'O', last_name => 'T', status => 'active'};

    foreach my $pair (@pairs) {
        my ($kind, $spoil, @services) = @{$pair};
        my ($what, @more) = $spoil->($state, @services);
        push @{$self->{keys}}, defined $what ? "$kind/$what" : (), @more;
    }
    dbh->commit;
    $magicmail->set_state($state);
    $magicmail->clear_log;
    return $self;
}

sub _customer {
    my ($self, $name) = @_;
    my $isp      = $self->{isp};
    my $customer = $isp->customer(first => 'Some', last => "Body $name");
    return map { $isp->provisioned($customer, username => "$name$_") } qw( a b );
}

sub magicmail { my ($self) = @_; return $self->{magicmail} }
sub isp       { my ($self) = @_; return $self->{isp} }
sub export    { my ($self) = @_; return $self->{export} }

# The keys of all findings that there should be, sorted.
sub keys {    ## no critic (ProhibitBuiltinHomonyms): an apt name
    my ($self) = @_;
    my @keys = sort @{$self->{keys}};
    return @keys;
}

1;
