#!/usr/bin/perl

# The account of a service: on record, whatever becomes of customers and options.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use FS::part_export::magicmail::Audit;
use FS::Record qw( qsearch qsearchs );
use ISP;
use Simulator;
use Statements;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);

sub quietly {
    my ($code) = @_;
    local $SIG{__WARN__} = sub { };
    return $code->();
}

sub every_hook_works {
    my ($isp, $svc, $name) = @_;
    my $pkg = $isp->fresh($svc)->cust_svc->cust_pkg;
    is $isp->change($svc, _password => 'other'),   q{},         "$name: change";
    is $pkg->suspend,                              q{},         "$name: suspend";
    is $magicmail->user($svc->username)->{status}, 'suspended', "$name: suspended";
    is $isp->fresh($pkg)->unsuspend,               q{},         "$name: unsuspend";
    is $magicmail->user($svc->username)->{status}, 'active',    "$name: active";
    is $isp->fresh($svc)->delete,                  q{},         "$name: unprovision";
    is $magicmail->user($svc->username)->{status}, 'deleted',   "$name: deleted";
    return;
}

subtest 'after a merge a mailbox stays on its account' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my $basic  = $isp->magicmail(
        $magicmail,
        options     => {package => 'BASIC'},
        definitions => ['Basic']
    );
    my ($one, $two) = map { $isp->customer } 1 .. 2;
    my $old  = $isp->provisioned($one, username => 'old');
    my $old2 = $isp->provisioned($one, username => 'old2', definition => 'Basic');
    my $here = $isp->provisioned($two, username => 'here');
    my $id   = 'FREESIDE' . $one->custnum;
    is $one->merge($two->custnum),  q{}, 'merged';
    is $export->get_remoteid($old), $id, 'the account is on record';

    my $new = $isp->provisioned($two, username => 'new');
    is $magicmail->user('new')->{account}, 'FREESIDE' . $two->custnum,
        'a new service goes to the account that the options name';
    is_deeply $magicmail->user('old')->{packages}, ['BASIC', 'EMAIL'],
        'the packages of the old account are untouched';
    is $isp->fresh($old)->delete, q{}, 'the old master goes';
    is $magicmail->user('old2')->{master_user}, 'Y',
        'its heir is on the same account, not among the other services';
    is_deeply $magicmail->user('old2')->{packages}, ['BASIC'], 'and holds the packages of that account alone';
    every_hook_works($isp, $old2, 'merged');
};

subtest 'after the prefix changed old mailboxes stay where they are' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my $ann    = $isp->customer;
    my $old    = $isp->provisioned($ann, username => 'old');
    $isp->change_options($export, account_prefix => 'ISP');
    my $new = $isp->provisioned($ann, username => 'new');
    is $magicmail->user('new')->{account},     'ISP' . $ann->custnum, 'new account';
    is $magicmail->user('new')->{master_user}, 'Y',                   'with a master of its own';
    every_hook_works($isp, $old, 'prefix');
    is $magicmail->account('FREESIDE' . $ann->custnum)->{status}, 'deleted', 'the old account is emptied';
    is $magicmail->account('ISP' . $ann->custnum)->{status},      'active',  'the new one is not';
};

subtest 'agent_custid' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail, options => {use_agent_custid => 1});
    my $ann    = $isp->customer(agent_custid => 'A-17');
    my $bob    = $isp->customer;
    my $old    = $isp->provisioned($ann, username => 'old');
    my $other  = $isp->provisioned($bob, username => 'bob');
    is $magicmail->user('old')->{account}, 'FREESIDEA-17',             'is used';
    is $magicmail->user('bob')->{account}, 'FREESIDE' . $bob->custnum, 'where there is one';
    my $changed = $isp->fresh($ann);
    $changed->set(agent_custid => 'B-1');
    is $changed->replace($ann), q{}, 'it changes';
    my $new = $isp->provisioned($ann, username => 'new');
    is $magicmail->user('new')->{account}, 'FREESIDEB-1', 'new services follow';
    $isp->change_options($export, use_agent_custid => q{});
    every_hook_works($isp, $old, 'agent_custid');
    every_hook_works($isp, $new, 'switched off');
};

