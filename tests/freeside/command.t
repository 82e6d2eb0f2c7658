#!/usr/bin/perl

# freeside-magicmail in a real Freeside: a process of its own that has loaded nothing else.

use strict;
use warnings;

use Test::More;

use Cwd            qw( abs_path );
use File::Basename qw( dirname );

use ISP;
use Program qw( run_program );
use Simulator;

my $PROGRAM = abs_path(dirname(__FILE__) . '/../../perl/bin/freeside-magicmail');

my $magicmail = Simulator->start(domains => ['example.net']);
my $isp       = ISP->open;
my $export    = $isp->magicmail($magicmail);
my $ann       = $isp->customer(company => 'Lee & <b>Sons</b>');
my $svc       = $isp->provisioned($ann, username => 'ann', finger => 'Ann Lee');

# The command's exit status and what it prints.
sub run_command {
    my (@arguments) = @_;
    return run_program([1, 2], $PROGRAM, @arguments);
}

subtest 'status' => sub {
    my ($status, $text) = run_command('status', 'admin');
    is $status, 0, 'fine' or diag $text;
    like $text, qr{^module [ ] \S+ [ ] \S+/perl/lib/FS/part_export/magicmail[.]pm$}mx,
        'which module is loaded';
    my $exportnum = $export->exportnum;
    like $text, qr/^ [ ]+ export [ ] $exportnum: [ ] prefix [ ] FREESIDE,/mx, 'the export';
};

subtest 'test' => sub {
    my ($status, $text) = run_command('test', 'admin', $export->exportnum);
    like $text,   qr/^ \s* ok \s+ Server /mx, 'what is in order';
    unlike $text, qr/NOT [ ] OK/x,            'and nothing else' or diag $text;
};

subtest 'audit' => sub {
    my $server = quotemeta $export->machine;
    my ($status, $text) = run_command('audit', 'admin', '--quiet');
    is $status, 0, 'no difference' or diag $text;
    unlike $text, qr/$server/x, 'without a word' or diag $text;
    my $state = $magicmail->state;
    $state->{users}{ann}{status} = 'suspended';
    $magicmail->set_state($state);
    ($status, $text) = run_command('audit', 'admin', '--quiet');
    is $status, 1, 'a difference';
    my $svcnum = $svc->svcnum;
    like $text, qr{^suspended/$svcnum\b}mx, 'it is named';
};

subtest 'repair' => sub {
    my @all = ('--max-percent', 100);
    my ($status, $text) = run_command('repair', 'admin', @all);
    is $status,                           1,           'a dry run';
    is $magicmail->user('ann')->{status}, 'suspended', 'changes nothing';
    ($status, $text) = run_command('repair', 'admin', '--apply', @all);
    is $status,                           0,        'mended' or diag $text;
    is $magicmail->user('ann')->{status}, 'active', 'it is';
};

subtest 'nobody of that name' => sub {
    my ($status, $text) = run_command('audit', 'nobody_at_all');
    is $status, 2, 'it cannot tell';
    unlike $text, qr/Undefined [ ] subroutine/x, 'in words';
};

done_testing;
