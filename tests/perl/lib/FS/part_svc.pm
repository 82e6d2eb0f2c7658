package FS::part_svc;

# A service definition: the kind of service, and the exports that provision it.

use strict;
use warnings;

use parent     qw( FS::Record );
use FS::Record qw( qsearch qsearchs );

sub table { return 'part_svc' }

sub part_svc_column {
    my ($self, $column) = @_;
    return qsearchs('part_svc_column', {svcpart => $self->svcpart, columnname => $column});
}

sub export_svc {
    my ($self) = @_;
    return qsearch(
        {
            table    => 'export_svc',
            hashref  => {svcpart => $self->svcpart},
            order_by => 'ORDER BY exportsvcnum'
        }
    );
}

# The exports (of one type), by weight.
sub part_export {
    my ($self, $type) = @_;
    my %type = defined $type ? (exporttype => $type) : ();
    my @exports =
        map { qsearchs('part_export', {exportnum => $_->exportnum, %type}) } $self->export_svc;
    @exports = sort { $a->weight <=> $b->weight } @exports;
    return @exports;
}

1;
