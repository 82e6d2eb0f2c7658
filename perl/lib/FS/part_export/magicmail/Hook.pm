package FS::part_export::magicmail::Hook;

# One run of a hook: Freeside's records become one document, the library does
# the work, its texts come back and are written down. Nothing is decided here
# but what only Freeside's side can know: the account that is on record, whose
# row to lock, and what is left to Freeside's queue.

use strict;
use warnings;

use FS::part_export::magicmail::Jobs;
use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text qw(one_line);

my $NOT_REACHED = 5;

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

# Freeside's own employees for what customers do themselves: it hands them a hook's text
# as it is, and their pages print it raw.
my %ACTS_FOR_CUSTOMERS = map { $_ => 1 } qw(fs_selfservice fs_signup);

# Runs a hook of $export on $svc; returns '' or an error text, and never dies.
# More: old (in replace), and from a job is_job, and domain and account_id, which
# the job was given.
sub run {
    my ($class, $export, $hook, $svc, %more) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $self    = bless {%more, export => $export, hook => $hook, svc => $svc}, $class;
    my $error   = '';
    my $has_run = eval { $error = $self->_run; 1 };
    if (!$has_run) { $error = $self->_cannot("$@") }
    return '' if $error eq '';
    $error = one_line($error);
    FS::part_export::magicmail::Log::failed($svc, $error);
    if ($hook eq 'suspend' && !$self->{is_job}) { $self->_suspend_later }
    return $self->_is_for_customer
        ? "the mailbox could not be $FOR_CUSTOMERS{$hook} now; please contact support"
        : $error;
}

sub _is_for_customer {
    my ($self) = @_;
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $user = $FS::CurrentUser::CurrentUser;
    return !$self->{is_job} && $user && $ACTS_FOR_CUSTOMERS{$user->username};
}

sub _run {
    my ($self) = @_;
    my ($export, $svc) = @{$self}{qw(export svc)};
    my $options = $self->{options} = $export->magic_options;
    local $export->{magic_options} = $options;
    my ($library, $failure) = $export->magic_library(
        machine => $export->magic_machine($svc),
        $self->_configured_otherwise
    );
    return $self->_cannot($failure->{text}) if $failure;

    $self->{records} = FS::part_export::magicmail::Records->new($export, $options);
    $self->{services} =
        FS::part_export::magicmail::Services->new($self->{records});
    $self->_lock;
    $self->_name_account;
    return $self->_unprovision_later if $self->_moves_to_other_definition;

    if ($self->{hook} eq 'provision') {
        my $error = $self->_record_account($self->{account_id});
        return $self->_cannot($error) if $error;
    }
    my $reply;
    ($reply, $failure) =
        $library->hook($self->{hook}, $self->_document, FS::part_export::magicmail::Log::sink());
    if ($failure) {
        if ($failure->{status} == $NOT_REACHED) { $library->forget }
        return $failure->{text};
    }
    $self->_finish($reply);
    return '';
}

# What is left to the queue is not purged at once.
sub _configured_otherwise {
    my ($self) = @_;
    return $self->{is_job} || $self->{options}{purge_after_commit}
        ? (autopurge => 0)
        : ();
}

# Locks the service's customer until the transaction ends, and the one whom its
# account is named after, where that is another one: whoever works on the
# account waits for the same row. What is known of the service is read only once
# they are locked, for whoever was waited for may have changed it.
sub _lock {
    my ($self)   = @_;
    my $records  = $self->{records};
    my @custnums = $self->_custnums($records->owner($self->{svc}));
    while (1) {
        my $locked = "@custnums";
        my %row    = map { $_ => $records->lock_customer($_) } @custnums;
        $self->{facts}     = $records->service_facts(@{$self}{qw(svc old)});
        $self->{cust_main} = $row{$self->{facts}{custnum} || 0};
        @custnums          = $self->_custnums($self->{facts});
        last if "@custnums" eq $locked;
    }
    return;
}

# The numbers of the customers to lock, in the one order that keeps two hooks from
# waiting for each other.
sub _custnums {
    my ($self, $owner) = @_;
    my $account  = $self->{account_id} || $owner->{on_record};
    my %custnums = map { $_ => 1 }
        grep { $_ } $owner->{custnum}, $self->{services}->custnum_in($account);
    my @custnums = sort { $a <=> $b } keys %custnums;
    return @custnums;
}

# The account of the service: the one on record, else the one that the options
# name now. One that is to be provisioned must have a customer.
sub _name_account {
    my ($self)     = @_;
    my $cust_main  = $self->{cust_main};
    my $configured = $cust_main ? $self->{export}->cust_account_id($cust_main) : '';
    $self->{configured_id} = $self->{records}->text($configured);
    if (!$self->{account_id}) {
        $self->{account_id} =
            $self->{hook} eq 'provision' && !$cust_main
            ? ''
            : $self->{facts}{on_record} || $self->{configured_id};
    }
    return;
}

