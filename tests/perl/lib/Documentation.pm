package Documentation;

# The documentation and the sources of this checkout, for tests that compare the
# one with the other.

use strict;
use warnings;

use Cwd            qw( abs_path );
use English        qw( -no_match_vars );
use Exporter       qw( import );
use File::Basename qw( dirname );
use Test::More     ();

our @EXPORT_OK = qw( is_there root rows_of tables_are_narrow text_of );

my $ROOT = abs_path(dirname(__FILE__) . '/../../..');

# The widest line of a table.
my $WIDTH = 120;

for my $handle (qw( output failure_output todo_output )) {
    binmode Test::More->builder->$handle, ':encoding(UTF-8)';
}

sub root { return $ROOT }

# A file of the checkout, as characters.
sub text_of {
    my ($file) = @_;
    open my $handle, '<:encoding(UTF-8)', "$ROOT/$file" or die "$file: $OS_ERROR\n";
    my $text = do { local $INPUT_RECORD_SEPARATOR = undef; <$handle> };
    close $handle or die "$file: $OS_ERROR\n";
    return $text;
}

# The rows of a file's tables below their heads: { section, cells } each.
sub rows_of {
    my ($file) = @_;
    my ($section, $is_body, @rows) = (q{}, 0);
    for my $line (split /\n/x, text_of($file)) {
        if ($line =~ /\A [#]+ [ ] (.*) /x) { $section = $1 }
        if ($line !~ /\A [|] /x)           { $is_body = 0; next }
        if ($line =~ /\A [|] [ ] --- /x)   { $is_body = 1; next }
        next if !$is_body;
        my (undef, @cells) = map { s/\A \s+ | \s+ \z//grx } split /(?<! \\) [|]/x, $line;
        push @rows, {section => $section, cells => \@cells};
    }
    return @rows;
}

sub tables_are_narrow {
    my ($file) = @_;
    my @wide   = grep { /\A [|] /x && length > $WIDTH } split /\n/x, text_of($file);
    return Test::More::is(join("\n", @wide), q{}, "no line of a table of $file is longer than $WIDTH");
}

# Whether a name, or a beginning that ends with an ellipsis, is among the names.
sub is_there {
    my ($name, @names) = @_;
    my $is_beginning = $name =~ s/\x{2026}\z//x;
    return scalar grep { $is_beginning ? index($_, $name) == 0 : $_ eq $name } @names;
}

1;
