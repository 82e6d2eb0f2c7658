package FS::svc_acct;

# A mailbox or login.

use strict;
use warnings;

use parent qw( FS::svc_Common );
use FS::part_export;
use FS::Record qw( dbh in_transaction qsearch qsearchs );
use FS::svc_domain;
use FS::UID qw( driver_name );

## no critic (ProhibitPackageVars): switches that Freeside or a test sets

# Which user names must differ: '' those of one export in one domain,
# 'username' all of one export, 'disabled' none (and the table is then not
# locked).
our $global_unique = q{};

# A text makes the password history fail with it, which Freeside writes after
# the exports are done.
our $password_history_error = q{};

sub table { return 'svc_acct' }

# Dies without one, as Freeside's does.
sub domain {
    my ($self) = @_;
    if (!$self->domsvc) {
        die 'svc_acct.domsvc is null for svcnum ' . $self->svcnum . "\n";
    }
    my $svc_domain = $self->svc_domain
        or die 'no svc_domain.svcnum for svc_acct.domsvc ' . $self->domsvc . "\n";
    return $svc_domain->domain;
}

sub svc_domain {
    my ($self) = @_;
    return qsearchs('svc_domain', {svcnum => $self->domsvc});
}

sub email { my ($self) = @_; return $self->username . q{@} . $self->domain }
sub label { my ($self) = @_; return $self->email }

sub check {
    my ($self) = @_;
    return 'unknown domsvc: ' . $self->domsvc
        if $self->domsvc && !$self->svc_domain;
    if (!length $self->finger) { $self->_take_name_of_customer }
    return q{};
}

# Whoever has no name is called as the customer is.
sub _take_name_of_customer {
    my ($self)  = @_;
    my $pkgnum  = $self->svcnum && $self->cust_svc ? $self->cust_svc->pkgnum : $self->get('pkgnum');
    my $package = $pkgnum                          ? qsearchs('cust_pkg', {pkgnum => $pkgnum}) : undef;
    if ($package) {
        $self->set(finger => join q{ }, map { $package->cust_main->get($_) } qw( first last ))
    }
    return;
}

sub insert {
    my ($self, %options) = @_;
    return in_transaction(
        sub {
            return $self->SUPER::insert(%options) || $password_history_error;
        }
    );
}

sub replace {
    my ($new, @arguments) = @_;
    my $old = ref $arguments[0]
        && ref $arguments[0] ne 'HASH' ? shift @arguments : $new->replace_old;
    return in_transaction(
        sub {
            my $error = $new->SUPER::replace($old, @arguments);
            return $error
                || (
                  $new->_password ne $old->_password
                ? $password_history_error
                : q{}
                );
        }
    );
}

# A mark of older Freesides at the password is taken away, with a replace,
# before the exports hear of it.
sub unsuspend {
    my ($self, @arguments) = @_;
    if ($self->_password =~ /\A [*]SUSPENDED[*][ ] (.*) \z/xs) {
        my $new   = FS::svc_acct->new({$self->hash, _password => $1});
        my $error = $new->replace($self);
        return $error if $error;
    }
    return $self->SUPER::unsuspend(@arguments);
}

# Nobody else may insert an account between this look and the end of the
# transaction.
## no critic (ProhibitUnusedPrivateSubroutines): FS::svc_Common calls it
sub _check_duplicate {
    my ($self) = @_;
    return q{} if $global_unique eq 'disabled';
    if (driver_name() eq 'Pg') {
        dbh->do('LOCK TABLE svc_acct IN SHARE ROW EXCLUSIVE MODE')
            or return dbh->errstr;
    }
    my $is_global = $global_unique eq 'username';
    my %same      = $is_global ? () : (domsvc => $self->domsvc);
    for my $other (qsearch('svc_acct', {username => $self->username, %same})) {
        next
            if $other->svcnum eq $self->svcnum
            || !$self->_shares_an_export_with($other);
        my $name =
            $is_global
            ? 'username ' . $self->username
            : 'username@domain ' . $self->email;
        return "duplicate $name: conflicts with svcnum " . $other->svcnum;
    }
    return q{};
}

sub _shares_an_export_with {
    my ($self, $other) = @_;
    my $theirs = $other->cust_svc->svcpart;
    my $ours   = $self->part_svc;
    return 1 if $theirs == $ours->svcpart;
    return scalar grep { $_->svcpart == $theirs }
        map { $_->export_svc } $ours->part_export;
}

1;
