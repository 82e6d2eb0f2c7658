//! The connections that are open: which of them carry a request just now, and which must carry no more.

use crate::stopper::locked;
use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

struct Open {
    stream: TcpStream,
    busy: bool,
    doomed: bool,
}

#[derive(Default)]
pub struct Connections {
    open: Mutex<HashMap<u64, Open>>,
    ended: Condvar,
}

impl Connections {
    pub fn add(&self, number: u64, stream: &TcpStream) -> std::io::Result<()> {
        let open = Open { stream: stream.try_clone()?, busy: false, doomed: false };
        locked(&self.open).insert(number, open);
        Ok(())
    }

    /// How many there are.
    pub fn number(&self) -> u64 {
        locked(&self.open).len() as u64
    }

    pub fn remove(&self, number: u64) {
        locked(&self.open).remove(&number);
        self.ended.notify_all();
    }

    /// A request has come over this connection. False: the connection was to be closed before it came.
    pub fn begin(&self, number: u64) -> bool {
        match locked(&self.open).get_mut(&number) {
            Some(open) if !open.doomed => {
                open.busy = true;
                true
            }
            _ => false,
        }
    }

    /// Its answer has been sent. False: no further request is to be read.
    pub fn end(&self, number: u64) -> bool {
        match locked(&self.open).get_mut(&number) {
            Some(open) => {
                open.busy = false;
                !open.doomed
            }
            None => false,
        }
    }

    /// Closes the connections that carry nothing now; the others when they have sent their answers.
    pub fn doom(&self) {
        for open in locked(&self.open).values_mut() {
            open.doomed = true;
            if !open.busy {
                // Its thread, which waits for a request, sees the end and closes it.
                let _ = open.stream.shutdown(Shutdown::Read);
            }
        }
    }

    /// Breaks all connections, and waits for their threads.
    pub fn stop(&self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut open = locked(&self.open);
        for connection in open.values() {
            let _ = connection.stream.shutdown(Shutdown::Both);
        }
        while !open.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            open = self.ended.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
