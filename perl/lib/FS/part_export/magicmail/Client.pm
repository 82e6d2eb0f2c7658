package FS::part_export::magicmail::Client;

# MagicMail's operations as methods of an export, for subclasses. Part of
# FS::part_export::magicmail, whose methods these are.

use strict;
use warnings;

# The options that the methods know.
my @OF_ACCOUNT = qw(first_name last_name phone memo);
my @OF_USER    = qw(first_name last_name memo password password_type);
my %IS_TYPE    = map { $_ => 1 } qw(plain encrypted);

=encoding utf8

=head1 NAME

FS::part_export::magicmail::Client - MagicMail's operations as methods

=head1 DESCRIPTION

A method that gives a record returns a hashref of its fields, C<id> among them;
one that gives a list returns a hashref of records by their ids. Where the server
has no such thing nothing is returned. On failure nothing is returned either, and
C<error> has the text (see L<FS::part_export::magicmail::Errors>). A method that
has nothing to give returns a hashref without fields when it succeeded.

Options are pairs of a name and a value; an undefined value is none, and so is a
name that the method does not know. An account that is not named, and a
password_type that is none, are refused before anything is sent.

=head1 METHODS

=over 4

=item request METHOD, PATH [ , ForceArray => [ ELEMENT, ... ] ] [ , OPTIONS ]

Sends a request of any kind: METHOD is GET or POST, PATH begins with a slash, the
options are its parameters. Returns the answer as a hashref: elements and
attributes are keys, lists are folded by name, key or id. An element that is
named in C<ForceArray> is a list even where there is one of it; one that is empty
is undef.

=cut

sub request {
    my ($self, $method, $path, @options) = @_;
    my %parameters  = _given(@options);
    my $force_array = delete $parameters{ForceArray};
    return $self->magic_call(
        'request',
        {
            method      => $method,
            path        => $path,
            parameters  => \%parameters,
            force_array => ref $force_array ? $force_array : [],
        }
    );
}

=item add_account ID [ , OPTIONS ]

Makes an account. Options: first_name, last_name, phone, memo.

=cut

sub add_account {
    my ($self, $id, @options) = @_;
    return $self->_magic_record('add_account', $id, _set(_known(\@OF_ACCOUNT, @options)));
}

=item get_account ID

=cut

sub get_account {
    my ($self, $id) = @_;
    return $self->_magic_record('get_account', $id);
}

=item get_accounts

All accounts.

=cut

sub get_accounts {
    my ($self) = @_;
    return $self->_magic_list('get_accounts');
}

=item update_account ID [ , OPTIONS ]

Options as for C<add_account>; an empty value is sent as empty.

=cut

sub update_account {
    my ($self, $id, @options) = @_;
    return $self->_magic_record('update_account', $id, _given(_known(\@OF_ACCOUNT, @options)));
}

=item suspend_account ID

=item activate_account ID

=item delete_account ID

C<delete_account> marks it deleted: it can be activated again until it is purged.

=cut

sub suspend_account {
    my ($self, $id) = @_;
    return $self->_magic_record('suspend_account', $id);
}

sub activate_account {
    my ($self, $id) = @_;
    return $self->_magic_record('activate_account', $id);
}

sub delete_account {
    my ($self, $id) = @_;
    return $self->_magic_record('delete_account', $id);
}

=item purge_account ID [ , force => 1 ]

Removes it for good; with force even if it was not marked deleted first.

=cut

sub purge_account {
    my ($self, $id, @options) = @_;
    return $self->magic_call('purge_account', {id => $id, _forced(@options)});
}

=item add_user ACCOUNT, NAME [ , OPTIONS ]

Makes a user on an account. Options: first_name, last_name, memo, password,
password_type (plain or encrypted).

=cut

sub add_user {
    my ($self, $account, $name, @options) = @_;
    return if !$self->_magic_can_send($account, @options);
    my %known = _set(_known(\@OF_USER, @options));
    return $self->_magic_record('add_user', $name, %known, account => $account);
}

=item get_user NAME

=item get_users ACCOUNT

=cut

sub get_user {
    my ($self, $name) = @_;
    return $self->_magic_record('get_user', $name);
}

sub get_users {
    my ($self, $account) = @_;
    return if !$self->_magic_can_send($account);
    return $self->_magic_list('get_users', account => $account);
}

=item update_user ACCOUNT, NAME [ , OPTIONS ]

Options as for C<add_user>; an empty value is sent as empty. The account is not
sent: a user cannot be moved.

=cut

sub update_user {
    my ($self, $account, $name, @options) = @_;
    return if !$self->_magic_can_send($account, @options);
    return $self->_magic_record('update_user', $name, _given(_known(\@OF_USER, @options)));
}

