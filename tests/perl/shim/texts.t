#!/usr/bin/perl

# Texts on their way: flagged and unflagged strings, a database that gives bytes,
# long and strange texts, and no secret in any of them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use MIME::Base64 qw( encode_base64 );

use FS::part_export::magicmail::Text;
use ISP;
use Simulator;

my $magicmail = Simulator->start(
    client_password => 'api&+%=secret',
    domains         => ['example.net', 'example.org']
);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

sub spelled {
    my ($text, $flagged) = @_;
    $flagged ? utf8::upgrade($text) : utf8::downgrade($text, 1);
    return $text;
}

for my $flagged (0, 1) {
    subtest "strings with the flag $flagged" => sub {
        for my $username (
            'ann.lee', q{o'neil}, 'a+b',  'x&y', "zo\x{eb}", 'a"b',
            'a<b',     'a b',     'a%41', 'a#b', 'a?b',      'a;b=c'
            )
        {
            $magicmail->reset;
            my $isp = ISP->open;
            $isp->magicmail($magicmail);
            my $ann = $isp->customer(
                first => spelled("J\x{fc}rgen",         $flagged),
                last  => spelled("\x{c9}tienne & <Co>", $flagged)
            );
            my $password = "&+%=\x{e9}\"'<";
            my $svc      = $isp->mailbox(
                $ann,
                username  => spelled($username,                       $flagged),
                finger    => spelled("Zo\x{eb} M\x{fc}ller-L\x{fc}d", $flagged),
                _password => spelled($password,                       $flagged)
            );
            is $svc->insert, q{}, "$username: provision";
            my $user = $magicmail->user($username) || {};
            is $user->{first_name}, "Zo\x{eb}",             'first name';
            is $user->{last_name},  "M\x{fc}ller-L\x{fc}d", 'last name';
            is $user->{password},   $password,              'password';
            is((values %{$magicmail->state->{accounts}})[0]{last_name}, "\x{c9}tienne & <Co>", 'customer');
            is $isp->change($svc, _password => spelled("\x{fc}", $flagged)), q{},      'change';
            is $magicmail->user($username)->{password},                      "\x{fc}", 'password';
            is $isp->fresh($svc)->delete,                                    q{},      'unprovision';
        }
    };
}

subtest 'a database that gives bytes' => sub {
    for my $username ('ann', "zo\xc3\xab") {
        $magicmail->reset;
        my $isp = ISP->open;
        $isp->magicmail($magicmail);
        my $ann = $isp->customer(last => 'Lee');
        my $svc = $isp->mailbox($ann, username => 'x');
        no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
        local *FS::part_export::magicmail::Errors::gives_bytes  = sub { 1 };
        local *FS::part_export::magicmail::Records::gives_bytes = sub { 1 };
        $svc->set(username  => $username);
        $svc->set(_password => "\xc3\xa9");
        $svc->set(finger    => "Zo\xeb");
        is $svc->insert, q{}, 'provision';
        my ($user) = values %{$magicmail->state->{users}};
        is $user->{password},   "\x{e9}",   'bytes of UTF-8 are decoded';
        is $user->{first_name}, "Zo\x{eb}", 'what is not UTF-8 is taken as it is';
    }
    my %handle = (
        'mysql, bytes'  => {Driver => {Name => 'mysql'}},
        'Pg, SQL_ASCII' => {Driver => {Name => 'Pg'}, pg_utf8_flag => 0},
    );
    ok FS::part_export::magicmail::Text::gives_bytes($handle{$_}), $_ for sort keys %handle;
    %handle = (
        'mysql, characters' => {Driver => {Name => 'mysql'}, mysql_enable_utf8 => 1},
        'Pg'                => {Driver => {Name => 'Pg'},    pg_utf8_flag      => 1},
        'SQLite'            => {Driver => {Name => 'SQLite'}},
    );
    ok !FS::part_export::magicmail::Text::gives_bytes($handle{$_}), $_ for sort keys %handle;
};

subtest 'an error is one line of bounded length' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    $isp->magicmail($magicmail);
    my $long  = ('x' x 3_000) . "\n\ty";
    my $error = $isp->mailbox($isp->customer, username => $long)->insert;
    $error =~ s/\A.*?[ ]rolled[ ]back\):[ ]//x;
    cmp_ok length $error, '<=', 1_500, 'length';
    unlike $error, qr/[\n\t]/x, 'one line';
    is FS::part_export::magicmail::Text::one_line("  a \n\t b\x{7} "),  'a b', 'spaces';
    is length FS::part_export::magicmail::Text::one_line('y ' x 5_000), 1_500, 'cut';
};

subtest 'a warning handler that dies ends no hook' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    $isp->magicmail($magicmail);
    local $SIG{__WARN__} = sub { die "handled: @_" };    ## no critic (RequireCarping): on purpose
    like $isp->mailbox(undef, username => 'ann')->insert, qr/in[ ]no[ ]package/x, 'the text is returned';
};

subtest 'no secret in any text' => sub {
    $magicmail->reset;
    @warned = ();
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail, options => {debug => 1});
    my $ann    = $isp->customer;
    my @errors;
    my $svc = $isp->mailbox($ann, username => 'ann', _password => 'sesame&77');
    push @errors, $svc->insert;
    push @errors, $isp->change($svc, _password => 'tulip<88');
    $magicmail->faults({kind => 'error_document', method => 'POST', on => 1, count => undef});
    push @errors, $isp->change($svc, _password => 'orchid"99');
    push @errors,
        $isp->mailbox(
        $ann,
        username  => 'bea',
        _password => 'sesame&77'
    )->insert;
    $magicmail->faults;
    $export->add_user(
        'A1', 'cy',
        password      => 'lilac11',
        password_type => 'plain'
    );
    push @errors, $export->error;
    push @errors, map { $_->message } $isp->log_rows;
    ok((grep { m/POST/x } @warned), 'debug is on');
    my $all   = join "\n", @errors, @warned;
    my $basic = encode_base64('freeside:' . $magicmail->client_password, q{});

    for my $secret ('sesame', 'tulip', 'orchid', 'lilac11', $basic, $magicmail->client_password, 'api%26%2B')
    {
        unlike $all, qr/\Q$secret\E/ix, 'none of them';
    }
};

done_testing;
