#!/usr/bin/perl

# What a hook costs on the wire: at most so many requests, in so many round
# trips, on connections that are kept, and no more of them for a customer of
# hundreds of mailboxes than for one of a few.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;

use FS::Record qw( qsearchs );
use ISP;
use Simulator;
use Statements;

# Long enough that requests which leave together come together.
my $LATENCY = 150;

# A machine that is too busy for that has another chance.
my $MOST_TRIES = 3;

# From so many other services on an account is large.
my $LARGE = 50;

my $magicmail = Simulator->start(domains => [qw( example.net example.com )]);
my $isp       = ISP->open;
my $export    = $isp->magicmail($magicmail);
$isp->magicmail(
    $magicmail,
    options     => {package => 'PREMIUM'},
    definitions => ['Premium']
);
$isp->magicmail(
    $magicmail,
    options     => {autopurge => 1},
    definitions => ['Purged']
);

my $count = 0;

# A customer's package with so many mailboxes, by their real hooks; the services.
sub customer_of {
    my ($mailboxes, %column) = @_;
    my $package = $isp->package($isp->customer);
    my @services =
        map { $isp->provisioned($package, username => 'user' . ++$count, %column) } 1 .. $mailboxes;
    return ($package, @services);
}

# One more of a customer, as code.
sub one_more {
    my ($package, %column) = @_;
    my $svc = $isp->mailbox($package, username => 'user' . ++$count, %column);
    return sub { return $svc->insert };
}

# What the code sent, which must succeed.
sub sent {
    my ($code) = @_;
    $magicmail->clear_log;
    is $code->(), q{}, 'no error';
    return $magicmail->log;
}

# One that came before the answer to the round's first had left waited for none
# of the round.
sub rounds {
    my @requests = @_;
    my ($rounds, $answered) = (0, -1);
    foreach my $moment (sort { $a <=> $b } map { $_->{at_ms} } @requests) {
        next if $moment < $answered;
        $rounds++;
        $answered = $moment + $LATENCY;
    }
    return $rounds;
}

# Before anything else, for each export has connections of its own.
subtest 'connections_are_kept_across_hooks_and_never_more_than_four' => sub {
    my ($package, $master, $other) = customer_of(3);
    sent(sub { return $isp->change($other, domain => 'example.com') });
    cmp_ok $magicmail->connections->{opened}, '<=', 4, 'four are enough';
    sent(one_more($package));
    sent(sub { return $isp->change($other, domain => 'example.net') });
    sent(sub { return $master->delete });
    cmp_ok $magicmail->connections->{opened}, '<=', 4, 'and are kept for the next hooks';
    my ($library) = $export->magic_library(machine => $export->machine);
    my %question  = (account_id => 'FREESIDE1', user => $other->username, within => 10);
    my @answers   = qw( user account masters user_packages addresses );
    my ($seen)    = $library->call(inspect => {%question, only => \@answers});
    ok $seen, 'five questions at once are answered';
    cmp_ok $magicmail->connections->{opened}, '<=', 4, 'by four connections';
};

# Each prepares what it needs and returns the code that is to be measured.
my @HOOKS = (
    [
        a_new_customers_first_mailbox => 6,
        4, sub { my ($package) = customer_of(0); return one_more($package) }
    ],
    [
        a_second_mailbox => 6,
        3, sub { my ($package) = customer_of(1); return one_more($package) }
    ],
    [
        a_mailbox_of_another_package => 7,
        4, sub { my ($package) = customer_of(1); return one_more($package, definition => 'Premium') }
    ],
    [
        a_change_of_password => 2,
        2,
        sub {
            my (undef, $svc) = customer_of(1);
            return sub { return $isp->change($svc, _password => 'another12') }
        }
    ],
    [
        a_change_of_names => 2,
        2,
        sub {
            my (undef, $svc) = customer_of(1);
            return sub { return $isp->change($svc, finger => 'Jane Roe') }
        }
    ],
    [
        a_suspension => 2,
        2,
        sub {
            my (undef, $svc) = customer_of(1);
            return sub { return $svc->suspend }
        }
    ],
    [
        an_unsuspension => 2,
        2,
        sub {
            my (undef, $svc) = customer_of(1);
            $svc->suspend;
            return sub { return $svc->unsuspend }
        }
    ],
    [
        an_additional_user_unprovisioned => 5,
        3,
        sub {
            my (undef, undef, $svc) = customer_of(2);
            return sub { return $svc->delete }
        }
    ],
    [
        the_master_unprovisioned => 8,
        4,
        sub {
            my (undef, $svc) = customer_of(2);
            return sub { return $svc->delete }
        }
    ],
    [
        the_last_user_unprovisioned => 5,
        3,
        sub {
            my (undef, $svc) = customer_of(1);
            return sub { return $svc->delete }
        }
    ],
    [
        the_last_user_purged => 10,
        6,
        sub {
            my (undef, $svc) = customer_of(1, definition => 'Purged');
            return sub { return $svc->delete }
        }
    ],
);

