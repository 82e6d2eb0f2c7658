package FS::part_export::magicmail::Command;

# The command line: freeside-magicmail. It only reads arguments and prints; the
# work is that of Audit, Repair, Checks and Report.

use strict;
use warnings;

use Getopt::Long ();

# FS::UID calls a function of FS::Record, and does not load it.
use FS::Record ();
use FS::UID    qw(adminsuidsetup);

use FS::part_export::magicmail::Text qw(one_line);

my ($FINE, $DIFFERS, $CANNOT) = (0, 1, 2);

my %COMMANDS = (audit => \&_audit, repair => \&_repair, test => \&_test, status => \&_status);
my %FORMATS  = map { $_ => 1 } qw(table json csv);

my $USAGE = <<'END';
usage: freeside-magicmail audit|repair|test|status USER [EXPORTNUM] [OPTIONS]
  --customer N  --format table|json|csv (csv: audit only)  --quiet
  audit: --nightly
  repair: --finding KEY  --kind KIND  --apply  --max-changes N  --max-percent N
More: perldoc freeside-magicmail
END

# With the program's arguments.
sub new {
    my ($class, @arguments) = @_;
    my %option = (format => 'table', 'max-changes' => 20, 'max-percent' => 5, finding => [], kind => []);
    my $parser = Getopt::Long::Parser->new(config => ['no_ignore_case']);
    my $error  = '';
    local $SIG{__WARN__} = sub { $error .= $_[0]; return };
    $parser->getoptionsfromarray(\@arguments, \%option,
        qw(customer=i format=s quiet|q nightly finding=s@ kind=s@ apply help|h),
        'max-changes=i', 'max-percent=f')
        or return bless {error => $error}, $class;
    return bless {option => \%option, arguments => \@arguments, error => ''}, $class;
}

# Returns the exit status.
sub run {
    my ($self) = @_;
    if ($self->{error} ne '')  { return $self->_complain($self->{error} . $USAGE) }
    if ($self->{option}{help}) { return $self->_say($USAGE) }
    my ($name, $user, $exportnum, @more) = @{$self->{arguments}};
    my $command  = defined $name ? $COMMANDS{$name} : undef;
    my $format   = $self->{option}{format};
    my $is_known = $FORMATS{$format} && !($format eq 'csv' && defined $name && $name ne 'audit');
    if (!$command || !defined $user || @more || !$is_known) { return $self->_complain($USAGE) }
    my $status;
    my $has_run = eval {
        $self->_set_up($user);
        $self->{exports} = $self->_exports($exportnum);
        $status = $self->$command;
        1;
    };
    if (!$has_run)        { $status = $self->_complain(one_line("$@") . "\n") }
    if ($status != $FINE) { print {*STDERR} @{$self->{warnings}} }
    return $status;
}

# Freeside and its exports, as that user of Freeside's. Some of Freeside's classes warn
# whenever they are loaded: for cron that is nothing to send, unless something differs.
sub _set_up {
    my ($self, $user) = @_;
    $self->{warnings} = [];
    local $SIG{__WARN__} = sub {
        my ($text) = @_;
        if ($self->{option}{quiet}) { push @{$self->{warnings}}, $text }
        else                        { print {*STDERR} $text }
        return;
    };
    if (!eval { adminsuidsetup($user); 1 }) {
        my $error = "$@";
        $error =~ s/[ ]at[ ]\S+[ ]line[ ]\d+[.]?\s*\z//x;
        die "cannot start as Freeside's user $user: $error\n";
    }
    require FS::part_export;
    return;
}

# One export, or the first of each server.
sub _exports {
    my ($self, $exportnum) = @_;
    require FS::part_export::magicmail::Audit;
    require FS::part_export::magicmail::Jobs;
    if (defined $exportnum) { return [FS::part_export::magicmail::Jobs::export($exportnum)] }
    my @exports = FS::part_export::magicmail::Audit::servers();
    if (!@exports) { die "Freeside has no magicmail export\n" }
    return \@exports;
}

sub _audit {
    my ($self) = @_;
    if ($self->{option}{nightly}) { $self->_retry_jobs }
    my @results = map { $self->_audited($_) } @{$self->{exports}};
    if ($self->{option}{nightly}) {
        require FS::part_export::magicmail::Nightly;
        FS::part_export::magicmail::Nightly::keep(@results);
    }
    if (!$self->{option}{quiet} || _status_of(@results) != $FINE) { $self->_print(@results) }
    return _status_of(@results);
}

