package FS::part_export::magicmail::Transaction;

# Transactions of Freeside's database: one of our own where the caller has none, and
# savepoints in the caller's for what may fail without taking it along.

use strict;
use warnings;

use Exporter 'import';
use FS::Record qw(dbh);

use FS::part_export::magicmail::Text qw(one_line);

our @EXPORT_OK = qw(in_transaction savepoint);

my $NAME = 'magicmail';

# Runs code in a transaction: the locks hold until the end of it.
sub in_transaction {
    my ($code) = @_;
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $is_outermost = $FS::UID::AutoCommit;
    local $FS::UID::AutoCommit = 0;
    my $error;
    {
        local $@ = '';
        local $SIG{__DIE__} = 'DEFAULT';
        my $has_run = eval { $code->(); 1 };
        if (!$has_run) { $error = "$@" || 'it ended without a reason' }
    }
    if ($is_outermost) {
        if   (defined $error) { dbh->rollback }
        else                  { dbh->commit or $error = dbh->errstr }
    }
    if (defined $error) { die one_line($error) . "\n" }
    return;
}

# Runs code that may fail without taking the transaction along: PostgreSQL refuses
# whatever follows a statement that failed, until the savepoint before it. Returns what
# it returned, one value; dies with what it died with, after everything that it wrote
# and locked is undone.
sub savepoint {
    my ($code) = @_;
    my $dbh = dbh;
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $is_open = $dbh && !$FS::UID::AutoCommit && ($dbh->{Driver}{Name} || '') eq 'Pg';
    if ($is_open) { $dbh->pg_savepoint($NAME) }
    my ($error, $result);
    {
        local $@ = '';
        local $SIG{__DIE__} = 'DEFAULT';
        my $has_run = eval { $result = $code->(); 1 };
        if (!$has_run) { $error = "$@" || "it ended without a reason\n" }
    }
    if ($is_open) {

        # A statement may have failed without a word: Freeside's log only warns.
        local $dbh->{PrintError} = 0;
        local $dbh->{RaiseError} = 0;
        if (!defined $error && !$dbh->pg_release($NAME)) {
            $error = "the database refused a statement\n";
        }
        elsif (!defined $error) { return $result }
        $dbh->pg_rollback_to($NAME);
        $dbh->pg_release($NAME);
    }
    elsif (defined $error && $dbh && $FS::UID::AutoCommit) {
        $dbh->rollback;
    }
    die $error if defined $error;    ## no critic (RequireCarping) -- the code's own words
    return $result;
}

1;
