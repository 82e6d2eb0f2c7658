#!/usr/bin/perl

# Unprovision: the mailbox is marked deleted, what it leaves behind is put in
# order, and nothing is taken for granted that the server did not say.

use strict;
use warnings;

use Test::More;

use FS::Record qw( qsearchs );
use Rule       qw( :all );

# The answer of the server to the next question for an account's users.
sub list_is {
    my ($body) = @_;
    return magicmail->faults(
        {
            kind         => 'answer',
            on           => 1,
            method       => 'GET',
            path         => '/user',
            exact        => \1,
            status       => 200,
            content_type => 'text/xml',
            body         => $body
        }
    );
}

rule 'a_user_that_is_not_there_is_warned_about_and_the_service_goes' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    change_server(sub { $_[0]{users} = {}; $_[0]{addresses} = {} });
    my $before = magicmail->state;
    my @writes = writes_during(
        sub {
            passes('unprovisioned', sub { $svc->delete })
        }
    );
    is isp->fresh($svc), undef, 'gone in Freeside';
    is_deeply \@writes,         [],      'nothing is changed';
    is_deeply magicmail->state, $before, 'indeed';
    says heard(), 'there is no user jane in MagicMail; nothing was left to unprovision', 'a warning';
};

for my $fault (qw( status_500 web_page garbage error_document status_401 )) {
    rule "a_user_that_cannot_be_asked_for_is_not_taken_for_absent_after_$fault" => sub {
        my $svc    = provision(isp->customer, username => 'jane');
        my $before = magicmail->state;
        magicmail->faults({kind => $fault, on => 1, count => undef, method => 'GET', path => '/user'});
        refused 'the hook', 'cannot unprovision mailbox jane@example.net: could not read ',
            sub { $svc->delete };
        ok isp->fresh($svc),                               'Freeside keeps the service';
        ok qsearchs('cust_svc', {svcnum => $svc->svcnum}), 'and its place';
        is_deeply magicmail->state, $before, 'nothing is changed';
    };
}

rule 'a_user_on_another_account_is_left_alone_and_the_unprovision_refused' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    change_server(
        sub {
            $_[0]{accounts}{OTHER7} = {first_name => 'O', last_name => 'P', status => 'active'};
            $_[0]{users}{jane}{account} = 'OTHER7';
        }
    );
    my $before = magicmail->state;
    refused 'the hook', 'user jane belongs to account OTHER7, not FREESIDE1', sub { $svc->delete };
    is_deeply magicmail->state, $before, 'nothing is changed';
    ok isp->fresh($svc), 'Freeside keeps the service';
};

rule 'without_autopurge_the_last_one_is_marked_deleted_and_its_account_too' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    server_is 'marked, with its address', <<'LINES';
account FREESIDE1 deleted "Ann" "Lee"
user jane on FREESIDE1, master, deleted "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
    is isp->fresh($svc), undef, 'gone in Freeside';
    provision($ann, username => 'jane');
    is magicmail->user('jane')->{status}, 'active', 'both can be brought back';
};

rule 'a_repeat_finishes_what_was_left' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $svc = provision($ann, username => 'jane');
    change_server(
        sub { $_[0]{users}{jane}{status} = 'deleted'; $_[0]{users}{first}{packages} = ['EMAIL', 'GOLD'] });
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('jane')->{status}, 'deleted', 'it stays deleted';
    is_deeply magicmail->user('first')->{packages}, ['EMAIL'], 'the packages are in line';
};

my %NOT_BELIEVED = (
    empty   => '<response><users/></response>',
    strange =>
        '<response><users><user id="BOB" account="FREESIDE1" master_user="N" status="active"/></users></response>',
);

for my $list (sort keys %NOT_BELIEVED) {
    for my $purge (q{}, 1) {
        my $how = $purge ? 'with' : 'without';
        rule "a_list_that_lacks_the_user_itself_is_not_believed_${list}_$how\_autopurge",
            options => {autopurge => $purge},
            sub {
            my $svc = provision(isp->customer, username => 'jane');
            change_server(
                sub { $_[0]{users}{bob} = {%{$_[0]{users}{jane}}, master_user => 'N', packages => []} });
            list_is($NOT_BELIEVED{$list});
            passes('unprovisioned', sub { $svc->delete });
            is magicmail->user('bob')->{master_user},     'N',      'no hand-over';
            is magicmail->account('FREESIDE1')->{status}, 'active', 'the account stays';
            says heard(),
                "the server's list of the users of account FREESIDE1 does not show user jane or the other "
                . "services' users, so it was not trusted",
                'a warning';
            my $user = magicmail->user('jane');
            $purge ? is $user, undef, 'the mailbox is purged' : is $user->{status}, 'deleted',
                'the mailbox is deleted';
            };
    }
}

