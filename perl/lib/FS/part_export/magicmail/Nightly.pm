package FS::part_export::magicmail::Nightly;

# The result of the last nightly comparison of each server, for the test report: a file
# in Freeside's folder of caches, which the command writes and the web server reads. No
# table of Freeside's takes such a text without showing it elsewhere.

use strict;
use warnings;

use FS::UID ();

use FS::part_export::magicmail::Library;

my $NAME = 'magicmail-audit.json';

# As much of a file is read.
my $LONGEST = 50_000_000;

# Keeps results of audits (see FS::part_export::magicmail::Audit), in place of those of
# the same exports. Dies with a sentence.
sub keep {
    my @results = @_;
    my $file    = _file();
    my %kept    = map { $_->{exportnum} => $_ } last_results();
    foreach my $result (@results) { $kept{$result->{exportnum}} = {%{$result}, time => time} }
    my $new     = "$file.$$";
    my $text    = FS::part_export::magicmail::Library::json_text([map { $kept{$_} } sort keys %kept]);
    my $is_kept = open my $handle, '>:raw', $new;
    $is_kept &&= print {$handle} $text;
    $is_kept &&= close $handle;
    $is_kept &&= rename $new, $file;
    return if $is_kept;
    my $why = "$!";
    unlink $new;
    die "cannot keep the result for the test report in $file: $why\n";
}

# The results that are kept, each with its time; none where there is no such file, or no
# good one.
sub last_results {
    my $file = _file();
    open my $handle, '<:raw', $file or return ();
    my $text = '';
    my $read = read $handle, $text, $LONGEST;
    close $handle or return ();
    return () if !$read;
    my $results = FS::part_export::magicmail::Library::json_document($text);
    return () if ref $results ne 'ARRAY';
    return grep { ref eq 'HASH' && ref $_->{findings} eq 'ARRAY' && ref $_->{unread} eq 'ARRAY' } @{$results};
}

sub _file {
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $folder = defined $FS::UID::cache_dir ? $FS::UID::cache_dir : '/usr/local/etc/freeside';
    my $own    = "$folder/cache." . FS::UID::datasrc();
    return (-d $own ? $own : $folder) . "/$NAME";
}

1;
