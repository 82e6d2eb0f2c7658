#!/usr/bin/perl

# AutoCommit, nested transactions, and what a death leaves behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( dbh in_transaction );
use FS::UID    qw( driver_name );
use Died       qw( died );
use ISP;

## no critic (ProhibitPackageVars): Freeside's and the recording export's

my $isp = ISP->open;

# What another connection sees: only what is committed.
sub committed_customers {
    my $other = FS::UID::myconnect();
    my ($count) = $other->selectrow_array('SELECT count(*) FROM cust_main');
    $other->disconnect;
    return $count;
}

subtest 'a_change_by_itself_is_committed' => sub {
    $isp->customer;
    is committed_customers(), 1, 'one customer';
};

subtest 'a_transaction_that_returns_an_error_leaves_nothing' => sub {
    my $error = in_transaction(sub { $isp->customer; $isp->customer; return 'no' });
    is $error,                'no', 'its text';
    is committed_customers(), 1,    'as before';
};

subtest 'an_inner_transaction_decides_nothing' => sub {
    in_transaction(
        sub {
            in_transaction(sub { $isp->customer; return 'inner error' });
            in_transaction(sub { $isp->customer; return q{} });
            return q{};
        }
    );
    is committed_customers(), 3, 'both rows are there with the outer one';
    in_transaction(
        sub {
            in_transaction(sub { $isp->customer; return q{} });
            return 'outer error';
        }
    );
    is committed_customers(), 3, 'nothing of the second';
};

subtest 'a_hook_that_dies_leaves_half_made_rows_to_the_next_success' => sub {
    my $export = $isp->export('recording', options => {die => 'insert'});
    my $svc    = $isp->mailbox($isp->customer);
    my $before = committed_customers();
    like died(sub { $svc->insert }), qr/the[ ]insert[ ]hook[ ]died/x, 'the death goes through';
    is $FS::UID::AutoCommit, 1, 'AutoCommit is on again';
    if (driver_name() eq 'Pg') {
        is committed_customers(), $before, 'nothing is committed yet';
    }
    $isp->new_agent('Somebody else');
    my $other = FS::UID::myconnect();
    my ($count) =
        $other->selectrow_array('SELECT count(*) FROM svc_acct WHERE svcnum = ?', undef, $svc->svcnum);
    is $count, 1, 'the next success commits the half-made row';
    $other->disconnect;
    $isp->change_options($export, die => q{});
};

subtest 'a_handle_that_was_inherited_by_a_child_is_not_shut_down' => sub {
    my @seen = $isp->at_once(30, sub { return committed_customers() });
    is $seen[0], committed_customers(), 'the child works with its own';
    ok dbh->ping, 'ours still works';
};

done_testing;
