package FS::part_export;

# An export: its row, its options, and the way from Freeside to the subclass
# that does the work. Loading this loads every FS/part_export/*.pm of every
# directory of @INC, and dies with the first that does not load.

use strict;
use warnings;

## no critic (ProhibitPackageVars, ProhibitBuiltinHomonyms): Freeside's

use parent qw( FS::option_Common );

use Module::Load ();

use FS;
use FS::Record qw( in_transaction qsearch qsearchs );
use Statements;

my @types;

sub table { return 'part_export' }

sub new {
    my ($class, @arguments) = @_;
    return $class->SUPER::new(@arguments)->_rebless;
}

# The object in the class of its type. Freeside calls it; exports do not.
sub _rebless {
    my ($self) = @_;
    my $type = $self->exporttype;
    if (grep { $_ eq $type } @types) {
        bless $self, "FS::part_export::$type";
    }
    return $self;
}

# The %info of every type of export (for one kind of service), by type.
sub export_info {
    my ($svcdb) = @_;
    my %found;
    for my $type (@types) {
        my $info = _info($type);
        my @svc  = ref $info->{svc} ? @{$info->{svc}} : ($info->{svc} || ());
        if (!defined $svcdb || grep { $_ eq $svcdb } @svc) {
            $found{$type} = $info;
        }
    }
    return \%found;
}

sub _info {
    my ($type) = @_;
    ## no critic (ProhibitNoStrict): the package's name is known only now
    no strict 'refs';
    return \%{"FS::part_export::${type}::info"};
}

sub info   { my ($self) = @_; return _info($self->exporttype) }
sub weight { my ($self) = @_; return $self->info->{weight} || 0 }

sub label {
    my ($self) = @_;
    return $self->exportname
        || $self->exporttype . ' export to ' . $self->machine;
}

sub check {
    my ($self) = @_;
    return 'Illegal (alphanumeric) exporttype: ' . $self->exporttype
        if $self->exporttype !~ /\A \w+ \z/x;
    return q{};
}

sub insert {
    my ($self, @options) = @_;
    my $options = ref $options[0] ? $options[0] : {@options};
    return $self->_checked_options($options) || $self->SUPER::insert($options);
}

sub replace {
    my ($new, @arguments) = @_;
    my ($options) = grep { ref eq 'HASH' } @arguments;
    return $new->_checked_options($options || {$new->options})
        || $new->SUPER::replace(@arguments);
}

sub _checked_options {
    my ($self, $options) = @_;
    return $self->can('check_options') ? $self->check_options($options) : q{};
}

sub delete {
    my ($self) = @_;
    return in_transaction(
        sub {
            my $error = q{};
            for my $row (
                $self->export_svc,
                $self->_rows_of('export_cust_svc'),
                $self->_rows_of('part_export_machine')
                )
            {
                $error ||= $row->delete;
            }
            return $error || $self->SUPER::delete;
        }
    );
}

sub _rows_of {
    my ($self, $table) = @_;
    return if !FS::Record::dbdef()->table($table);
    return qsearch($table, {exportnum => $self->exportnum});
}

sub export_svc { my ($self) = @_; return $self->_rows_of('export_svc') }

sub part_svc {
    my ($self) = @_;
    return map { $_->part_svc } $self->export_svc;
}

sub default_export_machine {
    my ($self) = @_;
    return qsearchs('part_export_machine', {machinenum => $self->default_machine});
}

sub svc_machine {
    my ($self, $svc) = @_;
    return $self->machine if $self->machine ne '_SVC_MACHINE';
    my $chosen = qsearchs('svc_export_machine', {svcnum => $svc->svcnum, exportnum => $self->exportnum});
    return $chosen->part_export_machine->machine  if $chosen;
    return $self->default_export_machine->machine if $self->default_machine;
    die 'No hostname selected for ' . ($self->exportname || $self->exporttype) . "\n";
}

sub export_insert {
    my ($self, @arguments) = @_;
    return $self->_run(insert => @arguments);
}

sub export_replace {
    my ($self, @arguments) = @_;
    return $self->_run(replace => @arguments);
}

sub export_delete {
    my ($self, @arguments) = @_;
    return $self->_run(delete => @arguments);
}

sub export_suspend {
    my ($self, @arguments) = @_;
    return $self->_run(suspend => @arguments);
}

sub export_unsuspend {
    my ($self, @arguments) = @_;
    return $self->_run(unsuspend => @arguments);
}

sub _run {
    my ($self, $name, @arguments) = @_;
    my $hook = "_export_$name";
    return Statements->in_hook($name, sub { return scalar $self->$hook(@arguments) });
}

# For a subclass to override.
## no critic (ProhibitUnusedPrivateSubroutines): _run calls them by name
sub _export_insert {
    my ($self) = @_;
    return '_export_insert: unknown export type ' . $self->exporttype;
}

sub _export_replace {
    my ($self) = @_;
    return '_export_replace: unknown export type ' . $self->exporttype;
}

sub _export_delete {
    my ($self) = @_;
    return '_export_delete: unknown export type ' . $self->exporttype;
}
sub _export_suspend   { return q{} }
sub _export_unsuspend { return q{} }

sub _remote_row {
    my ($self, $svc) = @_;
    return qsearchs('export_cust_svc', {exportnum => $self->exportnum, svcnum => $svc->svcnum});
}

sub get_remoteid {
    my ($self, $svc) = @_;
    my $row = $self->_remote_row($svc);
    return $row ? $row->remoteid : q{};
}

sub set_remoteid {
    my ($self, $svc, $id) = @_;
    require FS::export_cust_svc;
    my $row = $self->_remote_row($svc);
    if (!$id) { return $row ? $row->delete : q{} }
    my %new =
          $row
        ? $row->hash
        : (exportnum => $self->exportnum, svcnum => $svc->svcnum);
    my $new = FS::export_cust_svc->new({%new, remoteid => $id});
    local $FS::Record::nowarn_identical = 1;
    return $row ? $new->replace($row) : $new->insert;
}

for my $directory (grep { -d } map { "$_/FS/part_export" } grep { !ref } @INC) {
    for my $file (sort glob "\Q$directory\E/*.pm") {
        my ($type) = $file =~ m{ / (\w+) [.]pm \z }x or next;
        push @types, $type if !grep { $_ eq $type } @types;
    }
}
for my $type (@types) {
    my $is_loaded = eval { Module::Load::load("FS::part_export::$type"); 1 };
    if (!$is_loaded) { die "FS::part_export::$type does not load: $@\n" }
}

1;
