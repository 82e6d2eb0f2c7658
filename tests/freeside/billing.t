#!/usr/bin/perl

# Billing beside provisioning, in a real Freeside, two processes: billing holds the
# customer's row and then wants the table of mailboxes, which provisioning holds.

use strict;
use warnings;

use Test::More;

## no critic (ProhibitPackageVars): Freeside's

use English qw( -no_match_vars );
use IO::Select;
use Time::HiRes qw( sleep time );

use FS::Record qw( dbh );
use ISP;
use Simulator;

# What one process waits for another, and what both may take.
my $LONGEST = 60;
my $IN_ALL  = 4 * $LONGEST;
my $PAUSE   = 0.01;

my $magicmail = Simulator->start(domains => ['example.net']);
my $isp       = ISP->open(locks_mailboxes => 1);
my $export    = $isp->magicmail($magicmail);
my $ann       = $isp->customer;
my $old       = $isp->provisioned($ann, username => 'old');

# Asks until the code says yes.
sub wait_until {
    my ($what, $code) = @_;
    my $until = time + $LONGEST;
    while (!$code->()) {
        die "$what: not within $LONGEST seconds\n" if time > $until;
        sleep $PAUSE;
    }
    return;
}

# Whether somebody else holds the customer's row.
sub is_billed {
    my $sql  = 'SELECT 1 FROM cust_main WHERE custnum = ? FOR UPDATE NOWAIT';
    my $rows = do {
        local dbh->{PrintError} = 0;
        dbh->do($sql, {}, $ann->custnum);
    };
    dbh->rollback;
    return !$rows;
}

# Whether somebody else holds the table of mailboxes.
sub is_provisioned {
    my ($count) = dbh->selectrow_array(<<'END');
SELECT COUNT(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
 WHERE relname = 'svc_acct' AND mode = 'ShareRowExclusiveLock' AND granted AND pid <> pg_backend_pid()
END
    return $count;
}

sub bill {
    local $FS::UID::AutoCommit = 0;
    $ann->select_for_update;
    wait_until('somebody holds the table of mailboxes', \&is_provisioned);
    dbh->do('UPDATE svc_acct SET seconds = seconds WHERE svcnum = ?', {}, $old->svcnum) or return dbh->errstr;
    dbh->commit                                                                         or return dbh->errstr;
    return q{};
}

sub provision {
    my ($owner, $username) = @_;
    my $svc = $isp->mailbox($owner, username => $username);
    return sub { wait_until(q{somebody holds the customer's row}, \&is_billed); return $svc->insert };
}

subtest 'neither is ended for the other, in any round' => sub {
    $magicmail->modes(latency_ms => 50);
    for my $round (1 .. 5) {
        my $provision = provision($ann, "new$round");
        dbh->commit;
        is_deeply [$isp->at_once($IN_ALL, \&bill, $provision)], [q{}, q{}], "round $round";
        is $magicmail->user("new$round")->{status}, 'active', 'MagicMail has the mailbox';
    }
    $magicmail->modes(latency_ms => 0);
};

subtest 'a long billing transaction keeps nobody waiting' => sub {
    my $bob     = $isp->customer(first => 'Bob');
    my $package = $isp->package($ann);
    my @hooks   = map { provision($_, 'of' . $_->custnum) } $ann, $bob;
    push @hooks, sub { return $package->suspend }, sub { return $isp->fresh($package)->unsuspend },
        sub { return $isp->change($old, finger => 'Old Lee') }, sub { return $isp->fresh($old)->delete };
    pipe my $reader, my $writer or die "pipe: $OS_ERROR\n";
    dbh->commit;
    my $billing = sub {
        local $FS::UID::AutoCommit = 0;
        $ann->select_for_update;
        my $are_done =
            IO::Select->new($reader)->can_read($LONGEST) ? 'the hooks were done before it ended' : q{};
        dbh->rollback;
        return $are_done;
    };
    my $hooks = sub {
        wait_until(q{somebody holds the customer's row}, \&is_billed);
        my @texts = map { $_->() } @hooks;
        syswrite $writer, 'd';
        return join '; ', @texts;
    };
    is_deeply [$isp->at_once($IN_ALL, $billing, $hooks)],
        ['the hooks were done before it ended', join '; ', (q{}) x @hooks], 'all succeed meanwhile';
};

done_testing;
