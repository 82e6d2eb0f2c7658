package ISP::Database;

# A fresh database with Freeside's tables, in a temporary SQLite file or on
# PostgreSQL, which goes away with the object. MAGICMAIL_PG chooses PostgreSQL:
# "start" for a server of this process's own, else the connection to a running
# one ("host=/folder;port=5432;user=name"), as tests/perl/on-postgresql sets
# it. There a database takes long to make: the process keeps those that are done
# with, and empties them when it wants another.

use strict;
use warnings;

use Carp     qw( croak );
use Exporter qw( import );
use DBI;
use File::Temp;

use FS::Schema qw( dbdef );
use FS::UID    qw( dbh driver_name );

our @EXPORT_OK = qw( empty_tables );

my $own_server;
my $count = 0;

# Those of this process that nobody uses, as objects.
my @kept;

sub new {
    my ($class, $kind) = @_;
    $kind ||= $ENV{MAGICMAIL_PG} ? 'postgresql' : 'sqlite';
    my %maker = (sqlite => \&_sqlite, postgresql => \&_postgresql);
    my $maker = $maker{$kind} or croak "no such database: $kind";
    my $self  = bless {kind => $kind}, $class;
    $self->$maker;
    return $self;
}

sub _sqlite {
    my ($self) = @_;
    $self->{file} = File::Temp->new(
        TEMPLATE => 'small-freeside-XXXXXX',
        SUFFIX   => '.sqlite',
        TMPDIR   => 1
    );
    $self->_for_this_process_and_its_children("dbi:SQLite:dbname=$self->{file}", q{});
    return;
}

sub _postgresql {
    my ($self)     = @_;
    my %connection = map { split /=/x, $_, 2 } split /;/x, _server();
    my $server     = "host=$connection{host};port=$connection{port}";
    $self->{server} = "dbi:Pg:dbname=postgres;$server";
    $self->{user}   = $connection{user};
    $self->{owner}  = $$;
    my ($kept) = grep { $_->{server} eq $self->{server} && $_->{owner} == $$ } @kept;
    if ($kept) {
        @kept = grep { $_ != $kept } @kept;
        @{$self}{qw( name is_used )} = ($kept->{name}, 1);
    }
    else {
        $self->{name} = join '_', 'small_freeside', $$, ++$count;
        $self->_at_server("CREATE DATABASE $self->{name} TEMPLATE template0");
    }
    $self->_for_this_process_and_its_children("dbi:Pg:dbname=$self->{name};$server", $connection{user});
    return;
}

sub _for_this_process_and_its_children {
    my ($self, $source, $user) = @_;
    ## no critic (RequireLocalizedPunctuationVars, ProhibitPackageVars): it is meant to stay
    $self->{source}              = $source;
    $ENV{SMALL_FREESIDE_DSN}     = $source;
    $ENV{SMALL_FREESIDE_DB_USER} = $user;
    $FS::UID::cache_dir          = $ENV{SMALL_FREESIDE_CACHE} = File::Temp::tempdir(CLEANUP => 1);
    return;
}

sub source { my ($self) = @_; return $self->{source} }

sub _server {
    my $wanted = $ENV{MAGICMAIL_PG} || 'start';
    return $wanted if $wanted =~ /=/x;
    require PostgreSQL;
    $own_server ||= PostgreSQL->start;
    return $own_server->connection;
}

sub _at_server {
    my ($self, $sql) = @_;
    my $dbh = DBI->connect($self->{server}, $self->{user}, q{}, {RaiseError => 1, PrintError => 0});
    $dbh->do($sql);
    $dbh->disconnect;
    return;
}

# Makes the tables, or empties them, then runs the code on a connection of the
# process.
sub fill {
    my ($self, $code) = @_;
    FS::UID::connect_without_user();
    if   ($self->{is_used}) { empty_tables(dbdef->tables) }
    else                    { _make_tables() }
    dbh->commit;
    $code->();
    return;
}

sub _make_tables {
    for my $statement (dbdef->statements(driver_name())) {
        dbh->do($statement) or croak dbh->errstr;
    }
    return;
}

# Empties tables, which stand after those that they refer to, and gives numbers
# anew from 1.
sub empty_tables {
    my @tables = @_;
    my @numbered;
    for my $table (reverse @tables) {
        dbh->do("DELETE FROM $table") or croak dbh->errstr;
        my $key = dbdef->table($table)->primary_key;
        if (dbdef->table($table)->column($key)->type eq 'serial') { push @numbered, [$table, $key] }
    }
    my $restart =
        driver_name() eq 'Pg'
        ? 'SELECT ' . join ', ', map { "setval('$_->[0]_$_->[1]_seq', 1, false)" } @numbered
        : 'DELETE FROM sqlite_sequence WHERE name IN (' . join(', ', map { "'$_->[0]'" } @numbered) . ')';
    dbh->do($restart) or croak dbh->errstr;
    return;
}

# Whoever is still connected is cut off.
sub remove {
    my ($self) = @_;
    return if $self->{kind} ne 'postgresql';
    if (${^GLOBAL_PHASE} eq 'RUN') {
        $self->_at_server(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity" . " WHERE datname = '$self->{name}'");
        push @kept, $self;
    }
    else { $self->_drop }
    return;
}

sub _drop {
    my ($self) = @_;
    return $self->_at_server("DROP DATABASE $self->{name} WITH (FORCE)");
}

# A server that is gone has taken its databases along.
END {
    local ($@, $!, $?) = (q{}, 0, 0);
    for my $database (grep { $_->{owner} == $$ } @kept) {
        eval { $database->_drop; 1 } or next;
    }
}

1;
