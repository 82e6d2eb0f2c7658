//! Carries requests to the MagicMail server, over HTTPS, and tells of each what became of it: not sent, answered,
//! or in doubt. It knows nothing of what the requests mean.
//!
//! `server` is where they go, `trust` and `tls` say whom to believe; a request takes one of the `lanes`, which
//! `connect` where they have no connection yet and keep it as a `line`; `exchange` sends it and reads the
//! answer; `words` tells people what went wrong.

mod chain;
mod connect;
mod exchange;
mod lanes;
mod line;
mod outage;
mod process;
mod reach;
mod resolve;
mod server;
mod signals;
mod socket;
mod tls;
mod trust;
mod words;

use crate::panics;
use crate::secret::Secret;
use crate::wire::{Carrier, Exchange, Outcome, Request, CONCURRENT};
use exchange::exchange;
use lanes::{Keeping, Lanes, Lease};
use process::PerProcess;
use server::Server;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread::{self, Builder, Scope};
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

/// A kept connection that was idle for longer is not used again: many servers close theirs after 15 seconds. Nor
/// is one that is older: its server's name may have another address by now.
const KEEPING: Keeping =
    Keeping { longest_idle: Duration::from_secs(12), longest_age: Duration::from_secs(60) };

/// Speaks HTTPS to one server. May be used by several threads at once, and in a child after a fork.
pub struct Https {
    server: Arc<Server>,
    lanes: PerProcess<Lanes>,
    keeping: Keeping,
}

impl Https {
    /// Checks what can be checked offline; reads `ca_file`. The error is a sentence for people.
    pub fn new(endpoint: Endpoint) -> Result<Https, String> {
        let server = Arc::new(Server::new(&endpoint)?);
        lanes::prepare(&server);
        Ok(Https { server, lanes: PerProcess::new(), keeping: KEEPING })
    }

    /// The same, with other limits for how long a kept connection may be idle, and how old it may be.
    #[must_use]
    pub fn keeping_for(self, longest_idle: Duration, longest_age: Duration) -> Https {
        Https { keeping: Keeping { longest_idle, longest_age }, ..self }
    }

    /// Those of the process that asks.
    fn lanes(&self) -> &Lanes {
        self.lanes.get_or_make(|parents| Lanes::new(&self.server, self.keeping, parents))
    }
}

impl Carrier for Https {
    /// At most four connections at once, whoever asks; what is more waits for one. A single request runs on the
    /// calling thread, and so does the first of several; nothing goes on after the return.
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let lanes = self.lanes();
        let deadline = outage::origin().checked_add(deadline).unwrap_or_else(outage::origin);
        let round = Round {
            server: &self.server,
            requests,
            limit,
            deadline,
            next: AtomicUsize::new(0),
            exchanges: requests.iter().map(|_| OnceLock::new()).collect(),
        };
        if let Some(lease) = lanes.lease(deadline) {
            thread::scope(|scope| {
                round.spread(scope, lanes);
                round.work(lease);
            });
        }
        round.finish()
    }

    fn now(&self) -> Duration {
        outage::origin().elapsed()
    }

    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }

    fn outage(&self) -> Option<Duration> {
        outage::of(&self.server.place)
    }

    fn set_outage(&self, at: Option<Duration>) {
        outage::set(&self.server.place, at);
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
    fn spread<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>, lanes: &'env Lanes) {
        let wanted = self.requests.len().min(CONCURRENT);
        if wanted < 2 {
            return;
        }
        signals::blocked(|| {
            for lease in (1..wanted).map_while(|_| lanes.try_lease()) {
                // Where no thread can be started, the others do its work, later.
                let _ = Builder::new().spawn_scoped(scope, move || self.work(lease));
            }
        });
    }

    /// Takes one request after the other, until none is left.
    fn work(&self, mut lease: Lease<'_>) {
        while let Some(lane) = lease.lane() {
            let i = self.next.fetch_add(1, Relaxed);
            let (Some(request), Some(slot)) = (self.requests.get(i), self.exchanges.get(i)) else { return };
            let started = Instant::now();
            let until = started.checked_add(self.limit).map_or(self.deadline, |end| end.min(self.deadline));
            // A panic in the middle of a request must not hide that the request may have done its work.
            let outcome = panics::caught(|| exchange(lane, self.server, request, until));
            let outcome = outcome.unwrap_or_else(|_place| {
                lease.renew();
                Outcome::InDoubt(words::defect(self.server))
            });
            // Nobody else has this number.
            let _ = slot.set(Exchange { outcome, elapsed: started.elapsed() });
        }
    }

    fn finish(self) -> Vec<Exchange> {
        let untried =
            || Exchange { outcome: Outcome::NotSent(words::no_time(self.server)), elapsed: Duration::ZERO };
        self.exchanges.into_iter().map(|slot| slot.into_inner().unwrap_or_else(untried)).collect()
    }
}
