#!/usr/bin/perl

# The test report of the Services report menu, and the same checks behind the
# button of an export's page: what they look at, one thing after the other.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Cwd        qw( abs_path );
use File::Path qw( make_path );
use File::Temp qw( tempdir );
use Test::More;

use FS::part_export::magicmail::Library;
use FS::Record qw( dbh );
use ISP;
use Simulator;

## no critic (ProhibitPackageVars): Freeside's

my $MODULE    = 'FS/part_export/magicmail.pm';
my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
local $SIG{__WARN__} = sub { };

my ($isp, $export, $ann);

sub begin {
    my (%options) = @_;
    $magicmail->reset;
    $isp    = ISP->open;
    $export = $isp->magicmail($magicmail, options => \%options);
    $ann    = $isp->customer;
    return;
}

# A mailbox that no export has heard of.
sub unexported {
    my (@mailbox) = @_;
    local $FS::svc_Common::noexport_hack = 1;
    my $svc = $isp->mailbox($ann, @mailbox);
    is $svc->insert, q{}, 'a mailbox ' . $svc->username;
    return $svc;
}

# The groups of the report, that of the installation first.
sub groups {
    my $report = FS::part_export::magicmail->test_export_report({fsurl => 'https://f/'});
    return map { %{$_} } @{$report};
}

sub group_of {
    my ($of)   = @_;
    my %groups = groups();
    my ($name) = grep { m/\AMagicMail[ ]export[ ]@{[ $of->exportnum ]}:/x } keys %groups;
    return $groups{$name};
}

# What is wrong with an export: the checks' names and texts; but for where MagicMail
# differs, which the tests of the audit look at.
sub faults_of {
    my ($of)   = @_;
    my %faults = map { %{$_->{errors}} } values %{group_of($of)->{errors}};
    return map { $_ => $faults{$_} } grep { !/\A Difference/x } keys %faults;
}

# Name => pattern of all that is wrong with the export.
sub is_wrong {
    my ($what, %wanted) = @_;
    my %found = faults_of($export);
    is_deeply [sort keys %found], [sort keys %wanted], "$what: nothing else is wrong";
    for my $name (sort keys %wanted) { like $found{$name}, $wanted{$name}, "... $name" }
    return;
}

# Writes an option past the check of the export's page, as an older export may
# have left it.
sub left_as {
    my ($name, $value) = @_;
    dbh->do('DELETE FROM part_export_option WHERE optionname = ?', undef, $name);
    dbh->do('INSERT INTO part_export_option (exportnum, optionname, optionvalue) VALUES (?, ?, ?)',
        undef, $export->exportnum, $name, $value);
    dbh->commit;
    return;
}

subtest 'an export that is in order' => sub {
    begin();
    $isp->provisioned($ann, username => 'ann');
    my $group = group_of($export);
    is_deeply $group->{errors}, {}, 'nothing is wrong';
    is $group->{count}, 7, 'so much was looked at';
    my $server = '127.0.0.1:' . $magicmail->port;
    is_deeply [split m/<BR>/x, $group->{description}],
        [
        "Server: $server answers",
        'Certificate: the server&#39;s certificate verifies',
        'API client: the server accepts the API client freeside',
        'Domain example.net: the API client may use example.net',
        'Account prefix: FREESIDE',
        'Service definitions: no other magicmail export',
        'Services of the 20 newest customers: MagicMail has them as Freeside does (1 accounts)',
        ],
        'and what';
};

subtest 'what is loaded' => sub {
    begin();
    my $folder = tempdir(CLEANUP => 1);
    make_path("$folder/FS/part_export");
    open my $file, '>', "$folder/$MODULE" or die "$folder: $!\n";
    close $file or die "$folder: $!\n";
    local @INC = (@INC, $folder);
    my %groups  = groups();
    my $group   = $groups{'MagicMail installation'};
    my $version = FS::part_export::magicmail->VERSION;
    my $library = FS::part_export::magicmail::Library::file();
    my $release = FS::part_export::magicmail::Library::version();
    ok -e $library, 'a library';
    is_deeply [split m/<BR>/x, $group->{description}],
        ["module $version: $INC{$MODULE}", "not loaded: $folder/$MODULE", "library $release: $library"],
        'the module, another one of its name, and the library';
    is_deeply $group->{errors}, {}, 'nothing is wrong';
};

