package FS::cust_pkg;

# A customer's package, which holds services.

use strict;
use warnings;

use parent qw( FS::Record );

use FS;
use FS::cust_svc;
use FS::Record qw( in_transaction qsearch qsearchs );

sub table { return 'cust_pkg' }

sub cust_main {
    my ($self) = @_;
    return qsearchs('cust_main', {custnum => $self->custnum});
}

sub part_pkg {
    my ($self) = @_;
    return qsearchs('part_pkg', {pkgpart => $self->pkgpart});
}

sub cust_svc {
    my ($self) = @_;
    return qsearch(
        {
            table    => 'cust_svc',
            hashref  => {pkgnum => $self->pkgnum},
            order_by => 'ORDER BY svcnum'
        }
    );
}

sub insert {
    my ($self) = @_;
    if (!$self->order_date) { $self->set(order_date => time) }
    return $self->SUPER::insert;
}

# Every change of the row is told to the exports of every service in the
# package, before it is made.
sub replace {
    my ($new, $old) = @_;
    $old ||= $new->replace_old;
    return in_transaction(
        sub {
            for my $svc (map { $_->svc_x } $new->cust_svc) {
                my $error = $svc->export('pkg_change', $new, $old);
                return $error if $error;
            }
            return $new->SUPER::replace($old);
        }
    );
}

# The same package with other columns, in the database; this object keeps what it had.
sub _change_columns {
    my ($self, %columns) = @_;
    return FS::cust_pkg->new({$self->hash, %columns})->replace($self);
}

# Freeside 4 does not look at what the services' suspend hooks return; 3 did.
sub suspend {
    my ($self) = @_;
    return in_transaction(
        sub {
            return q{} if $self->susp || $self->replace_old->susp;
            my $error = $self->_change_columns(susp => time);
            return $error if $error;
            for my $cust_svc ($self->cust_svc) {
                $error = $cust_svc->suspend;
                return $error if $error && FS::is_version_3();
            }
            return q{};
        }
    );
}

sub unsuspend {
    my ($self) = @_;
    return q{} if !$self->susp;
    return in_transaction(
        sub {
            for my $cust_svc ($self->cust_svc) {
                my $error = $cust_svc->unsuspend;
                return $error if $error;
            }
            return $self->_change_columns(susp => q{}, resume => q{});
        }
    );
}

# Services first, then the row.
sub cancel {
    my ($self) = @_;
    return q{} if $self->get('cancel');
    return in_transaction(
        sub {
            for my $cust_svc (grep { !$_->part_svc->preserve } $self->cust_svc) {
                my $error = $cust_svc->cancel;
                return "Error cancelling cust_svc: $error" if $error;
            }
            return $self->_change_columns(cancel => time);
        }
    );
}

# A new package, of another customer (cust_main, an object) or definition (pkgpart), takes
# the services over; this one is cancelled. One that was not set up yet is changed itself,
# where the customer stays. Returns the package that it is now, or an error text.
sub change {
    my ($self, $options) = @_;
    my %column = %{$options};
    my $owner  = delete $column{cust_main};
    return $self->_change_columns(%column) || $self if !$owner && !$self->setup;
    if ($owner) { $column{custnum} = $owner->custnum }
    my $new = FS::cust_pkg->new(
        {
            $self->hash, %column,
            pkgnum         => q{},
            change_date    => time,
            change_pkgnum  => $self->pkgnum,
            change_custnum => $self->custnum
        }
    );
    my $error = in_transaction(
        sub {
            return
                   $new->insert
                || $self->transfer($new->pkgnum)
                || $self->cancel;
        }
    );
    return $error || $new;
}

# Moves the services to another package. In Freeside it counts what could not
# move; here all can.
sub transfer {
    my ($self, $pkgnum) = @_;
    return in_transaction(
        sub {
            for my $cust_svc ($self->cust_svc) {
                my $error = FS::cust_svc->new({$cust_svc->hash, pkgnum => $pkgnum})->replace($cust_svc);
                return $error if $error;
            }
            return q{};
        }
    );
}

1;
