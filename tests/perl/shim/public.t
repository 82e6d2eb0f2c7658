#!/usr/bin/perl

# Each public method by its name: what it sends, what it returns, and what it
# does where there is nothing to return or where it fails.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my @PERSON = (first_name => 'Ann', last_name => 'Lee', phone => '555', memo => 'a note');
my @USER   = (
    first_name    => 'Bea',
    last_name     => 'Lee',
    memo          => 'a note',
    password      => 'secret&12',
    password_type => 'plain'
);
my @UPDATE = (action => 'update');

# What the server has when each of them is called.
my %STATE = (
    accounts => {
        A1 => {status => 'active',  first_name => 'Ann', last_name => 'Lee'},
        A9 => {status => 'deleted', first_name => 'Old', last_name => 'One'},
    },
    users => {
        ann => {account => 'A1', master_user => 'Y', packages => ['EMAIL'], status => 'active'},
        old => {account => 'A1', master_user => 'N', packages => [],        status => 'deleted'},
    },
    addresses       => {'ann@example.net' => 'ann', 'two@example.net' => 'ann'},
    domains         => ['example.net', 'example.org', 'held.example'],
    domain_accounts => {'held.example' => 'A1'},
);

# Method, arguments, request, parameters, and what is returned of it: the id of a
# record, the ids of a list, or nothing to speak of.
my @METHODS = (
    [add_account      => ['A2', @PERSON], 'POST /account/A2', {@PERSON},                        'A2'],
    [get_account      => ['A1'],          'GET /account/A1',  {},                               'A1'],
    [get_accounts     => [],              'GET /account',     {},                               ['A1', 'A9']],
    [update_account   => ['A1', @PERSON], 'POST /account/A1', {@UPDATE, @PERSON},               'A1'],
    [suspend_account  => ['A1'],          'POST /account/A1', {@UPDATE, status => 'suspended'}, 'A1'],
    [activate_account => ['A9'],          'POST /account/A9', {@UPDATE, status => 'active'},    'A9'],
    [delete_account   => ['A1'],          'POST /account/A1', {@UPDATE, status => 'deleted'},   'A1'],
    [purge_account    => ['A9'],          'POST /account/A9', {action => 'purge'},              undef],
    [purge_account => ['A1', force => 1],   'POST /account/A1', {action => 'purge', force => 'true'}, undef],
    [add_user      => ['A1', 'bea', @USER], 'POST /user/bea',   {account => 'A1', @USER},             'BEA'],
    [get_user      => ['ann'],              'GET /user/ann',    {},                                   'ANN'],
    [get_users     => ['A1'],               'GET /user',        {account => 'A1'}, ['ANN', 'OLD']],
    [update_user   => ['A1', 'ann', @USER], 'POST /user/ann',   {@UPDATE, @USER},  'ANN'],
    [make_master_user => ['old'],             'POST /user/old', {@UPDATE, master_user => 'Y'},        'OLD'],
    [suspend_user     => ['ann'],             'POST /user/ann', {@UPDATE, status => 'suspended'},     'ANN'],
    [activate_user    => ['old'],             'POST /user/old', {@UPDATE, status => 'active'},        'OLD'],
    [delete_user      => ['ann'],             'POST /user/ann', {@UPDATE, status => 'deleted'},       'ANN'],
    [purge_user       => ['old'],             'POST /user/old', {action => 'purge'},                  undef],
    [purge_user       => ['ann', force => 1], 'POST /user/ann', {action => 'purge', force => 'true'}, undef],
    [assign_package   => ['ann', 'GOLD'], 'POST /user_package/ann', {package => 'GOLD'}, ['EMAIL', 'GOLD']],
    [get_packages     => ['ann'],         'GET /user_package/ann',  {},                  ['EMAIL']],
    [
        remove_package => ['ann', 'EMAIL'],
        'POST /user_package/ann', {action => 'purge', package => 'EMAIL'}, undef
    ],
    [add_domain    => ['A1', 'own.example'], 'POST /domain/own.example', {account => 'A1'}, 'own.example'],
    [get_domain    => ['example.net'],       'GET /domain/example.net',  {},                'example.net'],
    [get_domains   => ['A1'],                'GET /domain',              {account => 'A1'}, ['held.example']],
    [remove_domain => ['held.example'],      'POST /domain/held.example', {action => 'purge'}, undef],
    [
        add_email_address => ['ann', 'new@example.net'],
        'POST /emailaddress/new@example.net', {user => 'ann'}, 'new@example.net'
    ],
    [get_email_address => ['ann@example.net'], 'GET /emailaddress/ann@example.net', {}, 'ann@example.net'],
    [
        get_email_addresses => ['ann'],
        'GET /emailaddress', {user => 'ann'}, ['ann@example.net', 'two@example.net']
    ],
    [
        remove_email_address => ['two@example.net'],
        'POST /emailaddress/two@example.net', {action => 'purge'}, undef
    ],
    [request => ['GET',  '/account/A1'], 'GET /account/A1', {}, undef],
    [request => ['POST', '/user/ann', @UPDATE, memo => 'x'], 'POST /user/ann', {@UPDATE, memo => 'x'}, undef],

    # What is not defined is not sent; what is empty only where something changes.
    [add_account => ['A2', phone => q{}, memo => undef], 'POST /account/A2', {}, 'A2'],
    [
        update_account => ['A1', phone => q{}, memo => undef],
        'POST /account/A1', {@UPDATE, phone => q{}}, 'A1'
    ],
    [add_user => ['A1', 'bea', last_name => q{}, memo => undef], 'POST /user/bea', {account => 'A1'}, 'BEA'],
    [
        update_user => ['A1', 'ann', last_name => q{}, memo => undef],
        'POST /user/ann', {@UPDATE, last_name => q{}}, 'ANN'
    ],
);

