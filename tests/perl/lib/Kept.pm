package Kept;

# The end of a program that a keeper runs for a test: the keeper waits for the closing of
# a pipe, whose only writer is the test, and then ends it. For classes whose objects have
# owner, keeper and writer.

use strict;
use warnings;

use Carp    qw( croak );
use English qw( -no_match_vars );
use POSIX   ();

# Keeper => writer, of the programs that this process has started.
my %writer_of;

# Starts the keeper, which runs the code: it is given the end of the pipe that it is to
# wait on.
sub keep_by {
    my ($self, $code) = @_;
    pipe my $reader, my $writer or croak "pipe: $OS_ERROR";
    my $keeper = fork;
    if (!defined $keeper) { croak "fork: $OS_ERROR" }
    if (!$keeper) {
        close $writer;
        _let_others_go();
        my $is_done = eval { $code->($reader); 1 };
        POSIX::_exit($is_done ? 0 : 1);
    }
    close $reader;
    @{$self}{qw( keeper writer )} = ($keeper, $writer);
    $writer_of{$keeper} = $writer;
    return;
}

# For a new keeper: it has inherited the writers of the keepers before it, and these would
# not end while it lives.
sub _let_others_go {
    close $_ for values %writer_of;
    %writer_of = ();
    return;
}

sub stop {
    my ($self) = @_;
    return if $self->{owner} != $PID || !$self->{keeper};
    my $keeper = delete $self->{keeper};
    delete $writer_of{$keeper};
    close delete $self->{writer} or croak "pipe: $OS_ERROR";
    waitpid $keeper, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($EVAL_ERROR, $OS_ERROR, $CHILD_ERROR) = (q{}, 0, 0);
    $self->stop;
    return;
}

1;
