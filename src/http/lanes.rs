//! The connections of a handle: at most four at once, each kept between requests, none shared with another
//! process.
//!
//! A fork copies a handle with everything in it. The child must neither speak on the parent's connections
//! (it would garble their encryption for both) nor wait for a lock that another thread of the parent held at
//! that moment, for nobody in the child would ever open it. So whatever has a lock or a connection belongs to
//! one process; a child has lanes of its own, and only closes its copies of the idle connections' descriptors,
//! which tells the server nothing.

use super::connect::{Dial, NoConnection, NoLookup, Shared};
use super::line::Notes;
use super::process::Identity;
use super::server::Server;
use crate::wire::CONCURRENT;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::Agent;

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 32 * 1024;

/// How long a connection is kept.
#[derive(Clone, Copy)]
pub struct Keeping {
    pub longest_idle: Duration,
    pub longest_age: Duration,
}

/// What carries one request at a time, over one connection, which is kept.
pub struct Lane {
    pub agent: Agent,
    pub notes: Arc<Notes>,
    last_used: Instant,
}

impl Lane {
    fn new(shared: &Arc<Shared>) -> Lane {
        let notes = Arc::new(Notes::default());
        let dial = Dial { shared: shared.clone(), notes: notes.clone() };
        Lane {
            agent: Agent::with_parts(configuration(&shared.server), dial, NoLookup),
            notes,
            last_used: Instant::now(),
        }
    }
}

fn configuration(server: &Server) -> Config {
    Agent::config_builder()
        .proxy(None)
        .https_only(true)
        .max_redirects(0)
        .http_status_as_error(false)
        .max_response_header_size(LONGEST_HEAD)
        .max_idle_connections(1)
        .timeout_connect(Some(server.connect_limit))
        .user_agent(concat!("libmagicmail/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Makes what ureq makes once per process, at its first request. A fork in the middle of that, by another
/// thread, would leave it half-made in the child, which would wait for it for ever. Sends nothing.
pub fn prepare(server: &Server) {
    let agent = Agent::with_parts(configuration(server), NoConnection, NoLookup);
    // It fails for want of a connection, when everything up to that is done.
    let _ = agent.get("https://localhost/").call();
}

#[derive(Default)]
struct Free {
    /// In the order of their last use; the last one is the next to be used, so that the others grow old.
    idle: Vec<Lane>,
    busy: usize,
}

pub struct Lanes {
    owner: Identity,
    free: Mutex<Free>,
    freed: Condvar,
    longest_idle: Duration,
    shared: Arc<Shared>,
}

impl Lanes {
    /// For this process. `parents`: those of the process that it was forked from.
    pub fn new(server: &Arc<Server>, keeping: Keeping, parents: Option<&Lanes>) -> Lanes {
        if let Some(parents) = parents {
            parents.abandon();
        }
        Lanes {
            owner: Identity::current(),
            free: Mutex::default(),
            freed: Condvar::new(),
            longest_idle: keeping.longest_idle,
            shared: Arc::new(Shared::new(server.clone(), keeping.longest_age)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lane, as soon as one is free; None if none is until then.
    pub fn lease(&self, until: Instant) -> Option<Lease<'_>> {
        let mut free = self.lock();
        loop {
            if let Some(lease) = self.take(&mut free) {
                return Some(lease);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            free = self.freed.wait_timeout(free, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A lane, where one is free.
    pub fn try_lease(&self) -> Option<Lease<'_>> {
        self.take(&mut self.lock())
    }

    fn take(&self, free: &mut Free) -> Option<Lease<'_>> {
        free.idle.retain(|lane| lane.last_used.elapsed() < self.longest_idle);
        if free.busy >= CONCURRENT {
            return None;
        }
        free.busy += 1;
        let lane = free.idle.pop().unwrap_or_else(|| Lane::new(&self.shared));
        Some(Lease { lanes: self, lane: Some(lane) })
    }

    /// Closes the descriptors of another process's idle connections. False: its list was locked at the fork.
    fn abandon(&self) -> bool {
        match self.free.try_lock() {
            Ok(mut free) => {
                free.idle.clear();
                true
            }
            Err(_) => false,
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        if self.owner != Identity::current() && !self.abandon() {
            // Another thread of the parent was changing the list at the moment of the fork: its copy here may
            // be half-changed, and is left alone.
            let free = self.free.get_mut().unwrap_or_else(PoisonError::into_inner);
            mem::forget(mem::take(&mut free.idle));
        }
    }
}

/// A lane in use; free again when this is dropped.
pub struct Lease<'a> {
    lanes: &'a Lanes,
    lane: Option<Lane>,
}

impl Lease<'_> {
    pub fn lane(&self) -> Option<&Lane> {
        self.lane.as_ref()
    }

    /// Closes its connection, whose state nobody knows.
    pub fn renew(&mut self) {
        self.lane = Some(Lane::new(&self.lanes.shared));
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut free = self.lanes.lock();
        free.busy -= 1;
        free.idle.extend(self.lane.take().map(|lane| Lane { last_used: Instant::now(), ..lane }));
        drop(free);
        self.lanes.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Endpoint;
    use crate::secret::Secret;
    use std::process::Command;

    fn lane() -> Lane {
        let endpoint = Endpoint {
            machine: "mail.example.net".to_owned(),
            port: 443,
            client_id: "freeside".to_owned(),
            client_password: Secret::default(),
            ca_file: None,
            tls_insecure: false,
            connect_limit: Duration::from_secs(5),
            body_limit: 0,
        };
        let server = Arc::new(Server::new(&endpoint).unwrap());
        Lane::new(&Arc::new(Shared::new(server, Duration::from_secs(60))))
    }

    /// The environment is everybody's, so another process has the variables; it runs this test again.
    #[test]
    fn a_lane_has_no_proxy_though_the_environment_names_one() {
        let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy", "HTTP_PROXY"];
        if std::env::var_os("https_proxy").is_some_and(|proxy| proxy == "http://127.0.0.1:1") {
            let of_environment = Agent::config_builder().build();
            assert!(of_environment.proxy().is_some(), "ureq takes it from there where nobody says otherwise");
            assert!(lane().agent.config().proxy().is_none());
            return;
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "http::lanes::tests::a_lane_has_no_proxy_though_the_environment_names_one"])
            .envs(names.map(|name| (name, "http://127.0.0.1:1")))
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains("1 passed"), "{shown}");
    }
}
