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

use Carp qw( croak );
use ISP::Database;

use FS::access_group;
use FS::access_right;
use FS::access_user;
use FS::access_usergroup;
use FS::agent;
use FS::cust_main;
use FS::export_svc;
use FS::part_export;
use FS::part_pkg;
use FS::part_svc;
use FS::part_svc_column;
use FS::queue;
use FS::Record qw( dbh fields in_transaction qsearch qsearchs );
use FS::svc_acct;
use FS::UID qw( adminsuidsetup );

# on => 'sqlite' or 'postgresql'; by default as MAGICMAIL_PG in the environment
# says.
sub open {
    my ( $class, %option ) = @_;
    my $self =
      bless { database => ISP::Database->new( $option{on} ), owner => $$ },
      $class;
    $self->{database}->fill(
        sub {
            _insert( access_user =>
                  { username => 'admin', first => 'Ada', last => 'Min' } );
        }
    );
    adminsuidsetup('admin');
    $self->give_right( 'admin', 'Configuration' );
    $self->{agent}   = _insert( agent => { agent => 'Main' } );
    $self->{package} = _insert(
        part_pkg => {
            pkg     => 'Internet',
            comment => 'monthly',
            freq    => 1,
            plan    => 'flat'
        }
    );
    return $self;
}

# Makes a row of a table, or dies with Freeside's text.
sub _insert {
    my ( $table, $columns, @arguments ) = @_;
    my $class  = "FS::$table";
    my $record = $class->new($columns);
    return _written( $record, $record->insert(@arguments) );
}

sub _written {
    my ( $record, $error ) = @_;
    if ($error) { croak ref($record) . ": $error" }
    return $record;
}

sub agent { my ($self) = @_; return $self->{agent} }

# A further agent.
sub new_agent {
    my ( $self, $name ) = @_;
    return _insert( agent => { agent => $name } );
}

# first, last, company, agent_custid, custnum, ...
sub customer {
    my ( $self, %column ) = @_;
    my %default =
      ( agentnum => $self->agent->agentnum, first => 'Ann', last => 'Lee' );
    return _insert( cust_main => { %default, %column } );
}

# A package of a customer; definition => 'name' for another than Internet.
sub package {
    my ( $self, $customer, %column ) = @_;
    my $definition = delete $column{definition};
    my $part_pkg =
      defined $definition
      ? $self->package_definition($definition)
      : $self->{package};
    return _insert(
        cust_pkg => {
            custnum => $customer->custnum,
            pkgpart => $part_pkg->pkgpart,
            %column
        }
    );
}

sub package_definition {
    my ( $self, $name ) = @_;
    return qsearchs( 'part_pkg', { pkg => $name } )
      || _insert( part_pkg => { pkg => $name, freq => 1, plan => 'flat' } );
}

# The service definition of that name, made where there is none.
sub definition {
    my ( $self, $name, %column ) = @_;
    return $name if ref $name;
    return qsearchs( 'part_svc', { svc => $name } )
      || _insert( part_svc => { svc => $name, svcdb => 'svc_acct', %column } );
}

# The domain, a service in no package, made where there is none.
sub domain {
    my ( $self, $name ) = @_;
    my $known = qsearchs( 'svc_domain', { domain => $name } );
    return $known if $known;
    my $definition = $self->definition( 'Domain', svcdb => 'svc_domain' );
    return _insert(
        svc_domain => { domain => $name, svcpart => $definition->svcpart } );
}

# An export of a type: machine, exportname, no_suspend, ... ; options => {...};
# definitions => [ names or records ], by default the one called Mailbox.
sub export {
    my ( $self, $type, %column ) = @_;
    my $options     = delete $column{options}     || {};
    my $definitions = delete $column{definitions} || ['Mailbox'];
    my $export =
      _insert( part_export => { exporttype => $type, %column }, $options );
    $self->link( $export, $_ ) for @{$definitions};
    return $export;
}

sub link {
    my ( $self, $export, $definition ) = @_;
    my $svcpart = $self->definition($definition)->svcpart;
    return _insert(
        export_svc => { exportnum => $export->exportnum, svcpart => $svcpart }
    );
}

# Options of an export as staff would change them: those not named stay.
sub change_options {
    my ( $self, $export, %option ) = @_;
    my $fresh = qsearchs( 'part_export', { exportnum => $export->exportnum } );
    _written( $fresh, $fresh->replace( $fresh, { $fresh->options, %option } ) );
    return $fresh;
}

# An export on a running simulator (Simulator.pm), with its address, client and
# CA.
sub magicmail {
    my ( $self, $simulator, %column ) = @_;
    my %option = (
        client_id       => $simulator->client_id,
        client_password => $simulator->client_password,
        port            => $simulator->port,
        ca_file         => $simulator->ca_file,
        %{ delete $column{options} || {} }
    );
    return $self->export(
        'magicmail',
        machine => $simulator->host,
        %column, options => \%option
    );
}

