package FS::part_export::magicmail::Log;

# What is written down: Freeside's own log, which staff can search, where there
# is one; the error log for what went wrong, because rows of a transaction that
# is rolled back are lost with it.

use strict;
use warnings;

use FS::part_export::magicmail::Text        qw(log_text one_line to_error_log);
use FS::part_export::magicmail::Transaction qw(savepoint);

my $CONTEXT = 'FS::part_export::magicmail';

# The most of a text that stands before the export's name.
my $LONGEST = 1_400;

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

# Where the lines go that the library writes while a call runs, of an export and a service
# if there are any. A debug line is a request or an answer, secrets masked. What was
# changed is in the reply too, and goes to Freeside's log from there.
sub sink {
    my ($export, $svc) = @_;
    my $of = $export ? ' export ' . $export->exportnum : '';
    if ($svc) { $of .= ($of ne '' ? q{,} : '') . ' service ' . $svc->svcnum }
    return sub {
        my ($level, $line) = @_;
        return if $level == $INFO;
        to_error_log("[$CONTEXT]" . ($level == $DEBUG ? " debug$of: " : q{ }) . $line);
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

# A change that was made. Each of these begins with what happened to what: Freeside's log
# shows 57 characters; the export, if one is given, and its server stand at the end.
sub changed {
    my ($svc, $text, $export) = @_;
    return _to_freeside(info => $svc, _by($text, $export));
}

# What a person should know, though it succeeded.
sub warned {
    my ($svc, $text, $export) = @_;
    return _to_both(warning => $svc, _by($text, $export));
}

# What could not be done.
sub failed {
    my ($svc, $text, $export) = @_;
    return _to_both(error => $svc, _by($text, $export));
}

sub _to_both {
    my ($level, $svc, $text) = @_;
    to_error_log("[$CONTEXT] $text");
    return _to_freeside($level, $svc, $text);
}

sub _by {
    my ($text, $export) = @_;
    my $by = $export ? ' [export ' . $export->exportnum . ', ' . $export->machine . ']' : '';
    return one_line(substr(one_line($text), 0, $LONGEST) . $by);
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
