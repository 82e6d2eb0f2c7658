package FS::part_export::magicmail::Jobs;

# What is left to Freeside's queue. A job's row exists only if the transaction
# that queued it commits; a job that dies is kept, with its text, for staff to
# see and retry. Jobs run later and as somebody else: each checks its arguments
# and looks again before it acts. No password is ever among the arguments.

use strict;
use warnings;

use FS::Record qw(qsearch qsearchs);

use FS::part_export::magicmail::History;
use FS::part_export::magicmail::Locks;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text        qw(job_text one_line);
use FS::part_export::magicmail::Transaction qw(in_transaction);

my $CLASS       = 'FS::part_export::magicmail';
my $NOT_REACHED = 5;

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

# After a change of service definition: unprovisions the user unless a provisioned service
# uses it, and never purges it. If the service itself still does, by another export, the
# account's packages are synchronised.
sub unprovision {
    my @arguments = @_;
    return _job(sub { _unprovision(@arguments); return });
}

sub _unprovision {
    my @arguments = @_;
    my ($export, $svc, %given) = _mailbox(@arguments);
    return in_transaction(
        sub {
            my $records   = _locked_records($export, $given{account_id});
            my $namesakes = FS::part_export::magicmail::Services->new($records)->namesakes($given{username});
            if (grep { $_->{svcnum} == $svc->svcnum } @{$namesakes}) {
                _sync_packages($export, $svc);
                return;
            }

            # One of another domain may have nothing to do with this mailbox: the library
            # decides by the addresses on it.
            return if grep { lc $_->{domain} eq lc $given{domain} } @{$namesakes};
            require FS::part_export::magicmail::Hook;
            my $error = FS::part_export::magicmail::Hook->run(
                $export, 'unprovision', $svc,
                is_job     => 1,
                domain     => $given{domain},
                account_id => $given{account_id},
            );
            die "$error\n" if $error ne '';
            return;
        }
    );
}

sub _sync_packages {
    my ($export, $svc) = @_;
    my $provisioned = qsearchs('svc_acct', {svcnum => $svc->svcnum});
    $export->error_init;
    $export->_magic_sync($provisioned);    ## no critic (ProtectPrivateSubs) -- ours
    my $error = $export->error;
    die "$error\n" if $error ne '';
    return;
}

# After an unprovision with purge_after_commit: purges what is still marked
# deleted, on the same account (the library looks), and used by no service.
sub purge {
    my @arguments = @_;
    return _job(sub { _purge(@arguments); return });
}

sub _purge {
    my @arguments = @_;
    my ($export, $svc, %given) = _mailbox(@arguments);
    return in_transaction(
        sub {
            my $records = _locked_records($export, $given{account_id});
            return if !$records->options->{autopurge};
            my $request = _left_behind($records, 1, %given);
            return if _is_used($request);
            _purge_mailbox($export, $request, _about($records, $svc, $given{account_id}));
            return;
        }
    );
}

# After an unprovision that could not do everything after the mark: does the rest, if the
# user is still marked deleted (the library looks) and no service of the account has its
# name. It purges only if the unprovision would have, and the export still does.
sub finish {
    my @arguments = @_;
    return _job(sub { _finish(@arguments); return });
}

sub _finish {
    my @arguments = @_;
    my ($export, $svc, %given) = _mailbox(@arguments);
    my ($purges) = (_in_order(@arguments))[scalar @KEYS];
    my $rest = '';
    in_transaction(
        sub {
            my $records   = _locked_records($export, $given{account_id});
            my $autopurge = $purges && $records->options->{autopurge} ? 1 : 0;
            my $request   = _left_behind($records, $autopurge, %given);
            return if _is_used($request);
            my $about = _about($records, $svc, $given{account_id});
            my $reply =
                _called($export, $about, finish_unprovision => {%{$request}, autopurge => $autopurge});
            my $task = "unprovision of mailbox $request->{address}";
            _note_reply($export, $about, $reply, "finished the $task", $task);

            if (@{$reply->{unfinished} || []}) {
                $rest = "cannot finish the unprovision of mailbox $request->{address}: " . join '; ',
                    @{$reply->{warnings}}, 'left to do: ' . join ', ', @{$reply->{unfinished}};
            }
            return;
        }
    );
    die "$rest\n" if $rest ne '';
    return;
}

