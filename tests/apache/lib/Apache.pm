package Apache;

# A prefork Apache with mod_perl for a test: its configuration, its start, a
# graceful restart, its end. All its files are in a temporary folder, with copies
# of the export, the tests' own Freeside and the library: it does not run as
# root, and whom it runs as may not be able to read the checkout. It ends with
# the test, however that ends.

use strict;
use warnings;

use parent qw( Kept );

use Carp           qw( croak );
use Cwd            qw( abs_path );
use English        qw( -no_match_vars );
use File::Basename qw( dirname );
use File::Temp     qw( tempdir );
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use POSIX       ();
use Time::HiRes qw( sleep time );

my $CHECKOUT = abs_path(dirname(__FILE__) . '/../../..');
my $PROGRAM  = '/usr/sbin/apache2';
my $MODULES  = '/usr/lib/apache2/modules';
my $PATIENCE = 60;

# Debian's own user of Apache.
my $USER = 'www-data';

# What is not there, in words; '' where all is.
sub lacks {
    return 'Apache is not installed (apt install apache2-bin)'
        if !-x $PROGRAM || !-e "$MODULES/mod_mpm_prefork.so";
    return 'mod_perl is not installed (apt install libapache2-mod-perl2)'
        if !-e "$MODULES/mod_perl.so";
    return q{};
}

# library => the file to load, children => their number, environment => { ... }
# for them, files => { NAME => file } that they may read, as $ENV{NAME}.
sub start {
    my ($class, %option) = @_;
    my $self = bless {
        %option,
        owner  => $PID,
        folder => tempdir('magicmail-apache-XXXXXX', TMPDIR => 1, CLEANUP => 1),
        http   => HTTP::Tiny->new(keep_alive => 0, timeout => $PATIENCE),
    }, $class;
    $self->_copy;
    $self->{port} = _free_port();
    $self->_configure;
    if ($EFFECTIVE_USER_ID == 0) {
        system('chown', '-R', $USER, $self->{folder}) == 0
            or croak "chown: $CHILD_ERROR";
    }
    $self->_run;
    $self->_wait_for_answer;
    return $self;
}

sub _copy {
    my ($self) = @_;
    my $folder = $self->{folder};
    for my $name (qw( share lib tmp )) {
        mkdir "$folder/$name" or croak "mkdir: $OS_ERROR";
    }

    # Where an installed export finds its library.
    my %place = (
        "$CHECKOUT/perl/lib"         => "$folder/share/perl5",
        $self->{library}             => "$folder/lib/libmagicmail.so.0",
        "$CHECKOUT/tests/perl/lib"   => "$folder/freeside",
        "$CHECKOUT/tests/apache/lib" => "$folder/site",
    );
    for my $name (sort keys %{$self->{files}}) {
        $place{$self->{files}{$name}} = "$folder/$name";
        $self->{environment}{$name} = "$folder/$name";
    }
    for my $source (sort keys %place) {
        system('cp', '-RL', $source, $place{$source}) == 0
            or croak "cp $source: $CHILD_ERROR";
    }
    return;
}

# Another process may take it before Apache does; the start then fails, and
# says so.
sub _free_port {
    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1)
        or croak "no port: $EVAL_ERROR";
    return $socket->sockport;
}

sub _configure {
    my ($self) = @_;
    my ($folder, $port, $children) = @{$self}{qw( folder port children )};
    my $loaded = join "\n",
        map { "LoadModule ${_}_module $MODULES/mod_$_.so" } qw( mpm_prefork authz_core perl );
    my %environment   = (%{$self->{environment}}, TMPDIR => "$folder/tmp");
    my $settings      = join "\n", map { "PerlSetEnv $_ $environment{$_}" } sort keys %environment;
    my $configuration = <<"END_OF_CONFIGURATION";
$loaded
ServerRoot $folder
ServerName localhost
PidFile $folder/apache.pid
ErrorLog $folder/error.log
DefaultRuntimeDir $folder
Mutex fcntl:$folder
Listen 127.0.0.1:$port
ServerLimit $children
StartServers $children
MinSpareServers $children
MaxSpareServers $children
MaxRequestWorkers $children
MaxConnectionsPerChild 0
KeepAlive Off
$settings
PerlSwitches -I$folder/share/perl5 -I$folder/freeside -I$folder/site
PerlRequire $folder/site/startup.pl
PerlChildInitHandler MailboxPage::child_init
<Location /mailbox>
    Require all granted
    SetHandler perl-script
    PerlResponseHandler MailboxPage
</Location>
END_OF_CONFIGURATION
    open my $file, '>', "$folder/apache.conf" or croak "conf: $OS_ERROR";
    print {$file} $configuration;
    close $file or croak "conf: $OS_ERROR";
    return;
}

