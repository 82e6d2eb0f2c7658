package Bench::Picture;

# The picture: wall time by latency, a panel for each of three hooks, a line for
# each client, from its fastest to its slowest run. SVG that is readable on a
# light and on a dark page.

use strict;
use warnings;

use List::Util qw( max );

use Bench::Hooks;

my %CLIENT = (native => 'this export', plain => 'one request after another, a connection each');

my ($WIDTH, $HEIGHT)             = (900, 340);
my ($MARGIN, $TOP, $BETWEEN)     = (62, 78, 40);
my ($PANEL_WIDTH, $PANEL_HEIGHT) = (246, 200);

my $STYLE = <<'END';
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a }
.title { font-weight: 600; fill: #24292f }
.axis { stroke: #8c959f; fill: none }
.grid { stroke: #8c959f; stroke-opacity: .25 }
.native { stroke: #0a69da; fill: #0a69da }
.plain { stroke: #bc4c00; fill: #bc4c00 }
polyline { fill: none !important; stroke-width: 2.5 }
circle { stroke: none }
.range { stroke-width: 1.5; stroke-opacity: .6 }
text.native, text.plain { stroke: none; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text { fill: #9ea7b3 }
.title { fill: #e6edf3 }
.native { stroke: #58a6ff; fill: #58a6ff }
.plain { stroke: #f0883e; fill: #f0883e }
}
END

# The SVG document, from the results of Bench::Run.
sub svg {
    my ($results) = @_;
    my @latencies = sort { $a <=> $b } @{$results->{scope}{latencies}};
    my %panel     = map  { $_->{key} => _points($results, $_, @latencies) } Bench::Hooks::promised();
    my @walls     = map  { $_->{max} } map { @{$_->{plain}} } values %panel;
    my $most  = max(@walls);
    my $scale = {x => $PANEL_WIDTH / $latencies[-1], y => $PANEL_HEIGHT / _nice($most), most => _nice($most)};
    my @parts = (_legend());
    my $x0    = $MARGIN;

    foreach my $hook (Bench::Hooks::promised()) {
        push @parts, _panel($x0, $hook->{name}, $panel{$hook->{key}}, $scale, \@latencies);
        $x0 += $PANEL_WIDTH + $BETWEEN;
    }
    my $about = 'Wall time of a hook by latency, for this export and for a plain client';
    return join "\n",
        qq{<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $WIDTH $HEIGHT" role="img" aria-label="$about">},
        "<title>$about</title>", "<style>\n$STYLE</style>", @parts, "</svg>\n";
}

sub _points {
    my ($results, $hook, @latencies) = @_;
    my %cells = %{$results->{cells}{$hook->{key}}{$hook->{sizes}[0]}};
    my %points;
    foreach my $client (keys %CLIENT) {
        $points{$client} = [map { {latency => $_, %{$cells{$_}{$client}}} } grep { $cells{$_} } @latencies];
    }
    return \%points;
}

# The next round number for the top of the axis.
sub _nice {
    my ($most) = @_;
    my $step = _step($most);
    return $step * (int($most / $step) + 1);
}

sub _step {
    my ($most) = @_;
    my $power = 10**int(log($most) / log 10);
    foreach my $step (map { $power * $_ } 0.1, 0.2, 0.25, 0.5, 1) {
        return $step if $most / $step <= 6;
    }
    return $power * 2;
}

sub _legend {
    my ($x, $y) = ($MARGIN, 24);
    my @parts;
    foreach my $client (qw( plain native )) {
        push @parts,
            sprintf '<polyline class="%s" points="%d,%d %d,%d"/><text class="%s" x="%d" y="%d">%s</text>',
            $client, $x, $y, $x + 26, $y, $client, $x + 34, $y + 4, $CLIENT{$client};
        $x += 60 + 7.6 * length $CLIENT{$client};
    }
    return @parts;
}

sub _panel {
    my ($x0, $name, $points, $scale, $latencies) = @_;
    my $bottom = $TOP + $PANEL_HEIGHT;
    my @parts  = sprintf '<text class="title" x="%d" y="%d">%s</text>', $x0, $TOP - 16, $name;
    push @parts, _axes($x0, $bottom, $scale, $latencies);
    foreach my $client (qw( plain native )) {
        my @line;
        foreach my $point (@{$points->{$client}}) {
            my $x = $x0 + $scale->{x} * $point->{latency};
            my $y = $bottom - $scale->{y} * $point->{median};
            push @line, sprintf '%.1f,%.1f', $x, $y;
            push @parts,
                sprintf
                '<path class="range %s" d="M%.1f %.1fV%.1f"/><circle class="%s" cx="%.1f" cy="%.1f" r="3.5"/>',
                $client, $x, $bottom - $scale->{y} * $point->{min}, $bottom - $scale->{y} * $point->{max},
                $client, $x, $y;
        }
        push @parts, sprintf '<polyline class="%s" points="%s"/>', $client, join q{ }, @line;
    }
    return @parts;
}

sub _axes {
    my ($x0, $bottom, $scale, $latencies) = @_;
    my $x1   = $x0 + $PANEL_WIDTH;
    my $step = _step($scale->{most});
    my @parts;
    for (my $value = 0; $value <= $scale->{most} + $step / 100; $value += $step) {
        my $y = $bottom - $scale->{y} * $value;
        push @parts, sprintf '<path class="grid" d="M%d %.1fH%d"/>', $x0, $y, $x1;
        push @parts, sprintf '<text x="%d" y="%.1f" text-anchor="end">%d</text>', $x0 - 8, $y + 4, $value
            if $x0 == $MARGIN;
    }
    my $labelled = -100;
    foreach my $latency (@{$latencies}) {
        my $x = $x0 + $scale->{x} * $latency;
        push @parts, sprintf '<path class="axis" d="M%.1f %dv5"/>', $x, $bottom;
        next if $x - $labelled < 14;
        push @parts, sprintf '<text x="%.1f" y="%d" text-anchor="middle">%d</text>', $x, $bottom + 20,
            $latency;
        $labelled = $x;
    }
    push @parts, sprintf '<path class="axis" d="M%d %dV%dH%d"/>', $x0, $TOP, $bottom, $x1;
    push @parts, sprintf '<text x="%d" y="%d" text-anchor="middle">latency of an answer, ms</text>',
        ($x0 + $x1) / 2, $bottom + 42;
    push @parts,
        sprintf
        '<text transform="translate(%d %d) rotate(-90)" text-anchor="middle">wall time of the hook, ms</text>',
        16, $TOP + $PANEL_HEIGHT / 2
        if $x0 == $MARGIN;
    return @parts;
}

1;
