#!/usr/bin/perl

# freeside-reexport itself, on a real Freeside.

use strict;
use warnings;

use Test::More;

use File::Basename qw( dirname );

use ISP;
use Program qw( run_program );
use Simulator;

my $PROGRAM = dirname($ENV{MAGICMAIL_FREESIDE_QUEUED}) . '/freeside-reexport';
if (!-e $PROGRAM) { plan skip_all => "there is no $PROGRAM" }

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my $isp       = ISP->open;

# What it writes to standard error, without Freeside's warnings; its exit status.
sub reexport {
    my (@arguments) = @_;
    return run_program([2], '-MFS::Record', $PROGRAM, 'admin', @arguments);
}

sub begin {
    my (%option) = @_;
    $magicmail->reset;
    $isp->empty_for_a_rule;
    my $export = $isp->magicmail($magicmail, options => \%option);
    my $svc    = $isp->provisioned($isp->customer, username => 'ann', finger => 'Ann Lee');
    return ($export, $svc);
}

subtest 'an insert makes what lacks' => sub {
    my ($export, $svc) = begin();
    my $state = $magicmail->state;
    $state->{$_} = {} for qw( users addresses );
    $magicmail->set_state($state);
    my ($status, $text) = reexport($export->exportnum, '-s', $svc->svcnum);
    is $status,                           0,        'it succeeds' or diag $text;
    is $magicmail->user('ann')->{status}, 'active', 'the mailbox is there';
};

subtest 'an export that is not on the definition does nothing' => sub {
    my ($export, $svc) = begin();
    $isp->definition('Gold');
    my $other = $isp->magicmail(
        $magicmail,
        definitions => ['Gold'],
        options     => {package => 'GOLD', autopurge => 1}
    );
    my $before = $magicmail->state;
    my ($status, $text) = reexport('magicmail', '-s', $svc->svcnum);
    is $status, 0, 'by the type of export' or diag $text;
    is_deeply $magicmail->state->{users}{ann}{packages}, ['EMAIL'],           'no package of the other one';
    is_deeply $magicmail->state->{accounts},             $before->{accounts}, 'the account is as it was';
    ($status, $text) = reexport($other->exportnum, '-s', $svc->svcnum, '-e', 'insert');
    is $status, 0, 'by its number' or diag $text;
    is_deeply $magicmail->state->{users}{ann}{packages}, ['EMAIL'], 'nor so';
};

subtest 'a delete really unprovisions, and is committed' => sub {
    my ($export, $svc)  = begin();
    my ($status, $text) = reexport($export->exportnum, '-s', $svc->svcnum, '-e', 'delete');
    is $status,                           0,         'it succeeds' or diag $text;
    is $magicmail->user('ann')->{status}, 'deleted', 'it is marked deleted';
    my ($line) = grep { $_->message =~ m/\Aunprovisioned/x } $isp->log_rows;
    ok $line, 'the log has it';
    is scalar $isp->jobs, 0, 'no job is left';
};

subtest 'suspend and unsuspend' => sub {
    my ($export, $svc)  = begin();
    my ($status, $text) = reexport($export->exportnum, '-s', $svc->svcnum, '-e', 'suspend');
    is $magicmail->user('ann')->{status}, 'suspended', 'suspended' or diag $text;
    ($status, $text) = reexport($export->exportnum, '-s', $svc->svcnum, '-e', 'unsuspend');
    is $magicmail->user('ann')->{status}, 'active', 'active' or diag $text;
};

done_testing;
