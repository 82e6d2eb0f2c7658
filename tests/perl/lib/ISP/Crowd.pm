package ISP::Crowd;

# Many services at once, for tests of how things grow: rows only, no hook is
# called.

use strict;
use warnings;

use FS::UID          qw( dbh driver_name );
use ISP::Transaction qw( in_transaction );

my $PER_CUSTOMER = 10;

# So many mailboxes in a package, "NAME1", "NAME2", ...; the svcnums of the
# first and the last.
sub mailboxes {
    my ($class, $package, $count, %mailbox) = @_;
    my ($first);
    in_transaction(
        sub {
            ($first) = dbh->selectrow_array('SELECT COALESCE( max(svcnum), 0 ) + 1 FROM cust_svc');
            my $place   = dbh->prepare('INSERT INTO cust_svc (svcnum, pkgnum, svcpart) VALUES (?, ?, ?)');
            my @columns = qw( svcnum username _password _password_encoding finger domsvc );
            my $row =
                dbh->prepare(
                'INSERT INTO svc_acct (' . join(q{, }, @columns) . ') VALUES (?, ?, ?, ?, ?, ?)');
            for my $number (1 .. $count) {
                my $svcnum = $first + $number - 1;
                $place->execute($svcnum, $package->pkgnum, $mailbox{svcpart});
                $row->execute($svcnum, "$mailbox{name}$number", 'secret12', 'plain', "Number $number",
                    $mailbox{domsvc});
            }
            _keep_history($first, $first + $count - 1);
            if (driver_name() eq 'Pg') {
                dbh->do(q{SELECT setval('cust_svc_svcnum_seq', max(svcnum)) FROM cust_svc});
            }
            return q{};
        }
    );
    return ($first, $first + $count - 1);
}

# What Freeside writes for each row.
sub _keep_history {
    my @range   = @_;
    my %columns = (cust_svc => 'svcnum, pkgnum, svcpart', svc_acct => 'svcnum, username');
    for my $table (sort keys %columns) {
        dbh->do(
            "INSERT INTO h_$table (history_date, history_action, $columns{$table})"
                . " SELECT 1, 'insert', $columns{$table} FROM $table WHERE svcnum BETWEEN ? AND ?",
            undef, @range
        );
    }
    return;
}

# So many mailboxes of other customers, ten each.
sub strangers {
    my ($class, $isp, $count, %mailbox) = @_;
    in_transaction(
        sub {
            my $number = 0;
            while ($count > 0) {
                my $customer = $isp->customer(first => 'Some', last => 'Body' . ++$number);
                my $share    = $count > $PER_CUSTOMER ? $PER_CUSTOMER : $count;
                $class->mailboxes($isp->package($customer), $share, %mailbox, name => "stranger$number-");
                $count -= $share;
            }
            return q{};
        }
    );
    return;
}

1;
