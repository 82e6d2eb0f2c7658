package FS::part_export::magicmail::Library;

# The binding of the C ABI of libmagicmail.so: JSON documents in, JSON documents
# out. It knows nothing of Freeside. Nothing here dies: what cannot be done is
# returned as a failure, { status => NUMBER, text => SENTENCE, ... }.
#
# An object is one configured export (mm_export of the C ABI). Objects are kept,
# so that their connections are; each use may be in another process than the
# one that made it, for the library takes care of forks itself.

use strict;
use warnings;

use Config qw(%Config);
use Cwd    ();

# The version of the C ABI that this file speaks.
my $ABI = 1;

# As many configured exports are kept; the one that was not used for longest goes.
my $MOST_KEPT = 16;

# What to do where the two do not belong together.
my $ONE_RELEASE = 'install the export and the library of one release, then restart Freeside';

my $FILE       = Cwd::abs_path(__FILE__);
my $STATUS_BAD = 2;
my $CHECK      = 'mm_abi_version';
my @HOOKS      = qw(provision unprovision replace suspend unsuspend);

# The functions of the library, once it is loaded, and where it was found.
my (%call, $loaded_file);

my ($json, $log_closure);

# Where the lines of the running call go: code that takes a level and a line.
my $sink;

# Key => object, and the keys in the order of their last use.
my (%kept, @used);

# Loads the library, unless it is there already. Returns '' or an error text.
sub load {
    return '' if defined $loaded_file;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $is_loaded = eval { _load(); 1 };
    return '' if $is_loaded;
    my $error = "$@";
    $error =~ s/[ ]at[ ]\S+[ ]line[ ]\d+.*//sx;
    $error =~ s/\s+\z//x;
    return "the MagicMail library cannot be used: $error";
}

# The file that was loaded, and the version of the library in it.
sub file {
    return defined $loaded_file ? $loaded_file : '';
}

sub version {
    return defined $loaded_file ? $call{mm_version}->() : '';
}

# The object of a configuration document: a kept one, or a new one. Returns
# (object) or (undef, failure).
sub for_configuration {
    my ($class, $configuration) = @_;
    my $error = load();
    return (undef, {status => $STATUS_BAD, text => $error}) if $error ne '';
    local $@ = '';
    my $document = $json->encode($configuration);
    my $key = join q{ }, $document, map { _state_of($configuration->{$_}) } qw(ca_file client_password_file);
    @used = grep { $_ ne $key } @used;
    if (!$kept{$key}) {
        my $pointer = $call{mm_export_new}->($document);
        return (undef, _failure($STATUS_BAD)) if !$pointer;
        $call{mm_export_set_log}->($pointer, $log_closure, undef);
        $kept{$key} = bless {pointer => $pointer, key => $key}, $class;
    }
    push @used, $key;
    while (@used > $MOST_KEPT) {
        delete $kept{shift @used};
    }
    return $kept{$key};
}

# A document as JSON text, in UTF-8, its keys in order.
sub json_text {
    my ($document) = @_;
    $json ||= _json();
    return $json->encode($document);
}

# The document of JSON text in UTF-8; undef where it is none.
sub json_document {
    my ($text) = @_;
    $json ||= _json();
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $document;
    my $is_read = eval { $document = $json->decode($text); 1 };
    return $is_read ? $document : undef;
}

# Runs a hook (provision, unprovision, replace, suspend, unsuspend) on a request
# document that has everything. The lines that the library writes meanwhile are given to
# $log, as level (0 debug to 3 error) and text. Returns (reply) or (undef, failure).
sub hook {
    my ($self, $hook, $request, $log) = @_;
    return $self->_run("mm_$hook", $log, $json->encode($request));
}

# Runs an operation by its name. Returns (reply) or (undef, failure); a reply of
# undef alone says that the server has no such thing.
sub call {
    my ($self, $operation, $arguments, $log) = @_;
    return $self->_run('mm_call', $log, $operation, $json->encode($arguments));
}

