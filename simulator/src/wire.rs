//! One connection's bytes: TLS or plain, each answer in one write, and a note of what came in a handshake.

use crate::tickets;
use rustls::{HandshakeKind, ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// As much is kept of what came on a connection that failed.
const KEPT: usize = 64 * 1024;
/// So long a connection whose handshake failed is listened to.
const LISTEN_ON: Duration = Duration::from_millis(300);

/// A stream that remembers what came in.
struct Tap {
    stream: TcpStream,
    kept: Vec<u8>,
    keeps: bool,
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        if self.keeps && self.kept.len() < KEPT {
            self.kept.extend_from_slice(&buffer[..read]);
        }
        Ok(read)
    }
}

impl Write for Tap {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

pub struct Wire {
    tap: Tap,
    tls: Option<Box<ServerConnection>>,
}

/// A handshake that came to nothing.
pub struct Broken {
    pub error: String,
    pub received: Vec<u8>,
}

impl Wire {
    /// Opens the connection; TLS where there is a configuration for it.
    pub fn open(stream: TcpStream, tls: Option<Arc<ServerConfig>>) -> Result<Wire, Broken> {
        let mut tap = Tap { stream, kept: Vec::new(), keeps: true };
        let Some(configuration) = tls else {
            tap.keeps = false;
            return Ok(Wire { tap, tls: None });
        };
        match handshake(&mut tap, configuration) {
            Ok(connection) => {
                tap.keeps = false;
                tap.kept = Vec::new();
                Ok(Wire { tap, tls: Some(Box::new(connection)) })
            }
            Err(error) => {
                let error = error.to_string();
                let _ = tap.stream.shutdown(Shutdown::Write);
                let _ = tap.stream.set_read_timeout(Some(LISTEN_ON));
                let mut more = [0; 4096];
                while tap.kept.len() < KEPT && tap.read(&mut more).is_ok_and(|read| read > 0) {}
                Err(Broken { error, received: tap.kept })
            }
        }
    }

    /// Whether TLS took up an earlier session.
    pub fn resumed(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.handshake_kind() == Some(HandshakeKind::Resumed))
    }

    /// All of it in one write, whatever its size: two small ones would wait for each other.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else { return self.tap.stream.write_all(bytes) };
        tls.writer().write_all(bytes)?;
        flush(tls, &mut self.tap.stream)
    }

    /// Sends the last of it, and the end.
    pub fn send_and_close(&mut self, bytes: &[u8], close_notify: bool) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(bytes)?;
            if close_notify {
                tls.send_close_notify();
            }
            flush(tls, &mut self.tap.stream)?;
        } else if !bytes.is_empty() {
            self.tap.stream.write_all(bytes)?;
        }
        self.break_off();
        Ok(())
    }

    /// Sends session tickets until the client has enough. TLS 1.3 only; else nothing is sent.
    pub fn send_tickets(&mut self) -> io::Result<()> {
        let Some(tls) = self.tls.take() else { return Ok(()) };
        tickets::send(*tls, &mut self.tap.stream)
    }

    /// Closes the connection as a process that dies does: no word of TLS.
    pub fn break_off(&self) {
        let _ = self.tap.stream.shutdown(Shutdown::Both);
    }

    /// Waits until the client goes away.
    pub fn wait_for_client(&mut self) {
        let mut ignored = [0; 4096];
        while self.read(&mut ignored).is_ok_and(|read| read > 0) {}
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.tap).read(buffer),
            None => self.tap.read(buffer),
        }
    }
}

fn handshake(tap: &mut Tap, configuration: Arc<ServerConfig>) -> io::Result<ServerConnection> {
    let mut connection = ServerConnection::new(configuration).map_err(io::Error::other)?;
    connection.set_buffer_limit(None);
    while connection.is_handshaking() {
        connection.complete_io(tap)?;
    }
    Ok(connection)
}

fn flush(tls: &mut ServerConnection, stream: &mut TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes)?;
    }
    stream.write_all(&bytes)
}
