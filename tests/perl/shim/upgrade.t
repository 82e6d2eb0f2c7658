#!/usr/bin/perl

# What freeside-upgrade does for the exports that are there, what the list of exports
# offers, and what Freeside knows of user names.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/lib", "$FindBin::Bin/../lib";

use Test::More;

use FS::part_export;
use FS::Record qw( dbh qsearch );
use ISP;
use Simulator;

my $magicmail = Simulator->start(domains => ['example.net', 'example.org']);
my @warned;
local $SIG{__WARN__} = sub { push @warned, @_ };

# As Freeside calls it: once for each class of the exports that are there.
sub upgrade {
    my %classes = map { ref $_ => 1 } qsearch('part_export', {});
    foreach my $class (sort keys %classes) {
        if ($class->can('_upgrade_exporttype')) { $class->_upgrade_exporttype }
    }
    return;
}

sub records {
    return {map { $_->exportnum . q{/} . $_->svcnum => $_->remoteid } qsearch('export_cust_svc', {})};
}

subtest 'old mailboxes get their account on record, without a request' => sub {
    $magicmail->reset;
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail, options => {account_prefix => 'ISP'});
    my $plus   = $isp->magicmail(
        $magicmail,
        options     => {use_agent_custid => 1, account_prefix => 'ISP'},
        definitions => ['Plus']
    );
    my $my    = $isp->magicmail($magicmail, type => 'mymagic', definitions => ['Mine']);
    my $ann   = $isp->customer(agent_custid => 'A-1');
    my $known = $isp->provisioned($ann, username => 'known');
    $export->set_remoteid($known, 'ISP77');
    $isp->crowd($isp->package($ann), 2, name => 'old');
    $isp->crowd($isp->package($ann), 1, name => 'plus',  definition => 'Plus');
    $isp->crowd($isp->package($ann), 1, name => 'mine',  definition => 'Mine');
    $isp->crowd($isp->package($ann), 1, name => 'other', definition => 'Other');
    my %svcnum = map { $_->username => $_->svcnum } qsearch('svc_acct', {});
    my ($n, $p, $m) = map { $_->exportnum } $export, $plus, $my;
    my $custnum = $ann->custnum;
    my $before  = $magicmail->requests;
    upgrade();
    my $wanted = {
        "$n/$svcnum{known}" => 'ISP77',
        "$n/$svcnum{old1}"  => "ISP$custnum",
        "$n/$svcnum{old2}"  => "ISP$custnum",
        "$p/$svcnum{plus1}" => 'ISPA-1',
        "$m/$svcnum{mine1}" => "MY-$custnum",
    };
    is_deeply records(), $wanted, 'as the options name them; what was on record stays';
    is $magicmail->requests, $before, 'MagicMail is not asked';
    like join(q{}, @warned), qr/export[ ]$n[ ]has[ ].*[ ]now:[ ]2$/mx, 'it says so';
    @warned = ();
    upgrade();
    is_deeply records(),                     $wanted, 'once more: the same';
    is_deeply [grep { m/record/x } @warned], [],      'and says nothing';
};

subtest 'an upgrade that cannot record an account goes on' => sub {
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my $pipe   = $isp->magicmail($magicmail, options => {account_prefix => 'A|B'}, definitions => ['Pipe']);
    my $ann    = $isp->customer;
    $isp->crowd($isp->package($ann), 1, name => 'old');
    $isp->crowd($isp->package($ann), 1, name => 'pipe', definition => 'Pipe');
    {
        no warnings qw( redefine once );    ## no critic (ProhibitNoWarnings): for this one line
        local *FS::export_cust_svc::insert = sub { return 'no room' };
        upgrade();
    }
    is_deeply records(), {}, 'a database that refuses: nothing is recorded';
    like join(q{}, @warned), qr/cannot[ ]put[ ]the[ ]accounts[ ].*no[ ]room/x, 'that is said';
    @warned = ();
    upgrade();
    is_deeply [values %{records()}], ['FREESIDE' . $ann->custnum], 'the next upgrade does it';
    like join(q{}, @warned), qr/Freeside[ ]cannot[ ]record:[ ]1$/mx, 'but for a name that is refused';
};

subtest 'Freeside knows that a user name has no domain' => sub {
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    is $export->info->{nodomain}, 'Y', 'by %info, for services';
    dbh->do('UPDATE part_export SET nodomain = NULL');
    upgrade();
    is $isp->fresh($export)->nodomain, 'Y', 'and of an export that was saved before';
};

subtest 'the list of exports leads to the test report' => sub {
    my $isp    = ISP->open;
    my $export = $isp->magicmail($magicmail);
    my $my     = $isp->magicmail($magicmail, type => 'mymagic', definitions => []);
    my $path   = 'search/report_svc_export_test.cgi?export';
    is_deeply [$export->actions], ['Test report', "$path=magicmail;from"], 'of its type';
    is_deeply [$my->actions],     ['Test report', "$path=mymagic;from"],   'a subclass of its own';
    is_deeply [FS::part_export::magicmail->actions], [$export->actions], 'as a class method, too';
};

done_testing;
