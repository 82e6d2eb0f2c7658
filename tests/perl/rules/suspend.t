#!/usr/bin/perl

# Suspend and unsuspend, the job that tries again, and the marks of older
# Freesides.

use strict;
use warnings;

use Test::More;

use ISP::Transaction qw( in_transaction );
use Rule             qw( :all );

my $OTHER = {first_name => 'O', last_name => 'P', status => 'active'};

# A mailbox in a package: the package, the service.
sub mailbox {
    my (%column) = @_;
    my $package  = isp->package(isp->customer);
    my $svc      = provision($package, username => 'jane', %column);
    return ($package, $svc);
}

sub status_is {
    my ($status, $what) = @_;
    return is magicmail->user('jane')->{status}, $status, $what;
}

sub jobs_of_suspend {
    return grep { $_->job eq 'FS::part_export::magicmail::suspend_job' } isp->jobs;
}

rule 'a_suspended_package_is_a_suspended_mailbox_until_it_is_unsuspended' => sub {
    my ($package) = mailbox();
    my $before = magicmail->state;
    passes('suspend', sub { $package->suspend });
    status_is 'suspended', 'it sleeps';
    is password_of('jane'), 'plain secret12', 'with its password';
    passes('unsuspend', sub { isp->fresh($package)->unsuspend });
    is_deeply magicmail->state, $before, 'as before';
    is scalar isp->jobs, 0, 'no job';
};

my %GONE = (
    'is_not_in_magicmail' => [sub { $_[0]{users} = {} }, 'there is no user jane in MagicMail'],
    'is_marked_deleted'   =>
        [sub { $_[0]{users}{jane}{status} = 'deleted' }, 'user jane is marked deleted in MagicMail'],
    'is_on_another_account' => [
        sub { $_[0]{accounts}{OTHER7} = $OTHER; $_[0]{users}{jane}{account} = 'OTHER7' },
        'user jane belongs to account OTHER7, not FREESIDE1'
    ],
);

for my $case (sort keys %GONE) {
    my ($happened, $why) = @{$GONE{$case}};
    for my $hook (qw( suspend unsuspend )) {
        rule "a_$hook\_of_a_mailbox_that_$case\_is_refused" => sub {
            my ($package, $svc) = mailbox();
            change_server($happened);
            my $before = magicmail->state;
            my $text   = refused 'the hook', $why, sub { $svc->$hook };
            says $text, "cannot $hook mailbox jane\@example.net: ", 'it says what';
            is_deeply magicmail->state, $before, 'nothing is changed';
        };
    }
}

for my $hook (qw( suspend unsuspend )) {
    rule "what_is_so_already_is_a_success_of_$hook\_and_sends_nothing" => sub {
        my ($package, $svc) = mailbox();
        passes($hook, sub { $svc->$hook });
        my @requests = requests_during(
            sub {
                passes('again', sub { $svc->$hook })
            }
        );
        is_deeply \@requests, ['GET /user/jane'], 'it is looked at, and nothing is sent';
    };
}

# What follows an error that Freeside does not hear of.
my @GOES_ON = (not_in_3 => 'Freeside 3 returns the error of a suspend, and suspends nothing');

