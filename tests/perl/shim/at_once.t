#!/usr/bin/perl

# Several processes at work on one customer at the same moment, as in a web server:
# whatever their order, there is one master with the right packages, every mailbox,
# and nothing else. On SQLite whole transactions run one by one; on PostgreSQL it is
# the lock of the customer's row that makes the hooks take turns.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use FS::Record       qw( qsearch qsearchs );
use ISP::Transaction qw( in_transaction );
use FS::UID          qw( driver_name );
use ISP;
use Simulator;

## no critic (ProhibitPackageVars): Freeside's

my $ROUNDS     = 50;
my $LONGEST    = 180;
my $ADDITIONAL = 'ADDITIONAL NOCOST MAILBOX';
my %PACKAGE    = (Mailbox => 'EMAIL', Plus => 'PLUS');

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my $isp       = ISP->open;
for my $definition (sort keys %PACKAGE) {
    $isp->magicmail(
        $magicmail,
        options     => {package => $PACKAGE{$definition}, autopurge => 1},
        definitions => [$definition]
    );
}
$isp->domain('example.org');

# Otherwise Freeside locks the whole table of accounts, and nobody meets anybody.
$FS::svc_acct::global_unique = 'disabled';

my $number = 0;

sub named {
    my ($definition) = @_;
    $number++;
    return (username => "user$number", finger => "User $number", definition => $definition);
}

# Each returns a piece of work: code that returns Freeside's text or ''.
sub provision {
    my ($customer, $definition) = @_;
    my $svc = $isp->mailbox($customer, named($definition));
    return sub { return $svc->insert };
}

# Package and mailbox in one transaction, as an order is.
sub order {
    my ($customer, $definition) = @_;
    my %named = named($definition);
    return sub {
        return in_transaction(sub { return $isp->mailbox($customer, %named)->insert });
    };
}

sub unprovision {
    my ($svc) = @_;
    return sub { return $svc->delete };
}

sub change {
    my ($svc, %column) = @_;
    return sub { return $isp->change($svc, %column) };
}

sub has {
    my ($customer, @definitions) = @_;
    return map { $isp->provisioned($customer, named($_)) } @definitions;
}

# What may happen to a customer at once: each kind of work beside each other one.
my @SITUATIONS = (
    sub {
        my ($customer) = @_;
        my @old = has($customer, qw( Mailbox Plus Mailbox Mailbox ));
        return (
            unprovision($old[0]),
            provision($customer, 'Mailbox'),
            unprovision($old[1]),
            order($customer, 'Plus'),
            change($old[2], finger => 'Another Name'),
            order($customer, 'Mailbox'),
            change($old[3], domain => 'example.org'),
            provision($customer, 'Plus'),
        );
    },
    sub {
        my ($customer) = @_;
        return map { (provision($customer, 'Mailbox'), order($customer, 'Plus')) } 1 .. 4;
    },
    sub {
        my ($customer) = @_;
        my @old = has($customer, ('Mailbox', 'Plus') x 4);
        return map { unprovision($_) } @old;
    },

    # Some of the account's mailboxes stand under another customer by now.
    sub {
        my ($customer) = @_;
        my @old        = has($customer, qw( Mailbox Plus Mailbox Mailbox ));
        my $other      = $isp->customer;
        for my $svc (@old[1, 2]) { $svc->cust_svc->cust_pkg->change({cust_main => $other}) }
        return (
            unprovision($isp->fresh($old[1])),
            provision($customer, 'Plus'),
            change($old[2], finger => 'Another Name'),
            unprovision($old[0]),
            order($customer, 'Mailbox'),
            change($old[3], domain => 'example.org'),
            provision($customer, 'Mailbox'),
            order($customer, 'Plus'),
        );
    },
);

# So many pieces of a situation's work, other ones in each round.
sub chosen {
    my ($round, $count, @work) = @_;
    my $first = $round % @work;
    my $step  = $count == @work ? 1 : 1 + $round % (@work - 1);
    return map { $work[($first + $_ * $step) % @work] } 0 .. $count - 1;
}

