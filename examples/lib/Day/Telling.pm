package Day::Telling;

# Tells a day on paper: its opening, each step with what Freeside did, what was
# sent and what the mail server then has, and the sum of it.

use strict;
use warnings;

use Day::Server;

my $LABEL_WIDTH = 15;
my $NUMBER      = 4;

# Of how a request ended, with the gap before it.
my $OUTCOME_WIDTH = 11;

my $MS = 1000;

# Of Freeside's system log.
my $LEVEL_INFO = 1;

my %FAULT = (
    refused           => 'refuses connections for a moment',
    gone              => 'cannot be reached',
    drop_before       => 'breaks the connection before it has worked on a request',
    drop_after        => 'carries a request out, but breaks the connection before it answers',
    cut_short         => 'carries a request out, then breaks off in the middle of its answer',
    garbage           => 'answers with something that is not XML',
    garbage_after     => 'carries a request out, then answers with something that is not XML',
    hang              => 'does not answer',
    hang_after        => 'carries a request out, and does not answer',
    web_page          => 'answers with a web page',
    error_document    => 'answers with an error',
    empty_body        => 'carries a request out, and answers with nothing',
    empty_body_before => 'answers with nothing, having done nothing',
    close_idle        => 'closes the kept connection',
    redirect          => 'redirects elsewhere',
    drip              => 'answers with one byte a second',
    endless           => 'answers without end',
    status_500_after  => 'carries a request out, then answers with the HTTP status 500',
    status_502_after  => 'carries a request out, then answers with the HTTP status 502',
);

sub new {
    my ($class, $paper) = @_;
    return bless {paper => $paper}, $class;
}

sub opening {
    my ($self, $day) = @_;
    my $paper = $self->{paper};
    $paper->rule;
    $paper->line($paper->styled(bold => $day->{title}));
    $paper->rule;
    $paper->paragraph($day->{opening});
    $paper->line;
    $paper->paragraph('Each step shows what happens in Freeside, every request that was sent to'
            . ' MagicMail with the status of its answer (400 none: there is no such thing),'
            . ' and the account as MagicMail then has it: + is new, * has changed, - is gone.');
    return;
}

sub headline {
    my ($self, $number, $step, $sentence) = @_;
    my $paper = $self->{paper};
    $paper->line;
    my $mark = sprintf '%2d ', $number;
    $paper->paragraph(
        $step->{headline},
        label  => $paper->styled('bold cyan' => "$mark "),
        indent => $NUMBER,
        style  => 'bold'
    );
    if (defined $step->{text}) { $paper->paragraph($step->{text}, indent => $NUMBER, style => 'dim') }
    for my $fault (@{$step->{faults} || []}) {
        $self->_labelled(Trouble => 'yellow', _fault($fault));
    }
    $self->_labelled($step->{do} eq 'meddle' ? 'By hand' : 'Freeside', undef, $sentence);
    return;
}

sub _fault {
    my ($fault) = @_;
    my $kind    = $fault->{kind};
    my $what = $FAULT{$kind} || ($kind =~ /\A status_(\d+) \z/x ? "answers with the HTTP status $1" : $kind);
    my ($method, $path) = @{$fault}{qw( method path )};
    my $which = join q{ }, defined $method ? "a $method" : 'a request', defined $path ? "under $path" : ();
    return "the mail server $what" . (defined $method || defined $path ? ", at $which" : q{}) . q{.};
}

# A paragraph with a label in the margin.
sub _labelled {
    my ($self, $label, $style, $text) = @_;
    my $paper  = $self->{paper};
    my $margin = sprintf '%-*s', $LABEL_WIDTH, q{ } x $NUMBER . $label;
    return $paper->paragraph(
        $text,
        label  => $paper->styled(cyan => $margin),
        indent => $LABEL_WIDTH,
        style  => $style
    );
}

sub _item {
    my ($self, $text, $style) = @_;
    my $paper = $self->{paper};
    return $paper->paragraph($text, indent => $LABEL_WIDTH, mark => $paper->sign('item'), style => $style);
}

# What Freeside did: its answer, its system log, its queue, its error log.
sub freeside {
    my ($self, $told) = @_;
    my $label = 'Its log';
    for my $row (@{$told->{log}}) {
        $self->_log_entry($label, $row);
        $label = q{};
    }
    $label = $told->{label};
    for my $note (@{$told->{notes}}) {
        my ($title, @lines) = @{$note};
        $self->_labelled($label => 'bold', $title);
        for my $line (@lines) { $self->_item($line, $line =~ /\A NOT[ ]/x ? 'red' : undef) }
        $label = q{};
    }
    if ($told->{screen}) { $self->_screen(@{$told->{screen}}) }
    for my $line (@{$told->{error_log}}) { $self->_labelled('Error log' => 'yellow', $line) }
    if (@{$told->{jobs}}) {
        my $jobs = join ', ', @{$told->{jobs}};
        $self->_labelled('Its queue' => undef, counted(scalar @{$told->{jobs}}, 'new job') . ": $jobs");
    }
    if ($told->{error}) {
        $self->_labelled('Staff read' => 'yellow', $told->{error});
    }
    return;
}

