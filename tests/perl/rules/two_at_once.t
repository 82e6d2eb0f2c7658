#!/usr/bin/perl

# Two workers of one web site, on one customer, at the same moment: on PostgreSQL,
# whose rows can be locked, and without the lock on the whole table of accounts by
# which most Freesides let one provision after the other.

use strict;
use warnings;

use Test::More;

use FS::Record qw( dbh );
use Rule       qw( :all );
use Statements;

## no critic (ProhibitPackageVars): Freeside's
## no critic (RequireLocalizedPunctuationVars): for the whole test
if (!$ENV{MAGICMAIL_PG} && !$ENV{RULES_LISTED}) {
    my @programs = glob '/usr/lib/postgresql/*/bin/initdb';
    if (!@programs) { plan skip_all => 'PostgreSQL is not installed' }
    $ENV{MAGICMAIL_PG} = 'start';
}

my $LONGEST = 60;

# Long enough for each to be in the middle of it when the other begins.
my %SLOW = (modes => {latency_ms => 20});

# Both succeed, at the same moment.
sub both_pass {
    my ($what, @code) = @_;
    my @unlocked = map { _unlocked($_) } @code;
    return is_deeply [isp->at_once($LONGEST, @unlocked)], [(q{}) x @code], "$what: both succeed";
}

sub _unlocked {
    my ($code) = @_;
    return sub {
        local $FS::svc_acct::global_unique = 'disabled';
        return $code->();
    };
}

# The account's masters that are not deleted, and each user's packages.
sub masters_are {
    my ($names, $packages, $what) = @_;
    my $users   = magicmail->state->{users};
    my @masters = grep { $users->{$_}{master_user} eq 'Y' && $users->{$_}{status} ne 'deleted' }
        sort keys %{$users};
    is scalar @masters,                              1, "$what: one master" or diag "@masters";
    is scalar(grep { $masters[0] eq $_ } @{$names}), 1, "$what: $masters[0] is it";
    for my $name (grep { $users->{$_}{status} ne 'deleted' } sort keys %{$users}) {
        my $wanted = $name eq $masters[0] ? $packages : ['ADDITIONAL NOCOST MAILBOX'];
        is_deeply [sort @{$users->{$name}{packages}}], $wanted, "$what: the packages of $name";
    }
    return;
}

rule 'two_provisions_of_a_new_customer_at_once_make_one_account_one_master_and_both_users', %SLOW,
    forms => 3,
    sub {
    my $ann  = isp->customer;
    my @code = map { _provision($ann, $_) } qw( jane joe );
    both_pass('first and second', @code);
    masters_are([qw( jane joe )], ['EMAIL'], 'afterwards');
    is_deeply magicmail->state->{addresses},
        {'jane@example.net' => 'jane', 'joe@example.net' => 'joe'},
        'both addresses';
    is scalar keys %{magicmail->state->{accounts}}, 1, 'one account';
    };

sub _provision {
    my ($owner, $username, @more) = @_;
    my $svc = isp->mailbox($owner, username => $username, @more);
    return sub { return $svc->insert };
}

rule 'two_provisions_of_other_packages_at_once_leave_both_packages_on_the_master', %SLOW,
    forms => 3,
    sub {
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    my $ann = isp->customer;
    both_pass('of two packages', _provision($ann, 'jane'), _provision($ann, 'joe', definition => 'Gold'));
    masters_are([qw( jane joe )], [qw( EMAIL GOLD )], 'afterwards');
    };

rule 'two_unprovisions_at_once_leave_one_master_with_the_right_packages', %SLOW,
    forms => 3,
    sub {
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    my $ann = isp->customer;
    my ($first, $next) = map { provision($ann, username => $_) } qw( first second );
    provision($ann, username => 'third', definition => 'Gold');
    both_pass('both of EMAIL', sub { return $first->delete }, sub { return $next->delete });
    masters_are(['third'], ['GOLD'], 'afterwards');
    };

rule 'a_provision_and_an_unprovision_at_once_leave_one_master_with_the_right_packages', %SLOW,
    forms => 3,
    sub {
    my $ann   = isp->customer;
    my $first = provision($ann, username => 'first');
    both_pass('both', sub { return $first->delete }, _provision($ann, 'jane'));
    masters_are(['jane'], ['EMAIL'], 'afterwards');
    is magicmail->account('FREESIDE1')->{status}, 'active', 'its account is active';
    };

