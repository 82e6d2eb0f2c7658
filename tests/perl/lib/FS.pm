package FS;

# The small Freeside of the tests: what an export can see of a real one, with
# the same tables, order of events and transactions, on SQLite or PostgreSQL.
# SMALL_FREESIDE=3 in the environment, set before anything of FS is loaded,
# makes it a Freeside 3: no FS::Log, no get_remoteid and set_remoteid, none of
# their tables.

use strict;
use warnings;

our $VERSION = ($ENV{SMALL_FREESIDE} || 4) eq '3' ? '3.9' : '4.6';

sub is_version_3 { return $VERSION < 4 }

1;
