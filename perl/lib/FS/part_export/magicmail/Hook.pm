package FS::part_export::magicmail::Hook;

# One run of a hook: Freeside's records become one document, the library does
# the work, its texts come back and are written down. Nothing is decided here
# but what only Freeside's side can know: the account that is on record, whose
# row to lock, and what is left to Freeside's queue.

use strict;
use warnings;

use FS::Record qw(dbh);

use FS::part_export::magicmail::History;
use FS::part_export::magicmail::Jobs;
use FS::part_export::magicmail::Locks;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text        qw(one_line);
use FS::part_export::magicmail::Transaction qw(savepoint);

my $NOT_REACHED = 5;

my $REFUSED = 'Freeside refuses a character of its name';

my %DONE = (
    provision   => 'provisioned',
    unprovision => 'unprovisioned',
    replace     => 'changed',
    suspend     => 'suspended',
    unsuspend   => 'unsuspended',
);

# What a customer reads, of whatever failed: the whole of it is in the log.
my %FOR_CUSTOMERS = (
    provision   => 'set up',
    unprovision => 'removed',
    replace     => 'changed',
    suspend     => 'suspended',
    unsuspend   => 'reactivated',
);

# What Freeside's own methods do not let end a transaction.
my @SIGNALS = qw(HUP INT QUIT TERM TSTP PIPE);

# Runs a hook of $export on $svc; returns '' or an error text, and never dies. Called
# outside of a transaction (only freeside-reexport does that) it has one of its own.
# More: old (in replace), and from a job is_job, and domain and account_id, which
# the job was given.
sub run {
    my ($class, $export, $hook, $svc, %more) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $is_alone = $FS::UID::AutoCommit;
    my @ignored  = $is_alone ? @SIGNALS : ();
    local @SIG{@ignored} = ('IGNORE') x @ignored;
    local $FS::UID::AutoCommit = 0;
    my $self    = bless {%more, export => $export, hook => $hook, svc => $svc, is_alone => $is_alone}, $class;
    my $error   = '';
    my $has_run = eval { $error = $self->_run; 1 };
    if (!$has_run) { $error = $self->_cannot("$@") }
    if ($is_alone) { $error = $self->_ended($error) }
    return '' if $error eq '';
    $error = one_line($error);
    FS::part_export::magicmail::Log::failed($self->_about, $error, $export);
    if ($hook eq 'suspend' && !$self->{is_job}) { $self->_suspend_later }
    if ($is_alone)                              { dbh->commit }
    return $self->_is_for_customer
        ? "the mailbox could not be $FOR_CUSTOMERS{$hook} now; please contact support"
        : $error;
}

# Ends the transaction of our own; returns the error, if there is one now.
sub _ended {
    my ($self, $error) = @_;
    if ($error eq '' && dbh->commit) { return '' }
    if ($error eq '') { $error = $self->_cannot('the database could not commit: ' . dbh->errstr) }
    dbh->rollback;
    return $error;
}

# What a line of the log is about.
sub _about {
    my ($self)   = @_;
    my $facts    = $self->{facts};
    my $is_there = !$facts || defined $facts->{row_svcnum};
    return FS::part_export::magicmail::Log::about($self->{svc}, $is_there, $facts ? $facts->{custnum} : 0);
}

sub _is_for_customer {
    my ($self) = @_;
    return !$self->{is_job} && FS::part_export::magicmail::Log::is_for_customer();
}

