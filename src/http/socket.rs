//! A TCP connection whose reads and writes end at a moment, and whose descriptor is known again.
//!
//! A program may close descriptors that are not its own: one that becomes a daemon closes all of them. The number
//! then belongs to whatever it opens next, which this library must neither read from nor close.
#![allow(unsafe_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::mem::{self, MaybeUninit};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// A socket that goes on after a signal, and keeps its limit however slowly bytes come.
///
/// It has no vectored write on purpose: the standard library's could raise SIGPIPE, which ends a Perl program.
pub struct Socket {
    /// None only while it is dropped.
    stream: Option<TcpStream>,
    /// What the descriptor stands for; None: that could not be told.
    file: Option<FileId>,
    pub until: Instant,
}

impl Socket {
    pub fn new(stream: TcpStream, until: Instant) -> Socket {
        Socket { file: file_id(stream.as_raw_fd()), stream: Some(stream), until }
    }

    pub fn stream(&self) -> io::Result<&TcpStream> {
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    /// Whether the descriptor still is this connection's.
    pub fn is_own(&self) -> bool {
        self.file.is_some()
            && self.stream.as_ref().and_then(|stream| file_id(stream.as_raw_fd())) == self.file
    }

    fn persevere(
        &self,
        limit: fn(&TcpStream, Option<Duration>) -> io::Result<()>,
        mut attempt: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let stream = self.stream()?;
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            limit(stream, Some(left))?;
            match attempt(stream) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Err(ErrorKind::TimedOut.into());
                }
                other => return other,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.persevere(TcpStream::set_read_timeout, |mut stream| stream.read(buffer))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.persevere(TcpStream::set_write_timeout, |mut stream| stream.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.is_own() {
            mem::forget(self.stream.take());
        }
    }
}

/// A device and a file on it: every socket is one of its own.
type FileId = (libc::dev_t, libc::ino_t);

fn file_id(descriptor: RawFd) -> Option<FileId> {
    let mut about = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat takes any number for a descriptor, and fills `about` when it returns 0; only then is it read.
    unsafe {
        (libc::fstat(descriptor, about.as_mut_ptr()) == 0).then(|| {
            let about = about.assume_init();
            (about.st_dev, about.st_ino)
        })
    }
}
