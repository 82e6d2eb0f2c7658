#!/usr/bin/perl

# Background jobs, the system's log, access rights, and the buttons on an
# export's page.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Died qw( died );
use FS::Log;
use FS::queue;
use FS::Record qw( in_transaction qsearch );
use ISP;

## no critic (ProhibitPackageVars): Freeside's and the recording export's

my $WORK = 'FS::part_export::recording::work';

my $isp    = ISP->open;
my $export = $isp->export('recording');
my $svc    = $isp->provisioned($isp->customer, username => 'jane');

sub queued {
    my (@arguments) = @_;
    my $job = FS::queue->new({job => $WORK, svcnum => $svc->svcnum});
    is $job->insert(@arguments), q{}, 'queued';
    return $job;
}

sub calls {
    my ($code) = @_;
    local @FS::part_export::recording::CALLS = ();
    $code->();
    return @FS::part_export::recording::CALLS;
}

subtest 'a_job_exists_only_if_its_transaction_commits' => sub {
    in_transaction(sub { queued(1); return 'rolled back' });
    is scalar($isp->jobs), 0, 'rolled back: none';
    in_transaction(sub { queued(2); return q{} });
    is scalar($isp->jobs), 1, 'committed: one';
    $isp->run_jobs;
};

subtest 'a_job_gets_its_arguments_and_goes_when_it_is_done' => sub {
    queued('text', 17, {deep => [1, 'two']});
    my @done;
    my ($call) = calls(sub { @done = $isp->run_jobs });
    is_deeply $call->{more}, ['text', 17, {deep => [1, 'two']}], 'the arguments and nothing else';
    is $done[0]{error},                  q{}, 'no error';
    is scalar($isp->jobs),               0,   'no row is left';
    is scalar(qsearch('queue_arg', {})), 0,   'nor its arguments';
};

subtest 'a_job_that_dies_is_kept_with_its_text_and_can_be_tried_again' => sub {
    my $job = queued('fail');
    my ($done) = $isp->run_jobs;
    is $done->{error}, "cannot work\n", 'the text is given';
    my $kept = $isp->fresh($job);
    is $kept->status,             'failed',        'it is kept';
    is $kept->statustext,         "cannot work\n", 'with its text';
    is scalar($isp->run_jobs),    0,               'it is not tried again by itself';
    is $kept->retry,              q{},             'staff do that';
    is scalar($isp->run_jobs),    1,               'then it runs';
    is $isp->fresh($job)->delete, q{},             'or remove it';
};

subtest 'what_a_job_did_before_it_died_is_undone' => sub {
    local @FS::part_export::recording::CALLS = ();
    my $job = FS::queue->new({job => 'FS::part_export::recording::write_and_fail'});
    $job->insert;
    my ($done) = $isp->run_jobs;
    is $done->{error},                                   "written and failed\n", 'it died';
    is scalar(qsearch('agent', {agent => 'Half made'})), 0,                      'its row is gone';
    $isp->fresh($job)->delete;
};

subtest 'a_job_runs_as_the_employee_who_queued_it' => sub {
    $isp->employee('joe');
    $isp->as(joe => sub { queued('hello') });
    my ($call) = calls(sub { $isp->run_jobs });
    is $call->{user},                           'joe',   'joe';
    is $FS::CurrentUser::CurrentUser->username, 'admin', 'and we are who we were';
};

subtest 'a_button_runs_a_sub_of_the_export_with_a_progress_bar' => sub {
    my ($error, @texts) = $isp->script($export, 'script');
    is $error, q{}, 'no error';
    is_deeply \@texts, ['50,Checking export ' . $export->exportnum, '100,Done'], 'what the bar showed';
    ($error) = $isp->as(joe => sub { $isp->script($export, 'script') });
    is $error, "access denied\n", 'an employee without the right';
    $_->delete for $isp->jobs;
};

subtest 'a_right_is_one_of_those_of_the_employees_groups' => sub {
    my $eve = $isp->employee('eve', 'View customer', 'Services: Accounts');
    ok $eve->access_right('View customer'),                         'his';
    ok $eve->access_right(['Configuration', 'Services: Accounts']), 'one of several';
    ok !$eve->access_right('Configuration'),                        'not his';
};

subtest 'the_log_has_a_line_with_its_object_and_context' => sub {
    FS::Log->new('FS::part_export::recording')->info('made user jane', object => $svc);
    my ($line) = $isp->log_rows;
    is $line->message,   'made user jane', 'text';
    is $line->level,     1,                'info';
    is $line->tablename, 'svc_acct',       'table';
    is $line->tablenum,  $svc->svcnum,     'key';
    is_deeply [$line->context], ['FS::part_export::recording'], 'context';
    in_transaction(sub { FS::Log->new('x')->error('lost'); return 'rolled back' });
    is scalar($isp->log_rows), 1, 'a line of a transaction that rolls back is lost';
};

done_testing;
