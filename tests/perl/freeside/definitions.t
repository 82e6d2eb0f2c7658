#!/usr/bin/perl

# A change of service definition: delete and insert hooks in one transaction,
# with the service's row there all the time.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use ISP;

## no critic (ProhibitPackageVars): the recording export's

my $isp = ISP->open;
my $old = $isp->export(
    'recording',
    exportname  => 'old',
    definitions => ['Small', 'Kept']
);
my $new  = $isp->export('recording', exportname => 'new', definitions => ['Big']);
my $both = $isp->export(
    'recording',
    exportname  => 'both',
    definitions => ['Small', 'Big']
);
my $ann = $isp->customer;
my ($small, $big) = map { $isp->definition($_)->svcpart } qw( Small Big );

sub calls {
    my ($code) = @_;
    local @FS::part_export::recording::CALLS = ();
    $code->();
    return @FS::part_export::recording::CALLS;
}

my $svc   = $isp->provisioned($ann, username => 'jane', definition => 'Small');
my @calls = calls(
    sub {
        is $isp->change_definition($svc, 'Big'), q{}, 'the change succeeds';
    }
);

is_deeply [map { "$_->{hook} $_->{export}" } @calls],
    ['delete ' . $old->exportnum, 'replace ' . $both->exportnum, 'insert ' . $new->exportnum],
    'old exports delete, those of both definitions replace, new ones insert';
is_deeply [map { $_->{svc_acct} } @calls], [1, 1, 1],      'the row of svc_acct is there all the time';
is_deeply [map { $_->{svcpart} } @calls],  [($small) x 3], 'cust_svc has the old definition all the time';
is_deeply [map { $_->{svc}->svcpart } @calls], [q{}, $big, $big],
    'the new record has the new definition; the old one, as read from the database, has none';
is_deeply [map { $_->{autocommit} } @calls], [0, 0, 0], 'in one transaction';
is $svc->cust_svc->svcpart, $big, 'afterwards the database has the new one';

subtest 'the_new_export_refuses_and_everything_is_as_before' => sub {
    my $jane = $isp->provisioned($ann, username => 'joan', definition => 'Small');
    $isp->change_options($new, refuse => 'insert');
    is $isp->change_definition($jane, 'Big'),
        'error inserting export to recording (transaction rolled back): the insert hook refused',
        'the text';
    is $jane->cust_svc->svcpart, $small, 'still the old definition';
    $isp->change_options($new, refuse => q{});
};

subtest 'the_same_exports_on_both_definitions_only_replace' => sub {
    my $jim     = $isp->provisioned($ann, username => 'jim', definition => 'Kept');
    my $svcpart = $isp->definition('Kept too')->svcpart;
    $isp->link($old, 'Kept too');
    my @only = calls(sub { is $isp->change_definition($jim, 'Kept too'), q{}, 'changed' });
    is_deeply [map { $_->{hook} } @only], ['replace'], 'one hook';
    is $jim->cust_svc->svcpart, $svcpart, 'done';
};

done_testing;
