package FS::log;

# A line of the system's log.

use strict;
use warnings;

use parent qw( FS::Record );

use FS::log_context;
use FS::Record qw( dbdef in_transaction qsearch );

sub table { return 'log' }

# Freeside 3 looks whether what a line is about is there.
sub check {
    my ($self) = @_;
    my $table = $self->tablename;
    return q{} if !$table || $FS::Record::no_check_foreign;    ## no critic (ProhibitPackageVars): Freeside's
    my $key = dbdef->table($table)->primary_key;
    return q{} if qsearch($table, {$key => $self->tablenum});
    return "Can't find log.tablenum " . $self->tablenum . " in $table.$key";
}

sub insert {
    my ($self, @contexts) = @_;
    return in_transaction(
        sub {
            my $error = $self->SUPER::insert;
            for my $context (@contexts) {
                $error ||= FS::log_context->new({lognum => $self->lognum, context => $context})->insert;
            }
            return $error;
        }
    );
}

# The names of what was going on, outermost first.
sub context {
    my ($self) = @_;
    return map { $_->context } qsearch(
        {
            table    => 'log_context',
            hashref  => {lognum => $self->lognum},
            order_by => 'ORDER BY logcontextnum'
        }
    );
}

1;
