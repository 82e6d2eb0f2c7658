package FS::part_export::oldstyle;

# For tests: an export in the style of those that were made from the module which
# Freeside ships: each hook is written anew, of our methods, and goes by what they
# return where something fails.

use strict;
use warnings;

use parent qw( FS::part_export::magicmail );

## no critic (ProhibitPackageVars): Freeside's
our %info = (%FS::part_export::magicmail::info, desc => 'Mailboxes in the old style');

## no critic (ProhibitUnusedPrivateSubroutines): Freeside calls them

# By the answer of request.
sub _export_insert {
    my ($self, $svc) = @_;
    $self->error_init;
    my $answer = $self->request('POST', '/user/' . $svc->username, account => $self->cust_account_id($svc));
    my $error  = $self->check_for_error($answer);
    return $error if $error;
    return $self->rollback({purge_user => $svc->username})
        if !$self->assign_package($svc->username, $self->magic_options->{package});
    $self->sync_magic_packages($svc);
    return $self->error;
}

# By the error.
sub _export_replace {
    my ($self, $new) = @_;
    $self->error_init;
    $self->update_user($self->cust_account_id($new), $new->username, last_name => 'Lee', colour => 'red');
    return $self->error;
}

# By what is returned.
sub _export_delete {
    my ($self, $svc) = @_;
    $self->error_init;
    return $self->error if !$self->delete_user($svc->username);
    return '';
}

# A rollback is the end of a hook that failed.
sub _export_suspend {
    my ($self, $svc) = @_;
    $self->error_init;
    my $user = $self->get_user($svc->username);
    return $self->rollback({}) if !$user;
    $self->suspend_user($svc->username);
    return $self->error;
}

# What is only a warning is forgotten, what comes after it is not.
sub _export_unsuspend {
    my ($self, $svc) = @_;
    $self->error_init;
    $self->get_account($self->cust_account_id($svc));
    $self->error_warn('the account could not be looked at');
    my $answer = $self->request('POST', '/user/' . $svc->username, action => 'update', status => 'active');
    return $self->check_for_error($answer);
}

1;
