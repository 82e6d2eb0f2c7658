package ISP::Transaction;

# Transactions as Freeside's own methods make them.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside's

use Carp     qw( croak );
use Exporter qw( import );

use FS::UID qw( dbh );

our @EXPORT_OK = qw( in_transaction );

# Runs the code, which returns an error text or '': committed or rolled back here,
# unless it is part of a larger one.
sub in_transaction {
    my ($code) = @_;
    my $is_outermost = $FS::UID::AutoCommit;
    local $FS::UID::AutoCommit = 0;
    my $error = $code->();
    if ($error) {
        if ($is_outermost) { dbh->rollback }
        return $error;
    }
    if ($is_outermost) { dbh->commit or croak dbh->errstr }
    return q{};
}

1;
