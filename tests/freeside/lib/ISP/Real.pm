package ISP::Real;

# A provider with a real Freeside, on a copy of its database (tests/freeside/run makes
# it): the same as ISP, less what only the small Freeside has. Customers, packages,
# definitions, exports, services and jobs of the copy are gone when it is opened.

use strict;
use warnings;

## no critic (ProhibitBuiltinHomonyms, ProhibitAmbiguousNames): ours are apt
## no critic (ProhibitPackageVars): Freeside's

use parent qw( ISP );

use Carp qw( croak );

use FS::Conf;
use FS::cust_location;
use FS::cust_main;
use FS::Record  qw( dbdef qsearch qsearchs );
use FS::UID     qw( adminsuidsetup dbh );
use ISP::Office qw( inserted written );
use ISP::Real::Queue;
use ISP::Real::Tables qw( empty );
use Secrecy;
use Statements;

# As long as a mailbox's names and passwords are in the tests; and Freeside itself lets a
# user name of another domain through to the hooks. It then does not lock the table of
# mailboxes: open(locks_mailboxes => 1) leaves that check and its lock as they are by default.
my %CONFIGURATION = (
    'global_unique-username' => 'disabled',
    usernamemin              => 1,
    usernamemax              => 32,
    passwordmin              => 1,
    passwordmax              => 64,
    'queued-sleep_time'      => 1,
    'company_name'           => 'A Provider',
    'password-insecure'      => 1,
);
my @SWITCHES = qw(
    username-ampersand username-percent username-colon username-slash username-equals username-pound
    username-exclamation username-uppercase svc_acct-alldomains
);

# What a warning of our own files or of the tests has in it.
my @OURS = ('/part_export/magicmail', '/tests/', '[FS::part_export::magicmail]');

# So many mailboxes of a definition fit into a package.
my $MANY = 10_000;

sub open {
    my ($class, %option) = @_;
    my $self = bless {owner => $$}, $class;
    _connect($ENV{MAGICMAIL_FREESIDE_USER} || 'fs_queue');
    my $conf   = FS::Conf->new;
    my %wanted = %CONFIGURATION;
    if ($option{locks_mailboxes}) { $wanted{'global_unique-username'} = 'none' }
    for my $name (grep { ($conf->config($_) || q{}) ne $wanted{$_} } sort keys %wanted) {
        $conf->set($name => $wanted{$name});
    }
    for my $name (grep { !$conf->exists($_) } @SWITCHES) {
        $conf->touch($name)
    }
    my $admin = qsearchs('access_user', {username => 'admin'});
    if (!$admin) { $self->employee('admin', 'Configuration') }
    _connect('admin');
    if (!$option{unwatched}) { Secrecy::watch(); _note_hooks() }
    $self->{agent} = qsearchs({table => 'agent', hashref => {}, order_by => 'ORDER BY agentnum LIMIT 1'});
    $self->empty_all;
    return $self;
}

sub _connect {
    my ($user) = @_;
    adminsuidsetup($user);
    Statements->watch(dbh);
    return;
}

# Which hook of ours runs, for Statements.
sub _note_hooks {
    require FS::part_export::magicmail;
    for my $name (qw( _export_insert _export_replace _export_delete _export_suspend _export_unsuspend )) {
        no strict 'refs';          ## no critic (ProhibitNoStrict, ProhibitProlongedStrictureOverride)
        no warnings 'redefine';    ## no critic (ProhibitNoWarnings)
        my $hook = FS::part_export::magicmail->can($name);
        *{"FS::part_export::magicmail::$name"} = sub {
            my @arguments = @_;
            return Statements->in_hook($name, sub { return scalar $hook->(@arguments) });
        };
    }
    return;
}

# No customer, service, export or job is there; numbers begin with 1.
sub empty_all {
    my ($self) = @_;
    empty();
    delete $self->{package};
    $self->{package} = $self->package_definition('Internet');
    return;
}

sub empty_for_a_rule { my ($self) = @_; return $self->empty_all }

sub is_real { return 1 }

# Freeside 4 has a table of its own for how customers pay.
sub is_freeside_3 { return !dbdef->table('cust_payby') }

sub most_forms { return $ENV{MAGICMAIL_FREESIDE_FORMS} || 1 }

# A real Freeside warns of much; only what our files and the tests bring about counts.
sub is_freesides {
    my ($self, $warning) = @_;
    return 1 if $warning =~ m/records [ ] identical/x;
    return 0 if $warning =~ m/\A (?: GET | POST ) [ ]/x;
    return !grep { index($warning, $_) >= 0 } @OURS;
}

sub new_agent {
    my ($self, $name) = @_;
    return inserted(agent => {$self->agent->hash, agentnum => q{}, agent => $name});
}

