package Bench::PlainClient;

# MagicMail's protocol in the plain way: a request has a TLS connection of its
# own, and the next one waits for its answer. What the export is measured
# against.

use strict;
use warnings;

use IO::Socket::SSL;
use MIME::Base64 qw( encode_base64 );

# machine, port, client_id, client_password, and ca_file where not the system's
# CAs are to be trusted.
sub new {
    my ($class, %option) = @_;
    my $authorization = encode_base64("$option{client_id}:$option{client_password}", q{});
    return bless {%option, authorization => $authorization}, $class;
}

sub get {
    my ($self, $path, %parameter) = @_;
    return $self->_request(GET => $path, \%parameter);
}

sub post {
    my ($self, $path, %parameter) = @_;
    my $document = $self->_request(POST => $path, \%parameter);
    my $error    = error_code($document);
    die "POST $path: $error\n" if defined $error;
    return $document;
}

sub _request {
    my ($self, $method, $path, $parameter) = @_;
    my %parameter = (client_type => 'FREESIDE', %{$parameter});
    my $form      = join q{&}, map { _escaped($_) . q{=} . _escaped($parameter{$_}) }
        sort keys %parameter;
    my $url  = '/api/v2' . join q{}, map { q{/} . _escaped($_) } split m{/}x, $path;
    my $body = q{};
    my @head = (
        "Host: $self->{machine}:$self->{port}",
        "Authorization: Basic $self->{authorization}",
        'Connection: close'
    );
    if ($method eq 'GET') { $url .= "?$form" }
    else {
        $body = $form;
        push @head, 'Content-Type: application/x-www-form-urlencoded', 'Content-Length: ' . length $body;
    }
    my $answer = $self->_exchange(join "\r\n", "$method $url HTTP/1.1", @head, q{}, $body);
    my ($status, $document) = $answer =~ m{\A HTTP/1[.]\d [ ] (\d+) .*? \r\n\r\n (.*) \z}xs;
    die "$method $path: no answer\n" if !defined $status;
    die "$method $path: $status\n"   if $status !~ /\A (?: 200|400|500 ) \z/x;
    return $document;
}

sub _exchange {
    my ($self, $request) = @_;
    my $socket = IO::Socket::SSL->new(
        PeerHost => $self->{machine},
        PeerPort => $self->{port},
        $self->{ca_file} ? (SSL_ca_file => $self->{ca_file}) : (),
        Timeout => 20,
    ) or die "no connection: $IO::Socket::SSL::SSL_ERROR\n";
    $socket->syswrite($request) or die "not sent\n";
    my $answer = q{};
    1 while $socket->sysread($answer, 65_536, length $answer);
    $socket->close;
    return $answer;
}

sub _escaped {
    my ($text) = @_;
    utf8::encode($text);
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/gex;
    return $text;
}

# The code of the error in a document; undef where there is none.
sub error_code {
    my ($document) = @_;
    return
          $document =~ m{<error\b .*? <code> ([^<]*) </code>}xs ? $1
        : $document =~ m{<error\b [^>]* \b code="([^"]*)"}xs    ? $1
        :                                                         undef;
}

# The records of a kind in a document, each a hashref of its attributes.
sub records {
    my ($document, $kind) = @_;
    my @records;
    while ($document =~ m{<$kind\b ( (?: \s+ [\w-]+ = "[^"]*" )* )}gx) {
        my %field = $1 =~ m{([\w-]+) = "([^"]*)"}gx;
        push @records, \%field if %field;
    }
    return @records;
}

1;