# A mailbox that is not yet inserted, for a customer (in a new package), a
# package, or nobody (undef): username, domain ('example.net'; undef for none),
# definition ('Mailbox'), finger, _password, ...
sub mailbox {
    my ( $self, $owner, %column ) = @_;
    my %default =
      ( username => 'ann', domain => 'example.net', definition => 'Mailbox' );
    my %mailbox = (
        %default,
        _password          => 'secret12',
        _password_encoding => 'plain',
        %column
    );
    my $domain = delete $mailbox{domain};
    if ( defined $domain ) {
        $mailbox{domsvc} ||= $self->domain($domain)->svcnum;
    }
    $mailbox{svcpart} ||=
      $self->definition( delete $mailbox{definition} )->svcpart;
    if ($owner) {
        my $package =
          $owner->isa('FS::cust_pkg') ? $owner : $self->package($owner);
        $mailbox{pkgnum} = $package->pkgnum;
    }
    return FS::svc_acct->new( \%mailbox );
}

# The same, inserted.
sub provisioned {
    my ( $self, @arguments ) = @_;
    my $svc = $self->mailbox(@arguments);
    _written( $svc, $svc->insert );
    return $self->fresh($svc);
}

# The record as the database has it now; nothing where it is gone.
sub fresh {
    my ( $self, $record ) = @_;
    my $key = $record->primary_key;
    return qsearchs( $record->table, { $key => $record->get($key) } );
}

# Changes a service as its page does: the new values over the old; returns
# Freeside's text or ''.
sub change {
    my ( $self, $svc, %column ) = @_;
    my $old = $self->fresh($svc);
    if ( exists $column{domain} ) {
        $column{domsvc} = $self->domain( delete $column{domain} )->svcnum;
    }
    my $new = FS::svc_acct->new(
        { $old->hash, svcpart => $old->cust_svc->svcpart, %column } );
    local $FS::Record::nowarn_identical = 1;
    return $new->replace($old);
}

# Another service definition for a provisioned service.
sub change_definition {
    my ( $self, $svc, $definition ) = @_;
    my $old = $svc->cust_svc;
    my $new = FS::cust_svc->new(
        { $old->hash, svcpart => $self->definition($definition)->svcpart } );
    return $new->replace($old);
}

# What freeside-reexport does: the export's change hook, with one record as
# both new and old.
sub reexport {
    my ( $self, $export, $svc ) = @_;
    my $record = $self->fresh($svc);
    return in_transaction(
        sub { return $export->export_replace( $record, $record ) } );
}

# A button on the export's page: its script, as a job with a progress bar, by
# its name in %info. Returns the text it died with ('' when it did not) and the
# progress texts.
sub script {
    my ( $self, $export, $name, %parameter ) = @_;
    my $job = FS::queue->new(
        { job => 'FS::part_export::' . $export->exporttype . "::$name" } );
    _written(
        $job,
        $job->insert(
            '_JOB', { "${name}_exportnum" => $export->exportnum, %parameter }
        )
    );
    return ( $job->run, $job->statustexts );
}

# An employee with these access rights.
sub employee {
    my ( $self, $username, @rights ) = @_;
    my $user = _insert( access_user => { username => $username } );
    for my $right (@rights) { $self->give_right( $username, $right ) }
    return $user;
}

sub give_right {
    my ( $self, $username, $right ) = @_;
    my $user  = qsearchs( 'access_user', { username => $username } );
    my $group = _insert( access_group => { groupname => $right } );
    _insert( access_usergroup =>
          { usernum => $user->usernum, groupnum => $group->groupnum } );
    _insert(
        access_right => {
            righttype   => 'FS::access_group',
            rightobjnum => $group->groupnum,
            rightname   => $right
        }
    );
    return;
}

# Runs the code with another employee at work.
sub as {
    my ( $self, $username, $code ) = @_;
    local $FS::CurrentUser::CurrentUser =
      qsearchs( 'access_user', { username => $username } )
      || croak "no employee $username";
    return $code->();
}

sub run_jobs { return FS::queue->run_all }

sub jobs {
    return qsearch(
        { table => 'queue', hashref => {}, order_by => 'ORDER BY jobnum' } );
}

sub log_rows {
    return qsearch(
        { table => 'log', hashref => {}, order_by => 'ORDER BY lognum' } );
}

sub close {
    my ($self) = @_;
    return if $self->{owner} != $$ || !$self->{database};
    if (dbh) { dbh->disconnect }
    delete( $self->{database} )->remove;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ( $@, $!, $? ) = ( q{}, 0, 0 );
    $self->close;
    return;
}

1;
