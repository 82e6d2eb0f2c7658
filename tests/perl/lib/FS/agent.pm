package FS::agent;

# A reseller or brand, whose customers these are.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'agent' }

1;