# Freeside 4 counts a package as suspended though its mailbox is not, an unprovision may
# have left something, and the queue runs a job once.
sub _retry_jobs {
    my ($self) = @_;
    require FS::part_export::magicmail::Jobs;
    my $count = FS::part_export::magicmail::Jobs::retry_failed();
    if ($count && !$self->{option}{quiet}) {
        $self->_say('jobs that had failed, tried again by the queue: ' . "$count\n");
    }
    return;
}

# The result of one server's audit. Ctrl-C ends it after the call under way.
sub _audited {
    my ($self, $export) = @_;
    require FS::part_export::magicmail::Progress;
    my $bar     = FS::part_export::magicmail::Progress->new(\*STDERR, !$self->{option}{quiet});
    my $stopped = 0;
    local $SIG{INT} = sub { $stopped = 1; return };
    my $result = FS::part_export::magicmail::Audit->new(
        $export,
        custnum    => $self->{option}{customer},
        progress   => sub { return $bar->at(@_) },
        is_stopped => sub { return $stopped },
    )->run;
    $bar->clear;
    return $result;
}

sub _status_of {
    my (@results) = @_;
    return $CANNOT  if grep { @{$_->{unread}} } @results;
    return $DIFFERS if grep { @{$_->{findings}} } @results;
    return $CANNOT  if grep { !$_->{accounts} } @results;
    return $FINE;
}

sub _print {
    my ($self, @results) = @_;
    require FS::part_export::magicmail::Findings;
    my $format = $self->{option}{format};
    return $self->_say(FS::part_export::magicmail::Findings::csv(@results))   if $format eq 'csv';
    return $self->_say(FS::part_export::magicmail::Findings::table(@results)) if $format eq 'table';
    return $self->_say(FS::part_export::magicmail::Findings::json({servers => \@results}));
}

sub _repair {
    my ($self) = @_;
    require FS::part_export::magicmail::Findings;
    require FS::part_export::magicmail::Repair;
    my $status = $FINE;
    my @told;
    foreach my $export (@{$self->{exports}}) {
        my ($of_server, $told) = $self->_repair_server($export);
        push @told, $told;
        if ($of_server > $status) { $status = $of_server }
    }
    if ($self->{option}{format} ne 'table' && !($self->{option}{quiet} && $status == $FINE)) {
        $self->_say(FS::part_export::magicmail::Findings::json({servers => \@told}));
    }
    return $status;
}

# Returns the exit status, and what was done as a document.
sub _repair_server {
    my ($self, $export) = @_;
    my $option = $self->{option};
    my $result = $self->_audited($export);
    my $repair = FS::part_export::magicmail::Repair->new(
        $export, $result,
        findings => $option->{finding},
        kinds    => $option->{kind}
    );
    my %told  = (machine => $result->{machine}, applied => $option->{apply} ? 1 : 0, results => []);
    my $brake = $repair->brake(
        max_changes => $option->{'max-changes'},
        max_percent => $option->{'max-percent'}
    );
    foreach my $key ($repair->not_found) { $self->_tell("$key: there is no such finding now\n") }
    my $count = $repair->chosen + $repair->by_hand;

    if (!$count && !@{$result->{unread}}) {
        my $others = @{$result->{findings}};
        $self->_tell("$result->{machine}: nothing to mend"
                . ($others ? "; differences that were not chosen: $others" : '') . "\n")
            if $others || !$option->{quiet};
        return ($FINE, \%told);
    }
    $told{intended} = [
        map { {key => $_->{key}, mend => $_->{mend}, steps => $_->{steps}} } $repair->chosen,
        $repair->by_hand
    ];
    if (!$option->{apply} || $brake ne '') {
        $self->_tell("$result->{machine}:\n" . FS::part_export::magicmail::Findings::intended($repair));
    }
    if ($brake ne '') {
        $told{ended} = "nothing was done: $brake";
        $self->_tell("$told{ended}\n");
        return ($CANNOT, \%told);
    }
    if (!$option->{apply}) {
        $self->_tell("nothing was done: this was a dry run; --apply does it\n") if $repair->chosen;
        return ($DIFFERS, \%told);
    }
    return $self->_apply($repair, \%told);
}

