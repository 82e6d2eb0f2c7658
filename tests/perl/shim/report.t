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

sub label_of {
    my ($of) = @_;
    my $name = $of->exportname ? $of->exportname . ', ' : q{};
    return 'export ' . $of->exportnum . " ($name" . $of->machine . ')';
}

sub group_of {
    my ($of) = @_;
    my %groups = groups();
    return $groups{label_of($of)} || die 'the report has no ' . label_of($of) . "\n";
}

# What the comparison of a server says.
sub comparison_by {
    my ($of) = @_;
    my %groups = groups();
    return $groups{'compared by ' . label_of($of)} || die "the report has no comparison\n";
}

# The texts of a group, in the order of the page.
sub red_in {
    my ($group) = @_;
    return map { values %{$_->{errors}} } values %{$group->{errors} || {}};
}

# What is wrong with an export: the checks' names and texts.
sub faults_of {
    my ($of)  = @_;
    my @known = grep { !m/\AWithout[ ]a[ ]result/x } red_in(group_of($of));
    return map { m/\A (.*?) (?: [ ][(]service[ ]\d+[)] )? :[ ] (.*) \z/x } @known;
}

# Name => pattern of all that is wrong with the export.
sub is_wrong {
    my ($what, %wanted) = @_;
    my %found = faults_of($export);
    is_deeply [sort keys %found], [sort keys %wanted], "$what: nothing else is wrong";
    for my $name (sort keys %wanted) { like $found{$name}, $wanted{$name}, "... $name" }
    return;
}

