#!/usr/bin/perl

# What staff read: the texts of errors, Freeside's log, the error log.

use strict;
use warnings;
use utf8;

use Test::More;

use FS::Record qw( qsearch );
use Rule       qw( :all );

# Refuses the next address in words of the test's.
sub server_says {
    my ($code, $message) = @_;
    return magicmail->faults(
        {
            kind    => 'error_document',
            on      => 1,
            count   => undef,
            method  => 'POST',
            path    => '/emailaddress',
            status  => 400,
            code    => $code,
            message => $message
        }
    );
}

sub refusal {
    my ($what, $why) = @_;
    return refused $what, $why, sub { isp->mailbox(isp->customer, username => 'jane')->insert };
}

rule 'the_first_sentence_says_what_to_what_and_why_with_the_servers_code_and_message' => sub {
    server_says('quota.error.full', 'The disk is full');
    my $text = refusal('the text', 'quota.error.full: The disk is full');
    my $begins =
          'cannot provision mailbox jane@example.net: could not add address jane@example.net to user jane: '
        . 'the server refused it with quota.error.full: The disk is full';
    is substr($text, 0, length $begins), $begins, 'in this order';
};

rule 'each_hook_says_what_could_not_be_done' => sub {
    my $ann     = isp->customer;
    my $package = isp->package($ann);
    my $svc     = provision($package, username => 'jane');
    magicmail->faults(
        {kind => 'error_document', on => 1, count => undef, code => 'x.y', message => 'No', status => 400});
    my %does = (
        provision   => sub { isp->mailbox($ann, username => 'joe')->insert },
        change      => sub { isp->change($svc, finger => 'Jane Poe') },
        suspend     => sub { $svc->suspend },
        unsuspend   => sub { $svc->unsuspend },
        unprovision => sub { $svc->delete },
    );
    for my $verb (sort keys %does) {
        my $name = $verb eq 'provision' ? 'joe' : 'jane';
        my $text = refused $verb, 'x.y: No', $does{$verb};
        says $text, "cannot $verb mailbox $name\@example.net: ", 'the verb and the mailbox';
    }
};

rule 'what_the_server_says_is_one_line_whatever_it_is' => sub {
    server_says("a\nb", "line one\r\n\tline  two \x{202e}backwards\x{2028}<b>bold</b> é \x{1F600}");
    refusal('the text', 'line one line two backwards <b>bold</b> é ' . "\x{1F600}");
};

rule 'a_text_is_never_longer_than_1500_characters_and_begins_as_ever' => sub {
    server_says('too.long', 'x' x 5_000);
    my $text = refusal('the text', 'cannot provision mailbox jane@example.net: could not add address');
    says $text, '; what was done before it was undone', 'and it ends as ever';
};

rule 'a_text_about_long_names_is_not_too_long_either',
    small => 'a real Freeside stores no such name',
    sub {
    my $name = 'n' x 900;
    refused 'the text', 'elsewhere.example', sub {
        isp->mailbox(isp->customer, username => $name, domain => 'elsewhere.example')->insert;
    };
    };

rule 'people_are_shown_what_freeside_calls_things' => sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    provision($ann, username => 'joe');
    magicmail->faults({kind => 'error_document', on => 1, method => 'POST', path => '/user/joe'});
    passes('unprovisioned', sub { $svc->delete });
    says heard(), 'could not make user joe the master', 'not JOE';
};

# What ends each line of the log.
sub of_export {
    return '[export ' . export->exportnum . q{, } . export->machine . ']';
}

rule 'each_change_is_a_line_of_freesides_log_about_the_service' => sub {
    my $package = isp->package(isp->customer);
    my $svc     = provision($package, username => 'jane');
    passes('changed',       sub { isp->change($svc, finger => 'Jane Roe') });
    passes('suspended',     sub { $package->suspend });
    passes('unsuspended',   sub { isp->fresh($package)->unsuspend });
    passes('unprovisioned', sub { isp->fresh($svc)->delete });
    my @wanted = (
        'provisioned mailbox jane@example.net, account FREESIDE1: create account FREESIDE1; create user jane',
        'changed mailbox jane@example.net, account FREESIDE1: set names and password of user jane (',
        'suspended mailbox jane@example.net, account FREESIDE1: suspend user jane (',
        'unsuspended mailbox jane@example.net, account FREESIDE1: activate user jane (',
        'unprovisioned mailbox jane@example.net, account FREESIDE1: mark user jane deleted; ',
    );
    my @lines = log_lines();
    is scalar @lines, scalar @wanted, 'a line each' or diag join "\n", @lines;

    for my $number (0 .. $#wanted) {
        says $lines[$number], "info: $wanted[$number]", "what and where: $number";
        like $lines[$number], qr/[ ][(]\d+[ ]requests,[ ]\d+[ ]ms[)][ ]\Q${\ of_export()}\E\z/x,
            'how many requests, how long, which export and server';
    }
    my @objects = map { join q{ }, $_->tablename, $_->tablenum } isp->log_rows;
    is_deeply \@objects, [('svc_acct ' . $svc->svcnum) x 4, object_of_a_gone($svc)],
        'its object is the service';
};

