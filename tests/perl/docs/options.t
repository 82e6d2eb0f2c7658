#!/usr/bin/perl

# docs/options.md has each option of an export, in Freeside's order, with its label
# and its default.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Documentation qw( text_of );
use FS::part_export::magicmail::Options;

my %info    = FS::part_export::magicmail::Options::info();
my $options = $info{options};
my %section =
    text_of('docs/options.md') =~ /^ [#]{2} [ ] ([^\n]+) \n+ ( (?: (?! [#]{2} [ ] ) [^\n]* \n? )* )/gmx;
my @headed = text_of('docs/options.md') =~ /^ [#]{2} [ ] ` (\w+) ` /gmx;

is_deeply \@headed, [keys %{$options}], 'each option, in their order';

for my $name (keys %{$options}) {
    my %option = %{$options->{$name}};
    my $text   = $section{"`$name`: $option{label}"};
    ok defined $text, "$name: its label" or next;
    my ($default) = $text =~ /\A Default: [ ] ( ` [^`]+ ` | [^.]+ ) [.] /x;
    my %without = (checkbox => 'off', ca_file => q{the system's CAs});
    my $wanted =
        defined $option{default}
        ? "`$option{default}`"
        : $without{$option{type} || $name} || 'none';
    is $default, $wanted, "$name: its default";
    cmp_ok length $text, q{>}, 60, "$name: what it means";
}

done_testing;
