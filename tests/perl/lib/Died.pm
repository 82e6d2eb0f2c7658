package Died;

# For tests: the text that a piece of code died with, '' where it did not.

use strict;
use warnings;

use Exporter qw( import );

our @EXPORT_OK = qw( died );

sub died {
    my ($code) = @_;
    local $@ = q{};
    return eval { $code->(); 1 } ? q{} : "$@";
}

1;
