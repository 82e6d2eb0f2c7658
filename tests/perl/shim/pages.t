#!/usr/bin/perl

# What pages show: within their time, without an exception, nothing of others'.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Carp       qw( croak );
use File::Temp ();
use Test::More;

use Died qw( died );
use FS::part_export::magicmail::Report;
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

sub status_of {
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    return $status->{'MagicMail status'};
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
    is $settings->{'MagicMail differs from Freeside'},
        'mailbox on another account than on record: user ann is on account OTHER1 (another customer may have it:'
        . ' nobody moves a mailbox; unprovision one of the two, or set the account of the service in Freeside right)',
        'staff are told';
};

subtest 'the settings' => sub {
    begin();
    my ($settings, $defaults) = $isp->fresh($svc)->export_getsettings;
    is_deeply $settings,
        {
        'MagicMail account'            => 'FREESIDE' . $ann->custnum . ' (active)',
        'MagicMail master user'        => 'BEA',
        'MagicMail packages of master' => 'EMAIL',
        'MagicMail first name'         => 'Ann',
        'MagicMail last name'          => 'Lee',
        'MagicMail packages of user'   => 'ADDITIONAL NOCOST MAILBOX',
        },
        'all of it, and no difference';
    is_deeply [sort grep { $defaults->{$_} } keys %{$settings}], [sort keys %{$settings}], 'all greyed';
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    is_deeply [grep { exists $settings->{$_} } keys %{$status}], [], 'nothing is shown twice';
    my $state = $magicmail->state;
    $state->{users}{bea}{status}     = 'suspended';
    $state->{users}{bea}{first_name} = '<b>Bee</b>';
    $state->{users}{bea}{packages}   = ['GOLD'];
    delete $state->{addresses}{'bea@example.net'};
    $magicmail->set_state($state);
    ($settings, $defaults) = $isp->fresh($bea)->export_getsettings;
    is $settings->{'MagicMail differs from Freeside'},
        join('; ',
        'mailbox suspended, but package active: user bea is suspended',
        'package missing: the master bea has: GOLD (the account\'s services bring: EMAIL)',
        'package too much: the master bea has: GOLD (the account\'s services bring: EMAIL)',
        'address missing: user bea does not have the address bea@example.net',
        'mailbox with another name: user bea is called "<b>Bee</b> Lee" (service '
            . $bea->svcnum
            . ', bea@example.net, package active, name "Bea Lee")'),
        'each difference';
    my ($first) = in_order_of_the_page($settings, $defaults);
    is $first, 'MagicMail differs from Freeside', 'the difference stands first';
    is_deeply [grep { !$defaults->{$_} } keys %{$settings}], [$first], 'and alone is in bold';
};

# As Freeside sorts them.
sub in_order_of_the_page {
    my ($settings, $defaults) = @_;
    my @keys = sort { ($defaults->{$a} || 0) <=> ($defaults->{$b} || 0) || $a cmp $b } keys %{$settings};
    return @keys;
}

sub differences {
    my ($change) = @_;
    my $state = $magicmail->state;
    $change->($state);
    $magicmail->set_state($state);
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    return $settings->{'MagicMail differs from Freeside'};
}

my %DIFFERENCES = (
    'no mailbox for a service: there is no user ann'                      => sub { delete $_[0]{users}{ann} },
    'mailbox marked deleted, but provisioned: user ann is marked deleted' =>
        sub { $_[0]{users}{ann}{status} = 'deleted' },
    'account marked deleted, with services: the account is deleted (provisioned services: 2)' =>
        sub { $_[0]{accounts}{'FREESIDE' . $ann->custnum}{status} = 'deleted' },
    'account with another name: the account is called "Bo Lee" (customer 1 is called "Ann Lee")' =>
        sub { $_[0]{accounts}{'FREESIDE' . $ann->custnum}{first_name} = 'Bo' },
    'account without a master: no user of the account is its master (bea has the oldest service, and the account\'s packages: EMAIL)'
        => sub { $_[0]{users}{bea}{master_user} = 'N' },
);

subtest 'what differs from Freeside' => sub {
    for my $text (sort keys %DIFFERENCES) {
        begin();
        is differences($DIFFERENCES{$text}), $text, $text;
    }
    begin();
    my $pkg = $svc->cust_svc->cust_pkg;
    {
        local $FS::svc_Common::noexport_hack = 1;
        is $pkg->suspend, q{}, 'suspended in Freeside alone';
    }
    is differences(sub { }), 'mailbox active, but package suspended: user ann is active', 'is one';
    my $changed = $isp->fresh($export);
    $changed->set(no_suspend => 'Y');
    is $changed->replace($export, {$export->options}), q{},   'an export that does not suspend';
    is differences(sub { }),                           undef, 'is none';
};

