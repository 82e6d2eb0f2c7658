package FS::part_export_option;

# One option of an export.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'part_export_option' }

1;
