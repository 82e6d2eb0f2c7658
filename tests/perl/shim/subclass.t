#!/usr/bin/perl

# An export made from ours (lib/FS/part_export/mymagic.pm), as providers have them:
# it has its own %info, names accounts in its own way, and adds to a hook. All the
# rest goes on working, and follows it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::part_export;
use FS::Record qw( qsearch );
use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my ($isp, $export, $ann, $id);

sub mymagic {
    my ($definition, %options) = @_;
    return $isp->magicmail($magicmail, type => 'mymagic', options => \%options, definitions => [$definition]);
}

sub begin {
    my (%options) = @_;
    $magicmail->reset;
    @warned = ();
    $isp    = ISP->open;
    $export = mymagic('Mailbox', %options);
    $ann    = $isp->customer;
    $id     = 'MY-' . $ann->custnum;
    return;
}

sub aliases {
    my %addresses = %{$magicmail->state->{addresses}};
    return [sort grep { m/\Aalias[.]/x } keys %addresses];
}

subtest 'Freeside shows it as a type of its own, with our options' => sub {
    my $types = FS::part_export::export_info('svc_acct');
    is $types->{mymagic}{desc},     'Mailboxes with an alias', 'its description';
    isnt $types->{magicmail}{desc}, $types->{mymagic}{desc},   'ours stays';
    is_deeply [keys %{$types->{mymagic}{options}}], [keys %{$types->{magicmail}{options}}], 'the options';
};

subtest 'every hook works on the accounts that it names' => sub {
    begin();
    isa_ok $export, 'FS::part_export::mymagic';
    my $svc = $isp->provisioned($ann, username => 'ann', finger => 'Ann Lee');
    my $bea = $isp->provisioned($ann, username => 'bea', finger => 'Bea Lee');
    my $pkg = $svc->cust_svc->cust_pkg;
    is $magicmail->user('ann')->{account},     $id, 'provision';
    is $magicmail->user('ann')->{master_user}, 'Y', 'the first is the master';
    is $magicmail->user('bea')->{master_user}, 'N', 'the second is not';
    is_deeply aliases(), ['alias.ann@example.org', 'alias.bea@example.org'], 'and its own part of the hook';
    is $export->get_remoteid($svc), $id, 'the account is on record';

    is $isp->change($svc, finger => 'Ann Roe'), q{},         'change';
    is $magicmail->user('ann')->{last_name},    'Roe',       'is done';
    is $pkg->suspend,                           q{},         'suspend';
    is $magicmail->user('ann')->{status},       'suspended', 'is done';
    is $isp->fresh($pkg)->unsuspend,            q{},         'unsuspend';
    is $magicmail->user('ann')->{status},       'active',    'is done';
    is $isp->fresh($svc)->delete,               q{},         'unprovision of the master';
    is $magicmail->user('bea')->{master_user},  'Y',         'its heir is found';
    is $isp->fresh($bea)->delete,               q{},         'of the last one';
    is $magicmail->account($id)->{status},      'deleted',   'the account is emptied';
};

subtest 'its error is the error of the hook, and rolls Freeside back' => sub {
    begin();
    $magicmail->faults(
        {kind => 'error_document', path => q{/emailaddress/alias.ann@example.org}, on => 1, count => undef});
    my $svc = $isp->mailbox($ann, username => 'ann');
    like $svc->insert, qr/mymagic[ ][(]transaction[ ]rolled[ ]back[)]:[ ].*alias[.]ann/x, 'staff read it';
    is $isp->fresh($svc), undef, 'no service';
};

subtest 'it shares an account with other exports of this server' => sub {
    begin();
    my $plus = mymagic('Plus', package => 'PLUS');
    my $svc  = $isp->provisioned($ann, username => 'ann');
    my $two  = $isp->provisioned($ann, username => 'two', definition => 'Plus');
    is_deeply [sort @{$magicmail->user('ann')->{packages}}], ['EMAIL', 'PLUS'], 'packages of both';
    is_deeply [map { $_->svcnum } $export->cust_magic_services($ann)], [$svc->svcnum, $two->svcnum],
        'services of both';
    is_deeply [$plus->cust_magic_packages($ann)], ['EMAIL', 'PLUS'], 'asked by either';
    for my $row (qsearch('export_cust_svc', {})) { is $row->delete, q{}, 'no account is on record any more' }
    is_deeply [$plus->cust_magic_packages($ann)], ['EMAIL', 'PLUS'], 'the same';
    is $isp->fresh($two)->delete, q{}, 'one goes';
    is_deeply $magicmail->user('ann')->{packages}, ['EMAIL'], 'and its package';
};

