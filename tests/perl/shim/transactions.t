#!/usr/bin/perl

# Freeside's transaction around a hook, on PostgreSQL: what fails in it beside the work,
# who is waited for, and what the connection is like afterwards.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use FS::Record qw( dbh );
use FS::UID    qw( myconnect );
use ISP;
use Simulator;

## no critic (RequireLocalizedPunctuationVars): for the whole test
if (!$ENV{MAGICMAIL_PG}) {
    my @programs = glob '/usr/lib/postgresql/*/bin/initdb';
    if (!@programs) { plan skip_all => 'PostgreSQL is not installed' }
    $ENV{MAGICMAIL_PG} = 'start';
}

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

# Whatever writes to the table fails from now on.
sub break_table {
    my ($table) = @_;
    dbh->do(<<'END');
CREATE OR REPLACE FUNCTION broken() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$ LANGUAGE plpgsql
END
    dbh->do(
        "CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON $table FOR EACH ROW EXECUTE PROCEDURE broken()");
    dbh->commit;
    return;
}

sub mend_table {
    my ($table) = @_;
    dbh->do("DROP TRIGGER broken ON $table");
    dbh->commit;
    return;
}

# Another connection, as of another process.
sub elsewhere {
    my ($sql, @bind) = @_;
    my $other = myconnect();
    $other->do($sql, undef, @bind);
    return $other;
}

subtest 'a log that cannot be written takes no hook along' => sub {
    begin();
    my $package = $isp->package($ann);
    my $svc     = $isp->mailbox($package, username => 'ann', finger => 'Ann Lee');
    break_table('log');
    is $svc->insert,                            q{},       'provision';
    is $isp->change($svc, finger => 'Ann Roe'), q{},       'change';
    is $package->suspend,                       q{},       'suspend';
    is $isp->fresh($package)->unsuspend,        q{},       'unsuspend';
    is $isp->fresh($svc)->finger,               'Ann Roe', 'Freeside has it';
    is $magicmail->user('ann')->{status},       'active',  'and MagicMail';
    is $isp->fresh($svc)->delete,               q{},       'unprovision';
    is $isp->fresh($svc),                       undef,     'it is gone';
    mend_table('log');
};

subtest 'a job that cannot be queued takes no hook along' => sub {
    begin(autopurge => 1, purge_after_commit => 1);
    my $package = $isp->package($ann);
    my ($svc, $two) = map { $isp->provisioned($package, username => $_) } qw( ann two );
    break_table('queue');
    is $svc->delete, q{}, 'a late purge';
    like "@warned", qr/the[ ]purge[ ]could[ ]not[ ]be[ ]queued:[ ].*broken/x, 'is warned about';
    is $isp->fresh($svc), undef, 'the service is gone';
    $magicmail->faults({kind => 'status_500', method => 'POST', on => 1, count => undef});
    is $package->suspend, q{}, 'a suspend that fails';
    ok $isp->fresh($package)->susp, 'Freeside goes on';
    mend_table('queue');
    $magicmail->faults;
};

subtest 'a record that cannot be corrected takes no hook along' => sub {
    begin();
    my $svc = $isp->provisioned($ann, username => 'ann', finger => 'Ann Lee');
    is $export->set_remoteid($svc, 'FREESIDE999'), q{}, 'a wrong record';
    break_table('export_cust_svc');
    is $isp->change($svc, finger => 'Ann Roe'), q{},       'a change';
    is $isp->fresh($svc)->finger,               'Ann Roe', 'Freeside has it';
    mend_table('export_cust_svc');
};

subtest 'a billing run that holds the customer keeps nobody waiting' => sub {
    begin();
    my $package = $isp->package($ann);
    dbh->do(q{SET lock_timeout = '3s'});
    dbh->commit;
    my $billing = elsewhere('SELECT 1 FROM cust_main WHERE custnum = ? FOR UPDATE', $ann->custnum);
    my $svc     = $isp->mailbox($package, username => 'ann');
    is $svc->insert,                            q{}, 'provision';
    is $isp->change($svc, finger => 'Ann Roe'), q{}, 'change';
    is $package->suspend,                       q{}, 'suspend';
    is $isp->fresh($package)->unsuspend,        q{}, 'unsuspend';
    is $isp->fresh($svc)->delete,               q{}, 'unprovision';
    $billing->disconnect;
    is scalar(dbh->selectrow_array('SHOW lock_timeout')), '3s', 'the limit is as it was';
    dbh->commit;
};

# Account or service, the hook that wants it, and whoever holds it.
my $LIMIT = 0.4;

