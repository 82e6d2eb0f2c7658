package FS::part_export::magicmail::Text;

# Texts on their way in and out: characters from Freeside's database, one line
# for people, a line for the error log.

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw(characters characters_in gives_bytes html job_text log_text one_line to_error_log);

# The longest text that a hook returns: Freeside carries it in a URL.
my $LONGEST = 1_500;

# The characters of a value. Perl's own rule holds: a string is its characters,
# flagged as UTF-8 or not. Only where the database connection gives bytes (see
# gives_bytes) an unflagged string that is valid UTF-8 is taken for what it
# encodes; one that is not valid UTF-8 is taken as it stands.
sub characters {
    my ($value, $from_bytes) = @_;
    return '' if !defined $value;
    my $text = "$value";
    if ($from_bytes && !utf8::is_utf8($text)) {
        utf8::decode($text);
    }
    return $text;
}

# A document with all its texts as characters.
sub characters_in {
    my ($document, $from_bytes) = @_;
    if (ref $document eq 'HASH') {
        return {
            map { $_ => characters_in($document->{$_}, $from_bytes) }
                keys %{$document}
        };
    }
    if (ref $document eq 'ARRAY') {
        return [map { characters_in($_, $from_bytes) } @{$document}];
    }
    return defined $document ? characters($document, $from_bytes) : undef;
}

# Whether a database connection gives text as bytes of UTF-8 instead of
# characters. Freeside's usual one, PostgreSQL, gives characters; MySQL, as
# Freeside connects to it, gives bytes.
sub gives_bytes {
    my ($dbh) = @_;
    my $driver = $dbh->{Driver}{Name} || '';
    if ($driver eq 'Pg') {
        my $flags = $dbh->{pg_utf8_flag};
        return defined $flags && !$flags;
    }
    if ($driver eq 'mysql') {
        return !($dbh->{mysql_enable_utf8} || $dbh->{mysql_enable_utf8mb4});
    }
    return 0;
}

# A text for people: one line of bounded length, whatever it was. An ellipsis is
# three dots, so that a text without foreign letters is ASCII in a URL too.
sub one_line {
    my ($text) = @_;
    $text = defined $text ? "$text" : '';
    $text =~ s/\x{2026}/.../gx;
    $text =~ s/[\s[:cntrl:]]+/ /gx;
    $text =~ s/\A[ ]|[ ]\z//gx;
    if (length $text > $LONGEST) {
        $text = substr($text, 0, $LONGEST - 4) . ' ...';
    }
    return $text;
}

# What stands for a letter without an accented form, and for what Freeside's pages take
# for markup. In the base64 that its progress window puts into a URL, > and ~ can become
# a plus sign, which is read as a blank.
my %PLAIN = (
    '<'        => '(',
    '>'        => ')',
    '&'        => '+',
    '~'        => q{-},
    "\x{2018}" => q{'},
    "\x{2019}" => q{'},
    "\x{201c}" => q{"},
    "\x{201d}" => q{"},
    "\x{2013}" => q{-},
    "\x{2014}" => q{-},
    "\x{c6}"   => 'AE',
    "\x{e6}"   => 'ae',
    "\x{d8}"   => 'O',
    "\x{f8}"   => 'o',
    "\x{df}"   => 'ss',
    "\x{110}"  => 'D',
    "\x{111}"  => 'd',
    "\x{141}"  => 'L',
    "\x{142}"  => 'l',
    "\x{131}"  => 'i',
    "\x{de}"   => 'Th',
    "\x{fe}"   => 'th',
);

# The longest word of a job's text: a page of Freeside's is as wide as its longest word.
my $LONGEST_WORD = 80;

# Every text that a job dies with. Freeside prints it raw on the pages of the queue and
# of the service, and into a script; its progress window cannot take a character beyond
# Latin-1, nor a URL of more than 8 kB; and the page that this window leads to makes a
# link, attributes and all, of what stands between !-- and --!. So it is one bounded line
# of ASCII without markup.
sub job_text {
    my ($text) = @_;
    require Unicode::Normalize;
    my $plain = Unicode::Normalize::NFKD(one_line($text));
    $plain =~ s/\p{Mn}//gx;
    $plain =~ s/([<>&~]|[^\x20-\x7e])/exists $PLAIN{$1} ? $PLAIN{$1} : q{?}/gex;
    $plain =~ s/!--/! --/gx;
    $plain =~ s/(\S{$LONGEST_WORD})(?=\S)/$1 /gx;
    return one_line($plain);
}

# A text for Freeside's system log, whose page prints the beginning of each line raw.
sub log_text {
    my ($text) = @_;
    my $harmless = one_line($text);
    $harmless =~ tr/<>/()/;
    return $harmless;
}

# A text as HTML.
sub html {
    my ($text) = @_;
    my %entity = (
        '&'  => '&amp;',
        '<'  => '&lt;',
        '>'  => '&gt;',
        q{"} => '&quot;',
        q{'} => '&#39;',
    );
    $text = defined $text ? "$text" : '';
    $text =~ s/([&<>"'])/$entity{$1}/gx;
    return $text;
}

# One line to the error log, as bytes where standard error takes bytes.
sub to_error_log {
    my ($line) = @_;
    my $takes_characters = grep { $_ eq 'utf8' || m/\Aencoding/x } PerlIO::get_layers(*STDERR, output => 1);
    if (!$takes_characters) {
        utf8::encode($line);
    }

    # A handler of warnings that dies must not end a hook.
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $is_written = eval { warn "$line\n"; 1 };    ## no critic (RequireCarping) -- a log line, no fault
    return $is_written ? 1 : 0;
}

1;
