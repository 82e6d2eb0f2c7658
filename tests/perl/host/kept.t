#!/usr/bin/perl

# The end of programs that keepers run for a test (Kept).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";

use Test::More;

use Idle;

my $PATIENCE = 60;

my ($first, $other) = map { Idle->start } 1 .. 2;
my ($keeper) = $first->{keeper};
my $has_ended = eval {
    local $SIG{ALRM} = sub { die "it waits\n" };
    alarm $PATIENCE;
    $first->stop;
    alarm 0;
    1;
};
ok $has_ended, 'of two kept programs the first may end before the second';
ok !kill(0, $keeper),          'and is gone';
ok kill(0,  $other->{keeper}), 'the second is not';
$other->stop;

done_testing;
