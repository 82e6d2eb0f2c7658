#!/usr/bin/perl

# What staff see in a browser: the pages of a real Freeside under Apache, in Chromium, on
# a server that answers well and on one that answers with scripts. With MAGICMAIL_PICTURES
# each page is kept as a picture in that folder.

use strict;
use warnings;
use utf8;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/../apache/lib";

use Browser;
use FS::access_user_pref;
use FS::Record qw( dbh qsearchs );
use ISP;
use ISP::Real::Queue;
use Simulator;
use StaffInterface;

my ($lack) = grep { length } Browser->lacks, StaffInterface->lacks;
if (defined $lack) { plan skip_all => $lack }

# A script that runs leaves its mark for all pages. It is in every text that a server may
# choose.
my $ATTACK = q{<img src="x" onerror="localStorage.attack=1">};

my $PASSWORD = 'browser-test-1';
my @DEFAULTS = (account_prefix => 'FREESIDE', package => 'EMAIL');

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my $isp       = ISP->open;
my %domain    = map { $_ => $isp->domain($_)->svcnum } qw( example.net example.org );
my $export    = $isp->magicmail(
    $magicmail,
    exportname => 'Mail server',
    options    => {@DEFAULTS, timeout => 60}
);
my $ann     = $isp->customer(first => 'Ann', last => 'Lee', company => 'Lee & Sons <b>');
my $package = $isp->package($ann);
my $admin   = qsearchs('access_user', {username => 'admin'});
my $trouble = $admin->change_password($PASSWORD);
if ($trouble) { die "$trouble\n" }

# A choice of staff: what MagicMail has is shown beside each service.
my $choice = FS::access_user_pref->new(
    {
        usernum   => $admin->usernum,
        prefname  => 'export_getsettings',
        prefvalue => 1
    }
);
$trouble = $choice->insert;
if ($trouble) { die "$trouble\n" }
dbh->commit;

my $queue   = ISP::Real::Queue->of($isp);
my $staff   = StaffInterface->start;
my $browser = Browser->start;

sub open_page {
    my ($path) = @_;
    return $browser->go($staff->url("/freeside/$path"));
}

