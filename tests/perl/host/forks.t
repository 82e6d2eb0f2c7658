#!/usr/bin/perl

# A web server's parent that has used the library, and its children: each goes
# on with the handle that it inherited.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use HostProcess qw( child_gave child_runs );
use ISP;
use Simulator;

my $CHILDREN = 8;
my $ROUNDS   = 3;

# As many connections as a process may have at once.
my $LANES = 4;

my $magicmail = Simulator->start;

# A mailbox's life: what Freeside said that was not ''.
sub life {
    my ($isp, $number) = @_;
    my $customer = $isp->customer(custnum => 1000 + $number);
    my $svc      = $isp->mailbox($customer, username => "user$number");
    my @said     = $svc->insert;
    my $other    = $isp->mailbox($customer, username => "second$number");
    push @said, $other->insert;
    for (1 .. $ROUNDS) {
        push @said, $isp->change($svc, _password => "word$_");
        for my $pkg ($svc->cust_svc->cust_pkg) {
            push @said, $pkg->suspend, $isp->fresh($pkg)->unsuspend;
        }
    }
    push @said, $isp->fresh($other)->delete;
    return join "\n", grep { $_ } @said;
}

# The same in a child, which has a Freeside of its own, so that no lock of a
# database makes the children wait for each other; but the library is the one
# that was loaded before the fork.
sub child_lives {
    my ($number, $pointer) = @_;
    my $isp       = ISP->open;
    my $export    = $isp->magicmail($magicmail);
    my ($library) = $export->magic_library;
    return 'another handle' if $library->{pointer} != $pointer;
    return life($isp, $number);
}

sub life_of {
    my ($number, $pointer) = @_;
    return sub { return child_lives($number, $pointer) };
}

sub users_are {
    my (@numbers) = @_;
    my $users = $magicmail->state->{users};
    my %expected =
        map { ("user$_" => 'active', "second$_" => 'deleted') } @numbers;
    return is_deeply {
        map { $_ => $users->{$_}{status} } keys %{$users}
    }, \%expected, 'the server has everybody';
}

subtest 'the parent warms up, children work at once, the parent goes on' => sub {
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    is life($isp, 0), q{}, 'the parent, before';
    my ($library) = $export->magic_library;
    my $pointer   = $library->{pointer};
    my $opened    = $magicmail->connections->{opened};

    my @children =
        map { child_runs($_) } map { life_of($_, $pointer) } 1 .. $CHILDREN;
    is life($isp, 100),                              q{}, 'the parent, meanwhile';
    is child_gave($_, 60),                           q{}, 'a child' for @children;
    is $magicmail->connections->{handshakes_failed}, 0,   'no broken connection';
    cmp_ok $magicmail->connections->{opened}, '>=', $opened + $CHILDREN,
        'each child has connections of its own';
    cmp_ok $magicmail->connections->{opened}, '<=', $opened + ($CHILDREN + 1) * $LANES, 'and keeps them';

    $opened = $magicmail->connections->{opened};
    is life($isp, 101),                   q{},     'the parent, after the children are gone';
    is $magicmail->connections->{opened}, $opened, 'on the connections that it had';
    users_are(0 .. $CHILDREN, 100, 101);
};

subtest 'children of one Freeside' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    is life($isp, 0), q{}, 'the parent, before';
    my $life_of = sub {
        my ($number) = @_;
        return sub { return life($isp, $number) };
    };
    my @said = $isp->at_once(60, map { $life_of->($_) } 1 .. $CHILDREN);
    is_deeply \@said, [(q{}) x $CHILDREN], 'the children';
    is life($isp, 100), q{}, 'the parent, afterwards';
    users_are(0 .. $CHILDREN, 100);
};

subtest 'a grandchild' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    is life($isp, 0), q{}, 'the parent';
    my ($library) = $export->magic_library;
    my $pointer   = $library->{pointer};
    my $child     = child_runs(
        sub {
            my $said       = child_lives(1, $pointer);
            my $grandchild = child_runs(sub { child_lives(2, $pointer) });
            return join q{}, $said, child_gave($grandchild, 30), child_lives(3, $pointer);
        }
    );
    is child_gave($child, 60), q{}, 'child and grandchild';
    is life($isp, 4),          q{}, 'the parent';
    users_are(0 .. 4);
};

done_testing;
