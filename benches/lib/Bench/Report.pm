package Bench::Report;

# The results as texts: a summary for a terminal of 80 columns, and the page
# docs/benchmarks.md.

use strict;
use warnings;
use utf8;

use POSIX qw( strftime );

use Bench::Hooks;
use Bench::Sample;
use Bench::Verdict;

# The lines of the summary.
sub summary {
    my ($results) = @_;
    my @lines;
    foreach my $latency (grep { $_ == 0 || $_ == 20 } sort { $a <=> $b } @{$results->{scope}{latencies}}) {
        push @lines, q{}, "At $latency ms of latency",
            _row('hook', 'services', 'requests', 'plain ms', 'ms', 'ratio');
        foreach my $hook (Bench::Hooks::all()) {
            my $size = $hook->{sizes}[0];
            my $cell = $results->{cells}{$hook->{key}}{$size}{$latency} or next;
            my ($native, $plain) = @{$cell}{qw( native plain )};
            push @lines,
                _row(
                $hook->{name}, $size,
                "$plain->{requests} > $native->{requests}",
                (map { sprintf '%.1f', $_->{median} } $plain, $native),
                sprintf '%.1f',
                Bench::Sample::ratio($cell)
                );
        }
    }
    push @lines, q{}, map { "$_->[0]: $_->[1]" } _inside($results);
    my @verdict = Bench::Verdict::lines($results);
    my $missed  = grep { /\A MISSED/x } @verdict;
    my $kept    = grep { /\A ok/x } @verdict;
    return (@lines, q{}, @verdict, q{},
        sprintf('%d kept, %d missed, in %d s', $kept, $missed, $results->{seconds}),
        _left_out($results));
}

sub _row {
    my @cells = @_;
    return sprintf '%-33s %8s %9s %9s %8s %7s', @cells;
}

sub _left_out {
    my ($results) = @_;
    my @left_out = @{$results->{left_out} || []};
    return @left_out ? scalar(@left_out) . ' cells were left out for lack of time' : ();
}

# What does not depend on latency: [ what, how much ].
sub _inside {
    my ($results) = @_;
    my ($loading, $module, $boundary, $memory, $first, $crowded) =
        @{$results}{qw( loading module boundary memory first crowded )};
    my @statements = map { values %{$_} } values %{$results->{statements}};
    my ($least, $most) = (sort { $a <=> $b } @statements)[0, -1];
    return (
        [
            'A call that sends nothing',
            sprintf '%.1f µs with its documents, %.2f µs bare',
            @{$boundary}{qw( call bare )}
        ],
        [
            'The library',
            sprintf '%.2f MB; loaded and bound in %.1f ms, FFI::Platypus in %.1f ms',
            $results->{size} / 1e6,
            $loading->{library}, $loading->{platypus}
        ],
        [
            'All exports loaded by Freeside',
            sprintf '%.1f ms with this one, %.1f ms with an empty one',
            @{$module}{qw( ours empty )}
        ],
        [
            'Memory',                 sprintf '%.1f MB after %d hooks, %.1f MB after %d',
            $memory->{before} / 1024, $memory->{early},
            $memory->{after} / 1024,  $memory->{late}
        ],
        [
            'First hook on new connections (new customer)',
            join(', ',
                map  { sprintf '%.1f ms at %d ms of latency', $first->{$_}{median}, $_ }
                sort { $a <=> $b } keys %{$first})
        ],
        ["Reading the system's CAs", sprintf '%.1f ms more in the first hook of a process', $results->{cas}],
        [
            "With $crowded->{others} more mailboxes of others in the database",
            sprintf('%.1f ms for one more mailbox, %.1f ms before', @{$crowded}{qw( after before )})
        ],
        ['SQL statements of a hook', "$least to $most"],
    );
}

# The page.
sub page {
    my ($results) = @_;
    return join "\n", _introduction($results), _main_table($results), _own_ca_table($results),
        _slow_table($results), _inside_table($results), _verdicts($results), q{};
}

