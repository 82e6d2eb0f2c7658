#!/usr/bin/perl

# Rows as objects, and the two forms of a search.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( dbdef dbh fields qsearch qsearchs );
use FS::UID    qw( driver_name );
use Died       qw( died );
use ISP;

my $isp   = ISP->open;
my $is_pg = driver_name() eq 'Pg';
note 'on ' . driver_name();

my $ann = $isp->customer(first => 'Ann', last => 'Lee');
my $bob = $isp->customer(
    first        => 'Bob',
    last         => 'Lee',
    company      => 'Bob & Co',
    agent_custid => 'B-7'
);

subtest 'a_record_gives_its_columns_as_methods_and_any_other_name_as_empty' => sub {
    is $bob->company,       'Bob & Co', 'a column';
    is $bob->get('last'),   'Lee',      'by name';
    is $ann->company,       q{},        'NULL is empty';
    is $ann->no_such_thing, q{},        'so is what is no column';
    $ann->company('Ann Ltd');
    is $ann->getfield('company'), 'Ann Ltd', 'a method with a value sets';
    ok died(sub { FS::cust_main->no_such_thing }), 'but not on the class';
    is_deeply [sort keys %{$ann->hashref}], [sort +fields('cust_main')], 'the hash has all columns';
};

subtest 'both_forms_of_a_search_find_the_same' => sub {
    my @wanted = map { $_->custnum } $ann, $bob;
    my @short  = qsearch('cust_main', {last => 'Lee'}, q{*}, 'ORDER BY custnum');
    my @long   = qsearch(
        {
            table    => 'cust_main',
            hashref  => {last => 'Lee'},
            order_by => 'ORDER BY custnum'
        }
    );
    is_deeply [map { $_->custnum } @short], \@wanted, 'short';
    is_deeply [map { $_->custnum } @long],  \@wanted, 'long';
    isa_ok $long[0], 'FS::cust_main';
    is qsearchs('cust_main', {first => 'Nobody'}), undef, 'none';
    is_deeply [map { $_->first } qsearch('cust_main', {company => q{}})],
        ['Ann'], 'empty means NULL or empty';
    is_deeply [map { $_->first } qsearch('cust_main', {custnum => {op => '>', value => $ann->custnum}})],
        ['Bob'], 'another operator';
};

subtest 'a_key_that_is_no_column_of_the_table_is_dropped_without_a_word' => sub {
    my @found =
        qsearch({table => 'cust_main', hashref => {pkgnum => 17}});
    is scalar @found, 2, 'all customers are read';
};

subtest 'a_join_gives_the_other_tables_columns_too' => sub {
    $isp->package($bob);
    my $found = qsearchs(
        {
            table       => 'cust_pkg',
            select      => 'cust_pkg.*, cust_main.first AS owner',
            addl_from   => 'JOIN cust_main ON cust_main.custnum = cust_pkg.custnum',
            extra_sql   => 'WHERE cust_main.agent_custid = ?',
            extra_param => ['B-7'],
        }
    );
    is $found->get('owner'), 'Bob', 'under its name';
};

subtest 'a_bare_parameter_is_a_text_and_a_typed_one_an_integer' => sub {
    my %search = (
        table     => 'cust_main',
        hashref   => {},
        extra_sql => 'WHERE custnum = ?'
    );
    my ($typed) =
        qsearch({%search, extra_param => [[$bob->custnum, 'int']]});
    is $typed->first, 'Bob', 'an integer meets an integer column';
    my $error = died(
        sub {
            local $SIG{__WARN__} = sub { };
            qsearch({%search, extra_param => [$bob->custnum]});
        }
    );
    if ($is_pg) {
        like $error, qr/operator[ ]does[ ]not[ ]exist/x, 'a text does not, on PostgreSQL';
        dbh->rollback;
    }
    else {
        is $error, q{}, 'SQLite does not mind';
    }
};

subtest 'characters_come_back_as_they_were_flagged_or_not' => sub {
    my $flagged   = "Zo\x{eb}";
    my $unflagged = $flagged;
    utf8::upgrade($flagged);
    utf8::downgrade($unflagged);
    for my $name ($flagged, $unflagged, 'Łukasz') {
        my $customer = $isp->customer(first => $name, last => 'Utf');
        my $found    = $isp->fresh($customer)->first;
        is $found, $name, 'the same characters';
        ok utf8::is_utf8($found), 'with the flag';
    }
    is scalar(qsearch('cust_main', {first => $unflagged})), 2, 'found by the unflagged one';
};

subtest 'a_row_is_replaced_and_deleted_by_its_key' => sub {
    my $new = FS::cust_main->new({$bob->hash, company => q{}});
    is $new->replace($bob),        q{}, 'replaced';
    is $isp->fresh($bob)->company, q{}, 'the database has it';
    my $agent = $isp->new_agent('Gone soon');
    is $agent->delete,      q{},                 'deleted';
    is $agent->delete,      'Record not found.', 'once';
    is $isp->fresh($agent), undef,               'it is gone';
};

subtest 'a_lock_gives_the_row_as_it_is_now' => sub {
    my $old = $isp->fresh($ann);
    my $new = FS::cust_main->new({$old->hash, company => 'Newer'});
    $new->replace($old);
    is $old->select_for_update->company, 'Newer', 'a fresh record';
};

subtest 'a_number_given_is_not_given_again' => sub {
    is $isp->customer(custnum => 4242)->custnum, 4242, 'a number of our choice';
    is $isp->customer->custnum,                  4243, 'the next one';
};

is_deeply [dbdef->table('export_cust_svc')->columns],
    [qw( exportcustsvcnum exportnum svcnum remoteid )],
    'the definition lists a table\'s columns';

done_testing;
