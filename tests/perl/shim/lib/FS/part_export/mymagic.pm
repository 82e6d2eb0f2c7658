package FS::part_export::mymagic;

# For tests: an export made from ours, as providers have them. It names accounts
# in its own way and gives each mailbox an alias.

use strict;
use warnings;

use parent qw( FS::part_export::magicmail );

## no critic (ProhibitPackageVars): Freeside's
our %info = (%FS::part_export::magicmail::info, desc => 'Mailboxes with an alias');

sub cust_account_id {
    my ($self, $in) = @_;
    my $customer = $in->isa('FS::cust_main') ? $in : $in->cust_main;
    return $customer ? 'MY-' . $customer->custnum : q{};
}

## no critic (ProhibitUnusedPrivateSubroutines): Freeside calls it
sub _export_insert {
    my ($self, $svc) = @_;
    my $error = $self->SUPER::_export_insert($svc);
    return $error if $error;
    $self->error_init;
    $self->add_email_address($svc->username, 'alias.' . $svc->username . '@example.org');
    return $self->error;
}

# The button of the export's page calls a function of its type's own name.
sub check_export {
    my @arguments = @_;
    return FS::part_export::magicmail::check_export(@arguments);
}

1;
