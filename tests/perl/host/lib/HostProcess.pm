package HostProcess;

# The process that the library lives in, as its tests see it: children forked
# while it is in use, programs in a Perl of their own, a sender of signals, what
# memory and descriptors the process has.

use strict;
use warnings;

use Carp     qw( croak );
use English  qw( -no_match_vars );
use Exporter qw( import );
use File::Temp;
use IO::Handle;
use IO::Select;
use POSIX       ();
use Storable    qw( freeze thaw );
use Time::HiRes qw( sleep time );

our @EXPORT_OK = qw( child_runs child_gave descriptors memory perl storm );

my $PAUSE_OF_STORM  = 0.0001;
my $MOST_WAITING    = 50;
my $LONGEST_PROGRAM = 60;

# Runs the code in a forked child, beside this process; what it returns (one
# scalar) is fetched by child_gave. The child leaves without destructors.
sub child_runs {
    my ($code) = @_;
    pipe my $reader, my $writer or croak "pipe: $OS_ERROR";
    my $process = fork;
    if (!defined $process) { croak "fork: $OS_ERROR" }
    if ($process) {
        close $writer;
        return {process => $process, reader => $reader};
    }
    close $reader;
    my $result = eval { freeze({value => scalar $code->()}) }
        || freeze({died => "$EVAL_ERROR"});
    print {$writer} $result;
    close $writer;
    POSIX::_exit(0);
    return;
}

# What the child's code returned; dies where it died, or was not done in time.
sub child_gave {
    my ($child, $seconds) = @_;
    my $text  = _read_all($child->{reader}, $seconds);
    my $is_in = defined $text;
    if (!$is_in) { kill KILL => $child->{process} }
    waitpid $child->{process}, 0;
    if (!$is_in)       { croak "a child was not done after $seconds seconds" }
    if (!length $text) { croak "a child ended with status $CHILD_ERROR" }
    my $result = thaw($text);
    if (defined $result->{died}) { croak "a child died: $result->{died}" }
    return $result->{value};
}

# What can be read until the end; undef where that takes longer.
sub _read_all {
    my ($reader, $seconds) = @_;
    my $select = IO::Select->new($reader);
    my $until  = time + $seconds;
    my $text   = q{};
    while (1) {
        my $rest = $until - time;
        return if $rest <= 0 || !$select->can_read($rest);
        return $text if !sysread $reader, $text, 65_536, length $text;
    }
    return;
}

# Runs a program in a Perl of its own; what it prints (on either of its outputs)
# and its status.
sub perl {
    my ($text, @arguments) = @_;
    my $program = File::Temp->new;
    print {$program} $text;
    close $program or croak "$program: $OS_ERROR";
    my @include = map { "-I$_" } grep { !ref } @INC;
    pipe my $reader, my $writer or croak "pipe: $OS_ERROR";
    my $process = fork;
    if (!defined $process) { croak "fork: $OS_ERROR" }

    if (!$process) {
        POSIX::dup2(fileno $writer, $_) for 1, 2;
        exec {$EXECUTABLE_NAME} $EXECUTABLE_NAME, @include, "$program", @arguments
            or POSIX::_exit(127);
    }
    close $writer;
    my $said = _read_all($reader, $LONGEST_PROGRAM);
    if (!defined $said) { kill KILL => $process }
    waitpid $process, 0;
    return ($said, $CHILD_ERROR);
}

# Runs the code while another process sends these signals to this one, one after
# the other without end, and this one handles them in Perl; returns how many.
#
# Perl itself gives up when 120 signals wait to be handled, and none is while a
# call into the library runs: after each fifty the sender waits for a handler.
sub storm {
    my ($signals, $code) = @_;
    pipe my $handled, my $handler or croak "pipe: $OS_ERROR";
    $handler->blocking(0);
    my $caught = 0;
    my $handle = sub { $caught++; syswrite $handler, q{.}; return };
    local @SIG{@{$signals}} = ($handle) x @{$signals};

    # The last signals may be handled when the sender is gone.
    local $SIG{PIPE} = 'IGNORE';
    my $target = $PID;
    my $sender = fork;
    if (!defined $sender) { croak "fork: $OS_ERROR" }

    if (!$sender) {
        close $handler;
        _send($target, $signals, $handled);
        POSIX::_exit(0);
    }
    close $handled;
    my $is_done = eval { $code->(); 1 };
    my $error   = $EVAL_ERROR;
    kill KILL => $sender;
    1 while waitpid($sender, 0) == -1 && $OS_ERROR{EINTR};
    if (!$is_done) { croak $error }
    return $caught;
}

# Ends with the process that it sends to, whatever becomes of that.
sub _send {
    my ($target, $signals, $handled) = @_;
    my $select = IO::Select->new($handled);
    while (1) {
        for (1 .. $MOST_WAITING / @{$signals}) {
            kill $_ => $target for @{$signals};
            sleep $PAUSE_OF_STORM;
        }
        $select->can_read;
        return if !sysread $handled, my $bytes, 65_536;
    }
    return;
}

# The bytes of memory that this process has, and how many open files.
sub memory {
    return _number_of('VmRSS') * 1024;
}

sub descriptors {
    opendir my $folder, '/proc/self/fd' or croak "/proc: $OS_ERROR";
    my $count = grep { /\A \d+ \z/x } readdir $folder;
    closedir $folder or croak "/proc: $OS_ERROR";
    return $count;
}

sub _number_of {
    my ($name) = @_;
    open my $status, '<', '/proc/self/status' or croak "/proc: $OS_ERROR";
    my ($number) = map { /\A $name: \s+ (\d+)/x } <$status>;
    close $status or croak "/proc: $OS_ERROR";
    return $number;
}

1;
