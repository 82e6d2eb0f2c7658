#!/usr/bin/perl

# Provision, step by step: the order, which step is fatal, and that a customer is
# as he was before when one fails.

use strict;
use warnings;

use Test::More;

use FS::Record qw( qsearchs );
use Rule       qw( :all );

# The row of a service in Freeside, by its user name.
sub row { my ($username) = @_; return qsearchs('svc_acct', {username => $username}) }

sub known_packages {
    my (@names) = @_;
    return magicmail->modes(known_packages => \@names);
}

rule 'steps_go_account_user_package_address_for_a_first_mailbox' => sub {
    my @writes =
        map { s/[ ]action=update//rx } requests_during(sub { provision(isp->customer, username => 'jane') });
    my @order = grep { /\APOST/x } @writes;
    is_deeply [@order[0, 1]], ['POST /account/FREESIDE1', 'POST /user/jane'], 'account, user';
    is_deeply [sort @order[2, 3]], ['POST /emailaddress/jane@example.net', 'POST /user_package/jane'],
        'then package and address';
    is scalar @order, 4, 'and nothing more';
};

rule 'the_package_on_a_master_that_is_there_comes_before_the_user' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    my @writes = writes_during(sub { provision($ann, username => 'gold', definition => 'Gold') });
    like $writes[0], qr{\APOST[ ]/user_package/first[ ]package=GOLD\z}xi, 'package';
    like $writes[1], qr{\APOST[ ]/user/gold[ ]}x,                         'user';
    like $writes[2], qr{\APOST[ ]/emailaddress/gold\@example[.]net[ ]}x,  'address';
};

rule 'a_refused_address_undoes_package_user_and_account' => sub {
    my $ann  = isp->customer;
    my $text = refused 'the domain', 'could not add address jane@elsewhere.example to user jane',
        sub { isp->mailbox($ann, username => 'jane', domain => 'elsewhere.example')->insert };
    says $text, 'elsewhere.example must be a system domain which the API client may use',
        'it says what the domain must be';
    says $text, 'error.permission_denied', q{the server's own code};
    server_is 'nothing is left', q{};
    is row('jane'), undef, 'nor in Freeside';
};

rule 'a_refused_package_on_a_new_master_undoes_user_and_account' => sub {
    known_packages('OTHER');
    refused 'the package', 'could not assign package EMAIL to user jane: ',
        sub { isp->mailbox(isp->customer, username => 'jane')->insert };
    server_is 'nothing is left', q{};
};

rule 'a_refused_package_on_the_master_leaves_the_customer_as_he_was' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $before = magicmail->state;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    known_packages('EMAIL', 'ADDITIONAL NOCOST MAILBOX');
    my @writes = writes_during(
        sub {
            refused 'the package', 'could not assign package GOLD to user first',
                sub { isp->mailbox($ann, username => 'gold', definition => 'Gold')->insert };
        }
    );
    is_deeply magicmail->state, $before, 'as before';
    is scalar @writes, 1, 'no user was made';
};

rule 'what_was_assigned_to_the_master_is_removed_again' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $before = magicmail->state;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    my @writes = writes_during(
        sub {
            refused 'the domain', '; what was done before it was undone', sub {
                isp->mailbox($ann, username => 'gold', definition => 'Gold', domain => 'elsewhere.example')
                    ->insert;
            };
        }
    );
    is_deeply magicmail->state, $before, 'as before';
    is_deeply [@writes[-3 .. -1]],
        [
        'POST /user/gold action=update status=deleted',
        'POST /user/gold action=purge',
        'POST /user_package/first action=purge package=GOLD'
        ],
        'the last one first; the new user is marked deleted, and never purged by force';
};

for my $status (qw( suspended deleted )) {
    rule "an_account_that_was_$status\_is_so_again_when_a_step_fails" => sub {
        change_server(
            sub { $_[0]{accounts}{FREESIDE1} = {first_name => 'Ann', last_name => 'Lee', status => $status} }
        );
        refused 'the domain', 'elsewhere.example',
            sub { isp->mailbox(isp->customer, username => 'jane', domain => 'elsewhere.example')->insert };
        server_is 'as before', qq{account FREESIDE1 $status "Ann" "Lee"\n};
    };
}

rule 'what_could_not_be_undone_is_named' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    magicmail->faults({kind => 'status_403', on => 2, count => 9, method => 'POST', path => '/user/'});
    my $text = refused 'the domain', 'elsewhere.example',
        sub { isp->mailbox($ann, username => 'jane', domain => 'elsewhere.example')->insert };
    says $text,
        '; left in MagicMail, to be put right by hand: user jane on account FREESIDE1 (new)',
        'the user';
    ok magicmail->user('jane'), 'it is indeed';
};

rule 'an_account_is_not_purged_over_a_new_user_who_could_not_be_removed' => sub {
    magicmail->faults({kind => 'status_403', on => 2, count => 9, method => 'POST', path => '/user/'});
    my $text = refused 'the domain', 'elsewhere.example',
        sub { isp->mailbox(isp->customer, username => 'jane', domain => 'elsewhere.example')->insert };
    is magicmail->user('jane')->{account}, 'FREESIDE1', 'the user is there, on its account';
    says $text,
        '; left in MagicMail, to be put right by hand: user jane on account FREESIDE1 (new), account FREESIDE1 (new)',
        'both are named';
};

rule 'other_packages_out_of_line_are_only_a_warning' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'gold', definition => 'Gold');
    provision($ann, username => 'first');
    change_server(sub { $_[0]{users}{gold}{packages} = [] });
    known_packages('EMAIL', 'ADDITIONAL NOCOST MAILBOX');
    provision($ann, username => 'third');
    ok row('third'), 'the service is there';
    is_deeply magicmail->user('gold')->{packages}, ['EMAIL'], 'its own package is, too';
    says heard(), 'could not assign package GOLD to user gold', 'the other one is warned about';
    says join(q{}, log_lines()), 'warning: provisioned mailbox third@example.net: could not assign',
        q{in Freeside's log, too};
};

done_testing;
