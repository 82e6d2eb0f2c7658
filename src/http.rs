//! Carries requests to the MagicMail server, over HTTPS, and tells of each what became of it: not sent, answered,
//! or in doubt. It knows nothing of what the requests mean.
//!
//! `server` is where they go, `trust` and `tls` say whom to believe; a request takes one of the `lanes`, which
//! `connect` where they have no connection yet and keep it as a `line`; `exchange` sends it and reads the
//! answer; `words` tells people what went wrong.

mod connect;
mod exchange;
mod lanes;
mod line;
mod resolve;
mod server;
mod signals;
mod tls;
mod trust;
mod words;

use crate::secret::Secret;
use crate::wire::{Carrier, Exchange, Failure, FailureKind, Outcome, Request};
use exchange::exchange;
use lanes::{Lease, Process, MOST};
use server::Server;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// A server, and how to speak to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// A host name or an IP address.
    pub machine: String,
    pub port: u16,
    pub client_id: String,
    pub client_password: Secret,
    /// PEM: the CAs to trust, or the very certificate of the server. None: the system's CAs.
    pub ca_file: Option<PathBuf>,
    /// Whoever answers is believed.
    pub tls_insecure: bool,
    /// For a connection: look-up, TCP and TLS together.
    pub connect_limit: Duration,
    /// The longest body of an answer, in bytes.
    pub body_limit: u64,
}

/// Speaks HTTPS to one server. May be used by several threads at once, and in a child after a fork.
pub struct Https {
    server: Arc<Server>,
    process: Process,
    origin: Instant,
}

impl Https {
    /// Checks what can be checked offline; reads `ca_file`. The error is a sentence for people.
    pub fn new(endpoint: Endpoint) -> Result<Https, String> {
        let server = Arc::new(Server::new(&endpoint)?);
        Ok(Https { server, process: Process::new(), origin: Instant::now() })
    }
}

impl Carrier for Https {
    /// At most four connections at once, whoever asks; what is more waits for one. A single request runs on the
    /// calling thread, and so does the first of several; nothing goes on after the return.
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let lanes = self.process.lanes();
        let deadline = self.origin.checked_add(deadline).unwrap_or(self.origin);
        let round = Round {
            server: &self.server,
            requests,
            limit,
            deadline,
            next: AtomicUsize::new(0),
            exchanges: requests.iter().map(|_| OnceLock::new()).collect(),
        };
        if let Some(lease) = lanes.lease(&self.server, deadline) {
            thread::scope(|scope| {
                let more = round.spread(scope, lanes);
                round.work(lease);
                for thread in more {
                    // One that panicked left an exchange unfilled; that is told below.
                    let _ = thread.join();
                }
            });
        }
        round.finish()
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }
}

/// Requests that go side by side.
struct Round<'a> {
    server: &'a Arc<Server>,
    requests: &'a [Request],
    limit: Duration,
    deadline: Instant,
    /// The first request that nobody has taken yet.
    next: AtomicUsize,
    exchanges: Vec<OnceLock<Exchange>>,
}

impl<'a> Round<'a> {
    /// Starts a thread for each request beyond the first, as far as lanes are free.
    fn spread<'scope, 'env>(
        &'env self,
        scope: &'scope Scope<'scope, 'env>,
        lanes: &'env lanes::Lanes,
    ) -> Vec<ScopedJoinHandle<'scope, ()>> {
        let wanted = self.requests.len().min(MOST).saturating_sub(1);
        if wanted == 0 {
            return Vec::new();
        }
        signals::blocked(|| {
            (0..wanted)
                .map_while(|_| {
                    let lease = lanes.try_lease(self.server)?;
                    // Without another thread the others do its work, later.
                    Builder::new().spawn_scoped(scope, move || self.work(lease)).ok()
                })
                .collect()
        })
    }

    /// Takes one request after the other, until none is left.
    fn work(&self, lease: Lease<'_>) {
        let Some(lane) = lease.lane() else { return };
        loop {
            let i = self.next.fetch_add(1, Relaxed);
            let (Some(request), Some(slot)) = (self.requests.get(i), self.exchanges.get(i)) else { return };
            let started = Instant::now();
            let until = started.checked_add(self.limit).map_or(self.deadline, |end| end.min(self.deadline));
            let outcome = exchange(lane, self.server, request, until);
            // Nobody else has this number.
            let _ = slot.set(Exchange { outcome, elapsed: started.elapsed() });
        }
    }

    fn finish(self) -> Vec<Exchange> {
        let begun = self.next.into_inner();
        let untold = |i: usize| {
            let outcome = if i < begun {
                let text = format!("the exchange with {} broke off by an internal error", self.server.host);
                Outcome::InDoubt(Failure { kind: FailureKind::Closed, text })
            } else {
                Outcome::NotSent(words::no_time(self.server))
            };
            Exchange { outcome, elapsed: Duration::ZERO }
        };
        let filled = self.exchanges.into_iter().map(OnceLock::into_inner).enumerate();
        filled.map(|(i, exchange)| exchange.unwrap_or_else(|| untold(i))).collect()
    }
}
