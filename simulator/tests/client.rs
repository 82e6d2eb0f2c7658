//! A small HTTPS client that sees everything: how an answer was framed, and how the connection ended.

use magicmail_simulator::{Fault, Options, Server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// No test waits longer for anything.
pub const LIMIT: Duration = Duration::from_secs(10);
/// `freeside:secret`
pub const BASIC: &str = "Basic ZnJlZXNpZGU6c2VjcmV0";

pub fn start() -> Server {
    start_with(Options::default())
}

pub fn start_with(options: Options) -> Server {
    Server::start(options).expect("the simulator starts")
}

/// Trusts what the server wrote down.
pub fn trusting(server: &Server) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(server.ca_file()).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

pub struct Client {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It did not: the answer was whole before.
    Open,
    /// With TLS's close_notify.
    Notified,
    /// Without.
    BrokenOff,
}

#[derive(Debug)]
pub struct Got {
    pub status: u16,
    /// The lines of the head.
    pub head: String,
    pub body: String,
    pub end: End,
    /// By its framing, the answer is whole.
    pub whole: bool,
}

impl Client {
    pub fn to(server: &Server) -> Client {
        Client::with(server.address(), trusting(server)).expect("a connection")
    }

    pub fn with(address: SocketAddr, configuration: Arc<ClientConfig>) -> io::Result<Client> {
        let socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(LIMIT))?;
        let name = ServerName::from(address.ip());
        let mut stream =
            StreamOwned::new(ClientConnection::new(configuration, name).map_err(io::Error::other)?, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Client { stream, buffer: Vec::new() })
    }

    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    pub fn send_get(&mut self, target: &str) -> io::Result<()> {
        let mark = if target.contains('?') { '&' } else { '?' };
        self.send(&format!(
            "GET /api/v2{target}{mark}client_type=FREESIDE HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\r\n"
        ))
    }

    pub fn send_post(&mut self, path: &str, form: &str) -> io::Result<()> {
        let body = if form.is_empty() { String::new() } else { format!("&{form}") };
        let body = format!("client_type=FREESIDE{body}");
        self.send(&format!(
            "POST /api/v2{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BASIC}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    pub fn get(&mut self, target: &str) -> Got {
        self.send_get(target).expect("sent");
        self.read().expect("an answer")
    }

    pub fn post(&mut self, path: &str, form: &str) -> Got {
        self.send_post(path, form).expect("sent");
        self.read().expect("an answer")
    }

    /// None: no more comes, in this way.
    fn fill(&mut self) -> io::Result<Option<End>> {
        let mut piece = [0; 16 * 1024];
        match self.stream.read(&mut piece) {
            Ok(0) => Ok(Some(End::Notified)),
            Ok(read) => {
                self.buffer.extend_from_slice(&piece[..read]);
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(End::BrokenOff)),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Some(End::BrokenOff)),
            Err(error) => Err(error),
        }
    }

    /// How the connection ends, where nothing more is to come.
    pub fn end(&mut self) -> End {
        let end = self.fill().expect("an end");
        assert!(self.buffer.is_empty(), "{}", String::from_utf8_lossy(&self.buffer));
        end.unwrap_or(End::Open)
    }

    /// As much as comes, up to `most` bytes.
    pub fn read_some(&mut self, most: usize) -> Vec<u8> {
        while self.buffer.len() < most && self.fill().expect("bytes").is_none() {}
        std::mem::take(&mut self.buffer)
    }

    /// Everything up to what ends with `end`.
    pub fn read_until(&mut self, end: &str) -> String {
        while !self.buffer.ends_with(end.as_bytes()) && self.fill().expect("bytes").is_none() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.buffer)).into_owned()
    }

    /// Takes in so many bytes of TLS's own, of messages that hold up.
    pub fn read_beneath(&mut self, bytes: usize) -> io::Result<()> {
        let mut read = 0;
        while read < bytes {
            match self.stream.conn.read_tls(&mut self.stream.sock)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => read += more,
            }
            self.stream.conn.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Whether there is nothing to read for now.
    pub fn is_silent(&mut self) -> bool {
        self.stream.sock.set_nonblocking(true).expect("non-blocking");
        let silent = self.fill().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.stream.sock.set_nonblocking(false).expect("blocking");
        silent
    }

    /// The next answer; an error where not even its head came whole.
    pub fn read(&mut self) -> io::Result<Got> {
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at;
            }
            if let Some(end) = self.fill()? {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{end:?}")));
            }
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        self.buffer.drain(..head_end + 4);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut end = End::Open;
        let (body, whole) = loop {
            match take_body(&head, &mut self.buffer, end != End::Open) {
                Some(body) => break (body, true),
                None if end != End::Open => break (std::mem::take(&mut self.buffer), false),
                None => {}
            }
            if let Some(how) = self.fill()? {
                end = how;
            }
        };
        Ok(Got { status, head, body: String::from_utf8_lossy(&body).into_owned(), end, whole })
    }
}

/// The body, if it is whole.
fn take_body(head: &str, buffer: &mut Vec<u8>, ended: bool) -> Option<Vec<u8>> {
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    if let Some(length) = field("Content-Length: ") {
        let length: usize = length.parse().expect("a length");
        return (buffer.len() >= length).then(|| buffer.drain(..length).collect());
    }
    if field("Transfer-Encoding: chunked").is_none() {
        return ended.then(|| std::mem::take(buffer));
    }
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line = buffer[at..].windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&buffer[at..at + line]).ok()?, 16).ok()?;
        let start = at + line + 2;
        body.extend_from_slice(buffer.get(start..start + length)?);
        buffer.get(start + length..start + length + 2)?;
        at = start + length + 2;
        if length == 0 {
            buffer.drain(..at);
            return Some(body);
        }
    }
}

/// Waits until it is so; fails when it never is.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::yield_now();
    }
}

/// Whether the state has this account.
pub fn has_account(server: &Server, id: &str) -> bool {
    let state = serde_json::to_value(server.state()).expect("a document");
    state["accounts"].get(id).is_some()
}

/// Puts the faults of a JSON list.
pub fn put(server: &Server, faults: &Value) {
    server.set_faults(Fault::list(&faults.to_string()).expect("faults"));
}
