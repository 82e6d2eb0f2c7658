#!/usr/bin/perl

# Two services of one user name, in two domains: MagicMail has one user of that name, and the address tells whose
# mailbox it is.

use strict;
use warnings;

use Test::More;

use Rule qw( :all );

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
user jane on FREESIDE2, master, active "" "": EMAIL
address jane@example.org on jane
LINES
        };
}

done_testing;
