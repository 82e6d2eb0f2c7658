package FS::part_export::magicmail::Concurrent;

# Pieces of code that wait for mail servers, each in a process of its own, so that
# the slowest takes nobody else's time. They must not use the database: its
# connection is the parent's.

use strict;
use warnings;

use Exporter 'import';
use IO::Select;
use POSIX       ();
use Storable    qw(nfreeze thaw);
use Time::HiRes qw(time);

our @EXPORT_OK = qw(concurrently);

# At most so many processes at once.
my $AT_ONCE = 16;

# What each of the pieces of code returned, a reference to plain data, in their
# order; undef for one that died or was not done in time.
sub concurrently {
    my ($seconds, @code) = @_;
    return map { _result_of($_) } @code if @code < 2;
    my @results;
    while (my @some = splice @code, 0, $AT_ONCE) { push @results, _at_once($seconds, @some) }
    return @results;
}

sub _at_once {
    my ($seconds, @code) = @_;

    # Freeside's daemons wait for any child that ends.
    local $SIG{CHLD} = 'DEFAULT';
    local ($!, $?) = (0, 0);
    my @workers = map { _start($_) } @code;
    my $until   = time + $seconds;
    my %reading = map { fileno($_->{reader}) => $_ } grep { $_->{reader} } @workers;
    while (%reading && time < $until) {
        my @readers = map { $_->{reader} } values %reading;
        foreach my $reader (IO::Select->new(@readers)->can_read($until - time)) {
            my $worker = $reading{fileno $reader};
            my $count  = sysread $reader, $worker->{bytes}, 65_536, length $worker->{bytes};
            if (!$count) { delete $reading{fileno $reader} }
        }
    }
    kill KILL => map { $_->{process} } values %reading;
    foreach my $worker (grep { $_->{process} } @workers) {
        waitpid $worker->{process}, 0
    }
    foreach my $worker (values %reading) { $worker->{bytes} = '' }
    return map { $_->{process} ? _thawed($_->{bytes}) : $_->{result} } @workers;
}

# Where no process can be started, it is done here.
sub _start {
    my ($code) = @_;
    my $process;
    if (pipe my $reader, my $writer) {
        $process = fork;
        if (defined $process && !$process) { _work($code, $writer) }
        if ($process)                      { return {process => $process, reader => $reader, bytes => ''} }
    }
    return {result => _result_of($code)};
}

# In the child; it ends without a word to whatever the parent has open.
sub _work {
    my ($code, $writer) = @_;
    local $@ = '';
    my $result = _result_of($code);
    my $bytes  = $result ? eval { nfreeze($result) } : undef;
    my $at     = 0;
    while (defined $bytes && $at < length $bytes) {
        my $count = syswrite $writer, $bytes, length($bytes) - $at, $at or last;
        $at += $count;
    }
    POSIX::_exit(0);
    return;
}

sub _result_of {
    my ($code) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $result;
    my $has_run = eval { $result = $code->(); 1 };
    return $has_run ? $result : undef;
}

sub _thawed {
    my ($bytes) = @_;
    local $@ = '';
    my $result;
    my $is_whole = eval { $result = thaw($bytes); 1 };
    return $is_whole ? $result : undef;
}

1;
