package Bench::Sample;

# Takes samples of one hook, of a customer of one size, at one latency: the two
# clients in turns, so that whatever else the machine does meets both alike.

use strict;
use warnings;

use List::Util qw( max min sum );

use Bench::Hooks;
use Bench::Stopwatch;
use FS::Record qw( dbh );
use FS::part_export::magicmail::Library;
use Statements;

my @CLIENTS = qw( native plain );

# A cell of the table, { CLIENT => { walls, requests, connections, ... } }: of
# place, hook, size, latency (how far the place is away, or how slow the server
# is), times, and clients, by default both.
sub cell {
    my (%of)    = @_;
    my $place   = $of{place};
    my @clients = @{$of{clients} || \@CLIENTS};
    my (%cell, %customer);
    $place->simulator->modes(latency_ms => $of{is_server_slow} ? $of{latency} : 0);
    foreach my $client (@clients) {
        $customer{$client} =
            $place->customer($client, Bench::Hooks::holding($of{hook}), $of{size}, $of{hook}{status});
    }

    # The first one of each opens connections, and is not counted.
    foreach my $turn (0 .. $of{times}) {
        foreach my $client (@clients) {
            my $sample = one($place, $of{hook}, $client, $customer{$client});
            push @{$cell{$client}}, $sample if $turn;
        }
    }
    return {map { $_ => _summary($of{latency}, @{$cell{$_}}) } @clients};
}

# One call of a hook.
sub one {
    my ($place, $hook, $client, $customer) = @_;
    my $simulator = $place->simulator;
    $place->put($customer);
    my $before = $simulator->connections;
    my $call   = $hook->{call}->($place, $client, $customer);
    $place->and_back($call);
    my $after = $simulator->connections;
    return {
        wall        => Bench::Stopwatch::wall(),
        processor   => Bench::Stopwatch::processor(),
        requests    => $after->{requests} - $before->{requests},
        connections => $after->{opened} - $before->{opened},
        moments     => [map { $_->{at_ms} } $simulator->log],
    };
}

# The same by the export's first hook in a process: nothing is kept yet.
sub first_of_process {
    my ($place, $hook, $latency, $times) = @_;
    $place->simulator->modes(latency_ms => 0);
    $place->away($latency);
    my $customer = $place->customer('native', 'Mailbox', $hook->{sizes}[0]);
    my $export   = $place->export('native', 'Mailbox');
    my @samples;
    foreach (1 .. $times) {
        my ($library) = $export->magic_library(machine => $export->machine);
        $library->forget;
        push @samples, one($place, $hook, 'native', $customer);
    }
    return _summary($latency, @samples);
}

# The SQL statements of one call of a hook.
sub statements {
    my ($place, $hook, $client, $size) = @_;
    my $customer = $place->customer($client, Bench::Hooks::holding($hook), $size, $hook->{status});
    $place->put($customer);
    my $call = $hook->{call}->($place, $client, $customer);
    Statements->watch(dbh);
    my @statements = Statements->of_hooks_during(sub { $place->and_back($call); return });
    Statements->unwatch(dbh);
    return scalar @statements;
}

sub _summary {
    my ($latency, @samples) = @_;
    my @walls      = sort { $a <=> $b } map { $_->{wall} } @samples;
    my @processors = sort { $a <=> $b } map { $_->{processor} } @samples;
    return {
        times       => scalar @samples,
        min         => $walls[0],
        median      => median(@walls),
        max         => $walls[-1],
        processor   => median(@processors),
        requests    => max(map { $_->{requests} } @samples),
        connections => max(map { $_->{connections} } @samples),
        rounds      => min(map { rounds($latency, @{$_->{moments}}) } @samples),
    };
}

# How many times as fast as the plain client, in a cell of both.
sub ratio {
    my ($cell) = @_;
    return $cell->{plain}{median} / $cell->{native}{median};
}

sub median {
    my @values = @_;
    my @sorted = sort { $a <=> $b } @values;
    my $middle = @sorted / 2;
    return @sorted % 2
        ? $sorted[$middle]
        : ($sorted[$middle - 1] + $sorted[$middle]) / 2;
}

# In how many rounds requests came, by the moments at which they came: one that
# came before the round's first answer can have left waited for none of it.
sub rounds {
    my ($latency, @moments) = @_;
    my ($rounds,  $until)   = (0, -1);
    foreach my $moment (sort { $a <=> $b } @moments) {
        next if $moment < $until;
        $rounds++;
        $until = $moment + $latency;
    }
    return $rounds;
}

1;