rule 'an_empty_list_where_freeside_knows_other_services_decides_nothing' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    provision($ann, username => 'other');
    list_is('<response><users/></response>');
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('jane')->{status},         'deleted', 'its own user, who was read directly, is marked';
    is magicmail->user('other')->{master_user},   'N',       'no hand-over';
    is magicmail->account('FREESIDE1')->{status}, 'active',  'the account stays';
    says heard(), 'so it was not trusted', 'a warning';
};

rule 'a_mark_that_fails_is_fatal' => sub {
    my $svc    = provision(isp->customer, username => 'jane');
    my $before = magicmail->state;
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/jane'});
    refused 'the hook', 'could not mark user jane deleted', sub { $svc->delete };
    ok isp->fresh($svc), 'Freeside keeps the service';
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'what_fails_after_the_mark_is_only_warned_about' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'first');
    provision($ann, username => 'heir');
    magicmail->faults(
        {kind => 'error_document', on => 1, count => undef, method => 'POST', path => '/user/heir'},
        {kind => 'error_document', on => 1, count => undef, method => 'POST', path => '/user_package/heir'},
    );
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('first')->{status}, 'deleted', 'it is marked';
    is isp->fresh($svc),                   undef,     'gone in Freeside';
    says heard(),                 'could not make user heir the master',                'what is unfinished';
    says heard(),                 'could not assign package EMAIL to user heir',        'is named';
    says join("\n", log_lines()), 'warning: unprovisioned mailbox first@example.net: ', q{in Freeside's log};
};

# One request after the mark is refused, once: who is to be the master is not made so.
sub interrupted {
    my ($svc, %fault) = @_;
    magicmail->faults({kind => 'status_401', on => 1, method => 'POST', path => '/user/heir', %fault});
    passes('unprovisioned', sub { $svc->delete });
    magicmail->faults;
    is magicmail->user('heir')->{master_user}, 'N', 'it is not the master';
    says heard(), q{a job in Freeside's queue does the rest}, 'a warning says who does it';
    is_deeply [map { $_->job } isp->jobs], ['FS::part_export::magicmail::finish_job'], 'a job';
    return;
}

rule 'one_401_after_the_mark_at_the_hand_over_of_the_master_is_mended_by_a_job' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'first');
    provision($ann, username => 'heir');
    interrupted($svc);
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'which runs';
    server_is 'the heir is the master', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user first on FREESIDE1, master, deleted "Ann" "Lee": EMAIL
user heir on FREESIDE1, master, active "Ann" "Lee": EMAIL
address first@example.net on first
address heir@example.net on heir
LINES
    says join("\n", log_lines()), 'finished the unprovision of mailbox first@example.net: ',
        q{in Freeside's log};
};

for my $later (q{}, 1) {
    my $when = $later ? 'once_it_is_committed' : 'at_once';
    rule "the_job_that_finishes_purges_what_was_to_be_purged_$when",
        options => {autopurge => 1, purge_after_commit => $later},
        sub {
        my $ann = isp->customer;
        my $svc = provision($ann, username => 'first');
        provision($ann, username => 'heir');
        interrupted($svc);
        is magicmail->user('first')->{status}, 'deleted', 'it is marked';
        is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'the job runs';
        server_is 'the heir alone', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user heir on FREESIDE1, master, active "Ann" "Lee": EMAIL
address heir@example.net on heir
LINES
        };
}

rule 'the_job_that_finishes_purges_nothing_after_a_change_of_definition',
    options => {autopurge => 1},
    sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'first');
    provision($ann, username => 'heir');
    passes('moved', sub { isp->change_definition($svc, 'Plain') });
    magicmail->faults({kind => 'status_401', on => 1, method => 'POST', path => '/user/heir'});
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}, q{}], 'a job unprovisions, another one finishes';
    heard();    # what a job warns of is in the log of the process that runs it
    is magicmail->user('heir')->{master_user}, 'Y',       'the heir is the master';
    is magicmail->user('first')->{status},     'deleted', 'it is not purged';
    };

my %MEANWHILE = (
    'is_provisioned_again' => sub { my ($ann) = @_; provision($ann, username => 'first'); return },
    'is_in_use_again'      => sub {
        change_server(sub { $_[0]{users}{first}{status} = 'active' });
        return;
    },
    'is_another_customers' => sub {
        change_server(sub { delete $_[0]{users}{first}; delete $_[0]{addresses}{'first@example.net'} });
        provision(isp->customer(first => 'Bob'), username => 'first', domain => 'example.org');
        return;
    },
    'nobody_of_this_freeside_has' => sub {
        change_server(
            sub {
                $_[0]{accounts}{OTHER7} = {first_name => 'O',      last_name => 'P',      status => 'active'};
                $_[0]{users}{first}     = {account    => 'OTHER7', status    => 'active', master_user => 'Y'};
                delete $_[0]{addresses}{'first@example.net'};
            }
        );
        return;
    },
);

