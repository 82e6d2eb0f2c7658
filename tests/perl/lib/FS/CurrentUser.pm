package FS::CurrentUser;

# The employee at work, an FS::access_user.

use strict;
use warnings;

## no critic (ProhibitPackageVars): Freeside has them

our $CurrentUser;

sub load_user {
    my ($class, $username) = @_;
    require FS::Record;
    require FS::access_user;
    my $user = FS::Record::qsearchs('access_user', {username => $username, disabled => q{}})
        or die "unknown user: $username";    ## no critic (RequireCarping): as Freeside
    $CurrentUser = $user;
    return $user;
}

1;