# Freeside 3 refuses a line about a service that is gone: there it is about the customer.
sub object_of_a_gone {
    my ($svc) = @_;
    return isp->is_freeside_3 ? 'cust_main 1' : 'svc_acct ' . $svc->svcnum;
}

rule 'a_hook_that_changed_nothing_writes_no_change' => sub {
    my ($svc) = provision(isp->customer, username => 'jane');
    passes('unsuspended', sub { $svc->unsuspend });
    is scalar(grep { /unsuspended/x } log_lines()), 0, 'no line';
};

rule 'a_warning_is_a_line_of_freesides_log_and_of_the_error_log' => sub {
    my $svc = provision(isp->customer, username => 'jane');
    change_server(sub { $_[0]{users} = {}; $_[0]{addresses} = {} });
    passes('unprovisioned', sub { $svc->delete });
    my ($row) = grep { $_->level == 3 } isp->log_rows;
    is $row->message,
        'unprovisioned mailbox jane@example.net: there is no user jane in MagicMail; nothing was left to unprovision '
        . of_export(),
        'its text';
    is join(q{ }, $row->tablename, $row->tablenum), object_of_a_gone($svc), 'its object';
    is_deeply [map { $_->context } $row], ['FS::part_export::magicmail'], 'its context';
    says heard(), '[FS::part_export::magicmail] ' . $row->message, 'the error log has it, too';
};

rule 'a_refusal_is_a_line_of_freesides_log_where_the_transaction_is_not_rolled_back',
    not_in_3 => 'Freeside 3 returns the error of a suspend, and rolls back',
    sub {
    my ($svc) = provision(isp->customer, username => 'jane');
    change_server(sub { $_[0]{users} = {} });
    my $package = $svc->cust_svc->cust_pkg;
    passes('Freeside 4 goes on', sub { $package->suspend });
    my ($row) = grep { $_->level == 4 } isp->log_rows;
    says $row->message, 'cannot suspend mailbox jane@example.net: there is no user jane in MagicMail',
        'an error';
    is $row->tablenum, $svc->svcnum, 'its object';
    };

rule 'what_failed_goes_to_the_error_log_too_for_the_rows_are_rolled_back' => sub {
    my $text = do { server_says('x.y', 'No'); refusal('the hook', 'x.y: No') };
    is scalar qsearch('log', {}), 0, q{Freeside's log lost it};
    says heard(), "[FS::part_export::magicmail] $text " . of_export() . "\n", 'the error log has it';
};

rule 'a_web_page_in_place_of_an_answer_is_a_failure_and_not_shown' => sub {
    magicmail->faults({kind => 'web_page', on => 1, count => undef});
    my $text =
        refusal('the hook', 'cannot provision mailbox jane@example.net: could not read account FREESIDE1');
    unlike $text, qr/<html/xi, 'none of it';
};

rule 'no_access_names_the_option_to_look_at' => sub {
    for my $status (401, 403) {
        magicmail->faults({kind => "status_$status", on => 1, count => undef});
        my $text = refusal("status $status", "the server refused the API client's id or password");
        says $text, "status $status", 'with the status';
    }
};

rule 'everything_that_is_left_is_named_and_the_text_is_not_too_long' => sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    new_export(options => {package => 'GOLD'}, definitions => ['Gold']);
    change_server(sub { $_[0]{accounts}{FREESIDE1}{status} = 'suspended' });
    magicmail->faults({kind => 'status_403', on => 4, count => undef, method => 'POST'});
    my $text = refused 'the hook', '; left in MagicMail, to be put right by hand: ', sub {
        isp->mailbox($ann, username => 'gold', definition => 'Gold', domain => 'elsewhere.example')->insert
    };
    says $text, 'user gold on account FREESIDE1 (new)',       'the user';
    says $text, 'package GOLD on user first (remove it)',     'the package';
    says $text, 'account FREESIDE1 is active, was suspended', 'the account';
};

done_testing;
