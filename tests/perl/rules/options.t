#!/usr/bin/perl

# The options of an export: what Freeside shows of them, their defaults, and what
# each does.

use strict;
use warnings;

use Test::More;

use FS::Record qw( dbh );
use FS::UID    qw( driver_name );
use Rule       qw( :all );
use Simulator;
use Statements;

# name => label, default, type, as the documentation has them.
my @OPTIONS = (
    [client_id            => 'API Client ID',                                   undef,          q{}],
    [client_password      => 'API Client Password',                             undef,          q{}],
    [client_password_file => q{File with the API client's password (optional)}, undef,          q{}],
    [account_prefix       => 'Account Prefix',                                  'FREESIDE',     q{}],
    [package              => 'Package',                                         'EMAIL',        q{}],
    [port                 => 'Port',                                            '443',          q{}],
    [autopurge            => 'Auto purge user/account on unprovision',          undef,          'checkbox'],
    [purge_after_commit   => 'Purge only after the unprovision is committed',   undef,          'checkbox'],
    [use_agent_custid     => 'Use agent_custid for Magicmail account_id when available', undef, 'checkbox'],
    [debug                => 'Enable debug warnings',                                    undef, 'checkbox'],
    [ca_file              => qr/\ACA[ ]certificate[ ]file/x,                             undef, q{}],
    [tls_insecure         => q{Do not verify the server's certificate},                  undef, 'checkbox'],
    [timeout              => 'Seconds to wait for one request (default: 20)',            '20',  q{}],
);

my %others;

# A server of another certificate, the same one throughout.
sub server {
    my ($certificate) = @_;
    return $others{$certificate} ||=
        Simulator->start(certificate => $certificate, domains => ['example.net']);
}

# Writes an option past the check of the export's page, as an older export may
# have left it.
sub left_as {
    my ($name, $value) = @_;
    dbh->do('DELETE FROM part_export_option WHERE optionname = ?', undef, $name);
    return dbh->commit if !defined $value;
    dbh->do('INSERT INTO part_export_option (exportnum, optionname, optionvalue) VALUES (?, ?, ?)',
        undef, export->exportnum, $name, $value);
    return dbh->commit;
}

rule 'freeside_shows_every_option_with_its_label_default_and_kind',
    forms => 1,
    sub {
    my $options = export->info->{options};
    my @names   = keys %{$options};
    is_deeply [@names[0 .. $#OPTIONS]], [map { $_->[0] } @OPTIONS], 'the names, in this order';
    for my $option (@OPTIONS) {
        my ($name, $label, $default, $type) = @{$option};
        my $shown = $options->{$name};
        ref $label ? like $shown->{label}, $label, "$name: label" : is $shown->{label}, $label,
            "$name: label";
        is $shown->{default},     $default, "$name: default";
        is $shown->{type} || q{}, $type,    "$name: type";
    }
    };

rule 'what_is_missing_in_an_old_configuration_has_its_default' => sub {
    for my $name (qw( account_prefix package timeout autopurge use_agent_custid purge_after_commit debug )) {
        left_as($name, undef);
    }
    my $svc = provision(isp->customer(agent_custid => 'A-17'), username => 'jane');
    server_is 'prefix and package', <<'LINES';
account FREESIDE1 active "Ann" "Lee"
user jane on FREESIDE1, master, active "Ann" "Lee": EMAIL
address jane@example.net on jane
LINES
    passes('unprovisioned', sub { $svc->delete });
    is magicmail->user('jane')->{status}, 'deleted', 'nothing is purged';
    is heard(),                           q{},       'and nothing printed';
};

rule 'what_is_empty_has_its_default_and_unknown_options_are_no_matter' => sub {
    left_as($_,       q{}) for qw( package timeout );
    left_as('colour', 'red');
    provision(isp->customer, username => 'jane');
    is magicmail->user('jane')->{account}, 'FREESIDE1', 'prefix';
    is_deeply magicmail->user('jane')->{packages}, ['EMAIL'], 'package';
};

rule 'a_prefix_is_used_as_it_was_typed',
    forms => 2,
    sub {
    my %prefixes = (q{} => 'none', q{ ISP-} => 'a blank at the beginning');

    # As Freeside connects, SQLite gives no text with a blank at its end.
    if (driver_name() eq 'Pg') { $prefixes{'ISP '} = 'a blank at the end' }
    for my $prefix (sort keys %prefixes) {
        my $what = $prefixes{$prefix};
        left_as(account_prefix => $prefix);
        my $customer = isp->customer;
        my $account  = $prefix . $customer->custnum;
        my ($one, $two) = map { provision($customer, username => "u$_" . $customer->custnum) } qw( a b );
        is magicmail->user($one->username)->{account}, $account, "$what: the account";
        passes("$what: change",      sub { isp->change($one, finger => 'Some One') });
        passes("$what: unprovision", sub { isp->fresh($one)->delete });
        is magicmail->user($two->username)->{master_user}, 'Y', "$what: the other one is the master";
    }
    };

rule 'the_default_port_is_443',
    forms => 1,
    sub {
    left_as(port => undef);
    refused 'the hook', '127.0.0.1:443', sub { isp->mailbox(isp->customer, username => 'jane')->insert };
    };

rule 'a_wrong_password_of_the_api_client_is_said_to_be_refused',
    options => {client_password => 'some-other-word'},
    sub {
    refused 'the hook', q{the server refused the API client's id or password},
        sub { isp->mailbox(isp->customer, username => 'jane')->insert };
    };

rule 'the_package_is_on_the_master_while_a_service_of_the_export_is_provisioned',
    options => {package => 'GOLD'},
    sub {
    my $ann = isp->customer;
    new_export(definitions => ['Basic']);
    my $gold = provision($ann, username => 'gold');
    provision($ann, username => 'basic', definition => 'Basic');
    is_deeply [sort @{magicmail->user('gold')->{packages}}], [qw( EMAIL GOLD )], 'it is';
    passes('unprovisioned', sub { $gold->delete });
    is_deeply magicmail->user('basic')->{packages}, ['EMAIL'], 'and no longer';
    };

rule 'debug_writes_every_request_and_answer_to_the_error_log',
    options => {debug => 1},
    sub {
    my @requests =
        requests_during(sub { provision(isp->customer, username => 'jane', _password => 'quite-secret') });
    my @lines = split /\n/x, heard();
    my $of    = qr/[ ]export[ ]1,[ ]service[ ]\d+:[ ]/x;
    for my $request (@requests) {
        is scalar(grep { /$of\Q$request\E[ ].*[ ]->[ ][\d.]+[ ]ms:[ ]\d\d\d[ ]/x } @lines), 1, $request;
    }
    is scalar(grep { /[ ]200[ ].*jane/xi } @lines) > 0,  1, 'with the answers';
    is scalar(grep { /[ ]password=[*]{8}[ ]/x } @lines), 1, 'the password is a mask';
    };

rule 'masks_are_of_one_length_whatever_the_secret',
    options => {debug => 1},
    sub {
    my $ann = isp->customer;
    for my $length (6, 60) {
        provision($ann, username => "u$length", _password => 'x' x $length);
    }
    my @masks = heard() =~ m/[ ]password=([*]+)[ ]/gx;
    is_deeply \@masks, [('********') x 2], 'eight characters';
    };

rule 'without_debug_a_hook_that_succeeds_is_silent',
    options => {debug => q{}},
    sub {
    provision(isp->customer, username => 'jane');
    unlike heard(), qr/GET|POST/x, 'no request is printed';
    };

rule 'a_ca_file_may_be_the_servers_own_certificate',
    forms => 1,
    sub {
    for my $certificate (qw( self-signed self-signed-ca )) {
        my $server = server($certificate);
        $server->reset;
        isp->magicmail($server, definitions => [$certificate], options => {ca_file => $server->ca_file});
        provision(isp->customer, username => 'jane', definition => $certificate);
        ok $server->user('jane'), $certificate;
    }
    };

my %NO_TRUST = (
    'the_system' => [q{},   'option ca_file'],
    'another_ca' => [undef, 'ca_file'],
);

for my $trusted (sort keys %NO_TRUST) {
    my ($file, $why) = @{$NO_TRUST{$trusted}};
    rule "a_certificate_that_$trusted\_does_not_know_is_refused_naming_the_option",
        forms => 1,
        sub {
        my $server = server('self-signed');
        $server->reset;
        isp->magicmail(
            $server,
            definitions => ['Other'],
            options     => {ca_file => defined $file ? $file : magicmail->ca_file}
        );
        refused 'the hook', $why,
            sub { isp->mailbox(isp->customer, username => 'jane', definition => 'Other')->insert };
        is $server->user('jane'), undef, 'nothing was sent';
        };
}

for my $certificate (qw( wrong-name expired )) {
    rule "a_certificate_that_is_$certificate\_is_refused",
        forms => 1,
        sub {
        my $server = server($certificate);
        isp->magicmail($server, definitions => ['Other']);
        refused 'the hook', 'the certificate of 127.0.0.1',
            sub { isp->mailbox(isp->customer, username => 'jane', definition => 'Other')->insert };
        is $server->requests, 0, 'no request';
        };
}

rule 'tls_insecure_goes_on_with_any_certificate_and_says_so_once_for_each_process_and_export',
    forms => 1,
    sub {
    my $server = server('expired');
    $server->reset;
    isp->magicmail($server, definitions => ['Other'], options => {ca_file => q{}, tls_insecure => 1});
    my $ann = isp->customer;
    provision($ann, username => $_, definition => 'Other') for qw( jane joe );
    ok $server->user('joe'), 'both are there';
    my @said = heard() =~ m/is[ ]not[ ]verified[ ][(]option[ ]tls_insecure[)]/gx;
    is scalar @said, 1, 'once';
    };

rule 'a_request_waits_no_longer_than_the_timeout',
    forms   => 1,
    options => {timeout => 0.3},
    sub {
    magicmail->faults({kind => 'hang', on => 1, count => undef});
    refused 'the hook', '127.0.0.1 did not answer within 0.3 seconds',
        sub { isp->mailbox(isp->customer, username => 'jane')->insert };
    cmp_ok(Statements->seconds, q{<}, 6 * 0.3, 'within six times that');
    };

rule 'a_hook_starts_no_step_after_three_times_the_timeout_and_undoes',
    forms   => 1,
    options => {timeout => 0.5},
    sub {
    my $ann = isp->customer;
    provision($ann, username => 'first');
    new_export(options => {package => 'GOLD', timeout => 0.5}, definitions => ['Gold']);
    change_server(sub { $_[0]{accounts}{FREESIDE1}{status} = 'suspended' });
    my $before = magicmail->state;

    # As slow as it can be, until the time for steps is over.
    magicmail->faults(
        {kind => 'slow', ms => 450, on => 1, count => 5, method => 'GET'},
        {kind => 'slow', ms => 450, on => 1, count => 3, method => 'POST'},
    );
    refused 'the hook',
        q{the time of the whole operation is over (0.5 seconds to wait for one request: see the }
        . q{export's option timeout); what was done before it was undone},
        sub { isp->mailbox($ann, username => 'gold', definition => 'Gold')->insert };
    cmp_ok(Statements->seconds, q{<}, 6 * 0.5, 'within six times that');
    is_deeply magicmail->state, $before, 'as before';
    };

my @UNUSABLE = (
    [port            => 'https',           'Port (port)'],
    [port            => '0',               'Port (port)'],
    [port            => '65536',           'Port (port)'],
    [port            => '443x',            'Port (port)'],
    [client_id       => 'free:side',       'API Client ID (client_id) has a colon'],
    [client_id       => q{},               'no API Client ID (client_id)'],
    [client_password => q{},               'no API Client Password (client_password)'],
    [ca_file         => '/nowhere/ca.pem', '/nowhere/ca.pem'],
    [ca_file         => $0,                'ca_file'],
    [timeout         => 'soon',            'timeout (seconds to wait for one request) is not a number'],
    [timeout         => '0',               'timeout'],
    [timeout         => '-5',              'timeout'],
);

for my $case (@UNUSABLE) {
    my ($name, $value, $why) = @{$case};
    my $how = $value eq q{} ? 'nothing' : $value eq $0 ? 'no_certificate' : $value =~ s/\W+/_/grx;
    rule "an_option_$name\_of_$how\_is_refused_before_any_request_and_when_it_is_saved",
        forms => 1,
        sub {
        my $ann     = isp->customer;
        my $svc     = provision($ann, username => 'jane');
        my %options = (export->options, $name => $value);
        says text_of(sub { export->check_options(\%options) }), $why, 'when it is saved';
        left_as($name, $value);
        my @requests = requests_during(
            sub {
                refused 'provision',   $why, sub { isp->mailbox($ann, username => 'joe')->insert };
                refused 'change',      $why, sub { isp->change($svc, finger => 'Jane Roe') };
                refused 'suspend',     $why, sub { $svc->suspend };
                refused 'unsuspend',   $why, sub { $svc->unsuspend };
                refused 'unprovision', $why, sub { $svc->delete };
            }
        );
        is_deeply \@requests, [], 'no request';
        };
}

done_testing;
