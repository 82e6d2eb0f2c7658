#!/usr/bin/perl

# What is left to Freeside's queue: a change of definition, a late purge, a
# suspend that failed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use MIME::Base64 qw( encode_base64 );
use Test::More;

use Died qw( died );
use FS::part_export::magicmail::Text;
use FS::queue;
use ISP::Transaction qw( in_transaction );
use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

sub fresh_isp {
    my (%options) = @_;
    $magicmail->reset;
    @warned = ();
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail, options => \%options);
    return ($isp, $export, $isp->customer);
}

sub writes {
    return grep { m/\APOST/x } $magicmail->request_lines;
}

for my $autopurge (q{}, 1) {
    subtest "to a definition without magicmail, autopurge '$autopurge'" => sub {
        my ($isp, $export, $ann) = fresh_isp(autopurge => $autopurge);
        my $svc = $isp->provisioned($ann, username => 'ann');
        $magicmail->clear_log;
        is $isp->change_definition($svc, 'Other'), q{}, 'it changes';
        is_deeply [writes()], [], 'the hook changes nothing in MagicMail';
        is $magicmail->user('ann')->{status}, 'active', 'the mailbox is there';
        my @jobs = $isp->jobs;
        is_deeply [map { $_->job } @jobs], ['FS::part_export::magicmail::unprovision_job'], 'a job is there';
        is $jobs[0]->svcnum, $svc->svcnum, 'of the service';
        is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'it runs';
        is $magicmail->user('ann')->{status}, 'deleted', 'marked deleted';
        ok exists $magicmail->state->{addresses}{'ann@example.net'}, 'never purged';
    };

    subtest "to another magicmail export, autopurge '$autopurge'" => sub {
        my ($isp, $export, $ann) = fresh_isp(autopurge => $autopurge);
        my $plus = $isp->magicmail(
            $magicmail,
            options     => {package => 'PLUS', autopurge => $autopurge},
            definitions => ['Plus']
        );
        my $svc = $isp->provisioned($ann, username => 'ann');
        my $bea = $isp->provisioned($ann, username => 'bea');
        is $isp->change_definition($svc, 'Plus'), q{}, 'it changes';
        is_deeply $magicmail->user('ann')->{packages}, ['EMAIL', 'PLUS'], 'packages in line';
        is $magicmail->user('ann')->{status}, 'active',                   'active';
        is $plus->get_remoteid($svc),         'FREESIDE' . $ann->custnum, 'recorded';
        $magicmail->clear_log;
        is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job runs';
        is_deeply [writes()],                           [],    'and changes nothing';
        is $isp->fresh($svc)->delete, q{}, 'unprovision';
        is $isp->fresh($bea)->delete, q{}, 'and the other';
    };

    subtest "a change that is rolled back, autopurge '$autopurge'" => sub {
        my ($isp, $export, $ann) = fresh_isp(autopurge => $autopurge);
        my $svc = $isp->provisioned($ann, username => 'ann');
        is in_transaction(
            sub {
                $isp->change_definition($svc, 'Other');
                return 'something else fails';
            }
            ),
            'something else fails', 'rolled back';
        is scalar($isp->jobs),                     0,        'no job';
        is $magicmail->user('ann')->{status},      'active', 'the mailbox is there';
        is $isp->change($svc, _password => 'new'), q{},      'and works';
    };
}

subtest 'the job looks again' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    my $svc = $isp->provisioned($ann, username => 'ann');
    is $isp->change_definition($svc, 'Other'),   q{}, 'away';
    is $isp->change_definition($svc, 'Mailbox'), q{}, 'and back';
    $magicmail->clear_log;
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job runs';
    is_deeply [writes()],                           [],    'and changes nothing';
    is $magicmail->user('ann')->{status}, 'active', 'active';
};

subtest 'between definitions that share an export' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    $isp->link($export, 'Both');
    my $plus = $isp->magicmail(
        $magicmail,
        options     => {package => 'PLUS'},
        definitions => ['Both']
    );
    my $svc = $isp->provisioned($ann, username => 'ann', definition => 'Both');
    is_deeply $magicmail->user('ann')->{packages}, ['EMAIL', 'PLUS'], 'both';
    is $isp->change_definition($svc, 'Mailbox'), q{}, 'to one of them';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}],     'the job runs';
    is_deeply $magicmail->user('ann')->{packages},  ['EMAIL'], 'and brings the packages in line';
};

