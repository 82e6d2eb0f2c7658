#!/usr/bin/perl

# Two services of one user name, in two domains: MagicMail has one user of that name, and the address tells whose
# mailbox it is.

use strict;
use warnings;

use Test::More;

use FS::Record qw( dbh );
use Rule       qw( :all );

# An unprovision was rolled back that had set the name jane free; another customer took it; then the two customers
# were merged. Returns the service that has no mailbox any more, and the one that has it.
sub lost_and_found {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $lost = provision($ann, username => 'jane');
    change_server(
        sub {
            delete $_[0]{users}{jane};
            delete $_[0]{addresses}{'jane@example.net'};
            delete $_[0]{accounts}{FREESIDE1};
        }
    );
    my $found = provision($bob, username => 'jane', domain => 'example.org', finger => 'Bob Lee');
    passes('merged', sub { $ann->merge($bob->custnum) });
    return ($lost, $found);
}

rule 'the_mailbox_of_a_namesake_is_neither_changed_nor_suspended' => sub {
    my ($lost, $found) = lost_and_found();
    my $before = magicmail->state;
    my $text =
          'the address jane@example.net is not on user jane, who is the mailbox of service '
        . $found->svcnum
        . ' (jane@example.org)';
    refused 'a change',   $text, sub { isp->change($lost, _password => 'newer-word') };
    refused 'a suspend',  $text, sub { isp->fresh($lost)->suspend };
    refused 'a reexport', $text, sub { isp->reexport(export, $lost, 'replace') };
    is_deeply magicmail->state, $before, 'it is as it was';
    passes('a change of the other one', sub { isp->change($found, _password => 'newer-word') });
    is password_of('jane'), 'plain newer-word', 'is made';
};

for my $autopurge (0, 1) {
    my $options = {autopurge => $autopurge};
    my $with    = $autopurge ? 'with' : 'without';

    rule "the_mailbox_of_a_namesake_is_not_unprovisioned_${with}_autopurge",
        options => $options,
        sub {
        my ($lost, $found) = lost_and_found();
        my $before = magicmail->state;
        passes('unprovisioned', sub { isp->fresh($lost)->delete });
        is_deeply magicmail->state, $before, 'it is as it was';
        says heard(),
            'user jane is the mailbox of service ' . $found->svcnum . ' (jane@example.org) too, and was kept',
            'a warning';
        passes('the other one', sub { isp->fresh($found)->delete });
        my $user = magicmail->user('jane');
        is $user && $user->{status}, $autopurge ? undef : 'deleted', 'goes as ever';
        };

    rule "of_a_mailbox_that_two_services_share_only_the_address_goes_${with}_autopurge",
        options => $options,
        sub {
        my ($one) = lost_and_found();
        change_server(sub { $_[0]{addresses}{'jane@example.net'} = 'jane' });
        passes('changed', sub { isp->change($one, _password => 'newer-word') });
        is password_of('jane'), 'plain newer-word', 'either may change it';
        passes('unprovisioned', sub { isp->fresh($one)->delete });
        server_is 'the mailbox is kept', <<'LINES';
account FREESIDE2 active "Bob" "Lee"
user jane on FREESIDE2, master, active "Ann" "Lee": EMAIL
address jane@example.org on jane
LINES
        };
}

# Two services of two customers. MagicMail has one user, that of the first, or of the second.
sub of_two_customers {
    my ($whose) = @_;
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $one = provision($ann, username => 'jane');
    if ($whose eq 'the second') {
        change_server(sub { my ($state) = @_; $state->{$_} = {} for qw( users accounts addresses ) });
        return ($one, provision($bob, username => 'jane', domain => 'example.org'));
    }
    local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
    my $two = isp->mailbox($bob, username => 'jane', domain => 'example.org');
    passes('the second one, which is never exported', sub { $two->insert });
    return ($one, isp->fresh($two));
}

