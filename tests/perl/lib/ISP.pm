package ISP;

# A provider with a fresh Freeside of its own: a database that goes away with
# the test, one agent, one employee, and short ways to make customers,
# packages, definitions, exports and services. What cannot be made is a failure
# of the test, and dies; the records returned are Freeside's.
#
#     my $isp = ISP->open;
#     my $export = $isp->export( 'magicmail', machine => 'mail.example.net' );
#     my $ann   = $isp->customer( first => 'Ann', last => 'Lee' );
#     my $svc   = $isp->mailbox( $ann, username => 'ann', finger => 'Ann Lee' );
#     my $error = $svc->insert;

use strict;
use warnings;

## no critic (ProhibitBuiltinHomonyms, ProhibitAmbiguousNames): ours are apt
## no critic (ProhibitPackageVars): Freeside's

use parent qw( ISP::Office );

use ISP::Crowd;
use ISP::Database qw( empty_tables );
use ISP::Office   qw( inserted written );
use ISP::Workers;

use FS::agent;
use FS::cust_main;
use FS::export_svc;
use FS::part_export;
use FS::part_pkg;
use FS::part_svc;
use FS::part_svc_column;
use FS::Record qw( dbdef qsearchs );
use FS::svc_acct;
use FS::UID qw( adminsuidsetup datasrc dbh driver_name );
use Secrecy;

# on => 'sqlite' or 'postgresql'; by default as MAGICMAIL_PG in the environment
# says. unwatched => 1: nobody looks for secrets, which takes time and turns debug on;
# for benchmarks. With MAGICMAIL_FREESIDE in the environment it is a real Freeside (see
# tests/freeside/run).
sub open {
    my ($class, %option) = @_;
    if ($ENV{MAGICMAIL_FREESIDE} && $class eq __PACKAGE__) {
        require ISP::Real;
        return ISP::Real->open(%option);
    }
    my $self =
        bless {database => ISP::Database->new($option{on}), owner => $$},
        $class;
    if (!$option{unwatched}) { Secrecy::watch() }
    $self->{database}->fill(
        sub {
            inserted(access_user => {username => 'admin', first => 'Ada', last => 'Min'});
        }
    );
    adminsuidsetup('admin');
    $self->give_right('admin', 'Configuration');
    $self->{agent}   = inserted(agent => {agent => 'Main'});
    $self->{package} = inserted(
        part_pkg => {
            pkg     => 'Internet',
            comment => 'monthly',
            freq    => 1,
            plan    => 'flat'
        }
    );
    $self->definition('Mailbox');
    $self->domain('example.net');
    return $self;
}

# These stay from rule to rule.
my %STAYS = map { $_ => 1 } qw( access_user access_group access_usergroup access_right agent part_pkg );

# Customers, services, exports and jobs go; the office stays.
sub empty_for_a_rule {
    empty_tables(grep { !$STAYS{$_} } dbdef->tables);
    dbh->commit;
    return;
}

sub is_real { return 0 }

# Whether it behaves as Freeside 3.
sub is_freeside_3 { return 0 }

# So many of a server's forms are enough here for a rule: PostgreSQL knows nothing of
# them, and takes longer.
sub most_forms { return driver_name() eq 'Pg' ? 2 : 100 }

# Whether a warning is Freeside's own, and no matter here.
sub is_freesides { return 0 }

sub agent { my ($self) = @_; return $self->{agent} }

# A further agent.
sub new_agent {
    my ($self, $name) = @_;
    return inserted(agent => {agent => $name});
}

# first, last, company, agent_custid, custnum, ...
sub customer {
    my ($self, %column) = @_;
    my %default = (agentnum => $self->agent->agentnum, first => 'Ann', last => 'Lee');
    return inserted(cust_main => {%default, %column});
}

# A package of a customer; definition => 'name' for another than Internet.
sub package {
    my ($self, $customer, %column) = @_;
    my $definition = delete $column{definition};
    my $part_pkg =
        defined $definition
        ? $self->package_definition($definition)
        : $self->{package};
    return inserted(
        cust_pkg => {
            custnum => $customer->custnum,
            pkgpart => $part_pkg->pkgpart,
            %column
        }
    );
}

sub package_definition {
    my ($self, $name) = @_;
    return qsearchs('part_pkg', {pkg => $name})
        || inserted(part_pkg => {pkg => $name, freq => 1, plan => 'flat'});
}

# The service definition of that name, made where there is none.
sub definition {
    my ($self, $name, %column) = @_;
    return $name if ref $name;
    return qsearchs('part_svc', {svc => $name})
        || inserted(part_svc => {svc => $name, svcdb => 'svc_acct', %column});
}

# What a definition says of a column: fixed ('F'), a default ('D'), a choice
# ('S', values with commas between).
sub column {
    my ($self, $definition, $name, $value, $flag) = @_;
    my $svcpart = $self->definition($definition)->svcpart;
    return inserted(
        part_svc_column => {
            svcpart     => $svcpart,
            columnname  => $name,
            columnvalue => $value,
            columnflag  => $flag
        }
    );
}

# The domain, a service in no package, made where there is none.
sub domain {
    my ($self, $name) = @_;
    my $known = qsearchs('svc_domain', {domain => $name});
    return $known if $known;
    my $definition = $self->definition('Domain', svcdb => 'svc_domain');
    return inserted(svc_domain => {domain => $name, svcpart => $definition->svcpart});
}

