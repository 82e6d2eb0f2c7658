package FS::part_export::magicmail::Faults;

# What is wrong with the options of an export, as far as that can be told without the
# library: so that nothing bad is saved where it is not installed yet. The library
# makes the same checks at each call, in the same words, and more of them.

use strict;
use warnings;

# The longest timeout, in seconds, the longest first line of a file with a password, and
# the longest file with certificates.
my $LONGEST_TIMEOUT  = 3_600;
my $LONGEST_PASSWORD = 4_096;
my $LONGEST_CA_FILE  = 8 * 1_024 * 1_024;

# What a certificate in DER begins with, and how a file in that form is converted.
my $SEQUENCE = "\x30";
my $CONVERT  = 'a DER file is converted by `openssl x509 -inform der`';

# The checks in their order; each returns a text, or nothing.
my @CHECKS = (\&_machine, \&_client_id, \&_password, \&_port, \&_timeout, \&_ca_file);

# The first fault of complete options (see FS::part_export::magicmail::Options), or ''.
sub of {
    my ($options, $machine) = @_;
    foreach my $check (@CHECKS) {
        my $fault = $check->($options, $machine);
        return $fault if defined $fault;
    }
    return '';
}

sub _machine {
    my (undef, $machine) = @_;
    return 'the export has no machine: set its Hostname or IP Address' if $machine !~ m/\S/x;
    my ($name) = $machine =~ m/\A\s*(.*?)\s*\z/sx;
    return q{the export's Hostname or IP Address (machine) is no host name: give the name or address}
        . ' alone, without https:// or a path'
        if $name =~ m{[\s[:cntrl:]/@?\#\\"<>]}x;
    return;
}

sub _client_id {
    my ($options) = @_;
    my $client_id = $options->{client_id};
    return 'the export has no API Client ID (client_id)' if $client_id eq '';
    return
        q{the export's API Client ID (client_id) has a colon, which HTTP Basic authentication cannot carry}
        if $client_id =~ m/:/x;
    return;
}

sub _password {
    my ($options) = @_;
    my ($password, $file) = @{$options}{qw(client_password client_password_file)};
    if ($file eq '') {
        return if $password ne '';
        return 'the export has no API Client Password (client_password), nor a file with it'
            . ' (client_password_file)';
    }
    return 'the export has both an API Client Password (client_password) and a file with it'
        . ' (client_password_file): leave one of them empty'
        if $password ne '';
    my $why = _why_not_readable($file) || _why_no_password($file);
    return defined $why ? "the option client_password_file cannot be used: $file $why" : undef;
}

sub _port {
    my ($options) = @_;
    my ($port)    = $options->{port} =~ m/\A\s*[+]?(\d{1,9})\s*\z/x;
    return if $port && $port <= 65_535;
    return q{the export's Port (port) is not a number from 1 to 65535};
}

sub _timeout {
    my ($options) = @_;
    my ($seconds) = $options->{timeout} =~ m/\A\s*([+]?(?:\d+[.]?\d*|[.]\d+)(?:e[+-]?\d{1,3})?)\s*\z/ix;
    return if defined $seconds && $seconds > 0 && $seconds <= $LONGEST_TIMEOUT;
    return q{the export's timeout (seconds to wait for one request) is not a number above 0 and up to 3600};
}

sub _ca_file {
    my ($options) = @_;
    my $file = $options->{ca_file};
    return if $file eq '';
    my $why = _why_not_readable($file);
    if (defined $why) {
        $why =~ s/is[ ]not[ ]there/cannot be read: there is no such file/x;
    }
    else { $why = _why_no_certificate($file) }
    return defined $why ? "the option ca_file cannot be used: $file $why" : undef;
}

# Why a file cannot be used, to follow its name in a sentence; nothing if it can.
sub _why_not_readable {
    my ($name) = @_;
    my $file = $name;
    utf8::encode($file);
    return 'is not there'                   if !-e $file;
    return 'is not a file'                  if !-f _;
    return 'cannot be read by this process' if !-r _;
    return;
}

sub _why_no_password {
    my ($name) = @_;
    my $start = _start_of($name, $LONGEST_PASSWORD + 2);
    return 'cannot be read by this process' if !defined $start;
    my ($line) = split m/\r?\n/x, $start, 2;
    return 'has an empty first line'                               if !defined $line || $line eq '';
    return "has a first line of more than $LONGEST_PASSWORD bytes" if length $line > $LONGEST_PASSWORD;
    return 'is not valid UTF-8'                                    if !utf8::decode($line);
    return;
}

# The library also reads what is in the certificates.
sub _why_no_certificate {
    my ($name) = @_;
    my $text = _start_of($name, $LONGEST_CA_FILE + 1);
    return 'cannot be read by this process' if !defined $text;
    return 'is too long'                    if length $text > $LONGEST_CA_FILE;
    my @blocks = split m/^-----BEGIN[ ]CERTIFICATE-----[^\S\n]*$/mx, $text;
    shift @blocks;
    return "has no certificate in PEM form (-----BEGIN CERTIFICATE-----); $CONVERT" if !@blocks;
    my $usable = 0;

    foreach my $block (@blocks) {
        my ($base64) = $block =~ m{\A([A-Za-z0-9+/=\s]*)^-----END[ ]CERTIFICATE-----}mx
            or return 'is not well-formed PEM';
        require MIME::Base64;
        if (index(MIME::Base64::decode_base64($base64), $SEQUENCE) == 0) { $usable++ }
    }
    return $usable ? undef : 'has no X.509 certificate that can be read';
}

# So many bytes of a file at most; nothing if it cannot be read.
sub _start_of {
    my ($name, $longest) = @_;
    my $file = $name;
    utf8::encode($file);
    open my $handle, '<:raw', $file or return;
    my $start = '';
    my $read  = read $handle, $start, $longest;
    close $handle or return;
    return defined $read ? $start : undef;
}

1;