=item make_master_user NAME

Marks a user as its account's master; another that is so marked stays it.

=item suspend_user NAME

=item activate_user NAME

=item delete_user NAME

C<delete_user> marks it deleted: it can be activated again until it is purged.

=cut

sub make_master_user {
    my ($self, $name) = @_;
    return $self->_magic_record('make_master_user', $name);
}

sub suspend_user {
    my ($self, $name) = @_;
    return $self->_magic_record('suspend_user', $name);
}

sub activate_user {
    my ($self, $name) = @_;
    return $self->_magic_record('activate_user', $name);
}

sub delete_user {
    my ($self, $name) = @_;
    return $self->_magic_record('delete_user', $name);
}

=item purge_user NAME [ , force => 1 ]

Removes it, and its mail, for good; with force even if it was not marked deleted
first.

=cut

sub purge_user {
    my ($self, $name, @options) = @_;
    return $self->magic_call('purge_user', {id => $name, _forced(@options)});
}

=item assign_package USER, PACKAGE

=item get_packages USER

Both return all packages that the user has now.

=item remove_package USER, PACKAGE

=cut

sub assign_package {
    my ($self, $user, $package) = @_;
    return $self->_magic_list(
        'assign_package',
        user    => $user,
        package => $package
    );
}

sub get_packages {
    my ($self, $user) = @_;
    return $self->_magic_list('get_packages', user => $user);
}

sub remove_package {
    my ($self, $user, $package) = @_;
    return $self->magic_call('remove_package', {user => $user, package => $package});
}

=item add_domain ACCOUNT, DOMAIN

=item get_domain DOMAIN

=item get_domains ACCOUNT

=item remove_domain DOMAIN

=cut

sub add_domain {
    my ($self, $account, $domain) = @_;
    return if !$self->_magic_can_send($account);
    return $self->_magic_record('add_domain', $domain, account => $account);
}

sub get_domain {
    my ($self, $domain) = @_;
    return $self->_magic_record('get_domain', $domain);
}

sub get_domains {
    my ($self, $account) = @_;
    return if !$self->_magic_can_send($account);
    return $self->_magic_list('get_domains', account => $account);
}

sub remove_domain {
    my ($self, $domain) = @_;
    return $self->magic_call('remove_domain', {id => $domain});
}

=item add_email_address USER, ADDRESS

=item get_email_address ADDRESS

=item get_email_addresses USER

=item remove_email_address ADDRESS

=back

=cut

sub add_email_address {
    my ($self, $user, $address) = @_;
    return $self->_magic_record('add_email_address', $address, user => $user);
}

sub get_email_address {
    my ($self, $address) = @_;
    return $self->_magic_record('get_email_address', $address);
}

sub get_email_addresses {
    my ($self, $user) = @_;
    return $self->_magic_list('get_email_addresses', user => $user);
}

sub remove_email_address {
    my ($self, $address) = @_;
    return $self->magic_call('remove_email_address', {id => $address});
}

# Those of the options that have one of these names.
sub _known {
    my ($names, %options) = @_;
    return map { $_ => $options{$_} } grep { exists $options{$_} } @{$names};
}

# Whether an account is named, and the password_type is one; else the error says so.
sub _magic_can_send {
    my ($self, $account, %options) = @_;
    my $type = $options{password_type};
    if    (!defined $account || $account !~ m/\S/x) { $self->error('the account is not named') }
    elsif (defined $type && $type ne '' && !$IS_TYPE{$type}) {
        $self->error('the password_type is neither plain nor encrypted');
    }
    else { return 1 }
    return 0;
}

# An operation that gives a record.
sub _magic_record {
    my ($self, $operation, $id, %arguments) = @_;
    my $fields = $self->magic_call($operation, {%arguments, id => $id});
    return if !$fields;
    return {id => $id, %{$fields}};
}

# An operation that gives a list.
sub _magic_list {
    my ($self, $operation, %arguments) = @_;
    my $records = $self->magic_call($operation, \%arguments);
    return if !$records;
    return {map { $_ => {id => $_, %{$records->{$_}}} } keys %{$records}};
}

# Options that have a value.
sub _given {
    my (%options) = @_;
    return map { $_ => $options{$_} } grep { defined $options{$_} } keys %options;
}

# Options that are not empty: what a new thing is made with.
sub _set {
    my (%options) = @_;
    return map { $_ => $options{$_} }
        grep { defined $options{$_} && $options{$_} ne '' } keys %options;
}

sub _forced {
    my (%options) = @_;
    return $options{force} ? (force => 1) : ();
}

1;