subtest 'what could not be read is no difference' => sub {
    begin();
    $magicmail->faults({kind => 'status_500', path => '/user_package', on => 1, count => undef});
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    is $settings->{'MagicMail first name'},            'Ann', 'what was read is shown';
    is $settings->{'MagicMail differs from Freeside'}, undef, 'no difference';
    my ($parts, $why) = split /:[ ]/x, $settings->{'MagicMail not known'}, 2;
    is join(q{, }, sort split /,[ ]/x, $parts), 'packages, user packages', 'what was not is named';
    like $why, qr/\A[^;]*500[^;]*\z/x, 'and why, once';
};

subtest 'two exports on one page' => sub {
    begin();
    $isp->magicmail($magicmail, options => {package => 'PLUS'});
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    is scalar keys %{$status}, 4, 'do not hide one another';
};

# Runs the code with a server that never answers and a clock of its own: each call
# of the library takes all the time that it is given. The seconds of each.
my $now = 0;

sub waits_of {
    my ($code) = @_;
    my @waits;
    $now += 1_000;
    ## no critic (ProhibitNoWarnings): on purpose
    no warnings qw( prototype redefine );
    local *FS::part_export::magicmail::Library::call = sub {
        my (undef, $operation, $arguments) = @_;
        return ({sendable => 1, text => q{}}) if !defined $arguments->{within};
        push @waits, $arguments->{within};
        $now += $arguments->{within};
        return (undef, {status => 5, text => 'no answer'});
    };
    local *FS::part_export::magicmail::Pages::time  = sub { return $now };
    local *FS::part_export::magicmail::Report::time = sub { return $now };
    local *FS::part_export::magicmail::Audit::time  = sub { return $now };
    $code->(sub { $now += $_[0] });
    return @waits;
}

subtest 'a page waits five seconds in all, and no longer than the timeout at once' => sub {
    begin();
    $isp->magicmail($magicmail, options => {package => 'PLUS', timeout => 2});
    $isp->magicmail($magicmail, options => {package => 'GOLD'});
    my $mailbox = $isp->fresh($svc);
    my $page    = sub { $mailbox->export_getstatus; $mailbox->export_getsettings };
    is_deeply [waits_of($page)], [5], 'the first export takes all of it';
    is_deeply [waits_of(sub { $page->(); $isp->fresh($bea)->export_getstatus })], [5, 5],
        'the page of another mailbox is another one';
    is_deeply [waits_of(sub { $page->(); $_[0]->(11); $page->() })], [5, 5], 'and so is a later one';
    $isp->change_options($export, timeout => 2);
    is_deeply [waits_of($page)], [2, 2, 1], 'where the timeout is shorter others get their turn';
};

subtest 'the report waits five seconds for an export, or as long as its timeout' => sub {
    begin();
    my $report;
    my $page = sub { $report = FS::part_export::magicmail->test_export_report({}) };
    is_deeply [waits_of($page)], [5], 'no time is left to compare';
    is scalar @{$report}, 3, 'all its groups are there';
    $isp->change_options($export, timeout => 2);
    is_deeply [waits_of($page)], [2, 3], 'where the timeout is shorter it is';
};

subtest 'the library keeps to the time that it is given' => sub {
    begin(timeout => 0.4);
    $magicmail->faults({kind => 'hang', on => 1, count => undef});
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    like $status->{'MagicMail status'}, qr/\Anot[ ]known/x, 'the status says that it is not known';
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    like $settings->{'MagicMail not known'}, qr/did[ ]not[ ]answer[ ]within[ ]0[.]4[ ]s/x,
        'staff get reasons';
    my $report = FS::part_export::magicmail->test_export_report({});
    my ($text) = grep { m/within[ ]0[.]4[ ]s/x } texts_in($report);
    ok $text, 'so does the report' or diag explain $report;
    $magicmail->faults;
};

subtest 'the status says why it is not known' => sub {
    begin(timeout => 2);
    my %why = (
        drop_before => 'the mail server could not be reached',
        status_401  => 'the mail server refused access',
        web_page    => 'the mail server gave no usable answer',
    );
    for my $kind (sort keys %why) {
        $magicmail->faults({kind => $kind, on => 1, count => undef});
        is status_of(), "not known ($why{$kind})", $kind;
    }
    $magicmail->faults;
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Errors::magic_library =
        sub { return (undef, {status => 2, text => 'no'}) };
    is status_of(), 'not known (the mail export is not set up correctly)', 'no library';
};

