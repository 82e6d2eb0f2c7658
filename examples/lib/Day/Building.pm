package Day::Building;

# Builds the library and the simulator by cargo, and shows how far it is: on a
# terminal in one line that goes away, elsewhere in one line before and one after.

use strict;
use warnings;

use English qw( -no_match_vars );
use IO::Select;
use POSIX       ();
use Time::HiRes qw( time );

my $INTRODUCTION = 'Building the library and the simulator; the first time takes a minute or two.';

# How often the seconds go on; as much is read at once.
my $TICK  = 1;
my $BLOCK = 4096;

# The status of a command that is not there.
my $NOT_FOUND = 127;

sub new {
    my ($class, $paper) = @_;
    return bless {paper => $paper, crates => 0}, $class;
}

# Dies with cargo's words where it fails.
sub build {
    my ($self) = @_;
    my @command = ((split q{ }, $ENV{CARGO} || 'cargo'), qw( build --release --workspace --color never ));
    $self->{start} = time;
    my ($process, $output) = _started(@command);
    my $select = IO::Select->new($output);
    my $text   = q{};
    my $count  = 1;
    while ($count) {
        if ($select->can_read($TICK)) {
            $count = sysread $output, $text, $BLOCK, length $text;
        }
        $self->_progress($text =~ / ^ \s* Compiling [ ] (\S+) /gmx);
    }
    waitpid $process, 0;
    $self->_ended;
    if ($CHILD_ERROR) { die "${text}The build failed: @command\n" }
    return;
}

# The process, and what it says on either of its outputs.
sub _started {
    my (@command) = @_;
    pipe my $output, my $input or die "pipe: $OS_ERROR\n";
    my $process = fork;
    if (!defined $process) { die "fork: $OS_ERROR\n" }
    if (!$process) {
        POSIX::dup2(fileno $input, $_) for 1, 2;
        exec {$command[0]} @command or POSIX::_exit($NOT_FOUND);
    }
    close $input or die "pipe: $OS_ERROR\n";
    return ($process, $output);
}

# The crates so far, the last of them being at work.
sub _progress {
    my ($self, @crates) = @_;
    my $paper = $self->{paper};
    return if !@crates;
    if (!$self->{crates}) { $paper->line($INTRODUCTION) }
    $self->{crates} = @crates;
    if ($paper->is_screen) {
        my $seconds = time - $self->{start};
        $paper->over(sprintf '%3.0f s  %3d  %s', $seconds, scalar @crates, $crates[-1]);
    }
    return;
}

sub _ended {
    my ($self) = @_;
    my $paper = $self->{paper};
    return if !$self->{crates};
    if ($paper->is_screen) { $paper->over(q{}) }
    $paper->line(sprintf 'Built in %.0f s.', time - $self->{start});
    $paper->line;
    return;
}

1;
