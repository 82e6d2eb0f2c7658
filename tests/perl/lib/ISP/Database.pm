package ISP::Database;

# A fresh database with Freeside's tables, in a temporary SQLite file or on
# PostgreSQL, which goes away with the object. MAGICMAIL_PG chooses PostgreSQL:
# "start" for a server of this process's own, else the connection to a running
# one ("host=/folder;port=5432;user=name"), as tests/perl/on-postgresql sets
# it.

use strict;
use warnings;

use Carp qw( croak );
use DBI;
use File::Temp;

use FS::Schema qw( dbdef );
use FS::UID    qw( dbh );

my $own_server;
my $count = 0;

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
    $self->{name}   = join '_', 'small_freeside', $$, ++$count;
    $self->_at_server("CREATE DATABASE $self->{name} TEMPLATE template0");
    $self->_for_this_process_and_its_children("dbi:Pg:dbname=$self->{name};$server", $connection{user});
    return;
}

sub _for_this_process_and_its_children {
    my ($self, $source, $user) = @_;
    ## no critic (RequireLocalizedPunctuationVars): it is meant to stay
    $self->{source}              = $source;
    $ENV{SMALL_FREESIDE_DSN}     = $source;
    $ENV{SMALL_FREESIDE_DB_USER} = $user;
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

# Makes the tables, then runs the code on a connection of the process.
sub fill {
    my ($self, $code) = @_;
    FS::UID::connect_without_user();
    for my $statement (dbdef->statements(FS::UID::driver_name())) {
        dbh->do($statement) or croak dbh->errstr;
    }
    dbh->commit;
    $code->();
    return;
}

sub remove {
    my ($self) = @_;
    if ($self->{kind} eq 'postgresql') {
        $self->_at_server("DROP DATABASE $self->{name} WITH (FORCE)");
    }
    return;
}

1;
