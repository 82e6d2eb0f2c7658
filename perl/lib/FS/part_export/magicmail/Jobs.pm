package FS::part_export::magicmail::Jobs;

# What is left to Freeside's queue. A job's row exists only if the transaction
# that queued it commits; a job that dies is kept, with its text, for staff to
# see and retry. Jobs run later and as somebody else: each checks its arguments
# and looks again before it acts. No password is ever among the arguments.

use strict;
use warnings;

use FS::Record qw(qsearch qsearchs);

use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text        qw(job_text one_line);
use FS::part_export::magicmail::Transaction qw(in_transaction);

my $CLASS = 'FS::part_export::magicmail';

# A job of version 1.0.0 that still waits has its arguments in this order, without keys.
my @KEYS = qw(exportnum svcnum username domain account);

# Runs a job: whatever it dies with, it dies with a text that Freeside's pages can show.
sub _job {
    my ($code) = @_;
    my $error;
    {
        local $@ = '';
        local $SIG{__DIE__} = 'DEFAULT';
        my $has_run = eval { $code->(); 1 };
        return if $has_run;
        $error = "$@";
    }
    die job_text($error ne '' ? $error : 'it ended without a reason') . "\n";
}

# Puts a job about $svc into the queue; returns '' or an error text. Freeside reads the
# arguments as a hash, too, and takes what follows one that is custnum for the number of
# a customer: no text of a user's may stand where a key does.
sub queue {
    my ($job, $svc, @arguments) = @_;
    require FS::queue;
    my $queued = FS::queue->new({job => $CLASS . "::$job", svcnum => $svc->svcnum});
    return $queued->insert(@arguments);
}

# The jobs about a mailbox that an unprovision left behind, the arguments as they were
# queued. What is to be done, and whether anything is, the library decides once the
# account is locked.

# After a change of service definition.
sub unprovision {
    my @arguments = @_;
    return _job(sub { _left_behind(unprovision_job => @arguments); return });
}

# After an unprovision with purge_after_commit.
sub purge {
    my @arguments = @_;
    return _job(sub { _left_behind(purge_job => @arguments); return });
}

# After an unprovision that could not do everything.
sub finish {
    my @arguments = @_;
    return _job(sub { _left_behind(finish_job => @arguments); return });
}

sub _left_behind {
    my ($task, @arguments) = @_;
    my ($export, $svc, %given) = _mailbox(@arguments);
    my ($purge) = (_in_order(@arguments))[scalar @KEYS];
    return _run($export, $task, $svc, %given, $task eq 'finish_job' ? (purge => $purge ? 1 : 0) : ());
}

# Runs a task in a transaction; dies with its error once that has ended, so that what was
# written down stays.
sub _run {
    my ($export, $task, $svc, %more) = @_;
    require FS::part_export::magicmail::Dialogue;
    my $error = '';
    in_transaction(
        sub {
            $error = FS::part_export::magicmail::Dialogue->run($export, $task, $svc, is_job => 1, %more);
            return;
        }
    );
    die "$error\n" if $error ne '';
    return;
}

# After a suspend that failed: tries again while the package is suspended and the
# export suspends at all.
sub suspend {
    my @arguments = @_;
    return _job(sub { _suspend(@arguments); return });
}

sub _suspend {
    my ($exportnum, $svcnum) = @_;
    _is_number($svcnum) or die "the service is no number\n";
    my $export = export($exportnum, "suspend the mailbox of service $svcnum");
    require FS::svc_acct;
    my $svc = qsearchs('svc_acct', {svcnum => $svcnum}) or return;
    return _run($export, 'suspend', $svc);
}

# The number of the job that tries a suspend of a service again, by one of these exports,
# which may have failed so far; 0 if there is none.
sub suspend_job_of {
    my ($svc, @exportnums) = @_;
    my %is_wanted = map { $_ => 1 } @exportnums;
    my ($job) =
        grep { $is_wanted{_exportnum_of($_)} } _jobs('suspend_job', ' AND svcnum = ' . ($svc->svcnum + 0));
    return $job ? $job->jobnum : 0;
}

# Lets those jobs run again that failed and that time may mend: Freeside's queue runs a job
# once. Returns how many.
sub retry_failed {
    my $count = 0;
    foreach my $job (map { _jobs($_, q{ AND status = 'failed'}) } qw(suspend_job finish_job)) {
        my $again = FS::queue->new({$job->hash});
        $again->set(status     => 'new');
        $again->set(statustext => '');
        my $error = $again->replace($job);
        die 'job ' . $job->jobnum . " cannot be tried again: $error\n" if $error;
        $count++;
    }
    return $count;
}

sub _jobs {
    my ($name, $condition) = @_;
    require FS::queue;
    return qsearch(
        {
            table     => 'queue',
            hashref   => {},
            extra_sql => "WHERE job = '${CLASS}::$name' AND status <> 'done'$condition",
            order_by  => 'ORDER BY jobnum',
        }
    );
}

# The script of the export's page: the checks of the test report, with progress.
sub check_export {
    my @arguments = @_;
    return _job(sub { _check_export(@arguments); return });
}