rule 'two_on_one_account_under_two_customers_take_turns', %SLOW,
    forms => 3,
    sub {
    my ($ann,   $bob)   = map { isp->customer(first => $_) } qw( Ann Bob );
    my ($first, $moved) = map { provision($ann, username => $_) } qw( first moved );
    provision($ann, username => 'third');
    my $package = $moved->cust_svc->cust_pkg->change({cust_main => $bob});
    is ref $package, 'FS::cust_pkg', 'one is with Bob now';
    both_pass('both', sub { return $first->delete }, sub { return isp->fresh($moved)->delete });
    masters_are(['third'], ['EMAIL'], 'afterwards');
    };

# Runs the code, and what takes its place, whenever a lock is taken.
sub with_locks {
    my ($instead, $code) = @_;
    my $take = FS::part_export::magicmail::Locks->can('take');
    no warnings qw( redefine );    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Locks::take = sub {
        my ($records, %what) = @_;
        $instead->(%what);
        return $take->($records, %what);
    };
    return $code->();
}

rule 'the_service_is_locked_first_of_all_and_the_account_that_others_share',
    forms => 1,
    sub {
    my $package = isp->package(isp->customer);
    my $svc     = isp->mailbox($package, username => 'jane');
    my @hooks   = (
        provision => 'account FREESIDE1, service',
        sub { return $svc->insert },
        change => 'service',
        sub { return isp->change($svc, finger => 'Jane Roe') },
        suspend => 'service',
        sub { return $package->suspend },
        unsuspend => 'service',
        sub { return isp->fresh($package)->unsuspend },
        unprovision => 'account FREESIDE1, service',
        sub { return isp->fresh($svc)->delete },
    );
    while (my ($name, $wanted, $hook) = splice @hooks, 0, 3) {
        my ($requests, %locked);
        my $note = sub {
            my (%what) = @_;
            $requests        = magicmail->requests;
            $locked{$_}      = 1 for map { "account $_" } @{$what{accounts}};
            $locked{service} = 1 if $what{svcnum};
        };
        magicmail->clear_log;
        my @statements;
        with_locks(
            $note,
            sub {
                @statements = Statements->of_hooks_during(sub { passes($name, $hook) })
            }
        );
        is join(', ', sort keys %locked), $wanted, "$name: what is locked";
        is $requests,                     0,       "$name: before anything is asked";
        my @rows =
            grep { $_->{sql} =~ /\b cust_main \b .* \b FOR \b/sx && $_->{by} =~ /magicmail/x } @statements;
        is scalar @rows, 0, "$name: and not by the row of the customer, which billing holds";
        my @locks = grep { $_->{sql} =~ /pg_advisory_xact_lock/x } @statements;
        is scalar @locks, scalar keys %locked, "$name: each by one statement";
    }
    };

rule 'a_package_that_is_suspended_while_a_provision_waits_gets_a_suspended_mailbox',
    not_in_3 => 'Freeside 3 returns the error of a suspend, and suspends nothing',
    forms    => 1,
    sub {
    my $package = isp->package(isp->customer);
    my $svc     = isp->mailbox($package, username => 'jane');
    my @answers;
    my $other = sub {
        @answers = isp->at_once($LONGEST, sub { return isp->fresh($package)->suspend })
    };
    with_locks(
        $other,
        sub {
            passes('provision', _unlocked(sub { return $svc->insert }))
        }
    );
    is_deeply \@answers, [q{}], 'the other one suspended it';
    is magicmail->user('jane')->{status}, 'suspended', 'the mailbox is suspended';
    };

rule 'a_package_that_goes_to_another_customer_while_a_provision_waits_gets_its_mailbox_there',
    forms => 1,
    sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = isp->mailbox(isp->package($ann), username => 'jane');
    my (@locked, @answers);
    my $other = sub {
        my (%what) = @_;
        if (!@locked) {
            @answers = isp->at_once($LONGEST, sub { return _give_to($bob, $svc->pkgnum) })
        }
        push @locked, @{$what{accounts}};
    };
    with_locks(
        $other,
        sub {
            passes('provision', _unlocked(sub { return $svc->insert }))
        }
    );
    is_deeply \@answers, [q{}],                                         'the other one gave it to Bob';
    is_deeply \@locked,  [map { 'FREESIDE' . $_->custnum } $ann, $bob], 'each account is locked';
    is magicmail->user('jane')->{account}, 'FREESIDE' . $bob->custnum, 'the mailbox is on the account of Bob';
    };

# As to one who does not see the service yet, for which there would be a hook else.
sub _give_to {
    my ($customer, $pkgnum) = @_;
    my $sql = 'UPDATE cust_pkg SET custnum = ? WHERE pkgnum = ?';
    return dbh->do($sql, {}, $customer->custnum, $pkgnum) && dbh->commit ? q{} : dbh->errstr;
}

done_testing;
