package FS::cust_svc;

# A service's place: its definition and its package.

use strict;
use warnings;

## no critic (ProhibitPackageVars, ProhibitBuiltinHomonyms): Freeside's

use parent     qw( FS::Record );
use FS::Record qw( dbdef in_transaction qsearch qsearchs );

sub table { return 'cust_svc' }

sub cust_pkg {
    my ($self) = @_;
    return if !$self->pkgnum;
    return qsearchs('cust_pkg', {pkgnum => $self->pkgnum});
}

sub cust_main {
    my ($self) = @_;
    my $cust_pkg = $self->cust_pkg or return;
    return $cust_pkg->cust_main;
}

sub part_svc {
    my ($self) = @_;
    return qsearchs('part_svc', {svcpart => $self->svcpart});
}

sub svc_x {
    my ($self) = @_;
    return qsearchs($self->part_svc->svcdb, {svcnum => $self->svcnum});
}

# A change of definition is a replace of the service, which its exports hear of
# as a delete and an insert; a change of package is told to the exports. Both
# come before this row changes.
sub replace {
    my ($new, $old) = @_;
    $old ||= $new->replace_old;
    return in_transaction(
        sub {
            my $error = q{};
            if ($new->svcpart != $old->svcpart) {
                $error = $new->_change_definition;
            }
            if (!$error && $new->pkgnum ne $old->pkgnum) {
                $error = $new->svc_x->export('pkg_change', $new->cust_pkg, scalar $old->cust_pkg);
            }
            return $error || $new->SUPER::replace($old);
        }
    );
}

sub _change_definition {
    my ($self) = @_;
    my $old    = $self->svc_x;
    my $new    = ref($old)->new({$old->hash, svcpart => $self->svcpart});
    local $FS::Record::nowarn_identical = 1;
    return $new->replace($old);
}

# Unprovisions, as the cancelling of a package does.
sub cancel {
    my ($self) = @_;
    my $svc    = $self->svc_x or return $self->delete;
    my $error  = $svc->cancel;
    return "Error canceling service: $error" if $error;
    $error = $svc->delete;
    return $error ? "Error deleting service: $error" : q{};
}

sub suspend {
    my ($self) = @_;
    my $svc = $self->svc_x or return q{};
    return $svc->suspend;
}

sub unsuspend {
    my ($self) = @_;
    my $svc = $self->svc_x or return q{};
    return $svc->unsuspend;
}

sub delete {
    my ($self) = @_;
    return in_transaction(
        sub {
            my $error = q{};
            for my $table (grep { dbdef->table($_) } qw( export_cust_svc svc_export_machine )) {
                for my $row (qsearch($table, {svcnum => $self->svcnum})) {
                    $error ||= $row->delete;
                }
            }
            return $error || $self->SUPER::delete;
        }
    );
}

1;