sub _run {
    my ($self) = @_;
    my ($export, $svc) = @{$self}{qw(export svc)};
    my $options = $self->{options} = $export->magic_options;
    local $export->{magic_options} = $options;
    my ($library, $failure) = $self->_library(1);
    return $self->_cannot($failure->{text}) if $failure;
    $self->{records} = FS::part_export::magicmail::Records->new($export, $options);
    $self->{services} =
        FS::part_export::magicmail::Services->new($self->{records});
    $self->_lock;
    $self->_name_account;
    return $self->_unprovision_later if $self->_moves_to_other_definition;
    my $is_on_definition = $self->_is_on_definition;
    $self->{purges} = $is_on_definition && !$self->{is_job};
    return '' if !$is_on_definition && $self->{hook} eq 'provision';
    ($library, $failure) = $self->_library($is_on_definition);
    return $self->_cannot($failure->{text}) if $failure;
    $failure = $self->_believe_record($library);
    return $self->_cannot($failure->{text}) if $failure;

    my $document = savepoint(sub { return $self->_document });
    if ($self->{hook} eq 'provision') {
        my $error = $self->_record_account($self->{account_id});
        return $self->_cannot($error) if $error;
    }
    my $reply;
    ($reply, $failure) =
        $library->hook($self->{hook}, $document,
        FS::part_export::magicmail::Log::sink(@{$self}{qw(export svc)}));
    if ($failure) {
        if ($failure->{status} == $NOT_REACHED) { $library->forget }
        return $failure->{text};
    }
    $self->_finish($reply);
    return '';
}

sub _library {
    my ($self, $is_on_definition) = @_;
    my $export = $self->{export};
    return $export->magic_library(
        machine => $export->magic_machine($self->{svc}),
        $self->_configured_otherwise($is_on_definition),
    );
}

# What is left to the queue is not purged at once, and what is another export's never.
sub _configured_otherwise {
    my ($self, $is_on_definition) = @_;
    return $self->{is_job} || !$is_on_definition || $self->{options}{purge_after_commit}
        ? (autopurge => 0)
        : ();
}

# Whether the export is on the definition of the service, as far as that is known:
# freeside-reexport calls all exports of a type, whatever they are on.
sub _is_on_definition {
    my ($self)  = @_;
    my $export  = $self->{export};
    my $own     = $self->{records}->exports->{$export->exportnum};
    my $svcpart = $self->{svc}->svcpart || $self->{facts}{svcpart};
    return 1 if $self->{is_job} || !$svcpart || !$own || $own->{svcparts}{$svcpart};
    my %words = (provision => 'nothing was provisioned', unprovision => 'nothing is purged');
    if (my $what = $words{$self->{hook}}) {
        FS::part_export::magicmail::Log::warned($self->_about,
                  'mailbox '
                . $self->_mailbox
                . ': export '
                . $export->exportnum
                . " is not on the definition of the service; $what by it");
    }
    return 0;
}

# Locks the account, or in the hooks that concern nobody else on it the service, until
# the transaction ends. What is known of the service is read only once that is locked,
# for whoever was waited for may have changed it.
sub _lock {
    my ($self)  = @_;
    my $records = $self->{records};
    my $owner   = $self->{owner} = savepoint(sub { return $records->owner($self->{svc}) });
    my %locked;
    while (1) {
        my %what = $self->_to_lock($owner);
        my @new  = grep { !$locked{$_} } @{$what{names}};
        last if !@new && $self->{facts};
        FS::part_export::magicmail::Locks::take($records, %what);
        @locked{@new} = (1) x @new;
        $owner = $self->{facts} =
            savepoint(sub { return $records->service_facts(@{$self}{qw(svc old)}) });
    }
    return;
}

my %CONCERNS_ACCOUNT = map { $_ => 1 } qw(provision unprovision);

# What is locked for a service of that owner (see FS::part_export::magicmail::Locks), and
# names of all of it.
sub _to_lock {
    my ($self, $owner) = @_;
    my @accounts =
        grep { $_ ne '' } ($self->{account_id} || $owner->{on_record}), $self->_configured_id($owner);
    my @custnums =
        grep { $_ } $owner->{custnum},
        $self->{services}->custnum_in($self->{account_id} || $owner->{on_record});
    my %of_account = $CONCERNS_ACCOUNT{$self->{hook}} ? (accounts => \@accounts) : ();
    my %of_service = %of_account                      ? () : (svcnum => $self->{svc}->svcnum);
    my @names      = ((map { "customer $_" } @custnums), $of_account{accounts} ? map { lc } @accounts : ());
    return (%of_account, %of_service, custnums => \@custnums, names => \@names);
}

