package ISP::Real::Tables;

# What a test may have left in a real Freeside's tables goes away. Employees, agents and
# the configuration stay.

use strict;
use warnings;

use Carp     qw( croak );
use Exporter qw( import );

use FS::UID qw( dbh );

our @EXPORT_OK = qw( empty );

my $GOES = join q{|}, qw(
    (h_)?cust_\w+ (h_)?svc_\w+ part_svc\w* (h_)?part_export\w* export_\w+ pkg_svc queue queue_\w+ log log_context
    password_history acct_\w+ part_pkg\w* type_pkgs domain_record radius_\w+ dom_\w+ contact\w*
    pkg_category pkg_class
);
my $STAYS = join q{|}, qw( cust_main_county cust_class cust_category pkg_category pkg_class );

# The tables that are emptied, and what refers to what among all: once for a process.
my ($tables, $references);

sub empty {
    $tables     ||= _tables();
    $references ||= _references();
    _wait_for_log();
    my %full = map { $_ => 1 } _with_rows(@{$tables});
    $_->{is_broken} = 0 for @{$references};
    _cut_off(\%full);
    while (%full) {
        my ($free) = grep { !_is_wanted($_, \%full) } sort keys %full;
        if (defined $free) { _do("DELETE FROM $free"); delete $full{$free} }
        else               { _break_a_circle(\%full) }
    }
    _restart(@{$tables});
    dbh->commit or croak dbh->errstr;
    return;
}

# A job that is done writes to the log, once its row is gone.
sub _wait_for_log {
    my @log = grep { m/\A log (?: _context )? \z/x } @{$tables};
    if (@log) { _do('LOCK TABLE ' . join(', ', @log) . ' IN SHARE ROW EXCLUSIVE MODE') }
    return;
}

sub _do {
    my ($sql) = @_;
    dbh->do($sql) or croak "$sql: " . dbh->errstr;
    return;
}

sub _column {
    my ($sql, @bind) = @_;
    return @{dbh->selectcol_arrayref($sql, {}, @bind) || croak dbh->errstr};
}

sub _tables {
    return [
        grep { m/\A (?: $GOES ) \z/x && !m/\A (?: $STAYS ) \z/x } _column(
            q{SELECT tablename FROM pg_tables WHERE schemaname = ANY( current_schemas(false) ) ORDER BY 1})
    ];
}

sub _with_rows {
    my @some = @_;
    return _column(join ' UNION ALL ', map { "SELECT '$_' WHERE EXISTS ( SELECT 1 FROM $_ )" } @some);
}

# { from, column, to } each.
sub _references {
    my $rows = dbh->selectall_arrayref(<<'END') or croak dbh->errstr;
SELECT from_table.relname, pg_attribute.attname, to_table.relname, pg_attribute.attnotnull
  FROM pg_constraint
  JOIN pg_class from_table ON from_table.oid = conrelid
  JOIN pg_class to_table ON to_table.oid = confrelid
  JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
 WHERE contype = 'f' AND conrelid <> confrelid
END
    return [map { {from => $_->[0], column => $_->[1], to => $_->[2], is_needed => $_->[3]} } @{$rows}];
}

# Rows of the tables that stay refer to nothing of these from now on.
sub _cut_off {
    my ($full) = @_;
    my %goes = map { $_ => 1 } @{$tables};
    for my $reference (grep { $full->{$_->{to}} && !$goes{$_->{from}} } @{$references}) {
        my ($from, $column) = @{$reference}{qw( from column )};
        _do(
            $reference->{is_needed}
            ? "DELETE FROM $from"
            : "UPDATE $from SET $column = NULL WHERE $column IS NOT NULL"
        );
    }
    return;
}

# Whether rows that are still there may refer to a table.
sub _is_wanted {
    my ($table, $full) = @_;
    return scalar grep { $_->{to} eq $table && $full->{$_->{from}} && !$_->{is_broken} } @{$references};
}

sub _break_a_circle {
    my ($full) = @_;
    my ($reference) =
        grep { $full->{$_->{from}} && $full->{$_->{to}} && !$_->{is_needed} && !$_->{is_broken} }
        @{$references}
        or croak 'tables refer to each other: ' . join ', ', sort keys %{$full};
    my ($from, $column) = @{$reference}{qw( from column )};
    _do("UPDATE $from SET $column = NULL WHERE $column IS NOT NULL");
    $reference->{is_broken} = 1;
    return;
}

# Numbers begin with 1 again, but those of the log and the queue: the daemon writes there.
sub _restart {
    my @some   = @_;
    my %wanted = map { $_ => 1 } grep { !m/\A (?: log | queue )/x } @some;
    my @sequences =
        map { $_->[1] } grep { $wanted{$_->[0]} } @{_sequences()};
    my $list = join ', ', map { "setval('$_', 1, false)" } @sequences;
    if ($list ne q{}) { _do("SELECT $list") }
    return;
}

my $sequences;

sub _sequences {
    $sequences ||= dbh->selectall_arrayref(<<'END') || croak dbh->errstr;
SELECT owner.relname, sequence.oid::regclass::text
  FROM pg_class sequence
  JOIN pg_depend ON pg_depend.objid = sequence.oid AND pg_depend.deptype IN ( 'a', 'i' )
  JOIN pg_class owner ON owner.oid = pg_depend.refobjid
 WHERE sequence.relkind = 'S'
END
    return $sequences;
}

1;
