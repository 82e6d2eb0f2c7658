package FS::queue;

# Background jobs. A job exists once the transaction that inserted it commits.
# run_all does in this process what the daemon does: a job that returns is
# deleted, one that dies is undone and kept with its text.

use strict;
use warnings;

## no critic (ProhibitPackageVars, ProhibitBuiltinHomonyms): Freeside's

use parent qw( FS::Record );

use Carp         qw( croak );
use Module::Load ();

use FS::CurrentUser;
use FS::queue_arg;
use FS::Record qw( dbh in_transaction qsearch qsearchs );

my %statustexts;

sub table { return 'queue' }

sub check {
    my ($self) = @_;
    if (!length $self->status) { $self->set(status => 'new') }
    if (!length $self->_date)  { $self->set(_date  => time) }
    if (!length $self->usernum) {
        $self->set(usernum => $FS::CurrentUser::CurrentUser->usernum);
    }
    return "Illegal status: " . $self->status
        if $self->status !~ /\A (?: new | locked | failed | done ) \z/x;
    return q{};
}

sub insert {
    my ($self, @arguments) = @_;

    # The arguments are read as a hash, too: what follows one that is custnum becomes
    # the customer of the job.
    my %argument = (@arguments, @arguments % 2 ? undef : ());
    if ($argument{custnum}) { $self->custnum($argument{custnum}) }
    return in_transaction(
        sub {
            my $error = $self->SUPER::insert;
            for my $argument (@arguments) {
                $error ||= FS::queue_arg->of_value($self->jobnum, $argument)->insert;
            }
            return $error;
        }
    );
}

sub _argument_rows {
    my ($self) = @_;
    return qsearch(
        {
            table    => 'queue_arg',
            hashref  => {jobnum => $self->jobnum},
            order_by => 'ORDER BY argnum'
        }
    );
}

# The arguments; '_JOB' stands for the job itself, which only jobs with a
# progress bar get.
sub args {
    my ($self) = @_;
    return map { !ref && $_ eq '_JOB' ? $self : $_ }
        map { $_->value } $self->_argument_rows;
}

sub delete {
    my ($self) = @_;
    return in_transaction(
        sub {
            my $error = q{};
            for my $row ($self->_argument_rows) { $error ||= $row->delete }
            return $error || $self->SUPER::delete;
        }
    );
}

sub update_statustext {
    my ($self, $text) = @_;
    return q{} if $text eq $self->statustext;
    push @{$statustexts{$self->jobnum}}, $text;
    return $self->_change(statustext => $text);
}

# Every text that the job has had, for tests; its row is gone when it is done.
sub statustexts {
    my ($self) = @_;
    return @{$statustexts{$self->jobnum} || []};
}

sub _change {
    my ($self, %columns) = @_;
    local $FS::Record::nowarn_identical = 1;
    my $error = FS::queue->new({$self->hash, %columns})->replace($self);
    for my $column (keys %columns) {
        $self->set($column, $columns{$column});
    }
    return $error;
}

# What staff do with a job that failed.
sub retry {
    my ($self) = @_;
    return $self->_change(status => 'new', statustext => q{});
}

# Runs the jobs that are ready, and those that they queue, until none is left:
# { job, jobnum, error } each.
sub run_all {
    my ($class) = @_;
    if (!$FS::UID::AutoCommit) { croak 'jobs run outside of any transaction' }
    my @done;
    while (
        my ($job) = qsearch(
            {
                table    => 'queue',
                hashref  => {status => 'new'},
                order_by => 'ORDER BY jobnum'
            }
        )
        )
    {
        push @done, {job => $job->job, jobnum => $job->jobnum, error => $job->run};
    }
    return @done;
}

# Runs one job; the text it died with, or ''. Its employee is the one who
# queued it.
sub run {
    my ($self) = @_;
    my $error = $self->_change(status => 'locked');
    if ($error) { die "$error\n" }
    my $user = qsearchs('access_user', {usernum => $self->usernum});
    local $FS::CurrentUser::CurrentUser = $user || $FS::CurrentUser::CurrentUser;
    local $FS::UID::AutoCommit          = 0;
    local $@                            = q{};
    my $is_done = eval { $self->_call; 1 };
    my $text    = $is_done ? q{} : "$@";
    if ($is_done) { $error = $self->delete }
    else {
        dbh->rollback;
        $error = $self->_change(status => 'failed', statustext => $text);
    }
    if ($error) { die "$error\n" }
    dbh->commit or die dbh->errstr . "\n";
    return $text;
}

sub _call {
    my ($self) = @_;
    my ($class, $name) = $self->job =~ /\A ([\w:]+) :: (\w+) \z/x
        or die 'no such job: ' . $self->job . "\n";
    Module::Load::load($class);

    # A function, not a method: one that is inherited is none.
    my $code = defined &{"${class}::$name"} ? \&{"${class}::$name"} : undef;
    if (!$code) { die 'Undefined subroutine &' . $self->job . " called\n" }
    $code->($self->args);
    return;
}

1;
