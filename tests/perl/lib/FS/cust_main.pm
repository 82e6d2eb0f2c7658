package FS::cust_main;

# A customer.

use strict;
use warnings;

use parent qw( FS::Record );

use FS::cust_pkg;
use FS::Record qw( in_transaction qsearch qsearchs );

sub table { return 'cust_main' }

sub agent {
    my ($self) = @_;
    return qsearchs('agent', {agentnum => $self->agentnum});
}

sub name {
    my ($self) = @_;
    my $name = $self->get('last') . ', ' . $self->get('first');
    return $self->company ? $self->company . " ($name)" : $name;
}

sub check {
    my ($self) = @_;
    for my $field (qw( agentnum last first )) {
        return "Illegal or empty $field" if !length $self->get($field);
    }
    return q{};
}

sub all_pkgs {
    my ($self) = @_;
    return qsearch(
        {
            table    => 'cust_pkg',
            hashref  => {custnum => $self->custnum},
            order_by => 'ORDER BY pkgnum'
        }
    );
}

sub ncancelled_pkgs {
    my ($self) = @_;
    return grep { !$_->get('cancel') } $self->all_pkgs;
}

sub suspend {
    my ($self) = @_;
    return grep { $_->suspend } $self->ncancelled_pkgs;
}

sub unsuspend {
    my ($self) = @_;
    return grep { $_->unsuspend } $self->ncancelled_pkgs;
}

sub cancel {
    my ($self) = @_;
    return grep { $_ } map { $_->cancel } $self->ncancelled_pkgs;
}

# Moves this customer's packages to the other one, then deletes this one.
sub merge {
    my ($self, $custnum) = @_;
    return "Can't merge a customer into self" if $self->custnum == $custnum;
    qsearchs('cust_main', {custnum => $custnum})
        or return "Invalid new customer number: $custnum";
    return in_transaction(
        sub {
            $self->select_for_update;
            for my $package ($self->all_pkgs) {
                my $error = FS::cust_pkg->new({$package->hash, custnum => $custnum})->replace($package);
                return $error if $error;
            }
            return $self->delete;
        }
    );
}

1;
