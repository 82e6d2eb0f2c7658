//! The log of requests: everything that was sent (passwords too: it serves tests) and what became of it.

use crate::fault::Kind;
use crate::lies::Lie;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    /// Counted from 1 since the log was emptied.
    pub n: u64,
    pub connection: u64,
    pub method: String,
    /// Below `/api/v2`, decoded.
    pub path: String,
    pub parameters: BTreeMap<String, String>,
    /// None: no answer was sent, or none that begins with a status.
    pub status: Option<u16>,
    /// Whether a write was carried out.
    pub applied: bool,
    pub fault: Option<Kind>,
    /// Which one, where the fault is a lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lie: Option<Lie>,
    pub authorized: bool,
    /// Whatever was put as the round.
    pub round: Value,
    /// Milliseconds since the server's start.
    pub at_ms: u64,
}

/// A connection on which TLS or HTTP failed, and what came over it in spite of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub connection: u64,
    pub error: String,
    pub received_bytes: usize,
    /// As text, as far as it is one.
    pub received: String,
}

#[derive(Debug, Default)]
pub struct Log {
    entries: Vec<Entry>,
    failures: Vec<Failure>,
    round: Value,
}

impl Log {
    /// Adds the entry, which gets its number and round here.
    pub fn add(&mut self, entry: Entry) {
        let n = self.entries.len() as u64 + 1;
        self.entries.push(Entry { n, round: self.round.clone(), ..entry });
    }

    pub fn add_failure(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    pub fn set_round(&mut self, round: Value) {
        self.round = round;
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.failures.clear();
    }
}
