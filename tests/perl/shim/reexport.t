#!/usr/bin/perl

# freeside-reexport: it calls a hook of an export for a service, outside of any
# transaction, be the export on the service's definition or not.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( dbh );
use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

my ($isp, $export, $ann);

sub begin {
    my (%options) = @_;
    $magicmail->reset;
    @warned = ();
    $isp    = ISP->open;
    $export = $isp->magicmail($magicmail, options => \%options);
    $ann    = $isp->customer;
    return;
}

# A mailbox that no export has heard of.
sub unexported {
    my (@mailbox) = @_;
    local $FS::svc_Common::noexport_hack = 1;    ## no critic (ProhibitPackageVars): Freeside's
    my $svc = $isp->mailbox($ann, @mailbox);
    is $svc->insert, q{}, 'a mailbox ' . $svc->username;
    return $svc;
}

# What another connection sees is committed.
sub is_committed {
    my ($what, $wanted, $sql, @bind) = @_;
    dbh->rollback;
    return is scalar(dbh->selectrow_array($sql, undef, @bind)), $wanted, "$what is committed";
}

my $RECORD = 'SELECT remoteid FROM export_cust_svc WHERE svcnum = ?';
my $LINE   = 'SELECT COUNT(*) FROM log WHERE message LIKE ?';

subtest 'each event works, and is committed' => sub {
    begin();
    my $svc = unexported(username => 'ann', finger => 'Ann Lee');
    is $isp->reexport($export, $svc),     q{},      'insert';
    is $magicmail->user('ann')->{status}, 'active', '... it is there';
    is_committed('... the record', 'FREESIDE1', $RECORD, $svc->svcnum);
    is_committed('... the log',    1,           $LINE,   'provisioned mailbox ann%');
    for my $event (qw( replace suspend unsuspend )) {
        is $isp->reexport($export, $svc, $event), q{}, $event;
        my $status = $event eq 'suspend' ? 'suspended' : 'active';
        is $magicmail->user('ann')->{status}, $status, "... it is $status";
    }
    is_committed('... the log', 1, $LINE, 'unsuspended mailbox ann%');
    is $isp->reexport($export, $svc, 'delete'), q{},       'delete';
    is $magicmail->user('ann')->{status},       'deleted', '... it is unprovisioned, at once';
    is_deeply [$isp->jobs], [], '... and not by a job';
};

subtest 'a delete purges where the export says so' => sub {
    begin(autopurge => 1);
    my $svc = $isp->provisioned($ann, username => 'ann');
    is $isp->reexport($export, $svc, 'delete'), q{},   'delete';
    is $magicmail->user('ann'),                 undef, 'purged';
};

subtest 'what fails leaves nothing but its line in the log' => sub {
    begin();
    my $svc = unexported(username => 'ann');
    $magicmail->faults({kind => 'status_500', path => '/emailaddress', on => 1, count => undef});
    like $isp->reexport($export, $svc), qr/\Acannot[ ]provision[ ]mailbox[ ]ann\@/x, 'a text';
    $magicmail->faults;
    is_committed('no record', undef, $RECORD, $svc->svcnum);
    is_committed('the log',   1,     $LINE,   'cannot provision mailbox ann%');
    is $isp->reexport($export, $svc), q{}, 'the next try works';
};

subtest 'an export that is not on the definition does nothing' => sub {
    begin();
    my $other =
        $isp->magicmail($magicmail, options => {package => 'PLUS', autopurge => 1}, definitions => ['Plus']);
    my $svc = unexported(username => 'ann');
    $magicmail->clear_log;
    is $isp->reexport($other, $svc), q{}, 'insert';
    is $magicmail->requests,         0,   '... asks nothing';
    my $warning = 'export 2 is not on the definition of the service; nothing was provisioned';
    like "@warned", qr/\Q$warning\E/x, '... warns';
    is_committed('no record', undef, $RECORD, $svc->svcnum);
    is $isp->reexport($export, $svc), q{}, 'the one that is provisions it';
    is_deeply $magicmail->user('ann')->{packages}, ['EMAIL'], '... with its package alone';
    @warned = ();
    is $isp->reexport($other, $svc, 'delete'), q{},   'delete';
    isnt $magicmail->user('ann'),              undef, '... never purges';
    like "@warned", qr/nothing[ ]is[ ]purged/x, '... and warns';
};

done_testing;
