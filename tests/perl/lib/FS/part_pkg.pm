package FS::part_pkg;

# The definition of a package.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'part_pkg' }

1;