my $isp    = ISP->open;
my $export = $isp->magicmail($magicmail, options => {timeout => 5});

sub begin {
    $magicmail->reset;
    $magicmail->set_state(\%STATE);
    $magicmail->clear_log;
    $export->error_init;
    return;
}

sub works {
    my ($method, $arguments, $request, $parameters, $wanted) = @_;
    my $got = $export->$method(@{$arguments});
    is $export->error, q{},    'no error';
    is ref $got,       'HASH', 'a hashref';
    my ($sent) = $magicmail->log;
    is "$sent->{method} $sent->{path}", $request, $request;
    is_deeply $sent->{parameters}, {client_type => 'FREESIDE', %{$parameters}}, 'its parameters';
    if (ref $wanted) { is_deeply [sort keys %{$got}], $wanted, 'a list' }
    elsif (defined $wanted) { like $got->{id}, qr/\A\Q$wanted\E\z/ix, 'a record, with its id' }
    for my $id (ref $wanted ? @{$wanted} : ()) { is $got->{$id}{id}, $id, "... with the id of $id" }
    return;
}

for my $list_id (qw( id key name )) {
    for my $each (@METHODS) {
        my $call = "$each->[0](" . join(', ', map { defined ? $_ : 'undef' } @{$each->[1]}) . ')';
        subtest "the method $call, records known by $list_id" => sub {
            begin();
            $magicmail->modes(list_id => $list_id);
            works(@{$each});
        };
    }
}

subtest 'a success with an empty body is a success, of a record that has its id' => sub {
    for my $each (grep { $_->[2] =~ m/\APOST/x } @METHODS) {
        my ($method, $arguments, $request, undef, $wanted) = @{$each};
        begin();
        $magicmail->modes(empty_writes => \1);
        my $got = $export->$method(@{$arguments});
        is $export->error, q{},    $request;
        is ref $got,       'HASH', '... a hashref';
        if (defined $wanted && !ref $wanted) { like $got->{id}, qr/\A\Q$wanted\E\z/ix, '... its id' }
    }
};

# What the server does not have is nothing, and no error; an empty list is a list.
my %NOTHING = (
    get_account       => ['A7'],
    get_user          => ['joe'],
    get_users         => ['A7'],
    get_domain        => ['example.com'],
    get_email_address => ['joe@example.net'],
    get_master_user   => ['A7'],
);
my %EMPTY = (get_packages => ['old'], get_email_addresses => ['old'], get_domains => ['A9']);

subtest 'what the server does not have' => sub {
    for my $method (sort keys %NOTHING) {
        begin();
        is_deeply [$export->$method(@{$NOTHING{$method}})],        [],      "$method: nothing";
        is_deeply [scalar $export->$method(@{$NOTHING{$method}})], [undef], '... undef where one is wanted';
        is $export->error, q{}, '... and no error';
    }
    for my $method (sort keys %EMPTY) {
        begin();
        is_deeply [$export->$method(@{$EMPTY{$method}})], [{}], "$method: an empty list";
        is $export->error, q{}, '... and no error';
    }
    for my $modes ({empty_lists => 'missing'}, {nothing_to_read => 'no_body'},
        {nothing_to_read => 'document'})
    {
        begin();
        $magicmail->modes(%{$modes});
        is_deeply $export->get_packages('old'), {}, join(' ', %{$modes}) . ': an empty list';
        is_deeply $export->purge_user('old'),   {}, '... a purge';
        is_deeply $export->request('POST', '/user/ann', action => 'purge', force => 'true'), {},
            '... a request';
    }
};

subtest 'an answer to a request is a hash whose lists are folded' => sub {
    for my $list_id (qw( id key name )) {
        begin();
        $magicmail->modes(list_id => $list_id);
        my $lists = sub { return $export->request('GET', @_)->{accounts}{account} };
        is_deeply [sort keys %{$lists->('/account')}], ['A1', 'A9'], "by $list_id";
        is $lists->('/account')->{A1}{first_name}, 'Ann', '... each a record';
    }
    begin();
    my $answer = $export->request('GET', '/user_package/old', ForceArray => ['package']);
    is_deeply [keys %{$answer->{packages}{package} || {}}], [], 'an empty list can be looked through';
    is $export->error, q{}, 'no error';
};