for my $autopurge (0, 1) {
    my $with = $autopurge ? 'with' : 'without';

    rule "a_service_goes_if_its_user_is_another_customers_mailbox_${with}_autopurge",
        options => {autopurge => $autopurge},
        sub {
        my ($one, $two) = of_two_customers('the second');
        my $before = magicmail->state;
        passes('unprovisioned', sub { isp->fresh($one)->delete });
        is isp->fresh($one), undef, 'gone in Freeside';
        is_deeply magicmail->state, $before, 'MagicMail is as it was';
        says heard(),
            'user jane is the mailbox of service ' . $two->svcnum . ' (jane@example.org) and was left alone',
            'a warning';
        };
}

# Freeside refuses a second service of one address, unless that check is switched off.
for my $autopurge (0, 1) {
    my $with = $autopurge ? 'with' : 'without';

    rule "a_second_service_of_the_address_does_not_take_the_mailbox_along_${with}_autopurge",
        options => {autopurge => $autopurge},
        sub {
        my $ann = isp->customer;
        my $one = provision($ann, username => 'jane');
        ## no critic (ProhibitPackageVars): Freeside's
        local $FS::svc_acct::global_unique = 'disabled';
        my $two = isp->mailbox($ann, username => 'jane');
        {
            local $FS::svc_Common::noexport_hack = 1;
            passes('the second one, which is never exported', sub { $two->insert });
        }
        my $before = magicmail->state;
        passes('it is unprovisioned', sub { isp->fresh($two)->delete });
        is_deeply magicmail->state, $before, 'the mailbox is as it was';
        says heard(),
            'user jane is the mailbox of service ' . $one->svcnum . ' (jane@example.net) too, and was kept',
            'a warning';
        passes('the other one', sub { isp->fresh($one)->delete });
        my $user = magicmail->user('jane');
        is $user && $user->{status}, $autopurge ? undef : 'deleted', 'goes as ever';
        };
}

rule 'a_namesake_that_was_never_exported_hinders_nobody' => sub {
    my ($one) = of_two_customers('the first');
    passes('a change',       sub { isp->change($one, _password => 'newer-word') });
    passes('a suspend',      sub { isp->reexport(export, $one, 'suspend') });
    passes('an unprovision', sub { isp->fresh($one)->delete });
    is magicmail->user('jane')->{status}, 'deleted', 'it is the mailbox of the one that went';
};

rule 'without_an_address_the_account_on_record_tells_whose_mailbox_it_is' => sub {
    my ($one) = of_two_customers('the first');
    change_server(sub { $_[0]{addresses} = {} });
    passes('a change', sub { isp->change($one, _password => 'newer-word') });
    is password_of('jane'), 'plain newer-word', 'is made';
    ok dbh->do('DELETE FROM export_cust_svc'), 'nothing is on record';
    dbh->commit;
    change_server(sub { $_[0]{addresses} = {} });
    my $before = magicmail->state;
    my $text   = 'has the user name jane too, and no address on the user tells whose mailbox it is; add '
        . 'jane@example.net';
    refused 'without a record', $text, sub { isp->change($one, _password => 'third-word') };
    refused 'a suspend',        $text, sub { isp->reexport(export, $one, 'suspend') };
    refused 'an unprovision',   $text, sub { isp->fresh($one)->delete };
    is_deeply magicmail->state, $before, 'it is as it was';
};

rule 'a_mailbox_is_not_taken_over_that_another_customers_service_means' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $two = provision($bob, username => 'jane', domain => 'example.org');
    change_server(
        sub {
            $_[0]{accounts}{FREESIDE1} = {%{$_[0]{accounts}{FREESIDE2}}};
            $_[0]{users}{jane}{account} = 'FREESIDE1'
        }
    );
    my $before = magicmail->state;
    my $one    = isp->mailbox($ann, username => 'jane');
    refused 'the hook', 'the user name jane is taken by service ' . $two->svcnum . ' (jane@example.org)',
        sub { $one->insert };
    is_deeply magicmail->state, $before, 'it is as it was';
};

done_testing;
