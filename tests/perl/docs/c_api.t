#!/usr/bin/perl

# docs/c-api.md: its functions and numbers are those of the header, its keys and
# operations those of the sources, and each example does against the simulator what it
# says.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP;
use Test::More;

use Documentation qw( root rows_of tables_are_narrow text_of );
use FS::part_export::magicmail::Library;
use Simulator;

my $FILE   = 'docs/c-api.md';
my $json   = JSON::PP->new->allow_nonref->canonical;
my $header = text_of('include/magicmail.h');
my %rows;
for my $row (rows_of($FILE)) { push @{$rows{$row->{section}}}, $row->{cells} }

# The first cells of a section's rows, without their marks.
sub names_in {
    my ($section, $pattern) = @_;
    return grep { /$pattern/x } map { $_->[0] =~ tr/`//dr } @{$rows{$section}};
}

# The keys that a Rust source takes out of its objects.
sub keys_in {
    my ($file) = @_;
    my $text   = text_of($file)        =~ s/[#]\[cfg\(test\)\].*//rsx;
    my %key    = map { $_ => 1 } $text =~ / fields (?: \s* [.]\w+ [(] | , [ ] ) " (\w+) " /gx;
    my @keys   = sort keys %key;
    return @keys;
}

tables_are_narrow($FILE);

my ($declarations) = $header =~ / extern [ ] "C" [ ] [{] (.*) [}] /sx;
is_deeply [sort { $a cmp $b } names_in('Functions', '\A mm_')],
    [sort { $a cmp $b } $declarations =~ / ^ [^\/\n]* \b (mm_\w+) [(] /gmx], 'the functions of the header';

my %number   = $header =~ / [#]define [ ] (MM_\w+) [ ] (\d+) /gx;
my %in_table = map { ($_->[0] =~ tr/`//dr) => $_->[1] } @{$rows{Statuses}};
delete $number{MM_ABI_VERSION};
is_deeply \%in_table, \%number, 'the statuses and levels of the header';

is_deeply [sort { $a cmp $b } names_in('Configuration', '.')], [keys_in('src/document/configuration.rs')],
    'the keys of the configuration';
my %of_request = map { s/\A.*[.]//rx => 1 } names_in('The request of a hook', '.');
is_deeply [sort keys %of_request], [keys_in('src/document/request.rs')], 'the keys of a request';
my ($detail) = text_of('src/error.rs') =~ / struct [ ] Detail<'a> [ ] [{] ( [^}]+ ) /x;
is_deeply [names_in('The detail of an error', '.')], [$detail =~ / (\w+): /gx], 'the keys of a detail';

my ($table) = text_of('src/api/operations.rs') =~ /^ operations! [ ] [{] (.*?) ^ [}] /msx;
is_deeply [names_in(q{mm_call: operations of MagicMail's API}, '.')], [$table =~ /^ \s+ (\w+) [ ] /gmx],
    'the operations of the API';
my ($own) = text_of('src/operation/call.rs') =~ / match [ ] name [ ] [{] (.*?) name [ ] => /sx;
is_deeply [sort { $a cmp $b } names_in(q{mm_call: this library's own operations}, '.')],
    [$own =~ / " (\w+) " /gx], q{the library's own operations};

# Each example: what it is, and its document.
my @examples = text_of($FILE) =~ / ^ ```json [ ] ([^\n]+) \n (.*?) ^ ``` /gmsx;
my $server   = Simulator->start(
    domains         => [qw( example.net example.org )],
    client_password => 'sesame',
    arguments       => ['--host', 'localhost']
);
my $place = 'localhost:' . $server->port;
my %at    = (machine => 'localhost', port => $server->port, ca_file => $server->ca_file);
my ($library, $reply, $failure, %shown);

# What an example's document asks for, done.
my %does = (
    configuration => sub {
        my ($document) = @_;
        ($library, $failure) =
            FS::part_export::magicmail::Library->for_configuration({%{$document}, %at});
        return ok($library, 'a handle') || diag explain $failure;
    },
    hook => sub {
        my ($document, $hook) = @_;
        ($reply, $failure) = $library->hook($hook, $document);
        return is($failure, undef, 'it succeeds') || diag explain $failure;
    },
    failure => sub {
        my ($document, $hook) = @_;
        ($reply, $failure) = $library->hook($hook, $document);
        return ok $failure, 'it fails';
    },
    call => sub {
        my ($document, $operation) = @_;
        ($reply, $failure) = $library->call($operation, $document);
        return is($failure, undef, 'it succeeds') || diag explain $failure;
    },
    reply => sub {
        my ($document) = @_;
        if (ref $document && exists $document->{elapsed_ms}) {
            $document->{elapsed_ms} = $reply->{elapsed_ms}
        }
        my $told = $json->encode($reply) =~ s/\Q$place\E/mail.example.net:443/grx =~
            s/localhost/mail.example.net/grx;
        return is $told, $json->encode($document), 'the reply';
    },
    detail => sub {
        my ($document) = @_;
        my %told = %{$failure};
        delete $told{text};
        return is $json->encode(\%told), $json->encode($document), 'the detail';
    },
);

my %kind = (
    'mm_call' => 'call',
    map { ("mm_$_" => 'hook') } qw( provision unprovision replace suspend unsuspend )
);

while (my ($title, $text) = splice @examples, 0, 2) {
    my ($what, $of) = split / [ ] /x, $title;
    my $kind = $kind{$what} || $what;
    if (($of || q{}) eq 'fails') { $kind = 'failure' }
    $shown{$kind eq 'call' ? $of : $what} = 1;
    subtest $title => sub {
        my $document = $json->decode($text);
        $does{$kind}->($document, $kind eq 'call' ? $of : $what =~ s/\A mm_ //rx);
    };
}

my @all = (names_in(q{mm_call: this library's own operations}, '.'), names_in('Functions', 'prov|repl|susp'));
is_deeply [grep { !$shown{$_} } @all], [], 'each hook and each own operation has an example';

done_testing;
