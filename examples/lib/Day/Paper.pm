package Day::Paper;

# What the day is written on: a terminal, a pipe or a file. Lines are at most 80
# columns wide, counted as a terminal counts them; bold and colour appear on a
# terminal only, and not where NO_COLOR is set.

use strict;
use warnings;

use English qw( -no_match_vars );
use IO::Handle;

my $WIDTH = 79;
my $GAP   = 2;

my %STYLE = (
    bold   => 1,
    dim    => 2,
    red    => 31,
    green  => 32,
    yellow => 33,
    cyan   => 36,
);

my %SIGNS = (
    fancy => {rule => "\x{2500}", item => "\x{b7}", cut => "\x{2026}"},
    plain => {rule => q{-},       item => q{-},     cut => q{...}},
);

# On a file handle; it is given bytes of UTF-8.
## no critic (ProhibitInteractiveTest): of that handle, and from Perl's own modules
sub new {
    my ($class, $handle) = @_;
    binmode $handle, ':encoding(UTF-8)';
    $handle->autoflush(1);
    my $is_screen = -t $handle && ($ENV{TERM} || 'dumb') ne 'dumb';
    my ($locale)  = grep { defined && length } @ENV{qw( LC_ALL LC_CTYPE LANG )}, q{};
    my $is_plain  = defined $ENV{NO_COLOR} && length $ENV{NO_COLOR};
    return bless {
        handle    => $handle,
        is_screen => $is_screen,
        is_styled => $is_screen && !$is_plain,
        signs     => $SIGNS{$locale =~ /utf-?8/ix ? 'fancy' : 'plain'},
    }, $class;
}
## use critic

sub width     { return $WIDTH }
sub is_screen { my ($self) = @_; return $self->{is_screen} }

sub sign {
    my ($self, $name) = @_;
    return $self->{signs}{$name};
}

sub styled {
    my ($self, $style, $text) = @_;
    return $text if !$self->{is_styled} || !$style || !length $text;
    my $codes = join q{;}, map { $STYLE{$_} } split q{ }, $style;
    return "\e[${codes}m$text\e[0m";
}

sub line {
    my ($self, @parts) = @_;
    print {$self->{handle}} join(q{}, @parts), "\n" or die "cannot write: $OS_ERROR\n";
    return;
}

# A text that stands where the one before it stood, on a screen.
sub over {
    my ($self, $text) = @_;
    my $flushed = $self->{handle};
    $flushed->printflush("\r\e[K$text");
    return;
}

sub rule {
    my ($self) = @_;
    return $self->line($self->styled(dim => $self->sign('rule') x $WIDTH));
}

# A paragraph; what its first line begins with, and how far the others are
# indented.
sub paragraph {
    my ($self, $text, %how) = @_;
    my $indent = $how{indent} || 0;
    my $label  = defined $how{label} ? $how{label}   : q{ } x $indent;
    my $mark   = defined $how{mark}  ? "$how{mark} " : q{};
    my @lines  = wrapped($text, $WIDTH - $indent - columns($mark));
    for my $line (@lines) {
        $self->line($label, $mark, $self->styled($how{style}, $line));
        $label = q{ } x $indent;
        $mark  = q{ } x columns($mark);
    }
    return;
}

# Rows of cells under a head, each { style, mark, cells => [ text or lines ] }. A
# column that is too wide for the page is wrapped.
sub table {
    my ($self, $indent, $head, @rows) = @_;
    my @widths = _widths($WIDTH - $indent, $head, map { $_->{cells} } @rows);
    for my $row ({style => 'dim', cells => $head}, @rows) {
        my @cells    = map { [_cell_lines($row->{cells}[$_], $widths[$_])] } 0 .. $#widths;
        my $mark     = defined $row->{mark} ? $row->{mark} : q{ };
        my ($height) = sort { $b <=> $a } map { scalar @{$_} } @cells;
        for my $number (0 .. $height - 1) {
            my $text = q{};
            for my $column (0 .. $#widths) {
                my $cell = $cells[$column][$number];
                $text .= _padded(defined $cell ? $cell : q{}, $widths[$column] + $GAP);
            }
            $text =~ s/\s+\z//x;
            my $margin = $number ? q{ } x $indent : _padded(q{ } x ($indent - 2) . $mark, $indent);
            $self->line($self->styled($row->{style}, $margin . $text));
        }
    }
    return;
}

# The widest column gives way until all fit.
sub _widths {
    my ($room, @rows) = @_;
    my @widths;
    for my $cells (@rows) {
        for my $column (0 .. $#{$cells}) {
            for my $text (ref $cells->[$column] ? @{$cells->[$column]} : $cells->[$column]) {
                my $width = columns($text);
                if ($width > ($widths[$column] || 0)) { $widths[$column] = $width }
            }
        }
    }
    my $excess = -$room - $GAP;
    for my $width (@widths) { $excess += $width + $GAP }
    while ($excess-- > 0) {
        my ($widest) = sort { $widths[$b] <=> $widths[$a] } 0 .. $#widths;
        $widths[$widest]--;
    }
    return @widths;
}

sub _cell_lines {
    my ($cell, $width) = @_;
    return map { wrapped($_, $width) } ref $cell ? @{$cell} : $cell;
}

sub _padded {
    my ($text, $width) = @_;
    my $lack = $width - columns($text);
    return $lack > 0 ? $text . q{ } x $lack : $text;
}

# A text of just that width, cut where it is longer.
sub cut {
    my ($self, $text, $width) = @_;
    if (columns($text) > $width) {
        my $sign = $self->sign('cut');
        ($text) = _broken($text, $width - columns($sign));
        $text .= $sign;
    }
    return _padded($text, $width);
}

# How many columns of a terminal a text takes.
sub columns {
    my ($text) = @_;
    my $none   = () = $text =~ /[\p{Mn}\p{Me}\p{Cf}]/gx;
    my $double = () = $text =~ /[\p{East_Asian_Width=Wide}\p{East_Asian_Width=Fullwidth}]/gx;
    return length($text) - $none + $double;
}

# The lines of a text, at spaces where possible.
sub wrapped {
    my ($text, $width) = @_;
    my @lines = (q{});
    for my $word (map { _broken($_, $width) } split q{ }, $text) {
        my $longer = length $lines[-1] ? "$lines[-1] $word" : $word;
        if (columns($longer) <= $width) { $lines[-1] = $longer }
        else                            { push @lines, $word }
    }
    return @lines;
}

sub _broken {
    my ($word, $width) = @_;
    my @parts = (q{});
    for my $character ($word =~ /\X/gx) {
        if (columns($parts[-1] . $character) > $width) { push @parts, q{} }
        $parts[-1] .= $character;
    }
    return @parts;
}

1;
