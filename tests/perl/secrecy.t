#!/usr/bin/perl

# A test that shows a secret fails, whichever way it shows it; one that shows none
# does not, though debug is on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/host/lib", "$FindBin::Bin/lib";

use Test::More;

use HostProcess qw( perl );
use Simulator;

my $magicmail = Simulator->start(client_password => 'api-word-1');

# A mailbox is provisioned in a test of its own, then the text runs.
sub test_with {
    my ($text) = @_;
    my $program = <<'BEGINNING' . "$text\ndone_testing;\n";
use strict; use warnings; use Test::More; use ISP;
my ( $host, $port, $ca_file ) = @ARGV;
my $isp = ISP->open;
my $export = $isp->magicmail( bless( { host => $host, port => $port, ca_file => $ca_file }, 'Server' ) );
my $svc = $isp->provisioned( $isp->customer, username => 'ann', _password => 'mailbox-word-2' );
pass 'provisioned';
{ package Server; sub client_id { 'freeside' } sub client_password { 'api-word-1' }
    sub host { $_[0]{host} } sub port { $_[0]{port} } sub ca_file { $_[0]{ca_file} } }
BEGINNING
    $magicmail->reset;
    return perl($program, $magicmail->host, $magicmail->port, $magicmail->ca_file);
}

subtest 'a test that shows nothing succeeds' => sub {
    my ($said, $status) = test_with(q{});
    is $status, 0, 'its status' or diag $said;
    unlike $said, qr/-word-|POST/x, 'and it says no more than that';
};

my $LINE  = q{FS::part_export::magicmail::Log::to_error_log("the word is mailbox-word-2");};
my %SHOWN = (
    'a line of the error log' => $LINE,
    'a line of a child'       => "if (!fork) { $LINE POSIX::_exit(0) } wait;",
    q{Freeside's log}         => q{require FS::Log; FS::Log->new('x')->info('api-word-1');},
    'a job'                   => q{FS::queue->new({ job => 'a::b' })->insert('mailbox-word-2');},
    'a password that an operation was given' =>
        q{$export->update_user('A1', 'ann', password => 'third-word-3'); $export->error('third-word-3');},
    'the credentials in Base64' => q{$export->error('Basic ZnJlZXNpZGU6YXBpLXdvcmQtMQ==');},
    'the text of a hook'        =>
        q{no warnings; local *FS::part_export::magicmail::_export_suspend = sub { 'api-word-1' }; $svc->suspend;},
    'a page' => q{no warnings; my $shows = sub { $_[3]{x} = ['api-word-1']; '' };}
        . q{local *FS::part_export::magicmail::Pages::export_getstatus = $shows; $svc->export_getstatus;},
);

for my $way (sort keys %SHOWN) {
    subtest "a test that shows a secret in $way fails" => sub {
        my ($said, $status) = test_with($SHOWN{$way});
        isnt $status, 0, 'its status';
        like $said, qr/^[#][ ]secrets[ ]were[ ]shown:\n.*-word-|Basic/mx, 'and it says where';
    };
}

subtest 'the debug log is looked at' => sub {
    my ($said, $status) = test_with(<<'MORE');
no warnings;
my $sink = FS::part_export::magicmail::Log::sink();
$sink->( 0, 'POST /user/ann password=mailbox-word-2' );
MORE
    isnt $status, 0, 'its status';
    like $said, qr/the[ ]debug[ ]log:[ ]POST/x, 'and it says where';
};

done_testing;
