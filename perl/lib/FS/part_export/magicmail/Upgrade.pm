package FS::part_export::magicmail::Upgrade;

# What freeside-upgrade does for this export: exports that were saved before say that a
# user name has no domain, and mailboxes that were provisioned before get their account
# on record. All of it is in Freeside's database; MagicMail is not asked.

use strict;
use warnings;

use FS::Record qw(dbh);

use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text        qw(one_line to_error_log);
use FS::part_export::magicmail::Transaction qw(in_transaction savepoint);

# So many services are read at once.
my $AT_ONCE = 500;

# Never dies: freeside-upgrade would end. What fails is as it was before, and is tried
# again by the next upgrade.
sub run {
    my @exports;
    _try('cannot set nodomain', \&_set_nodomain);
    _try('cannot read the exports',
        sub { @exports = FS::part_export::magicmail::Records::all_exports(); return });
    foreach my $export (@exports) {
        my $what = 'cannot put the accounts of export ' . $export->exportnum . ' on record';
        _try($what, sub { return _record_accounts($export) });
    }
    return;
}

sub _try {
    my ($what, $code) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $has_run = eval {
        in_transaction(sub { return savepoint($code) });
        1;
    };
    if (!$has_run) { FS::part_export::magicmail::Log::failed(undef, one_line("$what: $@")) }
    return;
}

# Freeside reads this column when an export is put on a service definition, and sets it
# only when an export is saved.
sub _set_nodomain {
    my @types  = FS::part_export::magicmail::Records::export_types();
    my $places = FS::part_export::magicmail::Records::places(@types);
    my $count  = dbh->do(<<"END", undef, @types) or die dbh->errstr . "\n";
UPDATE part_export SET nodomain = 'Y'
 WHERE exporttype IN ( $places ) AND COALESCE( nodomain, '' ) <> 'Y'
END
    if ($count > 0) { _say("exports that are set to nodomain now: $count") }
    return;
}

# A mailbox without a record is on the account that the options name. With a record it
# stays there when its customer is merged or an option changes.
sub _record_accounts {
    my ($export) = @_;
    return if !$export->can('set_remoteid');
    my $records = FS::part_export::magicmail::Records->new($export, $export->magic_options);
    local $export->{magic_options} = $records->options;
    my $exportnum = $export->exportnum;
    my @svcparts  = keys %{$records->exports->{$exportnum}{svcparts}} or return;
    my %count     = (recorded => 0, refused => 0);
    my $from      = 0;

    while (my @svcnums = _without_record($records, $from, @svcparts)) {
        $from = $svcnums[-1];
        _record_some($records, \%count, @svcnums);
    }
    if ($count{recorded}) { _say("accounts that export $exportnum has on record now: $count{recorded}") }
    if ($count{refused}) {
        _say("accounts of export $exportnum that Freeside cannot record: $count{refused}")
    }
    return;
}

# The numbers of the next services for which the export has no account on record.
sub _without_record {
    my ($records, $from, @svcparts) = @_;
    my $places = FS::part_export::magicmail::Records::places(@svcparts);
    my @rows   = $records->rows(<<"END", $from, @svcparts, $records->export->exportnum);
SELECT cust_svc.svcnum
  FROM cust_svc
 WHERE cust_svc.svcnum > ? AND cust_svc.pkgnum IS NOT NULL AND cust_svc.svcpart IN ( $places )
   AND NOT EXISTS (
         SELECT 1 FROM export_cust_svc
          WHERE export_cust_svc.exportnum = ? AND export_cust_svc.svcnum = cust_svc.svcnum
       )
 ORDER BY cust_svc.svcnum LIMIT $AT_ONCE
END
    return map { $_->{svcnum} } @rows;
}

sub _record_some {
    my ($records, $count, @svcnums) = @_;
    require FS::export_cust_svc;
    my $exportnum = $records->export->exportnum;
    my $services  = FS::part_export::magicmail::Services->new($records);
    my $places    = FS::part_export::magicmail::Records::places(@svcnums);
    my $select    = "SELECT svcnum FROM cust_svc WHERE svcnum IN ( $places )";
    foreach my $service ($services->among($select, @svcnums)) {
        my $account = $services->account_of($service, $exportnum);
        next if $account eq '';
        if (!$records->can_record($account)) {
            $count->{refused}++;
            next;
        }
        my %row   = (exportnum => $exportnum, svcnum => $service->{svcnum}, remoteid => $account);
        my $error = FS::export_cust_svc->new(\%row)->insert;
        if ($error) { die "service $service->{svcnum}: $error\n" }
        $count->{recorded}++;
    }
    return;
}

sub _say {
    my ($text) = @_;
    to_error_log("[FS::part_export::magicmail] $text");
    return FS::part_export::magicmail::Log::changed(undef, $text);
}

1;
