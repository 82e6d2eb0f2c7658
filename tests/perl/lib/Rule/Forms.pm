package Rule::Forms;

# The shapes of a server that every rule is tried with: fields as attributes, as
# children and mixed, each with user names in upper case and as sent. What else
# nobody knows of a real server differs from one to the next, so that each of its
# values meets each of the others' somewhere.

use strict;
use warnings;

## no critic (ProhibitAmbiguousNames): a server's "listed"

my @FORMS = (
    {
        fields                 => 'attributes',
        user_names             => 'upper',
        deleted_users          => 'listed',
        error_status           => 400,
        addresses_follow_purge => 1,
        empty_lists            => 'element',
        list_id                => 'id',
        empty_fields           => 'left_out',
        not_master             => 'N',
        account_in_lists       => 1,
        no_user                => 'account',
        nothing_to_read        => 'document',
    },
    {
        fields                 => 'attributes',
        user_names             => 'as_sent',
        deleted_users          => 'hidden',
        error_status           => 200,
        addresses_follow_purge => 0,
        empty_lists            => 'missing',
        list_id                => 'key',
        empty_fields           => 'shown',
        not_master             => q{},
        account_in_lists       => 0,
        no_user                => 'user',
        nothing_to_read        => 'no_body',
    },
    {
        fields                 => 'children',
        user_names             => 'upper',
        deleted_users          => 'hidden',
        error_status           => 500,
        addresses_follow_purge => 1,
        empty_lists            => 'missing',
        list_id                => 'name',
        empty_fields           => 'shown',
        not_master             => 'n',
        account_in_lists       => 1,
        no_user                => 'user',
        nothing_to_read        => 'no_body',
        echo_password          => 1,
        debug                  => 1,
    },
    {
        fields                 => 'children',
        user_names             => 'as_sent',
        deleted_users          => 'listed',
        error_status           => 400,
        addresses_follow_purge => 0,
        empty_lists            => 'element',
        list_id                => 'id',
        empty_fields           => 'left_out',
        not_master             => q{},
        account_in_lists       => 1,
        no_user                => 'account',
        nothing_to_read        => 'document',
        body                   => 'chunked',
        extra_fields           => 1,
    },
    {
        fields                 => 'mixed',
        user_names             => 'upper',
        deleted_users          => 'listed',
        error_status           => 200,
        addresses_follow_purge => 0,
        empty_lists            => 'missing',
        list_id                => 'key',
        empty_fields           => 'shown',
        not_master             => 'N',
        account_in_lists       => 0,
        no_user                => 'user',
        nothing_to_read        => 'document',
        extra_fields           => 1,
        debug                  => 1,
        echo_password          => 1,
    },
    {
        fields                 => 'mixed',
        user_names             => 'as_sent',
        deleted_users          => 'hidden',
        error_status           => 500,
        addresses_follow_purge => 1,
        empty_lists            => 'element',
        list_id                => 'name',
        empty_fields           => 'left_out',
        not_master             => 'no',
        account_in_lists       => 1,
        no_user                => 'account',
        nothing_to_read        => 'no_body',
        package_again          => 'accepted',
    },
);

my %IS_SWITCH = map { $_ => 1 } qw( addresses_follow_purge account_in_lists echo_password extra_fields );

sub all {
    my ($class) = @_;
    return map { bless {%{$_}}, $class } @FORMS;
}

sub name {
    my ($self) = @_;
    return join q{ }, @{$self}{qw( fields user_names )};
}

# The server's modes.
sub modes {
    my ($self) = @_;
    my %modes = %{$self};
    delete $modes{debug};
    for my $name (grep { $IS_SWITCH{$_} } keys %modes) {
        $modes{$name} = $modes{$name} ? JSON::PP::true() : JSON::PP::false();
    }
    return %modes;
}

# The export's options: some run with debug on.
sub options {
    my ($self) = @_;
    return $self->{debug} ? (debug => 1) : ();
}

# A user's name as this server hands it back.
sub shown {
    my ($self, $name) = @_;
    return $self->{user_names} eq 'upper' ? $name =~ tr/a-z/A-Z/r : $name;
}

sub hides_deleted { my ($self) = @_; return $self->{deleted_users} eq 'hidden' }

1;
