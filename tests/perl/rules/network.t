#!/usr/bin/perl

# When the network or the server fails: what is tried again, what is looked up,
# and which answers are none. How a hook then ends is in ends.t.

use strict;
use warnings;

use Test::More;

use Rule qw( :all );

# The writes of a customer's first mailbox.
my @WRITES = qw( /account/FREESIDE1 /user/jane /user_package/jane /emailaddress/jane@example.net );

my $WHOLE = <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL
address jane@example.net on jane
LINES

sub jane { my ($owner) = @_; return isp->mailbox($owner, username => 'jane', finger => 'Jane Roe') }

sub requests_of {
    my ($method, $path) = @_;
    return grep { $_->{method} eq $method && $_->{path} eq $path } magicmail->log;
}

for my $status (502, 503, 504) {
    rule "a_read_with_status_$status\_is_tried_two_more_times_after_growing_pauses",
        forms => 2,
        sub {
        my $svc = provision(isp->customer, username => 'jane');
        magicmail->faults({kind => "status_$status", count => 2, method => 'GET', path => '/user/jane'});
        magicmail->clear_log;
        passes('changed', sub { isp->change($svc, finger => 'Jane Roe') });
        my @at = map { $_->{at_ms} } requests_of(GET => '/user/jane');
        is scalar @at, 3, 'three tries';
        cmp_ok $at[1] - $at[0], q{>=}, 99,  'a short pause';
        cmp_ok $at[2] - $at[1], q{>=}, 299, 'then a longer one';
        };
}

rule 'a_read_is_tried_no_more_than_three_times',
    forms => 2,
    sub {
    my $svc    = provision(isp->customer, username => 'jane');
    my $before = magicmail->state;
    magicmail->faults({kind => 'status_503', count => undef});
    magicmail->clear_log;
    refused 'the change', 'could not read user jane: the server is not available (status 503)',
        sub { isp->change($svc, finger => 'Jane Roe') };
    is_deeply [magicmail->request_lines], [('GET /user/jane') x 3], 'three tries, and nothing else';
    is_deeply magicmail->state,           $before,                  'nothing is changed';
    };

for my $kind (qw( status_500 error_document web_page garbage )) {
    rule "a_read_that_was_answered_with_$kind\_is_not_tried_again",
        forms => 2,
        sub {
        my $svc = provision(isp->customer, username => 'jane');
        magicmail->faults({kind => $kind, count => 1, method => 'GET', path => '/user/jane'});
        magicmail->clear_log;
        refused 'the change', 'could not read user jane: ', sub { isp->change($svc, finger => 'Jane Roe') };
        is_deeply [magicmail->request_lines], ['GET /user/jane'], 'once';
        };
}

for my $kind (qw( refused close_idle drop_before cut_short )) {
    rule "a_read_is_tried_again_after_$kind" => sub {
        my $svc = provision(isp->customer, username => 'jane');
        my %for = $kind eq 'refused' ? (for_ms => 60) : ();
        magicmail->faults({kind => $kind, %for});
        passes('changed', sub { isp->change($svc, finger => 'Jane Roe') });
        is magicmail->user('jane')->{last_name}, 'Roe', 'it is changed';
    };
}

for my $kind (
    qw( drop_after cut_short garbage_after status_500_after status_502_after error_document_after empty_body no_record )
    )
{
    rule "a_write_that_took_effect_is_looked_up_and_goes_on_after_$kind" => sub {
        my $ann = isp->customer;
        for my $path (@WRITES) {
            nothing_there();
            magicmail->faults({kind => $kind, method => 'POST', path => $path});
            passes($path, sub { jane($ann)->insert });
            server_is "$path: everything is there", $WHOLE;

            # A user whom the server refused to make may have been there before, and is taken over.
            my $sent = $kind eq 'error_document_after' && $path =~ m{\A/user/}x ? 2 : 1;
            is scalar requests_of(POST => $path), $sent, "$path: it was not made again";

            # What a user's list of addresses lacks is not on the user; an address's own record need not tell.
            my $probe = $path =~ m{\A/emailaddress/}x ? '/emailaddress' : $path;
            cmp_ok scalar requests_of(GET => $probe), q{>=}, 1, "$path: it was looked up";
        }
    };
}

rule 'a_write_that_did_not_take_effect_is_tried_once_more',
    forms   => 2,
    options => {timeout => 2},
    sub {
    my $ann = isp->customer;
    for my $path (@WRITES) {
        nothing_there();
        magicmail->faults({kind => 'drop_before', method => 'POST', path => $path});
        passes($path, sub { jane($ann)->insert });
        server_is "$path: everything is there", $WHOLE;
        is scalar requests_of(POST => $path), 2, "$path: it was sent twice";
    }
    };

rule 'a_write_that_fails_a_second_time_is_a_failure_and_what_was_done_is_undone',
    forms   => 1,
    options => {timeout => 2},
    sub {
    my $ann = isp->customer;
    for my $path (@WRITES) {
        nothing_there();
        magicmail->faults({kind => 'drop_before', count => 2, method => 'POST', path => $path});
        refused $path, 'could not ', sub { jane($ann)->insert };
        server_is "$path: nothing is left", q{};
    }
    };

rule 'a_write_is_looked_up_again_after_a_pause_for_a_server_that_lags',
    modes   => {lag_ms  => 250},
    options => {timeout => 4},
    forms   => 2,
    sub {
    magicmail->faults({kind => 'drop_after', method => 'POST', path => '/user/jane'});
    passes('provisioned', sub { jane(isp->customer)->insert });
    magicmail->modes(lag_ms => 0);
    server_is 'everything is there', $WHOLE;
    my @creations = grep { !defined $_->{parameters}{action} } requests_of(POST => '/user/jane');
    is scalar @creations, 1, 'it was sent once';
    };

