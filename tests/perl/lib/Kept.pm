package Kept;

# The end of a program that a keeper runs for a test: the keeper waits for the closing of
# a pipe, whose only writer is the test, and then ends it. For classes whose objects have
# owner, keeper and writer.

use strict;
use warnings;

use Carp    qw( croak );
use English qw( -no_match_vars );

sub stop {
    my ($self) = @_;
    return if $self->{owner} != $PID || !$self->{keeper};
    close delete $self->{writer} or croak "pipe: $OS_ERROR";
    waitpid delete $self->{keeper}, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($EVAL_ERROR, $OS_ERROR, $CHILD_ERROR) = (q{}, 0, 0);
    $self->stop;
    return;
}

1;
