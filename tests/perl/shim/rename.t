#!/usr/bin/perl

# An export that Freeside calls when a customer changes: a new name reaches the account,
# and nothing is ever refused. And what the audit and the page make of names.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use FS::part_export;
use FS::part_export::magicmail::Audit;
use FS::part_export::magicmail::Repair;
use FS::Record qw( dbh );
use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my ($isp, $export, $ann);

sub begin {
    my (%options) = @_;
    $magicmail->reset;
    $isp    = ISP->open;
    $export = $isp->magicmail($magicmail, options => \%options);
    $ann    = $isp->customer(first => 'Ann', last => 'Lee');
    @warned = ();
    return;
}

# As the page of a customer does it: the row, then the exports of the setting, in one
# transaction.
sub rename_to {
    my ($customer, %column) = @_;
    local $FS::UID::AutoCommit = 0;    ## no critic (ProhibitPackageVars): Freeside's
    my $old   = $isp->fresh($customer);
    my $new   = FS::cust_main->new({$old->hash, %column});
    my $error = $new->replace($old) || $export->export_replace($new, $old);
    dbh->commit;
    return $error;
}

sub name_of {
    my ($customer) = @_;
    my $account = $magicmail->account('FREESIDE' . $customer->custnum);
    return "$account->{first_name} $account->{last_name}";
}

subtest 'a new name reaches the account, and only that' => sub {
    begin();
    my $svc = $isp->provisioned($ann, username => 'ann', finger => 'Info Desk');
    is_deeply [grep { $_ eq 'magicmail' } keys %{FS::part_export::export_info('cust_main')}], ['magicmail'],
        'the setting offers the export';
    $magicmail->clear_log;
    is rename_to($ann, last => 'Roe'),       q{},       'renamed';
    is name_of($ann),                        'Ann Roe', 'the account too';
    is $magicmail->requests,                 2,         'by two requests';
    is $magicmail->user('ann')->{last_name}, 'Desk',    'the mailbox has its own name';
    is_deeply [grep { m/renamed/x } map { $_->message } $isp->log_rows],
        [     'renamed account FREESIDE'
            . $ann->custnum
            . ': set names of account FREESIDE'
            . $ann->custnum
            . ' [export 1, 127.0.0.1]'
        ],
        'that is in the log';
    $magicmail->clear_log;
    is rename_to($ann, company => 'Roe Inc'),   q{}, 'something else changes';
    is $magicmail->requests,                    0,   'no request';
    is $export->export_insert($ann),            q{}, 'a new customer';
    is $export->export_delete($ann),            q{}, 'one that is deleted';
    is $magicmail->requests,                    0,   'nor here';
    is rename_to($isp->customer, last => 'No'), q{}, 'a customer without a mailbox';
    is $magicmail->requests,                    0,   'nor here';
};

subtest 'on an account of two customers the oldest service names it' => sub {
    begin();
    my $bob = $isp->customer(first => 'Bob', last => 'Poe');
    my $old = $isp->provisioned($ann, username => 'old');
    my $new = $isp->provisioned($ann, username => 'new');
    dbh->do('UPDATE cust_pkg SET custnum = ? WHERE pkgnum = ?', {}, $bob->custnum, $new->cust_svc->pkgnum);
    dbh->commit;
    is rename_to($bob, last => 'Doe'), q{},       'the other customer is renamed';
    is name_of($ann),                  'Ann Lee', 'the account is not';
    is rename_to($ann, last => 'Roe'), q{},       'its own customer';
    is name_of($ann),                  'Ann Roe', 'it is';
};

subtest 'a server that is away hinders no customer' => sub {
    begin(timeout => 2);
    $isp->provisioned($ann, username => 'ann');
    for my $kind (qw( status_500 status_401 drop_before )) {
        begin();
        $isp->provisioned($ann, username => 'ann');
        $magicmail->faults({kind => $kind, path => '/account', on => 1, count => undef});
        @warned = ();
        is rename_to($ann, last => 'Roe'), q{},   "$kind: Freeside goes on";
        is $isp->fresh($ann)->get('last'), 'Roe', '... and has the new name';
        my ($row) = grep { m/was[ ]renamed/x } map { $_->message } $isp->log_rows;
        like $row,      qr/\Acustomer[ ]\d+[ ]was[ ]renamed,[ ]but[ ]account/x, '... and it is told';
        like "@warned", qr/repair[ ]USER[ ]--kind[ ]account_name/x,             '... with what to do';
    }
    $magicmail->faults;
    my $result = FS::part_export::magicmail::Audit->new($export)->run;
    is_deeply [map { $_->{kind} } @{$result->{findings}}], ['account_name'], 'the audit finds it';
    my $repair = FS::part_export::magicmail::Repair->new($export, $result, kinds => ['account_name']);
    is $repair->apply(sub { }, sub { 0 }), q{},       'a repair';
    is name_of($ann),                      'Ann Roe', '... mends it';
};

done_testing;
