//! The one place where requests, faults, modes and the log meet: decides what becomes of each request.
//!
//! Everything that a request changes happens under one lock, so that the log has the order in which the
//! mail server was changed, and nothing of a request is done after a fault has struck it.

use crate::connections::Connections;
use crate::door::Port;
use crate::fault::{Ahead, Fault, Faults, Kind};
use crate::guard::{Guard, Permission};
use crate::http::{Framing, Received};
use crate::lies::Lie;
use crate::log::{Entry, Failure, Log};
use crate::mail_server::{Answer, MailServer};
use crate::modes::Modes;
use crate::play::Play;
use crate::request::ApiRequest;
use crate::state::State;
use crate::stopper::{locked, Stopper};
use serde::Serialize;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Connections that were accepted.
    pub opened: u64,
    /// Connections that are open now.
    pub open: u64,
    pub handshakes_failed: u64,
    pub requests: u64,
    /// TLS sessions that took up an earlier one.
    pub resumed: u64,
}

struct Inner {
    mail: MailServer,
    faults: Faults,
    log: Log,
    /// How often the port was closed or faults were put: who waits to open it again must not undo a later closing.
    closing: u64,
}

pub struct Exchange {
    inner: Mutex<Inner>,
    counters: Mutex<Counters>,
    pub connections: Connections,
    pub port: Port,
    pub stopper: Stopper,
    started: Instant,
    /// The modes as they were at the start, to come back to.
    first_modes: Modes,
}

impl Exchange {
    pub fn new(mail: MailServer, port: Port) -> Exchange {
        let first_modes = mail.modes.clone();
        let inner = Inner { mail, faults: Faults::default(), log: Log::default(), closing: 0 };
        Exchange {
            inner: Mutex::new(inner),
            counters: Mutex::default(),
            connections: Connections::default(),
            port,
            stopper: Stopper::default(),
            started: Instant::now(),
            first_modes,
        }
    }

