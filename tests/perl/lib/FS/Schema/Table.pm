package FS::Schema::Table;

# One table of the schema: its columns, and the SQL that makes it in SQLite or
# PostgreSQL.

use strict;
use warnings;

my %KEY = (
    SQLite => {
        serial => 'INTEGER PRIMARY KEY AUTOINCREMENT',
        int    => 'INTEGER PRIMARY KEY'
    },
    Pg => {serial => 'SERIAL PRIMARY KEY', int => 'INTEGER PRIMARY KEY'},
);
my %TYPE = (int => 'INTEGER', text => 'TEXT');

sub new {
    my ($class, $name, $text) = @_;
    my $self = bless {name => $name, order => [], column => {}}, $class;
    for my $column (split /\s*,\s*/x, $text) {
        my ($column_name, $type, @marks) = split ' ', $column;
        my %mark;
        while (my $mark = shift @marks) {
            my ($first) = $mark =~ m/\A [*] (\w+) \z/x;
            if   (defined $first) { $mark{'*'}   = "$first, $column_name" }
            else                  { $mark{$mark} = $mark eq '->' ? shift @marks : 1 }
        }
        push @{$self->{order}}, $column_name;
        $self->{column}{$column_name} =
            FS::Schema::Column->new($type, \%mark);
    }
    return $self;
}

sub primary_key { my ($self) = @_; return $self->{order}[0] }
sub columns     { my ($self) = @_; return @{$self->{order}} }

sub column {
    my ($self, $name) = @_;
    return $self->{column}{$name};
}

sub statements {
    my ($self, $driver) = @_;
    my (@columns, @indices);
    for my $name ($self->columns) {
        my $column = $self->{column}{$name};
        my $type =
              $name eq $self->primary_key
            ? $KEY{$driver}{$column->type}
            : $TYPE{$column->type};
        push @columns, join q{ }, $name, $type, $column->constraints;
        if (my $indexed = $column->is_indexed) {
            my $columns = $indexed eq '1' ? $name : $indexed;
            push @indices, "CREATE INDEX $self->{name}_$name ON $self->{name} ($columns)";
        }
    }
    return ("CREATE TABLE $self->{name} (" . join(', ', @columns) . ')', @indices);
}

## no critic (ProhibitMultiplePackages): a few accessors of a table's part
package FS::Schema::Column;

sub new {
    my ($class, $type, $mark) = @_;
    return bless {type => $type, mark => $mark}, $class;
}

sub type       { my ($self) = @_; return $self->{type} }
sub null       { my ($self) = @_; return $self->{mark}{q{!}} ? q{} : 'NULL' }
sub is_indexed { my ($self) = @_; return $self->{mark}{q{*}} }
sub is_number  { my ($self) = @_; return $self->{type} ne 'text' }

sub constraints {
    my ($self) = @_;
    my $other = $self->{mark}{'->'};
    return (($self->{mark}{q{!}} ? 'NOT NULL' : ()), ($other ? "REFERENCES $other" : ()));
}

1;