# Everything that may change the name of an account, one after another: each time
# two new mailboxes, which stay where they were made.
my @EPOCHS = (
    ['in the beginning',     'FREESIDE1', sub { }],
    ['another prefix',       'ISP1',      sub { options_change(@_, account_prefix   => 'ISP') }],
    ['agent_custid is used', 'ISPA-1',    sub { options_change(@_, use_agent_custid => 1) }],
    [
        'another agent_custid',
        'ISPB-1',
        sub {
            my ($isp, $ann) = @_;
            my $changed = $isp->fresh($ann);
            $changed->set(agent_custid => 'B-1');
            is $changed->replace($isp->fresh($ann)), q{}, 'it changes';
        }
    ],
    ['agent_custid is not used any more', 'ISP1', sub { options_change(@_, use_agent_custid => q{}) }],
    ['a merge', 'ISP2', sub { my ($isp, $ann, $bob) = @_; is $ann->merge($bob->custnum), q{}, 'merged' }],
);

sub options_change {
    my ($isp, undef, undef, %options) = @_;
    for my $export (qsearch('part_export', {})) { $isp->change_options($export, %options) }
    return;
}

subtest 'through all of it every mailbox stays on its account, and every hook works for it' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    $isp->magicmail($magicmail);
    $isp->magicmail($magicmail, options => {package => 'PLUS'}, definitions => ['Plus']);
    my $ann = $isp->customer(agent_custid => 'A-1');
    my $bob = $isp->customer;
    my (%account, @made);
    for my $epoch (@EPOCHS) {
        my ($name, $account, $change) = @{$epoch};
        $change->($isp, $ann, $bob);
        my $owner = $isp->fresh($ann) || $bob;
        for my $definition (qw( Mailbox Plus )) {
            my $username = 'user' . (1 + @made);
            push @made, $isp->provisioned($owner, username => $username, definition => $definition);
            is $magicmail->user($username)->{account}, $account, "$name: $username is on $account";
            $account{$username} = $account;
        }
    }
    for my $svc (map { $isp->fresh($_) } @made) {
        my $account = $account{$svc->username};
        my ($settings) = $svc->export_getsettings;
        is $settings->{'MagicMail account'}, "$account (active)", 'staff are shown ' . $svc->username;
        is $settings->{'MagicMail differs from Freeside'}, undef, '... and no difference';
    }
    while (my $svc = shift @made) {
        my $account = $account{$svc->username};
        every_hook_works($isp, $svc, $svc->username);
        my @rest = grep { $account{$_->username} eq $account } @made;
        packages_are_in_line($account, @rest);
    }
};

# The master of an account holds what its mailboxes bring, and nothing else.
sub packages_are_in_line {
    my ($account, @rest) = @_;
    if (!@rest) {
        is $magicmail->account($account)->{status}, 'deleted', "... and $account is emptied";
        return;
    }
    my %wanted = map { $_->part_svc->svc eq 'Plus' ? ('PLUS' => 1) : ('EMAIL' => 1) } @rest;
    my $users  = $magicmail->state->{users};
    my @held   = map { @{$_->{packages}} }
        grep { $_->{account} eq $account && $_->{master_user} eq 'Y' && $_->{status} ne 'deleted' }
        values %{$users};
    is_deeply [sort @held], [sort keys %wanted], "... and $account is in line";
    return;
}