sub _apply {
    my ($self, $repair, $told) = @_;
    my $stopped = 0;
    local $SIG{INT} = sub { $stopped = 1; return };
    my $ended = $repair->apply(
        sub {
            my ($result) = @_;
            push @{$told->{results}}, $result;
            return $self->_tell(FS::part_export::magicmail::Findings::result($result));
        },
        sub { return $stopped }
    );
    my %count;
    foreach my $result (@{$told->{results}}) { $count{$result->{state}}++ }
    my $mended = $count{mended} || 0;
    $self->_tell("$told->{machine}: $mended mended, "
            . ($count{failed} || 0)
            . ' failed, '
            . scalar($repair->by_hand)
            . " by hand\n");
    if ($ended ne '') {
        $told->{ended} = $ended;
        $self->_tell("it ended early: $ended\n");
        return ($CANNOT, $told);
    }
    return ($count{failed} || $count{hand} || $repair->by_hand ? $DIFFERS : $FINE, $told);
}

# A line of a repair, for people.
sub _tell {
    my ($self, $text) = @_;
    return if $self->{option}{format} ne 'table';
    return $self->_say($text);
}

sub _test {
    my ($self) = @_;
    require FS::part_export::magicmail::Checks;
    my $status = $FINE;
    foreach my $export (@{$self->{exports}}) {
        my $seconds = $export->magic_options->{timeout};
        my @checks  = FS::part_export::magicmail::Checks::of_export($export, $seconds);
        my @shown   = $self->{option}{quiet} ? grep { !$_->{ok} } @checks : @checks;
        if (@shown) { $self->_say('export ' . $export->exportnum . ', ' . $export->machine . ":\n") }
        foreach my $check (@shown) {
            my $word = $check->{ok} ? 'ok' : defined $check->{ok} ? 'NOT OK' : 'not known';
            $self->_say(sprintf "  %-9s  %s: %s\n", $word, $check->{name}, one_line($check->{text}));
        }
        my $worst =
            (grep { !defined $_->{ok} } @checks) ? $CANNOT : (grep { !$_->{ok} } @checks) ? $DIFFERS : $FINE;
        if ($worst > $status) { $status = $worst }
    }
    return $status;
}

# What is loaded and configured, and what waits in the queue; without a request.
sub _status {
    my ($self) = @_;
    require FS::part_export::magicmail::Library;
    my $error = FS::part_export::magicmail::Library::load();
    $self->_say('module ' . FS::part_export::magicmail->VERSION . ": $INC{'FS/part_export/magicmail.pm'}\n");
    $self->_say(
        $error eq ''
        ? 'library '
            . FS::part_export::magicmail::Library::version() . ': '
            . FS::part_export::magicmail::Library::file() . "\n"
        : "$error\n"
    );
    foreach my $export (@{$self->{exports}}) { $self->_say_export($export) }
    $self->_say_jobs($self->{exports}[0]);
    return $error eq '' ? $FINE : $CANNOT;
}

sub _say_export {
    my ($self, $server) = @_;
    my $records = FS::part_export::magicmail::Records->new($server, $server->magic_options);
    my $exports = $records->exports;
    $self->_say('server ' . $server->machine . "\n");
    foreach my $exportnum (sort { $a <=> $b } keys %{$exports}) {
        my $known    = $exports->{$exportnum};
        my $prefix   = FS::part_export::magicmail::Options::prefix($known->{options});
        my @svcparts = sort { $a <=> $b } keys %{$known->{svcparts}};
        $self->_say(
            "  export $exportnum: prefix $prefix, package $known->{options}{package}, service definitions "
                . (join(', ', @svcparts) || 'none')
                . "\n");
    }
    return;
}

# Of all servers.
sub _say_jobs {
    my ($self, $export) = @_;
    my $records = FS::part_export::magicmail::Records->new($export, $export->magic_options);
    my @jobs    = $records->rows(<<'END');
SELECT status, COUNT(*) AS jobs FROM queue
 WHERE job LIKE 'FS::part_export::magicmail::%' GROUP BY status ORDER BY status
END
    foreach my $row (@jobs) { $self->_say("jobs in the queue, $row->{status}: $row->{jobs}\n") }
    return;
}

sub _say {
    my ($self, $text) = @_;
    utf8::encode($text);
    print {*STDOUT} $text;
    return $FINE;
}

sub _complain {
    my ($self, $text) = @_;
    utf8::encode($text);
    print {*STDERR} $text;
    return $CANNOT;
}

1;