# What the mailboxes of a customer's account are, as Freeside has it and as MagicMail
# has it.
sub wanted_and_there {
    my ($customer) = @_;
    my $id         = 'FREESIDE' . $customer->custnum;
    my $state      = $magicmail->state;
    my %users      = map { $_ => $state->{users}{$_} }
        grep { $state->{users}{$_}{account} eq $id } keys %{$state->{users}};
    my %there = map { $_ => join q{ }, @{$users{$_}}{qw( status first_name last_name )} } keys %users;
    my ($master, @more) = grep { $users{$_}{master_user} eq 'Y' } sort keys %users;
    for my $address (keys %{$state->{addresses}}) {
        if ($users{$state->{addresses}{$address}}) { $there{$address} = $state->{addresses}{$address} }
    }
    my (%wanted, %packages);
    for my $svc (map { qsearchs('svc_acct', {svcnum => $_->svcnum}) }
        qsearch('export_cust_svc', {remoteid => $id}))
    {
        $wanted{$svc->username}                  = 'active ' . $svc->finger;
        $wanted{$svc->email}                     = $svc->username;
        $packages{$PACKAGE{$svc->part_svc->svc}} = 1;
    }
    for my $name (keys %users) {
        $there{"packages of $name"}  = join ', ', sort @{$users{$name}{packages}};
        $wanted{"packages of $name"} = $name eq $master ? join ', ', sort keys %packages : $ADDITIONAL;
    }
    $there{masters}  = grep { defined } $master, @more;
    $wanted{masters} = %packages               ? 1                               : 0;
    $there{account}  = $state->{accounts}{$id} ? $state->{accounts}{$id}{status} : 'none';
    $wanted{account} = %packages               ? 'active'                        : 'none';
    return (\%wanted, \%there);
}

# One round; the texts of the hooks that failed, and what differs afterwards.
sub one_round {
    my ($round, $count) = @_;
    my $customer = $isp->customer;
    my $work     = $SITUATIONS[$round % @SITUATIONS];
    my @texts    = $isp->at_once($LONGEST, chosen(int($round / @SITUATIONS), $count, $work->($customer)));
    my ($wanted, $there) = wanted_and_there($customer);
    my %keys  = map { $_ => 1 } keys %{$wanted}, keys %{$there};
    my $shown = sub { return defined $_[0] ? $_[0] : 'nothing' };
    return (
        grep { $_ ne q{} } @texts,
        map  { "$_: " . $shown->($there->{$_}) . ', wanted ' . $shown->($wanted->{$_}) }
        grep { $shown->($there->{$_}) ne $shown->($wanted->{$_}) } sort keys %keys
    );
}

sub rounds {
    my ($count) = @_;
    local $SIG{__WARN__} = sub { };
    my @wrong;
    for my $round (1 .. $ROUNDS) {
        push @wrong, map { "round $round: $_" } one_round($round, $count);
    }
    return @wrong;
}

for my $count (2, 8) {
    subtest "on one customer $count processes at once, $ROUNDS rounds" => sub {
        is join("\n", rounds($count)), q{}, 'each succeeds, and the customer is as Freeside has him';
        $magicmail->reset;
    };
}

# So that nobody takes this for a test that could not fail. Each answer takes a
# while, so that they meet.
subtest 'without the lock of the account they would get in the way of one another' => sub {
    if (driver_name() ne 'Pg') { plan skip_all => 'SQLite runs transactions one by one' }
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Locks::take = sub { return };
    local $SIG{__WARN__} = sub { };
    $magicmail->modes(latency_ms => 20);
    my ($round, @wrong) = 0;
    while (!@wrong && $round < $ROUNDS) { @wrong = one_round(++$round, 8) }
    ok @wrong > 0, "round $round shows it";
    note join "\n", @wrong;
};

done_testing;