sub _check_export {
    my ($job, $param) = @_;
    _must_configure();
    my $exportnum = _parameters($param)->{check_export_exportnum};
    my $export    = export($exportnum);
    require FS::part_export::magicmail::Report;
    my @errors = FS::part_export::magicmail::Report::errors_of(
        $export,
        sub {
            my ($percent, $text) = @_;
            $job->update_statustext("$percent,$text");
            return;
        }
    );
    die join(q{; }, @errors) . "\n" if @errors;
    return;
}

# The script of the export's page: Freeside and MagicMail compared, with progress.
sub audit_export {
    my @arguments = @_;
    return _job(sub { _audit_export(@arguments); return });
}

sub _audit_export {
    my ($job, $param) = @_;
    _must_configure();
    my $export = export(_parameters($param)->{audit_export_exportnum});
    require FS::part_export::magicmail::Audit;
    my $result = FS::part_export::magicmail::Audit->new(
        $export,
        progress => sub {
            my ($percent, $text) = @_;
            $job->update_statustext("$percent,$text");
            return;
        }
    )->run;
    require FS::part_export::magicmail::Findings;
    my $text = FS::part_export::magicmail::Findings::sentence($result);
    my $own  = _records($export)->exports->{$export->exportnum};
    if (!%{$own->{svcparts}}) {
        $text = "this export is on no service definition: it provisions nothing. $text";
    }
    die "$text\n" if $text ne '';
    return;
}

# Freeside 4 gives a hash; Freeside 3 one that is frozen.
sub _parameters {
    my ($param) = @_;
    return $param if ref $param eq 'HASH';
    my $hash = eval {
        require MIME::Base64;
        require Storable;
        Storable::thaw(MIME::Base64::decode_base64($param));
    };
    return ref $hash eq 'HASH' ? $hash : {};
}

# A job that any employee can start is for those who configure exports.
sub _must_configure {
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $user = $FS::CurrentUser::CurrentUser;
    return if $user && $user->access_right('Configuration');
    die "this needs the access right Configuration\n";
}

# The arguments of a job about a mailbox that may be no service any more.
sub _mailbox {
    my @arguments = @_;
    my ($exportnum, $svcnum, $username, $domain, $account_id) = _in_order(@arguments);
    my %given = (
        username   => $username,
        domain     => $domain,
        account_id => $account_id,
    );
    _is_number($svcnum) or die "the service is no number\n";
    foreach my $name (sort keys %given) {
        my $value = $given{$name};
        if (   !defined $value
            || $value !~ m/\S/x
            || $value =~ m/[[:cntrl:]]/x)
        {
            die "the $name cannot be used\n";
        }
    }
    my $export = export($exportnum, "look after mailbox $username\@$domain of account $account_id");
    require FS::svc_acct;
    my $svc = FS::svc_acct->new({svcnum => $svcnum, username => $username});
    return ($export, $svc, %given);
}

sub _in_order {
    my @arguments = @_;
    return @arguments                  if !defined $arguments[0] || $arguments[0] ne $KEYS[0];
    die "the arguments are no pairs\n" if @arguments % 2;
    my %given = @arguments;
    return @given{@KEYS, 'purge'};
}

# Why an export cannot be deleted, as a text: jobs of it that wait, or have failed and
# can be tried again. '' if there is none.
sub why_not_delete {
    my ($export) = @_;
    my $exportnum = $export->exportnum;
    require FS::queue;
    my @jobs = grep { $_->job =~ m/_job\z/x && _exportnum_of($_) eq $exportnum } qsearch(
        {
            table     => 'queue',
            hashref   => {},
            extra_sql => "WHERE job LIKE '${CLASS}::%' AND status <> 'done'",
            order_by  => 'ORDER BY jobnum',
        }
    );
    return '' if !@jobs;
    my $numbers = join ', ', map { $_->jobnum } @jobs;
    return one_line("cannot delete export $exportnum: jobs of it wait in the queue ($numbers), and"
            . ' without it their mailboxes would stay as they are; let them run, or remove them, first');
}

sub _exportnum_of {
    my ($job)       = @_;
    my ($exportnum) = _in_order($job->args);
    return defined $exportnum ? $exportnum : '';
}

# A magicmail export by its number, or it dies. Of a job that can do nothing without it:
# what was to be done.
sub export {
    my ($exportnum, $task) = @_;
    _is_number($exportnum) or die "the export is no number\n";
    require FS::part_export;
    my $export = qsearchs('part_export', {exportnum => $exportnum});
    if (!$export) {
        die "there is no export $exportnum"
            . (defined $task ? " any more: $task in MagicMail by hand" : '') . "\n";
    }
    $export->isa($CLASS) or die "export $exportnum is no magicmail export\n";
    return $export;
}

sub _is_number {
    my ($value) = @_;
    return defined $value && $value =~ m/\A[1-9]\d{0,9}\z/x;
}

sub _records {
    my ($export) = @_;
    return FS::part_export::magicmail::Records->new($export, $export->magic_options);
}

1;
