package Rule::Secrets;

# Finds secrets in texts, in every way in which they may have got there: as they
# are, in Base64 (alone and behind the client's id), escaped for a URL, a form,
# XML or JSON, as characters or as UTF-8.

use strict;
use warnings;

use MIME::Base64 qw( encode_base64 );

# Shorter ones stand in innocent words.
my $SHORTEST = 6;

# With a client of the API, or without.
sub new {
    my ($class, @client) = @_;
    my $self = bless {forms => {}}, $class;
    if (@client) { $self->add_client(@client) }
    return $self;
}

sub add_client {
    my ($self, $client_id, $client_password) = @_;
    $self->add($client_password);
    my $credentials = _bytes("$client_id:$client_password");
    $self->_add_form(encode_base64($credentials, q{}));
    return;
}

sub _add_form {
    my ($self, $form) = @_;
    if (!$self->{forms}{$form}) { delete $self->{any} }
    $self->{forms}{$form} = 1;
    return;
}

sub add {
    my ($self, @secrets) = @_;
    for my $secret (grep { defined && length >= $SHORTEST } @secrets) {
        my $bytes   = _bytes($secret);
        my $percent = $bytes   =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/gerx;
        my $plus    = $percent =~ s/%20/+/grx;
        my $xml     = _xml($secret);
        my $json    = $secret =~ s/(["\\])/\\$1/grx;
        for my $form ($secret, $bytes, $percent, lc $percent, $plus, $xml, _bytes($xml), $json,
            encode_base64($bytes, q{}))
        {
            $self->_add_form($form);
        }
    }
    return;
}

sub shown_in {
    my ($self, $text) = @_;
    return if !defined $text || !%{$self->{forms}};
    if (!$self->{any}) {
        my $any = join q{|}, map { quotemeta } sort keys %{$self->{forms}};
        $self->{any} = qr/$any/x;
    }
    return $text =~ $self->{any};
}

sub _bytes {
    my ($text) = @_;
    utf8::encode($text);
    return $text;
}

sub _xml {
    my ($text) = @_;
    my %entity = (q{&} => '&amp;', q{<} => '&lt;', q{>} => '&gt;', q{"} => '&quot;', q{'} => '&apos;');
    return $text =~ s/([&<>"'])/$entity{$1}/grx;
}

1;
