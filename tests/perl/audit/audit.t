#!/usr/bin/perl

# An audit finds what differs, all of it and nothing else, with what both sides
# say; what it could not read it says.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Drift;
use FS::part_export::magicmail::Audit;
use FS::part_export::magicmail::Findings;
use FS::cust_pkg;
use Statements;

my $drift     = Drift->new;
my $magicmail = $drift->magicmail;
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

sub audit {
    my (%more) = @_;
    return FS::part_export::magicmail::Audit->new($drift->export, %more)->run;
}

sub keys_of {
    my ($result) = @_;
    my @keys = sort map { $_->{key} } @{$result->{findings}};
    return @keys;
}

subtest 'one of each kind is found, and nothing else' => sub {
    my $before = $magicmail->state;
    my $result = audit();
    is_deeply [keys_of($result)],  [$drift->keys], 'the findings' or diag explain $result;
    is_deeply $result->{unread},   [],             'all was read';
    is_deeply $result->{left_out}, [],             'nothing was left out';
    is $result->{services}, 39, 'services (one was deleted by hand)';
    is $result->{accounts}, 21, 'accounts, and the one on which a user was found';
    is_deeply [grep { !m/\AGET/x } $magicmail->request_lines], [],      'it only reads';
    is_deeply $magicmail->state,                               $before, 'MagicMail is as before';
};

for my $mode (
    {user_names => 'as_sent',  deleted_users    => 'hidden'},
    {fields     => 'mixed',    account_in_lists => \0,  list_id     => 'name'},
    {fields     => 'children', not_master       => q{}, empty_lists => 'missing', no_user => 'user'},
    )
{
    subtest 'the same on a server of another form: ' . join(q{ }, %{$mode}) => sub {
        my %before = %{$magicmail->modes};
        $magicmail->modes(map { $_ => ref $mode->{$_} ? JSON::PP::false() : $mode->{$_} } keys %{$mode});
        my @keys = keys_of(audit());
        s/(orphan_user.*\/)(\w+)\z/$1\U$2/x for @keys;
        is_deeply \@keys, [$drift->keys], 'the findings';
        $magicmail->modes(%before);
    };
}

subtest 'a finding says what both sides say' => sub {
    my %found = map { $_->{kind} => $_ } @{audit()->{findings}};
    my $found = $found{not_suspended};
    is $found->{freeside},  "service $found->{svcnum}, u4a\@example.net, package suspended", 'Freeside';
    is $found->{magicmail}, 'user u4a is active',                                            'MagicMail';
    is $found->{account},   "FREESIDE$found->{customer}",                                    'the account';
    is_deeply $found->{steps}, ['suspend user u4a'], 'the steps';
    is $found{other_account}{magicmail}, 'user u8b is on account OTHER1', 'another account';
    is $found{orphan_account}{mend},     'hand',                          'an orphan is left to people';
};

subtest 'of one customer' => sub {
    my ($svcnum) = map { m{\Asuspended/(\d+)}x } $drift->keys;
    my $custnum = $drift->isp->fresh(FS::svc_acct->new({svcnum => $svcnum}))->cust_main->custnum;
    $magicmail->clear_log;
    is_deeply [keys_of(audit(custnum => $custnum))], ["suspended/$svcnum"], 'only its findings';
    cmp_ok $magicmail->requests, q{<}, 10, 'with few requests';
};

subtest 'a reading cut short at any request says so' => sub {
    $magicmail->clear_log;
    audit();
    my $requests = $magicmail->requests;
    for my $on (1 .. $requests) {
        $magicmail->faults({kind => 'garbage', on => $on, count => 1});
        my $result = audit();
        ok @{$result->{unread}}, "request $on of $requests";
    }
    $magicmail->faults;
};

subtest 'a server that is away is asked for some accounts and no more' => sub {
    $magicmail->faults({kind => 'status_503', on => 1, count => undef});
    my $result = audit();
    $magicmail->faults;
    ok @{$result->{unread}}, 'it could not be told';
    is_deeply $result->{findings}, [], 'nothing is found';
};

subtest 'the statements do not grow with the services' => sub {
    my $count = sub {
        return scalar Statements->during(sub { audit() });
    };
    my $few     = $count->();
    my $package = $drift->isp->package($drift->isp->customer);
    $drift->isp->crowd($package, 300);
    my $many = $count->();
    is $many,                          $few,               'statements' or diag "$few, $many";
    is scalar(@{audit()->{findings}}), 300 + $drift->keys, 'no mailbox for 300';
};