# In a change of service definition the row of svc_acct is there all the time.
sub _moves_to_other_definition {
    my ($self) = @_;
    return
           $self->{hook} eq 'unprovision'
        && !$self->{is_job}
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
    }
    if ($hook eq 'provision' || $hook eq 'unprovision' || $facts->{has_namesake}) {
        $document{others} = $self->_others($document{service});
    }
    return \%document;
}

sub _account {
    my ($self)    = @_;
    my $cust_main = $self->{cust_main};
    my %account   = (id => $self->{account_id});
    if ($self->{configured_id} ne '') {
        $account{configured_id} = $self->{configured_id};
    }
    if ($cust_main) {
        $account{first_name} = $self->{records}->text($cust_main->first);
        $account{last_name}  = $self->{records}->text($cust_main->get('last'));
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
    return defined $self->{domain} ? $self->{domain} : $self->{facts}{domain};
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
        $self->{services}->alike_on_accounts(\@accounts, $self->{cust_main}, \%usual, $svc->svcnum);
    if ($self->{hook} eq 'provision') {
        my $svcpart = $svc->svcpart || $facts->{svcpart};
        my %same    = map { $_ => $service->{$_} } qw(svcnum username domain);
        foreach my $package ($self->{records}->packages_of_svcpart($svcpart)) {
            push @others, {%same, package => $package};
        }
    }
    return \@others;
}

# Puts the account of the service on record, unless it is; returns '' or a text.
sub _record_account {
    my ($self, $account_id) = @_;
    my ($export, $svc, $facts) = @{$self}{qw(export svc facts)};
    return '' if !defined $account_id || $account_id eq '';
    return '' if !$export->can('set_remoteid');
    my $is_own = ($facts->{exportnum} || 0) == $export->exportnum;
    return '' if $is_own && $facts->{on_record} eq $account_id;
    my $error = $export->set_remoteid($svc, $account_id);
    return "its account could not be recorded: $error" if $error;
    @{$facts}{qw(exportnum on_record)} = ($export->exportnum, $account_id);
    return '';
}

# What is left to do here once MagicMail is as it should be.
sub _finish {
    my ($self, $reply) = @_;
    my ($hook, $svc)   = @{$self}{qw(hook svc)};
    my @warnings = @{$reply->{warnings} || []};
    my $account  = $reply->{account_id};
    if ($hook ne 'unprovision') {
        my $error = eval { $self->_record_account($account) };
        push @warnings, $error || "$@" if !defined $error || $error;
    }
    elsif ($self->{options}{autopurge} && !$self->{is_job}) {
        push @warnings, $self->_purge_later($account);
    }
    my $mailbox = $self->_mailbox;
    if (@{$reply->{steps} || []}) {
        my $steps = join '; ', @{$reply->{steps}};
        FS::part_export::magicmail::Log::changed($svc,
                  "$DONE{$hook} mailbox $mailbox, account $account: $steps"
                . " ($reply->{requests} requests, $reply->{elapsed_ms} ms)");
    }
    if (@warnings) {
        FS::part_export::magicmail::Log::warned($svc,
            "$DONE{$hook} mailbox $mailbox: " . join '; ', @warnings);
    }
    return;
}

# The purge is a job, which exists only if the transaction commits. Returns what
# to warn of.
sub _purge_later {
    my ($self, $account) = @_;
    return if !$self->{options}{purge_after_commit};
    my $error = eval { $self->_queue(purge_job => $account) };
    return if defined $error && $error eq '';
    return 'the purge could not be queued: ' . ($error || "$@");
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
    my ($self) = @_;
    my $error = eval {
        FS::part_export::magicmail::Jobs::queue(
            suspend_job => $self->{svc},
            $self->{export}->exportnum, $self->{svc}->svcnum
        );
    };
    return if defined $error && $error eq '';
    FS::part_export::magicmail::Log::failed($self->{svc},
        $self->_cannot('no job tries it again: ' . ($error || "$@")));
    return;
}

sub _queue {
    my ($self, $job, $account) = @_;
    my ($export, $svc) = @{$self}{qw(export svc)};
    return FS::part_export::magicmail::Jobs::queue(
        $job => $svc,
        $export->exportnum, $svc->svcnum,
        $self->{records}->text($svc->username),
        $self->_domain, $account
    );
}

sub _mailbox {
    my ($self) = @_;
    my $svc    = $self->{svc};
    my $name   = eval { $svc->username };
    my $domain = $self->{facts} ? $self->_domain : '';
    $name = '' if !defined $name;
    return $domain ne '' ? "$name\@$domain" : $name;
}

sub _cannot {
    my ($self, $why) = @_;
    my $verb = $self->{hook} eq 'replace' ? 'change' : $self->{hook};
    return "cannot $verb mailbox " . $self->_mailbox . ": $why";
}

1;
