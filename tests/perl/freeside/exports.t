#!/usr/bin/perl

# An export as an object: its type's class, its options, its record of each
# service, its machine.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use Died qw( died );
use FS::part_export_machine;
use FS::Record qw( qsearchs );
use FS::svc_export_machine;
use ISP;

my $isp    = ISP->open;
my $export = $isp->export(
    'recording',
    machine => 'mail.example.net',
    options => {one => 1, two => q{}}
);
my $svc = $isp->provisioned($isp->customer, username => 'jane');

subtest 'an_export_found_is_of_its_types_class' => sub {
    my $found = qsearchs('part_export', {exportnum => $export->exportnum});
    isa_ok $found, 'FS::part_export::recording';
    my $unknown = FS::part_export->new({exporttype => 'unheard_of'});
    is ref $unknown, 'FS::part_export', 'an unknown type stays what it is';
    like $unknown->export_insert($svc), qr/unknown[ ]export[ ]type/x, 'and refuses';
};

subtest 'options_are_read_anew_each_time' => sub {
    is $export->option('one'),  1,   'one of them';
    is $export->option('none'), q{}, 'one that is not there';
    is_deeply { $export->options }, {one => 1, two => q{}}, 'all';
    my @statements =
        Statements->during(sub { $export->option('one') for 1 .. 3; my %all = $export->options });
    is scalar @statements, 4, 'a statement each';
    $isp->change_options($export, one => 2);
    is $export->option('one'), 2, 'as they are now';
};

subtest 'a_replace_with_options_keeps_only_those_and_one_without_keeps_all' => sub {
    is $export->replace($export), q{}, 'without';
    is_deeply { $export->options }, {one => 2, two => q{}}, 'all kept';
    is $export->replace($export, {three => 3}), q{}, 'with';
    is_deeply { $export->options }, {three => 3}, 'only those';
};

subtest 'check_options_refuses_to_save' => sub {
    my $text = 'option refuse: everything is too much';
    like died(
        sub {
            $isp->export('recording', options => {refuse => 'everything'});
        }
        ),
        qr/\Q$text\E/x, 'a new one';
    is $export->replace($export, {refuse => 'everything'}), $text, 'a change';
    is_deeply { $export->options }, {three => 3}, 'nothing changed';
};

subtest 'an_export_has_one_text_on_record_for_each_service' => sub {
    is $export->get_remoteid($svc),              q{},         'none yet';
    is $export->set_remoteid($svc, 'FREESIDE1'), q{},         'set';
    is $export->get_remoteid($svc),              'FREESIDE1', 'read';
    is $export->set_remoteid($svc, 'FREESIDE1'), q{},         'set to the same';
    is $export->set_remoteid($svc, 'FREESIDE2'), q{},         'changed';
    is $export->get_remoteid($svc),              'FREESIDE2', 'read again';
    is $export->set_remoteid($svc, q{}),         q{},         'taken away';
    is $export->get_remoteid($svc),              q{},         'and gone';
    like $export->set_remoteid($svc, 'A|1'), qr/Illegal/x, 'some characters are refused';
    my $other = $isp->export('recording', definitions => ['Other']);
    is $other->get_remoteid($svc), q{}, 'another export has its own';
    my $gone = $isp->provisioned($isp->customer, username => 'gone');
    $export->set_remoteid($gone, 'FREESIDE3');
    is $gone->delete,                                          q{},   'unprovisioning';
    is qsearchs('export_cust_svc', {remoteid => 'FREESIDE3'}), undef, 'takes it along';
};

subtest 'a_service_may_have_a_machine_of_its_own' => sub {
    is $export->svc_machine($svc), 'mail.example.net', 'the machine of all';
    my $each = $isp->export(
        'recording',
        machine     => '_SVC_MACHINE',
        exportname  => 'each',
        definitions => ['Each']
    );
    is died(sub { $each->svc_machine($svc) }), "No hostname selected for each\n", 'none chosen';
    my $machine = FS::part_export_machine->new({exportnum => $each->exportnum, machine => 'mx7'});
    $machine->insert;
    FS::svc_export_machine->new(
        {
            svcnum     => $svc->svcnum,
            exportnum  => $each->exportnum,
            machinenum => $machine->machinenum
        }
    )->insert;
    is $each->svc_machine($svc), 'mx7', 'the chosen one';
};

subtest 'an_export_knows_its_definitions_and_goes_with_its_rows' => sub {
    is_deeply [map { $_->svc } $export->part_svc], ['Mailbox'], 'definitions';
    is_deeply [map { $_->exportnum } $isp->definition('Mailbox')->part_export('recording')],
        [$export->exportnum],
        'and they it';
    is $export->delete,                                                   q{},   'deleted';
    is qsearchs('part_export_option', {exportnum => $export->exportnum}), undef, 'with its options';
};

is_deeply [
    grep { $_ eq 'recording' }
        keys %{FS::part_export::export_info('svc_acct')}
    ],
    ['recording'],
    'the type is registered for its kind of service';
is_deeply [
    grep { $_ eq 'recording' }
        keys %{FS::part_export::export_info('svc_domain')}
    ],
    [],
    'and for no other';

done_testing;
