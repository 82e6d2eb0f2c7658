#!/usr/bin/perl

# The public methods, and a subclass that uses them.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);

for my $fields (qw( attributes children mixed )) {
    subtest "the operations, fields as $fields" => sub {
        $magicmail->reset;
        $magicmail->modes(fields => $fields);
        my $isp = ISP->open;
        my $mm  = $isp->magicmail($magicmail);
        is $mm->get_account('A1'), undef, 'no account';
        is $mm->error,             q{},   'is no error';
        is_deeply [$mm->get_user('ann')], [], 'nothing in list context';
        my $account = $mm->add_account('A1', first_name => 'Ann', phone => q{});
        is $account->{id},                                 'A1',        'add_account' or diag $mm->error;
        is $mm->get_account('A1')->{first_name},           'Ann',       'get_account';
        is $mm->update_account('A1', memo => 'm')->{memo}, 'm',         'update_account';
        is $mm->suspend_account('A1')->{status},           'suspended', 'suspend_account';
        is $mm->activate_account('A1')->{status},          'active',    'activate_account';
        is_deeply [keys %{$mm->get_accounts}], ['A1'], 'get_accounts';
        my $user = $mm->add_user(
            'A1', 'ann',
            first_name    => 'Ann',
            last_name     => "Zo\x{eb}",
            password      => 'sesame77',
            password_type => 'plain'
        );
        is $user->{account}, 'A1', 'add_user' or diag $mm->error;
        ok $user->{id}, 'id';
        is $mm->get_user('ann')->{last_name}, "Zo\x{eb}", 'get_user';
        ok !$mm->update_user('A1', 'ann', last_name => q{})->{last_name}, 'update_user empties a name';
        ok $mm->add_user(
            'A1', 'bea',
            password      => 'x',
            password_type => 'plain'
            ),
            'a second one';
        is_deeply [sort keys %{$mm->get_users('A1')}], ['ANN', 'BEA'], 'get_users';
        is $mm->get_users('A1')->{BEA}{id},             'BEA',       'each with its id';
        is $mm->get_master_user('A1')->{id},            'ANN',       'get_master_user';
        is $mm->make_master_user('bea')->{master_user}, 'Y',         'make_master_user';
        is $mm->suspend_user('ann')->{status},          'suspended', 'suspend_user';
        is $mm->activate_user('ann')->{status},         'active',    'activate_user';
        is_deeply [keys %{$mm->assign_package('ann', 'GOLD')}], ['GOLD'], 'assign_package';
        is_deeply [keys %{$mm->get_packages('ann')}],           ['GOLD'], 'get_packages';
        ok $mm->remove_package('ann', 'GOLD'), 'remove_package';
        is_deeply $mm->get_packages('ann'), {}, 'none left';
        ok $mm->get_domain('example.net'), 'get_domain';
        is $mm->get_domain('example.com'), undef, 'none';
        ok $mm->get_domains('A1'), 'get_domains' or diag $mm->error;
        is $mm->add_email_address('ann', 'ann@example.net')->{id}, 'ann@example.net', 'add_email_address';
        ok $mm->get_email_address('ann@example.net'), 'get_email_address';
        is_deeply [keys %{$mm->get_email_addresses('ann')}], ['ann@example.net'], 'get_email_addresses';
        my $all = $mm->get_accounts_and_users;
        is_deeply [sort keys %{$all->{A1}{users}}], ['ANN', 'BEA'], 'get_accounts_and_users';
        ok $mm->remove_email_address('ann@example.net'), 'remove_email_address';
        is $mm->get_email_address('ann@example.net'), undef,     'gone';
        is $mm->delete_user('ann')->{status},         'deleted', 'delete_user';
        ok $mm->purge_user('ann'), 'purge_user';
        is $mm->error,             q{},   'no error so far';
        is $mm->purge_user('bea'), undef, 'one that is not deleted';
        isnt $mm->error,           q{},   'is an error';
        is $mm->error_init,        q{},   'error_init';
        ok $mm->purge_user('bea', force => 1), 'with force';
        is $mm->delete_account('A1')->{status}, 'deleted', 'delete_account';
        ok $mm->purge_account('A1'), 'purge_account';
        is $mm->error, q{}, 'no error';

        ok $mm->add_account('A2'), 'another';
        my $answer = $mm->request('GET', '/account');
        is $answer->{accounts}{account}{id}, 'A2', 'request: one record is a record';
        $answer = $mm->request('GET', '/account', ForceArray => ['account']);
        is_deeply [keys %{$answer->{accounts}{account}}], ['A2'], 'unless forced to be a list'
            or diag explain $answer;
        is $mm->request('POST', '/account/A2', action => 'purge'), undef, 'an error of the server';
        like $mm->error, qr/A2/x, 'is told: ' . $mm->error;
    };
}
$magicmail->modes(fields => 'attributes');

