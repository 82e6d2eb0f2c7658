#!/usr/bin/perl

# The hooks of an export: when each is called, with what, and what Freeside
# makes of its answer.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( qsearch qsearchs );
use FS::UID    qw( dbh driver_name );
use Died       qw( died );
use ISP;

## no critic (ProhibitPackageVars): Freeside's and the recording export's

my $isp    = ISP->open;
my $export = $isp->export('recording');
my $ann    = $isp->customer;

# The calls of the hooks while the code runs.
sub calls {
    my ($code) = @_;
    local @FS::part_export::recording::CALLS = ();
    $code->();
    return @FS::part_export::recording::CALLS;
}

sub refusing {
    my ($hook, $code) = @_;
    $isp->change_options($export, refuse => $hook);
    my $error = $code->();
    $isp->change_options($export, refuse => q{});
    return $error;
}

subtest 'insert_is_called_after_both_rows_are_written_in_a_transaction' => sub {
    my $svc = $isp->mailbox($ann, username => 'jane');
    my ($call) = calls(sub { is $svc->insert, q{}, 'no error' });
    is $call->{hook},              'insert',                   'the hook';
    is $call->{svc_acct},          1,                          'the row of svc_acct';
    is $call->{svcpart},           $svc->svcpart,              'the row of cust_svc';
    is $call->{autocommit},        0,                          'AutoCommit is off';
    is $call->{signals},           join(q{,}, ('IGNORE') x 6), 'signals are ignored';
    is $call->{customer}->custnum, $ann->custnum,              'the customer is known';
    is $call->{svc}->svcnum,       $svc->svcnum,               'the number is known';
    is $FS::UID::AutoCommit,       1,                          'AutoCommit is on again';
};

subtest 'an_insert_that_is_refused_leaves_nothing_and_says_who_refused' => sub {
    my $svc = $isp->mailbox($ann, username => 'refused');
    is refusing(insert => sub { $svc->insert }),
        'exporting to recording (transaction rolled back): the insert hook refused',
        'the text';
    is qsearchs('svc_acct', {username => 'refused'}),    undef, 'no svc_acct';
    is qsearchs('cust_svc', {svcnum   => $svc->svcnum}), undef, 'no cust_svc';
};

subtest 'freeside_may_fail_after_the_hook_succeeded' => sub {
    local $FS::svc_acct::password_history_error = 'no such hash';
    my $svc   = $isp->mailbox($ann, username => 'late');
    my @calls = calls(sub { is $svc->insert, 'no such hash', 'its text' });
    is scalar @calls,                              1,     'the hook was called';
    is qsearchs('svc_acct', {username => 'late'}), undef, 'nothing is left';
};

subtest 'replace_is_called_after_the_row_is_written_with_new_and_old' => sub {
    my $svc = $isp->provisioned($ann, username => 'mary', finger => 'Mary');
    my ($call) = calls(sub { is $isp->change($svc, finger => 'Mary Roe'), q{}, 'no error' });
    is $call->{hook},            'replace',  'the hook';
    is $call->{svc}->finger,     'Mary Roe', 'new';
    is $call->{more}[0]->finger, 'Mary',     'old';
    is refusing(replace => sub { $isp->change($svc, finger => 'X') }),
        'error exporting to recording (transaction rolled back): the replace hook refused',
        'the text';
    is $isp->fresh($svc)->finger, 'Mary Roe', 'rolled back';
    ($call) = calls(sub { $isp->reexport($export, $svc, 'replace') });
    is $call->{svc}, $call->{more}[0], 'a reexport passes one record twice';
    my @calls = calls(sub { $isp->change($svc) });
    is scalar @calls, 1, 'an edit without a change calls it too';
};