for my $case (sort keys %MEANWHILE) {
    rule "the_job_that_finishes_leaves_a_mailbox_alone_that_$case",
        options => {autopurge => 1},
        sub {
        my $ann = isp->customer;
        my $svc = provision($ann, username => 'first');
        provision($ann, username => 'heir');
        interrupted($svc);
        $MEANWHILE{$case}->($ann);
        my $before = magicmail->state;
        is_deeply [map { $_->{error} } isp->run_jobs], [q{}],                   'the job runs';
        is_deeply magicmail->user('first'),            $before->{users}{first}, 'it is as it was';
        is_deeply magicmail->state->{addresses},       $before->{addresses},    'so are the addresses';
        is scalar isp->jobs, 0, 'no job is left for the nightly run';
        return if $case eq 'is_provisioned_again';
        says join("\n", log_lines()), 'warning: unprovision of mailbox first@example.net: user first ',
            'a warning begins with the mailbox';
        };
}

rule 'a_job_that_cannot_finish_stays_with_its_text_and_is_tried_again' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'first');
    provision($ann, username => 'heir');
    interrupted($svc);
    magicmail->faults(
        {kind => 'error_document', on => 1, count => undef, method => 'POST', path => '/user/heir'});
    my ($done) = isp->run_jobs;
    says $done->{error},
        'cannot finish the unprovision of mailbox first@example.net: could not make user heir',
        'what could not be done';
    says $done->{error}, 'left to do: make user heir the master', 'what is left';
    magicmail->faults;
    is FS::part_export::magicmail::Jobs::retry_failed(), 1, 'the nightly run';
    is_deeply [map { $_->{error} } isp->run_jobs], [q{}], 'lets it run again';
    is magicmail->user('heir')->{master_user}, 'Y', 'the heir is the master';
    is scalar isp->jobs,                       0,   'nothing is left to do';
};

rule 'the_oldest_remaining_service_becomes_master_with_the_packages_of_all' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    my $first = provision($ann, username => 'zoe');
    provision($ann, username => 'mia');
    provision($ann, username => 'amy', definition => 'Gold');
    passes('unprovisioned', sub { $first->delete });
    server_is 'the heir', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user amy on FREESIDE1, active "Ann" "Lee": ADDITIONAL NOCOST MAILBOX
user mia on FREESIDE1, master, active "Ann" "Lee": EMAIL, GOLD
user zoe on FREESIDE1, master, deleted "Ann" "Lee": EMAIL, GOLD
address amy@example.net on amy
address mia@example.net on mia
address zoe@example.net on zoe
LINES
};

my %NO_HEIR = (
    deleted              => sub { $_[0]{status}  = 'deleted' },
    'on_another_account' => sub { $_[0]{account} = 'OTHER7' },
);

for my $case (sort keys %NO_HEIR) {
    rule "a_user_that_is_$case\_is_no_heir" => sub {
        my $ann = isp->customer;
        my ($first) = map { provision($ann, username => $_) } qw( one two three );
        change_server(
            sub {
                $_[0]{accounts}{OTHER7} = {first_name => 'O', last_name => 'P', status => 'active'};
                $NO_HEIR{$case}->($_[0]{users}{two});
            }
        );
        passes('unprovisioned', sub { $first->delete });
        is magicmail->user('three')->{master_user}, 'Y', 'the next one is';
        is magicmail->user('two')->{master_user},   'N', 'that one is not';
    };
}

rule 'a_suspended_service_may_be_the_heir' => sub {
    my $ann     = isp->customer;
    my $package = isp->package($ann);
    my $first   = provision($ann, username => 'first');
    provision($package, username => 'asleep');
    passes('suspended',     sub { $package->suspend });
    passes('unprovisioned', sub { isp->fresh($first)->delete });
    is magicmail->user('asleep')->{master_user}, 'Y',         'it is the master';
    is magicmail->user('asleep')->{status},      'suspended', 'and goes on sleeping';
};

rule 'a_master_that_stays_loses_the_packages_that_went_with_the_service' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'first');
    my $gold = provision($ann, username => 'gold', definition => 'Gold');
    is_deeply [sort @{magicmail->user('first')->{packages}}], [qw( EMAIL GOLD )], 'before';
    passes('unprovisioned', sub { $gold->delete });
    is_deeply magicmail->user('first')->{packages}, ['EMAIL'], 'after';
    is magicmail->account('FREESIDE1')->{status}, 'active', 'the account stays';
};

rule 'where_another_user_remains_that_is_no_service_the_account_stays' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    change_server(sub { $_[0]{users}{stranger} = {%{$_[0]{users}{jane}}, master_user => 'N', packages => []} }
    );
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->account('FREESIDE1')->{status},  'active', 'active';
    is magicmail->user('stranger')->{master_user}, 'N',      'who is not Freeside\'s is not made master';
};

done_testing;
