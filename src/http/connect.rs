//! From a server's name to a TLS connection: look-up, TCP, handshake, all of it within one limit.

use super::line::{Line, Notes, Socket};
use super::resolve::{resolve, Unresolved};
use super::server::Server;
use super::words;
use crate::wire::{Failure, FailureKind};
use once_cell::sync::OnceCell;
use rustls::{ClientConfig, ClientConnection};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

/// A failure in this library's own words, on its way through ureq.
#[derive(Debug)]
pub struct Told(pub Failure);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Told {}

/// Makes the connections of one lane.
pub struct Dial {
    pub server: Arc<Server>,
    pub notes: Arc<Notes>,
    /// Made at the first connection; shared by the lanes of a process, so that they resume each other's sessions.
    pub tls: Arc<OnceCell<Arc<ClientConfig>>>,
}

impl Connector for Dial {
    type Out = Line;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Line>, ureq::Error> {
        self.notes.note_fresh();
        // ureq's limit for this step, or what is left of the request's.
        let limit = (*details.timeout.after).min(self.server.connect_limit);
        self.dial(limit).map(Some).map_err(|failure| ureq::Error::Other(Box::new(Told(failure))))
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dial")
    }
}

/// Makes no connection.
#[derive(Debug)]
pub struct NoConnection;

impl Connector for NoConnection {
    type Out = Line;

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<Line>, ureq::Error> {
        Ok(None)
    }
}

impl Dial {
    fn dial(&self, limit: Duration) -> Result<Line, Failure> {
        let until = Instant::now() + limit;
        let server = &*self.server;
        let config = self
            .tls
            .get_or_try_init(|| super::tls::client_config(&server.trust))
            .map_err(|text| Failure { kind: FailureKind::Certificate, text })?;
        let addresses =
            resolve(&server.host, server.port, until).map_err(|why| unresolved(why, server, limit))?;
        let stream = reach_any(&addresses, until)
            .map_err(|error| words::of_connecting(&error, server, addresses.len(), limit))?;
        let mut tls = ClientConnection::new(config.clone(), server.name.clone())
            .map_err(|error| words::of_tls(&error, server))?;
        let mut socket = Socket::new(stream, until);
        match tls.complete_io(&mut socket) {
            Ok(_) if !tls.is_handshaking() => Ok(Line::new(tls, socket, self.notes.clone())),
            Ok(_) => Err(words::of_handshake(&ErrorKind::UnexpectedEof.into(), server, limit)),
            Err(error) => Err(words::of_handshake(&error, server, limit)),
        }
    }
}

fn unresolved(why: Unresolved, server: &Server, limit: Duration) -> Failure {
    let host = &server.host;
    let text = match why {
        Unresolved::Failed(error) => {
            format!(
                "the host name {host} has no address ({}); check the option machine",
                words::of_io(&error)
            )
        }
        Unresolved::Timeout => {
            format!("the address of {host} could not be looked up within {}", words::seconds(limit))
        }
    };
    Failure { kind: FailureKind::Name, text }
}

/// Tries one address after the other. Each but the last has half of the time that is left, so that one that
/// swallows packets leaves time for the others.
fn reach_any(addresses: &[SocketAddr], until: Instant) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(ErrorKind::AddrNotAvailable);
    for (i, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = if i + 1 == addresses.len() { left } else { left / 2 };
        if share.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                // Only speed depends on it.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// ureq asks for addresses at every request, also where it has a connection already; so the look-up is the
/// connector's, and this answers with something that nobody looks at.
#[derive(Debug)]
pub struct NoLookup;

impl Resolver for NoLookup {
    fn resolve(
        &self,
        _: &Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from(([0, 0, 0, 0], 0)));
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn an_address_that_refuses_leaves_the_next_one_its_turn() {
        let good = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let until = Instant::now() + Duration::from_secs(5);
        let good = good.local_addr().unwrap();
        assert_eq!(reach_any(&[closed, good], until).unwrap().peer_addr().unwrap(), good);
        assert_eq!(reach_any(&[closed, closed], until).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(reach_any(&[good], Instant::now()).unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
