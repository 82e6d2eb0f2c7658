package Day::Walk;

# Walks through a day: does each step in the little Freeside, looks what the mail
# server was asked and what it then has, tells it, and judges whether it ended as
# the day expects.

use strict;
use warnings;

use English     qw( -no_match_vars );
use Time::HiRes qw( time );

use Day::Server;
use Day::Telling;

# What is shown by steps that show something.
my %LABEL = (page => 'The page', report => 'The report', jobs => 'The queue');

sub new {
    my ($class, $day, $office, $paper) = @_;
    return bless {
        day    => $day,
        office => $office,
        tell   => Day::Telling->new($paper),
        sum    => {steps => 0, requests => 0, seconds => 0},
        failed => [],
        lognum => 0,
        jobs   => {},
    }, $class;
}

# True where every step ended as expected.
sub run {
    my ($self) = @_;
    $self->{tell}->opening($self->{day});
    for my $step (@{$self->{day}{steps}}) { $self->_step($step) }
    $self->{tell}->closing($self->{sum}, @{$self->{failed}});
    return !@{$self->{failed}};
}

sub _step {
    my ($self,   $step) = @_;
    my ($office, $tell) = @{$self}{qw( office tell )};
    my $number = ++$self->{sum}{steps};
    $tell->headline($number, $step, $office->sentence($step));
    my %seen = $self->_watched($step);
    $self->{sum}{requests} += @{$seen{requests}};
    $self->{sum}{seconds}  += $seen{seconds};
    my $told = $self->_told($step, \%seen);
    $seen{told} = [@{$told->{error_log}}, @{$told->{jobs}}, map { $_->message } @{$told->{log}}];
    $tell->freeside($told);
    $tell->sent(@seen{qw( requests seconds )});
    $self->_tell_accounts($step, @seen{qw( now before )});
    my @differences = $self->_judged($step, \%seen);
    $tell->outcome($seen{error} ne q{}, @differences);

    if (@differences) {
        push @{$self->{failed}},
            {number => $number, headline => $step->{headline}, differences => \@differences};
    }
    return;
}

# Does the step; what was seen of it.
sub _watched {
    my ($self, $step) = @_;
    my $simulator = $self->{office}->simulator;
    my $before    = Day::Server::accounts($simulator->state);
    $simulator->clear_log;
    $simulator->faults(@{$step->{faults} || []});
    my (@lines, $done);
    my $start = time;
    {
        local $SIG{__WARN__} = sub { push @lines, @_; return };
        $done = $self->{office}->act($step);
    }
    my $seconds = time - $start;
    $simulator->faults;
    return (
        %{$done},
        lines    => \@lines,
        seconds  => $seconds,
        requests => [$simulator->log],
        before   => $before,
        now      => Day::Server::accounts($simulator->state),
    );
}

# What Freeside says of it: each thing once, though it may have gone to staff, to
# the system log and to the error log.
sub _told {
    my ($self, $step, $seen) = @_;
    my $office = $self->{office};
    my @log    = $office->log_after($self->{lognum});
    if (@log) { $self->{lognum} = $log[-1]->lognum }
    @log = grep { index($seen->{error}, $_->message) < 0 } @log;
    my @error_log;
    for my $line (@{$seen->{lines}}) {
        utf8::decode($line);
        $line =~ s/ \A \[ FS::part_export::magicmail \] [ ] | \s+ \z //gx;
        my $news = $line =~ s/ \A \w+ [ ] mailbox [ ] \S+ : [ ] | [ ] [(] \d+ [ ] requests [)] \z //gxr;
        next if grep { index($_, $news) >= 0 } $seen->{error}, map { $_->message } @log;
        push @error_log, $line;
    }
    my @waiting =
        map { _job($_) } grep { !$self->{jobs}{$_->jobnum . $_->status}++ } $office->jobs;
    return {
        error     => $seen->{error},
        notes     => $seen->{notes},
        screen    => $seen->{screen},
        label     => $LABEL{$step->{do}},
        log       => \@log,
        error_log => \@error_log,
        jobs      => \@waiting
    };
}

sub _job {
    my ($job) = @_;
    my $name = $job->job =~ s/ .* :: //xr;
    return join q{ }, $name, $job->status eq 'new' ? () : ($job->status, $job->statustext);
}

# The accounts that changed; where none did, that of the step's customer.
sub _tell_accounts {
    my ($self, $step, $now, $before) = @_;
    my $tell = $self->{tell};
    my @ids  = sort(Day::Server::changed($now, $before));
    if (!@ids) {
        my $custnum = $self->{office}->customer_number($step);
        @ids = sort grep { defined $custnum && /\D $custnum \z/x } keys %{$now};
        if (!@ids) { $tell->unchanged }
    }
    for my $id (@ids) { $tell->account($id, $now->{$id}, $before->{$id}) }
    return;
}

# What is otherwise than the day expects, as sentences.
sub _judged {
    my ($self, $step, $seen) = @_;
    my $expect = $step->{expect};
    my $error  = $seen->{error};
    my @differences;
    if (!$expect->{refused}) {
        if ($error) { push @differences, 'it was refused, and should not be' }
    }
    elsif (!$error) { push @differences, 'it succeeded, and should be refused' }
    else            { push @differences, _missing('the text that staff read', $error, @{$expect->{refused}}) }
    if ($expect->{shows}) {
        my $shown = join "\n", $self->_all_texts($seen);
        push @differences, _missing('what is shown', $shown, @{$expect->{shows}});
    }
    my $requests = @{$seen->{requests}};
    if (defined $expect->{requests} && $requests > $expect->{requests}) {
        push @differences, "$requests requests were sent, and $expect->{requests} should do";
    }
    return (
        @differences,
        $self->{office}->disagreement($step, $error),
        Day::Server::differences(@{$seen}{qw( now before )}, $expect->{magicmail} || {})
    );
}

sub _all_texts {
    my ($self, $seen) = @_;
    return @{$seen->{told}}, @{$seen->{screen} || []}, map { @{$_} } @{$seen->{notes}};
}

sub _missing {
    my ($where, $text, @parts) = @_;
    return map { qq{$where does not hold "$_"} } grep { index($text, $_) < 0 } @parts;
}

1;
