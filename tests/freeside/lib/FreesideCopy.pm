package FreesideCopy;

# Loaded before anything of a real Freeside's: the folder of its configuration, and with
# it its database, is that of a test's copy, which MAGICMAIL_FREESIDE_CONF names. Freeside
# assigns these variables while it loads; that changes nothing.
#
#     PERL5OPT=-MFreesideCopy freeside-magicmail audit admin

use strict;
use warnings;

sub TIESCALAR { my ($class) = @_; return bless {}, $class }
sub FETCH     { return $ENV{MAGICMAIL_FREESIDE_CONF} }
sub STORE     { return }

if (defined $ENV{MAGICMAIL_FREESIDE_CONF}) {
    ## no critic (ProhibitPackageVars): Freeside's
    no warnings qw( once );    ## no critic (ProhibitNoWarnings): Freeside reads them
    for my $folder (\$FS::UID::conf_dir, \$FS::UID::cache_dir, \$FS::Conf::base_dir) {
        tie ${$folder}, __PACKAGE__;
    }
}

1;
