#!/usr/bin/perl

# Counting what is asked of the database, and filling it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( dbh qsearch qsearchs );
use ISP;
use Statements;

## no critic (ProhibitPackageVars): the recording export's

my $isp    = ISP->open;
my $export = $isp->export('recording');
my $ann    = $isp->customer;

subtest 'each_way_to_ask_counts_once' => sub {
    my $ask  = 'SELECT custnum, last FROM cust_main';
    my %ways = (
        qsearch            => sub { qsearch('cust_main', {}) },
        qsearchs           => sub { qsearchs('cust_main', {custnum => $ann->custnum}) },
        option             => sub { $export->option('none') },
        options            => sub { my %all = $export->options },
        select_for_update  => sub { $ann->select_for_update },
        do                 => sub { dbh->do($ask) },
        do_bound           => sub { dbh->do("$ask WHERE last = ?", undef, 'Lee') },
        selectrow_array    => sub { dbh->selectrow_array($ask) },
        selectrow_arrayref => sub { dbh->selectrow_arrayref($ask) },
        selectrow_hashref  => sub { dbh->selectrow_hashref($ask) },
        selectall_arrayref => sub { dbh->selectall_arrayref($ask) },
        selectall_sliced   => sub {
            dbh->selectall_arrayref("$ask WHERE last = ?", {Slice => {}}, 'Lee');
        },
        selectall_hashref  => sub { dbh->selectall_hashref($ask, 'custnum') },
        selectcol_arrayref => sub { dbh->selectcol_arrayref($ask) },
        prepared           => sub {
            my $ready = dbh->prepare($ask);
            $ready->execute;
            $ready->fetchall_arrayref;
        },
        prepared_select => sub {
            my $ready = dbh->prepare($ask);
            dbh->selectall_arrayref($ready);
        },
    );
    for my $way (sort keys %ways) {
        is scalar(Statements->during($ways{$way})), 1, $way;
    }
    dbh->rollback;
};

subtest 'statements_know_the_hook_that_ran_them_and_the_rows_read' => sub {
    my $svc = $isp->mailbox($ann, username => 'jane');
    local $FS::part_export::recording::WATCH =
        sub { qsearch('cust_main', {last => 'Lee'}) };
    my @all  = Statements->during(sub { $svc->insert });
    my @ours = grep { $_->{hook} eq 'insert' } @all;
    ok @ours < @all, 'Freeside itself asked too';
    my ($search) = grep { $_->{sql} =~ /cust_main[.]last/x } @ours;
    is $search->{rows}, 1, 'one row was read';
    my @of_hooks =
        Statements->of_hooks_during(sub { $isp->fresh($svc)->suspend });
    is_deeply [grep { $_->{hook} ne 'suspend' } @of_hooks], [], 'only those of hooks';
    ok scalar @of_hooks, 'which there are';
};

subtest 'statements_know_who_asked' => sub {
    my %asker = (
        'main'              => sub { qsearch('cust_main', {}) },
        'FS::option_Common' => sub { $export->option('none') },
        'FS::part_export'   => sub { $export->get_remoteid($isp->agent) },
    );
    for my $package (sort keys %asker) {
        my ($asked) = Statements->during($asker{$package});
        is $asked->{by}, $package, $package;
    }
    my ($raw) =
        Statements->during(sub { dbh->selectcol_arrayref('SELECT 1') });
    is $raw->{by}, 'main', 'DBI too';
    dbh->rollback;
};

subtest 'nothing_is_noted_outside' => sub {
    my @seen = Statements->during(sub { });
    qsearch('cust_main', {});
    is scalar @seen, 0, 'nothing';
};

subtest 'a_crowd_is_made_of_rows_only' => sub {
    local @FS::part_export::recording::CALLS = ();
    my $package = $isp->package($ann);
    my ($lowest, $highest) = $isp->crowd($package, 25, name => 'crowd');
    is $highest - $lowest,                                   24,                    'their numbers';
    is scalar($package->cust_svc),                           25,                    'in the package';
    is qsearchs('svc_acct', {username => 'crowd25'})->email, 'crowd25@example.net', 'the last one';
    my $before = qsearch('svc_acct', {});
    $isp->strangers(33);
    is scalar(qsearch('svc_acct',  {})) - $before,      33, 'strangers';
    is scalar(qsearch('cust_main', {first => 'Some'})), 4,  'of four customers';
    is scalar @FS::part_export::recording::CALLS, 0, 'no hook was called';
    my $next = $isp->provisioned($ann, username => 'next');
    ok $next->svcnum > $highest + 33, 'a new service has a new number';
};

done_testing;
