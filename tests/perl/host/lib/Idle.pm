package Idle;

# A keeper without a program.

use strict;
use warnings;

use parent qw( Kept );

use Carp    qw( croak );
use English qw( -no_match_vars );
use POSIX   ();

sub start {
    my ($class) = @_;
    my $self    = bless {owner => $PID}, $class;
    pipe my $reader, my $writer or croak "pipe: $OS_ERROR";
    my $keeper = fork;
    if (!defined $keeper) { croak "fork: $OS_ERROR" }
    if (!$keeper) {
        close $writer;
        $self->let_others_go;
        sysread $reader, my $nothing, 1;
        POSIX::_exit(0);
    }
    $self->keep($keeper, $writer);
    return $self;
}

1;
