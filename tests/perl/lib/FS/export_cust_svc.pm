package FS::export_cust_svc;

# What an export has on record about a service: the id of it on the other side.

use strict;
use warnings;

use parent qw( FS::Record );

sub table { return 'export_cust_svc' }

sub check {
    my ($self) = @_;
    return $self->ut_text('remoteid');
}

1;
