#!/usr/bin/perl

# What Apache's parent runs before it forks, as a Freeside's does: it loads all
# exports, and here it also uses the library, so that the children inherit a
# loaded library, a handle and a connection.

use strict;
use warnings;

## no critic (RequireExplicitPackage, RequireEndWithOne): it is required

use ISP;
use MailboxPage;

MailboxPage::warm_up();

1;