sub customer {
    my ($self, %column) = @_;
    my %address = (
        address1 => '1 Test Street',
        city     => 'Testville',
        state    => 'CA',
        zip      => '90210',
        country  => 'US'
    );
    my ($bill, $ship) = map { FS::cust_location->new({%address}) } 1, 2;
    my %default = (
        agentnum      => $self->agent->agentnum,
        refnum        => _referral(),
        first         => 'Ann',
        last          => 'Lee',
        bill_location => $bill,
        ship_location => $ship,
        $self->is_freeside_3 ? (payby => 'BILL') : (),
    );
    my $customer = FS::cust_main->new({%default, %column});
    return written($customer, $customer->insert);
}

sub _referral {
    my ($referral) =
        qsearch({table => 'part_referral', hashref => {}, order_by => 'ORDER BY refnum LIMIT 1'});
    return $referral->refnum;
}

sub package_definition {
    my ($self, $name) = @_;
    my $known = qsearchs('part_pkg', {pkg => $name});
    return $known if $known;
    my %fits     = map { $_->svcpart => $MANY } qsearch('part_svc', {});
    my $part_pkg = FS::part_pkg->new({pkg => $name, comment => 'monthly', freq => 1, plan => 'flat'});
    written($part_pkg, $part_pkg->insert(pkg_svc => \%fits, options => {setup_fee => 0, recur_fee => 0}));
    inserted(type_pkgs => {typenum => $self->agent->typenum, pkgpart => $part_pkg->pkgpart});
    return $part_pkg;
}

sub definition {
    my ($self, $name, %column) = @_;
    return $name if ref $name;
    my $known = qsearchs('part_svc', {svc => $name});
    return $known if $known;
    my %fixed;
    if (($column{svcdb} || 'svc_acct') eq 'svc_acct') {
        %fixed = map { ("svc_acct__$_" => q{}, "svc_acct__${_}_flag" => 'F') } qw( uid shell dir );
    }
    my $definition = FS::part_svc->new({svc => $name, svcdb => 'svc_acct', disabled => q{}, %fixed, %column});
    written($definition, $definition->insert([], {}));
    for my $part_pkg (qsearch('part_pkg', {})) {
        inserted(
            pkg_svc => {
                pkgpart  => $part_pkg->pkgpart,
                svcpart  => $definition->svcpart,
                quantity => $MANY,
            }
        );
    }
    return $definition;
}

# What a definition says of a column may be there already.
sub column {
    my ($self, $definition, $name, $value, $flag) = @_;
    my %column = (svcpart => $self->definition($definition)->svcpart, columnname => $name);
    my $known  = qsearchs('part_svc_column', \%column);
    return $self->SUPER::column($definition, $name, $value, $flag) if !$known;
    my $new = FS::part_svc_column->new({$known->hash, columnvalue => $value, columnflag => $flag});
    return written($new, $new->replace($known));
}

sub domain {
    my ($self, $name) = @_;
    my $known = qsearchs('svc_domain', {domain => $name});
    return $known if $known;
    my $definition = $self->definition('Domain', svcdb => 'svc_domain');
    local $FS::svc_Common::noexport_hack = 1;
    local $FS::svc_domain::whois_hack    = 1;
    return inserted(svc_domain => {domain => $name, svcpart => $definition->svcpart, action => 'M'});
}

# An employee with these rights in the group of that name.
sub employee {
    my ($self, $username, @rights) = @_;
    my $user = qsearchs('access_user', {username => $username})
        || inserted(
        access_user => {username => $username, _password => 'none', first => 'Ada', last => 'Min'});
    for my $right (@rights) { $self->give_right($username, $right) }
    return $user;
}

# Jobs of ours; Freeside itself queues some for each customer.
sub jobs {
    my ($self) = @_;
    return grep { $_->job =~ m/\AFS::part_export::magicmail/x } $self->SUPER::jobs;
}

sub retry {
    my ($self, $job) = @_;
    my $new = FS::queue->new({$job->hash, status => 'new', statustext => q{}});
    return written($job, $new->replace($job));
}

sub run_jobs { my ($self) = @_; return ISP::Real::Queue->of($self)->run }

# Those lines of the system's log that are ours.
sub log_rows {
    my ($self) = @_;
    return grep {
        grep { m/\AFS::part_export::magicmail/x }
            $_->context
    } $self->SUPER::log_rows;
}

sub close {
    my ($self) = @_;
    return if $self->{owner} != $$ || $self->{is_closed};
    $self->{is_closed} = 1;
    ISP::Real::Queue->stop;
    if (dbh) { dbh->disconnect }
    return;
}

1;
