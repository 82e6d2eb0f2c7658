package FS::svc_domain;

# A domain, a service like others.

use strict;
use warnings;

use parent qw( FS::svc_Common );

sub table { return 'svc_domain' }
sub label { my ($self) = @_; return $self->domain }

1;
