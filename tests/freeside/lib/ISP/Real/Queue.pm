package ISP::Real::Queue;

# Freeside's own freeside-queued, in the foreground, on the copy of the database: started
# when the first jobs are to run, waiting between such runs, and ended with the test.

use strict;
use warnings;

use Carp        qw( croak );
use English     qw( -no_match_vars );
use Time::HiRes qw( sleep time );

use FS::Record qw( qsearch qsearchs );
use FS::UID    qw( dbh );

my $LONGEST = 120;
my $PAUSE   = 0.1;

my $daemon;

sub of {
    my ($class, $isp) = @_;
    $daemon ||= bless {isp => $isp, owner => $PID}, $class;
    return $daemon;
}

# Runs the jobs that are new, and those that they queue: { job, jobnum, error } each.
sub run {
    my ($self) = @_;
    $self->resume;
    my (%seen, @seen);
    my $until = time + $LONGEST;
    while (1) {
        dbh->commit;
        my @waiting = grep { $_->status =~ m/\A (?: new | locked ) \z/x } $self->{isp}->jobs;
        for my $job (grep { !$seen{$_->jobnum}++ } @waiting) {
            push @seen, {job => $job->job, jobnum => $job->jobnum};
        }
        last if !@waiting;
        if (time > $until) {
            croak "the jobs are not done after $LONGEST seconds";
        }
        sleep $PAUSE;
    }
    for my $job (@seen) {
        my $failed = qsearchs('queue', {jobnum => $job->{jobnum}});
        $job->{error} = $failed ? $failed->get('statustext') : q{};
    }
    kill USR1 => $self->{process};
    while (!-e "$ENV{MAGICMAIL_FREESIDE_CONF}/queued.waiting" && time < $until) { sleep $PAUSE }
    dbh->commit;
    return @seen;
}

# It runs until it is stopped.
sub resume {
    my ($self) = @_;
    if ($self->{process}) {
        unlink "$ENV{MAGICMAIL_FREESIDE_CONF}/queued.waiting";
        return kill USR2 => $self->{process};
    }
    my $process = fork;
    if (!defined $process) { croak "fork: $OS_ERROR" }
    if (!$process) {
        dbh->{InactiveDestroy} = 1;
        local $ENV{PERL5LIB} = join q{:}, grep { !ref } @INC;
        ## no critic (ProhibitPunctuationVars): this very perl
        exec $^X, '-MISP::Real::Foreground', $ENV{MAGICMAIL_FREESIDE_QUEUED}, 'fs_queue'
            or POSIX::_exit(127);
    }
    $self->{process} = $process;
    if (open my $file, '>', "$ENV{MAGICMAIL_FREESIDE_CONF}/queued.pid") {
        print {$file} $process;
        close $file or croak "queued.pid: $OS_ERROR";
    }
    return 1;
}

sub stop {
    return if !$daemon || !$daemon->{process} || $daemon->{owner} != $PID;
    my $process = delete $daemon->{process};
    kill TERM => $process;
    waitpid $process, 0;
    undef $daemon;
    return;
}

END { local ($CHILD_ERROR, $OS_ERROR) = (0, 0); stop() }

1;
