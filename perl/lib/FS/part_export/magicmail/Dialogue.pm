package FS::part_export::magicmail::Dialogue;

# A hook, or a job, as a conversation with the library: what Freeside gave goes to it, what it asks
# for is answered (FS::part_export::magicmail::Queries), and what it ends with is
# written down and returned. The library decides.

use strict;
use warnings;

use FS::Record qw(dbh);

use FS::part_export::magicmail::Log;
use FS::part_export::magicmail::Queries;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text qw(one_line);

my $NOT_REACHED = 5;

# What Freeside's own methods do not let end a transaction.
my @SIGNALS = qw(HUP INT QUIT TERM TSTP PIPE);

# Runs a task of $export on $svc: a hook (provision, unprovision, replace, suspend,
# unsuspend) or a job (unprovision_job, purge_job, finish_job); returns '' or an error
# text, and never dies. Called outside of a transaction (only freeside-reexport does that)
# it has one of its own. More: old (in replace), and from a job is_job, and domain,
# account_id and purge, which the job was given.
sub run {
    my ($class, $export, $task, $svc, %more) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $is_alone = $FS::UID::AutoCommit;
    my @ignored  = $is_alone ? @SIGNALS : ();
    local @SIG{@ignored} = ('IGNORE') x @ignored;
    local $FS::UID::AutoCommit = 0;
    my $self = bless {%more, export => $export, task => $task, svc => $svc, is_alone => $is_alone}, $class;
    my $done;
    my $has_run = eval { $done = $self->_converse; 1 };
    if (!$has_run) { $done = $self->_without_library("$@") }
    if ($is_alone) { $self->_end_transaction($done) }
    $self->_write_down($done);
    if ($is_alone) { dbh->commit }
    return defined $done->{error} ? $done->{error} : '';
}

# What the library ends with.
sub _converse {
    my ($self) = @_;
    my ($export, $svc) = @{$self}{qw(export svc)};
    my $options = $export->magic_options;
    local $export->{magic_options} = $options;
    my ($library, $failure) = $export->magic_library(machine => $export->magic_machine($svc));
    return $self->_without_library($failure->{text}) if $failure;
    my $records = $self->{records} = FS::part_export::magicmail::Records->new($export, $options);
    my $queries = $self->{queries} =
        FS::part_export::magicmail::Queries->new(records => $records, svc => $svc);
    my $done;
    ($done, $failure) = $library->converse(
        $self->_begin($options),
        sub { return $queries->answers(@_) },
        FS::part_export::magicmail::Log::sink($export, $svc)
    );
    return $self->_without_library($failure->{text}) if $failure;
    if ($done->{status} == $NOT_REACHED) { $library->forget }
    return $done;
}

# What Freeside gave.
sub _begin {
    my ($self, $options) = @_;
    my ($export, $task, $records) = @{$self}{qw(export task records)};
    my $services = FS::part_export::magicmail::Services->new($records);
    my %begin    = (
        task   => $task,
        export => {
            exportnum          => $export->exportnum,
            no_suspend         => $export->get('no_suspend') ? 1 : 0,
            purge_after_commit => $options->{purge_after_commit},
        },
        service => $self->_given($self->{svc}),
        context => {
            own_transaction => $self->{is_alone} ? 1 : 0,
            for_customer    => FS::part_export::magicmail::Log::is_for_customer(),
            keeps_records   => $records->has_record,
            keeps_history   => FS::part_export::magicmail::Queries::has_history() ? 1 : 0,
            names_accounts  => $services->is_named_by_subclass                    ? 1 : 0,
        },
    );
    if ($self->{old}) { $begin{old} = $self->_given($self->{old}) }
    if ($self->{is_job}) {
        my %job = (domain => $self->{domain}, account => $self->{account_id});
        $begin{context}{job} = {map { $_ => $job{$_} } grep { defined $job{$_} } keys %job};
    }
    if (defined $self->{purge}) { $begin{purge} = $self->{purge} }
    return \%begin;
}

# A row of svc_acct. Its password goes only where it may be sent.
sub _given {
    my ($self, $svc) = @_;
    my $records = $self->{records};
    my @texts   = qw(username finger);
    if ($self->{task} eq 'provision' || $self->{task} eq 'replace') {
        push @texts, qw(_password _password_encoding);
    }
    my %given = map { (s/\A_//xr) => $records->text($svc->get($_)) } @texts;
    foreach my $number (qw(svcnum svcpart domsvc)) { $given{$number} = $svc->get($number) }
    return \%given;
}

my %VERB = (
    replace         => 'change',
    unprovision_job => 'unprovision',
    purge_job       => 'purge',
    finish_job      => 'finish the unprovision of',
);

# How a task ends that the library could not decide on: it is not installed, or not to
# be used with these options. Freeside 4 throws the error of a suspend away: a job
# tries it again.
sub _without_library {
    my ($self, $why) = @_;
    my $svc    = $self->{svc};
    my $verb   = $VERB{$self->{task}} || $self->{task};
    my $name   = eval { $svc->username };
    my $text   = one_line("cannot $verb mailbox " . (defined $name ? $name : '') . ": $why");
    my %done   = (error => $text, status => 0, log => [{level => 'error', text => $text}], has_row => 1);
    my $is_job = $self->{is_job};
    if ($self->{task} eq 'suspend' && !$is_job) { $self->_suspend_later(\%done) }

    if (!$is_job && FS::part_export::magicmail::Log::is_for_customer()) {
        $done{error} = 'the mailbox could not be reached now; please contact support';
    }
    return \%done;
}

sub _suspend_later {
    my ($self, $done)  = @_;
    my ($export, $svc) = @{$self}{qw(export svc)};
    my $queries  = $self->{queries} ||= FS::part_export::magicmail::Queries->new(svc => $svc);
    my @rollback = $self->{is_alone} ? {name => 'rollback', with => {}} : ();
    my %job      = (job => 'suspend_job', arguments => [$export->exportnum, $svc->svcnum], optional => 1);
    my $answers  = $queries->answers([@rollback, {name => 'queue', with => \%job}]);
    my $error    = $answers->[-1]{error};
    return if !defined $error;
    push @{$done->{log}},
        {level => 'error', text => one_line("$done->{error}; no job tries it again: $error")};
    return;
}

# Ends the transaction of our own.
sub _end_transaction {
    my ($self, $done) = @_;
    my $queries = $self->{queries};
    if (defined $done->{error}) {
        if (!$queries || !$queries->has_rolled_back) { dbh->rollback }
        return;
    }
    return if dbh->commit;
    my $text = one_line("$done->{subject}: the database could not commit: " . dbh->errstr);
    dbh->rollback;
    $done->{error} = $text;
    $done->{log}   = [{level => 'error', text => $text}];
    return;
}

my %WRITE = (
    info    => \&FS::part_export::magicmail::Log::changed,
    warning => \&FS::part_export::magicmail::Log::warned,
    error   => \&FS::part_export::magicmail::Log::failed,
);

sub _write_down {
    my ($self,    $done)    = @_;
    my ($has_row, $custnum) = @{$done}{qw(has_row custnum)};

    # An account may be named after a customer who is gone.
    if ($self->{is_job} && !$has_row && $custnum && !$self->{records}->customer($custnum)) { $custnum = 0 }
    my $about = FS::part_export::magicmail::Log::about($self->{svc}, $has_row, $custnum);
    foreach my $line (@{$done->{log}}) { $WRITE{$line->{level}}->($about, $line->{text}, $self->{export}) }
    return;
}

1;
