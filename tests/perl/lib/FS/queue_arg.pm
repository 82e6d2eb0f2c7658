package FS::queue_arg;

# One argument of a job; a reference is frozen.

use strict;
use warnings;

use parent qw( FS::Record );

use MIME::Base64 qw( decode_base64 encode_base64 );
use Storable     qw( nfreeze thaw );

sub table { return 'queue_arg' }

sub of_value {
    my ($class, $jobnum, $value) = @_;
    return $class->new({jobnum => $jobnum, frozen => q{}, arg => $value})
        if !ref $value;
    return $class->new(
        {
            jobnum => $jobnum,
            frozen => 'Y',
            arg    => encode_base64(nfreeze($value))
        }
    );
}

sub value {
    my ($self) = @_;
    return $self->frozen eq 'Y'
        ? thaw(decode_base64($self->arg))
        : $self->arg;
}

1;
