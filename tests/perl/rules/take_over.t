#!/usr/bin/perl

# A user name that is taken by this very account and by no other service: the
# mailbox is taken over.

use strict;
use warnings;

use Test::More;

use FS::Record       qw( dbh );
use ISP::Transaction qw( in_transaction );
use Rule             qw( :all );

my $TAKEN_OVER = 'was on account FREESIDE1 already and was taken over (existing mail kept)';

# A mailbox that MagicMail has and Freeside does not: what is left of a try whose
# transaction was lost.
sub left_behind {
    my ($name, %user) = @_;
    return change_server(
        sub {
            my ($state) = @_;
            $state->{accounts}{FREESIDE1} ||= {first_name => 'Ann', last_name => 'Lee', status => 'active'};
            $state->{users}{$name} = {
                account       => 'FREESIDE1',
                first_name    => 'Former',
                last_name     => 'Name',
                password      => 'former-word',
                password_type => 'plain',
                master_user   => 'Y',
                status        => 'active',
                packages      => ['EMAIL'],
                %user
            };
        }
    );
}

rule 'what_an_earlier_try_left_is_taken_over_with_names_and_password_and_a_warning' => sub {
    left_behind('jane');
    provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    server_is 'all of it', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL
address jane@example.net on jane
LINES
    is password_of('jane'), 'plain secret12', 'its password';
    says heard(), "user jane $TAKEN_OVER", 'the error log says so';
    says join("\n", log_lines()), "warning: provisioned mailbox jane\@example.net: user jane $TAKEN_OVER",
        q{and Freeside's};
};

rule 'a_deleted_mailbox_that_was_not_purged_comes_back' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('jane')->{status}, 'deleted', 'it is marked deleted';
    provision($ann, username => 'jane', finger => 'Jane Roe', _password => 'newer-word');
    server_is 'it is back, and its account with it', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL
address jane@example.net on jane
LINES
    is password_of('jane'), 'plain newer-word', 'with the new password';
    says heard(), "user jane $TAKEN_OVER", 'with a warning';
};

rule 'this_very_service_exported_again_is_refreshed' => sub {
    my $jane   = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my $before = magicmail->state;
    passes(
        'again',
        sub {
            in_transaction(sub { export->export_insert($jane) })
        }
    );
    is_deeply magicmail->state, $before, 'nothing changes';
    unlike heard(), qr/taken[ ]over/x, 'nobody is warned of a takeover';
};

# Its account may be on record of another export of this machine, or of none, as with
# mailboxes of the module that Freeside ships: then only freeside-reexport tells.
for my $known (qw( on_record by_reexport )) {
    rule "a_mailbox_that_is_suspended_in_magicmail_stays_so_when_refreshed_$known" => sub {
        my $jane = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
        change_server(sub { $_[0]{users}{jane}{status} = 'suspended' });
        if ($known eq 'by_reexport') {
            ok dbh->do('DELETE FROM export_cust_svc'), 'nothing is on record';
            dbh->commit;
        }
        passes(
            'again',
            $known eq 'on_record'
            ? sub {
                in_transaction(sub { export->export_insert($jane) })
            }
            : sub { isp->reexport(export, $jane) }
        );
        is magicmail->user('jane')->{status}, 'suspended', 'whoever suspended it knows why';
        says heard(), 'user jane is suspended in MagicMail and stays so', 'a warning';
    };
}

rule 'a_password_that_cannot_be_sent_is_only_a_warning_of_a_refresh' => sub {
    my $jane = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    ok dbh->do(q{UPDATE svc_acct SET _password = '{SSHA}abc', _password_encoding = 'ldap'}),
        'another encoding';
    dbh->commit;
    passes('again', sub { isp->reexport(export, $jane) });
    is password_of('jane'), 'plain secret12', 'the old one stays';
    says heard(), 'the password was not sent: ', 'a warning';
};

rule 'a_mailbox_whose_package_is_suspended_in_freeside_is_taken_over_suspended' => sub {
    my $package = isp->package(isp->customer);
    my $svc     = provision($package, username => 'jane');
    passes('suspended', sub { $package->suspend });
    change_server(sub { $_[0]{users}{jane}{status} = 'active' });
    passes(
        'again',
        sub {
            in_transaction(sub { export->export_insert($svc) })
        }
    );
    is magicmail->user('jane')->{status}, 'suspended', 'it sleeps';
    change_server(sub { $_[0]{users}{jane}{status} = 'deleted' });
    passes(
        'once more',
        sub {
            in_transaction(sub { export->export_insert($svc) })
        }
    );
    is magicmail->user('jane')->{status}, 'suspended', 'also where it was deleted';
};

