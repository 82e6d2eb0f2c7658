//! One TLS connection as ureq's transport, and the notes it takes of the request that is on it.
//!
//! ureq writes a request's head and its body one after the other. Sent so, they would wait for each other
//! (Nagle's algorithm and delayed acknowledgement: 40 ms); so what is to be sent is gathered here, and leaves in
//! one write when the answer is waited for.

use super::socket::Socket;
use rustls::ClientConnection;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};
use ureq::Error;
use zeroize::Zeroize;

/// What has happened to the request on a lane. ureq's errors do not tell, so its connection does.
#[derive(Default)]
pub struct Notes {
    fresh: AtomicBool,
    sent: AtomicBool,
    heard: AtomicBool,
    ended_cleanly: AtomicBool,
    /// How many bytes the server may still send, as they are on the wire.
    allowance: AtomicU64,
}

/// What an answer may take on the wire for each byte of its body: in chunks of one byte it takes 6.
const WIRE_BYTES: u64 = 8;

impl Notes {
    /// Another request begins, whose answer has a body of at most `body_limit` bytes.
    pub fn begin(&self, body_limit: u64) {
        let allowance = body_limit.saturating_mul(WIRE_BYTES).saturating_add(INPUT_BUFFER as u64);
        self.allowance.store(allowance, Relaxed);
        for note in [&self.fresh, &self.sent, &self.heard, &self.ended_cleanly] {
            note.store(false, Relaxed);
        }
    }

    /// Counts what the server sent. What is no part of the body has no end either: provisional answers, trailers,
    /// TLS's own messages.
    fn spend(&self, bytes: usize) -> io::Result<()> {
        let left = self.allowance.load(Relaxed).checked_sub(bytes as u64).ok_or(Excess::Answer)?;
        self.allowance.store(left, Relaxed);
        Ok(())
    }

    pub fn note_fresh(&self) {
        self.fresh.store(true, Relaxed);
    }

    /// A new connection was tried for it.
    pub fn is_fresh(&self) -> bool {
        self.fresh.load(Relaxed)
    }

    /// The system took at least a byte of it.
    pub fn is_sent(&self) -> bool {
        self.sent.load(Relaxed)
    }

    /// At least a byte of an answer came.
    pub fn is_heard(&self) -> bool {
        self.heard.load(Relaxed)
    }

    /// The connection ended as TLS demands, so that its end can be believed.
    pub fn has_ended_cleanly(&self) -> bool {
        self.ended_cleanly.load(Relaxed)
    }
}

/// More came than is taken in.
#[derive(Clone, Copy, Debug)]
pub enum Excess {
    /// Of the head, a chunk or a trailer, without its end.
    Line,
    /// In all.
    Answer,
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too long")
    }
}

impl std::error::Error for Excess {}

impl From<Excess> for io::Error {
    fn from(excess: Excess) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, excess)
    }
}

/// A connection after its handshake.
pub struct Line {
    tls: ClientConnection,
    socket: Socket,
    buffers: LazyBuffers,
    /// Gathered, not sent yet.
    outgoing: Vec<u8>,
    notes: Arc<Notes>,
    /// When it is too old to be used again: the server may have moved to another address.
    expires: Instant,
}

/// ureq's buffers: one must hold the longest head of an answer, the other a part of a request.
const INPUT_BUFFER: usize = 64 * 1024;
const OUTPUT_BUFFER: usize = 8 * 1024;
/// A connection on which more than this many reads' worth of TLS's own messages wait is not kept. Servers send two
/// session tickets, which one read takes in.
const QUIET_READS: usize = 16;

impl Line {
    pub fn new(mut tls: ClientConnection, socket: Socket, notes: Arc<Notes>, longest_age: Duration) -> Line {
        // A request is of the size that its caller made it; it is not to wait in pieces.
        tls.set_buffer_limit(None);
        let buffers = LazyBuffers::new(INPUT_BUFFER, OUTPUT_BUFFER);
        let now = Instant::now();
        let expires = now.checked_add(longest_age).unwrap_or(now);
        Line { tls, socket, buffers, outgoing: Vec::with_capacity(OUTPUT_BUFFER), notes, expires }
    }

    fn send(&mut self) -> io::Result<()> {
        if !self.outgoing.is_empty() {
            let encrypted = self.tls.writer().write_all(&self.outgoing);
            self.outgoing.zeroize();
            encrypted?;
        }
        while self.tls.wants_write() {
            if self.tls.write_tls(&mut self.socket)? > 0 {
                self.notes.sent.store(true, Relaxed);
            }
        }
        Ok(())
    }

    /// Bytes of the answer, at least one; 0 is its end, by a close that TLS knows of.
    fn receive(&mut self) -> io::Result<usize> {
        loop {
            let buffer = self.buffers.input_append_buf();
            if buffer.is_empty() {
                return Err(Excess::Line.into());
            }
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                other => return other,
            }
            self.notes.spend(self.tls.read_tls(&mut self.socket)?)?;
            let processed = self.tls.process_new_packets();
            // An alert, or the answer to a change of keys. That it cannot be sent is seen at the next read.
            while self.tls.wants_write() && self.tls.write_tls(&mut self.socket).is_ok() {}
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Whether nothing but TLS's own messages waits (session tickets come when they please), and no end. A server
    /// may send such messages faster than they are read, so only so many are waited for.
    fn is_quiet(&mut self) -> io::Result<bool> {
        for _ in 0..QUIET_READS {
            match self.tls.read_tls(&mut self.socket.stream()?) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
            let state = self.tls.process_new_packets().map_err(io::Error::other)?;
            if state.plaintext_bytes_to_read() > 0 || state.peer_has_closed() {
                return Ok(false);
            }
        }
        Ok(false)
    }
}

fn until(timeout: NextTimeout) -> Instant {
    let now = Instant::now();
    // ureq's "never" is more than the clock can hold; every request here has a limit, of hours at most.
    now.checked_add(*timeout.after).unwrap_or(now)
}

fn told(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

impl Transport for Line {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _timeout: NextTimeout) -> Result<(), Error> {
        let output = &mut self.buffers.output()[..amount];
        self.outgoing.extend_from_slice(output);
        // Passwords may be in it.
        output.zeroize();
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.socket.until = until(timeout);
        self.send().map_err(|error| told(error, timeout))?;
        let received = self.receive().map_err(|error| told(error, timeout))?;
        let note = if received == 0 { &self.notes.ended_cleanly } else { &self.notes.heard };
        note.store(true, Relaxed);
        self.buffers.input_appended(received);
        Ok(received > 0)
    }

    /// Asked before the connection is kept and before it is used again.
    fn is_open(&mut self) -> bool {
        if !self.outgoing.is_empty() || !self.socket.is_own() || Instant::now() >= self.expires {
            return false;
        }
        let set_waiting = |socket: &Socket, waits: bool| socket.stream()?.set_nonblocking(!waits);
        if set_waiting(&self.socket, false).is_err() {
            return false;
        }
        let quiet = self.is_quiet().unwrap_or(false);
        set_waiting(&self.socket, true).is_ok() && quiet
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}