subtest 'purge after the commit' => sub {
    my ($isp, $export, $ann) = fresh_isp(autopurge => 1, purge_after_commit => 1);
    my $svc = $isp->provisioned($ann, username => 'ann');
    is in_transaction(sub { $isp->fresh($svc)->delete; 'no' }), 'no', 'an unprovision that is rolled back';
    is scalar($isp->jobs),                                      0,    'leaves no job';
    is $magicmail->user('ann')->{status},                       'deleted', 'and no mail is lost';
    is $isp->fresh($svc)->delete,                               q{},       'one that is not';
    is $magicmail->user('ann')->{status},                       'deleted', 'only marks it';
    my ($job) = $isp->jobs;
    is $job->job, 'FS::part_export::magicmail::purge_job', 'a job is there';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'it runs';
    is $magicmail->user('ann'), undef, 'purged';
    is_deeply $magicmail->state->{addresses}, {}, 'with its address';
    is_deeply $magicmail->state->{accounts},  {}, 'and its account';
};

subtest 'names that Freeside would read as a key of the arguments' => sub {
    for my $name (qw( custnum svcnum exportnum )) {
        my ($isp, $export, $ann) =
            fresh_isp(autopurge => 1, purge_after_commit => 1, account_prefix => q{custnum});
        my ($svc, $two) = map { $isp->provisioned($ann, username => $_) } $name, 'two';
        is $isp->fresh($svc)->delete,              q{}, "$name: unprovisioned";
        is $isp->change_definition($two, 'Other'), q{}, '... and another one moved';
        is_deeply [map { $_->custnum } $isp->jobs],     [q{}, q{}], '... the jobs are of no customer';
        is_deeply [map { $_->{error} } $isp->run_jobs], [q{}, q{}], '... and run';
        is $magicmail->user($name),           undef,     '... it is purged';
        is $magicmail->user('two')->{status}, 'deleted', '... and the other one deleted';
    }
};

subtest 'a job that an older version queued runs' => sub {
    my ($isp, $export, $ann) = fresh_isp(autopurge => 1, purge_after_commit => 1);
    my $svc = $isp->provisioned($ann, username => 'ann');
    is $isp->fresh($svc)->delete, q{}, 'unprovisioned';
    $_->delete for $isp->jobs;
    my $job = FS::queue->new({job => 'FS::part_export::magicmail::purge_job', svcnum => $svc->svcnum});
    is $job->insert($export->exportnum, $svc->svcnum, 'ann', 'example.net', 'FREESIDE' . $ann->custnum), q{},
        'without keys';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'it runs';
    is $magicmail->user('ann'), undef, 'purged';
};

subtest 'a purge looks again' => sub {
    my ($isp, $export, $ann) = fresh_isp(autopurge => 1, purge_after_commit => 1);
    my $svc = $isp->provisioned($ann, username => 'ann');
    is $isp->fresh($svc)->delete, q{}, 'unprovisioned';
    my $again = $isp->provisioned($ann, username => 'ann');
    $magicmail->clear_log;
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job runs';
    is $magicmail->requests,        0,   'and asks nothing: a service uses the name';
    is $isp->fresh($again)->delete, q{}, 'again';
    $isp->change_options($export, autopurge => q{});
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job runs';
    is $magicmail->user('ann')->{status}, 'deleted', 'and purges nothing: the option is off now';
};

subtest 'a suspend that failed is tried again' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    my $svc = $isp->provisioned($ann, username => 'ann');
    my $pkg = $svc->cust_svc->cust_pkg;
    $magicmail->faults({kind => 'status_500', method => 'POST', on => 1, count => undef});
    @warned = ();
    is $pkg->suspend, q{}, 'Freeside throws the error away';
    ok((grep { m/cannot[ ]suspend/x } @warned),                       'a warning');
    ok((grep { $_->message =~ m/cannot[ ]suspend/x } $isp->log_rows), 'a log row');
    is_deeply [map { $_->job } $isp->jobs], ['FS::part_export::magicmail::suspend_job'], 'a job';
    my ($done) = $isp->run_jobs;
    like $done->{error}, qr/cannot[ ]suspend[ ]mailbox[ ]ann/x, 'it fails too';
    my @jobs = $isp->jobs;
    is scalar @jobs,     1,        'one job stays';
    is $jobs[0]->status, 'failed', 'failed';
    $magicmail->faults;
    $isp->retry($jobs[0]);
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'a retry works';
    is $magicmail->user('ann')->{status}, 'suspended', 'suspended';
};

