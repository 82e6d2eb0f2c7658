package FS::part_export_machine;

# One of the machines of an export that has a machine per service.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'part_export_machine' }

1;
