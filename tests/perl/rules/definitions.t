#!/usr/bin/perl

# A service that moves to another definition: Freeside calls the delete hook of
# the old exports and the insert hook of the new ones, and the mailbox survives.

use strict;
use warnings;

use Test::More;

use ISP::Transaction qw( in_transaction );
use Rule             qw( :all );

# Another definition with an export of its own.
sub gold {
    my (%option) = @_;
    return new_export(options => {package => 'GOLD', %option}, definitions => ['Gold']);
}

sub jobs_run {
    my ($what) = @_;
    return is_deeply [map { $_->{error} } isp->run_jobs], [q{}], $what;
}

for my $purge (q{}, 1) {
    my $how     = $purge ? 'with' : 'without';
    my %purging = (options => {autopurge => $purge});

    rule "the_mailbox_survives_a_change_of_definition_$how\_autopurge", %purging, sub {
        gold(autopurge => $purge);
        my $svc    = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
        my @writes = writes_during(
            sub {
                passes('moved', sub { isp->change_definition($svc, 'Gold') })
            }
        );
        is scalar(grep { /status=deleted|action=purge/x && !/package=/x } @writes), 0,
            'it was never marked or purged';
        is_deeply [map { $_->job } isp->jobs], ['FS::part_export::magicmail::unprovision_job'], 'a job';
        jobs_run('it runs');
        server_is 'the mailbox, with the new package', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": GOLD
address jane@example.net on jane
LINES
        unlike heard(), qr/taken[ ]over/x, 'it is the same mailbox, and no takeover';
        is export->get_remoteid($svc), 'FREESIDE1', 'its account is on record';
    };

    rule "the_mailbox_survives_a_change_of_definition_that_is_rolled_back_$how\_autopurge", %purging, sub {
        gold(autopurge => $purge);
        my $svc = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
        in_transaction(
            sub {
                passes('moved', sub { isp->change_definition($svc, 'Gold') });
                return 'something else failed'
            }
        );
        is scalar isp->jobs,                    0,                                   'no job';
        is isp->fresh($svc)->cust_svc->svcpart, isp->definition('Mailbox')->svcpart, 'the old definition';
        is magicmail->user('jane')->{status},   'active',                            'the mailbox is there';
        passes('edited', sub { isp->change($svc) });
    };

    rule "a_definition_that_no_magicmail_export_is_on_unprovisions_and_never_purges_$how\_autopurge",
        %purging, sub {
        isp->definition('Nowhere');
        my $svc      = provision(isp->customer, username => 'jane');
        my @requests = requests_during(
            sub {
                passes('moved', sub { isp->change_definition($svc, 'Nowhere') })
            }
        );
        is_deeply \@requests, [], 'the hook changes nothing';
        jobs_run('the job');
        server_is 'marks it', <<'LINES';
account FREESIDE1 deleted "Ann" "Lee"
user jane on FREESIDE1, master, deleted "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
        };
}

rule 'a_refused_insert_hook_of_the_new_definition_leaves_all_as_it_was' => sub {
    gold();
    my $svc = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    magicmail->modes(known_packages => ['EMAIL']);
    my $before = magicmail->state;
    my $text   = text_of(sub { isp->change_definition($svc, 'Gold') });
    says $text, 'error inserting export to magicmail (transaction rolled back): cannot provision mailbox',
        'the text';
    is_deeply magicmail->state, $before, 'in MagicMail';
    is isp->fresh($svc)->cust_svc->svcpart, isp->definition('Mailbox')->svcpart, 'in Freeside';
    is scalar isp->jobs,                    0,                                   'no job';
};

rule 'an_additional_mailbox_moves_without_touching_the_master_but_for_its_packages' => sub {
    gold();
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $svc = provision($ann, username => 'jane');
    passes('moved', sub { isp->change_definition($svc, 'Gold') });
    jobs_run('the job');
    server_is 'both', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user first on FREESIDE1, master, active "Ann" "Lee": EMAIL, GOLD
user jane on FREESIDE1, active "Ann" "Lee": ADDITIONAL NOCOST MAILBOX
address first@example.net on first
address jane@example.net on jane
LINES
};

rule 'a_definition_of_another_prefix_finds_the_mailbox_on_the_account_on_record' => sub {
    gold(account_prefix => 'ISP');
    my $svc = provision(isp->customer, username => 'jane');
    passes('moved', sub { isp->change_definition($svc, 'Gold') });
    jobs_run('the job');
    server_is 'it stays there', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Ann" "Lee": GOLD
address jane@example.net on jane
LINES
};

rule 'a_suspended_mailbox_goes_on_sleeping_under_its_new_definition' => sub {
    gold();
    my $package = isp->package(isp->customer);
    my $svc     = provision($package, username => 'jane');
    passes('suspended', sub { $package->suspend });
    passes('moved',     sub { isp->change_definition(isp->fresh($svc), 'Gold') });
    jobs_run('the job');
    is magicmail->user('jane')->{status}, 'suspended', 'it does';
};

rule 'the_job_keeps_a_user_whom_another_service_uses_by_then' => sub {
    isp->definition('Nowhere');
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    passes('moved',       sub { isp->change_definition($svc, 'Nowhere') });
    passes('provisioned', sub { isp->mailbox($ann, username => 'jane', domain => 'example.org')->insert });
    jobs_run('the job');
    server_is 'the address of the one that moved is gone', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.org on jane
LINES
};

rule 'the_job_leaves_a_user_alone_whose_address_another_service_has' => sub {
    isp->definition('Nowhere');
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    passes('moved',       sub { isp->change_definition($svc, 'Nowhere') });
    passes('provisioned', sub { isp->mailbox($ann, username => 'jane')->insert });
    my $before = magicmail->state;
    jobs_run('the job');
    is_deeply magicmail->state, $before, 'it is as it was';
};

rule 'the_job_is_not_kept_from_a_mailbox_by_a_namesake_elsewhere' => sub {
    isp->definition('Nowhere');
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($ann, username => 'jane');
    {
        local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
        passes('a namesake that was never exported',
            sub { isp->mailbox($bob, username => 'jane', domain => 'example.org')->insert });
    }
    passes('moved', sub { isp->change_definition($svc, 'Nowhere') });
    jobs_run('the job');
    is magicmail->user('jane')->{status}, 'deleted', 'it is marked deleted';
};

rule 'the_job_fails_and_stays_where_the_server_cannot_be_asked' => sub {
    isp->definition('Nowhere');
    my $svc = provision(isp->customer, username => 'jane');
    passes('moved', sub { isp->change_definition($svc, 'Nowhere') });
    magicmail->faults({kind => 'status_500', on => 1, count => undef});
    my ($done) = isp->run_jobs;
    staff_read('the job', $done->{error} =~ s/\n\z//rx);
    magicmail->faults;
    isp->retry($_) for isp->jobs;
    jobs_run('again');
    is magicmail->user('jane')->{status}, 'deleted', 'done';
};

rule 'a_real_unprovision_is_not_put_off' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    is scalar isp->jobs,                  0,         'no job';
    is magicmail->user('jane')->{status}, 'deleted', 'at once';
};

done_testing;