subtest 'the server' => sub {
    begin(port => 1);
    is_wrong 'nobody listens',
        'Server'      => qr/127[.]0[.]0[.]1/x,
        'Certificate' => qr/not[ ]known/x,
        'API client'  => qr/not[ ]known/x;

    begin(ca_file => q{});
    is_wrong 'a certificate of another CA',
        'Certificate' => qr/ca_file/x,
        'API client'  => qr/not[ ]known/x;
    begin(tls_insecure => 1);
    is_wrong 'it is not verified', 'Certificate' => qr/tls_insecure/x;

    begin(client_password => 'wrong-word');
    is_wrong 'the API client is refused', 'API client' => qr/refused/x;
    unlike join("\n", texts_in([groups()])), qr/wrong-word/x, 'no secret is shown';

    begin();
    left_as(port => 'https');
    is_wrong 'options that cannot be used', 'Options' => qr/Port[ ][(]port[)]/x;
};

subtest 'the domains of services, and of definitions' => sub {
    begin();
    unexported(username => 'far', domain => 'hosted.example');
    $isp->column('Mailbox', domsvc => $isp->domain('fixed.example')->svcnum, 'F');
    $isp->link($export, 'Other');
    my $choice = join q{,}, map { $isp->domain($_)->svcnum } qw( one.example example.org );
    $isp->column('Other', domsvc => $choice, 'S');
    $isp->domain('unused.example');
    my $why = qr/not[ ]a[ ]system[ ]domain[ ]which/x;
    is_wrong 'some cannot be used',
        map { ("Domain $_" => $why) } qw( hosted.example fixed.example one.example );
    like group_of($export)->{description}, qr/Domain[ ]example[.]org:/x, 'one can';
};

# For this test: the one setting of Freeside's that matters here.
{

    package FS::Conf;                 ## no critic (RequireFilenameMatchesPackage): see above
    our $ENCODING;
    sub new { my ($class) = @_; return bless {}, $class }
    sub config { my (undef, $name) = @_; return $name eq 'default-password-encoding' ? $ENCODING : undef }
    $INC{'FS/Conf.pm'} = __FILE__;    ## no critic (RequireLocalizedPunctuationVars): for the whole test
}

subtest 'the encoding of new passwords' => sub {
    my %is_sent = (
        'plain'      => 1,
        'crypt-des'  => 1,
        'crypt-md5'  => 1,
        'ldap-plain' => 1,
        'ldap-crypt' => 1,
        'ldap-md5'   => 0,
        'ldap-sha1'  => 0,
        'legacy'     => 0
    );
    for my $encoding (sort keys %is_sent) {
        begin();
        local $FS::Conf::ENCODING = $encoding;
        my $name = "Password encoding $encoding of new services";
        is_wrong $encoding, $is_sent{$encoding} ? () : ($name => qr/password/x);
        next if !$is_sent{$encoding};
        like group_of($export)->{description}, qr/\Q$name\E:[ ]sent[ ]as/x, '... it is sent';
    }
};

subtest 'the passwords of services' => sub {
    begin();
    unexported(username => 'ann', _password => 'word');
    unexported(username => 'bea', _password => '$1$abcdefgh$' . 'a' x 22, _password_encoding => 'crypt');
    my $svc = unexported(username => 'cry', _password => '$6$x$y', _password_encoding => 'crypt');
    is_wrong 'one cannot be sent', 'Password of cry' => qr/[\$]6[\$]/x;
    my $errors = group_of($export)->{errors}{'service ' . $svc->svcnum};
    is $errors->{link},        'https://f/view/svc_acct.cgi?' . $svc->svcnum, 'a link to its page';
    is $errors->{description}, 'Service ' . $svc->svcnum,                     'and its number';
};

