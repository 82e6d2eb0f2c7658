package Bench::Place;

# Where it is measured: a small Freeside of its own, with the same definitions
# for both clients (native: the export; plain: the comparison), and the
# simulator. Before each hook both sides are put into the same state; after it
# Freeside's transaction is rolled back.

use strict;
use warnings;

use Carp    qw( croak );
use English qw( -no_match_vars );
use HTTP::Tiny;
use JSON::PP;

use FS::Record qw( dbh in_transaction qsearchs );
use Bench::Wire;
use ISP;
use Simulator;
use Statements;

my %TYPE = (native => 'magicmail', plain => 'plainmail');

# The definition's export: package, autopurge.
my %DEFINITION = (
    Mailbox => {package => 'EMAIL'},
    Premium => {package => 'PREMIUM'},
    Purged  => {package => 'EMAIL', autopurge => 1},
);

my @DOMAINS = qw( example.net example.com );

# Where Debian keeps the CAs that a machine trusts, in one file and one by one.
my $SYSTEM_FILE   = '/etc/ssl/certs/ca-certificates.crt';
my $SYSTEM_FOLDER = '/etc/ssl/certs';

sub open {    ## no critic (ProhibitBuiltinHomonyms, ProhibitAmbiguousNames)
    my ($class)   = @_;
    my $isp       = ISP->open(unwatched => 1);
    my $simulator = Simulator->start(domains => \@DOMAINS);
    _have_it_trusted($simulator);
    my $self = bless {
        isp       => $isp,
        simulator => $simulator,
        http      => HTTP::Tiny->new(keep_alive => 0, timeout => 60, no_proxy => ['127.0.0.1']),
        json      => JSON::PP->new->utf8,
        customers => {},
    }, $class;
    foreach my $client (sort keys %TYPE) {
        foreach my $name (sort keys %DEFINITION) {
            $self->{exports}{$client}{$name} = $self->_export($client, $name);
        }
    }
    $isp->domain($_) for @DOMAINS;
    Statements->unwatch(dbh);
    return $self;
}

# Has this machine trust the simulator's CA too, as one whose certificates the
# public CAs sign is trusted. Both names are of OpenSSL, and both clients heed
# them.
sub _have_it_trusted {
    my ($simulator) = @_;
    my $file = $simulator->directory . '/trusted.pem';
    CORE::open my $trusted, '>', $file or croak "$file: $OS_ERROR";
    print {$trusted} _content($SYSTEM_FILE), _content($simulator->ca_file);
    close $trusted or croak "$file: $OS_ERROR";
    $ENV{SSL_CERT_FILE} = $file;           ## no critic (RequireLocalizedPunctuationVars) -- for the whole run
    $ENV{SSL_CERT_DIR}  = $SYSTEM_FOLDER;  ## no critic (RequireLocalizedPunctuationVars) -- for the whole run
    return;
}

sub _content {
    my ($file) = @_;
    CORE::open my $handle, '<', $file or croak "$file: $OS_ERROR";
    local $INPUT_RECORD_SEPARATOR = undef;
    my $content = <$handle>;
    close $handle or croak "$file: $OS_ERROR";
    return $content;
}

# How many CAs that are.
sub trusted {
    my ($self) = @_;
    return scalar(() = _content($ENV{SSL_CERT_FILE}) =~ /^-----BEGIN[ ]CERTIFICATE/gmx);
}

sub isp       { my ($self) = @_; return $self->{isp} }
sub simulator { my ($self) = @_; return $self->{simulator} }

sub export {
    my ($self, $client, $name) = @_;
    return $self->{exports}{$client}{$name};
}

sub _export {
    my ($self, $client, $name) = @_;
    my $simulator = $self->{simulator};
    my %option    = (
        client_id       => $simulator->client_id,
        client_password => $simulator->client_password,
        port            => $simulator->port,
        account_prefix  => 'FREESIDE',
        %{$DEFINITION{$name}},
    );
    return $self->{isp}->export(
        $TYPE{$client},
        machine     => $simulator->host,
        options     => \%option,
        definitions => [$self->definition($client, $name)],
    );
}

# The name of a definition, for one of the clients.
sub definition {
    my ($self, $client, $name) = @_;
    return "$name ($client)";
}

