package Bench::Wire;

# A long way to the server: a relay, in a process of its own, that delivers all
# bytes later, in both directions, and lets a new connection wait for the round
# trip that TCP's own handshake would take. It ends with the process that
# started it.

use strict;
use warnings;

use Carp qw( croak );
use IO::Select;
use IO::Socket::INET;
use POSIX       ();
use Socket      ();
use Time::HiRes qw( time );

my $CHUNK = 65_536;

# to => port of the server on this machine, round_trip => milliseconds.
sub start {
    my ($class, %option) = @_;
    my $listener = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1')
        or croak "no port for the relay: $@";
    pipe my $leash, my $hand or croak "pipe: $!";
    my $process = fork;
    croak "fork: $!" if !defined $process;
    if (!$process) {
        close $hand;
        eval { _relay($listener, $leash, $option{to}, $option{round_trip} / 1_000); 1 }
            or POSIX::_exit(1);
        POSIX::_exit(0);
    }
    close $leash;
    return bless {process => $process, hand => $hand, port => $listener->sockport}, $class;
}

sub port { my ($self) = @_; return $self->{port} }

sub stop {
    my ($self) = @_;
    return if !$self->{hand};
    close delete $self->{hand};
    waitpid $self->{process}, 0;
    return;
}

# Each end of a connection is { socket, peer, queue, delay }; what is read at
# one end waits in the queue of the other, as [ moment, bytes ].
sub _relay {
    my ($listener, $leash, $port, $round_trip) = @_;
    my %ends;
    my $readable = IO::Select->new($listener, $leash);
    while (1) {
        foreach my $socket ($readable->can_read(_next_delivery(\%ends))) {
            return if $socket == $leash;
            if ($socket == $listener) {
                _accept($listener, $port, $round_trip, \%ends, $readable);
            }
            else { _take_in($ends{$socket}, $readable) }
        }
        _deliver(\%ends);
    }
    return;
}

sub _accept {
    my ($listener, $port, $round_trip, $ends, $readable) = @_;
    my $client = $listener->accept                                                 or return;
    my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or return;
    foreach my $socket ($client, $server) {
        $socket->setsockopt(Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1);
        $ends->{$socket} = {socket => $socket, queue => [], trip => $round_trip / 2};
        $readable->add($socket);
    }
    $ends->{$client}{peer} = $ends->{$server};
    $ends->{$server}{peer} = $ends->{$client};

    # The client believes to be connected already.
    $ends->{$client}{not_before} = time + 1.5 * $round_trip;
    return;
}

sub _take_in {
    my ($end, $readable) = @_;
    my $bytes;
    my $length = sysread $end->{socket}, $bytes, $CHUNK;
    my $moment = time + $end->{trip};
    if (defined $end->{not_before} && $moment < $end->{not_before}) {
        $moment = $end->{not_before};
    }
    if (!$length) {
        $readable->remove($end->{socket});
        $bytes = undef;
    }
    push @{$end->{peer}{queue}}, [$moment, $bytes];
    return;
}

sub _next_delivery {
    my ($ends)  = @_;
    my ($first) = sort { $a <=> $b } map { $_->{queue}[0][0] } grep { @{$_->{queue}} } values %{$ends};
    return if !defined $first;
    my $wait = $first - time;
    return $wait > 0 ? $wait : 0;
}

sub _deliver {
    my ($ends) = @_;
    my $now = time;
    foreach my $end (values %{$ends}) {
        while (@{$end->{queue}} && $end->{queue}[0][0] <= $now) {
            my (undef, $bytes) = @{shift @{$end->{queue}}};
            if (defined $bytes) { $end->{socket}->print($bytes) && $end->{socket}->flush }
            else {
                $end->{socket}->shutdown(1);
                $end->{is_done} = 1;
            }
        }
    }
    foreach my $key (keys %{$ends}) {
        my $end = $ends->{$key};
        if ($end->{is_done} && $end->{peer}{is_done}) {
            delete @{$ends}{"$end->{socket}", "$end->{peer}{socket}"};
        }
    }
    return;
}

1;
