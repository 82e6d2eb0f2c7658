package FS::option_Common;

# Records with options, kept in a table of their own: TABLE_option, with
# optionname and optionvalue.

use strict;
use warnings;

## no critic (ProhibitPackageVars, ProhibitBuiltinHomonyms): Freeside's

use parent qw( FS::Record );

use Module::Load ();

use FS::Record qw( in_transaction qsearch qsearchs );

sub option_table { my ($self) = @_; return $self->table . '_option' }

sub _option_rows {
    my ($self, %which) = @_;
    my $key = $self->primary_key;
    return qsearch(
        {
            table    => $self->option_table,
            hashref  => {$key => $self->get($key), %which},
            order_by => 'ORDER BY optionnum'
        }
    );
}

# The value, '' where there is none: a statement of its own each time.
sub option {
    my ($self, $name) = @_;
    my ($row) = $self->_option_rows(optionname => $name);
    return $row ? $row->optionvalue : q{};
}

# All of them, as a list of names and values.
sub options {
    my ($self) = @_;
    return map { $_->optionname => $_->optionvalue } $self->_option_rows;
}

sub insert {
    my ($self, @options) = @_;
    my $options = ref $options[0] ? $options[0] : {@options};
    return in_transaction(
        sub {
            my $error = $self->SUPER::insert;
            for my $name (sort keys %{$options}) {
                $error ||= $self->_new_option($name, $options->{$name})->insert;
            }
            return $error;
        }
    );
}

# Without options they stay as they are; with a hash of them, they are these
# and no others.
sub replace {
    my ($new, @arguments) = @_;
    my $old = ref $arguments[0]
        && ref $arguments[0] ne 'HASH' ? shift @arguments : $new->replace_old;
    my $options = ref $arguments[0] ? $arguments[0] : {@arguments};
    my $is_kept = !@arguments;
    local $FS::Record::nowarn_identical = 1;
    return in_transaction(
        sub {
            my $error = $new->SUPER::replace($old);
            return $error if $error || $is_kept;
            for my $row  ($new->_option_rows) { $error ||= $row->delete }
            for my $name (sort keys %{$options}) {
                $error ||= $new->_new_option($name, $options->{$name})->insert;
            }
            return $error;
        }
    );
}

sub delete {
    my ($self) = @_;
    return in_transaction(
        sub {
            my $error = q{};
            for my $row ($self->_option_rows) { $error ||= $row->delete }
            return $error || $self->SUPER::delete;
        }
    );
}

sub _new_option {
    my ($self, $name, $value) = @_;
    my $key   = $self->primary_key;
    my $class = 'FS::' . $self->option_table;
    Module::Load::load($class);
    return $class->new(
        {
            $key        => $self->get($key),
            optionname  => $name,
            optionvalue => $value
        }
    );
}

1;
