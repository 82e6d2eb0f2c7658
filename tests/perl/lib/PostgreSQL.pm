package PostgreSQL;

# A PostgreSQL server of a test's own: in a temporary folder, on a Unix socket
# in it, as an unprivileged user where the test is root (PostgreSQL refuses
# root). It stops and its folder goes when stop is called, when the object
# goes, or when the process that started it ends in whatever way: a keeper
# process waits for the closing of a pipe.
#
#     my $server = PostgreSQL->start;
#     $server->connection    # "host=/tmp/...;port=5432;user=..."

use strict;
use warnings;

use parent qw( Kept );

use Carp       qw( croak );
use English    qw( -no_match_vars );
use File::Path qw( remove_tree );
use File::Temp qw( tempdir );
use POSIX      ();

# The port is a part of the socket's name only: nothing listens on TCP.
my $SETTINGS = q{-p 5432 -h '' -F -c synchronous_commit=off -c full_page_writes=off};

my @UNPRIVILEGED = qw( postgres nobody );

sub start {
    my ($class) = @_;
    my $folder  = tempdir('small-postgresql-XXXXXX', TMPDIR => 1);
    my $self    = bless {
        folder   => $folder,
        owner    => $PID,
        programs => _programs(),
        account  => _account(),
    }, $class;
    chown $self->{account}{uid}, $self->{account}{gid}, $folder;
    $self->_keep;
    $self->_do('initdb', qw( -U small -A trust -E UTF8 --locale=C.UTF-8 -N ));
    $self->_do('pg_ctl', qw( -w -t 60 -o ), "$SETTINGS -k '$folder'", 'start');
    return $self;
}

sub connection {
    my ($self) = @_;
    return "host=$self->{folder};port=5432;user=small";
}

# The newest of those installed.
sub _programs {
    my %folder = map { m{ / (\d+) /bin \z }x ? ($1 => $_) : () } glob '/usr/lib/postgresql/*/bin';
    my ($newest) = sort { $b <=> $a } keys %folder;
    return $folder{$newest} if defined $newest;
    croak 'no PostgreSQL in /usr/lib/postgresql: install the package postgresql';
}

sub _account {
    return {uid => $EUID, gid => $EGID + 0} if $EUID != 0;
    for my $name (@UNPRIVILEGED) {
        my @entry = getpwnam $name;
        return {uid => $entry[2], gid => $entry[3]} if @entry;
    }
    croak "PostgreSQL does not run as root, and there is no user @UNPRIVILEGED";
}

# Runs one of PostgreSQL's programs on the data of this server.
sub _do {
    my ($self, $program, @arguments) = @_;
    my $child = fork;
    if (!defined $child) { croak "fork: $OS_ERROR" }
    if (!$child) {
        $self->_become_unprivileged;
        my $path = "$self->{programs}/$program";
        exec $path, '-D', "$self->{folder}/data", @arguments
            or POSIX::_exit(1);
    }
    waitpid $child, 0;
    if ($CHILD_ERROR) { croak "$program failed:\n" . $self->_log }
    return;
}

sub _become_unprivileged {
    my ($self) = @_;
    my $folder = $self->{folder};
    if ($EUID == 0) {
        my ($uid, $gid) = @{$self->{account}}{qw( uid gid )};
        ## no critic (RequireLocalizedPunctuationVars): for good
        $EGID = "$gid $gid";
        POSIX::setgid($gid);
        POSIX::setuid($uid);
    }
    chdir $folder;
    open STDIN,  '<',  '/dev/null'   or POSIX::_exit(1);
    open STDOUT, '>>', "$folder/log" or POSIX::_exit(1);
    open STDERR, '>&', \*STDOUT      or POSIX::_exit(1);
    return;
}

sub _keep {
    my ($self) = @_;
    return $self->keep_by(sub { return $self->_stop_when_closed(@_) });
}

# The keeper's whole life; a terminal's Ctrl-C does not reach it.
sub _stop_when_closed {
    my ($self, $reader) = @_;
    POSIX::setsid();
    open my $nowhere, '>', '/dev/null' or POSIX::_exit(1);
    for my $number (1, 2) { POSIX::dup2(fileno $nowhere, $number) }
    close $nowhere;
    sysread $reader, my $nothing, 1;
    my $is_stopped = eval { $self->_do('pg_ctl', qw( -w -m immediate stop )); 1 };
    remove_tree($self->{folder});
    POSIX::_exit($is_stopped ? 0 : 1);
    return;
}

# What PostgreSQL's programs said.
sub _log {
    my ($self) = @_;
    my $text = q{};
    if (open my $file, '<', "$self->{folder}/log") {
        local $INPUT_RECORD_SEPARATOR = undef;
        $text = <$file>;
        close $file;
    }
    return $text;
}

1;
