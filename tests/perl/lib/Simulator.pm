package Simulator;

# Starts the MagicMail simulator for a test and speaks to its control port. The
# program is MAGICMAIL_SIMULATOR, else target/release's, else target/debug's of
# this checkout. It ends when its standard input closes, so it never outlives
# the test.
#
#     my $magicmail = Simulator->start( domains => ['example.net'] );
#     $magicmail->faults( { kind => 'drop_after', on => 2 } );
#     is $magicmail->user('jane')->{status}, 'active';

use strict;
use warnings;

## no critic (ProhibitBuiltinHomonyms): the control port's words

use Carp           qw( croak );
use Cwd            qw( abs_path );
use English        qw( -no_match_vars );
use File::Basename qw( dirname );
use File::Temp     qw( tempdir );
use HTTP::Tiny;
use IO::Select;
use JSON::PP;
use POSIX ();

my $CHECKOUT      = abs_path(dirname(__FILE__) . '/../../..');
my $NAME          = 'magicmail-simulator';
my $LONGEST_START = 20;
my $json          = JSON::PP->new->utf8->canonical;

sub program {
    my @candidates = ($ENV{MAGICMAIL_SIMULATOR}, map { "$CHECKOUT/target/$_/$NAME" } qw( release debug ));
    for my $candidate (grep { defined && length } @candidates) {
        return $candidate if -x $candidate;
    }
    croak "no $NAME: cargo build -p $NAME, or set MAGICMAIL_SIMULATOR";
}

# domains => [...], certificate => kind, client_id, client_password, modes =>
# {...}, faults => [...], state => file, listen => address, arguments => [ any
# others ].
sub start {
    my ($class, %option) = @_;
    my $self = bless {
        owner           => $PID,
        client_id       => $option{client_id}       || 'freeside',
        client_password => $option{client_password} || 'secret',
        directory       => tempdir('magicmail-simulator-XXXXXX', TMPDIR => 1, CLEANUP => 1),
        http            => HTTP::Tiny->new(keep_alive => 0, timeout => 30, no_proxy => ['127.0.0.1']),
    }, $class;
    $self->_run(program(), '--stop-with-stdin', $self->_arguments(%option));
    $self->_read_addresses;
    return $self;
}

sub _arguments {
    my ($self, %option) = @_;
    my %modes     = %{$option{modes} || {}};
    my @arguments = (
        '--client-id',          $self->client_id, '--client-password',
        $self->client_password, '--directory',    $self->{directory}
    );
    for my $name (qw( listen control certificate state )) {
        push @arguments, "--$name", $option{$name} if defined $option{$name};
    }
    push @arguments, map { ('--domain', $_) } @{$option{domains} || ['example.net']};
    push @arguments, map { ('--mode',   "$_=$modes{$_}") } sort keys %modes;
    push @arguments, map { ('--fault',  $json->encode($_)) } @{$option{faults} || []};
    return (@arguments, @{$option{arguments} || []});
}

sub _run {
    my ($self, @command) = @_;
    pipe my $child_input, my $input        or croak "pipe: $OS_ERROR";
    pipe my $output,      my $child_output or croak "pipe: $OS_ERROR";
    my $child = fork;
    if (!defined $child) { croak "fork: $OS_ERROR" }
    if (!$child) {
        POSIX::dup2(fileno $child_input,  0);
        POSIX::dup2(fileno $child_output, 1);
        exec {$command[0]} @command or POSIX::_exit(127);
    }
    @{$self}{qw( process input output )} = ($child, $input, $output);
    return;
}

# Its first three lines: the server, the control port, the CA's certificate.
sub _read_addresses {
    my ($self) = @_;
    my $text   = q{};
    my $select = IO::Select->new($self->{output});
    my $until  = time + $LONGEST_START;
    while ($text !~ / (?: .* \n ){3} /x) {
        my $is_ready = time < $until && $select->can_read($until - time);
        if (!$is_ready || !sysread $self->{output}, $text, 4096, length $text) {
            croak "the simulator did not start; it said: $text";
        }
    }
    my ($url, $control, $ca_file) = split /\n/x, $text;
    $self->{url}     = $url;
    $self->{control} = $control =~ s/\A control \s+ //xr;
    $self->{ca_file} = $ca_file =~ s/\A ca \s+ //xr;
    return;
}

