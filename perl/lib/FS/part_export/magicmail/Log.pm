package FS::part_export::magicmail::Log;

# What is written down: Freeside's own log, which staff can search, where there
# is one; the error log for what went wrong, because rows of a transaction that
# is rolled back are lost with it.

use strict;
use warnings;

use FS::part_export::magicmail::Text        qw(log_text one_line to_error_log);
use FS::part_export::magicmail::Transaction qw(savepoint);

my $CONTEXT = 'FS::part_export::magicmail';

# The library's levels.
my ($DEBUG, $INFO) = (0, 1);

# Freeside's own employees for what customers do themselves: it hands them a hook's text
# as it is, and their pages print it raw.
my %ACTS_FOR_CUSTOMERS = map { $_ => 1 } qw(fs_selfservice fs_signup);

# Whether a customer reads what is returned now.
sub is_for_customer {
    ## no critic (ProhibitPackageVars) -- Freeside's own
    my $user = $FS::CurrentUser::CurrentUser;
    return $user && $ACTS_FOR_CUSTOMERS{$user->username} ? 1 : 0;
}

# Where the lines go that the library writes while a call runs. A debug line is
# a request or an answer, secrets masked, and printed as it is. What was changed
# is in the reply too, and goes to Freeside's log from there.
sub sink {
    return sub {
        my ($level, $line) = @_;
        return if $level == $INFO;
        to_error_log($level == $DEBUG ? $line : "[$CONTEXT] $line");
        return;
    };
}

# What a line about a service is about. Freeside 3 refuses one about a service that is
# gone: there it is about its customer, a number, if there is one.
sub about {
    my ($svc, $is_there, $custnum) = @_;
    ## no critic (ProhibitPackageVars) -- Freeside's own
    return $svc if $is_there || $FS::Record::no_check_foreign;
    return      if !$custnum;
    require FS::cust_main;
    return FS::cust_main->new({custnum => $custnum});
}

# A change that was made.
sub changed {
    my ($svc, $text) = @_;
    return _to_freeside(info => $svc, $text);
}

# What a person should know, though it succeeded.
sub warned {
    my ($svc, $text) = @_;
    to_error_log("[$CONTEXT] " . one_line($text));
    return _to_freeside(warning => $svc, $text);
}

# What could not be done.
sub failed {
    my ($svc, $text) = @_;
    to_error_log("[$CONTEXT] " . one_line($text));
    return _to_freeside(error => $svc, $text);
}

sub _to_freeside {
    my ($level, $svc, $text) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my @about      = $svc ? (object => $svc) : ();
    my $is_written = eval {
        require FS::Log;

        # The object is on a stack of contexts until it goes: it is never kept.
        savepoint(sub { FS::Log->new($CONTEXT)->$level(log_text($text), @about); return });
        1;
    };
    return $is_written ? 1 : 0;
}

1;