sub _introduction {
    my ($results) = @_;
    my $machine   = _machine();
    my $date      = strftime '%Y-%m-%d', gmtime $results->{started};
    return <<"END";
# What a hook costs

Made by `make bench` ($date, $machine); another machine gives other figures, and only those of one run
compare. Each figure is a whole hook: the SQL, the shim, the library and the requests, over TLS to the simulator.

Beside it, in the same run and in turns, *the plain client* does the same work in the way that comes first to mind, which is
also that of the module that Freeside ships: one request after another, a new TLS connection for each, in Perl with
IO::Socket::SSL. It does no more than what is needed when all goes well. Both trust the CAs of the system, which is what they
do by default; IO::Socket::SSL reads them again for each connection ([below](#where-the-ca-is-ones-own) without that).

Latency is a round trip of the network: a relay holds back every byte, so that the handshakes of TCP and TLS take their round
trips too. The chain is how many answers had to be waited for, one after the other. Services are those that the customer
has before the hook. Times in milliseconds: median (fastest to slowest).

![Wall time by latency](benchmarks.svg)
END
}

sub _machine {
    my ($model) = map { m{\A model [ ] name \s* : \s* (.*?) \s* \z}xms ? $1 : () } _lines_of('/proc/cpuinfo');
    my $count   = grep { /\A processor \s* :/x } _lines_of('/proc/cpuinfo');
    return join ', ', grep { defined } $model, "$count cores", "perl $^V";
}

sub _lines_of {
    my ($file) = @_;
    open my $handle, '<', $file or return;
    my @lines = <$handle>;
    close $handle or return;
    return @lines;
}

sub _main_table {
    my ($results) = @_;
    my @lines = (
        '## Hooks',
        q{},
        '| hook | services | latency | requests, plain | requests | new connections, plain | chain | plain client | this export | ratio | over chain × latency | CPU ms, plain | CPU ms |',
        '| --- ' . '| ---: ' x 12 . '|'
    );
    foreach my $hook (Bench::Hooks::all()) {
        my $sizes = $results->{cells}{$hook->{key}} || {};
        foreach my $size (sort { $a <=> $b } keys %{$sizes}) {
            my $chain = _chain($sizes->{$size});
            foreach my $latency (sort { $a <=> $b } keys %{$sizes->{$size}}) {
                push @lines, _main_row($hook, $size, $latency, $chain, $sizes->{$size}{$latency});
            }
        }
    }
    return @lines, q{}, 'The export opened no connection in any of these: it keeps them (at most four).', q{},
        (map { "$_." } _left_out($results));
}

# As it showed at the greatest latency that was measured.
sub _chain {
    my ($cells)    = @_;
    my ($greatest) = sort { $b <=> $a } keys %{$cells};
    return $greatest ? $cells->{$greatest}{native}{rounds} : undef;
}

sub _main_row {
    my ($hook, $size, $latency, $chain, $cell) = @_;
    my ($native, $plain) = @{$cell}{qw( native plain )};
    my $limit = $latency && $chain ? $chain * $latency : undef;
    return '| '
        . join(' | ',
        $hook->{name},
        $size,
        $latency,
        $plain ? $plain->{requests} : q{},
        $native->{requests},
        $plain         ? $plain->{connections} : q{},
        defined $chain ? $chain                : q{},
        $plain         ? _times($plain)        : q{},
        _times($native),
        $plain ? sprintf('%.1f', Bench::Sample::ratio($cell)) : q{},
        $limit ? sprintf('%.2f', $native->{median} / $limit)  : q{},
        $plain ? sprintf('%.1f', $plain->{processor})         : q{},
        sprintf '%.1f',
        $native->{processor})
        . ' |';
}

sub _times {
    my ($of) = @_;
    return sprintf '%.1f (%.1f to %.1f)', @{$of}{qw( median min max )};
}

# The plain client, this export, and their ratio.
sub _beside {
    my ($cell) = @_;
    return (_times($cell->{plain}), _times($cell->{native}), sprintf '%.1f', Bench::Sample::ratio($cell));
}

sub _own_ca_table {
    my ($results) = @_;
    my @lines = (
        q{## Where the CA is one's own},
        q{},
        "At 0 ms most of the plain client's time is the reading of the $results->{trusted} CAs that the system trusts, for each connection;",
        'the library reads them once per process. Here the option `ca_file` names one CA and no other is trusted: what then is left',
        'to save is the handshakes and the requests themselves. What was promised at 0 ms is judged by the default, above.',
        q{},
        '| hook | plain client | this export | ratio |',
        '| --- | ---: | ---: | ---: |'
    );
    foreach my $hook (grep { $results->{own_ca}{$_->{key}} } Bench::Hooks::all()) {
        push @lines, '| ' . join(' | ', $hook->{name}, _beside($results->{own_ca}{$hook->{key}})) . ' |';
    }
    return @lines, q{};
}

sub _slow_table {
    my ($results) = @_;
    my @lines = (
        '## Where the server is slow',
        q{},
        'Here the server is near, and takes the time before each answer. A new connection costs the plain client the reading of the',
        'CAs then, and next to nothing else; what is left to save is answers that need not be waited for.',
        q{},
        '| hook | before each answer | plain client | this export | ratio |',
        '| --- | ---: | ---: | ---: | ---: |'
    );
    foreach my $hook (grep { $results->{slow}{$_->{key}} } Bench::Hooks::all()) {
        my $cells = $results->{slow}{$hook->{key}};
        foreach my $latency (sort { $a <=> $b } keys %{$cells}) {
            push @lines, '| ' . join(' | ', $hook->{name}, $latency, _beside($cells->{$latency})) . ' |';
        }
    }
    return @lines, q{};
}

sub _inside_table {
    my ($results) = @_;
    my @lines = (
        '## Without the network',
        q{}, '| what | |',
        '| --- | --- |',
        map { "| $_->[0] | $_->[1] |" } _inside($results)
    );
    push @lines, q{}, '| hook | SQL statements (services) |', '| --- | --- |';
    foreach my $hook (Bench::Hooks::all()) {
        my $of = $results->{statements}{$hook->{key}};
        push @lines,
            "| $hook->{name} | " . join(', ', map { "$of->{$_} ($_)" } sort { $a <=> $b } keys %{$of}) . ' |';
    }
    return @lines, q{};
}

sub _verdicts {
    my ($results) = @_;
    return ('## What was promised', q{}, '```', Bench::Verdict::lines($results), '```');
}

1;
