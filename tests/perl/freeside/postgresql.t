#!/usr/bin/perl

# The PostgreSQL of the tests: started, used, and gone without a trace, also
# when its test is killed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use IO::Select;
use Test::More;

use Died       qw( died );
use FS::Record qw( dbh );
use FS::UID    qw( driver_name );
use ISP;
use PostgreSQL;

my $LONGEST_STOP = 30;

my $server = eval { PostgreSQL->start };
if (!$server) { plan skip_all => "PostgreSQL does not start here: $@" }

subtest 'an_isp_can_be_opened_on_it' => sub {
    local $ENV{MAGICMAIL_PG} = $server->connection;
    my $isp = ISP->open;
    is driver_name(),           'Pg', 'on PostgreSQL';
    is $isp->customer->custnum, 1,    'a customer';
    my $other_isp = ISP->open;
    is $other_isp->customer->custnum, 1, 'another one has another database';
    $isp->close;
    ok dbh->ping, 'closing one leaves the other alone';
    $other_isp->close;
    my $lite = ISP->open(on => 'sqlite');
    is driver_name(), 'SQLite', 'SQLite where one says so';
};

subtest 'it_leaves_nothing_when_it_is_stopped' => sub {
    my ($folder) = $server->connection =~ /host=([^;]+)/x;
    ok -d $folder, 'a folder';
    $server->stop;
    ok !-e $folder, 'is gone';
};

subtest 'it_ends_when_the_test_that_started_it_is_killed' => sub {
    pipe my $reader, my $writer or die "pipe: $!\n";
    my $child = fork;
    if (!defined $child) { die "fork: $!\n" }
    if (!$child) {
        my $own = PostgreSQL->start;
        syswrite $writer, $own->connection . "\n";
        kill KILL => $$;
    }
    close $writer;
    my ($folder) = scalar(<$reader>) =~ /host=([^;]+)/x;
    waitpid $child, 0;

    # The keeper and the server hold the pipe's other end no longer once they
    # are gone.
    my @ready = IO::Select->new($reader)->can_read($LONGEST_STOP);
    is scalar @ready,                    1, 'the keeper ends';
    is sysread($reader, my $nothing, 1), 0, 'and all that it started';
    ok !-e $folder, 'the folder is gone';
};

done_testing;
