package FS::export_svc;

# The link between an export and a service definition.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'export_svc' }

sub part_export {
    my ($self) = @_;
    return FS::Record::qsearchs('part_export', {exportnum => $self->exportnum});
}

sub part_svc {
    my ($self) = @_;
    return FS::Record::qsearchs('part_svc', {svcpart => $self->svcpart});
}

1;