# Carries out a task of Freeside's: gives each list of queries and commands to $answer,
# which returns the list of their answers and does not die. Returns (what it ended
# with) or (undef, failure).
sub converse {
    my ($self, $begin, $answer, $log) = @_;
    local $@ = '';
    my $task = $call{mm_task_new}->($json->encode($begin));
    return (undef, _failure($STATUS_BAD)) if !$task;
    my ($answers, $turn, $failure) = ([]);
    my $has_ended = eval {
        while (1) {
            ($turn, $failure) = $self->_run('mm_task_next', $log, $task, $json->encode($answers));
            last if $failure || $turn->{done};
            $answers = $answer->($turn->{ask});
        }
        1;
    };
    my $death = "$@";
    $call{mm_task_free}->($task);
    return (undef, {status => $STATUS_BAD, text => $death}) if !$has_ended;
    return $failure ? (undef, $failure) : ($turn->{done}, undef);
}

# Is kept no longer: the next use makes a new one, which reads the certificates
# and looks the server up anew.
sub forget {
    my ($self) = @_;
    delete $kept{$self->{key}};
    @used = grep { $_ ne $self->{key} } @used;
    return;
}

sub _run {
    my ($self, $function, $log, @documents) = @_;
    local $@ = '';
    my $before = $sink;
    $sink = $log;
    my $reply;
    my $status =
        $call{$function}->($self->{pointer}, @documents, \$reply);
    $sink = $before;
    return (undef, _failure($status)) if $status != 0;
    my $bytes = $call{text_at}->($reply);
    $call{mm_string_free}->($reply);
    return ($json->decode($bytes), undef);
}

# What the library says of the call that failed last.
sub _failure {
    my ($status) = @_;
    my $text     = $call{mm_last_error}->();
    my $detail   = $call{mm_last_error_detail}->();
    utf8::decode($text);
    my $known   = eval { $json->decode($detail) };
    my %failure = ref $known eq 'HASH' ? %{$known} : ();
    return {%failure, status => $status, text => $text};
}

# A file of a certificate or a password that was replaced is another configuration.
sub _state_of {
    my ($file) = @_;
    return '' if !defined $file || $file eq '';
    my @state = stat $file;
    return join q{ }, map { defined $_ ? $_ : '' } @state[0, 1, 7, 9];
}

sub _load {
    $json ||= _json();
    if (!eval { require FFI::Platypus; 1 }) {
        die "install the Perl module FFI::Platypus" . " (Debian: apt install libffi-platypus-perl)\n";
    }
    my $file = _find();

    # Of api 1: Debian 11 has a Platypus (1.34) that knows 2 only as an experiment.
    my $ffi = FFI::Platypus->new(api => 1, lib => [$file]);
    my $abi = eval { $ffi->function($CHECK => [] => 'uint32') }
        or die _why_not($file) . "\n";
    my $found = $abi->call;
    if ($found != $ABI) {
        die "$file has version $found of the C ABI and this export needs $ABI;" . " $ONE_RELEASE\n";
    }
    my %functions = _functions($ffi, $file);
    my $closure   = $ffi->closure(\&_log);
    $closure->sticky;
    ($loaded_file, $log_closure, %call) = ($file, $closure, %functions);
    return;
}

# Every function of the ABI as Perl code.
sub _functions {
    my ($ffi, $file) = @_;
    $ffi->type('(opaque,sint32,string)->void' => 'mm_log_fn');
    my %signature = (
        mm_version        => [[]                                 => 'string'],
        mm_export_new     => [['string']                         => 'opaque'],
        mm_export_free    => [['opaque']                         => 'void'],
        mm_export_set_log => [[qw(opaque mm_log_fn opaque)]      => 'void'],
        mm_call           => [[qw(opaque string string opaque*)] => 'sint32'],
        (map { ("mm_$_" => [[qw(opaque string opaque*)] => 'sint32']) } @HOOKS),
        mm_task_new          => [['string']                         => 'opaque'],
        mm_task_next         => [[qw(opaque opaque string opaque*)] => 'sint32'],
        mm_task_free         => [['opaque']                         => 'void'],
        mm_last_error        => [[]                                 => 'string'],
        mm_last_error_detail => [[]                                 => 'string'],
        mm_string_free       => [['opaque']                         => 'void'],
    );
    my %functions;
    foreach my $name (keys %signature) {
        my $function = eval { $ffi->function($name => @{$signature{$name}}) }
            or die "$file is older than this export, it has no $name; $ONE_RELEASE\n";
        $functions{$name} = $function->sub_ref;
    }

    # An owned text comes as an address, so that it can be freed once copied.
    $ffi->attach_cast('_text_at', 'opaque', 'string');
    $functions{text_at} = \&_text_at;
    return %functions;
}

