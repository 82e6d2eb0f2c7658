package FS::Record;

# A row of a table as an object, and the searches that make such objects.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside has them

use Carp     qw( carp confess croak );
use Exporter qw( import );

use FS;
use FS::Record::Search;
use FS::Schema qw( dbdef );
use FS::UID    qw( dbh driver_name );

our @EXPORT_OK        = qw( dbdef dbh fields hfields in_transaction qsearch qsearchs real_fields );
our $nowarn_identical = 0;
our $no_check_foreign = !FS::is_version_3();

BEGIN {
    *qsearch  = \&FS::Record::Search::qsearch;
    *qsearchs = \&FS::Record::Search::qsearchs;
}

# Freeside's FS::UID calls it (see there).
sub fk_methods_init { return }

my @SIGNALS = qw( HUP INT QUIT TERM TSTP PIPE );

# ->new( \%hash ) for a class of a table, ->new( $table, \%hash ) for this one.
# The hash becomes the record's.
sub new {
    my ($proto, @arguments) = @_;
    my $self = bless {}, ref $proto || $proto;
    if (!defined $self->table) { $self->{Table} = shift @arguments }
    $self->{Hash} = shift @arguments || {};
    for my $field ($self->fields) {
        if (!defined $self->{Hash}{$field}) { $self->{Hash}{$field} = q{} }
    }
    return $self;
}

sub table       { my ($self) = @_; return $self->{Table} }
sub dbdef_table { my ($self) = @_; return dbdef->table($self->table) }
sub primary_key { my ($self) = @_; return $self->dbdef_table->primary_key }
sub hash        { my ($self) = @_; return %{$self->{Hash}} }
sub hashref     { my ($self) = @_; return $self->{Hash} }

# The columns of a table (or of a record's).
sub fields {
    my ($something) = @_;
    return real_fields(ref $something ? $something->table : $something);
}

sub real_fields {
    my ($table) = @_;
    my $definition = dbdef->table($table) or confess "unknown table $table";
    return $definition->columns;
}

sub hfields {
    my ($table) = @_;
    return {map { $_ => 1 } fields($table)};
}

sub get {
    my ($self, $field) = @_;
    my $value = $self->{Hash}{$field};
    return defined $value ? $value : q{};
}

## no critic (ProhibitBuiltinHomonyms, ProhibitAutoloading): Freeside's
## no critic (ProhibitAmbiguousNames): set and get are Freeside's

sub set {
    my ($self, $field, $value) = @_;
    $self->{Hash}{$field} = $value;
    return $value;
}

sub getfield { my ($self, @arguments) = @_; return $self->get(@arguments) }
sub setfield { my ($self, @arguments) = @_; return $self->set(@arguments) }

# Any other method is a field: get without an argument, set with one.
sub AUTOLOAD {
    my ($self, @value) = @_;
    our $AUTOLOAD;
    my ($field) = $AUTOLOAD =~ /(\w+)\z/x;
    if (!ref $self) {
        confess "no method $field in " . (defined $self ? $self : 'main');
    }
    return defined $value[0]
        ? $self->setfield($field, $value[0])
        : $self->getfield($field);
}

sub DESTROY { return }

# Runs the code, which returns an error text or '', in a transaction: committed
# or rolled back here, unless it is part of a larger one. A code that dies
# leaves the transaction open, as in Freeside.
sub in_transaction {
    my ($code) = @_;
    local @SIG{@SIGNALS} = ('IGNORE') x @SIGNALS;
    my $old_auto_commit = $FS::UID::AutoCommit;
    local $FS::UID::AutoCommit = 0;
    my $error = $code->();
    if ($error) {
        if ($old_auto_commit) { dbh->rollback }
        return $error;
    }
    if ($old_auto_commit) { dbh->commit or croak dbh->errstr }
    return q{};
}

