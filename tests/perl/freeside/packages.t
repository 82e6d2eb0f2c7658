#!/usr/bin/perl

# Packages: suspended, unsuspended, cancelled, moved and merged, and what the
# exports hear of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::queue;
use FS::Record qw( dbh qsearchs );
use ISP;

## no critic (ProhibitPackageVars): the recording export's

my $isp    = ISP->open;
my $export = $isp->export('recording');
my $number = 0;

sub calls {
    my ($code) = @_;
    local @FS::part_export::recording::CALLS = ();
    $code->();
    return @FS::part_export::recording::CALLS;
}

sub hooks {
    my ($code) = @_;
    return join q{ }, map { $_->{hook} } calls($code);
}

# A customer's package with so many mailboxes.
sub package_of {
    my ($customer, $count) = @_;
    my $package = $isp->package($customer);
    for (1 .. $count) {
        $isp->provisioned($package, username => 'user' . ++$number);
    }
    return $package;
}

subtest 'a_suspend_tells_every_service_after_the_row_says_so' => sub {
    my $package = package_of($isp->customer, 2);
    is hooks(sub { is $package->suspend, q{}, 'suspended' }),
        'pkg_change pkg_change suspend suspend', 'the hooks';
    ok $isp->fresh($package)->susp, 'the database says when';
    is hooks(sub { $package->suspend }), q{}, 'once';
    my @calls = calls(sub { is $isp->fresh($package)->unsuspend, q{}, 'unsuspended' });
    is join(q{ }, map { $_->{hook} } @calls),
        'unsuspend unsuspend pkg_change pkg_change', 'the row comes last';
    is $isp->fresh($package)->susp, q{}, 'the database agrees';
};

subtest 'an_error_of_a_suspend_hook_is_thrown_away_and_its_job_stays' => sub {
    my $package = package_of($isp->customer, 1);
    local $FS::part_export::recording::WATCH = sub {
        my (undef, $name, $svc) = @_;
        return if $name ne 'suspend';
        FS::queue->new(
            {
                job    => 'FS::part_export::recording::work',
                svcnum => $svc->svcnum
            }
        )->insert('again');
    };
    $isp->change_options($export, refuse => 'suspend');
    is $package->suspend, q{}, 'no error is heard of';
    ok $isp->fresh($package)->susp, 'the package counts as suspended';
    is scalar($isp->jobs), 1, 'the job that the hook queued is there';
    $isp->run_jobs;
    $isp->change_options($export, refuse => q{});
};

subtest 'an_error_of_an_unsuspend_hook_counts' => sub {
    my $package = package_of($isp->customer, 1);
    $package->suspend;
    $isp->change_options($export, refuse => 'unsuspend');
    like $isp->fresh($package)->unsuspend, qr/the[ ]unsuspend[ ]hook[ ]refused/x, 'its text';
    ok $isp->fresh($package)->susp, 'still suspended';
    $isp->change_options($export, refuse => q{});
};

subtest 'a_cancel_unprovisions_the_services_first' => sub {
    my $package = package_of($isp->customer, 2);
    is hooks(sub { is $package->cancel, q{}, 'cancelled' }), 'delete delete', 'the hooks';
    is scalar($package->cust_svc),                           0,               'no service is left';
    ok $isp->fresh($package)->get('cancel'), 'the row says when';
};

subtest 'every_change_of_a_package_is_told_before_the_row_changes' => sub {
    my $package = package_of($isp->customer, 1);
    my $bill;
    local $FS::part_export::recording::WATCH = sub {
        ($bill) = dbh->selectrow_array('SELECT bill FROM cust_pkg WHERE pkgnum = ?', undef, $package->pkgnum);
    };
    my $new = FS::cust_pkg->new({$package->hash, bill => 1_700_000_000});
    my ($call) = calls(sub { is $new->replace($package), q{}, 'changed' });
    is $call->{hook},               'pkg_change',  'the hook';
    is $call->{more}[0]->bill,      1_700_000_000, 'the new package';
    is $call->{more}[1]->bill,      q{},           'the old package';
    is $bill,                       undef,         'the row is the old one';
    is $isp->fresh($package)->bill, 1_700_000_000, 'then the new one';
};

subtest 'a_service_moves_with_its_package_to_another_customer' => sub {
    my ($ann, $bob) = map { $isp->customer(first => $_) } qw( Ann Bob );
    my $package = package_of($ann, 1);
    my $moved;
    my ($call) = calls(sub { $moved = $package->change({cust_main => $bob}) });
    isa_ok $moved, 'FS::cust_pkg' or diag $moved;
    is $call->{hook},              'pkg_change',  'the hook';
    is $call->{more}[0]->custnum,  $bob->custnum, 'new package';
    is $call->{more}[1]->custnum,  $ann->custnum, 'old package';
    is $call->{customer}->custnum, $ann->custnum, 'cust_svc still has the old one';
    my ($cust_svc) = $moved->cust_svc;
    is $cust_svc->svc_x->cust_main->custnum, $bob->custnum, 'then the new one';
    ok $isp->fresh($package)->get('cancel'), 'the old package is cancelled';
};

subtest 'two_customers_are_merged_into_the_second' => sub {
    my ($ann, $bob) = map { $isp->customer(first => $_) } qw( Ann Bob );
    my $package = package_of($ann, 1);
    my ($call) =
        calls(sub { is $ann->merge($bob->custnum), q{}, 'merged' });
    is $call->{hook}, 'pkg_change', 'the hook';
    is_deeply [map { $_->custnum } @{$call->{more}}], [$bob->custnum, $ann->custnum], 'new and old package';
    is $isp->fresh($package)->custnum, $bob->custnum, 'the package is with the other one';
    is $isp->fresh($ann),              undef,         'the first customer is gone';
    is $bob->merge($bob->custnum),     "Can't merge a customer into self", 'not into oneself';
};

subtest 'a_refused_merge_changes_nothing' => sub {
    my ($ann, $bob) = map { $isp->customer(first => $_) } qw( Ann Bob );
    package_of($ann, 1);
    $isp->change_options($export, refuse => 'pkg_change');
    like $ann->merge($bob->custnum), qr/the[ ]pkg_change[ ]hook[ ]refused/x, 'the text';
    is scalar($isp->fresh($ann)->all_pkgs), 1, 'as before';
    $isp->change_options($export, refuse => q{});
};

done_testing;
