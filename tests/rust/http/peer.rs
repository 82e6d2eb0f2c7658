//! A server for one test: it does what the test says, byte by byte, on 127.0.0.1, and ends with the test.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// No side of a test waits longer.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub struct Peer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    /// Connections that were accepted, and those that this side has not closed.
    accepted: AtomicUsize,
    open: AtomicUsize,
    resumed: AtomicUsize,
    seen: Mutex<Vec<Seen>>,
}

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// `POST /api/v2/user/jane HTTP/1.1`.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// How many reads it took to get all of it.
    pub reads: usize,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

impl Peer {
    /// Serves each connection, after its handshake, with `serve`.
    pub fn tls(config: ServerConfig, serve: impl Fn(Line) + Send + Sync + 'static) -> Peer {
        let config = Arc::new(config);
        Peer::raw(move |stream, shared| {
            let Ok(connection) = ServerConnection::new(config.clone()) else { return };
            let mut stream = StreamOwned::new(connection, stream);
            while stream.conn.is_handshaking() {
                if stream.conn.complete_io(&mut stream.sock).is_err() {
                    return;
                }
            }
            if stream.conn.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                shared.resumed.fetch_add(1, SeqCst);
            }
            serve(Line { stream, pending: Vec::new(), reads: 0, shared: Arc::clone(shared) });
        })
    }

    /// Serves each connection without TLS.
    pub fn plain(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Peer {
        Peer::raw(move |stream, _| serve(stream))
    }

    fn raw(serve: impl Fn(TcpStream, &Arc<Shared>) + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serve = Arc::new(serve);
        let kept = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                shared.accepted.fetch_add(1, SeqCst);
                shared.open.fetch_add(1, SeqCst);
                let (serve, shared) = (serve.clone(), shared.clone());
                thread::spawn(move || {
                    serve(stream, &shared);
                    shared.open.fetch_sub(1, SeqCst);
                });
            }
        });
        Peer { address, shared: kept }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(SeqCst)
    }

    /// Waits until this side has closed every connection.
    pub fn wait_until_closed(&self) {
        let end = Instant::now() + PATIENCE;
        while self.shared.open.load(SeqCst) > 0 {
            assert!(Instant::now() < end, "a connection stays open");
            thread::yield_now();
        }
    }

    /// Connections that this side has not closed.
    pub fn open(&self) -> usize {
        self.shared.open.load(SeqCst)
    }

    pub fn resumed(&self) -> usize {
        self.shared.resumed.load(SeqCst)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, SeqCst);
        // Wakes the listener up.
        let _ = TcpStream::connect(self.address);
    }
}

/// Sends a byte at each `pause`, until the other side has enough.
pub fn drip(stream: &mut TcpStream, bytes: &[u8], pause: Duration) {
    for byte in bytes {
        thread::sleep(pause);
        if stream.write_all(&[*byte]).is_err() {
            return;
        }
    }
}

/// A connection to the client under test.
pub struct Line {
    stream: StreamOwned<ServerConnection, TcpStream>,
    pending: Vec<u8>,
    reads: usize,
    shared: Arc<Shared>,
}

impl Line {
    /// The next request, whole; None when the client has closed the connection.
    pub fn request(&mut self) -> Option<Seen> {
        self.reads = 0;
        let head_end = loop {
            if let Some(at) = self.pending.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill()?;
        };
        let head = String::from_utf8(self.pending[..head_end].to_vec()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let headers: Vec<(String, String)> = lines
            .map(|header| header.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut seen = Seen { line, headers, ..Seen::default() };
        let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.pending.len() < head_end + length {
            self.fill()?;
        }
        seen.body = String::from_utf8(self.pending[head_end..head_end + length].to_vec()).unwrap();
        self.pending.drain(..head_end + length);
        seen.reads = self.reads;
        self.shared.seen.lock().unwrap().push(seen.clone());
        Some(seen)
    }

    /// Waits for the first bytes of a request.
    pub fn begin_request(&mut self) {
        self.fill();
    }

    /// Ends this side's half of the TCP connection, without TLS's goodbye.
    pub fn half_close(&mut self) {
        let _ = self.stream.sock.shutdown(Shutdown::Write);
    }

    fn fill(&mut self) -> Option<()> {
        let mut buffer = [0; 65_536];
        self.reads += 1;
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.pending.extend_from_slice(&buffer[..n]);
                Some(())
            }
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Sends `bytes` in one TLS record, of which a byte comes at each `pause`.
    pub fn drip_record(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) {
        self.stream.conn.writer().write_all(bytes.as_ref()).unwrap();
        let mut record = Vec::new();
        self.stream.conn.write_tls(&mut record).unwrap();
        drip(&mut self.stream.sock, &record, pause);
    }

    /// A whole answer with a Content-Length.
    pub fn answer(&mut self, body: &str) -> io::Result<()> {
        self.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// Answers every request with `body`, until the client closes.
    pub fn answer_all(&mut self, body: &str) {
        while self.request().is_some() && self.answer(body).is_ok() {}
    }

    /// Says goodbye as TLS demands, and closes.
    pub fn close_notify(mut self) {
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
    }

    /// Closes with a TCP reset: an unread byte makes the system send one, and so does a linger of zero.
    pub fn reset(self) {
        let linger = libc::linger { l_onoff: 1, l_linger: 0 };
        let fd = std::os::fd::AsRawFd::as_raw_fd(&self.stream.sock);
        let size = libc::socklen_t::try_from(std::mem::size_of::<libc::linger>()).unwrap();
        // SAFETY: `fd` is this connection's socket, open until `self` is dropped; the option's value is a
        // `linger` of the size given.
        let set = unsafe {
            libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, std::ptr::from_ref(&linger).cast(), size)
        };
        assert_eq!(set, 0);
    }

    /// What the connection is encrypted with from now on, and its socket.
    pub fn into_secrets(self) -> (rustls::ExtractedSecrets, TcpStream) {
        (self.stream.conn.dangerous_extract_secrets().unwrap(), self.stream.sock)
    }

    /// Waits until the client has closed the connection.
    pub fn wait_for_close(mut self) {
        while self.fill().is_some() {}
    }
}
