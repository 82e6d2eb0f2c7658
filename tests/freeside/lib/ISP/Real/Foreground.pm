package ISP::Real::Foreground;

# A daemon of Freeside's stays in the foreground: it does not fork, writes no file of its
# process id, and ends at SIGTERM or with whoever started it.

use strict;
use warnings;

## no critic (ProhibitNoWarnings): it is the point

use FreesideCopy;
use FS::Record ();
use FS::Daemon;

my $parent = getppid;
my $is_to_end;

no warnings qw( redefine );
*FS::Daemon::daemonize1 = sub { return };
*FS::Daemon::drop_root  = sub { return };
*FS::Daemon::daemonize2 = sub {
    ## no critic (RequireLocalizedPunctuationVars): for good
    $SIG{TERM} = sub { $is_to_end = 1; return };
    return;
};
*FS::Daemon::logfile = sub { return };
*FS::Daemon::sigint  = sub { return 0 };
*FS::Daemon::sigterm = sub { return $is_to_end || getppid != $parent };

1;
