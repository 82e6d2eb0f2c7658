#!/usr/bin/perl

# Change: names, password and domain of a service.

use strict;
use warnings;

use Test::More;

use Rule qw( :all );

my $OTHER = {first_name => 'O', last_name => 'P', status => 'active'};

rule 'another_user_name_is_refused' => sub {
    my $svc    = provision(isp->customer, username => 'jane');
    my $before = magicmail->state;
    my $text   = refused 'the name', 'a user cannot be renamed in MagicMail (from jane to mary)',
        sub { isp->change($svc, username => 'mary') };
    is_deeply magicmail->state, $before, 'nothing is changed';
    is isp->fresh($svc)->username,                       'jane', 'rolled back';
    is $text =~ /\Acannot[ ]change[ ]mailbox[ ]mary\@/x, 1,      'it names what staff asked for';
};

my %GONE = (
    'is_not_in_magicmail' => [sub { $_[0]{users} = {} }, 'there is no user jane in MagicMail'],
    'is_marked_deleted'   =>
        [sub { $_[0]{users}{jane}{status} = 'deleted' }, 'user jane is marked deleted in MagicMail'],
    'is_on_another_account' => [
        sub { $_[0]{accounts}{OTHER7} = $OTHER; $_[0]{users}{jane}{account} = 'OTHER7' },
        'user jane belongs to account OTHER7, not FREESIDE1'
    ],
);

for my $case (sort keys %GONE) {
    my ($happened, $why) = @{$GONE{$case}};
    rule "a_change_of_a_mailbox_that_$case\_is_refused" => sub {
        my $svc = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
        change_server($happened);
        my $before = magicmail->state;
        refused 'the hook', $why, sub { isp->change($svc, finger => 'Jane Poe', _password => 'newer-word') };
        is_deeply magicmail->state, $before, 'nothing is changed';
        is isp->fresh($svc)->finger, 'Jane Roe', 'rolled back';
    };
}

rule 'names_and_password_are_sent' => sub {
    my $svc = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    passes('changed', sub { isp->change($svc, finger => 'Mary Ann Poe', _password => 'newer-word') });
    server_is 'the names', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Mary Ann" "Poe": EMAIL
address jane@example.net on jane
LINES
    is password_of('jane'), 'plain newer-word', 'the password';
};

rule 'a_name_that_was_emptied_is_sent_as_empty' => sub {
    my $svc    = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my @writes = writes_during(
        sub {
            passes('changed', sub { isp->change($svc, finger => q{ }) })
        }
    );
    is_deeply \@writes,
        ['POST /user/jane action=update first_name= last_name= password=secret12 password_type=plain'],
        'both parameters';
    is magicmail->user('jane')->{last_name}, q{}, 'and is empty';
    @writes = writes_during(
        sub {
            passes('changed', sub { isp->change($svc, finger => 'Jane') })
        }
    );
    is_deeply \@writes,
        ['POST /user/jane action=update first_name=Jane last_name= password=secret12 password_type=plain'],
        'a last name alone, too';
};

rule 'for_another_domain_the_new_address_is_added_before_the_old_one_goes' => sub {
    my $svc    = provision(isp->customer, username => 'jane');
    my @writes = writes_during(
        sub {
            passes('changed', sub { isp->change($svc, domain => 'example.org') })
        }
    );
    is_deeply [grep { /emailaddress/x } @writes],
        ['POST /emailaddress/jane@example.org user=jane', 'POST /emailaddress/jane@example.net action=purge'],
        'in this order';
    server_is 'the new one', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.org on jane
LINES
    is isp->fresh($svc)->domain, 'example.org', 'in Freeside, too';
};

rule 'an_old_address_that_cannot_be_removed_is_fatal_and_the_new_one_is_removed_again' => sub {
    my $svc    = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my $before = magicmail->state;
    magicmail->faults(
        {
            kind   => 'error_document',
            on     => 1,
            count  => undef,
            method => 'POST',
            path   => '/emailaddress/jane@example.net'
        }
    );
    refused 'the old address', 'could not remove address jane@example.net from user jane',
        sub { isp->change($svc, domain => 'example.org', finger => 'Jane Poe', _password => 'newer-word') };
    is_deeply magicmail->state, $before, 'all as before, names and password too';
    is isp->fresh($svc)->domain, 'example.net', 'rolled back';
};