rule 'a_write_that_cannot_be_told_is_among_what_is_undone_and_the_text_says_so' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $before = magicmail->state;
    magicmail->faults(
        {kind => 'drop_after', method => 'POST', path => '/user/jane'},
        {kind => 'status_500', method => 'GET',  path => '/user/jane', on => 2, count => 2},
    );
    my $text = refused 'the user', 'could not create user jane on account FREESIDE1: ',
        sub { jane($ann)->insert };
    says $text, '; it is not known whether it was done all the same', 'the doubt';
    says $text, '; what was done before it was undone',               'the undo';
    is_deeply magicmail->state, $before, 'as before';
};

rule 'what_can_neither_be_told_nor_undone_is_named_as_possible',
    forms   => 2,
    options => {timeout => 4},
    sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    magicmail->faults(
        {kind => 'drop_after', method => 'POST', path => '/user/jane'},
        {kind => 'status_500', method => 'GET',  path => '/user/jane', on => 2, count => undef},
    );
    refused 'the user',
        'left in MagicMail, to be put right by hand: possibly: user jane on account FREESIDE1 (new)',
        sub { jane($ann)->insert };
    ok magicmail->user('jane'), 'it is indeed';
    };

# All that a read or a write of this test is to give.
my $RECORDS = '<response><account id="FREESIDE1" status="active"/>'
    . '<user id="JANE" account="FREESIDE1" master_user="Y" status="active"/></response>';

my %NO_ANSWER = (
    'a_web_page'                  => {kind => 'web_page'},
    'a_web_page_with_status_500'  => {kind => 'status_500'},
    'a_400_without_an_error'      => {kind => 'answer', status => 400, body => $RECORDS},
    'a_500_without_an_error'      => {kind => 'answer', status => 500, body => $RECORDS},
    'a_document_without_a_record' => {kind => 'answer', status => 200, body => '<response/>'},
    'nothing'                     => {kind => 'empty_body_before'},
    'no_document'                 => {kind => 'garbage'},
);

for my $answer (sort keys %NO_ANSWER) {
    my %fault = %{$NO_ANSWER{$answer}};
    if ($fault{kind} eq 'answer') { $fault{content_type} = 'text/xml' }
    rule "a_read_answered_with_$answer\_is_a_failure",
        forms => 1,
        sub {
        magicmail->faults({%fault, method => 'GET', path => '/account/', count => undef});
        refused 'the hook', 'could not read account FREESIDE1: the server',
            sub { jane(isp->customer)->insert };
        server_is 'nothing is changed', q{};
        };
    rule "a_write_answered_with_$answer\_is_in_doubt_and_looked_up",
        forms   => 1,
        options => {timeout => 2},
        sub {
        magicmail->faults({%fault, method => 'POST', path => '/user/jane'});
        passes('provisioned', sub { jane(isp->customer)->insert });
        server_is 'everything is there', $WHOLE;
        };
}

for my $body (qw( length chunked close )) {
    rule "a_close_without_goodbye_is_no_failure_where_the_answer_was_whole_$body",
        modes => {close_notify => \0, keep_alive => \0, body => $body},
        sub {
        my $svc = jane(isp->customer);
        passes('provisioned', sub { $svc->insert });
        server_is 'everything is there', $WHOLE;
        passes('changed',       sub { isp->change($svc, domain => 'example.org') });
        passes('unprovisioned', sub { isp->fresh($svc)->delete });
        is heard() =~ /could[ ]not/x ? 1 : 0, 0, 'and nothing was warned about';
        };
}

rule 'a_server_that_answers_every_write_with_nothing_is_asked_for_what_is_needed',
    forms   => 3,
    modes   => {empty_writes => \1},
    options => {timeout      => 2},
    sub {
    my $package = isp->package(isp->customer);
    my $svc     = jane($package);
    my @before  = requests_during(
        sub {
            passes('provisioned', sub { $svc->insert })
        }
    );
    server_is 'everything is there', $WHOLE;
    ok scalar(grep { $_ eq 'GET /user/jane' } @before), 'the user was looked up';
    provision($package, username => 'other');
    passes('changed',     sub { isp->change($svc, domain => 'example.org', _password => 'newer-word') });
    passes('suspended',   sub { $package->suspend });
    passes('unsuspended', sub { isp->fresh($package)->unsuspend });
    is password_of('jane'), 'plain newer-word', 'the password';
    passes('unprovisioned', sub { isp->fresh($svc)->delete });
    server_is 'the other one is the master', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, deleted "Jane" "Roe": EMAIL
user other on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.org on jane
address other@example.net on other
LINES
    };

rule 'after_a_purge_that_answers_with_nothing_nothing_is_looked_up',
    modes   => {nothing_to_read => 'no_body'},
    options => {autopurge       => 1},
    sub {
    my $svc      = jane(isp->customer);
    my @requests = do {
        passes('provisioned', sub { $svc->insert });
        requests_during(
            sub {
                passes('unprovisioned', sub { isp->fresh($svc)->delete })
            }
        );
    };
    my ($mark) = grep { $requests[$_] =~ /\APOST/x } 0 .. $#requests;
    my @reads = grep { /\AGET/x } @requests[$mark .. $#requests];
    is_deeply [sort @reads], ['GET /account/FREESIDE1', 'GET /user'],
        'after the mark only what tells whether anybody is left on the account';
    emptied_is_gone();
    };

done_testing;