subtest 'without a record the server is believed, and it is mended' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my $ann    = $isp->customer;
    my $svc    = $isp->provisioned($ann, username => 'old');
    my $named  = 'FREESIDE' . $ann->custnum;
    is $export->set_remoteid($svc, 'FREESIDE999'), q{},    'a wrong record';
    is $isp->change($svc, finger => 'Old One'),    q{},    'the change works';
    is $export->get_remoteid($svc),                $named, 'and the record is right';
    my $row = qsearchs('export_cust_svc', {svcnum => $svc->svcnum});
    is $row->delete,                            q{},    'no record, as an older export left it';
    is $isp->change($svc, finger => 'Old Two'), q{},    'the change works';
    is $export->get_remoteid($svc),             $named, 'and records the account';
};

subtest 'without records the services of an account go by agent_custid' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    $isp->magicmail($magicmail, options => {use_agent_custid => 1});
    my $ann = $isp->customer(agent_custid => 'A-17');
    my ($master, $heir) = map { $isp->provisioned($ann, username => $_) } qw( one two );
    for my $row (qsearch('export_cust_svc', {})) { is $row->delete, q{}, 'as an older export left it' }
    is $isp->fresh($master)->delete,           q{}, 'the master goes';
    is $magicmail->user('two')->{master_user}, 'Y', 'the other one is the heir';
    is_deeply $magicmail->user('two')->{packages}, ['EMAIL'], 'with the packages';
};

subtest 'two exports of a service, each with an account on record' => sub {
    $magicmail->reset;
    my $isp  = ISP->open;
    my $own  = $isp->magicmail($magicmail);
    my $plus = $isp->magicmail($magicmail, options => {package => 'PLUS'});
    my $ann  = $isp->customer;
    my ($one, $two) = quietly(
        sub {
            map { $isp->provisioned($ann, username => $_) } qw( one two )
        }
    );
    is_deeply [$own->cust_magic_packages($one, ignore => $one)], [qw( EMAIL PLUS )], 'both bring a package';
    is $plus->set_remoteid($two, 'FREESIDE999'), q{}, 'one is recorded elsewhere';
    is_deeply [$own->cust_magic_packages($one, ignore => $one)], ['EMAIL'], 'its package counts there';
};

subtest 'a package that changes without its customer costs nothing' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    $isp->magicmail($magicmail);
    my $svc = $isp->provisioned($isp->customer, username => 'ann');
    my $pkg = $svc->cust_svc->cust_pkg;
    $magicmail->clear_log;
    my @statements = Statements->of_hooks_during(
        sub {
            my $new = FS::cust_pkg->new({$pkg->hash, bill => 1_700_000_000});
            is $new->replace($pkg), q{}, 'a bill date';
        }
    );
    is scalar @statements,   0, 'no statement';
    is $magicmail->requests, 0, 'no request';
};

subtest 'a service that moves to a package of another customer' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my ($one, $two) = map { $isp->customer } 1 .. 2;
    my $svc  = $isp->provisioned($one, username => 'moved');
    my $stay = $isp->provisioned($one, username => 'stay');
    my $pkg  = $svc->cust_svc->cust_pkg;
    my $new  = $pkg->change({cust_main => $two});
    ok ref $new, 'moved' or diag $new;
    $magicmail->clear_log;
    is $isp->change($stay, finger => 'S T'),                      q{},      'the one that stayed';
    is $isp->fresh($stay)->delete,                                q{},      'and goes';
    is $magicmail->account('FREESIDE' . $one->custnum)->{status}, 'active', 'the account has the moved one';
    every_hook_works($isp, $svc, 'moved');
};

# A service that is without an export for a while, goes to another customer, and comes
# back; what the code does meanwhile.
sub comes_back {
    my ($meanwhile) = @_;
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my ($one, $two) = map { $isp->customer } 1 .. 2;
    my $svc = $isp->provisioned($one, username => 'ann');
    is $isp->change_definition($svc, 'Other'), q{}, 'to a definition without an export';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'its job';
    $meanwhile->();
    ok ref $svc->cust_svc->cust_pkg->change({cust_main => $two}), 'to another customer';
    my $error = quietly(sub { return $isp->change_definition($isp->fresh($svc), 'Mailbox') });
    return ($error, $export->get_remoteid($svc), $magicmail->state);
}

