#!/usr/bin/perl

# Part of the tests of the packages: provisions a mailbox through the modules and the library that Perl finds by
# itself, and says what the server has.

use strict;
use warnings;

use ISP;
use Simulator;

my $magicmail = Simulator->start;
my $isp       = ISP->open;
my %options   = (
    client_id       => $magicmail->client_id,
    client_password => $magicmail->client_password,
    port            => $magicmail->port,
    ca_file         => $magicmail->ca_file
);
$isp->export('magicmail', machine => '127.0.0.1', options => \%options);
my $svc   = $isp->mailbox($isp->customer, username => 'jane', finger => 'Jane Roe');
my $error = $svc->insert;
die "$error\n" if $error;
my $user = $magicmail->user('jane');
print "mailbox jane\@example.net of $user->{account}\n";
print 'library ', FS::part_export::magicmail::Library::file(), "\n";