subtest 'errors' => sub {
    my $isp = ISP->open;
    my $mm  = $isp->magicmail($magicmail, options => {port => 1});
    is_deeply [$mm->get_user('ann')], [], 'nothing is returned';
    my $error = $mm->error;
    isnt $error,           q{},            'error has the text';
    is $mm->error('more'), "$error; more", 'a second text is added';
    is $mm->error,         "$error; more", 'and stays';
    my @warned;
    {
        local $SIG{__WARN__} = sub { push @warned, @_ };
        $mm->error_warn;
    }
    like "@warned", qr/more/x, 'error_warn';
    is $mm->error,                     q{}, 'forgets it';
    is $mm->check_for_error({a => 1}), q{}, 'check_for_error: none';
    isnt $mm->check_for_error(undef),  q{}, 'no answer is one';
    $mm->error_init;
    is $mm->check_for_error({error => {code => 'x.y', message => 'No such'}}),
        'x.y: No such', 'check_for_error';
    is $mm->error,         'x.y: No such', 'adds it';
    is $mm->debug('text'), 0,              'debug is off';
};

subtest 'rollback' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    my $mm  = $isp->magicmail($magicmail);
    ok $mm->add_account($_),                                               $_ for qw( A1 A2 A3 );
    ok $mm->add_user('A1', $_, password => 'x', password_type => 'plain'), $_ for qw( ann bea );
    ok $mm->assign_package('ann', 'GOLD'),                                 'package';
    is $mm->rollback(
        {
            remove_package  => ['ann', 'GOLD'],
            purge_user      => 'bea',
            delete_account  => 'A2',
            suspend_account => 'A3',
        }
        ),
        'what was done was undone', 'no error but that';
    my $state = $magicmail->state;
    is_deeply $state->{users}{ann}{packages}, [], 'remove_package';
    ok !$state->{users}{bea}, 'purge_user';
    is $state->{accounts}{A2}{status},                                'deleted',   'delete_account';
    is $state->{accounts}{A3}{status},                                'suspended', 'suspend_account';
    isnt $mm->rollback({purge_user => 'ann', purge_account => 'A1'}), q{},         'the user first';
    is $mm->error,                                                    q{},         'without an error';
    ok !$magicmail->state->{accounts}{A1}, 'purge_account';
};

subtest 'services and packages of a customer' => sub {
    $magicmail->reset;
    my $isp  = ISP->open;
    my $mm   = $isp->magicmail($magicmail);
    my $plus = $isp->magicmail(
        $magicmail,
        options     => {package => 'PLUS'},
        definitions => ['Plus']
    );
    my $elsewhere = $isp->magicmail(
        $magicmail,
        machine     => 'other.example',
        options     => {package => 'FAR'},
        definitions => ['Far']
    );
    my $ann  = $isp->customer;
    my $bob  = $isp->customer;
    my $one  = $isp->provisioned($ann, username => 'one');
    my $two  = $isp->provisioned($ann, username => 'two', definition => 'Plus');
    my $his  = $isp->provisioned($bob, username => 'his');
    my $id   = 'FREESIDE' . $ann->custnum;
    my $nums = sub {
        return [map { $_->svcnum } @_];
    };
    is $mm->cust_account_id($ann), $id, 'cust_account_id of a customer';
    is $mm->cust_account_id($one), $id, 'and of a service';
    is_deeply $nums->($mm->cust_magic_services($ann)), $nums->($one, $two), 'cust_magic_services';
    isa_ok(($mm->cust_magic_services($ann))[0], 'FS::svc_acct');
    is_deeply $nums->($mm->cust_magic_services($two, ignore => $one)),  $nums->($two),             'ignore';
    is_deeply $nums->($mm->cust_magic_services($ann, include => $his)), $nums->($one, $two, $his), 'include';
    is_deeply [$mm->cust_magic_packages($ann)],                  ['EMAIL', 'PLUS'], 'cust_magic_packages';
    is_deeply [$mm->cust_magic_packages($ann, ignore => $two)],  ['EMAIL'],         'ignore';
    is_deeply [$mm->cust_magic_packages($bob, include => $two)], ['EMAIL', 'PLUS'], 'include';
    ok $mm->assign_package('one', 'OLD'), 'too much';
    ok $mm->sync_magic_packages($ann),    'sync_magic_packages' or diag $mm->error;
    is_deeply [sort @{$magicmail->user('one')->{packages}}], ['EMAIL', 'PLUS'], 'in line';
    ok $mm->sync_magic_packages($ann, ignore => $two), 'without one';
    is_deeply $magicmail->user('one')->{packages}, ['EMAIL'], 'in line';
    is $mm->error, q{}, 'no error';
};

done_testing;
