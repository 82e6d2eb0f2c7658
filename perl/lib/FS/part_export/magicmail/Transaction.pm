package FS::part_export::magicmail::Transaction;

# A transaction of Freeside's database, for what is no hook: jobs and repairs.

use strict;
use warnings;

use Exporter 'import';
use FS::Record qw(dbh);

use FS::part_export::magicmail::Text qw(one_line);

our @EXPORT_OK = qw(in_transaction);

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

1;
