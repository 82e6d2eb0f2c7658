#!/usr/bin/perl

# One process that runs very many hooks, as a queue daemon or a web server's
# child does: its memory and its descriptors stay what they were. HOOKS in the
# environment says how many (`make sanitize` runs 10,000).

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Time::HiRes qw( time );

use HostProcess qw( descriptors memory );
use ISP;
use Simulator;
use Statements;

my $HOOKS = $ENV{HOOKS} || 1_500;

# Until so many have run, caches fill.
my $WARMING = 500;

# What may come on top for each hook: less than a record that is forgotten
# anywhere, more than what a memory allocator's mood makes.
my $BYTES_PER_HOOK = 100;
my $BYTES_AT_ONCE  = 1_000_000;

my $magicmail = Simulator->start;
my $isp       = ISP->open;
my $export    = $isp->magicmail($magicmail, options => {autopurge => 1});

# The tests' own database must not be what grows: DBI's callbacks, by which
# statements are noted, leak a little at each, and SQLite fills its cache.
Statements->unwatch(FS::Record::dbh);
if (FS::UID::driver_name() eq 'SQLite') { FS::Record::dbh->do('PRAGMA cache_size = 50') }
my $customer = $isp->customer;
my $package  = $isp->package($customer);
my $run      = 0;
my @said;

sub hook {
    my ($said) = @_;
    $run++;
    push @said, $said if $said;
    return;
}

# A mailbox from its beginning to its end, which is gone without a trace; now and
# then a hook that fails, and one on a connection that the server has closed.
sub life {
    my ($number) = @_;
    my $svc = $isp->mailbox($package, username => "user$number");
    hook($svc->insert);
    hook($isp->change($svc, finger => "User $number"));
    if ($number % 10 == 0) { $magicmail->faults({kind => 'close_idle'}) }
    hook($isp->fresh($package)->suspend);
    hook($isp->fresh($package)->unsuspend);
    if ($number % 10 == 5) { fail_once($svc) }
    hook($isp->fresh($svc)->delete);

    # What only the tests' own Freeside and server remember.
    if ($number % 20 == 0) {
        $magicmail->clear_log;
        for my $table (qw( log_context log )) {
            FS::Record::dbh->do("DELETE FROM $table");
        }
        FS::Record::dbh->commit;
    }
    return;
}

sub fail_once {
    my ($svc) = @_;
    local $SIG{__WARN__} = sub { };
    $magicmail->faults({kind => 'error_document', method => 'POST', count => 2});
    my $error = $isp->change($svc, finger => 'Nobody');
    $magicmail->faults;
    $run++;
    push @said, 'a fault was not told' if !$error;
    return;
}

my $number = 0;
sub run_until { my ($count) = @_; life(++$number) while $run < $count; return }

my $begin = time;
run_until($WARMING);
my ($memory, $descriptors, $warm) = (memory(), descriptors(), $run);
my @samples = ($memory);
for my $quarter (1 .. 4) {
    run_until($WARMING + ($HOOKS - $WARMING) * $quarter / 4);
    push @samples, memory();
}
my $took  = time - $begin;
my $grown = memory() - $memory;

is_deeply \@said, [], 'every hook ended as it should';
cmp_ok descriptors(), '<=', $descriptors, 'no more descriptors than before';
cmp_ok $grown,        '<',  $BYTES_AT_ONCE + $BYTES_PER_HOOK * ($run - $warm), 'no more memory than before';
diag sprintf '%d hooks in %.1f s: memory %s KB, descriptors %d before and %d after',
    $run, $took, join(' -> ', map { int $_ / 1024 } @samples), $descriptors,
    descriptors();

done_testing;