# An export of a type: machine, exportname, no_suspend, ... ; options => {...};
# definitions => [ names or records ], by default the one called Mailbox.
sub export {
    my ($self, $type, %column) = @_;
    my $options     = delete $column{options}     || {};
    my $definitions = delete $column{definitions} || ['Mailbox'];
    my $export      = inserted(part_export => {exporttype => $type, %column}, $options);
    $self->link($export, $_) for @{$definitions};
    return $export;
}

sub link {
    my ($self, $export, $definition) = @_;
    my $svcpart = $self->definition($definition)->svcpart;
    return inserted(export_svc => {exportnum => $export->exportnum, svcpart => $svcpart});
}

# Options of an export as staff would change them: those not named stay.
sub change_options {
    my ($self, $export, %option) = @_;
    my $fresh = qsearchs('part_export', {exportnum => $export->exportnum});
    written($fresh, $fresh->replace($fresh, {$fresh->options, %option}));
    return $fresh;
}

# An export on a running simulator (Simulator.pm), with its address, client and
# CA; type => 'name' for one that is made from ours.
sub magicmail {
    my ($self, $simulator, %column) = @_;
    my %option = (
        client_id       => $simulator->client_id,
        client_password => $simulator->client_password,
        port            => $simulator->port,
        ca_file         => $simulator->ca_file,
        %{delete $column{options} || {}}
    );
    return $self->export(
        delete $column{type} || 'magicmail',
        machine => $simulator->host,
        %column, options => \%option
    );
}

# A mailbox that is not yet inserted, for a customer (in a new package), a
# package, or nobody (undef): username, domain ('example.net'; undef for none),
# definition ('Mailbox'), finger, _password, ...
sub mailbox {
    my ($self, $owner, %column) = @_;
    my %default = (username => 'ann', domain => 'example.net', definition => 'Mailbox');
    my %mailbox = (
        %default,
        _password          => 'secret12',
        _password_encoding => 'plain',
        %column
    );
    my $domain = delete $mailbox{domain};
    if (defined $domain) {
        $mailbox{domsvc} ||= $self->domain($domain)->svcnum;
    }
    $mailbox{svcpart} ||=
        $self->definition(delete $mailbox{definition})->svcpart;
    if ($owner) {
        my $package = $owner->isa('FS::cust_pkg') ? $owner : $self->package($owner);
        $mailbox{pkgnum} = $package->pkgnum;
    }
    return FS::svc_acct->new(\%mailbox);
}

# The same, inserted.
sub provisioned {
    my ($self, @arguments) = @_;
    my $svc = $self->mailbox(@arguments);
    written($svc, $svc->insert);
    return $self->fresh($svc);
}

# Mailboxes of a package by the hundred ("NAME1" and so on), or those of so many
# strangers, as rows only: no hook is called. name, domain, definition.
sub crowd {
    my ($self, $package, $count, %which) = @_;
    return ISP::Crowd->mailboxes($package, $count, $self->_crowd(%which));
}

sub strangers {
    my ($self, $count, %which) = @_;
    return ISP::Crowd->strangers($self, $count, $self->_crowd(%which));
}

sub _crowd {
    my ($self, %which) = @_;
    my %default = (name => 'user', domain => 'example.net', definition => 'Mailbox');
    my %crowd   = (%default, %which);
    return (
        name    => $crowd{name},
        domsvc  => $self->domain($crowd{domain})->svcnum,
        svcpart => $self->definition($crowd{definition})->svcpart,
    );
}

# The record as the database has it now; undef where it is gone.
sub fresh {
    my ($self, $record) = @_;
    my $key = $record->primary_key;
    return scalar qsearchs($record->table, {$key => $record->get($key)});
}

# Changes a service as its page does: the new values over the old; returns
# Freeside's text or ''.
sub change {
    my ($self, $svc, %column) = @_;
    my $old = $self->fresh($svc);
    if (exists $column{domain}) {
        $column{domsvc} = $self->domain(delete $column{domain})->svcnum;
    }
    my $new = FS::svc_acct->new({$old->hash, svcpart => $old->cust_svc->svcpart, %column});
    local $FS::Record::nowarn_identical = 1;
    return $new->replace($old);
}

# Another service definition for a provisioned service.
sub change_definition {
    my ($self, $svc, $definition) = @_;
    my $old = $svc->cust_svc;
    my $new = FS::cust_svc->new({$old->hash, svcpart => $self->definition($definition)->svcpart});
    return $new->replace($old);
}

# What freeside-reexport does: the export's insert hook or another one that is named
# (insert, replace, delete, suspend, unsuspend), with one record twice, outside of any
# transaction.
sub reexport {
    my ($self, $export, $svc, $event) = @_;
    my $record = $self->fresh($svc);
    my $method = 'export_' . ($event || 'insert');
    return $export->$method($record, $record);
}

# Runs pieces of code in processes of their own that begin at the same moment;
# what each returned. Domains and definitions that they name are to be made
# before. Dies when one dies or all are not done in time.
sub at_once {
    my ($self, $seconds, @code) = @_;
    return ISP::Workers->run($seconds, @code);
}

sub close {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{database};
    my $database = delete $self->{database};
    if (dbh && datasrc() eq $database->source) { dbh->disconnect }
    $database->remove;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $!, $?) = (q{}, 0, 0);
    $self->close;
    return;
}

1;