subtest q{a mailbox that is on another customer's account is told of once} => sub {
    my $moved = Drift->new(magicmail => $magicmail, kinds => ['nothing']);
    my $isp   = $moved->isp;
    my $bea   = $isp->provisioned($isp->customer, username => 'bea');
    my $state = $magicmail->state;
    $state->{users}{bea}{account} = $state->{users}{u38a}{account};
    $magicmail->set_state($state);
    my $result = FS::part_export::magicmail::Audit->new($moved->export)->run;
    is_deeply [keys_of($result)], ['other_account/' . $bea->svcnum], 'not as an orphan too';
};

subtest 'services on one account may stand under several customers' => sub {
    my $shared = Drift->new(magicmail => $magicmail, kinds => ['nothing']);
    my $isp    = $shared->isp;
    my $plus   = $isp->magicmail($magicmail, options => {package => 'PLUS'}, definitions => ['Plus']);
    my ($ann, $bea) = map { $isp->customer } 1, 2;
    $isp->provisioned($ann, username => 'ann');
    my $package = $isp->package($ann);
    $isp->provisioned($package, username => 'abe', definition => 'Plus');
    my $moved = FS::cust_pkg->new({$package->hash, custnum => $bea->custnum});
    is $moved->replace($package), q{}, 'a package goes to another customer';
    $isp->provisioned($bea, username => 'bea');
    my $result;

    for my $at_once (1, 200) {
        $result = FS::part_export::magicmail::Audit->new($shared->export, at_once => $at_once)->run;
        is_deeply [keys_of($result)], [], 'nothing differs' or diag explain $result->{findings};
        is $result->{accounts}, 3, "three accounts, $at_once customers at once";
    }

    for my $customer ($ann, $bea) {
        $result = FS::part_export::magicmail::Audit->new($shared->export, custnum => $customer->custnum)->run;
        is_deeply [keys_of($result)], [], 'nor for one of them';
    }
    my $state = $magicmail->state;
    $state->{users}{abe}{status} = 'suspended';
    $magicmail->set_state($state);
    my ($finding) = @{FS::part_export::magicmail::Audit->new($plus)->run->{findings}};
    is $finding->{customer}, $bea->custnum,              'the customer who has it now';
    is $finding->{account},  'FREESIDE' . $ann->custnum, 'the account that it is on';
};

# After a merge the options name another account than that on record; somebody put a user
# there by hand.
sub merged {
    my $merged = Drift->new(magicmail => $magicmail, kinds => ['nothing']);
    my $isp    = $merged->isp;
    my ($ann, $bea) = map { $isp->customer } 1, 2;
    my $svc = $isp->provisioned($ann, username => 'ann');
    is $ann->merge($bea->custnum), q{}, 'a merge';
    my $account = 'FREESIDE' . $bea->custnum;
    my $state   = $magicmail->state;
    $state->{accounts}{$account} = {status => 'active', first_name => 'Bea', last_name => 'Lee'};
    $state->{users}{stray} =
        {account => $account, status => 'active', master_user => 'Y', packages => ['EMAIL']};
    $magicmail->set_state($state);
    return ($merged, $bea);
}

subtest 'an account that the options name is read, though no service is on it' => sub {
    my ($merged, $bea) = merged();
    for my $part ({}, {custnum => $bea->custnum}) {
        $magicmail->clear_log;
        my $result = FS::part_export::magicmail::Audit->new($merged->export, %{$part})->run;
        my ($found) = grep { m/stray/xi } keys_of($result);
        ok $found, 'the user there is found' or diag explain [keys_of($result)];
        is_deeply $result->{unread}, [], 'all was read';
        my $account = 'FREESIDE' . $bea->custnum;
        my @lists   = grep { $_->{path} eq '/user' && $_->{parameters}{account} eq $account } $magicmail->log;
        is scalar @lists, 1, 'it is read once' or diag explain [$magicmail->log];
    }
};

subtest 'nothing that was compared is no good news' => sub {
    my $empty  = Drift->new(magicmail => $magicmail, kinds => ['nothing']);
    my $nobody = $empty->isp->customer;
    my $result = FS::part_export::magicmail::Audit->new($empty->export, custnum => $nobody->custnum)->run;
    like $result->{unread}[0]{text}, qr/\Anothing [ ] was [ ] compared: [ ] customer [ ] \d+ [ ] has/x,
        'a customer';
    $magicmail->reset;
    my $isp     = ISP->open;
    my $export  = $isp->magicmail($magicmail);
    my ($error) = $isp->script($export, 'audit_export');
    like $error, qr/\Anothing [ ] was [ ] compared:/x, 'a server without services';
    $result = FS::part_export::magicmail::Audit->new($export)->run;
    like FS::part_export::magicmail::Findings::table($result), qr/nothing [ ] was [ ] compared/x,
        'in the table';
    $isp->provisioned($isp->customer, username => 'ann');
    $magicmail->faults({kind => 'status_500', on => 1, count => undef});
    $result = FS::part_export::magicmail::Audit->new($export)->run;
    unlike FS::part_export::magicmail::Findings::table($result), qr/no [ ] difference/x,
        'nor where nothing can be read';
    $magicmail->faults;
};

