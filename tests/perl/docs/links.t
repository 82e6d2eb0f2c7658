#!/usr/bin/perl

# What the documentation points to is there: files behind links, targets of the
# Makefile, jobs of the export.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Documentation qw( root rows_of tables_are_narrow text_of );

my @files = map { substr $_, 1 + length root() } map { glob root() . "/$_" } qw( *.md */*.md */*/*.md );
@files = grep { !m{\A target/ }x } @files;
cmp_ok scalar @files, q{>}, 10, 'documents';

for my $file (@files) {
    my ($folder) = $file =~ m{\A (.* /)? [^/]+ \z}x;
    my @links    = text_of($file) =~ / \] [(] ( (?! https?: | mailto: | [#] ) [^)\s]+ ) [)] /gx;
    my @missing  = grep { !-e root() . q{/} . ($folder || q{}) . s/[#].*//rx } @links;
    is_deeply \@missing, [], "$file: what its links point to";
}

my %target  = map  { $_ => 1 } text_of('Makefile') =~ /^ ([a-z-]+) : /gmx;
my %named   = map  { $_ => 1 } map { text_of($_) =~ / (?: ` | ^[ ]{4} ) make [ ] ([a-z-]+) /gmx } @files;
my @unknown = grep { !$target{$_} } sort keys %named;
is_deeply \@unknown, [], 'each target of the Makefile that is named';

my @jobs =
    map { $_->{cells}[0] =~ tr/`//dr } grep { $_->{section} =~ /\A Jobs/x } rows_of('docs/operations.md');
my @subs = text_of('perl/lib/FS/part_export/magicmail.pm') =~ /^ sub [ ] ( \w+_job | \w+_export ) [ ] /gmx;
is_deeply [sort @jobs], [sort grep { !/\A_/x } @subs], 'each job of the export';

tables_are_narrow("docs/$_.md") for qw( messages operations upgrading c-api );

done_testing;