subtest 'delete_is_called_between_the_two_rows' => sub {
    my $svc = $isp->provisioned($ann, username => 'gone');
    is refusing(delete => sub { $svc->delete }),
        'error exporting export_delete event to recording (transaction rolled back): the delete hook refused',
        'the text';
    ok $isp->fresh($svc), 'it is still there';
    my ($call) = calls(sub { is $svc->delete, q{}, 'no error' });
    is $call->{svc_acct}, 0, 'svc_acct is gone';
    ok $call->{svcpart},  'cust_svc is there';
    ok $call->{customer}, 'and the customer';
    is qsearchs('cust_svc', {svcnum => $svc->svcnum}), undef, 'afterwards it is gone too';
};

subtest 'a_service_in_no_package_has_no_customer' => sub {
    my ($call) = calls(
        sub {
            is $isp->mailbox(undef, username => 'stray')->insert, q{}, 'inserted';
        }
    );
    is $call->{customer}, undef, 'none';
};

subtest 'the_suspend_hook_alone_is_left_out_where_the_export_has_no_suspend' => sub {
    my $quiet = $isp->export('recording', no_suspend => 'Y', definitions => ['Quiet']);
    my $svc   = $isp->provisioned($ann, username => 'quiet', definition => 'Quiet');
    is_deeply [map { $_->{hook} } calls(sub { $svc->suspend; $svc->unsuspend })], ['unsuspend'], 'it is';
    my $loud = $isp->provisioned($ann, username => 'loud');
    is_deeply [map { $_->{hook} } calls(sub { $loud->suspend; $loud->unsuspend })],
        [qw( suspend unsuspend )],
        'otherwise both';
};

subtest 'a_mark_of_old_freesides_is_taken_away_by_a_change_before_the_unsuspend' => sub {
    my $svc = $isp->provisioned(
        $ann,
        username  => 'marked',
        _password => '*SUSPENDED* s3cret'
    );
    my @calls = calls(sub { is $svc->unsuspend, q{}, 'no error' });
    is_deeply [map { $_->{hook} } @calls], [qw( replace unsuspend )], 'the hooks';
    is $calls[0]{svc}->_password, 's3cret', 'the bare password';
};

subtest 'noexport_hack_calls_nothing' => sub {
    local $FS::svc_Common::noexport_hack = 1;
    my @calls = calls(
        sub {
            my $svc = $isp->provisioned($ann, username => 'silent');
            $isp->change($svc, finger => 'Silent');
            $svc->suspend;
            $isp->fresh($svc)->delete;
        }
    );
    is scalar @calls, 0, 'no call';
};

subtest 'the_pages_ask_every_export_that_can_answer' => sub {
    my $svc = $isp->provisioned($ann, username => 'page');
    my ($html, $status) = $svc->export_getstatus;
    is $html, '<b>noted</b>', 'html';
    is_deeply $status, {user => 'page'},  'status';
    is_deeply [$svc->export_getsettings], [{}, {}], 'what the export does not offer is empty';
    is_deeply $svc->export_links,         [],       'no links';
};

subtest 'two_mailboxes_of_one_name_in_one_domain_are_refused' => sub {
    $isp->provisioned($ann, username => 'twice');
    like $isp->mailbox($ann, username => 'twice')->insert,
        qr/\A duplicate[ ]username\@domain[ ]twice\@example[.]net/x,
        'the same domain';
    is $isp->mailbox($ann, username => 'twice', domain => 'example.org')->insert, q{}, 'another domain';
    local $FS::svc_acct::global_unique = 'username';
    like $isp->mailbox($ann, username => 'twice', domain => 'example.com')->insert,
        qr/\A duplicate[ ]username[ ]twice:/x,
        'unless names are unique everywhere';
};

subtest 'a_definition_fixes_columns' => sub {
    my $domain = $isp->domain('fixed.example');
    $isp->column('Fixed', domsvc => $domain->svcnum, 'F');
    is $isp->provisioned($ann, username => 'fixed', definition => 'Fixed')->domain, 'fixed.example',
        'its domain';
};

subtest 'a_service_without_a_domain_dies_when_asked_for_it' => sub {
    my $svc = $isp->provisioned($ann, username => 'nowhere', domain => undef);
    like died(sub { $svc->domain }), qr/domsvc[ ]is[ ]null/x, 'as in Freeside';
};

done_testing;
