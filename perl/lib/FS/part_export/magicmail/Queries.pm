package FS::part_export::magicmail::Queries;

# What the library asks of Freeside, and tells it to do: named queries, each one
# statement of SQL that PostgreSQL, MySQL and SQLite understand, and commands. Rows go
# out as they are; nothing is decided here.

use strict;
use warnings;

use FS::Record qw(dbdef dbh);

use FS::part_export::magicmail::Jobs;
use FS::part_export::magicmail::Locks;
use FS::part_export::magicmail::Records;
use FS::part_export::magicmail::Text        qw(one_line);
use FS::part_export::magicmail::Transaction qw(savepoint);

# What is read of each service, once for each of its records.
my @SERVICE = qw(svcnum username domain svcpart custnum agent_custid exportnum remoteid);

my %QUERIES = (
    exports       => \&_exports,
    owner         => \&_owner,
    service       => \&_service,
    account_names => \&_account_names,
    services      => \&_services,
    namesakes     => \&_namesakes,
    history       => \&_history,
);

my %COMMANDS = (
    lock           => \&_lock,
    record_account => \&_record_account,
    queue          => \&_queue,
    rollback       => \&_rollback,
);

my @HISTORY_TABLES = qw(h_svc_acct h_cust_svc h_cust_pkg h_cust_main h_part_export_option);

# For the hook of an export on a service: records, an object of
# FS::part_export::magicmail::Records, and svc.
sub new {
    my ($class, %of) = @_;
    return bless {%of}, $class;
}

# The answers to a list of queries and commands, in its order; one that fails is an
# answer too: { error => TEXT }.
sub answers {
    my ($self, $asked) = @_;
    return [map { $self->_answer($_) } @{$asked}];
}

sub _answer {
    my ($self, $ask)  = @_;
    my ($name, $with) = @{$ask}{qw(name with)};
    my $code = $QUERIES{$name} || $COMMANDS{$name};
    return {error => "this export knows no $name: install the export and the library of one release"}
        if !$code;
    local $@ = '';
    local $SIG{__DIE__} = 'DEFAULT';
    my $answer;
    my $run     = sub { return $answer = $self->$code($with) };
    my $has_run = eval { $QUERIES{$name} || $with->{optional} ? savepoint($run) : $run->(); 1 };
    return $has_run ? $answer : {error => one_line("$@")};
}

# Whether the history tables are there that the query reads.
sub has_history {
    return !grep { !dbdef->table($_) } @HISTORY_TABLES;
}

# This server's exports: what of their options matters to one another, and their
# service definitions.
sub _exports {
    my ($self) = @_;
    my $exports = $self->{records}->exports;
    my @rows;
    foreach my $exportnum (sort { $a <=> $b } keys %{$exports}) {
        my ($options, $svcparts) = @{$exports->{$exportnum}}{qw(options svcparts)};
        my %row = map { $_ => $options->{$_} } qw(account_prefix package use_agent_custid);
        push @rows, {%row, exportnum => $exportnum, definitions => [keys %{$svcparts}]};
    }
    return {rows => \@rows};
}

# Whose a service is.
sub _owner {
    my ($self, $with) = @_;
    my $records = $self->{records};
    return _one($records, $records->owner_rows(@{$with}{qw(svcnum domsvc)}));
}

# What is known of a service.
sub _service {
    my ($self, $with) = @_;
    my $records = $self->{records};
    my @rows    = $records->service_rows(@{$with}{qw(svcnum username domsvc old_domsvc)});
    return _one($records, @rows);
}

# One row of those of a service, one for each of its records, and the records.
sub _one {
    my ($records, @rows) = @_;
    my %row      = %{$rows[0]};
    my @recorded = map { [$_->{exportnum}, $records->text($_->{on_record})] } grep { $_->{exportnum} } @rows;
    my $has_row  = delete $row{row_svcnum};
    delete @row{qw(exportnum on_record pkgnum)};
    return {
        row => {
            (map { $_ => $records->text($row{$_}) } keys %row),
            records => \@recorded,
            has_row => defined $has_row ? 1 : 0,
        }
    };
}

# What a subclass names the accounts of customers.
sub _account_names {
    my ($self, $with) = @_;
    my $records = $self->{records};
    my $export  = $records->export;
    my %names;
    foreach my $custnum (@{$with->{custnums}}) {
        my $customer = $records->customer($custnum);
        $names{$custnum} = $customer ? $records->text($export->cust_account_id($customer)) : '';
    }
    return {row => \%names};
}

# The provisioned services of some customers, and those that have one of the accounts on
# record.
sub _services {
    my ($self,  $with)  = @_;
    my ($maybe, @maybe) = $self->{records}->numbers_of_services(%{$with});
    return defined $maybe ? $self->_service_rows($with, $maybe, @maybe) : {rows => []};
}

# The provisioned services that have a user name, in whatever domain.
sub _namesakes {
    my ($self, $with) = @_;
    my @names = FS::part_export::magicmail::Records::spellings($with->{username});
    my $maybe = 'SELECT svc_acct.svcnum FROM svc_acct WHERE svc_acct.username IN ( '
        . FS::part_export::magicmail::Records::places(@names) . ' )';
    return $self->_service_rows($with, $maybe, @names);
}

sub _service_rows {
    my ($self, $with, $maybe, @maybe) = @_;
    my $records    = $self->{records};
    my $from_bytes = $records->gives_bytes_of_text;
    my @rows;
    $records->each_service(
        sub {
            my ($row) = @_;
            my @copy = @{$row}[0 .. $#SERVICE];
            if ($from_bytes) { $_ = $records->text($_) foreach @copy }
            push @rows, \@copy;
            return;
        },
        definitions => $with->{definitions},
        by_agents   => $with->{by_agents},
        maybe       => $maybe,
        bind        => \@maybe,
    );
    return {rows => \@rows};
}

# Who was ever in packages of some customers, and what exports' options once were.
sub _history {
    my ($self, $with) = @_;
    my $records = $self->{records};
    my @found   = $records->history_rows(@{$with}{qw(custnums agent_custids limit)});
    my @rows;
    foreach my $row (@found) {
        my @columns = @{$row}{qw(optionname optionvalue first former present)};
        push @rows, [map { defined $_ ? $records->text($_) : undef } @columns];
    }
    return {rows => \@rows};
}

sub _lock {
    my ($self, $with) = @_;
    FS::part_export::magicmail::Locks::take($self->{records}, %{$with});
    return {};
}

# Puts the account of the service on record. Freeside refuses some characters.
sub _record_account {
    my ($self, $with) = @_;
    my $account = $with->{account};
    return {refused => \1} if !$self->{records}->can_record($account);
    my $error = $self->{records}->export->set_remoteid($self->{svc}, $account);
    die "$error\n" if $error;
    return {};
}

sub _queue {
    my ($self, $with) = @_;
    my $error =
        FS::part_export::magicmail::Jobs::queue($with->{job} => $self->{svc}, @{$with->{arguments}});
    die "$error\n" if $error;
    return {};
}

# Of the transaction that the hook has of its own.
sub _rollback {
    my ($self) = @_;
    dbh->rollback;
    $self->{has_rolled_back} = 1;
    return {};
}

sub has_rolled_back { my ($self) = @_; return $self->{has_rolled_back} }

1;
