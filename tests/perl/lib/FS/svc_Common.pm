package FS::svc_Common;

# What all kinds of services share: the row of cust_svc beside the service's
# own, and the exports' hooks, in the order in which Freeside writes, calls and
# commits.

use strict;
use warnings;

## no critic (ProhibitPackageVars, ProhibitBuiltinHomonyms): Freeside's

use parent qw( FS::Record );

use FS::cust_svc;
use FS::Record qw( in_transaction qsearch qsearchs );
use Statements;

our $noexport_hack = 0;

sub cust_svc {
    my ($self) = @_;
    return qsearchs('cust_svc', {svcnum => $self->svcnum});
}

# The customer; nothing for a service in no package.
sub cust_main {
    my ($self)   = @_;
    my $cust_svc = $self->cust_svc     or return;
    my $cust_pkg = $cust_svc->cust_pkg or return;
    return $cust_pkg->cust_main;
}

# By the record's own svcpart where it has one (a new service, a change of
# definition), else by the database's.
sub part_svc {
    my ($self) = @_;
    return qsearchs('part_svc', {svcpart => $self->svcpart || $self->cust_svc->svcpart});
}

# export_args => [...] goes on to the exports.
sub insert {
    my ($self, %options) = @_;
    return in_transaction(
        sub {
            return
                   $self->_insert_cust_svc
                || $self->_set_fixed
                || $self->check
                || $self->_check_duplicate
                || $self->_insert_row
                || $self->_export_each('insert', [$self->part_svc->part_export],
                'exporting', $self, @{$options{export_args} || []});
        }
    );
}

sub _insert_cust_svc {
    my ($self) = @_;
    if (!qsearchs('part_svc', {svcpart => $self->svcpart})) {
        return 'unknown svcpart ' . $self->svcpart;
    }
    return q{} if $self->svcnum && $self->cust_svc;
    my $cust_svc = FS::cust_svc->new(
        {
            svcnum  => $self->svcnum,
            pkgnum  => $self->pkgnum,
            svcpart => $self->svcpart
        }
    );
    my $error = $cust_svc->insert;
    $self->set(svcnum => $cust_svc->svcnum);
    return $error;
}

# Columns that the definition fixes.
sub _set_fixed {
    my ($self) = @_;
    for my $column (qsearch('part_svc_column', {svcpart => $self->part_svc->svcpart, columnflag => 'F'})) {
        $self->set($column->columnname, $column->columnvalue);
    }
    return q{};
}

sub _check_duplicate { return q{} }

sub replace {
    my ($new, @arguments) = @_;
    my $old = ref $arguments[0]
        && ref $arguments[0] ne 'HASH' ? shift @arguments : $new->replace_old;
    my %options = ref $arguments[0] ? %{$arguments[0]} : @arguments;
    return in_transaction(
        sub {
            return
                   $new->_set_fixed
                || $new->check
                || $new->_check_duplicate
                || $new->_update_row($old)
                || $new->_export_replace_from($old, @{$options{export_args} || []});
        }
    );
}

# The exports of the old definition alone delete, those of both replace, those
# of the new one alone insert.
sub _export_replace_from {
    my ($new, $old, @arguments) = @_;
    my @before    = $old->part_svc->part_export;
    my @after     = $new->part_svc->part_export;
    my %is_before = map  { $_->exportnum => 1 } @before;
    my %is_after  = map  { $_->exportnum => 1 } @after;
    my @gone      = grep { !$is_after{$_->exportnum} } @before;
    my @kept      = grep { $is_after{$_->exportnum} } @before;
    my @added     = grep { !$is_before{$_->exportnum} } @after;
    return
           $new->_export_each('delete',  \@gone,  'error deleting, export', $old, @arguments)
        || $new->_export_each('replace', \@kept,  'error exporting',        $new, $old, @arguments)
        || $new->_export_each('insert',  \@added, 'error inserting export', $new, @arguments);
}

sub _export_each {
    my ($self, $name, $exports, $doing, @arguments) = @_;
    return q{} if $noexport_hack;
    for my $export (@{$exports}) {
        my $method = "export_$name";
        my $error  = $export->$method(@arguments);
        return "$doing to " . $export->exporttype . " (transaction rolled back): $error"
            if $error;
    }
    return q{};
}

sub delete {
    my ($self, %options) = @_;
    return in_transaction(
        sub {
            return
                   $self->SUPER::delete
                || $self->export('delete', @{$options{export_args} || []})
                || $self->cust_svc->delete;
        }
    );
}

sub suspend {
    my ($self, %options) = @_;
    return $self->export('suspend', @{$options{export_args} || []});
}

sub unsuspend {
    my ($self, %options) = @_;
    return $self->export('unsuspend', @{$options{export_args} || []});
}

sub cancel { return q{} }

# Calls a hook of all the service's exports that have it.
sub export {
    my ($self, $name, @arguments) = @_;
    return q{} if $noexport_hack;
    my $method = "export_$name";
    return in_transaction(
        sub {
            for my $export (grep { $_->can($method) } $self->cust_svc->part_svc->part_export) {

                # Freeside has no_suspend alone: unsuspend hooks are called all the same.
                next if $export->get("no_$name");
                my $error =
                    Statements->in_hook($name, sub { return scalar $export->$method($self, @arguments) });
                if ($error) {
                    return
                          "error exporting $method event to "
                        . $export->exporttype
                        . " (transaction rolled back): $error";
                }
            }
            return q{};
        }
    );
}

# What the service's pages show.
sub export_getstatus {
    my ($self) = @_;
    my ($html, %status) = (q{});
    $self->export('getstatus', \$html, \%status);
    return ($html, \%status);
}

sub export_getsettings {
    my ($self) = @_;
    my (%settings, %defaults);
    $self->export('getsettings', \%settings, \%defaults);

    # The page prints them as they are; a reference would be ARRAY(0x...).
    for my $key (grep { ref $settings{$_} } sort keys %settings) {
        die "the setting '$key' is no text\n";
    }
    return (\%settings, \%defaults);
}

sub export_links {
    my ($self) = @_;
    my @html;
    $self->export('links', \@html);
    return \@html;
}

1;