# Waits for the page that says this, and looks at it: what it says, and that no script of the server's ran.
sub page_is {
    my ($name, @patterns) = @_;
    $browser->wait_until(
        sub {
            my $text = $browser->text;
            return !grep { $text !~ $_ } @patterns;
        }
    );
    $browser->picture($name);
    my $text = $browser->text;
    like $text, $_, $name or diag $browser->address, "\n$text" for @patterns;
    unlike $text, qr/Internal [ ] Server [ ] Error | ARRAY[(]0x/x, 'nothing is broken'
        or diag $staff->error_log;
    is $browser->script('return localStorage.attack || ""'), q{}, 'no script of the server runs';
    return $text;
}

# Follows a link that starts a script of the export, to its last words.
sub follow {
    my ($name) = @_;
    open_page('edit/part_export.cgi?' . $export->exportnum);
    return $browser->click(qq{a[onclick^="$name"]});
}

sub link_says {
    my ($name, $pattern, $picture) = @_;
    follow($name);
    return page_is($picture || $name, $pattern);
}

sub service { return qsearchs('svc_acct', {username => 'ann'}) }

subtest 'staff log in' => sub {
    open_page('index.html');
    $browser->fill('input[name=credential_0]' => 'admin');
    $browser->fill('input[name=credential_1]' => $PASSWORD);
    $browser->click('input[type=submit]');
    page_is('front', qr/Freeside|Provider/x);
};

subtest 'a script that runs is seen' => sub {
    $browser->script('document.body.insertAdjacentHTML("beforeend", arguments[0])', $ATTACK);
    ok $browser->wait_until(sub { return $browser->script('return localStorage.attack') }), 'it is';
    $browser->script('localStorage.clear()');
};

subtest 'the page of an export refuses what cannot work' => sub {
    open_page('edit/part_export.cgi?' . $export->exportnum);
    page_is('export', qr/Hostname [ ] or [ ] IP/x, qr/API [ ] Client [ ] ID/x, qr/Account [ ] Prefix/x);
    submit_export('99999');
    page_is('export-refused', qr/Port [ ] [(]port[)] [ ] is [ ] not [ ] a [ ] number/x);
    is $isp->fresh($export)->option('port'), $magicmail->port, 'nothing is saved';
    submit_export($magicmail->port);
    page_is('exports', qr/magicmail/x);
};

sub submit_export {
    my ($port) = @_;
    $browser->fill('input[name=port]' => $port);
    return $browser->click('input[type=submit][value="Apply changes"]');
}

subtest 'a mailbox is provisioned, and refused in words' => sub {
    provision(username => 'ann', clear_password => 'Pass-word-1');
    page_is('service', qr/MagicMail/x, qr/ann\@example[.]net/x);
    is $magicmail->user('ann')->{status}, 'active', 'MagicMail has it';
    provision(
        username       => 'ann',
        clear_password => 'Pass-word-1',
        domain         => 'example.org'
    );
    page_is('service-refused', qr/user [ ] name [ ] ann [ ] is [ ] taken [ ] by [ ] service/x);
};

sub provision {
    my (%column)   = @_;
    my $domain     = delete $column{domain} || 'example.net';
    my $definition = $isp->definition('Mailbox');
    open_page('edit/svc_acct.cgi?pkgnum=' . $package->pkgnum . ';svcpart=' . $definition->svcpart);
    $browser->fill("input[name=$_]" => $column{$_}) for sort keys %column;
    $browser->script('document.querySelector("[name=domsvc]").value = arguments[0]', $domain{$domain});
    return $browser->click('input[type=submit][value=Submit]');
}

subtest 'the service shows what MagicMail has of it' => sub {
    open_page('view/svc_acct.cgi?' . service()->svcnum);
    page_is(
        'settings',
        qr/External [ ] settings/x,
        qr/MagicMail [ ] status \s+ active/x,
        qr/MagicMail [ ] addresses \s+ ann\@example[.]net/x
    );
    open_page('view/cust_main.cgi?custnum=' . $ann->custnum . ';show=packages');
    page_is('customer', qr/ann\@example[.]net/x);
};

subtest 'the report says that all is well' => sub {
    open_page('search/report_svc_export_test.cgi?export=magicmail');
    my $text = page_is('report', qr/No [ ] errors [ ] found/x, qr/checks [ ] of/x);
    unlike $text, qr/error[(]s[)]/x, 'and nothing else';
};

subtest 'the links of the export show a bar and say what was found' => sub {
    $queue->resume;
    $magicmail->modes(latency_ms => 25_000);    # the page is slow, too
    follow('check_export');
    page_is('bar', qr/Asking [ ] the [ ] server/x);
    $magicmail->modes(latency_ms => 0);
    $browser->wait_until(sub { return $browser->text !~ m/Asking [ ] the [ ] server/x });
    link_says(check_export => qr/are [ ] in [ ] order/x);
    link_says(audit_export => qr/agree/x);
};

subtest 'a difference is told by the link, the report and the service' => sub {
    change_server(sub { $_[0]{addresses} = {} });
    link_says(audit_export => qr/1 [ ] difference/x, 'audit_export-difference');
    open_page('search/report_svc_export_test.cgi?export=magicmail');
    page_is('report-difference', qr/error[(]s[)]/x, qr/ann\@example[.]net/x, qr/Lee [ ] & [ ] Sons [ ] <b>/x);
    open_page('view/svc_acct.cgi?' . service()->svcnum);
    page_is('settings-difference', qr/differs [ ] from [ ] Freeside \s+ [^\n]* ann\@example[.]net/x);
};

# Whatever the server may choose is a script.
subtest 'a hostile server runs no script in any page' => sub {
    change_server(
        sub {
            my ($state) = @_;
            $state->{addresses} = {
                "ann$ATTACK\@example.net" => 'ann',
                'ann@example.net'         => 'ann'
            };
            $_->{first_name} = $_->{last_name} = $ATTACK
                for map { values %{$state->{$_}} } qw( users accounts );
            push @{$state->{users}{ann}{packages}}, $ATTACK;
            $state->{users}{$ATTACK} = {%{$state->{users}{ann}}};
        }
    );
    visit_all('hostile');
    my %refusal = (
        kind    => 'error_document',
        on      => 1,
        count   => undef,
        code    => $ATTACK,
        message => $ATTACK
    );
    $magicmail->faults({%refusal, method => 'POST'});
    is $isp->fresh($package)->suspend, q{}, 'a suspend that fails';
    dbh->commit;
    ok $browser->wait_until(
        sub {
            dbh->commit;
            return grep { $_->status eq 'failed' } $isp->jobs;
        }
        ),
        'its job fails';
    open_page('edit/svc_acct.cgi?' . service()->svcnum);
    $browser->fill('input[name=finger]' => 'Ann Roe');
    $browser->click('input[type=submit][value=Submit]');
    page_is('hostile-refusal', qr/cannot [ ] change/x);
    $magicmail->faults({%refusal});
    visit_all('refusing');
    $magicmail->faults;
};

sub visit_all {
    my ($how) = @_;
    my %page = (
        service  => 'view/svc_acct.cgi?' . service()->svcnum,
        customer => 'view/cust_main.cgi?custnum=' . $ann->custnum . ';show=packages',
        report   => 'search/report_svc_export_test.cgi?export=magicmail',
        queue    => 'search/queue.html',
        log      => 'search/log.html',
        exports  => 'browse/part_export.cgi',
    );
    for my $name (sort keys %page) {
        open_page($page{$name});
        page_is("$how-$name");
    }
    my $last_words = join q{|}, 'in[ ]order', '\d[ ]difference', 'server[ ]refused', 'was[ ]compared',
        'could[ ]not';
    link_says($_ => qr/$last_words/x, "$how-$_") for qw( check_export audit_export );
    return;
}

# Our own parts of three pages, of a width that can be read in the documents:
# docs/pictures has these cuts.
my $WIDTH = 860;
my $DOTS  = 1.5;

subtest 'what the pictures in the documents show' => sub {
    $magicmail->reset;
    my $mia = $isp->customer(first => 'Mia', last => 'Brown');
    $isp->provisioned($mia, username => 'tom', finger => 'Tom Brown');
    my $svc = $isp->provisioned($mia, username => 'mia', finger => 'Mia Brown');
    dbh->commit;
    change_server(
        sub {
            my ($state) = @_;
            $state->{users}{mia}{status}     = 'suspended';
            $state->{users}{tom}{first_name} = 'Thomas';
            delete $state->{addresses}{'tom@example.net'};
        }
    );
    $browser->resize($WIDTH, $DOTS);
    open_page('view/svc_acct.cgi?' . $svc->svcnum);
    page_is('narrow-settings', qr/mailbox [ ] suspended, [ ] but [ ] package [ ] active/x);
    ok $browser->cut('cut-mailbox', <<'END'), 'the settings of a mailbox';
return [...document.querySelectorAll('table')].filter(t => /MagicMail differs/.test(t.innerText)).slice(-1);
END

    open_page('search/report_svc_export_test.cgi?export=magicmail');
    page_is('narrow-report', qr/Mia [ ] Brown/x, qr/Thomas [ ] Brown/x);
    ok $browser->cut('cut-report', <<'END'), 'the findings about a customer';
const rows = [...document.querySelectorAll('tr')].filter(r => !r.querySelector('tr'));
const first = rows.findIndex(r => /Mia Brown/.test(r.innerText));
const next = rows.findIndex((r, at) => at > first && !/account FREESIDE/.test(r.innerText));
return rows.slice(first, next < 0 ? undefined : next).flatMap(r => [...r.querySelectorAll('td')].slice(-1));
END

    open_page('edit/part_export.cgi?' . $export->exportnum);
    my %example = (
        client_password      => q{},
        client_password_file => '/etc/freeside/magicmail-password',
        port                 => '443',
        ca_file              => '/etc/freeside/magicmail.pem',
        link_url             => 'https://mail.example.net/admin/user?name=$username',
    );
    $browser->fill("input[name=$_]" => $example{$_}) for sort keys %example;
    $browser->script('document.activeElement.blur()');
    page_is('narrow-export', qr/Account [ ] Prefix/x);
    ok $browser->cut('cut-export', <<'END'), 'the options of an export';
const shown = name => [...document.querySelectorAll(`input[name=${name}]`)].find(e => e.getClientRects().length);
return ['client_id', 'link_url'].map(name => shown(name).closest('tr'));
END
};

sub change_server {
    my ($code) = @_;
    my $state = $magicmail->state;
    $code->($state);
    return $magicmail->set_state($state);
}

done_testing;
