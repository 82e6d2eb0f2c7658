package Bench::Hooks;

# The hooks that are measured: what each is about, for customers of which sizes,
# what it may cost, and how to make Freeside call it.
#
# A size is how many services the customer has before the hook.

use strict;
use warnings;

use FS::svc_acct;

my @GROWING = (1, 5, 50, 500, 5_000);
my @OF_TWO  = (2, 5, 50, 500, 5_000);

# requests and chain are the targets: at most so many requests, in so many round
# trips; undef where nothing was promised. The list of a large account is not read:
# when its master goes, that user's packages and the oldest other user are read
# instead, in one request and one round trip more. holding is the definition of the
# services that the customer has.
my $LARGE = 50;
my @HOOKS = (
    {
        key      => 'new',
        name     => 'first mailbox of a new customer',
        sizes    => [0],
        requests => 6,
        chain    => 4,
        call     => sub { return _insert(@_, 'Mailbox') },
    },
    {
        key      => 'second',
        name     => 'one more mailbox',
        sizes    => \@GROWING,
        requests => 6,
        chain    => 3,
        call     => sub { return _insert(@_, 'Mailbox') },
    },
    {
        key      => 'other',
        name     => 'one more, of another package',
        sizes    => \@GROWING,
        requests => 7,
        chain    => 4,
        call     => sub { return _insert(@_, 'Premium') },
    },
    {
        key      => 'password',
        name     => 'change of password',
        sizes    => \@GROWING,
        requests => 2,
        chain    => 2,
        call     => sub { return _change(@_, _password => 'another12') },
    },
    {
        key   => 'domain',
        name  => 'change of domain',
        sizes => [1],
        call  => sub {
            my ($place, @which) = @_;
            my $domsvc = $place->isp->domain('example.com')->svcnum;
            return _change($place, @which, domsvc => $domsvc);
        },
    },
    {
        key      => 'suspend',
        name     => 'suspend',
        sizes    => \@GROWING,
        requests => 2,
        chain    => 2,
        call     => sub {
            my ($svc) = _newest(@_);
            return sub { $svc->suspend }
        },
    },
    {
        key      => 'unsuspend',
        name     => 'unsuspend',
        sizes    => [1],
        status   => 'suspended',
        requests => 2,
        chain    => 2,
        call     => sub {
            my ($svc) = _newest(@_);
            return sub { $svc->unsuspend }
        },
    },
    {
        key      => 'additional',
        name     => 'unprovision, additional',
        sizes    => \@OF_TWO,
        requests => 5,
        chain    => 3,
        call     => sub {
            my ($svc) = _newest(@_);
            return sub { $svc->delete }
        },
    },
    {
        key           => 'master',
        name          => 'unprovision, master',
        sizes         => \@OF_TWO,
        requests      => 8,
        asks_if_large => 1,
        chain         => 5,
        call          => sub {
            my ($svc) = _oldest(@_);
            return sub { $svc->delete }
        },
    },
    {
        key      => 'last',
        name     => 'unprovision, last',
        sizes    => [1],
        requests => 5,
        chain    => 3,
        call     => sub {
            my ($svc) = _oldest(@_);
            return sub { $svc->delete }
        },
    },
    {
        key     => 'master_purge',
        name    => 'unprovision, master, autopurge',
        sizes   => [2],
        holding => 'Purged',
        call    => sub {
            my ($svc) = _oldest(@_);
            return sub { $svc->delete }
        },
    },
    {
        key      => 'last_purge',
        name     => 'unprovision, last, autopurge',
        sizes    => [1],
        holding  => 'Purged',
        requests => 10,
        chain    => 6,
        call     => sub {
            my ($svc) = _oldest(@_);
            return sub { $svc->delete }
        },
    },
);

sub all { return @HOOKS }

# Those whose speed beside the plain client was promised.
sub promised {
    return map { named($_) } qw( new second master )
}

sub named {
    my ($key)  = @_;
    my ($hook) = grep { $_->{key} eq $key } @HOOKS;
    return $hook;
}

# The most requests that the hook may send, for a customer of that size.
sub most_requests {
    my ($hook, $size) = @_;
    return $hook->{requests} + ($size >= $LARGE && $hook->{asks_if_large} ? 1 : 0);
}

sub holding {
    my ($hook) = @_;
    return $hook->{holding} || 'Mailbox';
}

sub _insert {
    my ($place, $client, $customer, $definition) = @_;
    my %column = (
        username   => "newcomer-$customer->{custnum}",
        finger     => 'New Comer',
        definition => $place->definition($client, $definition),
    );
    return sub {
        return $place->isp->mailbox($customer->{package}, %column)->insert;
    };
}

sub _change {
    my ($place, $client, $customer, %column) = @_;
    my ($old) = _newest($place, $client, $customer);
    my $svcpart = $old->cust_svc->svcpart;
    return sub {
        my $new = FS::svc_acct->new({$old->hash, svcpart => $svcpart, %column});
        return $new->replace($old);
    };
}

sub _oldest {
    my ($place, $client, $customer) = @_;
    return $place->service($customer->{first});
}

sub _newest {
    my ($place, $client, $customer) = @_;
    return $place->service($customer->{last});
}

1;
