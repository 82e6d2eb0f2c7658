package FS::part_export::magicmail::Progress;

# A progress bar on a terminal; nothing elsewhere.

use strict;
use warnings;

my $WIDTH = 30;

# On a file handle.
sub new {
    my ($class, $handle, $is_wanted) = @_;
    ## no critic (ProhibitInteractiveTest) -- of that handle, and from Perl's own modules
    my $is_shown = $is_wanted && -t $handle && ($ENV{TERM} || 'dumb') ne 'dumb';
    return bless {handle => $handle, is_shown => $is_shown, last => ''}, $class;
}

# How far it is, in percent and words.
sub at {
    my ($self, $percent, $words) = @_;
    my $full = int($percent * $WIDTH / 100);
    return $self->_put(sprintf '[%-*s] %3d %%  %s', $WIDTH, q{#} x $full, $percent, $words);
}

sub clear {
    my ($self) = @_;
    return $self->_put('');
}

sub _put {
    my ($self, $text) = @_;
    return if !$self->{is_shown} || $text eq $self->{last};
    $self->{last} = $text;
    print {$self->{handle}} "\r\e[K$text";
    return;
}

1;