    /// Decides about a request that has come. None: its connection was closed before it came.
    pub fn request(self: &Arc<Self>, connection: u64, kept: bool, received: &Received) -> Option<Play> {
        let (request, wrong) = received.api_request();
        let path = format!("/{}", request.path.join("/"));
        let mut inner = locked(&self.inner);
        if !self.connections.begin(connection) {
            return None;
        }
        self.count(|counters| counters.requests += 1);
        let (fault, ahead) = inner.faults.strike(request.method.as_str(), &path);
        let closed_first = kept && fault.as_ref().is_some_and(|fault| fault.kind == Kind::CloseIdle);
        let reaches = !closed_first && fault.as_ref().is_none_or(Fault::processes);
        let lie = fault.as_ref().and_then(|fault| fault.lie);
        let answer = reaches.then(|| self.answer(&mut inner.mail, &request, wrong.as_deref(), lie));
        if answer.is_none() {
            inner.mail.see(&request);
        }
        let applied = answer.as_ref().is_some_and(|answer| answer.applied);
        let modes = &inner.mail.modes;
        let host = received.header("host").unwrap_or("localhost");
        let play = Play::new(fault.as_ref(), answer, kept, host, Framing::of(modes, received), modes);
        let entry = Entry {
            n: 0,
            connection,
            method: received.method.clone(),
            path,
            parameters: request.parameters.iter().cloned().collect(),
            status: play.status(),
            applied,
            fault: fault.map(|fault| fault.kind),
            lie,
            authorized: inner.mail.authorizes(&request),
            round: Value::Null,
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        inner.log.add(entry);
        self.prepare(&mut inner, ahead);
        Some(play)
    }

    fn answer(
        &self,
        mail: &mut MailServer,
        request: &ApiRequest,
        wrong: Option<&str>,
        lie: Option<Lie>,
    ) -> Answer {
        match wrong {
            Some(text) if mail.authorizes(request) => {
                Answer::error(400, "error.bad_request", text, &mail.modes)
            }
            _ => mail.answer_lying(self.started.elapsed(), request, lie),
        }
    }

    /// Does what faults want done before the next request comes.
    fn prepare(self: &Arc<Self>, inner: &mut Inner, ahead: Ahead) {
        if let Some(for_ms) = ahead.close_port {
            self.port.close();
            inner.closing += 1;
            if let Some(ms) = for_ms {
                // The answer under way reaches the client after the latency only.
                self.open_after(Duration::from_millis(ms + inner.mail.modes.latency_ms), inner.closing);
            }
        }
        if ahead.close_idle {
            self.connections.doom();
        }
    }

    fn open_after(self: &Arc<Self>, time: Duration, closing: u64) {
        let exchange = Arc::clone(self);
        thread::spawn(move || {
            let waited = exchange.stopper.wait(time);
            let inner = locked(&exchange.inner);
            if waited && inner.closing == closing {
                exchange.port.open();
            }
        });
    }

    pub fn set_faults(self: &Arc<Self>, faults: Vec<Fault>) {
        self.put_faults(&mut locked(&self.inner), faults);
    }

    fn put_faults(self: &Arc<Self>, inner: &mut MutexGuard<'_, Inner>, faults: Vec<Fault>) {
        inner.closing += 1;
        let ahead = inner.faults.put(faults);
        if ahead.close_port.is_none() {
            self.port.open();
        }
        self.prepare(inner, ahead);
    }

    pub fn faults(&self) -> Vec<Fault> {
        locked(&self.inner).faults.list()
    }

    pub fn state(&self) -> State {
        locked(&self.inner).mail.state().clone()
    }

    pub fn set_state(&self, state: State) {
        locked(&self.inner).mail.set_state(state);
    }

    pub fn modes(&self) -> Modes {
        locked(&self.inner).mail.modes.clone()
    }

    pub fn set_modes(&self, modes: Modes) {
        locked(&self.inner).mail.modes = modes;
    }

    /// Changes some modes, given as a JSON object.
    pub fn change_modes(&self, changes: &Value) -> Result<Modes, String> {
        let mut inner = locked(&self.inner);
        let modes = inner.mail.modes.changed(changes)?;
        inner.mail.modes = modes.clone();
        Ok(modes)
    }

    pub fn log(&self) -> Vec<Entry> {
        locked(&self.inner).log.entries().to_vec()
    }

    pub fn failures(&self) -> Vec<Failure> {
        locked(&self.inner).log.failures().to_vec()
    }

    pub fn clear_log(&self) {
        locked(&self.inner).log.clear();
    }

    /// Watches from now on what is destroyed: only that may be which is permitted, or was made since.
    pub fn set_guard(&self, permitted: Vec<Permission>) {
        let mut inner = locked(&self.inner);
        let guard = Guard::new(inner.mail.state().clone(), permitted);
        inner.mail.set_guard(Some(guard));
    }

    /// None: nobody watches.
    pub fn violations(&self) -> Option<Vec<String>> {
        locked(&self.inner).mail.guard().map(|guard| guard.violations().to_vec())
    }

    pub fn set_round(&self, round: Value) {
        locked(&self.inner).log.set_round(round);
    }

    /// An empty server with its system domains, the modes of the start, no faults, no guard, an empty log, no counts.
    pub fn reset(self: &Arc<Self>) {
        let mut inner = locked(&self.inner);
        self.put_faults(&mut inner, Vec::new());
        let state = inner.mail.state().emptied();
        inner.mail.set_state(state);
        inner.mail.set_guard(None);
        inner.mail.modes = self.first_modes.clone();
        inner.log.clear();
        inner.log.set_round(Value::Null);
        *locked(&self.counters) = Counters::default();
    }

    pub fn counters(&self) -> Counters {
        Counters { open: self.connections.number(), ..*locked(&self.counters) }
    }

    pub fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut locked(&self.counters));
    }

    /// A connection on which TLS or HTTP failed.
    pub fn failed(&self, connection: u64, error: &str, received: &[u8]) {
        locked(&self.inner).log.add_failure(Failure {
            connection,
            error: error.to_owned(),
            received_bytes: received.len(),
            received: String::from_utf8_lossy(received).into_owned(),
        });
    }
}
