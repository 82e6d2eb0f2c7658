package FS::part_export::plainmail;

# The hooks in the plain way, for `make bench` to measure beside the export: the
# steps of the specification one after another, each look taken when its turn
# comes, each request on a connection of its own. It does what a hook does when
# all is well, and no more: nothing is undone, locked or looked up again, which
# makes it faster than a client that must be right.

use strict;
use warnings;

use Tie::IxHash;

use parent qw( FS::part_export );

use FS::Record qw( dbh );
use Bench::PlainClient;

my $ADDITIONAL = 'ADDITIONAL NOCOST MAILBOX';

our %info;    ## no critic (ProhibitPackageVars) -- Freeside's

tie my %options, 'Tie::IxHash',
    map { $_ => {label => $_} } qw( client_id client_password port ca_file account_prefix package autopurge );
%info = (
    svc     => 'svc_acct',
    desc    => 'MagicMail in the plain way, for comparison',
    options => \%options,
);

# What a hook works with: the client, the service's names, the account.
sub _job {
    my ($self, $svc) = @_;
    my %option    = $self->options;
    my $cust_main = $svc->cust_main;
    return {
        option   => \%option,
        client   => Bench::PlainClient->new(machine => $self->machine, %option),
        user     => $svc->username,
        address  => $svc->username . q{@} . $svc->domain,
        customer => $cust_main,
        account  => "$option{account_prefix}" . $cust_main->custnum,
        names    => _names($svc->finger),
    };
}

sub _names {
    my ($finger) = @_;
    my ($first, $family) = $finger =~ m{\A \s* (.*?) \s* (\S*) \s* \z}xs;
    return length $first
        ? {first_name => $first, last_name => $family}
        : {first_name => $family};
}

sub _password {
    my ($svc) = @_;
    return (password => $svc->_password, password_type => 'plain');
}

## no critic (ProhibitUnusedPrivateSubroutines) -- Freeside calls them
sub _export_insert {
    my ($self, $svc) = @_;
    my $job = $self->_job($svc);
    my ($client, $user, $account) = @{$job}{qw( client user account )};
    if (!_found($client->get("account/$account"), 'account')) {
        my $customer = $job->{customer};
        $client->post(
            "account/$account",
            first_name => $customer->first,
            last_name  => $customer->get('last')
        );
    }
    return "user $user is taken"
        if _found($client->get("user/$user"), 'user');
    $client->post(
        "user/$user",
        account => $account,
        %{$job->{names}}, _password($svc)
    );
    my ($master) = _masters($client, $account);
    my %held = _packages($client, $master->{id});
    if (!$held{$job->{option}{package}}) {
        $client->post("user_package/$master->{id}", package => $job->{option}{package});
    }
    if (!_found($client->get("emailaddress/$job->{address}"), 'emailaddress')) {
        $client->post("emailaddress/$job->{address}", user => $user);
    }
    return q{};
}

sub _export_replace {
    my ($self, $new, $old) = @_;
    my $job = $self->_job($new);
    my ($client, $user) = @{$job}{qw( client user )};
    return "there is no user $user"
        if !_found($client->get("user/$user"), 'user');
    $client->post(
        "user/$user",
        action => 'update',
        %{$job->{names}}, _password($new)
    );
    if ($old->domsvc != $new->domsvc) {
        $client->post("emailaddress/$job->{address}",                         user   => $user);
        $client->post('emailaddress/' . $old->username . q{@} . $old->domain, action => 'purge');
    }
    return q{};
}

sub _export_suspend {
    my ($self, $svc) = @_;
    return $self->_set_status($svc, 'suspended');
}

sub _export_unsuspend {
    my ($self, $svc) = @_;
    return $self->_set_status($svc, 'active');
}