subtest 'the suspend job looks again' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    my $svc = $isp->provisioned($ann, username => 'ann');
    my $pkg = $svc->cust_svc->cust_pkg;
    $magicmail->faults({kind => 'status_500', method => 'POST', on => 1, count => undef});
    is $pkg->suspend, q{}, 'suspended';
    $magicmail->faults;
    is $isp->fresh($pkg)->unsuspend, q{}, 'and unsuspended';
    $magicmail->clear_log;
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job runs';
    is $magicmail->requests, 0, 'and asks nothing';
};

subtest 'a suspend that Freeside itself does not do' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    my $svc = $isp->provisioned($ann, username => 'ann');
    $magicmail->faults({kind => 'status_500', method => 'POST', on => 1, count => undef});
    is $svc->cust_svc->cust_pkg->suspend, q{}, 'suspended';
    $magicmail->faults;
    my $changed = $isp->fresh($export);
    $changed->set(no_suspend => 'Y');
    is $changed->replace($export, {$export->options}), q{}, 'no_suspend';
    $magicmail->clear_log;
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job runs';
    is $magicmail->requests, 0, 'and asks nothing';
};

subtest 'arguments are checked, and hold no password' => sub {
    my ($isp, $export, $ann) = fresh_isp(autopurge => 1, purge_after_commit => 1);
    my $svc = $isp->provisioned($ann, username => 'ann', _password => 'sesame77');
    is $isp->change_definition($svc, 'Other'), q{}, 'a job';
    my @arguments = map { $_->args } $isp->jobs;
    ok !(grep { m/sesame77|\Qsecret\E/x } @arguments), 'without a password';
    my %bad = (
        unprovision_job => [['x', 1, 'a', 'b', 'c'], [1, 1, q{},    'b', 'c']],
        purge_job       => [[999, 1, 'a', 'b', 'c'], [1, 1, "a\nb", 'b', 'c']],
        suspend_job     => [[undef, 1], [1, '1 OR 1=1']],
    );
    my $other  = $isp->export('somewhere_else', machine => 'mail.example.net');
    my $button = FS::queue->new({job => 'FS::part_export::magicmail::x'});
    push @{$bad{$_}}, [$other->exportnum, $svc->svcnum, qw( ann example.net FREESIDE1 )] for keys %bad;
    push @{$bad{$_}}, [$button, {"$_\_exportnum" => $export->exportnum}] for keys %bad;
    $bad{check_export} = [
        [$button],
        [$button, {check_export_exportnum => '1 OR 1=1'}],
        [$button, {check_export_exportnum => 999}],
        [$button, {check_export_exportnum => $other->exportnum}],
        [$button, 'no parameters'],
    ];

    for my $name (sort keys %bad) {
        for my $arguments (@{$bad{$name}}) {
            my $job = FS::part_export::magicmail->can($name);
            $magicmail->clear_log;
            my $text = died(sub { $job->(@{$arguments}) });
            isnt $text,              q{}, "$name dies: $text";
            is $magicmail->requests, 0,   'before any request';
        }
    }
};

# What a server, and the names of things, may hold; Freeside's pages print the text raw,
# and its progress window puts it into a URL as base64.
my $STRANGE =
      "<img src=x onerror=alert(1)> &lt;b&gt; a~ b~ c~ d> e> f> \x{141}\x{f3}d\x{17a} \x{1f4e7} \x{e9}"
    . ' !--service,1 onmouseover=alert(1) ,x--! !~~x,y,z--! '
    . 'w' x 100;

sub can_be_shown {
    my ($what, $text) = @_;
    isnt $text, q{}, "$what dies";
    like $text,   qr/\A [\x20-\x7e]+ \n? \z/x, '... with a line of ASCII';
    unlike $text, qr/[<>&]|!--/x,              '... without markup';
    unlike $text, qr/\S{81}/x,                 '... with words that fit onto a page';
    cmp_ok length $text, q{<=}, 1_501, '... of bounded length';
    unlike encode_base64($text, q{}), qr/[+]/x, '... and its base64 can stand in a URL';
    return;
}

