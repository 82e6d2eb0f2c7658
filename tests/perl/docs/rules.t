#!/usr/bin/perl

# docs/rules.md: each rule names a test, and each test that it names is there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use English qw( -no_match_vars );
use Test::More;

use Documentation qw( is_there root rows_of tables_are_narrow text_of );

my $FILE     = 'docs/rules.md';
my @SECTIONS = (
    'What an answer proves',
    'What may be destroyed',
    'Provision',
    'Unprovision',
    'The account of a service',
    'Change',
    'Suspend, unsuspend',
    'Packages in line',
    'Passwords',
    'When the network or the server fails',
    'Two at once',
    'What staff read',
    'At home in Freeside'
);

my %tests;

# The names of the tests that a file of the list's has.
sub tests_in {
    my ($kind, $file) = @_;
    my %found_by = (
        perl   => sub { return rules_in("tests/perl/rules/$file.t") },
        shim   => sub { return subtests_in("tests/perl/shim/$file.t") },
        host   => sub { return subtests_in("tests/perl/host/$file.t") },
        tests  => sub { return subtests_in("tests/perl/$file.t") },
        rust   => sub { return rust_tests_in($file) },
        faults => \&scenes,
    );
    return @{$tests{"$kind $file"} ||= [$found_by{$kind}->()]};
}

# A file of rules tells their names, and runs none.
sub rules_in {
    my ($file) = @_;
    local $ENV{RULES_LISTED} = 1;
    my @include = map { '-I' . root() . "/$_" } qw( perl/lib tests/perl/lib );
    open my $output, q{-|}, $EXECUTABLE_NAME, @include, root() . "/$file" or die "$file: $OS_ERROR\n";
    my @names = map { /\A ok [ ] \d+ [ ] - [ ] (.*) \n \z/x ? $1 : () } <$output>;
    close $output or die "$file does not list its rules\n";
    return @names;
}

# As they are written: a variable is a part of the name.
sub subtests_in { my ($file) = @_; return text_of($file) =~ /^ [ ]* subtest [ ] ['"] ([^'"]+) /gmx }

# A test that proptest makes has no more before it than its own attribute.
sub rust_tests_in {
    my ($file) = @_;
    my ($path) = grep { -e root() . "/$_" } "tests/rust/$file.rs", "src/$file.rs";
    return text_of($path) =~ / [#]\[test\] \s+ fn [ ] (\w+) /gx;
}

# Every hook with every name, for only their names are looked at here.
sub scenes {
    my $text   = text_of('tests/faults/scenes.rs');
    my %hooks  = map { lc $_ => 1 } $text =~ / Hook :: (\w+) /gx;
    my @scenes = $text                    =~ / " ([a-z-]+) " /gx;
    my @all;
    for my $hook (keys %hooks) {
        push @all, map { "$hook.$_" } @scenes;
    }
    return @all;
}

tables_are_narrow($FILE);

my %rules;
for my $row (rows_of($FILE)) { push @{$rules{$row->{section}}}, $row->{cells} }
is_deeply [sort keys %rules], [sort @SECTIONS], 'every section is there';

for my $section (@SECTIONS) {
    subtest "each rule of the section $section has a test that is there" => sub {
        for my $cells (@{$rules{$section} || []}) {
            my ($rule, $cell) = @{$cells};
            my @named = $cell =~ / (\w+) [ ] (?: ([\w\/]+) [ ] )? ` ([^`]+) ` /gx;
            ok scalar @named, "$rule: a test is named";
            while (my ($kind, $file, $test) = splice @named, 0, 3) {
                my @known = tests_in($kind, defined $file ? $file : q{});
                ok is_there($test, @known), "$rule: $test";
            }
        }
    };
}

done_testing;
