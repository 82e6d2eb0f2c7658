#!/usr/bin/perl

# A server that says anything in each of its fields: what staff and customers
# see of it are texts on one line, which hide and turn nothing.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( qsearch );
use ISP;
use Simulator;

## no critic (ProhibitPackageVars): the tests' own

# Where a server gives a user the API's password as its name, the path of the request
# for that user's packages has it in the debug log.
local $Secrecy::IS_DEBUG_ON = 0;

my $magicmail = Simulator->start;
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my $isp    = ISP->open;
my $export = $isp->magicmail($magicmail);
my $ann    = $isp->customer;
my $svc    = $isp->provisioned($ann, username => 'ann', finger => 'Ann Lee');

# Controls, what turns the direction of text, and what is not seen.
my $UNSEEN = join q{}, map { chr } 0xad, 0x180e, 0xfeff, 0x200b .. 0x200d, 0x2060 .. 0x2065,
    0xe0000 .. 0xe007f;
my $TURNING     = join q{}, map { chr } 0x61c, 0x200e, 0x200f, 0x2028 .. 0x202e, 0x2066 .. 0x2069;
my $TREACHEROUS = qr/[[:cntrl:]$UNSEEN$TURNING]/;    ## no critic (RequireExtendedFormatting): a space counts

my %SAYS = (
    'markup'   => q{<script>alert(1)</script>"'><img src=x onerror=alert(1)>},
    'lines'    => "one\r\nSet-Cookie: a=b\r\n\r\n\ttwo\x{85}three\x{2028}four\x{2029}five",
    'turned'   => "\x{202e}gnp.exe \x{2066}x\x{2069}\x{200f}\x{61c}",
    'hidden'   => "a\x{200b}b\x{ad}c\x{feff}d\x{e0041}",
    'controls' => join(q{}, map { chr } 0x7f .. 0x9f),
    'long'     => 'x' x 20_000,
    'secret'   => 'it is ' . $magicmail->client_password,
);

sub escaped {
    my ($text) = @_;
    $text =~ s/([<>&"'\t\r\n])/sprintf '&#%d;', ord $1/gex;
    return $text;
}

# Each request is answered with records that say this in each of their fields,
# but those by which the user is this customer's.
sub server_says {
    my ($text)  = @_;
    my $account = 'FREESIDE' . $ann->custnum;
    my $told    = escaped($text);
    my $fields  = qq{status="$told" first_name="$told" last_name="$told" memo="$told" master_user="Y"};
    return answers(qq{<r><account id="$account" $fields/><user id="$told" account="$account" $fields/>}
            . qq{<users><user id="$told" account="$account" $fields/></users>}
            . qq{<packages><package id="$told"/></packages><domain id="$told"/>}
            . qq{<emailaddresses><emailaddress id="$told" user="$told"/></emailaddresses></r>});
}

sub answers {
    my ($body) = @_;
    $magicmail->faults(
        {
            kind         => 'answer',
            count        => undef,
            status       => 200,
            content_type => 'text/xml; charset=utf-8',
            body         => $body,
        }
    );
    return;
}

# Each text in what a page was given.
sub texts_in {
    my ($name, $data) = @_;
    my $kind = ref $data;
    return map { texts_in($name, $_) } @{$data} if $kind eq 'ARRAY';
    return map { ($_, texts_in($name, $data->{$_})) } sort keys %{$data}
        if $kind eq 'HASH';
    is $kind, q{}, "$name: a text" if $kind;
    return defined $data ? "$data" : ();
}

sub are_harmless {
    my ($name, @texts) = @_;
    my @bad = grep { /$TREACHEROUS/x || length > 1_500 } @texts;
    is scalar @bad, 0, "$name: harmless lines" or diag explain [map { substr $_, 0, 100 } @bad];
    is scalar(grep { index($_, $magicmail->client_password) >= 0 } @texts), 0, "$name: no secret";
    return;
}

# A page escapes these itself, and takes texts and lists of texts.
sub are_for_pages {
    my ($name, $shown) = @_;
    my @odd = grep { ref && ref ne 'ARRAY' } values %{$shown};
    is scalar @odd, 0, "$name: texts and lists of texts" or diag explain \@odd;
    ok %{$shown} > 0, "$name: something is shown";
    return are_harmless($name, texts_in($name, $shown));
}

sub pages_are_harmless {
    my ($says) = @_;
    my $mailbox = $isp->fresh($svc);
    my (undef, $status) = $mailbox->export_getstatus;
    are_for_pages("$says: status", $status);
    my ($settings) = $mailbox->export_getsettings;
    are_for_pages("$says: settings", $settings);
    my $report = FS::part_export::magicmail->test_export_report({fsurl => 'https://f'});
    my @texts  = texts_in("$says: report", $report);
    are_harmless("$says: report", @texts);
    is scalar(grep { /<(?!BR>)/x } @texts), 0, "$says: report: escaped";
    my ($error, @told) = $isp->script($export, 'check_export');
    chomp $error;
    are_harmless("$says: check", $error, @told);
    return;
}

for my $says (sort keys %SAYS) {
    subtest $says => sub {
        server_says($SAYS{$says});
        pages_are_harmless($says);
    };
}

subtest 'fields that are no texts' => sub {
    my $account = 'FREESIDE' . $ann->custnum;
    my $inner   = '<status a="1"><b>x</b></status><first_name>a</first_name><first_name>b</first_name>';
    answers(
        qq{<r><account id="$account">$inner</account><user id="ANN" account="$account">$inner</user></r>});
    pages_are_harmless('structures');
};

subtest 'hooks and their logs' => sub {
    for my $says (sort keys %SAYS) {
        my $told = escaped($SAYS{$says});
        answers("<r><error><code>$told</code><message>$told</message></error></r>");
        @warned = ();
        my $error = $isp->change($svc, finger => "Ann $says");
        like $error, qr/cannot[ ]change[ ]mailbox/x, "$says: the hook failed";
        are_harmless("$says: its text",      $error);
        are_harmless("$says: the error log", map { s/\n\z//rx } @warned);
        my @rows = map { $_->message } $isp->log_rows;
        are_harmless("$says: Freeside's log", @rows);
        is scalar(grep { /[<>]/x } @rows), 0, "$says: ... without markup, for its page prints it raw";
    }
};

subtest 'a customer reads a neutral sentence, staff the whole' => sub {
    server_says($SAYS{markup});
    answers('<r><error><code>user.error.bad</code><message>&lt;b&gt; at FREESIDE1</message></error></r>');
    my $neutral = 'the mailbox could not be changed now; please contact support';
    for my $user (qw( fs_selfservice fs_signup )) {
        $isp->employee($user);
        @warned = ();
        my $error = $isp->as($user => sub { $isp->change($svc, finger => "Ann $user") });
        like $error,    qr/[(]transaction[ ]rolled[ ]back[)]:[ ]\Q$neutral\E\z/x, "$user: it is neutral";
        like "@warned", qr/cannot[ ]change[ ]mailbox[ ]ann/x, "$user: the error log has all of it";
    }
    like $isp->change($svc, finger => 'Ann Staff'), qr/cannot[ ]change[ ]mailbox/x, 'staff read all of it';
};

done_testing;
