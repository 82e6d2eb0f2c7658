#!/usr/bin/perl

# The end of a handle: freed in a child, in the middle of an exception, and when
# the whole process ends. Nothing is said, no exit status changes, and the
# connections of the parent go on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Carp qw( croak );
use Test::More;

use HostProcess qw( child_gave child_runs descriptors perl );
use ISP;
use Simulator;

my $magicmail = Simulator->start;
my $isp       = ISP->open;
my $export    = $isp->magicmail($magicmail);

# Its database handle is the parent's: in a child nothing is to be read from it.
$export->{magic_options} = $export->magic_options;

sub library {
    my ($library) = $export->magic_library;
    return $library;
}

sub asks {
    my ($library) = @_;
    my ($reply)   = $library->call(get_account => {id => 'A1'});
    return $reply && $reply->{id} eq 'A1';
}

# Runs the code in a child, and looks whether this process's own connection was
# left alone meanwhile.
sub the_parent_goes_on_after {
    my ($name, $code) = @_;
    ok asks(library()), "$name: before";
    my $opened = $magicmail->connections->{opened};
    my $asked  = $magicmail->requests;
    my $child  = child_runs($code);
    my $opens  = child_gave($child, 30);
    ok asks(library()), "$name: the parent's next request";
    is $magicmail->connections->{opened}, $opened + $opens,    "$name: on the connection that it had";
    is $magicmail->requests,              $asked + $opens + 1, "$name: and at the first attempt";
    return;
}

subtest 'freed in a child' => sub {
    ok $export->add_account('A1'), 'an account' or diag $export->error;
    the_parent_goes_on_after(
        'unused',
        sub {
            my $library = library();
            $library->forget;
            undef $library;
            return 0;
        }
    );
    the_parent_goes_on_after(
        'used',
        sub {
            my $library = library();
            croak 'no answer' if !asks($library);
            $library->forget;
            undef $library;
            return 1;
        }
    );
};

subtest 'a freed handle takes its connections along' => sub {
    ok asks(library()), 'asked';
    my $before = descriptors();
    library()->forget;
    is descriptors(), $before - 1, 'one descriptor less';
};

subtest 'an object goes in the middle of an exception' => sub {
    my $is_done = eval {
        my $library = library();
        $library->forget;
        die "the reason\n";
    };
    ok !$is_done, 'died';
    is $@, "the reason\n", 'the reason is kept';
    my $library = library();
    $library->forget;
    local ($!, $?) = (2, 512);
    undef $library;
    my ($error, $status) = ($! + 0, $?);
    is $error,  2,   '$! is kept';
    is $status, 512, '$? is kept';
};

# What a program begins with: an export, and a mailbox that was provisioned. It
# must not be the program itself that cleans up: all of it stays in globals.
my $BEGINNING = <<'END_OF_PROGRAM';
use strict; use warnings;
use ISP;
our ( $isp, $export, $svc, $library );
my ( $host, $port, $ca_file, $name ) = @ARGV;
$isp = ISP->open;
$export = $isp->export( 'magicmail', machine => $host, options => { port => $port,
    ca_file => $ca_file, client_id => 'freeside', client_password => 'secret' } );
$svc = $isp->provisioned( $isp->customer( custnum => 1000 + $name ), username => "user$name" );
($library) = $export->magic_library;
END_OF_PROGRAM

my $count = 0;

sub ends_with {
    my ($name, $expected, $ending) = @_;
    $count++;
    my ($said, $status) =
        perl("$BEGINNING $ending", $magicmail->host, $magicmail->port, $magicmail->ca_file, $count);
    is $status,                                  $expected, "$name: status";
    is $said,                                    q{},       "$name: nothing is said";
    is $magicmail->user("user$count")->{status}, 'active',  "$name: it worked";
    return;
}

subtest 'global destruction' => sub {
    ends_with('falling off the end',     0,      q{});
    ends_with('exit',                    3 << 8, 'exit 3;');
    ends_with('a status set at the end', 4 << 8, 'END { $? = 4 }');
    ends_with('a cycle that only global destruction breaks',
        5 << 8, '$library->{self} = $library; $svc->{library} = $library; exit 5;');
    ends_with('an object in its own destructor', 0, <<'END_OF_PROGRAM' );
sub Late::DESTROY { my ($self) = @_; $self->{library}->forget if $self->{library}; return }
our $late = bless { library => $library }, 'Late'; exit 0;
END_OF_PROGRAM
    ends_with('a child that exits', 0, <<'END_OF_PROGRAM' );
my $child = fork;
if ( !$child ) { $isp->{owner} = 0; exit 6 }
waitpid $child, 0;
$? == 6 << 8 or print "the child ended with $?\n";
my $error = $isp->change( $svc, _password => 'afterwards' );
print "error $error\n" if $error;
END_OF_PROGRAM
    ends_with('a child that worked and exits', 0, <<'END_OF_PROGRAM' );
$export->{magic_options} = $export->magic_options;
my $child = fork;
if ( !$child ) {
    $isp->{owner} = 0;
    my ($reply) = $library->call( get_user => { id => $svc->username } );
    exit( $reply ? 7 : 8 );
}
waitpid $child, 0;
$? == 7 << 8 or print "the child ended with $?\n";
my $error = $isp->change( $svc, _password => 'afterwards' );
print "error $error\n" if $error;
END_OF_PROGRAM
    is $magicmail->connections->{handshakes_failed}, 0, 'no broken connection';
};

done_testing;