subtest 'its jobs run' => sub {
    begin(autopurge => 1, purge_after_commit => 1);
    $isp->definition('Nowhere');
    my ($svc, $two, $pkg) = map { $isp->provisioned($ann, username => $_) } qw( ann two );
    is $isp->change_definition($svc, 'Nowhere'), q{}, 'to a definition without it';
    is $isp->fresh($two)->delete,                q{}, 'a late purge';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}, q{}], 'both jobs';
    is $magicmail->user('ann')->{status}, 'deleted', 'unprovisioned';
    is $magicmail->user('two'),           undef,     'purged';

    my $late = $isp->provisioned($isp->customer, username => 'last');
    $magicmail->faults({kind => 'error_document', method => 'POST', path => '/user/last', on => 1});
    is $late->cust_svc->cust_pkg->suspend, q{}, 'a suspend that fails';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'is tried again';
    is $magicmail->user('last')->{status}, 'suspended', 'and done';
};

subtest 'pages, report and button' => sub {
    begin();
    my $svc = $isp->provisioned($ann, username => 'ann', finger => 'Ann Lee');
    my (undef, $status) = $svc->export_getstatus;
    is_deeply $status,
        {
        'MagicMail status'    => 'active',
        'MagicMail addresses' => ['alias.ann@example.org', 'ann@example.net']
        },
        'the status';
    my ($settings) = $svc->export_getsettings;
    is $settings->{'MagicMail account'},               "$id (active)", 'the settings';
    is $settings->{'MagicMail differs from Freeside'}, undef,          'without a difference';
    my $report = FS::part_export::magicmail->test_export_report({});
    my ($group) = map { values %{$_} } $report->[1];
    like $group->{description}, qr/\Achecks[ ]of[ ]export[ ]/x, 'the report';
    ok !exists $group->{errors}, '... without an error';
    my ($error, @texts) = $isp->script($export, 'check_export');
    is $error, q{}, 'the button';
    ok @texts > 0, 'with its progress';
};

# One in the old style, whose hooks are its own.
sub oldstyle {
    my (%options) = @_;
    return $isp->magicmail($magicmail, type => 'oldstyle', options => \%options, definitions => ['Old']);
}

subtest 'hooks in the old style work' => sub {
    begin();
    my $old     = oldstyle();
    my $account = 'FREESIDE' . $ann->custnum;
    is ref $old->add_account($account), 'HASH', 'an account';
    my $svc = $isp->mailbox($ann, username => 'ann', definition => 'Old');
    is $svc->insert,                            q{},         'provision';
    is $isp->change($svc, finger => 'Ann Roe'), q{},         'change';
    is $svc->cust_svc->cust_pkg->suspend,       q{},         'suspend';
    is $magicmail->user('ann')->{status},       'suspended', 'is done';
    is $svc->cust_svc->cust_pkg->unsuspend,     q{},         'unsuspend';
    is $isp->fresh($svc)->delete,               q{},         'unprovision';
    is $magicmail->user('ann')->{status},       'deleted',   'is done';
};

subtest 'on a dead server each hook in the old style fails' => sub {
    for my $fault ({kind => 'refused'}, {kind => 'status_500'}, {kind => 'web_page'}) {
        begin();
        my $old = oldstyle(timeout => 2);
        my $svc;
        {
            local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
            $svc = $isp->mailbox($ann, username => 'ann', definition => 'Old');
            is $svc->insert, q{}, "$fault->{kind}: a service";
        }
        $magicmail->faults({%{$fault}, on => 1, count => undef});
        for my $hook (qw( insert replace delete suspend unsuspend )) {
            my $method = "_export_$hook";
            my $error  = $old->$method($svc, $svc);
            ok $error, "... $hook fails" or diag explain $error;
        }
        $magicmail->faults;
    }
};

subtest 'a rollback never purges with force' => sub {
    begin();
    my $old = oldstyle();
    ok $old->add_account('A1'),                                                'an account';
    ok $old->add_user('A1', 'joe', password => 'x', password_type => 'plain'), 'a user';
    $magicmail->clear_log;
    like $old->rollback({purge_user => 'joe', purge_account => 'A1'}), qr/\S/x, 'it is always an error';
    is scalar(grep { exists $_->{parameters}{force} } $magicmail->log), 0, 'without force';
    is_deeply [$magicmail->user('joe'), $magicmail->account('A1')], [undef, undef], 'both are gone';
};

subtest 'DEBUG of the module switches debug on' => sub {
    begin();
    local $FS::part_export::magicmail::DEBUG = 1;    ## no critic (ProhibitPackageVars): as scripts do
    @warned = ();
    ok $export->debug('hello'), 'it is on';
    $export->get_user('ann');
    like "@warned", qr/hello\n.*GET[ ]\/user\/ann/sx, 'and requests are told';
};

subtest 'a subclass that is loaded later' => sub {
    my @before = FS::part_export::magicmail::Records::export_types();
    {
        no strict 'refs';    ## no critic (ProhibitNoStrict): a name that is not there before
        @{'FS::part_export::latemail::ISA'} = ('FS::part_export::magicmail');
    }
    my %later = map { $_ => 1 } FS::part_export::magicmail::Records::export_types();
    delete @later{@before};
    is_deeply [keys %later], ['latemail'], 'is known';
};

done_testing;