subtest 'a status that is not clear is told as such' => sub {
    begin();
    $magicmail->modes(lies => ['status_unknown']);
    is status_of(), 'not clear (the mail server says "locked")', 'unknown';
    $magicmail->modes(lies => ['status_missing']);
    is status_of(), 'not shown by the mail server', 'missing';
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    is $settings->{'MagicMail account'}, 'FREESIDE' . $ann->custnum . ' (its status is not shown)', 'account';
};

subtest 'one cause is told once, and what was not read is not there' => sub {
    begin();
    $magicmail->faults({kind => 'web_page', on => 1, count => undef});
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    is_deeply $settings,
        {
        'MagicMail not known' => 'the server answered with a web page (status 200)',
        'MagicMail account'   => 'FREESIDE' . $ann->custnum,
        },
        'alone if all of it is not known';
    $magicmail->faults({kind => 'web_page', on => 1, count => undef, path => '/user'});
    ($settings) = $isp->fresh($svc)->export_getsettings;
    is $settings->{'MagicMail not known'},
        'user, masters: the server answered with a web page (status 200)',
        'else with the names of the parts';
    $magicmail->faults;
};

subtest 'further fields of the user are shown to staff, and no password' => sub {
    begin();
    $magicmail->modes(extra_fields => \1, echo_password => \1);
    my ($settings) = $isp->fresh($svc)->export_getsettings;
    is_deeply {
        map { $_ => $settings->{$_} } grep { m/user:/x } keys %{$settings}
    }, {'MagicMail user: revision' => '7', 'MagicMail user: created' => '2015-04-01T12:00:00'}, 'both';
    my (undef, $status) = $isp->fresh($svc)->export_getstatus;
    is_deeply [sort keys %{$status}], ['MagicMail addresses', 'MagicMail status'], 'not to the customer';
};

subtest 'a suspend that failed is visible until a job has made it good' => sub {
    begin(timeout => 2);
    $magicmail->faults({kind => 'drop_before', on => 1, count => undef});
    my $pkg = $svc->cust_svc->cust_pkg;
    is $pkg->suspend, q{}, 'the package counts as suspended';
    $isp->run_jobs;
    $magicmail->faults;
    my ($job) = map { $_->jobnum } grep { $_->svcnum == $svc->svcnum } $isp->jobs;
    is status_of(), "active, but should be suspended; tried again by job $job", 'with the job';
    my $other = $isp->magicmail($magicmail, options => {package => 'GOLD'});
    $other->export_getstatus($isp->fresh($svc), \my $html, \my %shown);
    like $shown{'MagicMail status'}, qr/tried[ ]again[ ]by[ ]job[ ]$job\z/x,
        'another export of the server knows of it';
    {
        local $FS::CurrentUser::CurrentUser = FS::access_user->new({username => 'fs_selfservice'});
        is status_of(), 'active', 'a customer does not read it';
    }
    is_deeply [$isp->run_jobs], [], 'the queue runs a job once';
    is FS::part_export::magicmail::Jobs::retry_failed(), 1, 'the nightly run tries again';
    $isp->run_jobs;
    is status_of(), 'suspended', 'and now it is done';
};

subtest 'a debug line has a tag, the export and the service' => sub {
    begin(debug => 1);
    @warned = ();
    status_of();
    my $of    = 'export ' . $export->exportnum . ', service ' . $svc->svcnum;
    my @debug = grep { m/GET|POST/x } @warned;
    ok @debug > 0, 'there are some';
    is_deeply [grep { index $_, "[FS::part_export::magicmail] debug $of: " } @debug], [], $of;
};

subtest 'the links of two exports are told apart' => sub {
    begin(link_url => 'https://one/');
    my $other = $isp->magicmail($magicmail, options => {package => 'GOLD', link_url => 'https://two/'});
    my $html  = join q{}, @{$isp->fresh($svc)->export_links};
    is $html =~ s/<[^>]+>//gxr, 'MagicMail MagicMail (export ' . $other->exportnum . ')', 'by number';
};

