#!/usr/bin/perl

# Provision: what a service that is inserted brings about, and what becomes of
# the customer when a part of it fails.

use strict;
use warnings;

use Test::More;

use FS::Record qw( qsearchs );
use Rule       qw( :all );

## no critic (ProhibitPackageVars): Freeside's

# The row of a service in Freeside, by its user name.
sub row { my ($username) = @_; return qsearchs('svc_acct', {username => $username}) }

rule 'a_first_mailbox_makes_account_user_package_and_address' => sub {
    my $jane = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    server_is 'everything is there', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL
address jane@example.net on jane
LINES
    is password_of('jane'),                      'plain secret12', 'with its password';
    is row('jane')->svcnum,                      $jane->svcnum,    'Freeside has the row';
    is scalar isp->jobs,                         0,                'nothing is left to the queue';
    is scalar(grep { !/\Ainfo:/x } log_lines()), 0,                'nothing to warn of';
};

rule 'a_first_mailbox_takes_at_most_six_requests_on_connections_that_are_kept' => sub {
    my @requests = requests_during(sub { provision(isp->customer, username => 'jane') });
    cmp_ok scalar @requests, q{<=}, 6, 'requests' or diag join "\n", @requests;
    my $before = magicmail->connections->{opened};
    provision(isp->customer, username => 'joe');
    is magicmail->connections->{opened}, $before, 'the next one opens no connection';
};

rule 'a_customer_is_an_account_and_a_service_a_user' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $package = isp->package($ann);
    provision($package, username => 'one');
    provision($ann,     username => 'two');
    provision($bob,     username => 'three');
    server_is 'two accounts, three users', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
account FREESIDE2 active "Bob" "Lee"
user one on FREESIDE1, master, active "Ann" "Lee": EMAIL
user three on FREESIDE2, master, active "Bob" "Lee": EMAIL
user two on FREESIDE1, active "Ann" "Lee": ADDITIONAL NOCOST MAILBOX
address one@example.net on one
address three@example.net on three
address two@example.net on two
LINES
};

rule 'an_account_that_is_there_keeps_its_names' => sub {
    change_server(
        sub { $_[0]{accounts}{FREESIDE1} = {first_name => 'Old', last_name => 'Name', status => 'active'} });
    provision(isp->customer, username => 'jane');
    server_is 'its names', <<'LINES';
account FREESIDE1 active "Old" "Name"
user jane on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
};

for my $status (qw( suspended deleted )) {
    rule "a_$status\_account_is_made_active_before_the_user_is_made" => sub {
        change_server(
            sub { $_[0]{accounts}{FREESIDE1} = {first_name => 'Ann', last_name => 'Lee', status => $status} }
        );
        my @writes = writes_during(sub { provision(isp->customer, username => 'jane') });
        is $writes[0], 'POST /account/FREESIDE1 action=update status=active', 'first';
        server_is 'then the user', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
    };
}

rule 'an_additional_mailbox_holds_the_package_of_additional_ones_and_nothing_else' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my @writes = writes_during(sub { provision($ann, username => 'second', finger => 'Second One') });
    server_is 'both', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user first on FREESIDE1, master, active "Ann" "Lee": EMAIL
user second on FREESIDE1, active "Second" "One": ADDITIONAL NOCOST MAILBOX
address first@example.net on first
address second@example.net on second
LINES
    is scalar @writes, 2, 'which the server gives it by itself';
};

rule 'the_master_is_the_user_who_is_so_marked_not_the_oldest_one' => sub {
    my $ann = isp->customer;
    provision($ann, username => $_) for qw( first second );
    change_server(
        sub {
            my ($state) = @_;
            $state->{users}{first}  = {%{$state->{users}{first}},  master_user => 'N', packages => []};
            $state->{users}{second} = {%{$state->{users}{second}}, master_user => 'Y', packages => ['EMAIL']};
        }
    );
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'third', definition => 'Gold');
    is_deeply [sort @{magicmail->user('second')->{packages}}], [qw( EMAIL GOLD )], 'it has the packages';
    is magicmail->user('third')->{master_user}, 'N', 'and the new one is no master';
};