subtest 'the prefix of other exports' => sub {
    begin();
    my %elsewhere = (definitions => ['Elsewhere']);
    $isp->magicmail($magicmail, %elsewhere, options => {package        => 'PLUS'});
    $isp->magicmail($magicmail, %elsewhere, options => {account_prefix => 'ISP', client_id => 'other'});
    is_wrong 'one more on this server, and one of another prefix';
    my $machine      = $isp->magicmail($magicmail, %elsewhere, machine => 'localhost');
    my $client       = $isp->magicmail($magicmail, %elsewhere, options => {client_id => 'other'});
    my $made_of_ours = $isp->export(
        'mymagic',
        machine => 'localhost',
        %elsewhere,
        options => {client_id => 'a', client_password => 'b', account_prefix => 'freeside'}
    );
    my %wanted = map { ('Account prefix, export ' . $_->exportnum => qr/another[ ]server[ ]or/x) } $machine,
        $client, $made_of_ours;
    is_wrong 'another server, another client, and one made from ours', %wanted;
};

subtest 'two magicmail exports on one definition' => sub {
    begin();
    my $plus =
        $isp->magicmail($magicmail, options => {package => 'PLUS'}, definitions => [qw( Mailbox Plus )]);
    my ($number, $svcpart) = ($plus->exportnum, $isp->definition('Mailbox')->svcpart);
    is_wrong 'both are told of', "Service definition $svcpart, export $number" =>
        qr/\AMailbox[ ]has[ ]the[ ]magicmail[ ]export[ ]$number[ ]too\z/x;
    my %others = faults_of($plus);
    is scalar keys %others, 1, 'by both of them';
};

subtest 'the page is HTML, and all that it shows is escaped' => sub {
    begin();
    $isp->definition('<i>Odd</i>');
    $isp->link($export, '<i>Odd</i>');
    $isp->magicmail($magicmail, options => {account_prefix => '<b>&"'}, definitions => ['<i>Odd</i>']);
    unexported(username => '<u>', _password => '<s>', _password_encoding => 'crypt');
    unexported(username => 'far', domain => '<h1>.example');
    $magicmail->faults(
        {
            kind    => 'error_document',
            path    => '/account',
            message => '<script>alert(1)</script>',
            on      => 1,
            count   => undef
        }
    );
    my $text = join "\n", texts_in([groups()]);
    unlike $text, qr/<(?!BR>)/x, 'no element but line breaks';

    for my $shown ('&lt;i&gt;Odd', '&lt;b&gt;&amp;&quot;', '&lt;u&gt;', '&lt;h1&gt;', '&lt;script&gt;') {
        like $text, qr/\Q$shown\E/x, "$shown is there";
    }
    my $errors = group_of($export)->{errors}{'export ' . $export->exportnum};
    is $errors->{link}, 'https://f/edit/part_export.cgi?' . $export->exportnum, 'a link to the export';
};

sub texts_in {
    my ($data) = @_;
    return map { texts_in($_) } @{$data}                     if ref $data eq 'ARRAY';
    return map { ($_, texts_in($data->{$_})) } keys %{$data} if ref $data eq 'HASH';
    return defined $data ? $data : ();
}

subtest 'the button of the export tells the same, and how far it is' => sub {
    begin();
    my $svc = unexported(username => 'far', domain => 'hosted.example');
    $isp->magicmail($magicmail, options => {client_id => 'other'}, definitions => ['Elsewhere']);
    my ($error, @texts) = $isp->script($export, 'check_export');
    my %wrong = faults_of($export);
    is scalar keys %wrong, 2, 'two things are wrong';
    for my $name (sort keys %wrong) { like $error, qr/\Q$name: $wrong{$name}\E/x, $name }
    my @percents = map { m/\A(\d+),\w/x } @texts;
    is scalar @percents, scalar @texts, 'percent and words';
    is_deeply \@percents, [sort { $a <=> $b } @percents], 'ever further';
    $isp    = ISP->open;
    $export = $isp->magicmail($magicmail);
    is(($isp->script($export, 'check_export'))[0], q{}, 'all is well elsewhere');
};

done_testing;
