package FS::svc_export_machine;

# Which of an export's machines a service is on.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'svc_export_machine' }

sub part_export_machine {
    my ($self) = @_;
    return FS::Record::qsearchs('part_export_machine', {machinenum => $self->machinenum});
}

1;
