#!/usr/bin/perl

# The statements of a hook: few, and as many whatever there is in the database.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Carp qw( croak );
use Test::More;

use FS::Record qw( dbh );
use ISP;
use Simulator;
use Statements;

## no critic (ProhibitPackageVars): Freeside's

my $magicmail = Simulator->start;
local $SIG{__WARN__} = sub { };

sub services {
    my ($isp, $customer, $count, $name) = @_;
    local $FS::svc_Common::noexport_hack = 1;
    my $package = $isp->package($customer);
    for my $n (1 .. $count) {
        my $error = $isp->mailbox($package, username => "$name$n")->insert;
        if ($error) { croak $error }
    }
    dbh->commit;
    return;
}

my %counts;
my $isp    = ISP->open;
my $export = $isp->magicmail($magicmail);
my $ann    = $isp->customer;
my $first  = $isp->provisioned($ann, username => 'first');
$FS::svc_acct::global_unique = 'disabled';
my ($own, $others) = (0, 0);
for my $size ([1, 1], [5, 100], [500, 2_000]) {
    my ($more, $of_others) = @{$size};
    services($isp, $ann,           $more - $own,         "own$more-");
    services($isp, $isp->customer, $of_others - $others, "his$of_others-");
    ($own, $others) = ($more, $of_others);
    my $svc = $isp->mailbox($ann, username => "new$more");
    my $pkg;
    my %act = (
        insert    => sub { $svc->insert },
        replace   => sub { $isp->change($svc, finger => 'New One') },
        suspend   => sub { ($pkg = $svc->cust_svc->cust_pkg)->suspend },
        unsuspend => sub { $pkg->unsuspend },
        delete    => sub { $isp->fresh($svc)->delete },
    );
    for my $act (qw( insert replace suspend unsuspend delete )) {
        $magicmail->clear_log;
        my $error;
        my @read = grep { $_->{by} !~ m/\AFS::[lL]og/x }
            Statements->of_hooks_during(sub { $error = $act{$act}->() });
        is $error, q{}, "$more of $of_others: $act";
        cmp_ok scalar @read, '<=', 10, scalar(@read) . ' statements';
        push @{$counts{$act}}, scalar @read;
        cmp_ok $magicmail->requests, '<=', 8, 'requests';
    }
}
for my $act (sort keys %counts) {
    my %different = map { $_ => 1 } @{$counts{$act}};
    is scalar keys %different, 1, "$act: as many (@{ $counts{$act} })";
}

my ($read, @read) = FS::part_export::magicmail::Records->can('rows');
{
    no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
    local *FS::part_export::magicmail::Records::rows = sub {
        my @rows = $read->(@_);
        push @read, grep { exists $_->{username} } @rows;
        return @rows;
    };
    is $isp->mailbox($ann, username => 'last')->insert, q{}, 'one more';
}
is scalar(grep { $_->{custnum} != $ann->custnum } @read), 0,   'no service of another customer is read';
is scalar @read,                                          502, 'all of this one are';

done_testing;
