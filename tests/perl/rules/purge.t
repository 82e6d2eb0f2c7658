#!/usr/bin/perl

# Unprovision with autopurge: at once, or once the transaction is committed.

use strict;
use warnings;

use Test::More;

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

rule 'an_account_with_deleted_mailboxes_is_not_purged', %PURGING, sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    change_server(sub { $_[0]{users}{other} = {%{$_[0]{users}{jane}}, status => 'deleted', packages => []} });
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'it is marked deleted';
    is magicmail->user('other')->{status},        'deleted', 'their mail is kept';
    is magicmail->user('jane'),                   undef,     'this one is gone';
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

done_testing;
