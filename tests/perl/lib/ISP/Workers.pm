package ISP::Workers;

# Several processes at work at the same moment, as in a web server: each
# connects to the database by itself, all wait until the last is ready, then
# each runs its code.

use strict;
use warnings;

use Carp    qw( croak );
use English qw( -no_match_vars );
use Errno   qw( EINTR );
use IO::Select;
use POSIX    ();
use Storable qw( freeze thaw );

use FS::CurrentUser;
use FS::UID qw( dbh forksuidsetup );

my $READY = 'r';

# Runs the pieces of code, each in a process of its own; what they returned
# (one scalar each), in their order. Dies when one of them died, or was not
# done within the seconds given.
sub run {
    my ($class, $seconds, @code) = @_;
    my $user = $FS::CurrentUser::CurrentUser->username;    ## no critic (ProhibitPackageVars) -- Freeside's
    dbh->commit;
    pipe my $gate, my $opener or croak "pipe: $OS_ERROR";
    my @workers = map { _start($_, $user, $gate, $opener) } @code;
    close $gate;
    my $until      = time + $seconds;
    my $is_in_time = _read_until($until, \@workers, sub { my ($worker) = @_; return length $worker->{text} });
    close $opener;
    $is_in_time &&= _read_until($until, \@workers, sub { return 0 });

    if (!$is_in_time) {
        kill KILL => map { $_->{process} } @workers;
    }
    for my $worker (@workers) { waitpid $worker->{process}, 0 }
    if (!$is_in_time) {
        croak "the workers were not done after $seconds seconds";
    }
    return map { _result($_) } @workers;
}

sub _start {
    my ($code, $user, $gate, $opener) = @_;
    pipe my $reader, my $writer or croak "pipe: $OS_ERROR";
    my $process = fork;
    if (!defined $process) { croak "fork: $OS_ERROR" }
    if ($process) {
        close $writer;
        return {process => $process, reader => $reader, text => q{}};
    }
    close $opener;
    my $result  = q{};
    my $is_done = eval {

        # The parent's connection is let go without a word to the server.
        dbh->{InactiveDestroy} = 1;
        forksuidsetup($user);

        # In the middle of nothing, wherever it was started.
        local $FS::UID::AutoCommit = 1;    ## no critic (ProhibitPackageVars) -- Freeside's own
        syswrite $writer, $READY;
        sysread $gate, my $nothing, 1;
        $result = freeze({value => scalar $code->()});
        1;
    };
    if (!$is_done) { $result = freeze({died => "$EVAL_ERROR"}) }
    print {$writer} $result;
    close $writer;
    POSIX::_exit(0);
    return;
}

# Reads from each until it is enough or there is no more; false when that took
# too long.
sub _read_until {
    my ($until, $workers, $is_enough) = @_;
    my %waiting = map { fileno($_->{reader}) => $_ } @{$workers};
    while (%waiting) {
        my @readers = map { $_->{reader} } values %waiting;
        local $OS_ERROR = 0;
        my @ready =
            time < $until
            ? IO::Select->new(@readers)->can_read($until - time)
            : ();
        if (!@ready) {
            next if $OS_ERROR == EINTR && time < $until;
            return 0;
        }
        for my $worker (map { $waiting{fileno $_} } @ready) {
            my $count = sysread $worker->{reader}, $worker->{text}, 65_536, length $worker->{text};
            if (!$count || $is_enough->($worker)) {
                delete $waiting{fileno $worker->{reader}};
            }
        }
    }
    return 1;
}

sub _result {
    my ($worker) = @_;
    my $text = $worker->{text} =~ s/\A $READY//xr;
    if (!length $text) { croak 'a worker ended without a word' }
    my $result = thaw($text);
    if (defined $result->{died}) { croak "a worker died: $result->{died}" }
    return $result->{value};
}

1;
