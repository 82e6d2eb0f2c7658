#!/usr/bin/perl

# Who waits for whom, and several processes at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Died       qw( died );
use FS::Record qw( dbh in_transaction qsearch );
use FS::UID    qw( driver_name );
use ISP;

## no critic (ProhibitPackageVars): the recording export's

my $isp    = ISP->open;
my $export = $isp->export('recording');
my $ann    = $isp->customer;

subtest 'several_processes_change_one_row_in_turn' => sub {
    my $customer = $isp->customer(company => 0);
    my $add      = sub {
        for (1 .. 20) {
            my $error = in_transaction(
                sub {
                    my $now = $customer->select_for_update;
                    return FS::cust_main->new({$now->hash, company => $now->company + 1})->replace($now);
                }
            );
            return $error if $error;
        }
        return q{};
    };
    is_deeply [$isp->at_once(60, ($add) x 4)], [(q{}) x 4], 'each succeeds';
    is $isp->fresh($customer)->company, 80, 'no change is lost';
};

subtest 'several_processes_provision_at_the_same_moment' => sub {
    my @code;
    for my $name (map { "user$_" } 1 .. 4) {
        push @code, sub { return $isp->mailbox($ann, username => $name)->insert };
    }
    my @errors = $isp->at_once(60, @code);
    is_deeply \@errors, [(q{}) x 4], 'each succeeds';
    is scalar(qsearch('svc_acct', {})), 4, 'all are there';
};

subtest 'of_two_that_take_one_name_the_second_is_refused' => sub {
    my $insert = sub { return $isp->mailbox($ann, username => 'same')->insert };
    my ($winner, $loser) =
        sort { $a cmp $b } $isp->at_once(60, $insert, $insert);
    is $winner, q{}, 'one succeeds';
    like $loser, qr/\A duplicate[ ]username/x, 'the other is told';
};

subtest 'workers_that_die_or_are_late_are_told_of' => sub {
    like died(
        sub {
            $isp->at_once(30, sub { die "cannot\n" });
        }
        ),
        qr/a[ ]worker[ ]died:[ ]cannot/x, 'died';
    my $hanging = sub {
        pipe my $reader, my $writer or die "pipe: $!\n";
        return scalar <$reader>;
    };
    like died(sub { $isp->at_once(1, $hanging) }), qr/not[ ]done[ ]after[ ]1[ ]seconds/x, 'late';
    is_deeply [$isp->at_once(30, sub { return {deep => [1]} })],
        [{deep => [1]}], 'otherwise what they return';
};

SKIP: {
    if (driver_name() ne 'Pg') {
        skip 'PostgreSQL has locks of rows and tables', 2;
    }
    my $other = FS::UID::myconnect();
    $other->{PrintError} = 0;

    subtest 'while_an_insert_hook_runs_nobody_inserts_an_account' => sub {
        my $is_locked;
        local $FS::part_export::recording::WATCH = sub {
            $is_locked = !$other->do('LOCK TABLE svc_acct IN ROW EXCLUSIVE MODE NOWAIT');
            $other->rollback;
        };
        $isp->provisioned($ann, username => 'locker');
        ok $is_locked, 'the table is locked';
        local $FS::svc_acct::global_unique = 'disabled';
        $isp->provisioned($ann, username => 'unlocked');
        ok !$is_locked, 'unless names need not be unique';
    };

    subtest 'a_row_is_locked_until_the_transaction_ends' => sub {
        my $try = 'SELECT 1 FROM cust_main WHERE custnum = ' . $ann->custnum . ' FOR UPDATE NOWAIT';
        in_transaction(
            sub {
                $ann->select_for_update;
                ok !$other->do($try), 'another cannot have it';
                $other->rollback;
                return q{};
            }
        );
        ok $other->do($try), 'then it can';
        $other->rollback;
    };
    $other->disconnect;
}

done_testing;