rule 'of_several_masters_the_one_of_the_oldest_service_counts_and_a_warning_says_so' => sub {
    my $ann = isp->customer;
    provision($ann, username => $_) for qw( zoe amy );
    change_server(sub { $_[0]{users}{amy}{master_user} = 'Y'; $_[0]{users}{amy}{packages} = [] });
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'third', definition => 'Gold');
    is_deeply [sort @{magicmail->user('zoe')->{packages}}], [qw( EMAIL GOLD )], 'the oldest holds them';
    says heard(), 'account FREESIDE1 has 2 users that are marked as its master (amy, zoe); zoe counts',
        'a warning';
};

rule 'where_there_is_no_master_the_new_user_becomes_it' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    change_server(sub { $_[0]{users}{first}{master_user} = 'N' });
    provision($ann, username => 'second');
    is magicmail->user('second')->{master_user}, 'Y', 'made so, as the server did not';
    is_deeply magicmail->user('second')->{packages}, ['EMAIL'], 'with the packages of a master';
};

rule 'a_master_that_is_deleted_is_none' => sub {
    my $ann = isp->customer;
    provision($ann, username => $_) for qw( first second );
    change_server(sub { $_[0]{users}{first}{status} = 'deleted' });
    provision($ann, username => 'third');
    is magicmail->user('third')->{master_user}, 'Y', 'the new one is it';
    is_deeply magicmail->user('third')->{packages}, ['EMAIL'], 'with the packages of a master';
    is magicmail->user('first')->{status}, 'deleted', 'the deleted one stays so';
};

rule 'an_empty_list_where_freeside_knows_services_is_a_failure' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $before = magicmail->state;
    magicmail->faults(
        {
            kind         => 'answer',
            on           => 1,
            method       => 'GET',
            path         => '/user',
            exact        => \1,
            status       => 200,
            content_type => 'text/xml',
            body         => '<response><users/></response>',
        }
    );
    refused 'the list',
        'the server lists no users on account FREESIDE1, but Freeside has 1 other service there',
        sub { isp->mailbox($ann, username => 'second')->insert };
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'services_that_were_never_exported_keep_no_customer_from_being_provisioned' => sub {
    my $ann = isp->customer;
    provision($ann, username => $_) for qw( first second );
    change_server(sub { $_[0]{users} = {}; $_[0]{addresses} = {} });
    provision($ann, username => 'third');
    is magicmail->user('third')->{status},      'active', 'it is there';
    is magicmail->user('third')->{master_user}, 'Y',      'and the master of its account';
    change_server(sub { $_[0]{$_} = {} for qw( accounts users addresses ) });
    provision($ann, username => 'fourth');
    is magicmail->user('fourth')->{master_user}, 'Y', 'on an account that is not there, too';
};

rule 'the_packages_of_a_master_are_those_of_all_services_and_no_others' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'first');
    provision($ann, username => 'gold', definition => 'Gold');
    change_server(sub { $_[0]{users}{first}{packages} = ['EMAIL', 'LEFT OVER'] });
    provision($ann, username => 'third');
    is_deeply [sort @{magicmail->user('first')->{packages}}], [qw( EMAIL GOLD )],
        'what lacked is assigned, what was too much removed';
};

my @NOT_STORED = (small => 'a real Freeside stores no such service');
my %LACKS      = (
    'without_a_customer'  => [sub { isp->mailbox(undef,         username => 'jane') }, 'it is in no package'],
    'without_a_user_name' => [sub { isp->mailbox(isp->customer, username => q{}) },    'has no user name'],
    'without_a_domain'    =>
        [sub { isp->mailbox(isp->customer, username => 'jane', domain => undef) }, 'has no domain'],
);