subtest 'a service in no package is left out, and said to be' => sub {
    my $odd = Drift->new(magicmail => $magicmail, kinds => ['nothing']);
    my $svc = $odd->isp->mailbox(undef, username => 'odd');
    {
        local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
        is $svc->insert, q{}, 'it is there';
    }
    my $result = FS::part_export::magicmail::Audit->new($odd->export)->run;
    is_deeply [keys_of($result)], [], 'no finding';
    is_deeply $result->{left_out},
        [{svcnum => $svc->svcnum, customer => 0, text => 'it is in no package of a customer'}], 'left out';
    is_deeply $result->{unread}, [], 'all else was read';
};

subtest "the link on the export's page" => sub {
    my $linked = Drift->new(magicmail => $magicmail);
    my ($error, @texts) = $linked->isp->script($linked->export, 'audit_export');
    my $all = 'The whole list: the command freeside-magicmail audit USER ' . $linked->export->exportnum;
    like $error, qr/\A\d+[ ]differences[ ]on[ ]\S+[ ]\Q$all\E[.]/x, 'how many differ, and how to see all';
    my ($finding) = grep { m/no[ ]mailbox/x } split m/(?=Customer[ ]\d)/x, $error;
    my $whose     = 'Customer 1, account FREESIDE1, mailbox';
    like $finding, qr/\A\Q$whose\E[ ]\S+:/x,                                    'whose it is';
    like $finding, qr/Freeside:[ ]service[ ]\d/x,                               'what Freeside has';
    like $finding, qr/MagicMail:[ ]there[ ]is[ ]no[ ]user/x,                    'what MagicMail has';
    like $finding, qr/Remedy:[ ]freeside-magicmail[ ]repair[ ]does:[ ]create/x, 'the remedy';
    like $error,   qr/And[ ]\d+[ ]more[.]\s*\z/x,                               'and how many more';
    cmp_ok length $error, q{<}, 1_600, 'at bounded length';
    like $texts[0],  qr/\A0,/x,   'progress from 0';
    like $texts[-1], qr/\A100,/x, 'to 100';
    my $fine = Drift->new(magicmail => $magicmail, kinds => ['nothing']);
    ($error) = $fine->isp->script($fine->export, 'audit_export');
    is $error, q{}, 'nothing where nothing differs';
    $fine->isp->employee('clerk');
    ($error) = $fine->isp->as(clerk => sub { $fine->isp->script($fine->export, 'audit_export') });
    like $error, qr/access [ ] right/x, 'for those who configure exports';
};

subtest 'the link tells one cause once, and of an export that nobody uses' => sub {
    my $none = Drift->new(magicmail => $magicmail);
    $magicmail->faults({kind => 'web_page', on => 1, count => undef});
    my ($error) = $none->isp->script($none->export, 'audit_export');
    my @causes = $error =~ m/web[ ]page/gx;
    is scalar @causes, 1, 'once' or diag $error;
    my ($others) = $error =~ m/FREESIDE\d+[ ]and[ ](\d+)[ ]others:/x;
    ok $others, 'with the accounts';
    $magicmail->faults;
    my $unused = $none->isp->magicmail($magicmail, definitions => []);
    ($error) = $none->isp->script($unused, 'audit_export');
    like $error, qr/on[ ]no[ ]service[ ]definition/x, 'the comparison says so';
    ($error) = $none->isp->script($unused, 'check_export');
    like $error, qr/on[ ]no[ ]service[ ]definition/x, 'so does the check';
};

subtest 'the test report compares the newest customers' => sub {
    my $new      = Drift->new(magicmail => $magicmail, kinds => [qw( suspended nothing )]);
    my $report   = FS::part_export::magicmail->test_export_report({fsurl => 'https://f'});
    my ($group)  = map { values %{$_} } grep { (keys %{$_})[0] =~ m/compared/x } @{$report};
    my ($svcnum) = map { m{suspended/(\d+)}x } $new->keys;
    my ($text)   = map { values %{$_->{errors}} } values %{$group->{errors}};
    like $text, qr/\AMailbox [ ] suspended, .* service [ ] $svcnum, /x, 'a difference';
    like $text, qr/user [ ] u2a [ ] is [ ] suspended/x,                 '... on both sides';
};

is_deeply \@warned, [], 'nothing to warn of';
done_testing;