sub url             { my ($self) = @_; return $self->{url} }
sub ca_file         { my ($self) = @_; return $self->{ca_file} }
sub client_id       { my ($self) = @_; return $self->{client_id} }
sub client_password { my ($self) = @_; return $self->{client_password} }
sub directory       { my ($self) = @_; return $self->{directory} }
sub process         { my ($self) = @_; return $self->{process} }
sub control_url     { my ($self) = @_; return $self->{control} }

sub host {
    my ($self) = @_;
    return $self->{url} =~ m{ \A https?:// (.+) : \d+ }x
        ? $1
        : croak "no host in $self->{url}";
}

sub port {
    my ($self) = @_;
    return $self->{url} =~ m{ : (\d+) /? \z }x
        ? $1
        : croak "no port in $self->{url}";
}

# What the server holds: { accounts, users, addresses, domains }.
sub state { my ($self) = @_; return $self->_control(GET => '/state') }

sub set_state {
    my ($self, $state) = @_;
    return $self->_control(PUT => '/state', $state);
}

# One part of it: a user (in whatever case the server keeps the name) or an
# account; undef where there is none.
sub user { my ($self, $name) = @_; return $self->_named(users => $name) }

sub account {
    my ($self, $name) = @_;
    return $self->_named(accounts => $name);
}

sub _named {
    my ($self, $kind, $name) = @_;
    my $things = $self->state->{$kind};
    my ($key) = grep { lc eq lc $name } keys %{$things};
    return defined $key ? $things->{$key} : undef;
}

# The requests that the server had, oldest first; how many.
sub log       { my ($self) = @_; return @{$self->_control(GET => '/log')} }
sub clear_log { my ($self) = @_; return $self->_control(DELETE => '/log') }
sub requests  { my ($self) = @_; return scalar(() = $self->log) }

# The same as texts: "POST /user/jane".
sub request_lines {
    my ($self) = @_;
    return map { "$_->{method} $_->{path}" } $self->log;
}

# { opened, handshakes_failed, requests, resumed }
sub connections {
    my ($self) = @_;
    return $self->_control(GET => '/connections');
}

# Sets those given; returns all.
sub modes {
    my ($self, %mode) = @_;
    if (%mode) { $self->_control(PATCH => '/modes', \%mode) }
    return $self->_control(GET => '/modes');
}

# Counted from now on; none at all clears them.
sub faults {
    my ($self, @faults) = @_;
    return $self->_control(PUT => '/faults', \@faults);
}

sub reset { my ($self) = @_; return $self->_control(POST => '/reset') }

sub _control {
    my ($self, $method, $path, $document) = @_;
    my %content =
        defined $document ? (content => $json->encode($document)) : ();
    my $answer = $self->{http}->request(
        $method,
        $self->{control} . $path,
        {headers => {'content-type' => 'application/json'}, %content}
    );
    if (!$answer->{success}) {
        croak "$method $path at the simulator: $answer->{status} $answer->{content}";
    }
    return
        length $answer->{content} && $answer->{content} =~ /\A \s* [[{] /x
        ? $json->decode($answer->{content})
        : undef;
}

# It is told to end, too: a process that was forked meanwhile and lives on, such as
# the keeper of a PostgreSQL, has the pipe open.
sub stop {
    my ($self) = @_;
    return if $self->{owner} != $PID || !$self->{process};
    close delete $self->{input} or croak "pipe: $OS_ERROR";
    my $process = delete $self->{process};
    kill TERM => $process;
    waitpid $process, 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($EVAL_ERROR, $OS_ERROR, $CHILD_ERROR) = (q{}, 0, 0);
    $self->stop;
    return;
}

1;
