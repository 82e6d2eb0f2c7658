//! The listening port. It can be closed, so that connections are refused, and opened again; the port stays
//! ours meanwhile.

use crate::stopper::locked;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Condvar, Mutex, PoisonError};

const BACKLOG: i32 = 128;
const MOST_TRIES: u32 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Open,
    Closed,
    /// It will not be opened again.
    Gone,
}

pub struct Port {
    listener: TcpListener,
    address: SocketAddr,
    door: Mutex<Door>,
    changed: Condvar,
}

impl Port {
    pub fn bind(address: SocketAddr) -> io::Result<Port> {
        let (listener, address) = match address.port() {
            0 => bind_one_of(|| TcpListener::bind(address)?.local_addr())?,
            _ => (TcpListener::bind(address)?, address),
        };
        Ok(Port { listener, address, door: Mutex::new(Door::Open), changed: Condvar::new() })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, after `enter` has seen it; waits while the door is closed. None: it is closed
    /// for good. The door does not close while `enter` runs, so whoever closes it finds everybody who came in.
    pub fn accept<T>(&self, enter: impl Fn(TcpStream) -> Option<T>) -> Option<T> {
        loop {
            let mut door = locked(&self.door);
            while *door == Door::Closed {
                door = self.changed.wait(door).unwrap_or_else(PoisonError::into_inner);
            }
            if *door == Door::Gone {
                return None;
            }
            drop(door);
            // An error is what a closing door gives, or a client that has gone already.
            let Ok((stream, _)) = self.listener.accept() else { continue };
            let door = locked(&self.door);
            if *door != Door::Open {
                continue;
            }
            if let Some(entered) = enter(stream) {
                return Some(entered);
            }
        }
    }

    pub fn close(&self) {
        self.set(Door::Closed);
    }

    pub fn close_for_good(&self) {
        self.set(Door::Gone);
    }

    pub fn open(&self) {
        self.set(Door::Open);
    }

    fn set(&self, wanted: Door) {
        let mut door = locked(&self.door);
        if *door == wanted || *door == Door::Gone {
            return;
        }
        match (*door, wanted) {
            (Door::Closed, Door::Open) => listen(&self.listener),
            (Door::Open, _) => self.refuse(),
            _ => {}
        }
        *door = wanted;
        self.changed.notify_all();
    }

    /// A listening socket that is shut down listens no more, resets who waits for it to accept, and stays bound.
    fn refuse(&self) {
        if let Ok(listener) = self.listener.try_clone() {
            let _ = TcpStream::from(OwnedFd::from(listener)).shutdown(Shutdown::Both);
        }
    }
}

/// A port that the system chose would be given back at the first `close`; one that was asked for is not. So
/// what `free` names is asked for, unless somebody was quicker: then another one.
fn bind_one_of(mut free: impl FnMut() -> io::Result<SocketAddr>) -> io::Result<(TcpListener, SocketAddr)> {
    let mut tries = 0;
    loop {
        let address = free()?;
        tries += 1;
        match TcpListener::bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < MOST_TRIES => {}
            bound => return Ok((bound?, address)),
        }
    }
}

#[allow(unsafe_code)]
fn listen(listener: &TcpListener) {
    // SAFETY: the descriptor is open, the listener owns it. std has no call for a socket that is bound already.
    unsafe {
        libc::listen(listener.as_raw_fd(), BACKLOG);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn a_port_that_somebody_else_took_meanwhile_is_passed_over() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let taken = TcpListener::bind(any).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (taken, _listener) = taken.expect("a port");
        let mut named =
            vec![TcpListener::bind(any).and_then(|l| l.local_addr()).expect("a port"), taken, taken];
        let (_, found) = bind_one_of(|| named.pop().ok_or(io::ErrorKind::Other.into())).expect("a port");
        assert_ne!(found, taken);
        assert!(named.is_empty());
    }
}
