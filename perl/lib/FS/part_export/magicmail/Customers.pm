package FS::part_export::magicmail::Customers;

# A customer's account, the services on it and the packages they bring, as
# methods of an export, for subclasses. Part of FS::part_export::magicmail, whose
# methods these are.

use strict;
use warnings;

use FS::Record qw(qsearch);

use FS::part_export::magicmail::Options;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Services;
use FS::part_export::magicmail::Text qw(one_line);

=encoding utf8

=head1 NAME

FS::part_export::magicmail::Customers - accounts, services and packages

=head1 DESCRIPTION

On failure a method returns nothing, and C<error> has the text (see
L<FS::part_export::magicmail::Errors>).

IN is a customer (FS::cust_main) or a service (FS::svc_acct). The services of an
account are those that this server's magicmail exports provision on it, whoever's
customer record they stand under. C<ignore> and C<include> leave one service out
of them, or take one more in; both may be undefined.

=head1 METHODS

=over 4

=item cust_account_id IN

The id of the account that the export's options name for a customer: the prefix
and his number. The empty text for a service in no package. A subclass may
override it, and all hooks follow.

=cut

sub cust_account_id {
    my ($self, $in) = @_;
    my $cust_main = _cust_main($in);
    return '' if !$cust_main;
    return FS::part_export::magicmail::Options::account_id($self->magic_options, $cust_main->custnum,
        $cust_main->agent_custid);
}

=item cust_magic_services IN [ , ignore => SVC ] [ , include => SVC ]

The services of the account, as FS::svc_acct objects, the oldest first.

=cut

sub cust_magic_services {
    my ($self, $in, %also) = @_;
    my ($ignore, $include) = @also{qw(ignore include)};
    my $services = $self->_magic_try(
        sub {
            my %svcnums =
                map { $_->{svcnum} => 1 } $self->_magic_services($in, $ignore);
            return [] if !%svcnums;
            require FS::svc_acct;
            my $numbers = join ', ', sort { $a <=> $b } keys %svcnums;
            return [
                qsearch(
                    {
                        table     => 'svc_acct',
                        hashref   => {},
                        extra_sql => "WHERE svc_acct.svcnum IN ( $numbers )",
                    }
                )
            ];
        }
    ) or return;
    my %services = map { $_->svcnum => $_ } @{$services};
    if ($include) { $services{$include->svcnum} = $include }
    return map { $services{$_} } sort { $a <=> $b } keys %services;
}

=item cust_magic_packages IN [ , ignore => SVC ] [ , include => SVC ]

The names of the packages that these services bring, each once.

=cut

sub cust_magic_packages {
    my ($self, $in, %also) = @_;
    my ($ignore, $include) = @also{qw(ignore include)};
    my $packages = $self->_magic_try(
        sub {
            my @packages =
                map { $_->{package} } $self->_magic_services($in, $ignore);
            if ($include) {
                push @packages, map { $_->{package} } $self->_magic_included($include);
            }
            return \@packages;
        }
    ) or return;
    my %seen;
    return grep { !$seen{_folded($_)}++ } @{$packages};
}

=item sync_magic_packages IN [ , ignore => SVC ] [ , include => SVC ]

Makes the account's master user hold exactly these packages: assigns those that
lack, then removes the unexpected ones, if all assignments succeeded. Does
nothing where there is no service. Returns true on success. It leaves no error behind:
what failed goes to the error log, and the error is what it was before.

=cut

sub sync_magic_packages {
    my ($self, $in, %also) = @_;
    my $before = $self->error;
    $self->error_init;
    my $is_done = $self->_magic_sync($in, %also);
    $self->error_warn;
    $self->error($before);
    return $is_done ? 1 : ();
}

# The same, but that the error says what failed.
sub _magic_sync {
    my ($self, $in, %also) = @_;
    my $request = $self->_magic_try(
        sub {
            my ($account) = $self->_magic_account($in);
            my @services = $self->_magic_services($in, $also{ignore});
            if ($also{include}) { push @services, $self->_magic_included($also{include}) }
            my @told = map { _told($_) } @services;
            return {account_id => $account, services => \@told};
        }
    ) or return;
    my $done = $self->magic_call('sync', $request) or return;
    foreach my $warning (@{$done->{warnings} || []}) { $self->error($warning) }
    return @{$done->{warnings} || []} ? () : 1;
}