# A process between this one and Apache ends Apache when this one is gone: then
# the pipe that it reads has no writer any more.
sub _run {
    my ($self) = @_;
    return $self->keep_by(
        sub {
            my ($reader) = @_;
            my $apache = fork;
            if (defined $apache && !$apache) {
                close $reader;
                eval { $self->_become_apache; 1 } or print {*STDERR} $EVAL_ERROR;
                POSIX::_exit(127);
            }
            return _keep($apache, $reader);
        }
    );
}

sub _become_apache {
    my ($self) = @_;
    my $folder = $self->{folder};
    if ($EFFECTIVE_USER_ID == 0) {
        my ($uid, $gid) = (getpwnam $USER)[2, 3];
        if (!defined $uid) { die "no user $USER\n" }
        POSIX::setgid($gid);
        ## no critic (RequireLocalizedPunctuationVars): for good
        $EFFECTIVE_GROUP_ID = "$gid $gid";
        POSIX::setuid($uid) or die "setuid: $OS_ERROR\n";
    }
    my @command = ($PROGRAM, '-f', "$folder/apache.conf", '-D', 'FOREGROUND');
    exec {$PROGRAM} @command or die "exec: $OS_ERROR\n";
}

# Until the other end of the pipe is closed, or Apache has ended by itself. What ends the
# test, as Ctrl-C does, must not end the keeper first.
sub _keep {
    my ($apache, $reader) = @_;
    local @SIG{qw( HUP INT TERM )} = ('IGNORE') x 3;
    my $select = IO::Select->new($reader);
    while (!$select->can_read(0.1)) {
        return if waitpid $apache, POSIX::WNOHANG();
    }
    return _end($apache);
}

# It stops when it is told to, or is made to.
sub _end {
    my ($apache) = @_;
    kill TERM => $apache;
    my $until = time + $PATIENCE / 2;
    while (waitpid($apache, POSIX::WNOHANG()) == 0) {
        if (time > $until) { kill KILL => $apache }
        sleep 0.02;
    }
    return;
}

sub _wait_for_answer {
    my ($self) = @_;
    my $has_answered = $self->wait_until(sub { return $self->get('/mailbox?do=nothing')->{success} });
    if (!$has_answered) {
        croak "Apache does not start:\n" . $self->error_log;
    }
    return;
}

# Waits until the code returns something true; false where that takes too long,
# or Apache has ended.
sub wait_until {
    my ($self, $code) = @_;
    my $until = time + $PATIENCE;
    while (time < $until && !waitpid $self->{keeper}, POSIX::WNOHANG()) {
        return 1 if $code->();
        sleep 0.05;
    }
    return 0;
}

sub get {
    my ($self, $path) = @_;
    return $self->{http}->get($self->url($path));
}

sub url {
    my ($self, $path) = @_;
    return "http://127.0.0.1:$self->{port}$path";
}

# The process of the parent.
sub process {
    my ($self) = @_;
    open my $file, '<', "$self->{folder}/apache.pid" or croak "pid: $OS_ERROR";
    my ($process) = <$file> =~ /(\d+)/x;
    close $file or croak "pid: $OS_ERROR";
    return $process;
}

sub children {
    my ($self) = @_;
    my $process = $self->process;
    open my $file, '<', "/proc/$process/task/$process/children"
        or croak "/proc: $OS_ERROR";
    my @children = map { split } <$file>;
    close $file or croak "/proc: $OS_ERROR";
    return @children;
}

# Waits until there are as many children as there should be, none of these among
# them, and each is ready: one that is making its Freeside yet lets no signal end
# it, as no hook does.
sub wait_for_children_other_than {
    my ($self, @before) = @_;
    my %is_before = map { $_ => 1 } @before;
    my $is_so     = $self->wait_until(
        sub {
            my @ready = grep { -e "$self->{folder}/tmp/ready-$_" }
                grep { !$is_before{$_} } $self->children;
            return @ready == $self->{children};
        }
    );
    if (!$is_so) { croak 'no new children: ' . $self->error_log }
    return;
}

# Names of what the parent has open.
sub open_files {
    my ($self) = @_;
    return map { readlink } glob '/proc/' . $self->process . '/fd/*';
}

sub restart_gracefully {
    my ($self) = @_;
    kill USR1 => $self->process or croak "no Apache: $OS_ERROR";
    return;
}

# What it has written, but for the notices of starts and ends.
sub error_log {
    my ($self) = @_;
    open my $file, '<', "$self->{folder}/error.log" or return q{};
    my $text = join q{}, grep { !/ \[ \w+ : notice \] /x } <$file>;
    close $file or croak "log: $OS_ERROR";
    return $text;
}

1;
