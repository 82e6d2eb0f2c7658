#!/usr/bin/perl

# The components of a real Freeside's pages that show what an export says.

use strict;
use warnings;
use utf8;

use Test::More;

## no critic (ProhibitPackageVars): Freeside's

# Before anything else of Freeside's, as in Apache.
BEGIN {
    if (!eval { require FS::Mason; require FS::Mason::StandaloneRequest; 1 }) {
        plan skip_all => 'the staff interface is not installed';
    }
}

use FS::CurrentUser;
use ISP;
use Simulator;

# The pages expect a request of Apache's, or none.
{

    package HTML::Mason::Commands;
    use vars qw( $r )
}    ## no critic (ProhibitMultiplePackages, ProhibitPackageVars)

my $ATTACK = q{<script>alert('x')</script>};

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my $isp       = ISP->open;
my $export    = $isp->magicmail($magicmail, options => {timeout => 3});
my $ann       = $isp->customer(company => 'Lee & Sons <b>');
my $package   = $isp->package($ann);
my $svc       = $isp->provisioned($package, username => 'ann', finger => 'Ann Lee');
my $out       = q{};
my ($pages)   = FS::Mason::mason_interps('standalone', outbuf => \$out);

# What a component prints.
sub page {
    my ($component, $query, @arguments) = @_;
    local $FS::Mason::Request::QUERY_STRING = $query;
    $out = q{};
    $pages->exec($component, @arguments);
    return $out;
}

# The same less markup, as one line.
sub words_of {
    my ($html) = @_;
    my $text   = $html =~ s/<[^>]*>/ /gxr;
    $text =~ s/&nbsp;/ /gx;
    $text =~ s/\s+/ /gx;
    return $text;
}

sub change_server {
    my ($code) = @_;
    my $state = $magicmail->state;
    $code->($state);
    return $magicmail->set_state($state);
}

sub settings {
    my $user = $FS::CurrentUser::CurrentUser;
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): a choice of staff
    local *FS::access_user::option =
        sub { my ($self, $name) = @_; return $name eq 'export_getsettings' ? 1 : q{} };
    return page('/view/elements/svc_export_settings.html', q{}, $svc);
}

subtest 'the status of a mailbox' => sub {
    my $words = words_of(page('/view/elements/svc_export_status.html', q{}, $svc));
    like $words, qr/MagicMail [ ] status [ ] active/x,                'its status';
    like $words, qr/MagicMail [ ] addresses [ ] ann\@example[.]net/x, 'its addresses';
};

subtest 'the settings of a mailbox are texts' => sub {
    my $html = settings();
    unlike $html,         qr/ARRAY[(]|HASH[(]/x,              'all of them' or diag $html;
    like words_of($html), qr/MagicMail [ ] master [ ] user/x, 'the master';
    unlike $html,         qr/<B>/x,                           'where nothing differs nothing is bold';
};

subtest 'what differs comes first and in bold' => sub {
    change_server(sub { $_[0]{users}{ann}{status} = 'suspended' });
    my $html = settings();
    my ($first) = $html =~ m{<B>\s*(.*?)\s*</B>}sx;
    like $first, qr/but [ ] package [ ] active/x, 'the difference';
    like substr($html, 0, index $html, $first), qr/\A (?: (?! <I> ) . )* \z/sx,
        'nothing greyed stands before it';
    change_server(sub { $_[0]{users}{ann}{status} = 'active' });
};

subtest 'the report of an export in order is green' => sub {
    my $html     = page('/search/report_svc_export_test.cgi', 'export=magicmail');
    my $words    = words_of($html);
    my $label    = 'export ' . $export->exportnum . ' (' . $export->machine . ')';
    my $attached = 'attached to magicmail export. No errors found';
    like $words, qr/Found [ ] \d+ [ ] checks [ ] of [ ] \Q$label $attached\E/x,   'the checks' or diag $words;
    like $words, qr/Found [ ] 1 [ ] account [ ] compared [ ] with [ ] Freeside/x, 'the comparison';
    unlike $words, qr/error[(]s[)]/x,                                             'nothing is red';
};

subtest 'a difference stands under its customer' => sub {
    change_server(sub { delete $_[0]{addresses}{'ann@example.net'} });
    my $html    = page('/search/report_svc_export_test.cgi', 'export=magicmail');
    my $custnum = $ann->custnum;
    like $html, qr{href="[^"]*view/cust_main[.]cgi[?]$custnum"}xi, 'with a link to its page';
    like $html, qr/Lee [ ] &amp; [ ] Sons [ ] &lt;b&gt;/x,         'its name, escaped';
    like words_of($html), qr/Address [ ] missing, [ ] account [ ] FREESIDE$custnum:/x,
        'the finding names itself';
    change_server(sub { $_[0]{addresses}{'ann@example.net'} = 'ann' });
};

subtest 'the report is for those who configure exports' => sub {
    $isp->employee('clerk');
    my $words = $isp->as(
        'clerk',
        sub {
            return words_of(page('/search/report_svc_export_test.cgi', 'export=magicmail'));
        }
    );
    unlike $words, qr/\Q@{[$export->machine]}\E/x, 'nobody else reads of the server';
    like $words,   qr/Found [ ] 0 [ ] results [ ] that [ ] you [ ] may [ ] see/x, 'and it says so';
};

subtest 'a text of the server in a job is harmless on the page of the queue' => sub {
    $magicmail->faults(
        {
            kind    => 'error_document',
            on      => 1,
            count   => undef,
            method  => 'POST',
            path    => '/user',
            code    => 'x.y',
            message => $ATTACK
        }
    );
    is $package->suspend, q{}, 'a suspend that fails';
    my ($done) = $isp->run_jobs;
    like $done->{error}, qr/alert/x, 'its job dies with that text';
    my $html = page('/search/queue.html', 'magic=_date');
    like $html,   qr/alert/x,          'the page shows it';
    unlike $html, qr/<script>alert/xi, 'as a text';
    $html = page('/search/log.html', q{});
    unlike $html, qr/<script>alert/xi, 'nor does a script run on that of the log';
    $magicmail->faults;
};

done_testing;
