package FS::access_group;

# A group of employees, which access rights are given to.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'access_group' }

1;