# From now on the server is so many milliseconds away, there and back.
sub away {
    my ($self, $milliseconds) = @_;
    if (my $relay = delete $self->{relay}) { $relay->stop }
    my $port = $self->{simulator}->port;
    if ($milliseconds) {
        $self->{relay} = Bench::Wire->start(to => $port, round_trip => $milliseconds);
        $port = $self->{relay}->port;
    }
    $self->_change_options(port => $port);
    return;
}

# From now on both clients trust one CA and no other: the option ca_file names
# it. With undef they trust what the system does, as they do by default.
sub trusting {
    my ($self, $ca_file) = @_;
    $self->_change_options(ca_file => $ca_file);
    return;
}

sub _change_options {
    my ($self, %option) = @_;
    foreach my $client (keys %TYPE) {
        foreach my $name (keys %DEFINITION) {
            $self->{exports}{$client}{$name} =
                $self->{isp}->change_options($self->export($client, $name), %option);
        }
    }
    return;
}

# A customer of a client's with so many services of one definition: custnum,
# package, the svcnums of the first and the last, and MagicMail's side of it, as
# JSON.
sub customer {
    my ($self, $client, $name, $size, $status) = @_;
    my $key = join q{ }, $client, $name, $size, $status || q{};
    return $self->{customers}{$key} ||=
        $self->_customer($client, $name, $size, $status);
}

sub _customer {
    my ($self, $client, $name, $size, $status) = @_;
    my $isp       = $self->{isp};
    my $cust_main = $isp->customer(first => 'Ann', last => 'Lee');
    my $package   = $isp->package($cust_main);
    my $custnum   = $cust_main->custnum;
    my %customer  = (custnum => $custnum, package => $package, client => $client);
    if ($size) {
        @customer{qw( first last )} = $isp->crowd(
            $package, $size,
            name       => "c$custnum-",
            definition => $self->definition($client, $name)
        );
        $self->_put_on_record(\%customer, $name);
    }
    $customer{state} = $self->{json}->encode(_state($custnum, $size, $DEFINITION{$name}, $status));
    return \%customer;
}

# As a hook does that provisions.
sub _put_on_record {
    my ($self, $customer, $name) = @_;
    my $exportnum = $self->export($customer->{client}, $name)->exportnum;
    in_transaction(
        sub {
            dbh->do(
                'INSERT INTO export_cust_svc (exportnum, svcnum, remoteid)'
                    . ' SELECT ?, svcnum, ? FROM cust_svc WHERE pkgnum = ?',
                {},
                $exportnum,
                "FREESIDE$customer->{custnum}",
                $customer->{package}->pkgnum
            ) or return dbh->errstr;
            return q{};
        }
    ) and croak dbh->errstr;
    return;
}

# What MagicMail has of such a customer.
sub _state {
    my ($custnum, $size, $definition, $status) = @_;
    my $account = "FREESIDE$custnum";
    my %state =
        (accounts => {}, users => {}, addresses => {}, domains => \@DOMAINS);
    return \%state if !$size;
    $state{accounts}{$account} =
        {first_name => 'Ann', last_name => 'Lee', status => 'active'};
    foreach my $number (1 .. $size) {
        my $name      = "c$custnum-$number";
        my $is_master = $number == 1;
        $state{users}{$name} = {
            account     => $account,
            first_name  => 'Number',
            last_name   => "$number",
            password    => 'secret12',
            master_user => $is_master ? 'Y' : 'N',
            status      => $status || 'active',
            packages    => [
                  $is_master
                ? $definition->{package}
                : 'ADDITIONAL NOCOST MAILBOX'
            ],
        };
        $state{addresses}{"$name\@example.net"} = $name;
    }
    return \%state;
}

sub service {
    my ($self, $svcnum) = @_;
    return scalar qsearchs('svc_acct', {svcnum => $svcnum});
}

# The server holds what it has of this customer, and nothing else; its log is
# empty.
sub put {
    my ($self, $customer) = @_;
    my $answer =
        $self->{http}->put($self->{simulator}->control_url . '/state', {content => $customer->{state}});
    croak "the simulator refuses a state: $answer->{content}"
        if !$answer->{success};
    $self->{simulator}->clear_log;
    return;
}

# Runs the code, which returns an error text or '', and takes back what Freeside
# wrote. Dies where it failed: what did not work is not to be measured.
sub and_back {
    my ($self, $code) = @_;
    my $error;
    in_transaction(sub { $error = $code->(); return 'taken back' });
    croak $error if $error;
    return;
}

1;
