package Bench::Run;

# The whole measurement, within a time: what matters most comes first, and what
# there is no time for is left out and said to be.

use strict;
use warnings;

use Time::HiRes qw( time );

use Bench::Hooks;
use Bench::Inside;
use Bench::Place;
use Bench::Sample;
use Bench::Stopwatch;

# Of the customers of this size the plain client is not asked: its lists grow
# with them, which is known.
my $ONLY_NATIVE = 5_000;

# At more than this only the least and the most of the others are: it shows
# nothing more, and takes very long.
my $MOST_LATENCY = 20;
my $MOST         = 500;

my %FULL = (
    latencies => [20, 0, 5, 100],
    sizes     => [0,  1, 2, 5, 50, 500, 5_000],
    times     => {0 => 21, 5 => 15, 20 => 11, 100 => 9},
    slow      => [20],
    hooks     => 1_000,
    others    => 20_000,
    seconds   => 1_500,
);
my %QUICK = (
    latencies => [20, 0],
    sizes     => [0,  1, 2, 5, 500, 5_000],
    times     => {0 => 5, 20 => 3},
    slow      => [20],
    hooks     => 100,
    others    => 2_000,
    seconds   => 120,
);

# is_quick: the short form; progress: code that is told what is measured now.
sub measure {
    my (%option) = @_;
    my $scope    = $option{is_quick} ? \%QUICK : \%FULL;
    my $place    = Bench::Place->open;
    Bench::Stopwatch::attach(map { "FS::part_export::$_" } qw( magicmail plainmail ));
    my $results = {is_quick => $option{is_quick}, scope => $scope, started => time};
    my $self    = bless {
        place    => $place,
        scope    => $scope,
        results  => $results,
        progress => $option{progress},
        until    => time + $scope->{seconds}
        },
        __PACKAGE__;
    my ($at_once, $soon, @others) = $self->_parts;
    $self->_part($at_once);
    $self->_part($soon);
    $self->_own_ca;
    $self->_inside;
    $self->_slow_server;
    $self->_tell("memory after $scope->{hooks}0 hooks");
    $place->away(0);
    $results->{memory} = Bench::Inside::memory($place, $scope->{hooks});
    $self->_part($_) foreach @others;
    $self->_crowded;
    $results->{seconds} = time - $results->{started};
    return $results;
}

sub _tell {
    my ($self, $what) = @_;
    $self->{progress}->($what);
    return;
}

sub _inside {
    my ($self) = @_;
    my ($place, $results) = @{$self}{qw( place results )};
    $self->_tell('loading, and the boundary');
    $results->{loading}  = Bench::Inside::loading();
    $results->{module}   = Bench::Inside::module();
    $results->{boundary} = Bench::Inside::boundary($place);
    $results->{size}     = Bench::Inside::library_size();
    $results->{cas}      = Bench::Inside::reading_cas($place);
    $results->{trusted}  = $place->trusted;
    $self->_tell('SQL statements');

    foreach my $hook (Bench::Hooks::all()) {
        my ($few, @more) = @{$hook->{sizes}};
        my @sizes = ($few, grep { $_ == 500 } @more);
        $results->{statements}{$hook->{key}} =
            {map { $_ => Bench::Sample::statements($place, $hook, 'native', $_) } @sizes};
    }
    $self->_tell('first hook of a process');
    foreach my $latency (0, 20) {
        $results->{first}{$latency} = Bench::Sample::first_of_process($place, Bench::Hooks::named('new'),
            $latency, $self->{scope}{times}{$latency});
    }
    return;
}

# Once more with a CA of one's own: the plain client reads one certificate for
# each connection then, instead of all that the system trusts.
sub _own_ca {
    my ($self) = @_;
    my $place = $self->{place};
    $place->away(0);
    $place->trusting($place->simulator->ca_file);
    foreach my $hook (Bench::Hooks::promised()) {
        $self->_tell("$hook->{name}, a CA of one's own");
        $self->{results}{own_ca}{$hook->{key}} =
            Bench::Sample::cell(%{$self->_of($hook, $hook->{sizes}[0], 0)});
    }
    $place->trusting(undef);
    return;
}

# Once more with a server that is near and takes its time: a new connection
# then costs the plain client the reading of the CAs, and next to nothing else.
sub _slow_server {
    my ($self) = @_;
    my ($place, $scope) = @{$self}{qw( place scope )};
    $place->away(0);
    foreach my $latency (@{$scope->{slow}}) {
        foreach my $hook (Bench::Hooks::promised()) {
            $self->_tell("$hook->{name}, answers after $latency ms");
            $self->{results}{slow}{$hook->{key}}{$latency} =
                Bench::Sample::cell(%{$self->_of($hook, $hook->{sizes}[0], $latency)}, is_server_slow => 1);
        }
    }
    return;
}

# Whether a hook costs more where the database is full of other customers'
# mailboxes; last of all, for they stay in it.
sub _crowded {
    my ($self) = @_;
    my ($place, $scope) = @{$self}{qw( place scope )};
    my $hook   = Bench::Hooks::named('second');
    my %sample = (%{$self->_of($hook, 1, 0)}, clients => ['native']);
    $place->away(0);
    my $before = Bench::Sample::cell(%sample);
    $self->_tell("$hook->{name}, $scope->{others} mailboxes of others");
    $place->customer('native', 'Mailbox', $scope->{others});
    $self->{results}{crowded} = {
        others => $scope->{others},
        before => $before->{native}{median},
        after  => Bench::Sample::cell(%sample)->{native}{median}
    };
    return;
}

# What is measured of the hooks, in this order: [ latency, whether it is the
# larger customers ].
sub _parts {
    my ($self)  = @_;
    my $scope   = $self->{scope};
    my @smaller = map { [$_, 0] } @{$scope->{latencies}};
    my @larger  = map { [$_, 1] } @{$scope->{latencies}};
    return (@smaller, @larger);
}

sub _part {
    my ($self,    $part)      = @_;
    my ($latency, $is_larger) = @{$part};
    $self->{place}->away($latency);
    foreach my $hook (Bench::Hooks::all()) {
        my ($few, @more) = _sizes($self->{scope}, $hook);
        foreach my $size ($is_larger ? @more : $few) {
            next if $is_larger && $latency > $MOST_LATENCY && $size != $MOST;
            $self->_cell($hook, $size, $latency);
        }
    }
    return;
}

sub _sizes {
    my ($scope, $hook) = @_;
    my %is_wanted = map { $_ => 1 } @{$scope->{sizes}};
    return grep { $is_wanted{$_} } @{$hook->{sizes}};
}

sub _cell {
    my ($self, $hook, $size, $latency) = @_;
    if (time > $self->{until}) {
        push @{$self->{results}{left_out}}, "$hook->{name}, $size services, $latency ms";
        return;
    }
    $self->_tell("$hook->{name}, $size services, $latency ms");
    $self->{results}{cells}{$hook->{key}}{$size}{$latency} =
        Bench::Sample::cell(%{$self->_of($hook, $size, $latency)});
    return;
}

sub _of {
    my ($self, $hook, $size, $latency) = @_;
    return {
        place   => $self->{place},
        hook    => $hook,
        size    => $size,
        latency => $latency,
        times   => $self->{scope}{times}{$latency},
        $size == $ONLY_NATIVE ? (clients => ['native']) : (),
    };
}

1;
