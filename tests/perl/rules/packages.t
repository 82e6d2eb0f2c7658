#!/usr/bin/perl

# Packages in line: which a master should hold, in which order they come and go,
# and several exports side by side.

use strict;
use warnings;

use Test::More;

use ISP::Transaction qw( in_transaction );
use Rule             qw( :all );

## no critic (ProhibitPackageVars): Freeside's

sub packages_are {
    my ($name, $wanted, $what) = @_;
    return is_deeply [sort @{magicmail->user($name)->{packages}}], $wanted, $what;
}

rule 'wanted_are_the_packages_of_every_export_of_this_server_and_prefix' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'},   definitions => ['Gold']);
    new_export(options => {package => 'SILVER'}, definitions => ['Silver']);
    provision($ann, username => 'first');
    provision($ann, username => 'gold', definition => 'Gold');
    packages_are('first', [qw( EMAIL GOLD )],            'those that a service uses, SILVER not');
    packages_are('gold',  ['ADDITIONAL NOCOST MAILBOX'], 'and on the master alone');
};

rule 'the_package_of_another_prefix_does_not_count' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD', account_prefix => 'ISP'}, definitions => ['Gold']);
    provision($ann, username => 'first');
    provision($ann, username => 'gold', definition => 'Gold');
    provision($ann, username => 'third');
    server_is 'an account of its own', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
account ISP1 active "Ann" "Lee"
user first on FREESIDE1, master, active "Ann" "Lee": EMAIL
user gold on ISP1, master, active "Ann" "Lee": GOLD
user third on FREESIDE1, active "Ann" "Lee": ADDITIONAL NOCOST MAILBOX
address first@example.net on first
address gold@example.net on gold
address third@example.net on third
LINES
};

rule 'the_package_of_an_export_of_another_machine_does_not_count' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    new_export(machine => 'localhost', options => {package => 'GOLD'}, definitions => ['Gold']);
    {
        local $FS::svc_Common::noexport_hack = 1;
        provision($ann, username => 'gold', definition => 'Gold');
    }
    provision($ann, username => 'third');
    packages_are('first', ['EMAIL'], 'only those of this one');
};

rule 'the_packages_of_another_customer_do_not_count' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($bob, username => 'gold', definition => 'Gold');
    provision($ann, username => 'first');
    provision($ann, username => 'second');
    packages_are('first', ['EMAIL'], 'only his own');
};

rule 'what_lacks_is_assigned_before_what_is_too_much_is_removed' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'first');
    provision($ann, username => 'gold', definition => 'Gold');
    change_server(sub { $_[0]{users}{first}{packages} = [qw( OLD EMAIL )] });
    my @writes = writes_during(sub { provision($ann, username => 'third') });
    is_deeply [grep { m{/user_package/}x } @writes],
        ['POST /user_package/first package=GOLD', 'POST /user_package/first action=purge package=OLD'],
        'in this order';
};

rule 'nothing_is_removed_where_an_assignment_failed' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'first');
    provision($ann, username => 'gold', definition => 'Gold');
    change_server(sub { $_[0]{users}{first}{packages} = [qw( OLD EMAIL )] });
    magicmail->modes(known_packages => ['EMAIL', 'OLD']);
    provision($ann, username => 'third');
    packages_are('first', [qw( EMAIL OLD )], 'the old one stays');
    says heard(), 'could not assign package GOLD to user first',                  'a warning';
    says heard(), 'not done because of that: remove package OLD from user first', 'for both';
};

rule 'the_packages_of_suspended_services_count' => sub {
    my $ann     = isp->customer;
    my $package = isp->package($ann);
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    provision($ann, username => 'first');
    provision($package, username => 'gold', definition => 'Gold');
    passes('suspended', sub { $package->suspend });
    change_server(sub { $_[0]{users}{first}{packages} = ['EMAIL'] });
    provision($ann, username => 'third');
    packages_are('first', [qw( EMAIL GOLD )], 'it is there');
};

rule 'names_of_packages_compare_without_regard_to_case_and_are_sent_as_the_export_says',
    options => {package => 'Email'},
    sub {
    my $ann    = isp->customer;
    my @writes = writes_during(sub { provision($ann, username => 'first') });
    is scalar(grep { $_ eq 'POST /user_package/first package=Email' } @writes), 1, 'sent as it is';
    change_server(sub { $_[0]{users}{first}{packages} = ['EMAIL'] });
    @writes = writes_during(sub { provision($ann, username => 'second') });
    is scalar(grep { m{/user_package/first}x } @writes), 0, 'EMAIL is Email';
    packages_are('first', ['EMAIL'], 'and stays as the server has it');
    };

rule 'two_exports_that_say_one_package_in_two_ways_bring_it_once' => sub {
    my $ann = isp->customer;
    new_export(options => {package => 'email'}, definitions => ['Lower']);
    provision($ann, username => 'first');
    provision($ann, username => 'second', definition => 'Lower');
    packages_are('first', ['EMAIL'], 'once');
};

rule 'an_additional_user_gets_its_packages_in_line_when_it_is_taken_over' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    my $svc = provision($ann, username => 'second');
    change_server(sub { $_[0]{users}{second}{packages} = ['EMAIL'] });
    passes(
        'again',
        sub {
            in_transaction(sub { export->export_insert($svc) })
        }
    );
    packages_are('second', ['ADDITIONAL NOCOST MAILBOX'], 'its own and nothing else');
};

rule 'on_their_own_packages_are_not_brought_in_line_where_the_list_of_users_is_empty' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    change_server(sub { $_[0]{users} = {}; $_[0]{addresses} = {} });
    my $before = magicmail->state;
    my @warnings;
    {
        local $SIG{__WARN__} = sub { push @warnings, @_ };
        is scalar export->sync_magic_packages($ann), undef, 'a failure';
    }
    says "@warnings", 'cannot bring the packages of account FREESIDE1 in line: ', 'it says what';
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'with_two_exports_on_one_definition_the_second_finds_the_user_and_adds_its_package' => sub {
    new_export(options => {package => 'GOLD'});
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane', finger => 'Jane Roe');
    server_is 'one user with both', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Roe": EMAIL, GOLD
address jane@example.net on jane
LINES
    provision($ann, username => 'other');
    packages_are('jane', [qw( EMAIL GOLD )], 'both stay with a second service');
    passes('changed', sub { isp->change($svc, _password => 'newer-word') });
    is password_of('jane'), 'plain newer-word', 'a change goes through both';
    passes('unprovisioned', sub { isp->fresh($svc)->delete });
    is magicmail->user('jane')->{status},       'deleted', 'and an unprovision';
    is magicmail->user('other')->{master_user}, 'Y',       'the other one is the master';
    packages_are('other', [qw( EMAIL GOLD )], 'with both');
};

rule 'with_two_exports_on_one_definition_a_refusal_of_the_second_rolls_freeside_back' => sub {
    new_export(options => {package => 'GOLD'});
    magicmail->modes(known_packages => ['EMAIL']);
    my $svc = isp->mailbox(isp->customer, username => 'jane');
    refused 'the second one', 'could not assign package GOLD to user jane', sub { $svc->insert };
    is isp->fresh($svc),                  undef,    'no service';
    is magicmail->user('jane')->{status}, 'active', 'what the first one made is taken over at the next try';
};

done_testing;
