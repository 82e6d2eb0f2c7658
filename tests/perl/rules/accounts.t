#!/usr/bin/perl

# The account of a service: by the options, or the one on record, whatever becomes
# of customers and options.

use strict;
use warnings;

use Test::More;

use FS::cust_pkg;
use FS::Record qw( qsearchs );
use Rule       qw( :all );

sub record_of {
    my ($svc) = @_;
    my $row = qsearchs('export_cust_svc', {svcnum => $svc->svcnum}) or return;
    return $row->remoteid;
}

# Changes a mailbox, puts it to sleep, wakes it and takes it away.
sub every_hook_works {
    my ($svc) = @_;
    my $name = $svc->username;
    passes('change', sub { isp->change($svc, _password => 'newer-word') });
    is password_of($name), 'plain newer-word', 'its password';
    passes('suspend', sub { $svc->suspend });
    is magicmail->user($name)->{status}, 'suspended', 'it sleeps';
    passes('unsuspend', sub { isp->fresh($svc)->unsuspend });
    is magicmail->user($name)->{status}, 'active', 'it is awake';
    passes('unprovision', sub { isp->fresh($svc)->delete });
    is magicmail->user($name)->{status}, 'deleted', 'it is deleted';
    return;
}

rule 'the_account_is_prefix_and_customer_number',
    options => {account_prefix => 'ISP-'},
    sub {
    my (undef, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    provision($bob, username => 'bob');
    is magicmail->user('bob')->{account}, 'ISP-' . $bob->custnum, 'it is';
    };

rule 'the_account_is_recorded_by_a_provision' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    is export->get_remoteid($svc), 'FREESIDE1', 'it is on record';
};

rule 'a_customer_of_an_agents_number_has_an_account_of_that_number',
    options => {use_agent_custid => 1},
    sub {
    my $ann = isp->customer(agent_custid => 'A-17');
    my $bob = isp->customer(first        => 'Bob');
    provision($ann, username => 'ann');
    provision($bob, username => 'bob');
    is magicmail->user('ann')->{account}, 'FREESIDEA-17', 'where he has one';
    is magicmail->user('bob')->{account}, 'FREESIDE2',    'and of his own where not';
    };

rule 'an_agents_number_is_no_matter_without_the_option' => sub {
    provision(isp->customer(agent_custid => 'A-17'), username => 'ann');
    is magicmail->user('ann')->{account}, 'FREESIDE1', 'it is not';
};

rule 'a_merge_leaves_a_mailbox_on_its_account_and_every_hook_works' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $first = provision($ann, username => 'first');
    my $heir  = provision($ann, username => 'second');
    provision($bob, username => 'bobs');
    change_server(sub { });
    my @requests = requests_during(
        sub {
            passes('merged', sub { $ann->merge($bob->custnum) })
        }
    );
    is_deeply \@requests, [], 'without a request';
    is record_of($first), 'FREESIDE1', 'on record';
    provision($bob, username => 'newer');
    is magicmail->user('newer')->{account}, 'FREESIDE2', 'a new service goes to the other account';
    is_deeply magicmail->user('first')->{packages}, ['EMAIL'], 'the packages of the old one are untouched';
    every_hook_works($first);
    is magicmail->user('second')->{master_user}, 'Y', 'the heir is on the same account';
    is_deeply magicmail->user('second')->{packages}, ['EMAIL'], 'with its packages';
    every_hook_works($heir);
    is magicmail->account('FREESIDE1')->{status}, 'deleted', 'the old account is emptied';
    is magicmail->account('FREESIDE2')->{status}, 'active',  'the other one is not';
};

rule 'the_services_of_an_account_are_those_on_it_whoevers_customer_record_they_stand_under' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    my $package = isp->package($ann);
    provision($package, username => 'gold', definition => 'Gold');
    provision($ann, username => 'first');
    my $moved = $package->change({cust_main => $bob});
    is ref $moved, 'FS::cust_pkg', 'the package is with Bob';
    provision($bob, username => 'bobs');
    is_deeply magicmail->user('bobs')->{packages}, ['EMAIL'], q{Bob's master has nothing of it};
    provision($ann, username => 'third');
    is_deeply [sort @{magicmail->user('gold')->{packages}}], [qw( EMAIL GOLD )],
        q{it counts on Ann's account};
};

rule 'a_service_that_moves_to_another_customers_package_keeps_its_account' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($ann, username => 'jane');
    my $row = qsearchs('export_cust_svc', {svcnum => $svc->svcnum});
    $row->delete;
    is record_of($svc), undef, 'of an older export: nothing is on record';
    my $package  = $svc->cust_svc->cust_pkg;
    my @requests = requests_during(sub { $package->change({cust_main => $bob}) });
    is_deeply \@requests, [], 'without a request';
    is record_of($svc), 'FREESIDE1', 'its account is on record now';
    every_hook_works(isp->fresh($svc));
};

