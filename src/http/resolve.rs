//! Host names to addresses, within a limit of time.
//!
//! The system's resolver cannot be told a limit, so it runs in a thread of its own; one that is not done in time
//! is left to finish by itself, and its result is dropped.

use super::signals;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Why a name has no address.
pub enum Unresolved {
    /// The system's own words.
    Failed(io::Error),
    Timeout,
}

/// The addresses of `host`, an IP address or a name, in the order to try them. Never empty.
pub fn resolve(host: &str, port: u16, until: Instant) -> Result<Vec<SocketAddr>, Unresolved> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = channel();
    let name = (host.to_owned(), port);
    let lookup = move || {
        let found = (&*name.0, name.1).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // The other end is gone where the time was over.
        let _ = sender.send(found);
    };
    signals::blocked(|| thread::Builder::new().spawn(lookup)).map_err(Unresolved::Failed)?;
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    match receiver.recv_timeout(left) {
        Ok(Ok(addresses)) if addresses.is_empty() => {
            Err(Unresolved::Failed(io::Error::other("the name is known, but has no address")))
        }
        Ok(found) => found.map_err(Unresolved::Failed),
        Err(RecvTimeoutError::Timeout) => Err(Unresolved::Timeout),
        Err(RecvTimeoutError::Disconnected) => {
            Err(Unresolved::Failed(io::Error::other("the look-up broke off")))
        }
    }
}
