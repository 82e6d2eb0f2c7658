//! From a server's name to a TLS connection: look-up, TCP, handshake, all of it within one limit.

use super::line::{Line, Notes};
use super::reach::reach;
use super::resolve::resolve;
use super::server::Server;
use super::socket::Socket;
use super::words;
use crate::wire::Failure;
use once_cell::sync::OnceCell;
use rustls::{ClientConfig, ClientConnection};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// What the connections of a handle share, in one process: a lock of another process could be locked for ever.
pub struct Shared {
    pub server: Arc<Server>,
    /// A connection that is older is not used again.
    longest_age: Duration,
    /// Made at the first connection; its sessions are resumed by all.
    tls: OnceCell<Arc<ClientConfig>>,
    addresses: Mutex<Addresses>,
}

impl Shared {
    pub fn new(server: Arc<Server>, longest_age: Duration) -> Shared {
        Shared { server, longest_age, tls: OnceCell::new(), addresses: Mutex::default() }
    }

    fn addresses(&self) -> MutexGuard<'_, Addresses> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the server's addresses fared.
#[derive(Default)]
struct Addresses {
    answered: Option<SocketAddr>,
    failed: Option<SocketAddr>,
}

impl Addresses {
    fn note(&mut self, address: SocketAddr, answered: bool) {
        let (now, before) = match answered {
            true => (&mut self.answered, &mut self.failed),
            false => (&mut self.failed, &mut self.answered),
        };
        *now = Some(address);
        before.take_if(|other| *other == address);
    }

    /// The one that answered last first, the one that failed last at the end.
    fn sort(&self, addresses: &mut [SocketAddr]) {
        addresses.sort_by_key(|address| match Some(*address) {
            found if found == self.answered => 0,
            found if found == self.failed => 2,
            _ => 1,
        });
    }
}

/// Makes the connections of one lane.
pub struct Dial {
    pub shared: Arc<Shared>,
    pub notes: Arc<Notes>,
}

impl Connector for Dial {
    type Out = Line;

    fn connect(&self, details: &ConnectionDetails, _: Option<()>) -> Result<Option<Line>, ureq::Error> {
        self.notes.note_fresh();
        // ureq's limit for this step, or what is left of the request's.
        let limit = (*details.timeout.after).min(self.shared.server.connect_limit);
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
        let now = Instant::now();
        let until = now.checked_add(limit).unwrap_or(now);
        let server = &*self.shared.server;
        let addresses = resolve(&server.host, server.port, until)
            .map_err(|why| words::of_look_up(&why, server, limit))?;
        self.dial_one_of(addresses, limit, until)
    }

    fn dial_one_of(
        &self,
        mut addresses: Vec<SocketAddr>,
        limit: Duration,
        until: Instant,
    ) -> Result<Line, Failure> {
        let server = &*self.shared.server;
        let config = self.shared.tls.get_or_try_init(|| super::tls::client_config(&server.trust))?;
        self.shared.addresses().sort(&mut addresses);
        let (stream, address) = reach(&addresses, until)
            .map_err(|error| words::of_connecting(&error, server, addresses.len(), limit))?;
        let tls = ClientConnection::new(config.clone(), server.name.clone())
            .map_err(|error| words::of_tls(&error, server))?;
        let shaken = shake_hands(tls, Socket::new(stream, until));
        // Whatever a server says, even that it does not want to, is an answer.
        let answered = !shaken.as_ref().is_err_and(|error| error.get_ref().is_none());
        self.shared.addresses().note(address, answered);
        let (tls, socket) = shaken.map_err(|error| words::of_handshake(&error, server, limit))?;
        Ok(Line::new(tls, socket, self.notes.clone(), self.shared.longest_age))
    }
}

fn shake_hands(mut tls: ClientConnection, mut socket: Socket) -> io::Result<(ClientConnection, Socket)> {
    tls.complete_io(&mut socket)?;
    match tls.is_handshaking() {
        false => Ok((tls, socket)),
        true => Err(ErrorKind::UnexpectedEof.into()),
    }
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
    use crate::http::Endpoint;
    use crate::secret::Secret;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    /// Answers each connection with `bytes`, and closes it.
    fn listener(bytes: &'static [u8]) -> (SocketAddr, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                *counted.lock().unwrap() += 1;
                let mut stream = stream.unwrap();
                // What is left unread would make of the close a reset.
                let _ = stream.read(&mut [0; 16_384]);
                stream.write_all(bytes).unwrap();
            }
        });
        (address, count)
    }

    #[test]
    fn an_address_that_fails_is_not_tried_first_again() {
        let endpoint = Endpoint {
            machine: "127.0.0.1".to_owned(),
            port: 443,
            client_id: String::new(),
            client_password: Secret::default(),
            ca_file: None,
            tls_insecure: true,
            connect_limit: Duration::from_secs(20),
            body_limit: 0,
        };
        let server = Arc::new(Server::new(&endpoint).unwrap());
        let shared = Arc::new(Shared::new(server, Duration::ZERO));
        let dial = Dial { shared, notes: Arc::default() };
        let (bad, bad_count) = listener(b"");
        // Its answer: an alert, that it does not want to.
        let (good, good_count) = listener(b"\x15\x03\x03\x00\x02\x02\x28");
        for _ in 0..4 {
            let limit = Duration::from_secs(20);
            dial.dial_one_of(vec![bad, good], limit, Instant::now() + limit).unwrap_err();
        }
        assert_eq!((*bad_count.lock().unwrap(), *good_count.lock().unwrap()), (1, 3));
    }

    #[test]
    fn the_address_that_answered_last_is_first_and_the_one_that_failed_last_last() {
        let [a, b, c] = [1, 2, 3].map(|n| SocketAddr::from(([192, 0, 2, n], 443)));
        let sorted = |notes: &[(SocketAddr, bool)]| {
            let mut known = Addresses::default();
            notes.iter().for_each(|&(address, answered)| known.note(address, answered));
            let mut addresses = [a, b, c];
            known.sort(&mut addresses);
            addresses
        };
        assert_eq!(sorted(&[]), [a, b, c]);
        assert_eq!(sorted(&[(c, true)]), [c, a, b]);
        assert_eq!(sorted(&[(a, false)]), [b, c, a]);
        assert_eq!(sorted(&[(c, true), (a, false)]), [c, b, a]);
        assert_eq!(sorted(&[(a, true), (a, false)]), [b, c, a]);
        assert_eq!(sorted(&[(a, false), (a, true)]), [a, b, c]);
    }
}