rule 'a_package_that_changes_and_stays_with_its_customer_costs_nothing' => sub {
    my $svc     = provision(isp->customer, username => 'jane');
    my $package = $svc->cust_svc->cust_pkg;
    qsearchs('export_cust_svc', {svcnum => $svc->svcnum})->delete;
    my @requests = requests_during(
        sub {
            my $new = FS::cust_pkg->new({$package->hash, bill => 1_700_000_000});
            passes('a bill date', sub { $new->replace($package) });
            is ref $package->change({pkgpart => isp->package_definition('Other')->pkgpart}), 'FS::cust_pkg',
                'another package';
        }
    );
    is_deeply \@requests, [], 'no request';
    is record_of($svc), undef, 'and no row';
};

my %OPTIONS_CHANGE = (
    'prefix'           => [{account_prefix   => 'ISP'}, {},                       'ISP1'],
    'use_agent_custid' => [{use_agent_custid => 1},     {agent_custid => 'A-17'}, 'FREESIDEA-17'],
);

for my $option (sort keys %OPTIONS_CHANGE) {
    my ($changed, $customer, $account) = @{$OPTIONS_CHANGE{$option}};
    rule "after_a_change_of_$option\_every_hook_works_and_new_services_go_to_the_new_account" => sub {
        my $ann   = isp->customer(%{$customer});
        my $first = provision($ann, username => 'first');
        isp->change_options(export, %{$changed});
        provision($ann, username => 'newer');
        is magicmail->user('newer')->{account},     $account,    'a new service';
        is magicmail->user('newer')->{master_user}, 'Y',         'is the master there';
        is magicmail->user('first')->{account},     'FREESIDE1', 'the old one stays';
        every_hook_works($first);
        is magicmail->account('FREESIDE1')->{status}, 'deleted', 'the old account is emptied';
        is magicmail->account($account)->{status},    'active',  'the new one is not';
    };
}

rule 'after_a_change_of_an_agents_number_every_hook_works',
    options => {use_agent_custid => 1},
    sub {
    my $ann   = isp->customer(agent_custid => 'A-17');
    my $first = provision($ann, username => 'first');
    my $new   = isp->fresh($ann);
    $new->set(agent_custid => 'B-1');
    is $new->replace($ann), q{}, 'another number';
    provision($ann, username => 'newer');
    is magicmail->user('newer')->{account}, 'FREESIDEB-1', 'a new service';
    every_hook_works($first);
    };

rule 'a_user_on_the_account_that_the_options_name_counts_and_mends_the_record' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    is export->set_remoteid($svc, 'FREESIDE999'), q{}, 'a wrong record';
    passes('change', sub { isp->change($svc, finger => 'Jane Poe') });
    is magicmail->user('jane')->{last_name}, 'Poe',       'it works';
    is export->get_remoteid($svc),           'FREESIDE1', 'and the record is right';
};

rule 'a_user_on_neither_account_is_left_alone' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    is export->set_remoteid($svc, 'FREESIDE999'), q{}, 'a wrong record';
    change_server(
        sub {
            $_[0]{accounts}{OTHER7} = {first_name => 'O', last_name => 'P', status => 'active'};
            $_[0]{users}{jane}{account} = 'OTHER7';
        }
    );
    my $before = magicmail->state;
    refused 'change', 'user jane belongs to account OTHER7, not FREESIDE999',
        sub { isp->change($svc, finger => 'Jane Poe') };
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'account_ids_compare_without_regard_to_case' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    is export->set_remoteid($svc, 'freeside1'), q{}, 'another spelling';
    every_hook_works($svc);
};

done_testing;
