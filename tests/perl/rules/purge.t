#!/usr/bin/perl

# Unprovision with autopurge: at once, or once the transaction is committed.

use strict;
use warnings;

use Test::More;

use FS::Record       qw( dbh );
use ISP::Transaction qw( in_transaction );
use Rule             qw( :all );

my %PURGING = (options => {autopurge => 1});
my %LATER   = (options => {autopurge => 1, purge_after_commit => 1});

rule 'with_autopurge_the_mailbox_its_address_and_its_account_are_gone', %PURGING, sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    emptied_is_gone();
    is scalar isp->jobs, 0, 'nothing is left to the queue';
    my $bob = isp->customer(first => 'Bob');
    provision($bob, username => 'jane');
    is magicmail->user('jane')->{account}, 'FREESIDE2', 'the name is free at once';
};

rule 'with_autopurge_only_this_mailbox_goes_where_others_remain', %PURGING, sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'first');
    provision($ann, username => 'second');
    passes('unprovisioned', sub { $svc->delete });
    server_is 'the other one is the master', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user second on FREESIDE1, master, active "Ann" "Lee": EMAIL
address second@example.net on second
LINES
};

for my $follow (0, 1) {
    my $when = $follow ? 'took_along' : 'kept';
    rule "the_address_is_gone_where_the_server_$when\_those_of_deleted_users", %PURGING,
        modes => {addresses_follow_delete => $follow ? \1 : \0},
        sub {
        my $svc = provision(isp->customer, username => 'jane');
        passes('unprovisioned', sub { $svc->delete });
        emptied_is_gone();
        unlike heard(), qr/could[ ]not/x, 'no word of it';
        };
}

# Nobody can tell who was made by hand on a server that does not list deleted users.
rule 'an_account_with_deleted_mailboxes_is_not_purged', %PURGING, sub {
    return pass 'such a server' if form->hides_deleted;
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    change_server(sub { $_[0]{users}{other} = {%{$_[0]{users}{jane}}, status => 'deleted', packages => []} });
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'it is marked deleted';
    is magicmail->user('other')->{status},        'deleted', 'their mail is kept';
    is magicmail->user('jane'),                   undef,     'this one is gone';
};

# The first mailbox of a customer's is only marked deleted, the second one is there.
sub one_marked {
    my ($ann) = @_;
    my $one   = provision($ann, username => 'first');
    my $two   = provision($ann, username => 'jane');
    passes('the first one is marked', sub { $one->delete });
    isp->change_options(export, autopurge => 1);
    return $two;
}

rule 'a_former_mailbox_that_is_still_there_keeps_the_account' => sub {
    my $ann = isp->customer;
    my $svc = one_marked($ann);
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('jane'),                   undef,     'this one is gone';
    is magicmail->user('first')->{status},        'deleted', 'the other one is not';
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'the account is marked deleted';
    unlike heard(), qr/could[ ]not/x, 'which is no warning';
    change_server(sub { $_[0]{users} = {}; $_[0]{addresses} = {} });
    my $third = provision($ann, username => 'third');
    passes('unprovisioned', sub { $third->delete });
    emptied_is_gone();
};

rule 'a_former_mailbox_of_a_customer_who_was_merged_keeps_the_account' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = one_marked($ann);
    passes('merged',        sub { $ann->merge($bob->custnum) });
    passes('unprovisioned', sub { isp->fresh($svc)->delete });
    is magicmail->user('jane'),                   undef,     'this one is gone';
    is magicmail->user('first')->{status},        'deleted', 'the other one is not';
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'the account is marked deleted';
};

rule 'a_former_mailbox_of_a_package_that_was_changed_keeps_the_account' => sub {
    my $ann     = isp->customer;
    my $package = isp->package($ann);
    my $svc     = provision($package, username => 'first');
    my $bob     = isp->customer(first => 'Bob');
    ok ref isp->fresh($package)->change({custnum => $bob->custnum}), 'it is Bob\'s now';
    passes('the first one is marked', sub { isp->fresh($svc)->delete });
    is magicmail->user('first')->{account}, 'FREESIDE1', 'on the account that is Ann\'s';
    isp->change_options(export, autopurge => 1);
    my $two = provision($ann, username => 'jane');
    passes('unprovisioned', sub { $two->delete });
    is magicmail->user('first')->{status},        'deleted', 'it is there';
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'so is the account';
};

