package FS::part_svc_column;

# What a service definition says of one column: columnflag F is fixed, D a
# default, S a choice.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'part_svc_column' }

1;
