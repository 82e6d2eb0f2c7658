package FS::access_usergroup;

# An employee's membership in a group.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'access_usergroup' }

1;