# What a program printed, as it is.
sub _screen {
    my ($self, $command, @lines) = @_;
    my $paper = $self->{paper};
    $paper->line;
    for my $line ($paper->styled(bold => $command), @lines) {
        $paper->line(length $line ? q{ } x $NUMBER : q{}, $line);
    }
    return;
}

# "provisioned mailbox ADDRESS, account ID: STEP; STEP (N requests, N ms)", or a
# warning or an error.
sub _log_entry {
    my ($self, $label, $row) = @_;
    my ($level, $message) = ($row->level, $row->message);
    my $style = $level > $LEVEL_INFO ? 'yellow' : undef;
    my ($what, $steps) = $message =~ / \A (\w+ [ ] mailbox [ ] .+? , [ ] account [ ] [^:]+) : [ ] (.+) \z /x;
    if (!defined $what) { return $self->_labelled($label, $style, $message) }
    $steps =~ s/ [ ] [(] \d+ [ ] requests, [ ] \d+ [ ] ms [)] \z //x;
    $self->_labelled($label, $style, $what);
    for my $step (split /;[ ]/x, $steps) { $self->_item($step) }
    return;
}

# The requests, and how many there were in how many seconds.
sub sent {
    my ($self, $requests, $seconds) = @_;
    my $paper  = $self->{paper};
    my $label  = sprintf '%-*s', $LABEL_WIDTH, q{ } x $NUMBER . 'Sent';
    my $margin = $paper->styled(cyan => $label);
    for my $request (@{$requests}) {
        my ($line, $outcome) = Day::Server::request_line($request);
        my $fault = $request->{fault} ? 'yellow' : undef;
        my $text  = $paper->cut($line, $paper->width - $LABEL_WIDTH - $OUTCOME_WIDTH);
        $paper->line($margin, $paper->styled($fault, "$text  $outcome"));
        $margin = q{ } x $LABEL_WIDTH;
    }
    my %connections = map { $_->{connection} => 1 } @{$requests};
    my $sum =
        @{$requests}
        ? sprintf '%s on %s, %s', counted(scalar @{$requests}, 'request'),
        counted(scalar keys %connections, 'connection'), duration($seconds)
        : 'nothing reached the mail server';
    $paper->line($margin, $paper->styled(bold => $sum));
    return;
}

# An account as it is now, beside what it was.
sub account {
    my ($self, $id, $now, $before) = @_;
    my $paper = $self->{paper};
    my @rows  = Day::Server::rows($now, $before);
    my $whose = join q{ }, grep { defined && length } @{$now || $before || {}}{qw( first_name last_name )};
    my $text  = "account $id";
    if ($now || $before) { $text .= ", $whose" }
    my $status = !$now ? 'gone' : !$before ? "$now->{status}, new" : $now->{status};
    $self->_labelled(MagicMail => undef, "$text: $status");
    if (@rows) { $paper->table($NUMBER + 2, [qw( user status master packages addresses )], @rows) }
    return;
}

sub unchanged {
    my ($self) = @_;
    return $self->_labelled(MagicMail => undef, 'as before');
}

sub outcome {
    my ($self, $is_refused, @differences) = @_;
    if (!@differences) {
        return $self->_labelled(Outcome => 'green', $is_refused ? 'refused, as expected' : 'as expected');
    }
    $self->_labelled(Outcome => 'bold red', 'NOT as expected');
    for my $difference (@differences) { $self->_item($difference, 'red') }
    return;
}

# The sum of the day: how many steps, requests and seconds; { number, headline,
# differences } of those that ended otherwise than expected.
sub closing {
    my ($self, $sum, @failed) = @_;
    my $paper = $self->{paper};
    $paper->line;
    $paper->rule;
    my $fine = $sum->{steps} - @failed;
    $paper->paragraph("$fine of $sum->{steps} steps ended as expected.",
        style => @failed ? 'bold red' : 'bold green');
    for my $step (@failed) {
        $paper->paragraph("Step $step->{number}, $step->{headline}:", indent => 2);
        for my $difference (@{$step->{differences}}) {
            $paper->paragraph($difference, indent => 2, mark => $paper->sign('item'), style => 'red');
        }
    }
    $paper->paragraph(counted($sum->{requests}, 'request')
            . ' over TLS; Freeside waited '
            . duration($sum->{seconds})
            . ' in all.');
    $paper->line;
    $paper->paragraph('Read on: README.md (what it promises), ARCHITECTURE.md (the way of one mailbox'
            . ' through the program). Another day: make demo DAY=examples/trouble.json. One of'
            . ' your own: perldoc examples/day has the keys.');
    return;
}

sub counted {
    my ($count, $thing) = @_;
    return $count == 1 ? "1 $thing" : "$count ${thing}s";
}

sub duration {
    my ($seconds) = @_;
    return $seconds < 1 ? sprintf('%.0f ms', $seconds * $MS) : sprintf '%.1f s', $seconds;
}

1;