# '' for a field with a text that Freeside lets pass; it refuses some characters.
sub ut_text {
    my ($self, $field) = @_;
    my $text = $self->get($field);
    return q{} if $text =~ m{\A [\p{Word} !\@\#\$\%&()+;:'",.?/=<>~\[\]-]+ \z}x;
    return "Illegal or empty (text) $field: $text";
}

# An error text, or '' for a record that may be written.
sub check { return q{} }

sub insert {
    my ($self) = @_;
    return in_transaction(sub { return $self->check || $self->_insert_row });
}

sub _insert_row {
    my ($self)  = @_;
    my $table   = $self->table;
    my $key     = $self->primary_key;
    my @columns = grep { length $self->get($_) } real_fields($table);
    my $sql =
        @columns
        ? "INSERT INTO $table (" . join(', ', @columns) . ') VALUES (' . join(', ', (q{?}) x @columns) . ')'
        : "INSERT INTO $table DEFAULT VALUES";
    my $statement = dbh->prepare($sql) or return dbh->errstr;
    FS::Record::Search::bind_values($statement, $table, map { [$_ => $self->get($_)] } @columns);
    $statement->execute or return $statement->errstr;

    if ($self->dbdef_table->column($key)->type eq 'serial') {
        $self->_take_serial($key);
    }
    return $self->_keep_history('insert');
}

# What was done to a row, in the history of its table, where Freeside's is kept here.
sub _keep_history {
    my ($self, $action) = @_;
    my $history = 'h_' . $self->table;
    my $kept    = dbdef->table($history) or return q{};
    my %row     = (
        history_date   => time,
        history_action => $action,
        map { $_ => $self->get($_) } grep { length $self->get($_) } $self->fields,
    );
    my @columns   = grep { exists $row{$_} } $kept->columns;
    my $places    = join ', ', (q{?}) x @columns;
    my $statement = dbh->prepare("INSERT INTO $history (" . join(', ', @columns) . ") VALUES ($places)")
        or return dbh->errstr;
    FS::Record::Search::bind_values($statement, $history, map { [$_ => $row{$_}] } @columns);
    return $statement->execute ? q{} : $statement->errstr;
}

sub _take_serial {
    my ($self, $key) = @_;
    my $table = $self->table;
    if (!length $self->get($key)) {
        $self->set($key, dbh->last_insert_id(undef, undef, $table, undef));
    }
    elsif (driver_name() eq 'Pg') {
        dbh->do("SELECT setval('${table}_${key}_seq', (SELECT max($key) FROM $table))");
    }
    return;
}

sub replace {
    my ($new, $old) = @_;
    $old ||= $new->replace_old;
    return in_transaction(sub { return $new->check || $new->_update_row($old) });
}

sub _update_row {
    my ($new, $old) = @_;
    my $table = $new->table;
    my $key   = $new->primary_key;
    return "can't change primary key" if $old->get($key) ne $new->get($key);
    my @changed = grep { $new->get($_) ne $old->get($_) } real_fields($table);
    if (!@changed) {
        if (!$nowarn_identical) {
            carp "warning: $new -> replace $old: records identical";
        }
        return q{};
    }
    my $sql       = "UPDATE $table SET " . join(', ', map { "$_ = ?" } @changed) . " WHERE $key = ?";
    my $statement = dbh->prepare($sql) or return dbh->errstr;
    FS::Record::Search::bind_values($statement, $table, map { [$_ => $new->get($_)] } @changed, $key);
    my $rows = $statement->execute or return $statement->errstr;
    return 'Record not found (or records identical).' if $rows == 0;
    return $old->_keep_history('replace_old') || $new->_keep_history('replace_new');
}

# The row as it is now, locked.
sub replace_old {
    my ($self) = @_;
    return $self->select_for_update
        || croak 'Record not found in ' . $self->table;
}

# Locks the row until the transaction ends; what it is now is returned.
sub select_for_update {
    my ($self) = @_;
    my $key = $self->primary_key;
    return qsearchs(
        {
            select    => q{*},
            table     => $self->table,
            hashref   => {$key => $self->get($key)},
            extra_sql => 'FOR UPDATE',
        }
    );
}

sub delete {
    my ($self) = @_;
    my $table  = $self->table;
    my $key    = $self->primary_key;
    return in_transaction(
        sub {
            my $statement = dbh->prepare("DELETE FROM $table WHERE $key = ?")
                or return dbh->errstr;
            FS::Record::Search::bind_values($statement, $table, [$key => $self->get($key)]);
            my $rows = $statement->execute or return $statement->errstr;
            return $rows > 0 ? $self->_keep_history('delete') : 'Record not found.';
        }
    );
}

1;