# Those that ask the server, among them those that need the database too.
my $ann    = $isp->customer;
my $svc    = $isp->provisioned($ann, username => 'zed');
my @ASKING = ((map { [@{$_}[0, 1]] } @METHODS), [get_accounts_and_users => []], [get_master_user => ['A1']],);
my %FAULTS = (
    'the server fails'        => {kind => 'status_500'},
    'the server refuses'      => {kind => 'error_document', code => 'x.y', message => 'No way'},
    'the answer is none'      => {kind => 'web_page'},
    'the client is not known' => {kind => 'status_401'},
);

for my $name (sort keys %FAULTS) {
    subtest "nothing is returned where $name, and error says so" => sub {
        for my $each (@ASKING) {
            my ($method, $arguments) = @{$each};
            begin();
            $magicmail->faults({%{$FAULTS{$name}}, on => 1, count => undef});
            is_deeply [$export->$method(@{$arguments})], [], $method;
            my $error = $export->error;
            isnt $error, q{}, "... $error";
            unlike $error, qr/\n|secret&12/x, '... in one line, without a secret';
        }
    };
}

subtest 'nothing is returned where the database fails, and error says so' => sub {
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Records::rows = sub { die "no such table\n" };
    for my $method (qw( cust_magic_services cust_magic_packages )) {
        begin();
        is_deeply [$export->$method($svc)], [], $method;
        is $export->error,       'no such table', '... its error';
        is $magicmail->requests, 0,               '... and no request';
    }
};

subtest 'errors add up until they are forgotten' => sub {
    begin();
    $magicmail->faults(
        {kind => 'error_document', code => 'x.y', message => 'No way', on => 1, count => undef});
    $export->get_user('ann');
    my $first = $export->error;
    $export->get_account('A1');
    like $export->error, qr/\A\Q$first; \E.*A1/x, 'two of them';
    $magicmail->faults;
    ok $export->get_user('ann'), 'a success';
    like $export->error, qr/\A\Q$first; \E/x, 'leaves them';
    @warned = ();
    $export->error_warn;
    is scalar @warned, 1,   'error_warn writes them down';
    is $export->error, q{}, 'and forgets them';
    $export->error_warn;
    is scalar @warned, 1, 'no error is no line';
    $export->error('one');
    $export->error_warn('two');
    like $warned[-1], qr/one;[ ]two/x, 'a text is added first';
    is $export->error, q{}, 'and forgotten';
};

subtest 'sync_magic_packages leaves no error behind' => sub {
    for my $in ($ann, $svc) {
        begin();
        $magicmail->faults({kind => 'status_500', on => 1, count => undef});
        $export->error('before');
        @warned = ();
        is_deeply [$export->sync_magic_packages($in)], [], 'nothing where it fails';
        is $export->error, 'before', 'the error is what it was';
        like "@warned", qr/500/x, 'the error log has the other one';
        $magicmail->faults;
    }
};

my @REFUSED = (
    [add_user    => [undef, 'bea']],
    [add_user    => [q{ },  'bea']],
    [update_user => [undef, 'ann', memo => 'x']],
    [get_users   => [undef]],
    [get_domains => [q{}]],
    [add_domain  => [undef, 'own.example']],
    [add_account => [undef]],
    [add_user    => ['A1', 'bea', password => 'x', password_type => 'md5']],
    [update_user => ['A1', 'ann', password => 'x', password_type => 'md5']],
);

subtest 'what cannot be sent is refused before any request' => sub {
    for my $each (@REFUSED) {
        my ($method, $arguments) = @{$each};
        begin();
        is_deeply [$export->$method(@{$arguments})], [], $method;
        isnt $export->error,     q{}, '... ' . $export->error;
        is $magicmail->requests, 0,   '... and nothing is sent';
    }
};

subtest 'options that a method does not know are ignored' => sub {
    begin();
    is $export->add_account('A2', colour => 'red')->{id},               'A2',   'add_account';
    is ref $export->update_account('A2', colour => 'red', memo => 'm'), 'HASH', 'update_account';
    like $export->add_user('A2', 'bea', colour => 'red', password => 'x')->{id}, qr/bea/ix, 'add_user';
    is ref $export->update_user('A2', 'bea', colour => 'red'),           'HASH', 'update_user';
    is $export->error,                                                   q{},    'no error';
    is scalar(grep { exists $_->{parameters}{colour} } $magicmail->log), 0,      'none is sent';
};

subtest 'debug' => sub {
    @warned = ();
    is $export->debug('one line'), 0, 'off: 0';
    is scalar @warned,             0, 'nothing is written';
    my $loud = $isp->change_options($export, debug => 1);
    is $loud->debug("one\nline", 'two'), 1, 'on: 1';
    my $tag = '[FS::part_export::magicmail] debug export ' . $loud->exportnum;
    is_deeply [@warned], ["$tag: one line\n", "$tag: two\n"], 'each text is a line of the error log';
};

done_testing;
