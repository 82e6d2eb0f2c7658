package Day::Building;

# Builds the library and the simulator by cargo, and shows how far it is: on a
# terminal in one line that goes away, elsewhere in one line before and one after.

use strict;
use warnings;

use English     qw( -no_match_vars );
use POSIX       ();
use Time::HiRes qw( time );

my $INTRODUCTION = 'Building the library and the simulator; the first time takes a minute or two.';

# The status of a command that is not there.
my $NOT_FOUND = 127;

sub new {
    my ($class, $paper) = @_;
    return bless {paper => $paper, crates => 0}, $class;
}

# Dies with cargo's words where it fails.
sub build {
    my ($self)  = @_;
    my @command = ((split q{ }, $ENV{CARGO} || 'cargo'), qw( build --release --workspace --color never ));
    my $start   = time;
    my ($process, $output) = _started(@command);
    my @lines;
    while (my $line = <$output>) {
        push @lines, $line;
        if ($line =~ / \A \s* Compiling [ ] (\S+) /x) { $self->_compiling($1) }
    }
    waitpid $process, 0;
    $self->_clear;
    if ($CHILD_ERROR) { die @lines, "The build failed: @command\n" }
    if ($self->{crates}) {
        $self->{paper}->line(sprintf 'Built in %.0f s.', time - $start);
        $self->{paper}->line;
    }
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

sub _compiling {
    my ($self, $crate) = @_;
    my $paper = $self->{paper};
    if (!$self->{crates}++) { $paper->line($INTRODUCTION) }
    if ($paper->is_screen)  { $paper->over(sprintf '%3d  %s', $self->{crates}, $crate) }
    return;
}

sub _clear {
    my ($self) = @_;
    if ($self->{crates} && $self->{paper}->is_screen) { $self->{paper}->over(q{}) }
    return;
}

1;
