package FS::Record::Search;

# FS::Record's searches: from arguments to SQL, from rows to records of the
# table's class.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside has them

use Carp         qw( cluck croak );
use DBI          qw( :sql_types );
use Module::Load ();

use FS::Schema qw( dbdef );
use FS::UID    qw( dbh driver_name );
use Statements;

my $OPERATORS = qr/\A (?: = | != | < | > | <= | >= | I?LIKE | NOT[ ]I?LIKE ) \z/ix;

sub qsearch {
    my (@arguments) = @_;
    my %search      = _arguments(@arguments);
    my $table       = $search{table} or croak 'no table to search';
    my %condition   = %{$search{hashref}};
    my (@where, @bind);

    # A key that is no column of the table is passed over, without a word:
    # Freeside's own trap.
    for my $column (grep { exists $condition{$_} } dbdef_columns($table)) {
        my ($sql, @value) =
            _condition($table, $column, $condition{$column});
        push @where, $sql;
        push @bind,  map { [$column => $_] } @value;
    }
    my $sql = join q{ }, grep { length } "SELECT $search{select} FROM $table",
        $search{addl_from},
        (@where ? 'WHERE ' . join ' AND ', @where : ()), $search{extra_sql},
        $search{order_by};
    my $rows  = _rows($table, $sql, \@bind, $search{extra_param});
    my $class = _class($table);
    return map { $class->new($_) } @{$rows};
}

sub qsearchs {
    my (@arguments) = @_;
    my @found = qsearch(@arguments);
    if (@found > 1) { cluck 'warning: multiple records in scalar search' }
    return $found[0] if @found;
    return;
}

# Both forms: ({ table => ..., ... }) and ($table, \%hash, $select, $extra_sql,
# $cache, $addl_from).
sub _arguments {
    my (@arguments) = @_;
    my %search;
    if (ref $arguments[0] eq 'HASH') {
        %search = %{$arguments[0]};
    }
    else {
        @search{qw( table hashref select extra_sql cache addl_from )} = @arguments;
    }
    $search{hashref}     ||= {};
    $search{select}      ||= q{*};
    $search{extra_param} ||= [];
    for my $text (qw( addl_from extra_sql order_by )) {
        if (!defined $search{$text}) { $search{$text} = q{} }
    }
    return %search;
}

sub dbdef_columns {
    my ($table) = @_;
    my $definition = dbdef->table($table) or croak "unknown table $table";
    return $definition->columns;
}

sub _condition {
    my ($table, $column, $value) = @_;
    my $operator = q{=};
    if (ref $value eq 'HASH') {
        ($operator, $value) = ($value->{op} || q{=}, $value->{value});
    }
    if ($operator !~ $OPERATORS) { croak "unknown operator $operator" }
    my $name = "$table.$column";
    return ("$name $operator ?", $value) if defined $value && length $value;
    my $is_number = dbdef->table($table)->column($column)->is_number;
    return $is_number ? "$name IS NULL" : "( $name IS NULL OR $name = '' )"
        if $operator eq q{=};
    return $is_number
        ? "$name IS NOT NULL"
        : "( $name IS NOT NULL AND $name != '' )";
}

sub _rows {
    my ($table, $sql, $bind, $extra_param) = @_;
    if (driver_name() eq 'SQLite') {
        $sql =~ s/\s* \b FOR \s+ UPDATE \b \s*/ /ix;
    }
    my $statement = dbh->prepare($sql) or croak dbh->errstr . " doing $sql";
    my $number    = bind_values($statement, $table, @{$bind});
    for my $parameter (@{$extra_param}) {
        my ($value, $type) =
            ref $parameter ? @{$parameter} : ($parameter, 'varchar');
        $statement->bind_param(++$number, $value, {TYPE => $type =~ /\A int/ix ? SQL_INTEGER : SQL_VARCHAR});
    }
    $statement->execute
        or croak 'Error executing search: ' . $statement->errstr . " doing $sql";
    my $rows = $statement->fetchall_arrayref({});
    Statements->rows_read(scalar @{$rows});

    # SQLite locks the whole database from the first read of a transaction on;
    # no other process could work.
    if (driver_name() eq 'SQLite' && $FS::UID::AutoCommit) { dbh->commit }
    return $rows;
}

# Binds [ column, value ] pairs by the columns' types; returns how many.
sub bind_values {
    my ($statement, $table, @pairs) = @_;
    my $number = 0;
    for my $pair (@pairs) {
        my ($column, $value) = @{$pair};
        my $is_number = dbdef->table($table)->column($column)->is_number;
        if (!length $value) { undef $value }
        $statement->bind_param(
            ++$number,
            $value,
            {
                  TYPE => $is_number && (!defined $value || $value =~ /\A -? \d+ \z/x)
                ? SQL_INTEGER
                : SQL_VARCHAR
            }
        );
    }
    return $number;
}

sub _class {
    my ($table) = @_;
    my $class = "FS::$table";
    if (!$class->can('new')) { Module::Load::load($class) }
    return $class;
}

1;
