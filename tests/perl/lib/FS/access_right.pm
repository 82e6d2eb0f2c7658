package FS::access_right;

# A right given to a group.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'access_right' }

1;