sub is_told_to_wait {
    my ($name, $label, $code) = @_;
    my $other =
        elsewhere('SELECT pg_advisory_xact_lock(?, ?)', FS::part_export::magicmail::Locks::key_of($name));
    $magicmail->clear_log;
    my @printed;
    local $SIG{__WARN__} = sub { push @printed, @_ };
    my $text = $code->();
    is $magicmail->requests, 0, "$label: nothing is asked";
    is_deeply [grep { m/DBD::|SELECT/x } @printed], [], '... nor does the error log have SQL';
    my $sentence = "another change of $label has not ended within $LIMIT seconds; try again later";
    like $text,   qr/mailbox[ ]\w+\@example[.]net:[ ]\Q$sentence\E\z/x, "$label: one sentence";
    unlike $text, qr/select|statement|canceling/xi,                     '... without SQL';
    $other->disconnect;
    return;
}

subtest 'a wait that ends is a sentence' => sub {
    begin(timeout => $LIMIT / 2);
    my $package = $isp->package($ann);
    my $one     = $isp->mailbox($package, username => 'one', finger => 'One');
    is_told_to_wait('account freeside1', 'account FREESIDE1', sub { return $one->insert });
    is $isp->mailbox($package, username => 'two')->insert, q{}, 'then it works';
    my $two        = FS::Record::qsearchs('svc_acct', {username => 'two'});
    my $is_service = 'service ' . $two->svcnum;
    is_told_to_wait($is_service,         $is_service, sub { return $isp->change($two, finger => 'Two') });
    is_told_to_wait('account freeside1', 'account FREESIDE1', sub { return $isp->fresh($two)->delete });
    my $other = elsewhere('SELECT pg_advisory_xact_lock(?, ?)',
        FS::part_export::magicmail::Locks::key_of($is_service));
    is $package->suspend, q{}, 'a suspend that waits in vain';
    ok $isp->fresh($package)->susp, 'lets Freeside go on';
    is_deeply [map { $_->job =~ s/.*:://rx } $isp->jobs], ['suspend_job'], 'and is tried again';
    $other->disconnect;
    is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'with success';
    is $magicmail->user('two')->{status}, 'suspended', 'suspended';
};

subtest 'the account of a customer who was merged away is locked like any other' => sub {
    begin(timeout => $LIMIT / 2);
    my $bob = $isp->customer;
    my $svc = $isp->provisioned($ann, username => 'ann');
    is $ann->merge($bob->custnum), q{}, 'merged';
    is_told_to_wait('account freeside1', 'account FREESIDE1', sub { return $isp->fresh($svc)->delete });
};

# Whoever pays meanwhile holds the lock of the service until that is done.
subtest 'a suspend job does not suspend a customer who has paid meanwhile' => sub {
    begin();
    my $package = $isp->package($ann);
    my $svc     = $isp->provisioned($package, username => 'ann', finger => 'Ann Lee');
    $magicmail->faults({kind => 'status_500', method => 'POST', on => 1, count => undef});
    is $package->suspend, q{}, 'a suspend that fails';
    $magicmail->faults;
    my $take = FS::part_export::magicmail::Locks->can('take');
    my @paid;
    {
        no warnings 'redefine';    ## no critic (ProhibitNoWarnings): on purpose
        local *FS::part_export::magicmail::Locks::take = sub {
            my @asked = @_;
            if (!@paid) {
                @paid = $isp->at_once(60, sub { return $isp->fresh($package)->unsuspend })
            }
            return $take->(@asked);
        };
        is_deeply [map { $_->{error} } $isp->run_jobs], [q{}], 'the job ends';
    }
    is_deeply \@paid, [q{}], 'the customer paid before the job had the lock';
    is $magicmail->user('ann')->{status}, 'active', 'the mailbox is open';
};

subtest 'a column that gets another type breaks no living process' => sub {
    begin();
    my $svc = $isp->provisioned($ann, username => 'ann', finger => 'One');
    is $isp->change($svc, finger => 'Two'), q{}, 'a change';
    dbh->commit;
    my $office = elsewhere('ALTER TABLE cust_main ALTER COLUMN agent_custid TYPE varchar(80)');
    $office->commit;
    $office->do('ALTER TABLE svc_domain ALTER COLUMN domain TYPE varchar(80)');
    $office->commit;
    $office->disconnect;
    is $isp->change($svc, finger => 'Three'), q{}, 'another one';
};

subtest 'statements are kept by no server process, for a pooler gives another one' => sub {
    begin();
    my $svc = $isp->provisioned($ann, username => 'ann', finger => 'One');
    is $isp->change($svc, finger => $_), q{}, "change $_" for qw( Two Three Four );
    my ($count) = dbh->selectrow_array(
        q{SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE '%AS on_record%'});
    dbh->commit;
    is $count, 0, 'none';
};

done_testing;
