#!/usr/bin/perl

# Passwords: which of Freeside's encodings are sent, as what, and which are
# refused before any request.

use strict;
use warnings;
use utf8;

use Test::More;

use Rule qw( :all );

my $DES     = 'abJnggxhB/yWI';
my $MD5     = '$1$abcdefgh$0123456789012345678901';
my $SSHA    = '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g1MjM0';
my $WORKING = 'MagicMail takes plain, crypt (DES or $1$) and ldap ({PLAIN}, {CLEARTEXT}, {CRYPT}, {DES})';

my @SENT = (
    ['plain',                         'plain', 'secret12',            'plain secret12'],
    ['plain_with_odd_characters',     'plain', q{&+%=é ü"'<>?#/;:@},  q{plain &+%=é ü"'<>?#/;:@}],
    ['plain_beyond_latin',            'plain', "пароль\x{1F600}",     "plain пароль\x{1F600}"],
    ['plain_with_white_space_around', 'plain', ' secret12 ',          'plain  secret12 '],
    ['plain_that_looks_like_ldap',    'plain', '{CRYPT}secret12',     'plain {CRYPT}secret12'],
    ['plain_that_looks_like_crypt',   'plain', $MD5,                  "plain $MD5"],
    ['crypt_DES',                     'crypt', $DES,                  "encrypted $DES"],
    ['crypt_MD5',                     'crypt', $MD5,                  "encrypted $MD5"],
    ['ldap_PLAIN',                    'ldap',  '{PLAIN}secret12',     'plain secret12'],
    ['ldap_plain_in_lower_case',      'ldap',  '{plain}secret12',     'plain secret12'],
    ['ldap_CLEARTEXT',                'ldap',  '{CLEARTEXT}secret12', 'plain secret12'],
    ['ldap_Cleartext_in_mixed_case',  'ldap',  '{ClearText}se}cret',  'plain se}cret'],
    ['ldap_CRYPT_before_DES',         'ldap',  "{CRYPT}$DES",         "encrypted $DES"],
    ['ldap_CRYPT_before_MD5',         'ldap',  "{crypt}$MD5",         "encrypted $MD5"],
    ['ldap_DES',                      'ldap',  "{DES}$DES",           "encrypted $DES"],
);

# A real Freeside takes no such password, or cannot write it into its history.
my %IS_NOT_STORED =
    map { $_ => 1 } qw( plain_beyond_latin ldap_DES ldap_no_scheme legacy no_encoding no_password );
my @NOT_STORED = (small => 'a real Freeside stores no such password');

for my $case (@SENT) {
    my ($name, $encoding, $stored, $sent) = @{$case};
    rule "a_password_in_$name\_is_sent", $IS_NOT_STORED{$name} ? @NOT_STORED : (), sub {
        my @column = (_password => $stored, _password_encoding => $encoding);
        my $svc    = provision(isp->customer, username => 'jane', @column);
        is password_of('jane'), $sent, 'by a provision';
        passes('set to another one',
            sub { isp->change($svc, _password => 'other123', _password_encoding => 'plain') });
        passes('and back', sub { isp->change($svc, @column) });
        is password_of('jane'), $sent, 'by a change';
    };
}

my @REFUSED = (
    ['ldap_MD5',       'ldap', '{MD5}c2VjcmV0c2VjcmV0',  q{the password's encoding is ldap {MD5}}],
    ['ldap_SHA',       'ldap', '{SHA}c2VjcmV0c2VjcmV0',  q{the password's encoding is ldap {SHA}}],
    ['ldap_SSHA',      'ldap', '{SSHA}c2VjcmV0c2VjcmV0', q{the password's encoding is ldap {SSHA}}],
    ['ldap_no_scheme', 'ldap', 'secretsecret', q{the password's encoding is ldap without a {SCHEME}}],
    [
        'ldap_CRYPT_SHA512',        'ldap',
        '{CRYPT}$6$salt$secretsec', q{the password's encoding is ldap {CRYPT} with crypt with $6$}
    ],
    ['ldap_PLAIN_empty', 'ldap',  '{PLAIN}',                   q{the service's password is empty}],
    ['crypt_bcrypt',     'crypt', '$2a$10$secretsecretsecret', q{the password's encoding is crypt with $2a$}],
    ['crypt_SHA256',     'crypt', '$5$salt$secretsecretsecre', q{the password's encoding is crypt with $5$}],
    ['crypt_SHA512',     'crypt', '$6$salt$secretsecretsecre', q{the password's encoding is crypt with $6$}],
    ['crypt_star',               'crypt', q{*}, q{the password's encoding is crypt, but not of a known form}],
    ['crypt_star_behind_a_mark', 'crypt', '!*', q{the password's encoding is crypt, but not of a known form}],
    ['legacy',                   'legacy', 'secretsecret', q{the password's encoding is legacy}],
    ['no_encoding',              q{},      'secretsecret', q{the password's encoding is empty}],
    ['no_password',              'plain',  q{},            q{the service's password is empty}],
    ['nothing_but_a_mark',       'plain',  '*SUSPENDED* ', q{the service's password is empty}],
);

for my $case (@REFUSED) {
    my ($name, $encoding, $stored, $why) = @{$case};
    my @column = (_password => $stored, _password_encoding => $encoding);
    rule "a_password_in_$name\_is_refused_before_any_request", $IS_NOT_STORED{$name} ? @NOT_STORED : (), sub {
        my $svc = isp->mailbox(isp->customer, username => 'jane', @column);
        my $text;
        my @requests = requests_during(
            sub {
                $text = refused 'a provision', $why, sub { $svc->insert }
            }
        );
        says $text, $WORKING, 'the text names those that work';
        is_deeply \@requests, [], 'no request';
        $svc      = provision(isp->customer, username => 'jane');
        @requests = requests_during(
            sub {
                refused 'a change', $why, sub { isp->change($svc, @column) }
            }
        );
        is_deeply \@requests, [], 'no request either';
        is isp->fresh($svc)->_password, 'secret12', 'rolled back';
    };
}

rule 'an_encoding_that_cannot_be_sent_refuses_only_a_change_of_the_password' => sub {
    my $svc = provision(isp->customer, username => 'jane', finger => 'Jane Roe');
    {
        ## no critic (ProhibitPackageVars): Freeside's
        local $FS::svc_Common::noexport_hack = 1;
        isp->change($svc, _password => $SSHA, _password_encoding => 'ldap');
    }
    passes('the name', sub { isp->change($svc, finger => 'Jane Poe', domain => 'example.org') });
    server_is 'the rest is updated', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Jane" "Poe": EMAIL
address jane@example.org on jane
LINES
    is password_of('jane'), 'plain secret12', 'the password is as it was';
    says heard(), q{the password, which did not change, was not sent: the password's encoding is ldap {SSHA}},
        'a warning';
    passes('a reexport', sub { isp->reexport(export, $svc, 'replace') });
    is password_of('jane'), 'plain secret12', 'not by a reexport either';
    my @hooks = (
        suspend     => sub { isp->fresh($svc)->suspend },
        unsuspend   => sub { isp->fresh($svc)->unsuspend },
        unprovision => sub { isp->fresh($svc)->delete },
    );
    while (my ($hook, $code) = splice @hooks, 0, 2) { passes("the password is no matter to $hook", $code) }
};

rule 'a_password_of_the_same_characters_is_sent_alike_whatever_perls_flag' => sub {
    my $flagged = 'pä+s&s=w%rd';
    my $plain   = $flagged;
    utf8::upgrade($flagged);
    utf8::downgrade($plain);
    my ($ann) = isp->customer;
    my @sent;
    for my $word ($flagged, $plain) {
        push @sent, writes_during(
            sub {
                passes('inserted',
                    sub { isp->mailbox($ann, username => 'u' . @sent, _password => $word)->insert })
            }
        );
    }
    is scalar(grep { /password=\Q$flagged\E[ ]/x } @sent), 2, 'both';
};

done_testing;
