#!/usr/bin/perl

# The picture in the documents is what the export's pages say today.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Carp qw( croak );
use Test::More;

use Documentation qw( text_of );

my $program = "$FindBin::Bin/../../../docs/pictures/draw-pages";
open my $drawing, q{-|}, $^X, $program or croak "draw-pages: $!";
my $drawn = do { local $/ = undef; <$drawing> };
ok close $drawing, 'what staff see can be drawn';
is $drawn, text_of('docs/pictures/pages.svg'), 'and is what is drawn in docs (make pictures draws it anew)';

done_testing;
