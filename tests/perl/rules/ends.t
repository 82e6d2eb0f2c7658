#!/usr/bin/perl

# How a hook ends when the network or the server fails: complete or as before; only
# where the undo cannot reach the server something is left, and named.

use strict;
use warnings;

use Test::More;

use ISP::Transaction qw( in_transaction );
use Rule             qw( :all );

## no critic (ProhibitPackageVars): Freeside's

sub jane { my ($owner) = @_; return isp->mailbox($owner, username => 'jane', finger => 'Jane Roe') }

# Each kind of failure at each request of a hook, by itself.
my @KINDS = qw( drop_before drop_after garbage_after error_document status_401 close_idle );

# Runs a hook with a failure at its first request, at its second and so on, until one
# is behind the last. Each begins with the same, and ends with what is wanted, or with
# an error and what was there before.
sub ends_complete_or_as_before {
    my ($hook) = @_;
    passes('undisturbed', sub { $hook->() });
    my ($complete, $requests) = (magicmail->state, magicmail->requests);
    $hook->('anew');
    my $before = magicmail->state;
    for my $kind (@KINDS) {
        for my $on (1 .. $requests) {
            magicmail->faults({kind => $kind, on => $on});
            my $text = text_of($hook);
            magicmail->faults;
            my $wanted = $text eq q{} ? $complete : $before;
            is_deeply magicmail->state, $wanted, "$kind at request $on: '$text'";
            $hook->('anew');
        }
    }
    return;
}

rule 'whatever_happens_at_whatever_request_a_provision_ends_complete_or_as_before',
    forms   => 1,
    options => {timeout => 2},
    sub {
    my $ann = isp->customer;
    ends_complete_or_as_before(
        sub {
            my ($anew) = @_;
            return $anew ? nothing_there() : jane($ann)->insert;
        }
    );
    };

rule 'whatever_happens_at_whatever_request_a_change_ends_complete_or_as_before',
    forms   => 1,
    options => {timeout => 2},
    sub {
    my $svc    = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my $before = magicmail->state;
    magicmail->clear_log;
    ends_complete_or_as_before(
        sub {
            my ($anew) = @_;
            return isp->change($svc, domain => 'example.org', finger => 'J Poe', _password => 'newer-word')
                if !$anew;
            local $FS::svc_Common::noexport_hack = 1;
            isp->change($svc, domain => 'example.net', finger => 'Jane Roe', _password => 'secret12');
            return magicmail->set_state($before);
        }
    );
    };

for my $hook (qw( suspend unsuspend )) {
    rule "whatever_happens_at_whatever_request_a_$hook\_ends_complete_or_as_before",
        forms   => 1,
        options => {timeout => 2},
        sub {
        my $svc = provision(isp->customer, username => 'jane');
        if ($hook eq 'unsuspend') {
            passes('suspended', sub { $svc->suspend })
        }
        my $before = magicmail->state;
        magicmail->clear_log;
        ends_complete_or_as_before(
            sub {
                my ($anew) = @_;
                return $anew ? magicmail->set_state($before) : $svc->$hook;
            }
        );
        };
}

rule 'where_the_undo_cannot_reach_the_server_each_thing_that_is_left_is_named',
    forms   => 1,
    options => {timeout => 1},
    sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    new_export(options => {package => 'GOLD', timeout => 1}, definitions => ['Gold']);
    magicmail->faults(
        {kind => 'error_document', method => 'POST', path => '/emailaddress'},
        {kind => 'drop_before',    method => 'POST', path => '/user/jane',          on => 2, count => undef},
        {kind => 'drop_before',    method => 'POST', path => '/user_package/first', on => 2, count => undef},
    );
    my $text = refused 'the hook', '; left in MagicMail, to be put right by hand: ',
        sub { isp->mailbox($ann, username => 'jane', definition => 'Gold')->insert };
    says $text, 'user jane on account FREESIDE1 (new)',   'the user';
    says $text, 'package GOLD on user first (remove it)', 'the package';
    ok magicmail->user('jane'), 'which are there';
    is_deeply [sort @{magicmail->user('first')->{packages}}], [qw( EMAIL GOLD )], 'indeed';
    };

rule 'what_an_unprovision_could_not_finish_is_named_and_a_repeat_finishes_it',
    forms   => 2,
    options => {timeout => 1},
    sub {
    my $ann   = isp->customer;
    my $first = provision($ann, username => 'first');
    provision($ann, username => 'heir');
    magicmail->faults({kind => 'gone', on => 2, method => 'POST'});
    in_transaction(
        sub {
            passes('once', sub { $first->delete });
            return 'something else failed'
        }
    );
    is magicmail->user('first')->{status}, 'deleted', 'it is marked';
    says heard(), 'could not make user heir the master', 'the rest is a warning';
    magicmail->faults;
    passes('again', sub { isp->fresh($first)->delete });
    server_is 'all is done', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user first on FREESIDE1, master, deleted "Ann" "Lee": EMAIL
user heir on FREESIDE1, master, active "Ann" "Lee": EMAIL
address first@example.net on first
address heir@example.net on heir
LINES
    };

# The server's word that there is no such thing, once.
sub denied {
    my ($path) = @_;
    my $error =
        '<response><error><code>account.error.not_found</code><message>None</message></error></response>';
    return {
        kind         => 'answer',
        method       => 'GET',
        path         => $path,
        status       => 200,
        content_type => 'text/xml',
        body         => $error
    };
}

rule 'an_account_that_others_are_on_is_never_purged_by_an_undo',
    forms   => 2,
    options => {timeout => 2},
    sub {
    change_server(
        sub {
            my ($state) = @_;
            $state->{accounts}{FREESIDE1} = {first_name => 'Ann', last_name => 'Lee', status => 'active'};
            $state->{users}{stranger} = {account => 'FREESIDE1', master_user => 'Y', packages => ['EMAIL']};
        }
    );
    my $before = magicmail->state;
    magicmail->faults(
        denied('/account/FREESIDE1'),
        {kind => 'drop_before', method => 'POST', path => '/account/FREESIDE1'},
    );
    refused 'the domain', 'left in MagicMail, to be put right by hand: account FREESIDE1 (new)',
        sub { isp->mailbox(isp->customer, username => 'jane', domain => 'elsewhere.example')->insert };
    is_deeply magicmail->state, $before, 'all of it is there';
    };

rule 'what_was_there_before_is_not_purged_where_a_read_did_not_show_it' => sub {
    change_server(
        sub { $_[0]{accounts}{FREESIDE1} = {first_name => 'A', last_name => 'L', status => 'active'} });
    my $before = magicmail->state;
    magicmail->faults(denied('/account/FREESIDE1'));
    my $ann = isp->customer;
    refused 'the domain', 'elsewhere.example',
        sub { isp->mailbox($ann, username => 'jane', domain => 'elsewhere.example')->insert };
    is_deeply magicmail->state, $before, 'the account is there, as before';
    magicmail->faults(denied('/account/FREESIDE1'));
    passes('another one', sub { jane($ann)->insert });
    is magicmail->user('jane')->{account}, 'FREESIDE1', 'goes to that account';
};

done_testing;
