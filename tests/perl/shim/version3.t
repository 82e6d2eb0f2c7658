#!/usr/bin/perl

# Freeside 3.93: what a line of its log is about must be there.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

## no critic (RequireLocalizedPunctuationVars): for the whole test
BEGIN { $ENV{SMALL_FREESIDE} = 3 }

use Died qw( died );
use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my $isp    = ISP->open;
my $export = $isp->magicmail($magicmail);
my $plus   = $isp->magicmail(
    $magicmail,
    options     => {package => 'PLUS'},
    definitions => ['Plus']
);
my $ann = $isp->customer;
my $bob = $isp->customer;
my $one = $isp->provisioned($ann, username => 'one');
my $two = $isp->provisioned($ann, username => 'two', definition => 'Plus');
my $his = $isp->provisioned($bob, username => 'his', definition => 'Plus');
is_deeply $magicmail->user('one')->{packages}, ['EMAIL', 'PLUS'], 'provision';
is $isp->change($one, finger => 'One Two'), q{}, 'change';
my $pkg = $one->cust_svc->cust_pkg;
is $pkg->suspend,                            q{}, 'suspend';
is $isp->fresh($pkg)->unsuspend,             q{}, 'unsuspend';
is $isp->change_definition($two, 'Mailbox'), q{}, 'change of definition';
is_deeply [map { $_->{error} } $isp->run_jobs], [q{}],     'its job';
is_deeply $magicmail->user('one')->{packages},  ['EMAIL'], 'in line';
is $isp->fresh($one)->delete, q{}, 'unprovision';
my ($line) = grep { $_->message =~ m/\Aunprovisioned/x } $isp->log_rows;
is $line && join(q{ }, $line->tablename, $line->tablenum), 'cust_main ' . $ann->custnum,
    'is a line about the customer';
is $magicmail->user('two')->{master_user}, 'Y', 'the heir';
my (undef, $status) = $isp->fresh($two)->export_getstatus;
is $status->{'MagicMail status'}, 'active', 'status';
ok ref $isp->fresh($two)->export_getsettings, 'settings';
is $pkg->custnum,              $ann->custnum, 'a package';
is $bob->merge($ann->custnum), q{},           'a merge does no harm';
is_deeply [map { $_->svcnum } $export->cust_magic_services($two)], [$two->svcnum], 'the account is on record';
is scalar(grep { !m/taken[ ]over/x } @warned), 0, 'no warning but of a take-over';

my $other = $isp->provisioned($isp->customer, username => 'other');
$magicmail->faults({kind => 'status_500', on => 1, count => undef});
my $error = $other->cust_svc->cust_pkg->suspend;
like $error, qr/cannot[ ]suspend/x, 'Freeside 3 tells staff of a failure';
ok @warned > 0, 'and the error log has it';

# Its jobs with a progress bar get frozen parameters.
$magicmail->faults;
require MIME::Base64;
require Storable;
my $param = MIME::Base64::encode_base64(Storable::nfreeze({check_export_exportnum => $export->exportnum}));
my @texts;
{

    package Progress;    ## no critic (RequireFilenameMatchesPackage): for this test

    sub new {
        my ($class, $told) = @_;
        return bless {told => $told}, $class;
    }

    sub update_statustext {
        my ($self, $text) = @_;
        return $self->{told}->($text);
    }
}
my $job = Progress->new(sub { push @texts, @_ });
is died(sub { FS::part_export::magicmail::check_export($job, $param) }), q{}, 'the script';
ok @texts > 0, 'tells its progress';

done_testing;
