#!/usr/bin/perl

# The pictures in the documents: small enough for a page, and said in words, too.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Documentation qw( root text_of );

my $LONGEST   = 150_000;
my $SHORTEST  = 25;
my $SIGNATURE = "\x89PNG\r\n\x1a\n";

my %words;
for my $document (map { substr $_, 1 + length root() } glob(root() . '/*.md'), glob root() . '/docs/*.md') {
    my ($folder) = $document =~ m{\A (.* /)? [^/]+ \z}x;
    for my $shown (text_of($document) =~ / ( !\[ [^\]]* \] [(] [^)\s]+ [.]png [)] ) /gx) {
        my ($alt, $file) = $shown =~ / \[ ([^\]]*) \] [(] ([^)]+) /x;
        push @{$words{($folder || q{}) . $file}}, $alt;
    }
}

my @pictures = map { substr $_, 1 + length root() } glob root() . '/docs/pictures/*';
is_deeply [sort keys %words], [sort @pictures], 'each picture is shown, and each that is shown is there';

for my $picture (@pictures) {
    open my $file, '<:raw', root() . "/$picture" or die "$picture: $!\n";
    my $content = do { local $/ = undef; <$file> };
    close $file or die "$picture: $!\n";
    is substr($content, 0, length $SIGNATURE), $SIGNATURE, "$picture is a PNG";
    cmp_ok length $content, q{<}, $LONGEST, "$picture is small enough";
    is_deeply [grep { length() < $SHORTEST } @{$words{$picture} || []}], [], "$picture is said in words";
}

done_testing;
