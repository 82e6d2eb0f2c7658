package FS::log_context;

# In the course of what a line of the log was written.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'log_context' }

1;