# The account that the options name now for a service's owner.
sub _configured_id {
    my ($self, $owner) = @_;
    return '' if !$owner->{custnum};
    my %service = map { $_ => $owner->{$_} } qw(custnum agent_custid);
    return $self->{services}->configured_account_of(\%service, $self->{export}->exportnum);
}

# The account of the service: the one on record, else the one that the options
# name now. One that is to be provisioned must have a customer.
sub _name_account {
    my ($self) = @_;
    my $facts = $self->{facts};
    $self->{configured_id} = $self->_configured_id($facts);
    if (!$self->{account_id}) {
        $self->{account_id} =
            $self->{hook} eq 'provision' && !$facts->{custnum}
            ? ''
            : $facts->{on_record} || $self->{configured_id};
    }
    return;
}

# A record may be older than the mailbox: the service was without an export while its
# mailbox was purged and its package went to another customer. So at a provision one
# that differs from what the options name counts only if the user is on that account;
# else the account that the options name is the service's. Returns a failure, if the
# server could not be asked.
sub _believe_record {
    my ($self,     $library)    = @_;
    my ($recorded, $configured) = @{$self}{qw(account_id configured_id)};
    return if $self->{hook} ne 'provision' || $configured eq '' || lc $recorded eq lc $configured;
    my ($user, $failure) = $library->call(
        'get_user',
        {id => $self->{records}->text($self->{svc}->username)},
        FS::part_export::magicmail::Log::sink(@{$self}{qw(export svc)})
    );
    return $failure if $failure;
    my $account = $user && defined $user->{account} ? $user->{account} : '';
    if (lc $account ne lc $recorded) { $self->{account_id} = $configured }
    return;
}

# In a change of service definition the row of svc_acct is there all the time; outside
# of a transaction it is no such change.
sub _moves_to_other_definition {
    my ($self) = @_;
    return
           $self->{hook} eq 'unprovision'
        && !$self->{is_job}
        && !$self->{is_alone}
        && defined $self->{facts}{row_svcnum};
}

# The request document of the hook.
sub _document {
    my ($self) = @_;
    my ($svc, $facts, $hook) = @{$self}{qw(svc facts hook)};
    my %document = (
        account => $self->_account,
        service => $self->_service($svc, $self->_domain),
    );
    if ($hook eq 'replace') {
        my $old = $self->{old};
        $document{old} = $self->_service($old, $facts->{old_domain});
    }
    if ($hook eq 'provision') {
        my $no_suspend = $self->{export}->get('no_suspend');
        $document{service}{suspended} =
            $facts->{susp} && !$no_suspend ? 1 : 0;

        # Outside of a transaction only freeside-reexport provisions.
        $document{service}{provisioned_before} = $facts->{on_record} ne '' || $self->{is_alone} ? 1 : 0;
    }
    if ($CONCERNS_ACCOUNT{$hook}) { $document{others} = $self->_others($document{service}) }
    if ($facts->{has_namesake}) {
        $document{namesakes} = $self->{services}->namesakes($document{service}{username}, $svc->svcnum);
    }
    if ($hook eq 'unprovision' && $self->_purges_at_once) {
        my $former = $self->_former_users($document{others}, $document{service}{username});
        if ($former) { $document{former_users} = $former }
    }
    return \%document;
}

sub _account {
    my ($self)  = @_;
    my $facts   = $self->{facts};
    my $id      = $self->{account_id};
    my %account = (id => $id, on_record => $id ne '' && lc $facts->{on_record} eq lc $id ? 1 : 0);
    if ($self->{configured_id} ne '') {
        $account{configured_id} = $self->{configured_id};
    }
    if ($facts->{custnum}) {
        @account{qw(first_name last_name)} = @{$facts}{qw(first_name last_name)};
    }
    return \%account;
}

