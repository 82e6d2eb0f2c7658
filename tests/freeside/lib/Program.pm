package Program;

# Runs a Perl program next to the test, on what the test has committed.

use strict;
use warnings;

use English    qw( -no_match_vars );
use Exporter   qw( import );
use File::Temp ();
use POSIX      ();

use FS::Record qw( dbh );

our @EXPORT_OK = qw( run_program );

# Its exit status, and what it writes to the file descriptors; the command
# follows the name of this very perl.
sub run_program {
    my ($descriptors, @command) = @_;
    dbh->commit;
    my $file    = File::Temp->new;
    my $process = fork;
    if (!defined $process) { die "fork: $OS_ERROR\n" }
    if (!$process) {
        dbh->{InactiveDestroy} = 1;
        for my $number (@{$descriptors}) { POSIX::dup2(fileno $file, $number) }
        ## no critic (ProhibitPunctuationVars): this very perl
        exec $^X, @command or POSIX::_exit(1);
    }
    waitpid $process, 0;
    my $status = $CHILD_ERROR >> 8;
    seek $file, 0, 0 or die "seek: $OS_ERROR\n";
    local $INPUT_RECORD_SEPARATOR = undef;
    my $text = <$file>;
    return ($status, defined $text ? $text : q{});
}

1;