rule 'former_mailboxes_that_are_gone_or_elsewhere_do_not_keep_the_account' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = one_marked($ann);
    provision($bob, username => 'other');
    change_server(sub { $_[0]{users}{first}{account} = 'FREESIDE2' });
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->account('FREESIDE1'),    undef,     'it is gone';
    is magicmail->user('first')->{status}, 'deleted', 'the mailbox is not';
};

rule 'the_account_of_an_agents_number_goes_too',
    options => {autopurge => 1, use_agent_custid => 1},
    sub {
    my $svc = provision(isp->customer(agent_custid => 'FIX1'), username => 'jane');
    is magicmail->user('jane')->{account}, 'FREESIDEFIX1', 'it is there';
    passes('unprovisioned', sub { $svc->delete });
    emptied_is_gone();
    };

# What keeps Freeside's history from telling everybody who was on account FREESIDE1.
my %UNTOLD = (
    'is_not_kept' => sub { dbh->do('DELETE FROM h_svc_acct') },
    'has_a_hole'  => sub {
        my ($ann) = @_;
        my $svc = provision($ann, username => 'third');
        passes('one that nobody knows', sub { $svc->delete });
        dbh->do(q{DELETE FROM h_svc_acct WHERE username = 'third'});
    },
    'has_another_prefix' => sub {
        isp->change_options(export, account_prefix => 'FREE');
        isp->change_options(export, account_prefix => 'FREESIDE');
        dbh->do(q{UPDATE h_part_export_option SET optionvalue = 'FREESID' WHERE optionvalue = 'FREE'})
            && isp->change_options(export, use_agent_custid => 1);
    },
    'had_numbers_of_agents' => sub {
        isp->change_options(export, use_agent_custid => 1);
        isp->change_options(export, use_agent_custid => q{});
    },
);

for my $case (sort keys %UNTOLD) {
    rule "an_account_stays_if_only_history_could_tell_and_it_$case", %PURGING, sub {
        my $ann = isp->customer;
        my $svc = provision($ann, username => 'jane');
        ok $UNTOLD{$case}->($ann), $case;
        dbh->commit;
        passes('unprovisioned', sub { $svc->delete });
        is magicmail->user('jane'), undef, 'the mailbox is gone';
        my $account = magicmail->account('FREESIDE1');
        is $account && $account->{status}, form->hides_deleted ? 'deleted' : undef, 'the account';
    };
}

rule 'a_history_that_cannot_be_read_only_keeps_the_account', %PURGING,
    forms => 2,
    sub {
    my $svc = provision(isp->customer, username => 'jane');
    ## no critic (ProhibitNoWarnings, ProtectPrivateVars): on purpose
    no warnings 'redefine';
    local *FS::part_export::magicmail::Records::history_rows =
        sub { dbh->do('SELECT 1 FROM nowhere'); die "it hangs\n" };
    local dbh->{PrintError} = 0;
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('jane'), undef, 'the mailbox is gone';
    says heard(), 'who was on account FREESIDE1 before is not known, so it is not purged: it hangs',
        'a warning';
    };

rule 'an_account_whose_address_is_on_another_user_leaves_it_there', %PURGING, sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'first');
    provision($ann, username => 'second');
    change_server(sub { $_[0]{addresses}{'first@example.net'} = 'second' });
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->state->{addresses}{'first@example.net'}, 'second', 'it is';
};

rule 'a_purge_after_commit_is_a_job_that_takes_the_mailbox_away', %LATER, sub {
    my $svc = provision(isp->customer, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    server_is 'only marked', <<'LINES';
account FREESIDE1 deleted "Ann" "Lee"
user jane on FREESIDE1, master, deleted "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
    is_deeply [map { $_->job } isp->jobs],         ['FS::part_export::magicmail::purge_job'], 'a job';
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}],                                     'which runs';
    emptied_is_gone();
};

rule 'an_unprovision_that_is_rolled_back_never_loses_mail', %LATER, sub {
    my $svc = provision(isp->customer, username => 'jane');
    in_transaction(
        sub {
            passes('unprovisioned', sub { $svc->delete });
            return 'something else failed'
        }
    );
    is scalar isp->jobs,     0, 'the job is rolled back with it';
    is scalar isp->run_jobs, 0, 'nothing runs';
    ok isp->fresh($svc), 'Freeside has the service';
    is magicmail->user('jane')->{status}, 'deleted', 'the mailbox is only marked';
    passes(
        'put right',
        sub {
            in_transaction(sub { export->export_insert($svc) })
        }
    );
    server_is 'it is back', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
};

