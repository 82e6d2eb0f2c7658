package Bench::Verdict;

# What was promised, and whether it was kept: each promise a line that begins
# with ok or MISSED, with its figures.

use strict;
use warnings;

use List::Util qw( max );

use Bench::Hooks;
use Bench::Sample;

my $AT = 20;

# How much faster than the plain way, at 20 ms and at 0.
my %FASTER = (new => [3, 8], second => [3.5, 8], master => [3.5, 8]);

# The time of a hook: so many times its chain of answers, and so many ms more.
my ($LIMIT_FACTOR, $LIMIT_MORE) = (1.25, 5);

# Of what a customer of five costs.
my %GROWTH = (500 => 1.3, 5_000 => 2);

# Kilobytes that the second nine tenths of many hooks may add.
my $FLAT = 1_024;

# Milliseconds more than an empty export that Freeside may take to load ours.
my $LOADING = 20;

# All lines, from the results of Bench::Run.
sub lines {
    my ($results) = @_;
    return (
        _faster($results),   _own_ca($results), _near_the_limit($results),
        _requests($results), _growth($results),
        _memory($results->{memory}),
        _module($results->{module})
    );
}

sub _line {
    my ($is_kept, $text) = @_;
    return ($is_kept ? 'ok      ' : 'MISSED  ') . $text;
}

# Where the server is slow instead of far nothing was promised.
sub _faster {
    my ($results) = @_;
    my @lines;
    foreach my $hook (Bench::Hooks::promised()) {
        my $cells = $results->{cells}{$hook->{key}}{$hook->{sizes}[0]};
        my ($at, $at_0) = @{$FASTER{$hook->{key}}};
        push @lines, _ratio("$hook->{name}, at $AT ms", $cells->{$AT}, $at),
            _ratio("$hook->{name}, at 0 ms", $cells->{0}, $at_0);
    }
    return @lines;
}

# What was promised does not say whose CAs are trusted, and is judged by the
# default; what it is with a CA of one's own is told.
sub _own_ca {
    my ($results) = @_;
    my $own = $results->{own_ca} || {};
    my @lines;
    foreach my $hook (grep { $own->{$_->{key}} } Bench::Hooks::promised()) {
        push @lines, sprintf q{        %s, at 0 ms, a CA of one's own: %.1f times as fast}, $hook->{name},
            Bench::Sample::ratio($own->{$hook->{key}});
    }
    return @lines;
}

sub _ratio {
    my ($what, $cell, $wanted) = @_;
    return if !$cell;
    my $ratio = Bench::Sample::ratio($cell);
    return _line($ratio >= $wanted, sprintf '%s: %.1f times as fast (wanted %.1f)', $what, $ratio, $wanted);
}

# Of every hook and size; the one that is furthest from its limit is told.
sub _near_the_limit {
    my ($results) = @_;
    my @lines;
    foreach my $hook (Bench::Hooks::all()) {
        my ($worst, $text) = (0, undef);
        foreach my $size (grep { $_ <= 500 } @{$hook->{sizes}}) {
            my $cell  = $results->{cells}{$hook->{key}}{$size}{$AT} or next;
            my $wall  = $cell->{native}{median};
            my $limit = $LIMIT_FACTOR * $cell->{native}{rounds} * $AT + $LIMIT_MORE;
            next if $wall / $limit < $worst;
            $worst = $wall / $limit;
            $text  = sprintf '%s: %.1f ms, limit %.0f (chain of %d, %d %s)', $hook->{name}, $wall,
                $limit, $cell->{native}{rounds}, $size, $size == 1 ? 'service' : 'services';
        }
        push @lines, _line($worst <= 1, $text) if defined $text;
    }
    return @lines;
}

# Of every size; the one that comes nearest to its target is told.
sub _requests {
    my ($results) = @_;
    my @lines;
    foreach my $hook (grep { $_->{requests} } Bench::Hooks::all()) {
        my $sizes = $results->{cells}{$hook->{key}} || {};
        my @seen;
        foreach my $size (sort { $a <=> $b } keys %{$sizes}) {
            my $native = ($sizes->{$size}{$AT} || next)->{native};
            my $most   = Bench::Hooks::most_requests($hook, $size);
            my $text   = sprintf '%s: %d requests in %d rounds (at most %d in %d)', $hook->{name},
                $native->{requests}, $native->{rounds}, $most, $hook->{chain};
            my $over = max($native->{requests} - $most, $native->{rounds} - $hook->{chain});
            push @seen, [$over, $text];
        }
        my ($worst) = sort { $b->[0] <=> $a->[0] } @seen;
        push @lines, _line($worst->[0] <= 0, $worst->[1]) if $worst;
    }
    return @lines;
}

# Promised where the network has some latency; what it is without any is told.
sub _growth {
    my ($results) = @_;
    my @lines;
    foreach my $latency ($AT, 0) {
        foreach my $size (sort { $a <=> $b } keys %GROWTH) {
            my ($ratio, $name) = _greatest_growth($results->{cells}, $size, $latency);
            next if !defined $name;
            my $text = sprintf '%d services against 5, at %d ms: at most %.2f times (%s', $size, $latency,
                $ratio,
                $name;
            push @lines,
                $latency
                ? _line($ratio <= $GROWTH{$size}, sprintf '%s; wanted %.1f)', $text, $GROWTH{$size})
                : "        $text)";
        }
    }
    return @lines;
}

sub _greatest_growth {
    my ($cells, $size, $latency) = @_;
    my ($greatest, $name) = (0);
    foreach my $hook (Bench::Hooks::all()) {
        my $sizes = $cells->{$hook->{key}};
        my $few   = $sizes->{5}{$latency}     or next;
        my $many  = $sizes->{$size}{$latency} or next;
        my $ratio = $many->{native}{median} / $few->{native}{median};
        ($greatest, $name) = ($ratio, $hook->{name}) if $ratio > $greatest;
    }
    return ($greatest, $name);
}

sub _memory {
    my ($memory) = @_;
    return if !$memory;
    my $more = $memory->{after} - $memory->{before};
    return _line(
        $more <= $FLAT,
        sprintf 'memory after %d hooks: %d kB more than after %d',
        $memory->{late}, $more, $memory->{early}
    );
}

sub _module {
    my ($module) = @_;
    my $more = $module->{ours} - $module->{empty};
    return _line(
        $more < $LOADING,
        sprintf 'loading: %.1f ms more than an empty export (wanted %d at most)',
        $more, $LOADING
    );
}

1;