sub _service {
    my ($self, $svc, $domain) = @_;
    my $records = $self->{records};
    my %service = (
        svcnum   => $svc->svcnum,
        username => $records->text($svc->username),
        domain   => $domain,
        finger   => $records->text($svc->finger),
        package  => $self->{options}{package},
    );

    # Nobody else needs it.
    if ($self->{hook} eq 'provision' || $self->{hook} eq 'replace') {
        $service{password}          = $records->text($svc->_password);
        $service{password_encoding} = $records->text($svc->_password_encoding);
    }
    return \%service;
}

sub _domain {
    my ($self) = @_;
    return $self->{domain} if defined $self->{domain};
    my $known = $self->{facts} || $self->{owner};
    return $known ? $known->{domain} : '';
}

# The other services of the account, and what else this one brings: the packages
# of all exports of its definition, which is the new one while it changes.
sub _others {
    my ($self, $service) = @_;
    my ($svc, $facts)    = @{$self}{qw(svc facts)};
    my %accounts = map { $_ => 1 } grep { $_ ne '' } @{$self}{qw(account_id configured_id)};
    my @accounts = sort keys %accounts or return [];
    my %usual    = (account_id => $self->{account_id}, package => $self->{options}{package});
    my @others =
        $self->{services}->alike_on_accounts(\@accounts, $facts->{custnum}, \%usual, $svc->svcnum);
    if ($self->{hook} eq 'provision') {
        my $svcpart = $svc->svcpart || $facts->{svcpart};
        my %same    = map { $_ => $service->{$_} } qw(svcnum username domain);
        foreach my $package ($self->{records}->packages_of_svcpart($svcpart)) {
            push @others, {%same, package => $package};
        }
    }
    return \@others;
}

# Whether this very call purges, by its configuration (see _configured_otherwise).
sub _purges_at_once {
    my ($self) = @_;
    my $options = $self->{options};
    return $options->{autopurge} && !$options->{purge_after_commit} && $self->{purges};
}

# Who was on the account before, if this service is the last one there.
sub _former_users {
    my ($self, $others, $username) = @_;
    my %accounts = map { lc $_ => $_ } grep { $_ ne '' } @{$self}{qw(account_id configured_id)};
    foreach my $other (@{$others}) {
        my $account = defined $other->{account_id} ? $other->{account_id} : $self->{account_id};
        return if $accounts{lc $account};
    }
    my $history = FS::part_export::magicmail::History->new(@{$self}{qw(records services)});
    return $history->former_users([sort values %accounts], $self->{facts}{custnum}, $username);
}

# Puts the account of the service on record, unless it is; returns '' or a text.
sub _record_account {
    my ($self, $account_id) = @_;
    my ($export, $svc, $facts) = @{$self}{qw(export svc facts)};
    return '' if !defined $account_id || $account_id eq '';
    return '' if !$export->can('set_remoteid');
    my $is_own = ($facts->{exportnum} || 0) == $export->exportnum;
    return '' if $is_own && $facts->{on_record} eq $account_id;
    if (!$self->{records}->can_record($account_id)) {
        $self->{unrecorded} = $account_id;
        return '';
    }
    my $error = $export->set_remoteid($svc, $account_id);
    return "its account could not be recorded: $error" if $error;
    @{$facts}{qw(exportnum on_record)} = ($export->exportnum, $account_id);
    return '';
}