# Checks that have no result: one line says so, and it is no good news.
sub has_no_result {
    my (@names) = @_;
    my ($line, @more) = grep { m/\AWithout[ ]a[ ]result:[ ]/x } red_in(group_of($export));
    is scalar @more, 0, 'one line';
    my %found = map { $_ => 1 } $line =~ m/(?::|;)[ ]([^:;]+):[ ]not[ ]known/gx;
    is_deeply [sort keys %found], [sort @names], 'those that have no result';
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

# What the page of Freeside prints of a group.
sub sentence {
    my ($group) = @_;
    my $errors = $group->{errors};
    return "Found $group->{count} $group->{description} attached to magicmail export."
        . ($errors ? ' (' . keys(%{$errors}) . ') error(s)' : ' No errors found');
}

subtest 'an export that is in order' => sub {
    begin();
    $isp->provisioned($ann, username => 'ann');
    my @report = map { values %{$_} } @{FS::part_export::magicmail->test_export_report({})};
    my $label  = label_of($export);
    is_deeply [map { sentence($_) } @report[1 .. $#report]],
        [
        "Found 6 checks of $label attached to magicmail export. No errors found",
        "Found 1 account compared with Freeside by $label, those of the 20 newest customers,"
            . ' attached to magicmail export. No errors found',
        ],
        'the sentences of the page';
    is_deeply [grep { exists $_->{errors} } @report], [], 'a group without errors has no such key';
};

subtest 'where nothing was compared there is no good news' => sub {
    begin();
    my %groups = groups();
    is_deeply [grep { m/compared/x } keys %groups], [], 'before the first mailbox it is not spoken of';
    $isp->provisioned($ann, username => 'ann');
    $magicmail->faults({kind => 'status_500', path => '/account', on => 1, count => undef});
    my $group = comparison_by($export);
    is $group->{count}, 0, 'nothing';
    like join(q{|}, red_in($group)), qr/\AWithout[ ]a[ ]result:[ ]account[ ]FREESIDE1:[^|]+\z/x,
        'what cannot be read is named, once';
    like sentence($group), qr/[ ][(]1[)][ ]error[(]s[)]\z/x, 'and the page counts it';
    $magicmail->faults;
};

subtest 'a difference stands under its customer, in order' => sub {
    begin();
    my @svc   = map { $isp->provisioned($ann, username => $_) } qw( ann bea cia );
    my $state = $magicmail->state;
    $state->{users}{$_}{status} = 'suspended' for qw( ann bea cia );
    $state->{users}{stray} = {%{$state->{users}{cia}}};
    $magicmail->set_state($state);
    my $group = comparison_by($export);
    my ($customer, $other) = map { $group->{errors}{$_} } keys %{$group->{errors}};
    is $customer->{link},        'https://f/view/cust_main.cgi?' . $ann->custnum, 'a link to the customer';
    is $customer->{description}, 'Customer 1 (Ann Lee), ' . label_of($export),    'its name, and the export';
    is_deeply [map { m/service[ ](\d+)/x } values %{$customer->{errors}}], [map { $_->svcnum } @svc],
        'all three, in order';
    my ($first) = values %{$customer->{errors}};
    my $name = 'Mailbox suspended, but package active, account FREESIDE1: Freeside: ';
    is substr($first, 0, length $name), $name, 'each names itself';
    my ($stray) = values %{$other->{errors}};
    is $stray, 'User without a service: user STRAY on account FREESIDE1', 'a user of nobody';
};

subtest 'for those who configure exports' => sub {
    begin();
    $isp->employee('clerk');
    $magicmail->clear_log;
    my @report = $isp->as(clerk => sub { return @{FS::part_export::magicmail->test_export_report({})} });
    is $magicmail->requests, 0, 'nothing is asked for others';
    my ($group) = map { values %{$_} } @report;
    is sentence($group), 'Found 0 results that you may see attached to magicmail export. (1) error(s)',
        'others see nothing';
    is_deeply [red_in($group)], ['this report needs the access right Configuration'], 'but why';
    is scalar @report, 1, 'and nothing else';
};

subtest 'many exports of a server that takes its time are in order' => sub {
    begin();
    $isp->provisioned($ann, username => 'ann');
    my @more =
        map { $isp->magicmail($magicmail, options => {package => "P$_"}, definitions => ["D$_"]) } 2 .. 9;
    $magicmail->modes(latency_ms => 100);
    my %groups = groups();
    is_deeply [grep { exists $groups{$_}{errors} } sort keys %groups], [], 'all of them';
    is scalar keys %groups, 11, 'nine, the installation and the comparison';
    $magicmail->modes(latency_ms => 0);
};

subtest 'an export whose server hangs takes none of the time of another' => sub {
    begin();
    my $hanging = Simulator->start(domains => ['example.net']);
    $hanging->faults({kind => 'hang', on => 1, count => undef});
    my $stuck = $isp->magicmail(
        $hanging,
        options     => {timeout => 1, account_prefix => 'ISP'},
        definitions => ['Stuck']
    );
    my $other  = $isp->magicmail($magicmail, options => {package => 'PLUS'}, definitions => ['Plus']);
    my %groups = groups();
    like sentence($groups{label_of($other)}),           qr/No[ ]errors[ ]found/x, 'the next one is in order';
    like join(q{ }, red_in($groups{label_of($stuck)})), qr/did[ ]not[ ]answer/x,  'the one that hangs is not';
};

subtest 'what is loaded' => sub {
    begin();
    my $folder = tempdir(CLEANUP => 1);
    make_path("$folder/FS/part_export");
    open my $file, '>', "$folder/$MODULE" or die "$folder: $!\n";
    close $file or die "$folder: $!\n";
    local @INC = (@INC, $folder);
    my %groups  = groups();
    my $group   = $groups{installation};
    my $version = FS::part_export::magicmail->VERSION;
    my $library = FS::part_export::magicmail::Library::file();
    my $release = FS::part_export::magicmail::Library::version();
    ok -e $library, 'a library';
    is $group->{description},
        "installation (module $version: $INC{$MODULE}; library $release: $library; not loaded: $folder/$MODULE)",
        'the module, the library, and another module of that name';
    ok !exists $group->{errors}, 'nothing is wrong';
};

subtest 'the server' => sub {
    begin(port => 1);
    is_wrong 'nobody listens', 'Server' => qr/127[.]0[.]0[.]1/x;
    has_no_result('Certificate', 'API client');

    begin(ca_file => q{});
    is_wrong 'a certificate of another CA', 'Certificate' => qr/ca_file/x;
    has_no_result('API client');
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
    is_wrong 'some are not shown';
    has_no_result(map { "Domain $_" } qw( fixed.example hosted.example one.example ));
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
    }
};

subtest 'the passwords of services' => sub {
    begin();
    unexported(username => 'ann', _password => 'word');
    unexported(username => 'bea', _password => '$1$abcdefgh$' . 'a' x 22, _password_encoding => 'crypt');
    my $svc = unexported(username => 'cry', _password => '$6$x$y', _password_encoding => 'crypt');
    is_wrong 'one cannot be sent', 'Password of cry' => qr/[\$]6[\$]/x;
    my ($errors) = values %{group_of($export)->{errors}};
    is $errors->{link}, 'https://f/view/cust_main.cgi?' . $ann->custnum, 'a link to the customer';
    my $number = $svc->svcnum;
    like join(q{}, values %{$errors->{errors}}), qr/[(]service[ ]$number[)]:/x,
        'and the number of the service';
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
    $isp->magicmail($magicmail, exportname => '<b>&"', definitions => ['<i>Odd</i>']);
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
    unlike $text, qr/</x, 'no element';

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
    is scalar keys %wrong, 1, 'one thing is wrong';
    for my $name (sort keys %wrong) { like $error, qr/\Q$name: $wrong{$name}\E/x, $name }
    like $error, qr/Domain[ ]hosted[.]example:[ ]not[ ]known/x, 'and what is not known';
    my @percents = map { m/\A(\d+),\w/x } @texts;
    is scalar @percents, scalar @texts, 'percent and words';
    is_deeply \@percents, [sort { $a <=> $b } @percents], 'ever further';
    $isp    = ISP->open;
    $export = $isp->magicmail($magicmail);
    is(($isp->script($export, 'check_export'))[0], q{}, 'all is well elsewhere');
};

done_testing;
