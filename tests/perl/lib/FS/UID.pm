package FS::UID;

# The process's one database handle, and who is at work. SMALL_FREESIDE_DSN
# names the database (Freeside has a file for it), so that a program started by
# a test meets the same one.
#
# The handle never commits by itself. $FS::UID::AutoCommit is Freeside's own
# switch: while it is true, FS::Record commits after each change; whoever wants
# a transaction makes it false for a while.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside has them

use Carp qw( croak );
use DBI;
use Exporter qw( import );

use FS::CurrentUser;
use Statements;

our @EXPORT_OK = qw(
    adminsuidsetup forksuidsetup datasrc dbh driver_name getotaker myconnect
);
our $AutoCommit = 1;

# Where Freeside keeps what it can do without; a test's folder.
our $cache_dir = $ENV{SMALL_FREESIDE_CACHE};

my ($dbh, $owner);

sub adminsuidsetup {
    my ($user) = @_;
    return forksuidsetup($user);
}

sub forksuidsetup {
    my ($user) = @_;
    if (!defined $user) {
        croak 'who is at work? adminsuidsetup needs a user name';
    }
    connect_without_user();

    # Freeside calls this function of FS::Record without loading it: a program that
    # loads FS::UID alone ends here.
    FS::Record::fk_methods_init();
    FS::CurrentUser->load_user($user);
    return $dbh;
}

# While a new database has no employees yet. After a fork: a connection of one's
# own; the parent's is let go without a word to the server.
sub connect_without_user {
    if ($dbh && $owner == $$) { $dbh->disconnect }
    ($dbh, $owner) = (myconnect(), $$);
    return $dbh;
}

sub myconnect {
    my $handle = DBI->connect(
        datasrc(),
        $ENV{SMALL_FREESIDE_DB_USER} || q{},
        q{},
        {
            AutoCommit          => 1,
            AutoInactiveDestroy => 1,
            ChopBlanks          => 1,
            ShowErrorStatement  => 1,
        }
    ) or die "DBI->connect error: $DBI::errstr\n";
    if ($handle->{Driver}{Name} eq 'SQLite') {
        _characters_of_sqlite($handle);
        $handle->sqlite_busy_timeout(60_000);
        $handle->do('PRAGMA foreign_keys = ON');
        $handle->do('PRAGMA synchronous = OFF');
    }
    else {
        $handle->{pg_enable_utf8} = 1;
        $handle->do('SET client_min_messages TO warning');
    }
    $handle->{AutoCommit} = 0;
    return Statements->watch($handle);
}

# Texts as characters, like Freeside's PostgreSQL. Drivers that know the newer
# attribute warn at each use of the older one.
sub _characters_of_sqlite {
    my ($handle) = @_;
    if (DBD::SQLite::Constants->can('DBD_SQLITE_STRING_MODE_UNICODE_NAIVE')) {
        $handle->{sqlite_string_mode} = DBD::SQLite::Constants::DBD_SQLITE_STRING_MODE_UNICODE_NAIVE();
    }
    else {
        $handle->{sqlite_unicode} = 1;
    }
    return;
}

sub datasrc {
    return $ENV{SMALL_FREESIDE_DSN} || croak 'SMALL_FREESIDE_DSN is not set';
}

sub dbh         { return $dbh }
sub driver_name { return $dbh->{Driver}{Name} }
sub getotaker   { return $FS::CurrentUser::CurrentUser->username }

1;