foreach my $hook (@HOOKS) {
    my ($name, $most_requests, $most_rounds, $prepare) = @{$hook};
    subtest "$name\_costs_$most_requests\_requests_in_$most_rounds\_rounds" => sub {
        my (@requests, $rounds);
        for (1 .. $MOST_TRIES) {
            $magicmail->modes(latency_ms => 0);
            my $code = $prepare->();
            $magicmail->modes(latency_ms => $LATENCY);
            @requests = sent($code);
            $rounds   = rounds(@requests);
            last if $rounds <= $most_rounds;
        }
        cmp_ok scalar @requests, '<=', $most_requests, 'requests'
            or diag join "\n", map { "$_->{method} $_->{path}" } @requests;
        cmp_ok $rounds, '<=', $most_rounds, 'rounds'
            or diag join "\n", map { "$_->{at_ms} $_->{method} $_->{path}" } @requests;
    };
}

$magicmail->modes(latency_ms => 0);

subtest 'a_new_process_keeps_connections_of_its_own' => sub {
    my (undef, $svc) = customer_of(1);
    my $before = $magicmail->connections->{opened};
    my ($error) = $isp->at_once(30, sub { return $svc->suspend || $svc->unsuspend || $svc->suspend });
    is $error,                                      q{}, 'no error';
    is $magicmail->connections->{opened} - $before, 1,   'one for three hooks in a row';
    sent(sub { return $svc->unsuspend });
    is $magicmail->connections->{opened} - $before, 1, "the parent's own still serve";
};

# A customer of so many mailboxes, as rows and in the server.
sub large_customer {
    my ($size)   = @_;
    my $customer = $isp->customer;
    my $package  = $isp->package($customer);
    my $prefix   = 'crowd' . $customer->custnum . q{-};
    my @ends     = $isp->crowd($package, $size, name => $prefix);
    my $state    = $magicmail->state;
    my $account  = 'FREESIDE' . $customer->custnum;
    $state->{accounts}{$account} = {first_name => 'Ann', last_name => 'Lee', status => 'active'};

    foreach my $number (1 .. $size) {
        $state->{users}{"$prefix$number"} = {
            account     => $account,
            master_user => $number == 1 ? 'Y' : 'N',
            packages    => [$number == 1 ? 'EMAIL' : 'ADDITIONAL NOCOST MAILBOX'],
        };
        $state->{addresses}{"$prefix$number\@example.net"} = "$prefix$number";
    }
    $magicmail->set_state($state);
    my ($master, $additional) =
        map { qsearchs('svc_acct', {svcnum => $_}) } @ends;
    return ($package, $master, $additional);
}

sub lists_users {
    my @requests = @_;
    return grep { "$_->{method} $_->{path}" eq 'GET /user' } @requests;
}

subtest 'the_users_of_a_large_account_are_not_listed' => sub {
    my ($package, $master, $additional) = large_customer($LARGE + 10);
    my @hooks = (
        ['one more',       6, one_more($package)],
        ['a new password', 2, sub { return $isp->change($additional, _password => 'another12') }],
        ['an additional',  5, sub { return $additional->delete }],
        ['the master',     9, sub { return $master->delete }],
    );
    foreach my $hook (@hooks) {
        my ($name, $most_requests, $code) = @{$hook};
        my @requests = sent($code);
        is scalar lists_users(@requests), 0, "$name: no list"
            or diag join "\n", map { "$_->{method} $_->{path}" } @requests;
        cmp_ok scalar @requests, '<=', $most_requests, "$name: few requests";
    }
    my $heir = $master->username =~ s/1\z/2/xr;
    is $magicmail->user($master->username)->{status}, 'deleted', 'the master went';
    is $magicmail->user($heir)->{master_user},        'Y',       'and the oldest that was left became it';
};

subtest 'hundreds_of_mailboxes_cost_as_many_requests_and_statements_as_fifty' => sub {
    my @costs;
    foreach my $size ($LARGE + 1, 10 * $LARGE) {
        my ($package, $master, $additional) = large_customer($size);
        foreach
            my $code (one_more($package), sub { return $additional->delete }, sub { return $master->delete })
        {
            my @requests;
            my @statements = Statements->of_hooks_during(sub { @requests = sent($code) });
            push @{$costs[$size > $LARGE + 1]},
                scalar(@requests) . ' requests, ' . scalar(@statements) . ' statements';
        }
    }
    is_deeply $costs[1], $costs[0], 'one more, an additional, the master';
};

done_testing;