rule 'a_suspend_that_failed_warns_logs_and_queues_a_job_that_tries_again', @GOES_ON, sub {
    my ($package) = mailbox();
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    passes('Freeside hears of no error', sub { $package->suspend });
    status_is 'active', 'the mailbox is open';
    says heard(), 'cannot suspend mailbox jane@example.net: could not suspend user jane',
        'the error log says so';
    says join("\n", log_lines()), 'error: cannot suspend mailbox jane@example.net: ', q{and Freeside's};
    is scalar jobs_of_suspend(), 1, 'a job';
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'it runs';
    status_is 'suspended', 'it sleeps now';
    is scalar isp->jobs, 0, 'the job is done';
};

rule 'the_error_of_a_suspend_says_so_where_freeside_asks_for_it' => sub {
    my ($package, $svc) = mailbox();
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    my $text = text_of(sub { $svc->suspend });
    says $text,
        'error exporting export_suspend event to magicmail (transaction rolled back): cannot suspend mailbox',
        'it does';
};

rule 'the_job_does_nothing_when_the_package_is_not_suspended_any_more', @GOES_ON, sub {
    my ($package) = mailbox();
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    passes('suspend',   sub { $package->suspend });
    passes('unsuspend', sub { isp->fresh($package)->unsuspend });
    my @requests = requests_during(
        sub {
            is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'it runs'
        }
    );
    is_deeply \@requests, [], 'without a request';
    status_is 'active', 'the mailbox is open';
};

rule 'the_job_does_nothing_when_the_export_does_not_suspend_any_more', @GOES_ON, sub {
    my ($package) = mailbox();
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    passes('suspend', sub { $package->suspend });
    my $export = isp->fresh(export);
    $export->set(no_suspend => 'Y');
    is $export->replace(isp->fresh(export)), q{}, 'no_suspend is set';
    my @requests = requests_during(
        sub {
            is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'it runs'
        }
    );
    is_deeply \@requests, [], 'without a request';
};

rule 'the_job_does_nothing_when_the_service_is_gone', @GOES_ON, sub {
    my ($package, $svc) = mailbox();
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    passes('suspend',     sub { $package->suspend });
    passes('unprovision', sub { isp->fresh($svc)->delete });
    my @requests = requests_during(
        sub {
            is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'it runs'
        }
    );
    is_deeply \@requests, [], 'without a request';
    status_is 'deleted', 'and it is not revived';
};

rule 'a_job_that_fails_stays_in_the_queue_with_its_text_and_can_be_retried', @GOES_ON, sub {
    my ($package) = mailbox();
    magicmail->faults(
        {kind => 'error_document', on => 1, count => 2, method => 'POST', path => '/user/jane'});
    passes('suspend', sub { $package->suspend });
    my ($done) = isp->run_jobs;
    staff_read('the job', $done->{error} =~ s/\n\z//rx);
    my ($job) = isp->jobs;
    is $job->status, 'failed', 'it stays';
    says $job->get('statustext'), 'cannot suspend mailbox jane@example.net: could not suspend user jane',
        'with its text';
    is scalar jobs_of_suspend(), 1, 'and queues no other';
    isp->retry($job);
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'staff try it again';
    status_is 'suspended', 'it sleeps now';
};

rule 'an_unsuspend_that_failed_is_an_error_and_the_package_stays_suspended' => sub {
    my ($package) = mailbox();
    passes('suspend', sub { $package->suspend });
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    refused 'unsuspend', 'cannot unsuspend mailbox jane@example.net: could not activate user jane',
        sub { isp->fresh($package)->unsuspend };
    ok isp->fresh($package)->susp, 'in Freeside';
    status_is 'suspended', 'and in MagicMail';
    is scalar isp->jobs, 0, 'no job';
};

rule 'an_export_that_does_not_suspend_changes_nothing' => sub {
    new_export(no_suspend => 'Y', definitions => ['Quiet']);
    my ($package, $svc) = mailbox(definition => 'Quiet');
    my @requests = requests_during(
        sub {
            passes('suspend', sub { $package->suspend })
        }
    );
    is_deeply \@requests, [], 'no request';
    status_is 'active', 'it is awake';

    # Freeside leaves out the suspend hook alone.
    passes('unsuspend', sub { isp->fresh($package)->unsuspend });
    status_is 'active', 'as before';
};

my $DES        = 'abJnggxhB/yWI';
my @NOT_STORED = (small => 'today a real Freeside stores no mark before such a password');
my %MARKS      = (
    'SUSPENDED_before_a_plain_password' => ['plain', 'secret12', '*SUSPENDED* secret12', 'plain secret12'],
    'SUSPENDED_before_a_crypt_string'   => ['crypt', $DES,       "*SUSPENDED* $DES",     "encrypted $DES"],
    'one_exclamation_mark_before_a_crypt_string'         => ['crypt', $DES, "!$DES",  "encrypted $DES"],
    'two_exclamation_marks_before_a_crypt_string'        => ['crypt', $DES, "!!$DES", "encrypted $DES"],
    'one_exclamation_mark_before_a_crypt_string_of_ldap' =>
        ['ldap', "{CRYPT}$DES", "!{CRYPT}$DES", "encrypted $DES"],
    'SUSPENDED_before_a_password_of_ldap' =>
        ['ldap', '{PLAIN}secret12', '*SUSPENDED* {PLAIN}secret12', 'plain secret12'],
);

for my $mark (sort keys %MARKS) {
    my ($encoding, $stored, $marked, $sent) = @{$MARKS{$mark}};
    rule "the_mark_$mark\_is_never_sent", $encoding eq 'plain' ? () : @NOT_STORED, sub {
        my ($package, $svc) = mailbox(_password => $stored, _password_encoding => $encoding);
        my @told =
            map { $_->{parameters}{password} } grep { defined $_->{parameters}{password} } magicmail->log;
        passes('marked', sub { isp->change($svc, _password => $marked) });
        is password_of('jane'), $sent, 'it keeps its real password';
        passes('unmarked', sub { isp->change($svc, _password => $stored) });
        is password_of('jane'), $sent, 'throughout';
        push @told,
            map { $_->{parameters}{password} } grep { defined $_->{parameters}{password} } magicmail->log;
        is scalar(grep { /SUSPENDED|\A!/x } @told), 0, 'no mark was sent';
        cmp_ok scalar @told, q{>=}, 2, 'though passwords were';
    };
}

rule 'exclamation_marks_before_a_plain_password_are_the_password' => sub {
    mailbox(_password => '!!secret12');
    is password_of('jane'), 'plain !!secret12', 'as it is';
};

rule 'the_mark_that_freeside_takes_away_when_it_unsuspends_is_no_matter' => sub {
    my ($package, $svc) = mailbox();
    passes('marked',    sub { isp->change($svc, _password => '*SUSPENDED* secret12') });
    passes('suspend',   sub { $package->suspend });
    passes('unsuspend', sub { isp->fresh($package)->unsuspend });
    status_is 'active', 'it is awake';
    is isp->fresh($svc)->_password, 'secret12',       'Freeside took it away';
    is password_of('jane'),         'plain secret12', 'and MagicMail never had it';
};

rule 'a_marked_mailbox_is_provisioned_with_its_real_password' => sub {
    mailbox(_password => '*SUSPENDED* secret12');
    is password_of('jane'), 'plain secret12', 'without the mark';
};

done_testing;
