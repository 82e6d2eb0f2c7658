package Secrecy;

# No test's text, log or debug output has a secret in it. Every test that opens a
# provider (ISP.pm) runs with debug on, and whatever the export says by any way is
# looked through: the texts of hooks, jobs, methods and pages, Freeside's log, the
# error log, each debug line. Secrets are the password of each export's API client, in
# Base64 too, and each password that a service had or an operation was given. A test
# that shows one, itself or in a process that it forked, fails at its end.
#
# Debug lines that the test did not ask for go nowhere else. $Secrecy::IS_DEBUG_ON is
# for tests of what happens while no line is written.

use strict;
use warnings;

use English qw( -no_match_vars );

use Rule::Secrets;

our $IS_DEBUG_ON = 1;    ## no critic (ProhibitPackageVars): for tests

# Perl's own names of what is watched.
my $EXPORT = 'FS::part_export::magicmail';

# What stands before a password that is stored, and is not sent.
my $BEFORE_PASSWORD = qr/ (?: [*]SUSPENDED[*][ ] | !!? )? (?: [{] \w+ [}] )? /x;

my $secrets = Rule::Secrets->new;
my ($owner, $shown, $is_debug_wanted);

# From the first call on.
sub watch {
    return if $owner;
    $owner = $PID;

    # Without a name, and shared with the processes that are forked.
    open $shown, q{+>}, undef    ## no critic (RequireBriefOpen): until the end of all
        or die "a temporary file: $OS_ERROR\n";
    _learn_passwords();
    _watch_freeside();
    if ($EXPORT->can('_export_insert')) { _watch_export() }
    return;
}

# Notes a text that shows a secret; where it was.
sub look {
    my ($where, @texts) = @_;
    for my $text (grep { $secrets->shown_in($_) } map { _flat($_) } @texts) {
        utf8::encode($text);
        syswrite $shown, "$where: $text\n";
    }
    return;
}

sub _flat {
    my ($thing) = @_;
    return
          ref $thing eq 'HASH'                          ? map { _flat($_) } %{$thing}
        : ref $thing eq 'ARRAY'                         ? map { _flat($_) } @{$thing}
        : ref $thing eq 'SCALAR' || ref $thing eq 'REF' ? _flat(${$thing})
        : defined $thing && !ref $thing                 ? $thing
        :                                                 ();
}

# Replaces a sub by the code, which is given the sub and its arguments; one that only the
# small Freeside has, if it is there.
sub _around {
    my ($name, $code) = @_;
    ## no critic (ProhibitNoStrict, ProhibitProlongedStrictureOverride, ProhibitNoWarnings): a name
    no strict 'refs';
    no warnings 'redefine';
    return if !defined &{$name};
    my $original = \&{$name};
    *{$name} = sub { return $code->($original, @_) };
    return;
}

# Looks at what a sub returns, and at what its references hold by then.
sub _look_behind {
    my ($name) = @_;
    _around(
        $name => sub {
            my ($original, $self, @arguments) = @_;
            my @result = wantarray ? $original->($self, @arguments) : scalar $original->($self, @arguments);
            look($name, @result);
            return wantarray ? @result : $result[0];
        }
    );
    return;
}

# Looks at what a sub is given.
sub _look_before {
    my ($name) = @_;
    _around(
        $name => sub {
            my ($original, @arguments) = @_;
            look($name, map { _columns($_) } @arguments);
            return $original->(@arguments);
        }
    );
    return;
}

# A record's values; what is no record, as it is.
sub _columns {
    my ($thing) = @_;
    return ref $thing && eval { $thing->can('hashref') } ? $thing->hashref : $thing;
}

sub _learn_passwords {
    require FS::svc_acct;
    for my $name (qw( insert replace )) {
        _around(
            "FS::svc_acct::$name" => sub {
                my ($original, $svc, @arguments) = @_;
                my $password = $svc->_password;
                my $bare     = $password =~ s/\A $BEFORE_PASSWORD //rx;
                if (length $bare) { $secrets->add($password, $bare) }
                return $original->($svc, @arguments);
            }
        );
    }
    return;
}

sub _watch_freeside {
    require FS::log;
    require FS::queue;
    _look_before($_) for qw( FS::log::insert FS::queue::insert FS::queue::_change );
    _look_behind($_)
        for 'FS::queue::run', 'FS::part_export::_run',
        map { "FS::svc_Common::export_$_" } qw( getstatus getsettings links );
    return;
}

sub _watch_export {
    for my $package ("${EXPORT}::Log", "${EXPORT}::Errors") {
        _around(
            "${package}::to_error_log" => sub {
                my ($original, $line) = @_;
                look('the error log', $line);
                return $original->($line);
            }
        );
    }
    _look_behind("${EXPORT}::Errors::error");
    _look_behind("${EXPORT}::Pages::test_export_report");
    _around(
        "${EXPORT}::Library::call" => sub {
            my ($original, $library, $operation, $told, @more) = @_;
            my @given = ($told, exists $told->{parameters} ? $told->{parameters} : ());
            $secrets->add(grep { defined } map { $_->{password} } @given);
            return $original->($library, $operation, $told, @more);
        }
    );
    _with_debug();
    return;
}

# Exports are configured before each call, so what the last one said of debug holds.
sub _with_debug {
    _around(
        "${EXPORT}::Options::configuration" => sub {
            my ($original, @arguments) = @_;
            my $configuration = $original->(@arguments);
            my ($id, $password) = @{$configuration}{qw( client_id client_password )};
            if (length $password) { $secrets->add_client($id, $password) }
            $is_debug_wanted = $configuration->{debug};
            return {%{$configuration}, $IS_DEBUG_ON ? (debug => 1) : ()};
        }
    );
    _around(
        "${EXPORT}::Log::sink" => sub {
            my ($original, @of) = @_;
            my $sink      = $original->(@of);
            my $is_wanted = $is_debug_wanted;
            return sub {
                my ($level, $line) = @_;
                look('the debug log', $line);
                return $level == 0 && !$is_wanted ? () : $sink->($level, $line);
            };
        }
    );
    return;
}

END {
    if ($owner && $owner == $PID && -s $shown) {
        seek $shown, 0, 0;
        local ($INPUT_RECORD_SEPARATOR, $OS_ERROR) = (undef, 0);
        print {*STDERR} "# secrets were shown:\n", <$shown>;
        ## no critic (RequireLocalizedPunctuationVars): the status of the test
        $CHILD_ERROR ||= 1;
    }
}

1;
