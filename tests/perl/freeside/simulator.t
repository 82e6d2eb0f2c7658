#!/usr/bin/perl

# The simulator as tests use it: started, asked over TLS, controlled, gone with
# the test.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use HTTP::Tiny;
use MIME::Base64 qw( encode_base64 );
use Test::More;

use Died qw( died );
use Simulator;

if (died(sub { Simulator::program() })) {
    plan skip_all => 'the simulator is not built';
}

my $magicmail = Simulator->start(
    domains   => ['example.net', 'example.org'],
    client_id => 'isp'
);

# One request of the provisioning API; its status.
sub request {
    my ($method, $path, %parameter) = @_;
    my $http = HTTP::Tiny->new(
        verify_SSL  => 1,
        SSL_options => {SSL_ca_file => $magicmail->ca_file}
    );
    my $form    = $http->www_form_urlencode({client_type => 'FREESIDE', %parameter});
    my $url     = $magicmail->url . "/api/v2$path" . ($method eq 'GET' ? "?$form" : q{});
    my $code    = encode_base64(join(q{:}, $magicmail->client_id, $magicmail->client_password), q{});
    my %headers = (
        authorization  => "Basic $code",
        'content-type' => 'application/x-www-form-urlencoded'
    );
    return $http->request($method, $url, {headers => \%headers, $method eq 'POST' ? (content => $form) : ()});
}

like $magicmail->port, qr/\A \d+ \z/x, 'a port';
is $magicmail->host, '127.0.0.1', 'a host';
ok -r $magicmail->ca_file, 'a CA';
is_deeply [sort @{$magicmail->state->{domains}}], ['example.net', 'example.org'], 'its domains';

subtest 'what_it_is_asked_it_does_and_logs' => sub {
    is request(
        POST       => '/account/FREESIDE1',
        first_name => 'Ann',
        last_name  => 'Lee'
    )->{status}, 200, 'an account';
    is $magicmail->account('freeside1')->{first_name}, 'Ann', 'is there';
    is $magicmail->user('nobody'),                     undef, 'a user is not';
    is_deeply [$magicmail->request_lines], ['POST /account/FREESIDE1'], 'as texts';
    is $magicmail->requests, 1, 'one request';
    my ($entry) = $magicmail->log;
    is $entry->{parameters}{last_name},   'Lee', 'with its parameters';
    is $magicmail->connections->{opened}, 1,     'on one connection';
    $magicmail->clear_log;
    is $magicmail->requests, 0, 'the log is empty';
};

subtest 'its_state_can_be_given' => sub {
    my $state = $magicmail->state;
    $state->{accounts}{FREESIDE2} =
        {first_name => "Zo\x{eb}", last_name => 'Roe', status => 'suspended'};
    $magicmail->set_state($state);
    is $magicmail->account('FREESIDE2')->{status},     'suspended', 'as it was given';
    is $magicmail->account('FREESIDE2')->{first_name}, "Zo\x{eb}",  'characters too';
};

subtest 'faults_and_modes_can_be_set' => sub {
    $magicmail->faults({kind => 'status_500', on => 2});
    is_deeply [map { request(GET => '/account/FREESIDE1')->{status} } 1 .. 3], [200, 500, 200],
        'the second request';
    is $magicmail->modes(fields => 'children')->{fields}, 'children', 'a mode';
    like request(GET => '/account/FREESIDE1')->{content}, qr/<first_name>Ann/x, 'is followed';
};

subtest 'a_reset_empties_it' => sub {
    $magicmail->reset;
    is_deeply $magicmail->state->{accounts}, {}, 'no account';
    is $magicmail->modes->{fields},            'attributes', 'default modes';
    is scalar @{$magicmail->state->{domains}}, 2,            'domains are kept';
};

subtest 'it_ends_with_stop' => sub {
    my $process = $magicmail->process;
    $magicmail->stop;
    ok !kill(0 => $process), 'it is gone';
};

done_testing;