my %SPARED = (
    'is_not_deleted_any_more' => sub { $_[0]{users}{jane}{status} = 'active' },
    'is_on_another_account'   => sub {
        $_[0]{accounts}{OTHER7} = {first_name => 'O', last_name => 'P', status => 'active'};
        $_[0]{users}{jane}{account} = 'OTHER7';
    },
);

for my $case (sort keys %SPARED) {
    rule "the_job_spares_a_mailbox_that_$case", %LATER, sub {
        my $svc = provision(isp->customer, username => 'jane');
        passes('unprovisioned', sub { $svc->delete });
        change_server($SPARED{$case});
        my $before = magicmail->state;
        is_deeply [map { $_->{error} } isp->run_jobs], [q{}],   'the job runs';
        is_deeply magicmail->state,                    $before, 'and changes nothing';
    };
}

rule 'the_job_spares_a_mailbox_that_a_service_uses_again', %LATER, sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    provision($ann, username => 'jane');
    my $before   = magicmail->state;
    my @requests = requests_during(
        sub {
            is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'the job runs'
        }
    );
    is_deeply \@requests,       [],      'without a request';
    is_deeply magicmail->state, $before, 'and changes nothing';
};

rule 'the_job_keeps_an_account_that_others_use', %LATER, sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    provision($ann, username => 'other');
    passes('unprovisioned', sub { $svc->delete });
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'the job runs';
    server_is 'the other one', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user other on FREESIDE1, master, active "Ann" "Lee": EMAIL
address other@example.net on other
LINES
};

rule 'the_job_keeps_an_account_whose_other_mailbox_is_only_marked_deleted', %LATER, sub {
    my $ann   = isp->customer;
    my $svc   = provision($ann, username => 'jane');
    my $other = provision($ann, username => 'other');
    passes('unprovisioned', sub { $svc->delete });
    in_transaction(
        sub {
            passes('the other one too', sub { $other->delete });
            return 'something else failed'
        }
    );
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'the job runs';
    is magicmail->user('jane'),            undef,     'its mailbox is gone';
    is magicmail->user('other')->{status}, 'deleted', 'the mail of the service that stayed is kept';
    passes(
        'put right',
        sub {
            in_transaction(sub { export->export_insert($other) })
        }
    );
    is magicmail->user('other')->{status}, 'active', 'it is back';
};

rule 'the_job_keeps_an_account_while_a_former_mailbox_is_there' => sub {
    my $ann = isp->customer;
    my $svc = one_marked($ann);
    isp->change_options(export, purge_after_commit => 1);
    passes('unprovisioned', sub { $svc->delete });
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'the job runs';
    is magicmail->user('jane'),                   undef,     'this one is gone';
    is magicmail->user('first')->{status},        'deleted', 'the other one is not';
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'the account is marked deleted';
};

rule 'the_job_spares_the_mailbox_of_a_service_of_another_customer', %LATER, sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($ann, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    {
        local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
        my $other = isp->mailbox($bob, username => 'jane', domain => 'example.org');
        passes('another one', sub { $other->insert });
    }
    change_server(sub { $_[0]{addresses} = {'jane@example.org' => 'jane'} });
    my $before = magicmail->state;
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}],   'the job runs';
    is_deeply magicmail->state,                    $before, 'and changes nothing: it has the other address';
};

rule 'a_job_that_fails_stays_with_its_text', %LATER, sub {
    my $svc = provision(isp->customer, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    magicmail->faults({kind => 'status_500', on => 1, count => undef});
    my ($done) = isp->run_jobs;
    staff_read('the job', $done->{error} =~ s/\n\z//rx);
    my ($job) = isp->jobs;
    is $job->status, 'failed', 'it stays';
    magicmail->faults;
    isp->retry($job);
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'staff try it again';
    emptied_is_gone();
};

# A server that takes the addresses of a deleted user away leaves nothing that tells.
rule 'the_job_purges_a_mailbox_whose_name_a_service_of_another_customer_has', %LATER,
    modes => {addresses_follow_delete => \0},
    sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($ann, username => 'jane');
    {
        local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
        my $never = isp->mailbox($bob, username => 'jane', domain => 'example.org');
        passes('one that was never exported', sub { $never->insert });
    }
    passes('unprovisioned', sub { $svc->delete });
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'the job runs';
    emptied_is_gone();
    };

done_testing;
