package FS;

# The small Freeside of the tests: what an export can see of a real one, with
# the same tables, order of events and transactions, on SQLite or PostgreSQL.
# SMALL_FREESIDE=3 in the environment, set before anything of FS is loaded,
# makes it a Freeside 3.93: suspend hooks are heeded, and a line of the log must be about
# something that is there.

use strict;
use warnings;

our $VERSION = ($ENV{SMALL_FREESIDE} || 4) eq '3' ? '3.93' : '4.6';

sub is_version_3 { return $VERSION < 4 }

1;