for my $lack (sort keys %LACKS) {
    my ($service, $why) = @{$LACKS{$lack}};
    rule "a_service_$lack\_is_refused_before_any_request", $lack eq 'without_a_customer' ? () : @NOT_STORED,
        sub {
        my $svc = $service->();
        local $FS::svc_acct::global_unique = 'disabled';
        my @requests = requests_during(
            sub {
                refused $lack, $why, sub { $svc->insert }
            }
        );
        is_deeply \@requests, [], 'no request';
        is isp->fresh($svc), undef, 'rolled back';
        };
}

rule 'a_user_name_of_another_account_is_refused_naming_that_account' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    provision($bob, username => 'jane', domain => 'example.org');
    my $before = magicmail->state;
    refused 'to a customer who has no account yet', 'user jane belongs to account FREESIDE2, not FREESIDE1',
        sub { isp->mailbox($ann, username => 'jane')->insert };
    is_deeply magicmail->state, $before, 'nothing is changed';
    provision($ann, username => 'ann');
    $before = magicmail->state;
    refused 'to one who has', 'user jane belongs to account FREESIDE2, not FREESIDE1',
        sub { isp->mailbox($ann, username => 'jane')->insert };
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'a_user_name_of_another_account_is_refused_even_where_it_is_marked_deleted' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($bob, username => 'jane');
    passes('unprovisioned', sub { $svc->delete });
    my $before = magicmail->state;
    refused 'the name', 'user jane belongs to account FREESIDE2',
        sub { isp->mailbox($ann, username => 'jane')->insert };
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'a_user_name_of_another_service_of_this_customer_is_refused' => sub {
    my $ann    = isp->customer;
    my $first  = provision($ann, username => 'jane');
    my $before = magicmail->state;
    for my $name (qw( jane JANE )) {
        my $text = refused $name, "the user name $name is taken by service ",
            sub { isp->mailbox($ann, username => $name, domain => 'example.org')->insert };
        says $text, 'service ' . $first->svcnum . ' (jane@example.net), and', 'it names that service';
    }
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'an_address_of_another_user_is_refused_naming_the_user' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    provision($bob, username => 'bob');
    change_server(sub { $_[0]{addresses}{'jane@example.net'} = 'bob' });
    my $before = magicmail->state;
    my $shown  = form->shown('bob');
    refused 'the address', "the address is on user $shown; remove it there first",
        sub { isp->mailbox($ann, username => 'jane')->insert };
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'a_refused_hook_rolls_the_rows_back_and_says_so_in_freesides_words' => sub {
    my $ann  = isp->customer;
    my $svc  = isp->mailbox($ann, username => 'jane', domain => 'elsewhere.example');
    my $text = text_of(sub { $svc->insert });
    my $begins =
        'exporting to magicmail (transaction rolled back): cannot provision mailbox jane@elsewhere.example: ';
    is substr($text, 0, length $begins), $begins, 'what staff read';
    is qsearchs('svc_acct',        {username => 'jane'}),       undef, 'no svc_acct';
    is qsearchs('cust_svc',        {svcnum   => $svc->svcnum}), undef, 'no cust_svc';
    is qsearchs('export_cust_svc', {svcnum   => $svc->svcnum}), undef, 'no account on record';
    provision($ann, username => 'jane');
    ok magicmail->user('jane'), 'and it can be tried again';
};

rule 'freeside_may_fail_after_the_hook_and_the_next_try_takes_over_what_is_there',
    small => 'this failure is the small Freeside\'s',
    sub {
    my $ann = isp->customer;
    {
        local $FS::svc_acct::password_history_error = 'no such hash';
        is text_of(sub { isp->mailbox($ann, username => 'jane')->insert }), 'no such hash', 'rolled back';
    }
    ok magicmail->user('jane'), 'MagicMail has it';
    provision($ann, username => 'jane', finger => 'Jane Roe', _password => 'newer-word');
    server_is 'one of each', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL
address jane@example.net on jane
LINES
    is password_of('jane'), 'plain newer-word', 'the password of the service';
    };

done_testing;
