//! TCP connections to a server of several addresses: one that does not answer costs a moment, not the whole time.
#![allow(unsafe_code)]

use std::io::{self, ErrorKind};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// After this, the next address is tried too, beside the one that does not answer.
const HEAD_START: Duration = Duration::from_millis(250);

/// A connection to the first of `addresses` that answers, which are tried in their order; each starts when the one
/// before has failed, or has not answered for a moment.
pub fn reach(addresses: &[SocketAddr], until: Instant) -> io::Result<(TcpStream, SocketAddr)> {
    let mut waiting = addresses.iter().copied();
    let mut attempts: Vec<(TcpStream, SocketAddr)> = Vec::new();
    let mut failed = io::Error::from(ErrorKind::AddrNotAvailable);
    let mut next_start = Instant::now();
    loop {
        let now = Instant::now();
        if now >= until {
            return Err(ErrorKind::TimedOut.into());
        }
        if now >= next_start {
            if let Some(address) = waiting.next() {
                match begin(address) {
                    Ok(stream) => {
                        attempts.push((stream, address));
                        next_start = now + HEAD_START;
                    }
                    Err(error) => failed = error,
                }
                continue;
            }
        }
        if attempts.is_empty() && waiting.len() == 0 {
            return Err(failed);
        }
        let wake = if waiting.len() == 0 { until } else { until.min(next_start) };
        for i in ready(&attempts, wake)?.into_iter().rev() {
            let (stream, address) = attempts.remove(i);
            match finish(&stream) {
                Ok(()) => return Ok((stream, address)),
                Err(error) => {
                    failed = error;
                    next_start = now;
                }
            }
        }
    }
}

/// Starts to connect, and does not wait.
fn begin(address: SocketAddr) -> io::Result<TcpStream> {
    let (family, v4, v6) = match address {
        SocketAddr::V4(v4) => (libc::AF_INET, Some(v4), None),
        SocketAddr::V6(v6) => (libc::AF_INET6, None, Some(v6)),
    };
    // SAFETY: socket has no preconditions; what it returns, unless it is negative, is a new descriptor that nobody
    // else owns.
    let socket = unsafe {
        let number = libc::socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        OwnedFd::from_raw_fd(number)
    };
    let result = match (v4, v6) {
        (Some(v4), _) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            connect(&socket, &address)
        }
        (_, Some(v6)) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            connect(&socket, &address)
        }
        (None, None) => Ok(()),
    };
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

/// `A` is one of the system's types of addresses.
fn connect<A>(socket: &OwnedFd, address: &A) -> io::Result<()> {
    let length = mem::size_of::<A>() as libc::socklen_t;
    // SAFETY: the descriptor is open, and `address` is a whole address of the length given, whose family tells the
    // system which; it is only read.
    match unsafe { libc::connect(socket.as_raw_fd(), std::ptr::from_ref(address).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Which of the attempts have ended, well or not; none after `wake`, and perhaps none after a signal.
fn ready(attempts: &[(TcpStream, SocketAddr)], wake: Instant) -> io::Result<Vec<usize>> {
    let entry = |(stream, _): &(TcpStream, SocketAddr)| libc::pollfd {
        fd: stream.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    let mut entries: Vec<libc::pollfd> = attempts.iter().map(entry).collect();
    // Rounded up, so that this does not spin through the last millisecond.
    let left = wake.saturating_duration_since(Instant::now()).as_millis().saturating_add(1);
    let left = i32::try_from(left).unwrap_or(i32::MAX);
    // SAFETY: `entries` is as long as said, and each has the descriptor of an open stream.
    if unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, left) } < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == ErrorKind::Interrupted { Ok(Vec::new()) } else { Err(error) };
    }
    Ok((0..entries.len()).filter(|&i| entries[i].revents != 0).collect())
}

/// Looks what became of an attempt, and makes its stream one that waits.
fn finish(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    stream.peer_addr()?;
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    stream.set_nonblocking(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// A listener whose queue is full: the system answers no further attempt.
    fn silent() -> (Vec<TcpStream>, TcpListener, SocketAddr) {
        let (listener, address) = listener();
        // SAFETY: the descriptor is the listener's; listen only changes the length of its queue.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
        }
        (waiting, listener, address)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn an_address_that_refuses_leaves_the_next_one_its_turn() {
        let (_good, good) = listener();
        let closed = listener().1;
        assert_eq!(reach(&[closed, good], soon()).unwrap().1, good);
        assert_eq!(reach(&[closed, closed], soon()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(reach(&[good], Instant::now()).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(reach(&[], soon()).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    }

    #[test]
    fn an_address_that_is_silent_costs_a_moment_and_not_half_the_time() {
        let (_waiting, _listener, dead) = silent();
        let (_good, good) = listener();
        let started = Instant::now();
        assert_eq!(reach(&[dead, good], soon()).unwrap().1, good);
        let took = started.elapsed();
        // Half of the time would be ten seconds.
        assert!(took >= HEAD_START && took < Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn addresses_that_are_all_silent_end_with_the_time() {
        let (_waiting, _listener, dead) = silent();
        let until = Instant::now() + Duration::from_millis(400);
        assert_eq!(reach(&[dead, dead], until).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(Instant::now() >= until);
    }

    #[test]
    fn an_ipv6_address_is_reached_and_the_stream_waits_for_bytes() {
        let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
        let address = listener.local_addr().unwrap();
        let (stream, _) = reach(&[address], soon()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        let accepted = std::thread::spawn(move || {
            std::io::Write::write_all(&mut listener.accept().unwrap().0, b"x").unwrap();
        });
        assert_eq!(std::io::Read::read(&mut &stream, &mut [0; 4]).unwrap(), 1);
        accepted.join().unwrap();
    }
}
