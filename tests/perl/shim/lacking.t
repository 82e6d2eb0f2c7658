#!/usr/bin/perl

# What a Freeside may lack, one thing at a time and all of them: its log, the
# accounts on record, a quick JSON module. A mailbox lives and its pages are drawn.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/../host/lib";

use Test::More;

use HostProcess qw( perl );
use Simulator;

my $magicmail = Simulator->start;

# A life, in a Perl of its own that has not what GONE names.
my $LIFE = <<'END';
use strict; use warnings;
BEGIN {
    unshift @INC, sub {
        my ( undef, $file ) = @_;
        die "Can't locate $file in \@INC\n" if grep { $_ eq $file } split /,/, $ENV{GONE};
        return;
    };
}
use FS::part_export;
BEGIN {
    for my $name ( grep { /remoteid/ } split /,/, $ENV{GONE} ) { delete $FS::part_export::{$name} }
}
use ISP;
$SIG{__WARN__} = sub { };
my $isp = ISP->open;
my %on  = ( machine => $ENV{HOST}, options => { client_id => 'freeside', client_password => 'secret',
    port => $ENV{PORT}, ca_file => $ENV{CA} } );
my $export = $isp->export( 'magicmail', %on );
$isp->export( 'magicmail', %on, definitions => ['Plus'] );
my $svc = $isp->mailbox( $isp->customer( first => "Zo\x{eb}" ), username => 'ann', finger => 'Ann Lee' );
my $pkg;
sub shows { my ( $what, $text ) = @_; print "$what: [$text]\n"; return }
shows( insert    => $svc->insert );
shows( replace   => $isp->change( $svc, finger => "Zo\x{eb} Lee" ) );
shows( suspend   => ( $pkg = $svc->cust_svc->cust_pkg )->suspend );
shows( unsuspend => $isp->fresh($pkg)->unsuspend );
shows( move      => $isp->change_definition( $isp->fresh($svc), 'Plus' ) );
shows( job       => $_->{error} ) for $isp->run_jobs;
my ( undef, $status ) = $isp->fresh($svc)->export_getstatus;
shows( status => $status->{'MagicMail status'} );
my ($settings) = $isp->fresh($svc)->export_getsettings;
shows( settings => $settings->{'MagicMail differs from Freeside'} || q{} );
shows( methods  => join ';', map { $_->username } $export->cust_magic_services($svc) );
shows( record   => $export->can('get_remoteid') ? $export->get_remoteid($svc) : 'none' );
shows( log      => $isp->log_rows > 0 ? 'rows' : 'none' );
shows( json     => join ';', grep { exists $INC{$_} } qw( Cpanel/JSON/XS.pm JSON/XS.pm ) );
shows( delete   => $isp->fresh($svc)->delete );
END

my %WHOLE = (
    insert    => q{},
    replace   => q{},
    suspend   => q{},
    unsuspend => q{},
    move      => q{},
    job       => q{},
    status    => 'active',
    settings  => q{},
    methods   => 'ann',
    record    => 'FREESIDE1',
    log       => 'rows',
    json      => 'Cpanel/JSON/XS.pm',
    delete    => q{},
);

my $LOG     = 'FS/Log.pm';
my $RECORDS = 'get_remoteid,set_remoteid';
my $JSON    = 'Cpanel/JSON/XS.pm';
my $ANY     = "$JSON,JSON/XS.pm";

my @CASES = (
    ['nothing'                     => q{}, ()],
    ['FS::Log'                     => $LOG,     log    => 'none'],
    ['get_remoteid'                => $RECORDS, record => 'none'],
    ['Cpanel::JSON::XS'            => $JSON,    json   => 'JSON/XS.pm'],
    ['any JSON module but Perl\'s' => $ANY,     json   => q{}],
    ['all of them'                 => "$LOG,$RECORDS,$ANY", log => 'none', record => 'none', json => q{}],
);

for my $case (@CASES) {
    my ($name, $gone, %otherwise) = @{$case};
    subtest "where $name is lacking" => sub {
        $magicmail->reset;
        local %ENV = (
            %ENV,
            GONE => $gone,
            HOST => $magicmail->host,
            PORT => $magicmail->port,
            CA   => $magicmail->ca_file
        );
        my ($said) = perl($LIFE);
        my %told = $said =~ m/^(\w+):[ ]\[(.*)\]$/gmx;
        is_deeply \%told, {%WHOLE, %otherwise}, 'a mailbox lives' or diag $said;
        my ($user)    = values %{$magicmail->state->{users}};
        my ($account) = values %{$magicmail->state->{accounts}};
        is $user->{status},        'deleted',  'to its end';
        is $account->{first_name}, "Zo\x{eb}", 'with all characters';
    };
}

done_testing;