subtest 'what a job dies with can be shown on every page' => sub {
    my ($isp, $export, $ann) = fresh_isp(autopurge => 1, purge_after_commit => 1);
    my ($svc, $two,    $bea) = map { $isp->provisioned($ann, username => $_) } qw( ann two bea );
    is $isp->change_definition($svc, 'Other'), q{}, 'one leaves';
    is $isp->fresh($two)->delete,              q{}, 'one goes';
    for my $message ($STRANGE, $STRANGE x 300) {
        $magicmail->faults({kind => 'error_document', message => $message, on => 1, count => undef});
        is $bea->cust_svc->cust_pkg->suspend, q{}, 'one is suspended';
        my %died = map { $_->{jobnum} => $_ } $isp->run_jobs;
        is scalar keys %died, 3, 'three jobs';
        can_be_shown($_->{job}, $_->{error})                    for values %died;
        can_be_shown($_,        ($isp->script($export, $_))[0]) for qw( check_export audit_export );
        $magicmail->faults;
        $_->delete for grep { $_->job !~ /unprovision_job|purge_job/x } $isp->jobs;
        $isp->retry($_) for $isp->jobs;
        is $bea->cust_svc->cust_pkg->unsuspend, q{}, 'and unsuspended';
    }
    my $known = FS::part_export::magicmail->can('suspend_job');
    can_be_shown('a job with odd arguments', died(sub { $known->($export->exportnum, $STRANGE) }));
    is FS::part_export::magicmail::Text::job_text("for \x{141}\x{f3}d\x{17a} & Stra\x{df}e"),
        'for Lodz + Strasse', 'letters stay legible';
};

subtest 'an export is not deleted while its jobs wait' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    my $other = $isp->magicmail($magicmail, options => {package => 'PLUS'}, definitions => ['Plus']);
    my $svc   = $isp->provisioned($ann, username => 'ann');
    is $isp->change_definition($svc, 'Other'), q{}, 'a job';
    my ($job)  = $isp->jobs;
    my $number = $job->jobnum;
    my $text   = "cannot delete export 1: jobs of it wait in the queue ($number)";
    like $export->delete, qr/\A\Q$text\E/x, 'it is refused';
    ok $isp->fresh($export), '... and there';
    is $isp->fresh($other)->delete, q{}, 'another one is not';
    $magicmail->faults({kind => 'status_500', on => 1, count => undef});
    isnt + ($isp->run_jobs)[0]{error}, q{}, 'the job fails';
    isnt $export->delete,              q{}, '... and may be tried again';
    $magicmail->faults;
    $job = $isp->fresh($job);
    $isp->retry($job);
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'which is done';
    is $magicmail->user('ann')->{status}, 'deleted', '... the mailbox is deleted';
    is $isp->fresh($export)->delete,      q{},       'then it goes';
};

subtest 'a job whose export is gone all the same says what is left' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    my %gone =
        (exportnum => 999, svcnum => 1, username => 'ann', domain => 'example.net', account => 'FREESIDE1');
    my $what  = 'there is no export 999 any more: look after mailbox ann@example.net of account FREESIDE1';
    my @pairs = map { $_ => $gone{$_} } qw( exportnum svcnum username domain account );
    for my $name (qw( unprovision_job purge_job )) {
        my $job = FS::part_export::magicmail->can($name);
        like died(sub { $job->(@pairs) }), qr/\A\Q$what\E/x, $name;
    }
};

subtest 'the script of the export page' => sub {
    my ($isp, $export, $ann) = fresh_isp();
    $isp->provisioned($ann, username => 'ann');
    my ($error, @texts) = $isp->script($export, 'check_export');
    is $error, q{}, 'all is well';
    cmp_ok scalar @texts, '>', 2, 'progress is told';
    like $texts[0], qr/\A\d+,\w/x, 'in percent and words';
    $isp->employee('clerk');
    ($error, @texts) =
        $isp->as(clerk => sub { $isp->script($export, 'check_export') });
    like $error, qr/Configuration/x, 'not for everybody';
    is scalar @texts, 0, 'who is told nothing';
    $isp->change_options($export, client_password => 'wrong');
    ($error, @texts) = $isp->script($export, 'check_export');
    like $error, qr/refused/x, 'an error is told';
};

done_testing;