sub _export_delete {
    my ($self, $svc) = @_;
    my $job = $self->_job($svc);
    my ($client, $user, $account) = @{$job}{qw( client user account )};
    return "there is no user $user"
        if !_found($client->get("user/$user"), 'user');
    my ($master) = _masters($client, $account);
    _update($client, "user/$user", 'deleted');
    my @others = grep { $_->{status} ne 'deleted' }
        Bench::PlainClient::records($client->get('user', account => $account), 'user');
    if (@others) {
        my $is_master = lc $master->{id} eq lc $user;
        $self->_hand_over($job, $is_master ? undef : $master->{id});
    }
    elsif (_found($client->get("account/$account"), 'account')) {
        _update($client, "account/$account", 'deleted');
    }
    if ($job->{option}{autopurge}) {
        $client->post("user/$user",       action => 'purge');
        $client->post("account/$account", action => 'purge') if !@others;
    }
    return q{};
}
## use critic

# The master after a mailbox went, and its packages. The oldest service's user
# becomes it where the master is the one that went.
sub _hand_over {
    my ($self, $job, $master) = @_;
    my $client = $job->{client};
    if (!defined $master) {
        $master = $self->_oldest_user($job->{customer});
        die "there is no user $master\n"
            if !_found($client->get("user/$master"), 'user');
        $client->post(
            "user/$master",
            action      => 'update',
            master_user => 'Y'
        );
    }
    my %held   = _packages($client, $master);
    my %wanted = map { $_ => 1 } $self->_wanted($job->{customer});
    foreach my $package (grep { !$held{$_} } sort keys %wanted) {
        $client->post("user_package/$master", package => $package);
    }
    foreach my $package (grep { !$wanted{$_} } sort keys %held) {
        $client->post(
            "user_package/$master",
            action  => 'purge',
            package => $package
        );
    }
    return;
}

sub _set_status {
    my ($self, $svc, $status) = @_;
    my $job = $self->_job($svc);
    my ($client, $user) = @{$job}{qw( client user )};
    return "there is no user $user"
        if !_found($client->get("user/$user"), 'user');
    _update($client, "user/$user", $status);
    return q{};
}

sub _update {
    my ($client, $path, $status) = @_;
    return $client->post($path, action => 'update', status => $status);
}

sub _found {
    my ($document, $kind) = @_;
    return if defined Bench::PlainClient::error_code($document);
    my ($found) = Bench::PlainClient::records($document, $kind);
    return $found;
}

sub _masters {
    my ($client, $account) = @_;
    return
        grep { ($_->{master_user} || q{}) eq 'Y' }
        Bench::PlainClient::records($client->get('user', account => $account), 'user');
}

sub _packages {
    my ($client, $user) = @_;
    return map { $_->{id} => 1 } Bench::PlainClient::records($client->get("user_package/$user"), 'package');
}

my $SERVICES_OF_CUSTOMER = <<'END';
  FROM svc_acct
  JOIN cust_svc ON cust_svc.svcnum = svc_acct.svcnum
  JOIN cust_pkg ON cust_pkg.pkgnum = cust_svc.pkgnum
  JOIN export_svc ON export_svc.svcpart = cust_svc.svcpart
  JOIN part_export ON part_export.exportnum = export_svc.exportnum
END

sub _oldest_user {
    my ($self, $customer) = @_;
    my ($username) = dbh->selectrow_array(
        "SELECT svc_acct.username $SERVICES_OF_CUSTOMER"
            . ' WHERE cust_pkg.custnum = ? AND part_export.exporttype = ?'
            . ' ORDER BY svc_acct.svcnum LIMIT 1',
        {}, $customer->custnum, $self->exporttype
    );
    return $username;
}

sub _wanted {
    my ($self, $customer) = @_;
    my $packages = dbh->selectcol_arrayref(
        "SELECT DISTINCT part_export_option.optionvalue $SERVICES_OF_CUSTOMER"
            . ' JOIN part_export_option'
            . ' ON part_export_option.exportnum = part_export.exportnum'
            . ' WHERE cust_pkg.custnum = ? AND part_export.exporttype = ?'
            . q{ AND part_export_option.optionname = 'package'},
        {}, $customer->custnum, $self->exporttype
    );
    return @{$packages};
}

1;
