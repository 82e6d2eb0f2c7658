#!/usr/bin/perl

# Each command in the documents for users is run by a test, or says that none runs
# it. Some are run here; of the others it is looked whether the test still has them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Carp       qw( croak );
use English    qw( -no_match_vars );
use File::Temp qw( tempdir );
use Test::More;

use Documentation qw( root text_of );
use Simulator;

# What a document says of a command that no test runs.
my $UNTESTED = qr/ no [ ] test [ ] runs [ ] this /x;

# Command => the file that runs it, and the text by which it does; or code that
# runs it.
my %RUN = (
    'make demo'             => ['tests/perl/demo.t',  'EXAMPLES/day'],
    'make test'             => ['.ci/run',            'make test'],
    'make lint test'        => ['.ci/run',            'make lint'],
    'make deb GLIBC=native' => ['packaging/portable', 'GLIBC'],
    'make deb'              => ['tests/packages/run', 'packaging/deb'],
    'make build'            =>
        ['Makefile', "test: ## all tests: Rust, Perl, C\n\t\@setup/require test\n\t\$(CARGO) build"],
    'make build install' => ['tests/packages/from-source', 'make -s install'],
    'make install'       => ['tests/packages/from-source', 'make -s install'],
    'make uninstall'     => ['tests/packages/from-source', 'make -s uninstall'],
    'cargo build'        => ['Makefile',                   '$(CARGO) build'],
    'cc program.c $(pkg-config --cflags --libs magicmail)' => ['tests/packages/for-programs', 'cc -std=c99'],
    'freeside-magicmail audit USER'                        => ['tests/perl/audit/command.t',  'audit admin '],
    'freeside-magicmail audit USER --quiet' => ['tests/perl/audit/command.t', 'audit admin --quiet'],
    'freeside-magicmail audit USER --nightly --quiet' =>
        ['tests/perl/audit/command.t', 'audit admin --nightly --quiet'],
    'freeside-magicmail repair USER'         => ['tests/perl/audit/command.t', 'repair admin '],
    'freeside-magicmail repair USER --apply' => ['tests/perl/audit/command.t', 'repair admin --apply '],
    'freeside-magicmail status USER'         => ['tests/perl/audit/command.t', 'status admin '],
    'freeside-magicmail repair USER --finding suspended/17 --apply' =>
        ['tests/perl/audit/command.t', 'repair admin --finding suspended/'],
    'freeside-magicmail repair USER --kind account_name --apply' =>
        ['tests/perl/shim/rename.t', q{kinds => ['account_name']}],
    'magicmail check'                      => ['cli/tests/check.rs',  '"check"'],
    'magicmail check --domain example.net' => ['cli/tests/check.rs',  '"check", "--domain", "example.net"'],
    'magicmail user list FREESIDE42'       => ['cli/tests/tables.rs', '"user", "list", "FREESIDE42"'],
    'magicmail provision --dry-run < request.json' => ['cli/tests/hooks.rs',     '"provision", "--dry-run"'],
    'magicmail --help'                             => ['cli/tests/documents.rs', '"--help"'],
    'openssl s_client -connect mail.example.net:443 </dev/null | openssl x509 > /etc/freeside/magicmail.pem'
        => \&on_the_simulator,
    'openssl x509 -in /etc/freeside/magicmail.pem -noout -subject -dates -fingerprint -sha256' =>
        \&on_the_simulator,
    'openssl s_client -connect mail.example.net:443 -verify_return_error -verify_hostname mail.example.net </dev/null'
        => \&refuses_the_simulator,
    'openssl s_client -connect mail.example.net:443 -tls1_2 -cipher ECDHE+AESGCM:ECDHE+CHACHA20 </dev/null'
        => \&on_the_simulator,
    q{perl -e 'for (@INC) { print "$_\n" if -e "$_/FS/part_export/magicmail.pm" }'} => \&names_our_folder,
);

# Checks and measurements: they are tests themselves.
my %IS_CHECK =
    map { $_ => 1 }
    qw( bench bench-audit faults fuzz help release-check sanitize simulate test-freeside test-packages );

my $PROGRAMS = join q{|},
    qw( apt cargo cc freeside-magicmail journalctl magicmail make openssl perl systemctl );
my @DOCUMENTS = grep { !/ ARCHITECTURE | CHANGELOG | messages | protocol | rules /x }
    map { substr $_, 1 + length root() } glob(root() . '/*.md ' . root() . '/docs/*.md');

my $folder    = tempdir('magicmail-commands-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $magicmail = Simulator->start;

# The commands of a document, each [ command, whether it says that no test runs
# it ]: lines of their own, and those in a sentence that have an argument.
sub commands_in {
    my ($text) = @_;
    my @commands;
    foreach my $line (split /\n/x, $text) {
        my ($code) = $line =~ /\A [ ]{4} ( (?: $PROGRAMS ) \s .* ) \z/x or next;
        my ($command, $comment) = $code =~ /\A (.*?) (?: \s{2,} ( [#] .* ) )? \z/x;
        push @commands, [$command, defined $comment && $comment =~ / [#] [ ] $UNTESTED /x];
    }
    $text =~ s/^ [ ]{4} .*//gmx;
    while ($text =~ / ` ( (?: $PROGRAMS ) [ ] [^`]+ ) ` ( [ ] \( $UNTESTED )? /gx) {
        my ($command, $says) = ($1, $2);
        push @commands, [$command =~ s/ \s+ / /grx, defined $says];
    }
    return @commands;
}

# Our server in the place of the documents' one.
sub here {
    my ($command) = @_;
    my $server = $magicmail->host . q{:} . $magicmail->port;
    $command =~ s/mail[.]example[.]net:443/$server/x;
    $command =~ s{/etc/freeside/}{$folder/}x;
    return $command;
}

# What a command for the shell says, and whether it succeeds.
sub run {
    my ($command) = @_;
    open my $output, q{-|}, 'sh', '-c', "($command) 2>&1" or croak "sh: $OS_ERROR";
    my $said    = do { local $INPUT_RECORD_SEPARATOR = undef; <$output> };
    my $is_well = close $output;
    return ($said, $is_well);
}

sub on_the_simulator {
    my ($command) = @_;
    my ($said, $is_well) = run(here($command));
    return $is_well ? q{} : $said;
}

# Its certificate is of an authority of its own.
sub refuses_the_simulator {
    my ($command) = @_;
    my ($said, $is_well) = run(here($command));
    return !$is_well && $said =~ /verif/ix ? q{} : $said;
}

sub names_our_folder {
    my ($command) = @_;
    local $ENV{PERL5LIB} = root() . '/perl/lib';
    my ($said) = run($command);
    return index($said, root() . "/perl/lib\n") == 0 ? q{} : $said;
}

sub is_check {
    my ($command) = @_;
    my ($jobs)    = $command =~ /\A make [ ] (.*) /x or return 0;
    return !grep { !/=/x && !$IS_CHECK{$_} } split q{ }, $jobs;
}

for my $document (@DOCUMENTS) {
    my @commands = grep { !is_check($_->[0]) } commands_in(text_of($document)) or next;
    subtest $document => sub {
        for my $each (@commands) {
            my ($command, $says_untested) = @{$each};
            my $by = $RUN{$command};
            if (!$by) { ok $says_untested, "no test runs it, and that is said: $command"; next }
            if (ref $by eq 'CODE') { is $by->($command), q{}, "is run here: $command"; next }
            my ($file, $text) = @{$by};
            cmp_ok index(text_of($file), $text), q{>=}, 0, "is run by $file: $command";
        }
    };
}

done_testing;