subtest 'the link' => sub {
    begin(link_url => 'https://mm/?u=$username&a=$account&m=$address');
    $magicmail->clear_log;
    my $html = $isp->fresh($svc)->export_links;
    my $id   = 'FREESIDE' . $ann->custnum;
    is_deeply $html,
        ['<A HREF="https://mm/?u=ann&amp;a=' . $id . '&amp;m=ann%40example.net" TARGET="_blank">MagicMail</A>'
        ],
        'is escaped';
    is $magicmail->requests, 0, 'without the network';
    my $odd = $isp->fresh($svc);
    $odd->set(username => q{a"b<c>&'d});
    is $export->export_links($odd, \my @links), q{}, 'a user name with signs';
    like $links[0], qr/u=a%22b%3Cc%3E%26%27d&amp;/x, '... is escaped too';
    $isp->change_options($export, link_url => q{});
    is_deeply $isp->fresh($svc)->export_links, [], 'none where the option is empty';

    for my $bad ('javascript:alert(1)', 'mm/$username', 'https://mm/$custnum') {
        like died(sub { $isp->change_options($export, link_url => $bad) }), qr/link_url/x, "$bad is refused";
    }
};

subtest 'without the library bad options are refused in its words' => sub {
    begin();
    my $password = File::Temp->new;
    print {$password} "\n" or croak 'password file';
    close $password        or croak 'password file';
    my %file  = (client_password => q{}, client_password_file => $password->filename);
    my $key   = pem_file("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    my $empty = pem_file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    my @bad   = (
        (map { {machine         => $_} } q{}, 'https://mail', 'mail/api', 'a b'),
        (map { {client_id       => $_} } q{}, 'a:b'),
        (map { {port            => $_} } qw( x 0 65536 443x -1 )),
        (map { {timeout         => $_} } qw( soon 0 -1 3601 1e9 )),
        (map { {ca_file         => $_} } '/nowhere/ca.pem', '/', $0, $key, $empty),
        (map { {client_password => q{}, client_password_file => $_} } q{}, '/nowhere/password', '/'),
        {%file, client_password => 'x'},
        {%file},
    );

    for my $bad (@bad) {
        my %given   = ($export->options, %{$bad});
        my $machine = exists $bad->{machine} ? $bad->{machine} : $export->machine;
        my $options = FS::part_export::magicmail::Options::complete(%given);
        my $fault   = FS::part_export::magicmail::Faults::of($options, $machine);
        my (undef, $failure) = FS::part_export::magicmail::Library->for_configuration(
            FS::part_export::magicmail::Options::configuration($options, $machine));
        isnt $fault, q{}, join q{ }, %{$bad};
        is $fault, $failure->{text}, '... in the same words';
    }
    my $good = FS::part_export::magicmail::Options::complete($export->options);
    is(FS::part_export::magicmail::Faults::of($good, $export->machine), q{}, 'a good certificate is none');
};

subtest 'without the library a broken certificate is refused' => sub {
    my $whole = content_of($magicmail->ca_file);
    for my $broken ($whole =~ s/-----END.*//srx, $whole =~ s/\n[^-]/\n*/rx) {
        my %given   = ($export->options, ca_file => pem_file($broken));
        my $options = FS::part_export::magicmail::Options::complete(%given);
        like(FS::part_export::magicmail::Faults::of($options, 'mail'), qr/well-formed[ ]PEM/x, 'it is');
        my (undef, $failure) = FS::part_export::magicmail::Library->for_configuration(
            FS::part_export::magicmail::Options::configuration($options, 'mail'));
        like $failure->{text}, qr/ca_file/x, '... and by the library';
    }
};

sub pem_file {
    my ($text) = @_;
    my ($file, $name) = File::Temp::tempfile(UNLINK => 1);
    print {$file} $text or croak $name;
    close $file         or croak $name;
    return $name;
}

sub content_of {
    my ($name) = @_;
    open my $file, '<', $name or croak $name;
    my @lines = <$file>;
    close $file or croak $name;
    return join q{}, @lines;
}

subtest 'the client password may be in a file' => sub {
    begin();
    my $file = File::Temp->new;
    print {$file} "secret\n" or croak 'password file';
    close $file              or croak 'password file';
    $isp->change_options($export, client_password => q{}, client_password_file => $file->filename);
    is $isp->fresh($svc)->export_getstatus->{'MagicMail status'}, 'active', 'it is used';
    open my $changed, '>', $file->filename or croak 'password file';
    print {$changed} "another\n" or croak 'password file';
    close $changed               or croak 'password file';
    like $isp->fresh($svc)->export_getstatus->{'MagicMail status'}, qr/not[ ]known/x,
        'and read again once it has changed';
    $isp->change_options($export, client_password => 'secret', client_password_file => q{});
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
    like died(sub { $isp->change_options($export, port => 'x') }), qr/port/x,
        'Freeside does not save such a one';
    like died(sub { $isp->magicmail($magicmail, options => {port => 'x'}) }), qr/port/x, 'nor a new one';
    is $magicmail->requests, 0, 'offline';
};

sub texts_in {
    my ($data) = @_;
    return map { texts_in($_) } @{$data}                     if ref $data eq 'ARRAY';
    return map { ($_, texts_in($data->{$_})) } keys %{$data} if ref $data eq 'HASH';
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