# What a line of the log is about: the service, or the customer whom the account is named
# after.
sub _about {
    my ($records, $svc, $account) = @_;
    my $custnum  = FS::part_export::magicmail::Services->new($records)->custnum_in($account);
    my $is_there = qsearchs('svc_acct', {svcnum => $svc->svcnum});
    return FS::part_export::magicmail::Log::about($svc, $is_there,
        $custnum && $records->customer($custnum) ? $custnum : 0);
}

# What the library is to know of a mailbox that an unprovision left behind, and of its
# account, as it is now.
sub _left_behind {
    my ($records, $purges, %given) = @_;
    my ($account, $username) = @given{qw(account_id username)};
    my $services = FS::part_export::magicmail::Services->new($records);
    my %request  = (
        account_id => $account,
        user       => $username,
        address    => "$username\@$given{domain}",
        namesakes  => $services->namesakes($username),
        services   => [],
    );
    foreach my $service ($services->on_accounts([$account])) {
        next if lc $service->{account_id} ne lc $account;
        push @{$request{services}}, {map { $_ => $service->{$_} } qw(svcnum username domain package)};
    }
    if ($purges && !@{$request{services}}) {
        my $history = FS::part_export::magicmail::History->new($records, $services);
        my $former  = $history->former_users([$account], 0, $username);
        if ($former) { $request{former_users} = $former }
    }
    return \%request;
}

# Whether a provisioned service of the account has the user name: then there is nothing
# left to do.
sub _is_used {
    my ($request) = @_;
    return scalar grep { lc $_->{username} eq lc $request->{user} } @{$request->{services}};
}

sub _purge_mailbox {
    my ($export, $request, $about) = @_;
    my $reply = _called($export, $about, purge_deleted => $request);
    _note_reply($export, $about, $reply, map { "$_ mailbox $request->{address}" } 'purged', 'purge of');
    return;
}

# What was done, and what a person should know, in the log: the first words of each.
sub _note_reply {
    my ($export, $about, $reply, $done, $task) = @_;
    if (@{$reply->{steps} || []}) {
        FS::part_export::magicmail::Log::changed($about, "$done: " . join('; ', @{$reply->{steps}}), $export);
    }
    foreach my $warning (@{$reply->{warnings} || []}) {
        FS::part_export::magicmail::Log::warned($about, "$task: $warning", $export);
    }
    return;
}

# The reply of an operation of the library's. If it fails, that is in the log, and dies.
sub _called {
    my ($export, $about, $operation, $request) = @_;
    my ($library, $failure) = $export->magic_library;
    my $reply;
    if ($library) {
        ($reply, $failure) =
            $library->call($operation, $request, FS::part_export::magicmail::Log::sink($export));
    }
    return $reply if !$failure;
    if ($library && $failure->{status} == $NOT_REACHED) { $library->forget }
    FS::part_export::magicmail::Log::failed($about, $failure->{text}, $export);
    die "$failure->{text}\n";
}

# After a suspend that failed: tries again while the package is suspended and the
# export suspends at all. It looks once the service is locked: a customer who pays at
# the same moment is unsuspended by whoever holds the lock.
sub suspend {
    my @arguments = @_;
    return _job(sub { _suspend(@arguments); return });
}

sub _suspend {
    my ($exportnum, $svcnum) = @_;
    _is_number($svcnum) or die "the service is no number\n";
    my $export = export($exportnum, "suspend the mailbox of service $svcnum");
    require FS::svc_acct;
    return in_transaction(
        sub {
            my $records = _records($export);
            FS::part_export::magicmail::Locks::take(
                $records,
                svcnum   => $svcnum,
                custnums => [$records->custnum_of_service($svcnum)]
            );
            my $svc = qsearchs('svc_acct', {svcnum => $svcnum});
            return if !$svc || $export->get('no_suspend');
            my $facts = $records->service_facts($svc);
            my $own   = $records->exports->{$export->exportnum};
            return if !$facts->{susp};
            return if !$own->{svcparts}{$facts->{svcpart}};
            require FS::part_export::magicmail::Hook;
            my $error = FS::part_export::magicmail::Hook->run($export, 'suspend', $svc, is_job => 1);
            die "$error\n" if $error ne '';
            return;
        }
    );
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

# The same, once the account is locked.
sub _locked_records {
    my ($export, $account_id) = @_;
    my $records  = _records($export);
    my $services = FS::part_export::magicmail::Services->new($records);
    FS::part_export::magicmail::Locks::take(
        $records,
        accounts => [$account_id],
        custnums => [$services->custnum_in($account_id)]
    );
    return $records;
}

1;