rule 'a_mailbox_of_an_export_that_never_suspends_is_taken_over_active' => sub {
    my $quiet   = new_export(no_suspend => 'Y', definitions => ['Quiet']);
    my $package = isp->package(isp->customer);
    my $svc     = provision($package, username => 'jane', definition => 'Quiet');
    passes('suspended', sub { $package->suspend });
    change_server(sub { $_[0]{users}{jane}{status} = 'deleted' });
    passes(
        'again',
        sub {
            in_transaction(sub { $quiet->export_insert($svc) })
        }
    );
    is magicmail->user('jane')->{status}, 'active', 'it is awake';
};

rule 'a_new_mailbox_in_a_suspended_package_is_made_suspended' => sub {
    my $package = isp->package(isp->customer);
    passes('suspended', sub { $package->suspend });
    provision($package, username => 'jane');
    is magicmail->user('jane')->{status}, 'suspended', 'it sleeps';
};

for my $status (qw( deleted suspended )) {
    rule "a_$status\_mailbox_is_$status\_again_when_a_later_step_fails_and_never_purged" => sub {
        left_behind('jane', status => $status);
        my $before = magicmail->state;
        my $text   = refused 'the domain', 'elsewhere.example',
            sub { isp->mailbox(isp->customer, username => 'jane', domain => 'elsewhere.example')->insert };
        is_deeply magicmail->state, $before, 'names, status and password are as before';
        says $text, 'what was done before it was undone', 'the text says so';
    };
}

rule 'its_names_and_status_are_put_back_where_the_password_could_not_be_set' => sub {
    left_behind('jane', status => 'deleted');
    my $before = magicmail->state;

    # The first request activates it.
    my %which = (on => 2, count => 2, method => 'POST', path => '/user/jane');
    magicmail->faults({kind => 'error_document', %which});
    refused 'the update', 'could not set names and password of user jane',
        sub { isp->mailbox(isp->customer, username => 'jane')->insert };
    is_deeply magicmail->state, $before, 'all as before';
};

rule 'an_old_password_that_cannot_be_put_back_is_named',
    options => {timeout => 1},
    sub {
    left_behind('jane');
    magicmail->faults({kind => 'drop_after', on => 1, count => 2, method => 'POST', path => '/user/jane'});
    my $text = refused 'the update', 'could not set names and password of user jane',
        sub { isp->mailbox(isp->customer, username => 'jane', finger => 'Former Name')->insert };
    is magicmail->user('jane')->{first_name}, 'Former', 'its names are put back';
    says $text, 'password of user jane (its old one cannot be known; set it again)',
        'the text says what is lost';
    };

rule 'the_address_that_it_has_already_is_no_matter' => sub {
    left_behind('jane');
    change_server(sub { $_[0]{addresses}{'jane@example.net'} = 'jane' });
    my @writes = writes_during(sub { provision(isp->customer, username => 'jane') });
    is scalar(grep { /emailaddress/x } @writes),          0,      'it is not added again';
    is magicmail->state->{addresses}{'jane@example.net'}, 'jane', 'it is there';
};

rule 'one_that_is_taken_over_where_there_is_no_master_becomes_it' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    left_behind('jane', master_user => 'N', packages => ['ADDITIONAL NOCOST MAILBOX']);
    change_server(sub { $_[0]{users}{first}{master_user} = 'N' });
    provision($ann, username => 'jane');
    is magicmail->user('jane')->{master_user}, 'Y', 'it is the master';
    is_deeply magicmail->user('jane')->{packages}, ['EMAIL'], 'with the packages of a master';
};

rule 'an_additional_one_that_is_taken_over_holds_the_package_of_additional_ones_alone' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    left_behind('jane', master_user => 'N', packages => ['EMAIL', 'OTHER']);
    provision($ann, username => 'jane');
    server_is 'its packages', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user first on FREESIDE1, master, active "Ann" "Lee": EMAIL
user jane on FREESIDE1, active "Ann" "Lee": ADDITIONAL NOCOST MAILBOX
address first@example.net on first
address jane@example.net on jane
LINES
};

rule 'one_that_was_the_master_once_is_an_additional_one_when_it_comes_back' => sub {
    my $ann   = isp->customer;
    my $first = provision($ann, username => 'first');
    provision($ann, username => 'second');
    passes('unprovisioned', sub { $first->delete });
    is magicmail->user('second')->{master_user}, 'Y', 'the second one is master';
    provision($ann, username => 'first');
    is_deeply magicmail->user('first')->{packages},  ['ADDITIONAL NOCOST MAILBOX'], 'its packages';
    is_deeply magicmail->user('second')->{packages}, ['EMAIL'],                     q{the master's};
    says heard(),
        'user first is still marked as a master of account FREESIDE1, though it is an additional user now',
        'a warning';
};

done_testing;
