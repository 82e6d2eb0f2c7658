#!/usr/bin/perl

# docs/messages.md: each text that it explains is one that the sources have, and each
# sentence that the library can say is explained there, or in docs/c-api.md.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Documentation qw( root rows_of tables_are_narrow text_of );

my $FILE     = 'docs/messages.md';
my $ELLIPSIS = "\x{2026}";

# What the library says that is no text for staff, or only a part of one that is
# listed, by the beginning of a file's name; what an audit finds is in docs/audit.md.
my %NOT_LISTED = (
    'src/apply.rs'      => qr/\A could [ ] not [ ] $ELLIPSIS \z/x,
    'src/step.rs'       => qr/\A (?! .* [(] | .* [ ] (?: is | are ) [ ] )/x,
    'src/password.rs'   => qr/\A sent [ ] as/x,
    'src/http/words.rs' => qr/\A (?: failed | for | [ ] [(]for | in [ ] the | before | to [ ] look ) [ ]/x,
    'src/http/trust.rs' => qr/\A to [ ] read/x,
    'src/observe.rs'    => qr/\A (?: the [ ] \w+ [ ] of | account | user | address ) [ ]/x,
    'src/operation.rs'  => qr/\A (?: cannot | $ELLIPSIS [ ] mailbox | bring )/x,
    'src/operation/call.rs'    => qr/\A (?: sent [ ] as | $ELLIPSIS [ ] failed )/x,
    'src/operation/check.rs'   => qr/\A $ELLIPSIS [ ] \w+ [ ] an [ ] address/x,
    'src/operation/audit.rs'   => qr/\A it [ ] has [ ] no/x,
    'src/operation/repair.rs'  => qr/./x,
    'src/document/fields.rs'   => qr/\A a [ ]/x,
    'src/api/syntax.rs'        => qr/\A line [ ]/x,
    'src/error.rs'             => qr/\A , [ ] and [ ]/x,
    'src/apply.rs'             => qr/\A could [ ] not [ ] $ELLIPSIS \z/x,
    'src/api/session.rs'       => qr/\A (?: not [ ] sent | no [ ] answer )/x,
    'src/plan/audit'           => qr/./x,
    'src/plan/master.rs'       => qr/\A other [ ] users? [ ]/x,
    'src/plan/unprovision.rs'  => qr/\A purge [ ] (?: account | user )/x,
    'src/freeside/exports.rs'  => qr/./x,
    'src/freeside/former.rs'   => qr/./x,
    'src/freeside/services.rs' => qr/./x,
    'src/freeside/message.rs'  => qr/\A the [ ] shim's/x,
    'src/freeside/hook'        => qr/\A (?: a [ ] hook's | no\w+ [ ] (?: was | is ) ) /x,
    'src/freeside/hook/e'      => qr/\A $ELLIPSIS [ ] mailbox /x,
    'src/freeside/hook.rs'     => qr/\A (?: cannot [ ] )? (?: $ELLIPSIS [ ] )? mailbox /x,
    'src/freeside/known.rs'    => qr/\A the [ ] exports/x,
    'src/freeside/left.rs'     => qr/\A (?: $ELLIPSIS [ ] mailbox | (?: purged | finished ) [ ] )/x,
    'src/apply/undo.rs'        => qr/\A user [ ] $ELLIPSIS [ ] on [ ] account/x,
);

sub sources {
    my ($folder, $ending) = @_;
    my @found;
    my @folders = (root() . "/$folder");
    while (my $next = shift @folders) {
        for my $path (glob "$next/*") {
            if (-d $path) { push @folders, $path }
            elsif ($path =~ /\Q$ending\E\z/x) { push @found, substr $path, 1 + length root() }
        }
    }
    @found = sort @found;
    return @found;
}

# The sentences of a Rust source: its literals of three words or more, what is put into
# them as an ellipsis.
sub sentences_of {
    my ($file) = @_;
    my $text = text_of($file);
    $text =~ s/[#]\[cfg\(test\)\] \s+ mod [ ] tests .*//sx;
    $text =~ s{^ \s* // [^\n]* }{}gmx;
    $text =~ s/'"'//gx;
    my @sentences;
    for my $literal ($text =~ / " ( (?: [^"\\] | \\ . )* ) " /gsx) {
        my $sentence =
            $literal =~ s/\\ \n \s*//grx =~ s/[{][{] (.*?) [}][}]/($1)/grx =~ s/[{] [^{}]* [}]/$ELLIPSIS/grx;
        push @sentences, $sentence if $sentence =~ /[a-z] \S* [ ] \S+ [ ] \S/x && $sentence !~ /\n/x;
    }
    return @sentences;
}

# A text of the list as a pattern: an ellipsis stands for anything.
sub pattern_of {
    my ($text)  = @_;
    my $pattern = join '[^\n]*', map { quotemeta } split /\s* $ELLIPSIS \s*/x, $text, -1;
    return qr/$pattern/x;
}

tables_are_narrow($FILE);

my (@rust, @sentences);
for my $file (sources('src', '.rs')) {
    push @rust, map { {file => $file, text => $_} } sentences_of($file);
}
my $perl = join "\n", map { text_of($_) } sources('perl/lib', '.pm');
$perl =~ s/ ['"}] \s* [.] \s* (?: q[{] | ['"] ) //gsx;

my @listed  = map { $_->{cells}[0] =~ tr/`//dr } grep { @{$_->{cells}} > 1 } rows_of($FILE);
my $unknown = join "\n", grep {
    my $pattern = pattern_of($_);
    !(grep { $_->{text} =~ $pattern } @rust) && $perl !~ $pattern;
} @listed;
is $unknown, q{}, 'each text of the list is in the sources';

my @patterns =
    map { pattern_of($_) } grep { length > 3 } @listed,
    map { $_->{cells}[0] } grep { $_->{section} =~ /mistake/x } rows_of('docs/c-api.md');
my @unexplained = grep {
    my $sentence = $_->{text};
    !grep { $sentence =~ $_ } @patterns
} @rust;
@unexplained = grep {
    my ($file, $sentence) = @{$_}{qw( file text )};
    !grep { index($file, $_) == 0 && $sentence =~ $NOT_LISTED{$_} } keys %NOT_LISTED;
} @unexplained;
is join("\n", map { "$_->{file}: $_->{text}" } @unexplained), q{},
    'each sentence of the library is explained';

done_testing;
