#!/usr/bin/perl

# Signals with handlers in Perl while hooks run; `alarm` around a server that
# hangs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Time::HiRes qw( alarm time );

use HostProcess qw( perl );
use ISP;
use Simulator;

my $magicmail = Simulator->start;

# How many hooks run in the storm.
my $ROUNDS = 30;

# In a process of its own: a handler that ran on another thread would end it.
my $STORM = <<'END_OF_PROGRAM';
use strict; use warnings;
use HostProcess qw( storm );
use ISP;
my ( $host, $port, $ca_file, $rounds ) = @ARGV;
my $isp = ISP->open;
my %option = ( port => $port, ca_file => $ca_file,
    client_id => 'freeside', client_password => 'secret', autopurge => 1 );
my $export = $isp->export( 'magicmail', machine => $host, options => \%option );
my $ann = $isp->customer;
$isp->provisioned( $ann, username => 'ann' );
my @said;
my $caught = storm( [qw( USR1 USR2 ALRM )], sub {
    for my $round ( 1 .. $rounds ) {
        my $svc = $isp->mailbox( $ann, username => "bob$round" );
        push @said, $svc->insert, $isp->change( $svc, finger => "Bob $round" );
        # Connections are made in the storm too.
        my ($library) = $export->magic_library;
        $library->forget;
        undef $library;
        push @said, $isp->fresh($svc)->delete;
    }
} );
print "caught $caught\n", map { "said $_\n" } grep { $_ } @said;
END_OF_PROGRAM

subtest 'a storm of signals while requests go side by side' => sub {
    $magicmail->reset;
    $magicmail->modes(latency_ms => 3);
    my ($said, $status) = perl($STORM, $magicmail->host, $magicmail->port, $magicmail->ca_file, $ROUNDS);
    is $status, 0, 'the process lives to its end';
    my ($caught) = $said =~ /\A caught[ ](\d+) \n \z/x;
    ok defined $caught, 'no hook fails' or diag $said;
    cmp_ok $caught || 0, '>', 100, 'signals came';
    note "$caught signals were handled" if $caught;
    my %connections = map { $_->{connection} => 1 } $magicmail->log;
    cmp_ok scalar keys %connections, '>', $ROUNDS, 'requests went side by side';
    is_deeply [sort keys %{$magicmail->state->{users}}], ['ann'], 'the server is as it should be';
    $magicmail->modes(latency_ms => 0);
};

# Runs the code with an alarm in it; what it returned, how long it took, and how
# long after its start the handler ran.
sub alarmed {
    my ($seconds, $handler, $code) = @_;
    my $begin = time;
    my $fired;
    local $SIG{ALRM} = sub { $fired ||= time - $begin; $handler->() };
    alarm $seconds;
    my $said = $code->();
    my $took = time - $begin;
    alarm 0;
    return ($said, $took, $fired);
}

my $LIMIT = 1;

sub hanging {
    my ($isp, $method) = @_;
    $magicmail->reset;
    my $export = $isp->magicmail($magicmail, options => {timeout => $LIMIT});
    $isp->provisioned($isp->customer, username => 'ann');
    $magicmail->faults({kind => 'hang', count => undef, method => $method});
    return;
}

subtest 'an alarm does not end a hook; its own deadline does' => sub {
    local $SIG{__WARN__} = sub { };
    for my $method (qw( GET POST )) {
        my $isp = ISP->open;
        hanging($isp, $method);
        my $svc    = $isp->mailbox($isp->customer, username => 'bob');
        my $before = $magicmail->state;
        my ($said, $took, $fired) =
            alarmed($LIMIT / 4, sub { }, sub { $svc->insert });
        like $said, qr/did[ ]not[ ]answer[ ]within[ ]$LIMIT[ ]second/x, "$method: the text says why";
        cmp_ok $took,  '>=', $LIMIT,       "$method: the hook waits its time";
        cmp_ok $took,  '<',  6 * $LIMIT,   "$method: and no longer";
        cmp_ok $fired, '>=', $LIMIT * 0.9, "$method: the handler runs when the call has returned";
        note "$method: took $took s, handler after $fired s";
        is_deeply $magicmail->state, $before, "$method: nothing was changed";
        $magicmail->faults;
        is $svc->insert, q{}, "$method: and the next hook works";
    }
};

subtest 'a handler that dies is an error of the hook' => sub {

    # It would die in the writing of the line.
    local $Secrecy::IS_DEBUG_ON = 0;
    my @warned;
    local $SIG{__WARN__} = sub { push @warned, @_ };
    my $isp = ISP->open;
    hanging($isp, 'GET');
    my $svc = $isp->mailbox($isp->customer, username => 'bob');
    my ($said, $took, $fired) =
        alarmed($LIMIT / 4, sub { die "too late\n" }, sub { $svc->insert });
    like $said, qr/cannot[ ]provision[ ]mailbox[ ]bob.*too[ ]late/x, 'the hook returns a text';
    ok !$isp->fresh($svc), 'Freeside has rolled back';
    $magicmail->faults;
    is $svc->insert,                      q{},      'the next hook works';
    is $magicmail->user('bob')->{status}, 'active', 'and did its work';
};

done_testing;
