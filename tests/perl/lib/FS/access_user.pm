package FS::access_user;

# An employee: his groups say what he may do.

use strict;
use warnings;

## no critic (ProhibitAmbiguousNames): a right is a permission here

use parent qw( FS::Record );

sub table { return 'access_user' }

# True when one of the rights named (one, or an array of them) is his.
sub access_right {
    my ($self, $rights) = @_;
    my @rights = ref $rights ? @{$rights} : $rights;
    for my $right (@rights) {
        if (!exists $self->{rights}{$right}) {
            $self->{rights}{$right} = $self->_has_right($right);
        }
        return 1 if $self->{rights}{$right};
    }
    return q{};
}

sub _has_right {
    my ($self, $right) = @_;
    return scalar FS::Record::qsearch(
        {
            table     => 'access_right',
            addl_from => 'JOIN access_usergroup ON access_usergroup.groupnum = access_right.rightobjnum',
            hashref   => {righttype => 'FS::access_group', rightname => $right},
            extra_sql => 'AND access_usergroup.usernum = ' . $self->usernum,
        }
    );
}

1;
