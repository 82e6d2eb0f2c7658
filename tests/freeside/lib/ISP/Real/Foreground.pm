package ISP::Real::Foreground;

# A daemon of Freeside's stays in the foreground: it does not fork, writes no file of its
# process id, and ends at SIGTERM or with whoever started it. SIGUSR1 makes it wait before
# it looks for work again, until SIGUSR2; the file queued.waiting says that it waits.

use strict;
use warnings;

## no critic (ProhibitNoWarnings): it is the point

use Time::HiRes qw( sleep );

use FreesideCopy;
use FS::Record ();
use FS::Daemon;

my $parent = getppid;
my $PAUSE  = 0.05;
my ($is_to_end, $is_to_wait);

no warnings qw( redefine );
*FS::Daemon::daemonize1 = sub { return };
*FS::Daemon::drop_root  = sub { return };
*FS::Daemon::daemonize2 = sub {
    ## no critic (RequireLocalizedPunctuationVars): for good
    $SIG{TERM} = sub { $is_to_end  = 1; return };
    $SIG{USR1} = sub { $is_to_wait = 1; return };
    $SIG{USR2} = sub { $is_to_wait = 0; return };
    return;
};
*FS::Daemon::logfile = sub { return };
*FS::Daemon::sigint  = sub { return 0 };
*FS::Daemon::sigterm = sub {
    my $waiting = "$ENV{MAGICMAIL_FREESIDE_CONF}/queued.waiting";
    if ($is_to_wait && open my $file, '>', $waiting) { close $file }
    while ($is_to_wait && !$is_to_end && getppid == $parent) { sleep $PAUSE }
    unlink $waiting;
    return $is_to_end || getppid != $parent;
};

1;
