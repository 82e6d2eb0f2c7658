package FS::part_export::magicmail::Locks;

# Who works on an account, or on a service, alone until the transaction ends.
#
# On PostgreSQL these are advisory locks, which nothing else of Freeside's waits for.
# The customer's row is none: billing holds it while it waits for the table svc_acct,
# and provisioning holds that table while it waits here, so that PostgreSQL ended one
# of the two; and whoever provisioned waited for a long billing run. Elsewhere it is
# the customer's row.

use strict;
use warnings;

use Digest::MD5 qw(md5);
use FS::Record  qw(dbh);
use Time::HiRes qw(time);

use FS::part_export::magicmail::Transaction qw(savepoint);

# So many times the export's timeout is waited for a lock, in all.
my $TIMEOUTS = 2;

my $MILLISECONDS = 1_000;

my $SET_BACK = q{set_config('lock_timeout', ?, true)};

# PostgreSQL's code for a lock that was not to be had in time.
my $TIMED_OUT = '55P03';

# Takes the locks for $records, an object of FS::part_export::magicmail::Records, or
# dies with a sentence. What: accounts, a list of ids, or svcnum, the number of a
# service; and custnums, the customers whose rows stand for them where the database has
# no such locks. In one order, which keeps two from waiting for each other.
sub take {
    my ($records, %what) = @_;
    if (!_has_advisory_locks()) {
        my %custnums = map { $_ => 1 } grep { $_ } @{$what{custnums} || []};
        foreach my $custnum (sort { $a <=> $b } keys %custnums) {
            $records->lock_customer($custnum)
        }
        return;
    }
    my %names = map { lc $_ => $_ } grep { defined && $_ ne '' } @{$what{accounts} || []};
    my @locks = map { ["account $_", "account $names{$_}"] } sort keys %names;
    if ($what{svcnum}) { push @locks, ["service $what{svcnum}", "service $what{svcnum}"] }
    return if !@locks;
    my $timeout = $records->options->{timeout};
    my $seconds = $TIMEOUTS * ($timeout =~ m/\A[\d.]+\z/x && $timeout > 0 ? $timeout : 1);
    savepoint(sub { _take_advisory($records, $seconds, @locks); return });
    return;
}

sub _has_advisory_locks {
    return (dbh->{Driver}{Name} || '') eq 'Pg';
}

# The database's own limit stays, where it is shorter, and is as before afterwards.
sub _take_advisory {
    my ($records, $seconds, @locks) = @_;
    my ($before) = $records->rows(<<'END');
SELECT current_setting('lock_timeout') AS setting,
       EXTRACT(EPOCH FROM CAST(current_setting('lock_timeout') AS interval)) AS seconds
END
    my $limit = $before->{seconds} > 0 && $before->{seconds} < $seconds ? $before->{seconds} : $seconds;
    my $until = time + $limit;
    my $lock  = q{SELECT set_config('lock_timeout', ?, true),}
        . ' pg_advisory_xact_lock(CAST(? AS integer), CAST(? AS integer))';
    while (my $next = shift @locks) {
        my ($name, $label) = @{$next};
        my $rest  = int(($until - time) * $MILLISECONDS);
        my @limit = (($rest > 1 ? $rest : 1) . 'ms');

        # The last one sets the limit back in the same statement: PostgreSQL works from left
        # to right, and a failure is rolled back.
        my ($sql, @after) = @locks ? ($lock) : ("$lock, $SET_BACK", $before->{setting});
        my $has_lock = eval { $records->rows($sql, @limit, key_of($name), @after); 1 };
        next if $has_lock;
        ## no critic (RequireCarping) -- in words for staff
        if (dbh->state ne $TIMED_OUT) { die $@ }
        die sprintf "another change of %s has not ended within %g seconds; try again later\n", $label, $limit;
    }
    return;
}

# What PostgreSQL knows a lock by, "account" or "service" and its name in small letters:
# two numbers of 32 bits.
sub key_of {
    my ($name) = @_;
    my $bytes = "magicmail $name";
    utf8::encode($bytes);
    return unpack 'l>2', md5($bytes);
}

1;
