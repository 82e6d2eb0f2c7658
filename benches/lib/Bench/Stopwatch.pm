package Bench::Stopwatch;

# How long a hook takes, from Freeside's call of it to its return: on the wall
# and in processor time of this process, its threads included. Freeside's own
# work around the hook is left out.

use strict;
use warnings;

use Time::HiRes qw( clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID );

my @HOOKS = map { "_export_$_" } qw( insert replace delete suspend unsuspend );

my ($wall, $processor);

# From now on the hooks of these classes are timed.
sub attach {
    my (@classes) = @_;
    foreach my $class (@classes) {
        foreach my $hook (@HOOKS) {
            my $code = $class->can($hook);
            ## no critic (ProhibitNoStrict, ProhibitNoWarnings) -- by name
            no strict 'refs';
            no warnings 'redefine';
            *{"${class}::$hook"} = sub { return _timed($code, @_) };
        }
    }
    return;
}

sub _timed {
    my ($code, @arguments) = @_;
    my $cpu   = clock_gettime(CLOCK_PROCESS_CPUTIME_ID);
    my $begin = clock_gettime(CLOCK_MONOTONIC);
    my $error = $code->(@arguments);
    $wall      = 1_000 * (clock_gettime(CLOCK_MONOTONIC) - $begin);
    $processor = 1_000 * (clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $cpu);
    return $error;
}

# Milliseconds of the last hook.
sub wall      { return $wall }
sub processor { return $processor }

1;
