#!/usr/bin/perl

# What pages show: within their time, without an exception, nothing of others'.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;
use Time::HiRes qw( time );

use FS::Record qw( qsearch );
use Died       qw( died );
use ISP;
use Simulator;

## no critic (ProhibitPackageVars): Freeside's

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my ($isp, $export, $ann, $svc, $bea);

sub begin {
    my (%options) = @_;
    $magicmail->reset;
    $isp    = ISP->open;
    $export = $isp->magicmail($magicmail, options => \%options);
    $ann    = $isp->customer;
    $bea    = $isp->provisioned($ann, username => 'bea', finger => 'Bea Lee');
    $svc    = $isp->provisioned($ann, username => 'ann', finger => 'Ann Lee');
    return;
}

subtest 'the status' => sub {
    begin();
    my ($html, $status) = $isp->fresh($svc)->export_getstatus;
    is_deeply $status,
        {
        'MagicMail status'    => 'active',
        'MagicMail addresses' => ['ann@example.net']
        },
        'status and addresses of this mailbox, nothing else';
    is $html, q{}, 'no HTML';
    my $state = $magicmail->state;
    $state->{users}{ann}{account} = 'OTHER1';
    $state->{accounts}{OTHER1} = {status => 'active'};
    $magicmail->set_state($state);
    ($html, $status) = $isp->fresh($svc)->export_getstatus;
    is_deeply $status, {'MagicMail status' => 'not there'}, 'nothing of a mailbox on another account';
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    is_deeply $settings->{'MagicMail differs from Freeside'},
        ['user ann is on account OTHER1, not FREESIDE' . $ann->custnum],
        'staff are told';
};

subtest 'the settings' => sub {
    begin();
    my ($settings) = $isp->fresh($bea)->export_getsettings;
    is $settings->{'MagicMail account'}, 'FREESIDE' . $ann->custnum . ' (active)', 'account';
    is_deeply $settings->{'MagicMail master user'},        ['BEA'],   'master';
    is_deeply $settings->{'MagicMail packages of master'}, ['EMAIL'], 'packages';
    ok !exists $settings->{'MagicMail differs from Freeside'}, 'no difference';
    my $state = $magicmail->state;
    $state->{users}{bea}{status}     = 'suspended';
    $state->{users}{bea}{first_name} = '<b>Bee</b>';
    $state->{users}{bea}{packages}   = ['GOLD'];
    delete $state->{addresses}{'bea@example.net'};
    $magicmail->set_state($state);
    ($settings) = $isp->fresh($bea)->export_getsettings;
    is_deeply $settings->{'MagicMail differs from Freeside'},
        [
        'the user is suspended and should be active',
        'the name is "<b>Bee</b> Lee" and should be "Bea Lee"',
        'the address bea@example.net is not on the user',
        'the master lacks the package EMAIL',
        'the master has the package GOLD too much',
        ],
        'each difference';
};

subtest 'two exports on one page' => sub {
    begin();
    $isp->magicmail($magicmail, options => {package => 'PLUS'});
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    is scalar keys %{$status}, 4, 'do not hide one another';
};

subtest 'a server that hangs' => sub {
    begin();
    $isp->magicmail($magicmail, options => {package => 'PLUS'});
    $magicmail->faults({kind => 'hang', on => 1, count => undef});
    my $start = time;
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    cmp_ok time - $start, '<', 6, 'the whole page waits five seconds';
    like $status->{'MagicMail status'}, qr/\Anot[ ]known/x, 'and says so';
    ok $settings->{'MagicMail not known'}, 'staff get reasons';
    $start = time;
    my $report = FS::part_export::magicmail->test_export_report({});
    cmp_ok time - $start, '<', 6, 'so does the report';
    is scalar @{$report}, 3, 'which has all its groups';
    $magicmail->faults;
};

subtest 'the link' => sub {
    begin(link_url => 'https://mm/?u=$username&a=$account&m=$address');
    $magicmail->clear_log;
    my $html = $isp->fresh($svc)->export_links;
    my $id   = 'FREESIDE' . $ann->custnum;
    is_deeply $html,
        ['<A HREF="https://mm/?u=ann&amp;a=' . $id . '&amp;m=ann%40example.net">MagicMail</A>'],
        'is escaped';
    is $magicmail->requests, 0, 'without the network';
    for my $bad ('javascript:alert(1)', 'mm/$username', 'https://mm/$custnum') {
        like died(sub { $isp->change_options($export, link_url => $bad) }), qr/link_url/x, "$bad is refused";
    }
};