# What is left to do here once MagicMail is as it should be. What fails of it is warned
# about, and leaves the transaction as it was.
sub _finish {
    my ($self, $reply) = @_;
    my ($hook, $svc)   = @{$self}{qw(hook svc)};
    my $account  = $reply->{account_id};
    my @warnings = @{$reply->{warnings} || []};
    if ($hook ne 'unprovision') {
        push @warnings, _optionally('', sub { return $self->_record_account($account) });
        if ($hook eq 'provision' && defined $self->{unrecorded}) {
            push @warnings, "account $self->{unrecorded} cannot be put on record: $REFUSED";
        }
    }
    else { push @warnings, $self->_queue_rest($account, @{$reply->{unfinished} || []}) }
    my $mailbox = $self->_mailbox;
    if (@{$reply->{steps} || []}) {
        my $steps = join '; ', @{$reply->{steps}};
        FS::part_export::magicmail::Log::changed(
            $self->_about,
            "$DONE{$hook} mailbox $mailbox, account $account: $steps"
                . " ($reply->{requests} requests, $reply->{elapsed_ms} ms)",
            $self->{export}
        );
    }
    if (@warnings) {
        FS::part_export::magicmail::Log::warned($self->_about,
            "$DONE{$hook} mailbox $mailbox: " . join('; ', @warnings),
            $self->{export});
    }
    return;
}

# What an unprovision leaves to a job: what it could not do after the mark, or a purge. One
# job does both: without the user, its place could not be handed over. What to warn of.
sub _queue_rest {
    my ($self, $account, @unfinished) = @_;
    my $options = $self->{options};
    my $purges  = $options->{autopurge} && $self->{purges} ? 1 : 0;
    if (@unfinished) {
        my @failed = _optionally('the rest could not be queued: ',
            sub { return $self->_queue(finish_job => $account, purge => $purges) });
        return @failed ? @failed : "a job in Freeside's queue does the rest";
    }
    return if !$purges || !$options->{purge_after_commit};
    return _optionally('the purge could not be queued: ',
        sub { return $self->_queue(purge_job => $account) });
}

# Runs code that returns an error text or '', and may fail; what to warn of, if so.
sub _optionally {
    my ($what, $code) = @_;
    local $@ = '';
    my $has_run = eval {
        savepoint(sub { my $error = $code->(); die "$error\n" if $error; return });
        1;
    };
    return $has_run ? () : one_line("$what$@");
}

# In a change of service definition: a job, which exists only if the transaction
# commits, unprovisions the user where no service uses it by then.
sub _unprovision_later {
    my ($self) = @_;
    my $account = $self->{account_id};
    return '' if $account eq '';
    my $error = $self->_queue(unprovision_job => $account);
    return $error ? $self->_cannot("its job could not be queued: $error") : '';
}

# Freeside 4 throws the error of a suspend hook away: without the job the mailbox
# would stay open.
sub _suspend_later {
    my ($self)  = @_;
    my ($error) = _optionally(
        'no job tries it again: ',
        sub {
            return FS::part_export::magicmail::Jobs::queue(
                suspend_job => $self->{svc},
                $self->{export}->exportnum, $self->{svc}->svcnum
            );
        }
    );
    if (defined $error) {
        FS::part_export::magicmail::Log::failed($self->_about, $self->_cannot($error), $self->{export})
    }
    return;
}

sub _queue {
    my ($self, $job, $account, @more) = @_;
    my ($export, $svc) = @{$self}{qw(export svc)};
    return FS::part_export::magicmail::Jobs::queue(
        $job      => $svc,
        exportnum => $export->exportnum,
        svcnum    => $svc->svcnum,
        username  => $self->{records}->text($svc->username),
        domain    => $self->_domain,
        account   => $account,
        @more,
    );
}

sub _mailbox {
    my ($self) = @_;
    my $svc    = $self->{svc};
    my $name   = eval { $svc->username };
    my $domain = $self->_domain;
    $name = '' if !defined $name;
    return $domain ne '' ? "$name\@$domain" : $name;
}

sub _cannot {
    my ($self, $why) = @_;
    my $verb = $self->{hook} eq 'replace' ? 'change' : $self->{hook};
    return "cannot $verb mailbox " . $self->_mailbox . ": $why";
}

1;
