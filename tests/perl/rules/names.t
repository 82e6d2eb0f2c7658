#!/usr/bin/perl

# Names of all kinds go through every hook as they are: users, people, packages,
# prefixes.

use strict;
use warnings;
use utf8;

use Test::More;

use Rule qw( :all );

my %USERS = (
    'a_dot'                     => 'ann.lee',
    'an_apostrophe'             => q{o'neil},
    'a_plus'                    => 'a+b',
    'an_ampersand'              => 'x&y',
    'accents'                   => 'jérôme',
    'a_quotation_mark'          => 'the"one',
    'angles'                    => 'a<b>c',
    'a_space'                   => 'ann lee',
    'a_percent_sign'            => '100%25',
    'a_slash'                   => 'a/b',
    'a_question_mark'           => 'who?x=1',
    'a_hash'                    => 'a#b',
    'a_semicolon_and_equals'    => 'a;b=c',
    'a_backslash'               => 'a\\b',
    'characters_beyond_16_bits' => "smile\x{1F600}",
    'cyrillic_letters'          => 'иван',
    'capitals'                  => 'JaneRoe',
    'digits_alone'              => '0123',
    'a_dash_before'             => '-rf',
);

# A real Freeside takes these, if it is told to.
my %IS_STORED = map { $_ => 1 }
    qw( a_dot an_ampersand a_percent_sign a_slash a_hash capitals digits_alone a_dash_before );
my @NOT_STORED = (small => 'a real Freeside stores no such name');

# Simulators and servers change the case of ASCII letters alone.
sub spelled {
    my ($name) = @_;
    return (grep { $_ eq $name } keys %{magicmail->state->{users}}) ? 1 : 0
}

for my $kind (sort keys %USERS) {
    my $name = $USERS{$kind};
    rule "a_user_name_with_$kind\_goes_through_every_hook", $IS_STORED{$kind} ? () : @NOT_STORED, sub {
        my $ann     = isp->customer;
        my $package = isp->package($ann);
        my $svc     = provision($package, username => $name, finger => 'Jane Roe');
        server_is 'provisioned', <<"LINES";
account FREESIDE1 active "Ann" "Lee"
user $name on FREESIDE1, master, active "Jane" "Roe": EMAIL
address $name\@example.net on $name
LINES
        passes('changed', sub { isp->change($svc, finger => 'Jane Poe', domain => 'example.org') });
        is magicmail->user($name)->{last_name},                 'Poe', 'its name';
        is magicmail->state->{addresses}{"$name\@example.org"}, $name, 'its address';
        passes('suspended', sub { $package->suspend });
        is magicmail->user($name)->{status}, 'suspended', 'it sleeps';
        passes('unsuspended', sub { isp->fresh($package)->unsuspend });
        provision($ann, username => 'second');
        passes('unprovisioned', sub { isp->fresh($svc)->delete });
        is magicmail->user($name)->{status},         'deleted', 'it is deleted';
        is magicmail->user('second')->{master_user}, 'Y',       'and no master any more';
        provision($ann, username => $name);
        is magicmail->user($name)->{status}, 'active', 'taken over';
        is spelled($name),                   1,        'under its own name';
    };
}

my %DOTS = (one => q{.}, two => q{..}, two_between_slashes_as => 'x/../jane');
for my $which (sort keys %DOTS) {
    my $name = $DOTS{$which};
    rule "a_user_name_of_${which}_dots_is_refused_before_any_request" => sub {
        my @requests = requests_during(
            sub {
                refused 'dots', 'it is one or two dots',
                    sub { isp->mailbox(isp->customer, username => $name)->insert };
            }
        );
        is_deeply \@requests, [], 'no request';
    };
}

rule 'a_name_of_the_same_characters_is_sent_alike_whatever_perls_flag', @NOT_STORED, sub {
    my ($ann,     $bob)   = map { isp->customer(first => $_) } qw( Ann Bob );
    my ($flagged, $plain) = ('rené', 'rené');
    utf8::upgrade($flagged);
    utf8::downgrade($plain);
    my $svc = provision($ann, username => $flagged, finger => "$flagged Roe");
    refused 'the other one is the same user', 'belongs to account FREESIDE1, not FREESIDE2',
        sub { isp->mailbox($bob, username => $plain, domain => 'example.org')->insert };
    for my $form ($flagged, $plain) {
        passes('inserted anew', sub { $svc->delete });
        $svc = isp->mailbox($ann, username => $form, finger => "$form Roe");
        passes('as it is', sub { $svc->insert });
        is magicmail->user('rené')->{first_name}, 'rené',   'its name';
        is magicmail->user('rené')->{status},     'active', 'one user';
    }
    is scalar keys %{magicmail->state->{users}}, 1, 'there is no other';
};

my %FINGERS = (
    'two_words'                 => ['Jane Roe',                      'Jane',                'Roe'],
    'one_word'                  => ['Jane',                          'Jane',                q{}],
    'many_words'                => ['Jane Mary van Roe',             'Jane Mary van',       'Roe'],
    'white_space_around'        => ["  Jane Roe \t",                 'Jane',                'Roe'],
    'white_space_around_one'    => ['  Jane  ',                      'Jane',                q{}],
    'much_white_space_between'  => ["Jane  \t  Roe",                 'Jane',                'Roe'],
    'a_tab_between'             => ["Jane\tRoe",                     'Jane',                'Roe'],
    'nothing_in_it'             => [q{},                             'Ann',                 'Lee'],
    'white_space_alone'         => ["  \t ",                         q{},                   q{}],
    'odd_characters'            => [q{Zoë "Z" <O'Neil> & Cœur+100%}, q{Zoë "Z" <O'Neil> &}, 'Cœur+100%'],
    'characters_beyond_16_bits' => ["Joy \x{1F600}",                 'Joy',                 "\x{1F600}"],
);

for my $kind (sort keys %FINGERS) {
    my ($finger, @names) = @{$FINGERS{$kind}};
    rule "a_finger_of_$kind\_is_first_and_last_name", $finger =~ /[^\x00-\xff]/x ? @NOT_STORED : (), sub {
        my $svc  = provision(isp->customer, username => 'jane', finger => $finger);
        my $user = magicmail->user('jane');
        is_deeply [@{$user}{qw( first_name last_name )}], \@names, 'by a provision';
        passes('another',  sub { isp->change($svc, finger => 'Some Body') });
        passes('and back', sub { isp->change($svc, finger => $finger) });
        $user = magicmail->user('jane');
        is_deeply [@{$user}{qw( first_name last_name )}], \@names, 'by a change';
    };
}

rule 'a_customer_of_odd_names_is_an_account_of_these_names', @NOT_STORED, sub {
    provision(isp->customer(first => q{ Zoë "Z"}, last => q{O'Neil & <Sœurs> }), username => 'jane');
    my $account = magicmail->account('FREESIDE1');
    is_deeply [@{$account}{qw( first_name last_name )}], [q{Zoë "Z"}, q{O'Neil & <Sœurs>}], 'trimmed';
};

rule 'an_odd_prefix_and_package_are_sent_as_they_are',
    options => {account_prefix => 'Ä & B/', package => 'GOLD+ é'},
    sub {
    my $ann = isp->customer;
    my $svc = provision($ann, username => 'jane');
    server_is 'as they are', <<'LINES';
account Ä & B/1 active "Ann" "Lee"
user jane on Ä & B/1, master, active "Ann" "Lee": GOLD+ é
address jane@example.net on jane
LINES
    provision($ann, username => 'second');
    passes('unprovisioned', sub { $svc->delete });
    is_deeply magicmail->user('second')->{packages}, ['GOLD+ é'], 'and handed over';
    };

done_testing;