rule 'a_new_domain_that_the_server_refuses_changes_nothing' => sub {
    my $svc    = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my $before = magicmail->state;
    my $text   = refused 'the domain', 'could not add address jane@elsewhere.example to user jane',
        sub { isp->change($svc, domain => 'elsewhere.example', finger => 'Jane Poe') };
    says $text, 'elsewhere.example must be a system domain which the API client may use', 'what it must be';
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'a_new_address_of_another_user_is_refused_naming_it' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($ann, username => 'jane');
    provision($bob, username => 'bob');
    change_server(sub { $_[0]{addresses}{'jane@example.org'} = 'bob' });
    my $before = magicmail->state;
    refused 'the address',
        'the address jane@example.org is on user ' . form->shown('bob') . '; remove it there first',
        sub { isp->change($svc, domain => 'example.org') };
    is_deeply magicmail->state, $before, 'nothing is changed';
};

rule 'a_new_address_that_the_user_has_already_is_no_matter' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    change_server(sub { $_[0]{addresses}{'jane@example.org'} = 'jane' });
    passes('changed', sub { isp->change($svc, domain => 'example.org') });
    is_deeply magicmail->state->{addresses}, {'jane@example.org' => 'jane'}, 'the old one is gone';
};

rule 'an_old_address_that_is_another_users_is_left_alone' => sub {
    my ($ann, $bob) = map { isp->customer(first => $_) } qw( Ann Bob );
    my $svc = provision($ann, username => 'jane');
    provision($bob, username => 'bob');
    change_server(sub { $_[0]{addresses}{'jane@example.net'} = 'bob' });
    passes('changed', sub { isp->change($svc, domain => 'example.org') });
    is magicmail->state->{addresses}{'jane@example.net'}, 'bob', 'it stays';
};

rule 'an_edit_without_a_change_puts_a_mailbox_right' => sub {
    my $svc      = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my $intended = magicmail->state;
    change_server(
        sub {
            $_[0]{users}{jane} =
                {%{$_[0]{users}{jane}}, first_name => 'X', last_name => 'Y', password => 'elsewise'};
            $_[0]{addresses} = {};
        }
    );
    passes('edited', sub { isp->change($svc) });
    is_deeply magicmail->state, $intended, 'names, password and address';
};

rule 'a_reexport_passes_one_record_twice_and_puts_a_mailbox_right' => sub {
    my $svc      = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my $intended = magicmail->state;
    change_server(
        sub {
            $_[0]{users}{jane}{password} = 'elsewise';
            $_[0]{addresses} = {};
        }
    );
    passes('exported again', sub { isp->reexport(export, $svc, 'replace') });
    is_deeply magicmail->state, $intended, 'names, password and address';
};

rule 'an_edit_without_a_change_sends_names_and_password_all_the_same_and_no_more' => sub {
    my $svc    = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my @writes = writes_during(
        sub {
            passes('edited', sub { isp->change($svc) })
        }
    );
    is_deeply \@writes,
        ['POST /user/jane action=update first_name=Jane last_name=Roe password=secret12 password_type=plain'],
        'one write';
};

rule 'an_edit_of_the_name_alone_asks_nothing_of_the_address' => sub {
    my $svc      = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    my @requests = requests_during(
        sub {
            passes('changed', sub { isp->change($svc, finger => 'Jane Poe') })
        }
    );
    is_deeply \@requests, ['GET /user/jane', 'POST /user/jane'], 'two requests';
};

rule 'the_status_of_a_suspended_mailbox_is_not_changed_by_an_edit' => sub {
    my $package = isp->package(isp->customer);
    my $svc     = provision($package, username => 'jane');
    passes('suspended', sub { $package->suspend });
    passes('changed',   sub { isp->change($svc, finger => 'Jane Poe') });
    is magicmail->user('jane')->{status}, 'suspended', 'it goes on sleeping';
};

rule 'a_refused_change_is_rolled_back_and_says_so_in_freesides_words' => sub {
    my $svc    = provision(isp->customer, username => 'jane');
    my $text   = text_of(sub { isp->change($svc, domain => 'elsewhere.example') });
    my $begins = 'error exporting to magicmail (transaction rolled back): cannot change mailbox '
        . 'jane@elsewhere.example: could not add address ';
    is substr($text, 0, length $begins), $begins, 'what staff read';
};

done_testing;