# A line of the library's. It runs below Rust's frames: nothing may leave it.
sub _log {
    my (undef, $level, $line) = @_;
    return if !$sink;
    local ($@, $!, $?) = ('', 0, 0);
    local $SIG{__DIE__} = 'DEFAULT';
    utf8::decode($line);
    eval { $sink->($level, $line); 1 } or return;
    return;
}

sub _json {
    foreach my $class (qw(Cpanel::JSON::XS JSON::XS JSON::PP)) {
        my $file = "$class.pm";
        $file =~ s{::}{/}gx;
        next if !eval { require $file; 1 };
        return $class->new->utf8->canonical->allow_nonref;
    }
    die "install a JSON module of Perl" . " (Debian: apt install libcpanel-json-xs-perl)\n";
}

# The library to load: the one that MAGICMAIL_LIB names, else one beside the
# tree that this file is installed in, else the one that was built in the
# checkout that this file lies in, else one of the system's.
sub _find {
    my $named = $ENV{MAGICMAIL_LIB};
    if (defined $named && $named ne '') {
        return $named if -e $named;
        die "there is no file $named (MAGICMAIL_LIB)\n";
    }
    my @places = (_installed_beside($FILE), _built_in($FILE), _of_system());
    foreach my $place (@places) {
        return $place if -e $place;
    }
    die "libmagicmail.so.0 is not installed (looked for "
        . join(', ', @places)
        . '); install the package of this export, or build it with "make"'
        . " and name the file in MAGICMAIL_LIB\n";
}

# PREFIX/share/perl5 and PREFIX/share/perl/VERSION belong to PREFIX/lib.
sub _installed_beside {
    my ($file)   = @_;
    my ($prefix) = $file =~ m{\A(.*)/share/perl5?/(?:[\d.]+/)?FS/}sx;
    return defined $prefix ? _below("$prefix/lib") : ();
}

sub _built_in {
    my ($file) = @_;
    my ($root) = $file =~ m{\A(.*)/perl/lib/FS/part_export/magicmail/}sx;
    return if !defined $root || !-e "$root/Cargo.toml";
    return map { "$root/target/$_/libmagicmail.so" } qw(release debug);
}

sub _of_system {
    return map { _below($_) } qw(/usr/local/lib /usr/lib);
}

# Debian's folder for libraries of this architecture comes first.
sub _below {
    my ($folder) = @_;
    my $architecture = $Config{archname} || '';
    $architecture =~ s/-thread-multi.*\z|-multi\z//sx;
    return ("$folder/$architecture/libmagicmail.so.0", "$folder/libmagicmail.so.0");
}

# Why a file cannot be loaded, in the linker's own words where it has some.
sub _why_not {
    my ($file) = @_;
    my $handle = FFI::Platypus::DL::dlopen($file, FFI::Platypus::DL::RTLD_PLATYPUS_DEFAULT());
    if (!$handle) {
        my $reason = FFI::Platypus::DL::dlerror() || 'no reason is given';
        return "$file cannot be loaded: $reason";
    }
    FFI::Platypus::DL::dlclose($handle);
    return "$file is no MagicMail library: it has no $CHECK";
}

# When Perl ends: a process may outlive it, as Apache's parent does at each
# graceful restart, and would keep the connections.
END {
    %kept = ();
    @used = ();
}

# An object must not be freed twice by a thread's copy of it.
sub CLONE_SKIP {
    return 1;
}

sub DESTROY {
    my ($self) = @_;
    return if ${^GLOBAL_PHASE} eq 'DESTRUCT';
    local ($@, $!, $?) = ('', 0, 0);
    my $pointer = delete $self->{pointer};
    if ($pointer && $call{mm_export_free}) {
        $call{mm_export_free}->($pointer);
    }
    return;
}

1;
