package FS::Log;

# The way into the system's log: FS::Log->new('context')->info( 'text', object
# => $record ). Rows are part of the transaction.

use strict;
use warnings;

## no critic (ProhibitBuiltinHomonyms): Freeside's names

use FS;
use FS::log;

my @LEVELS = qw( debug info notice warning error critical alert emergency );
my @contexts;

sub new {
    my ($class, $context) = @_;
    push @contexts, $context;
    return bless {depth => scalar @contexts}, $class;
}

sub DESTROY {
    my ($self) = @_;
    splice @contexts, $self->{depth} - 1;
    return;
}

# level => name, message => text, object => record.
sub log {
    my ($self, %entry) = @_;
    my ($level) = grep { $LEVELS[$_] eq $entry{level} } 0 .. $#LEVELS;
    my $object  = $entry{object};
    my $row     = FS::log->new({_date => time, level => $level, message => $entry{message}});
    if ($object) {
        $row->set(tablename => $object->table);
        $row->set(tablenum  => $object->get($object->primary_key));
        $row->set(agentnum  => $object->get('agentnum'));
    }
    my $error = $row->insert(@contexts);
    if ($error) { CORE::warn "Error writing log entry: $error" }
    return;
}

for my $level (@LEVELS) {
    ## no critic (ProhibitNoStrict): one method for each level
    no strict 'refs';
    *{$level} = sub {
        my ($self, $text, %entry) = @_;
        return $self->log(%entry, level => $level, message => $text);
    };
}

sub warn { my ($self, @arguments) = @_; return $self->warning(@arguments) }
sub err  { my ($self, @arguments) = @_; return $self->error(@arguments) }

1;