subtest 'options are checked when the export is saved' => sub {
    begin();
    $magicmail->clear_log;
    my %bad = (
        port      => ['x',    '0', '70000'],
        timeout   => ['soon', '0', '-1'],
        client_id => ['a:b',  q{}],
        ca_file   => ['/nowhere/ca.pem'],
    );
    for my $name (sort keys %bad) {
        for my $value (@{$bad{$name}}) {
            my $error = $export->check_options({$export->options, $name => $value});
            like $error, qr/\Q$name\E/x, "$name '$value': $error";
        }
    }
    is $export->check_options({$export->options}), q{}, 'good ones';
    is(FS::part_export::magicmail->check_options({$export->options}), q{}, 'as a class method');
    is $magicmail->requests, 0, 'offline';
};

subtest 'the report' => sub {
    begin();
    my $other = $isp->magicmail(
        $magicmail,
        machine     => 'localhost',
        options     => {client_id => 'wro<ng', ca_file => q{}},
        definitions => ['Mailbox', 'Hosted']
    );
    my $crypt = $isp->mailbox(
        $ann,
        username           => 'cry',
        _password          => '$6$x$y',
        _password_encoding => 'crypt'
    );
    {
        local $FS::svc_Common::noexport_hack = 1;
        is $crypt->insert, q{}, 'a password that cannot be sent';
        is $isp->mailbox(
            $ann,
            username => 'far',
            domain   => 'hosted.example'
        )->insert, q{}, 'a domain that cannot be used';
    }
    my $report = FS::part_export::magicmail->test_export_report({fsurl => 'https://f'});
    my %groups = map { %{$_} } @{$report};
    my $own    = $groups{'MagicMail export ' . $export->exportnum . ': 127.0.0.1'};
    my $errors = $own->{errors}{'export ' . $export->exportnum};
    is $errors->{link}, 'https://f/edit/part_export.cgi?' . $export->exportnum, 'a link to the export';
    like $errors->{errors}{'Domain hosted.example'}, qr/not[ ]a[ ]system/x, 'the domain';
    my ($prefix) = grep { m/Account[ ]prefix/x } keys %{$errors->{errors}};
    ok $prefix, 'the prefix';
    my ($twice) = grep { m/Service[ ]definition/x } keys %{$errors->{errors}};
    ok $twice, 'two exports on one definition';
    my $service = $own->{errors}{'service ' . $crypt->svcnum};
    like $service->{errors}{'Password of cry'}, qr/[\$]6[\$]/x, 'the password';
    is $service->{link}, 'https://f/view/svc_acct.cgi?' . $crypt->svcnum, 'its page';
    my $text = join "\n", _texts($report);
    unlike $text, qr/<(?!BR>)/x,                                 'everything is escaped';
    unlike $text, qr/\Q@{[ $magicmail->client_password ]}\E\b/x, 'no secret';
    my ($bad) = grep { m/localhost/x } keys %groups;
    ok %{$groups{$bad}{errors}}, 'the other export is not in order';
};

sub _texts {
    my ($data) = @_;
    return map { _texts($_) } @{$data} if ref $data eq 'ARRAY';
    return map { ($_, _texts($data->{$_})) } keys %{$data}
        if ref $data eq 'HASH';
    return defined $data ? $data : ();
}

subtest 'pages do not die of anything' => sub {
    begin();
    my $mailbox = $isp->fresh($svc);
    local $SIG{__DIE__} = sub { fail "died: @_" };
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Records::rows = sub { die "boom\n" };
    my %status;
    is $export->export_getstatus($mailbox, \my $html, \%status), q{}, 'status';
    is $export->export_getsettings($mailbox, {}, {}),            q{}, 'settings';
    is $export->export_links($mailbox, []),                      q{}, 'links';
    ok ref(FS::part_export::magicmail->test_export_report({})), 'report';
};

done_testing;