# What a service brings that the database does not show yet, once for each of its
# definition's exports.
sub _magic_included {
    my ($self, $svc) = @_;
    my $records  = $self->_magic_records;
    my $username = $records->text($svc->username);
    my $svcpart  = $svc->svcpart || $svc->cust_svc->svcpart;
    return
        map { {svcnum => $svc->svcnum, username => $username, package => $_} }
        $records->packages_of_svcpart($svcpart);
}

# As much of a service as the library asks for.
sub _told {
    my ($service) = @_;
    my %told;
    @told{qw(svcnum username package)} = @{$service}{qw(svcnum username package)};
    return \%told;
}

=item get_accounts_and_users

All accounts, as C<get_accounts> gives them, each with the key C<users>: what
C<get_users> gives for it. One request for each account.

=cut

sub get_accounts_and_users {
    my ($self)   = @_;
    my $before   = $self->error;
    my $accounts = $self->get_accounts or return;
    foreach my $id (sort keys %{$accounts}) {
        my $users = $self->get_users($id);
        return if $self->error ne $before;
        $accounts->{$id}{users} = $users || {};
    }
    return $accounts;
}

=item get_master_user ACCOUNT

The account's master user: the one that is so marked and not deleted; of several
the one of the oldest service.

=back

=cut

sub get_master_user {
    my ($self, $account) = @_;
    my $users   = $self->get_users($account) or return;
    my @masters = grep { lc($_->{master_user} || '') eq 'y' && lc($_->{status} || '') ne 'deleted' }
        map { $users->{$_} } sort keys %{$users};
    if (@masters > 1) {
        my %svcnums;
        my $services = $self->_magic_try(
            sub {
                my $on = FS::part_export::magicmail::Services->new($self->_magic_records);
                return [$on->on_accounts([$account])];
            }
        ) or return;
        foreach my $service (reverse @{$services}) {
            $svcnums{_folded($service->{username})} = $service->{svcnum};
        }
        my $age = sub { $svcnums{_folded($_[0]{id})} || 'inf' };
        @masters = sort { $age->($a) <=> $age->($b) } @masters;
    }
    return $masters[0];
}

sub _cust_main {
    my ($in) = @_;
    return     if !$in;
    return $in if $in->isa('FS::cust_main');
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $cust_main;
    my $has_run = eval { $cust_main = $in->cust_main; 1 };
    return $has_run ? $cust_main : undef;
}

# MagicMail compares names without regard to ASCII case.
sub _folded {
    my ($name) = @_;
    $name =~ tr/a-z/A-Z/;
    return $name;
}

sub _magic_records {
    my ($self) = @_;
    return FS::part_export::magicmail::Records->new($self, $self->magic_options);
}

# The account of a customer or a service (the one on record, where there is one),
# and the customer.
sub _magic_account {
    my ($self, $in, $records) = @_;
    $records ||= $self->_magic_records;
    my $cust_main = _cust_main($in);
    my $account   = '';
    if (!$in->isa('FS::cust_main')) {
        $account = $records->service_facts($in)->{on_record};
    }
    if ($account eq '' && $cust_main) {
        $account = $records->text($self->cust_account_id($cust_main));
    }
    return ($account, $cust_main);
}

# The services of the account, once for each of their exports.
sub _magic_services {
    my ($self, $in, $ignore) = @_;
    my $records = $self->_magic_records;
    local $self->{magic_options} = $records->options;
    my ($account, $cust_main) = $self->_magic_account($in, $records);
    return if $account eq '';
    my $services = FS::part_export::magicmail::Services->new($records);
    return
        grep { lc $_->{account_id} eq lc $account && !($ignore && $_->{svcnum} == $ignore->svcnum) }
        $services->on_accounts([$account], $cust_main ? $cust_main->custnum : 0);
}

# What the code returns; nothing, and the error, where it dies.
sub _magic_try {
    my ($self, $code) = @_;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $result;
    my $has_run = eval { $result = $code->(); 1 };
    if (!$has_run) { $self->error(one_line("$@")) }
    return $result;
}

1;