subtest 'a record that is older than the mailbox does not count at a provision' => sub {
    my ($error, $on_record, $state) = comes_back(
        sub {
            my $gone = $magicmail->state;
            $gone->{$_} = {} for qw( accounts users addresses );
            $magicmail->set_state($gone);
        }
    );
    is $error,                        q{},         'and back under the export';
    is $state->{users}{ann}{account}, 'FREESIDE2', 'the mailbox is on the account of the second customer';
    is_deeply [keys %{$state->{accounts}}], ['FREESIDE2'], 'and none was made for the first';
    is $on_record, 'FREESIDE2', 'it is on record';
    ($error, $on_record, $state) = comes_back(sub { });
    is $error,                        q{},         'a mailbox that is only marked deleted';
    is $state->{users}{ann}{account}, 'FREESIDE1', '... comes back where it is';
    is $state->{users}{ann}{status},  'active',    '... with its mail';
    ($error) = comes_back(
        sub {
            $magicmail->faults({kind => 'status_500', path => '/user/ann', on => 1, count => undef});
        }
    );
    like $error, qr/cannot[ ]provision[ ]mailbox[ ]ann/x, 'what cannot be asked is not decided';
    $magicmail->faults;
};

subtest 'an account that Freeside does not put on record' => sub {
    for my $prefix ('ISP|', 'ISP*', 'ISP{}') {
        $magicmail->reset;
        my $isp    = ISP->open;
        my $export = $isp->magicmail($magicmail, options => {account_prefix => $prefix});
        my ($one, $two) = map { $isp->customer } 1 .. 2;
        my @warned;
        local $SIG{__WARN__} = sub { push @warned, @_ };
        my $svc = $isp->provisioned($one, username => 'ann');
        is $magicmail->user('ann')->{account}, $prefix . $one->custnum, "$prefix: provisioned";
        like "@warned", qr/cannot[ ]be[ ]put[ ]on[ ]record/x, '... with a warning';
        is $export->get_remoteid($svc), q{}, '... without a record';
        every_hook_works($isp, $svc, $prefix);
        my $moved = $isp->provisioned($one, username => 'moved');
        @warned = ();
        ok ref $moved->cust_svc->cust_pkg->change({cust_main => $two}), '... it can be moved';
        like "@warned", qr/moves[ ]to[ ]another[ ]customer/x, '... with a warning';
    }
};

subtest 'a machine is the same in capitals' => sub {
    $magicmail->reset;
    my $isp   = ISP->open;
    my $own   = $isp->magicmail($magicmail, machine => 'localhost');
    my $other = $isp->magicmail(
        $magicmail,
        machine     => 'LocalHost',
        options     => {package => 'PLUS'},
        definitions => ['Plus']
    );
    my $ann = $isp->customer;
    my $svc = $isp->provisioned($ann, username => 'ann');
    my $two = $isp->provisioned($ann, username => 'two', definition => 'Plus');
    is_deeply [sort @{$magicmail->user('ann')->{packages}}], [qw( EMAIL PLUS )], 'packages of both';
    is $isp->change_definition($two, 'Mailbox'), q{}, 'from one to the other';
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'its job';
    is $magicmail->user('two')->{status}, 'active', 'finds the service';
    is_deeply $magicmail->user('ann')->{packages}, ['EMAIL'], 'and the packages';
    my @servers = FS::part_export::magicmail::Audit::servers();
    is scalar @servers, 1, 'one server for the audit';
};

subtest 'a service in no package' => sub {
    $magicmail->reset;
    my $isp = ISP->open;
    $isp->magicmail($magicmail);
    my $svc = $isp->mailbox(undef, username => 'nobody');
    $magicmail->clear_log;
    my $error = quietly(sub { $svc->insert });
    like $error, qr/\Qit is in no package of a customer/x, 'is refused';
    is $magicmail->requests, 0, 'before any request';
};

done_testing;
