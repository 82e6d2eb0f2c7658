package Idle;

# A keeper without a program.

use strict;
use warnings;

use parent qw( Kept );

use English qw( -no_match_vars );

sub start {
    my ($class) = @_;
    my $self    = bless {owner => $PID}, $class;
    $self->keep_by(sub { my ($reader) = @_; sysread $reader, my $nothing, 1; return });
    return $self;
}

1;
