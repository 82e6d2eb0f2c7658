//! Faults: which one, if any, strikes a request. How it then looks on the wire is `play`'s.

use crate::lies::Lie;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The port is closed from just before the request, for `for_ms`.
    Refused,
    /// The port is closed from just before the request, until the faults are put anew.
    Gone,
    /// The connection kept from earlier requests is closed just before the request.
    CloseIdle,
    /// The connection is closed when the request has been read, which is not processed.
    DropBefore,
    /// The connection is closed when the request has been processed.
    DropAfter,
    /// Processed; the connection is closed in the middle of the answer.
    CutShort,
    /// Not processed; bytes that are no XML.
    Garbage,
    GarbageAfter,
    #[serde(rename = "status_401")]
    Status401,
    #[serde(rename = "status_403")]
    Status403,
    #[serde(rename = "status_429")]
    Status429,
    #[serde(rename = "status_500")]
    Status500,
    #[serde(rename = "status_502")]
    Status502,
    #[serde(rename = "status_503")]
    Status503,
    #[serde(rename = "status_504")]
    Status504,
    #[serde(rename = "status_500_after")]
    Status500After,
    #[serde(rename = "status_502_after")]
    Status502After,
    /// Not processed; an error document (`code`, `message`, `status`, 200 by default).
    ErrorDocument,
    /// The same, but processed: the server did it, and failed at something after that.
    ErrorDocumentAfter,
    /// Processed; no body.
    EmptyBody,
    EmptyBodyBefore,
    /// Not processed, no answer, until the client gives up.
    Hang,
    HangAfter,
    /// Processed; the answer byte by byte, one every `ms` (1,000 by default).
    Drip,
    /// Processed; an answer that never ends.
    Endless,
    /// Not processed; 302 to `location`.
    Redirect,
    /// Not processed; a web page with status 200.
    WebPage,
    /// Processed; a document without the record.
    NoRecord,
    /// Processed; the answer comes `ms` later.
    Slow,
    /// `body` with `status` and `content_type`; processed where `applied` says so.
    Answer,
    /// Processed; a Content-Length larger than the body, and the connection stays open.
    LengthTooLong,
    /// Processed; a Content-Length smaller than the body.
    LengthTooShort,
    /// Processed; the answer's head has 20,000 fields.
    HeaderFlood,
    /// Processed; after the answer, TLS session tickets without end.
    Tickets,
    /// The answer is the lie of `lie`.
    Lie,
}

impl Kind {
    /// Whether the request reaches the mail server.
    pub fn processes(self) -> bool {
        !matches!(
            self,
            Kind::Refused
                | Kind::Gone
                | Kind::DropBefore
                | Kind::Garbage
                | Kind::Status401
                | Kind::Status403
                | Kind::Status429
                | Kind::Status500
                | Kind::Status502
                | Kind::Status503
                | Kind::Status504
                | Kind::ErrorDocument
                | Kind::EmptyBodyBefore
                | Kind::Hang
                | Kind::Redirect
                | Kind::WebPage
                | Kind::Answer
        )
    }

    fn closes_port(self) -> bool {
        matches!(self, Kind::Refused | Kind::Gone)
    }
}

fn first() -> u64 {
    1
}

fn once() -> Option<u64> {
    Some(1)
}

/// The `on`-th request that matches, and the `count` - 1 matching ones after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    /// Counted from 1, since the faults were put.
    #[serde(default = "first")]
    pub on: u64,
    /// None (null): for ever.
    #[serde(default = "once")]
    pub count: Option<u64>,
    /// Only requests of this method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path (decoded, below `/api/v2`) begins so: `/user` and `/user/jane`, not
    /// `/user_package/jane`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only `path` itself, and nothing below it: the list of all users, and not one user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lie: Option<Lie>,
}

/// How long a refused connection keeps the port closed for each request that it stands for, where the fault
/// does not say: a client that tries again after a tenth of a second gets through.
const REFUSED_FOR_MS: u64 = 90;

impl Fault {
    /// A fault of the first request.
    pub fn new(kind: Kind) -> Fault {
        Fault {
            kind,
            on: 1,
            count: Some(1),
            method: None,
            path: None,
            exact: false,
            ms: None,
            for_ms: None,
            status: None,
            code: None,
            message: None,
            body: None,
            content_type: None,
            location: None,
            applied: None,
            lie: None,
        }
    }

    /// The faults of a JSON list.
    pub fn list(document: &str) -> Result<Vec<Fault>, String> {
        let faults: Vec<Fault> = serde_json::from_str(document).map_err(|e| format!("faults: {e}"))?;
        faults.iter().try_for_each(Fault::check)?;
        Ok(faults)
    }

    pub fn check(&self) -> Result<(), String> {
        if self.on == 0 {
            return Err("faults: requests are counted from 1".to_owned());
        }
        if self.method.as_ref().is_some_and(|method| method != "GET" && method != "POST") {
            return Err("faults: method is GET or POST".to_owned());
        }
        if (self.kind == Kind::Lie) != self.lie.is_some() {
            return Err("faults: a lie says which, and nothing else does".to_owned());
        }
        if self.status.is_some_and(|status| !(200..=599).contains(&status)) {
            return Err("faults: status is from 200 to 599".to_owned());
        }
        Ok(())
    }

    /// Whether the request reaches the mail server under this fault.
    pub fn processes(&self) -> bool {
        if self.kind == Kind::Answer {
            return self.applied.unwrap_or(false);
        }
        self.kind.processes()
    }

    /// For how long the port is closed; None: until the faults are put anew.
    fn closed_for_ms(&self) -> Option<u64> {
        match (self.kind, self.for_ms, self.count) {
            (Kind::Gone, ..) => None,
            (_, Some(ms), _) => Some(ms),
            (_, None, count) => count.map(|count| count.saturating_mul(REFUSED_FOR_MS)),
        }
    }

    fn filters(&self) -> bool {
        self.method.is_some() || self.path.is_some()
    }

    /// Whether it strikes the request that is the `number`-th to match.
    fn strikes(&self, number: u64) -> bool {
        if self.kind.closes_port() {
            // Without a filter the port was closed before this request, and here it is after all.
            return number == self.on && self.filters();
        }
        number >= self.on && self.count.is_none_or(|count| number - self.on < count)
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|wanted| {
                if self.exact {
                    wanted == path
                } else {
                    begins_with(path, wanted)
                }
            })
    }
}

/// What must happen to connections before the next request comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    pub close_idle: bool,
    /// The port is closed, for so long (None: for ever).
    pub close_port: Option<Option<u64>>,
}

impl Ahead {
    fn add(&mut self, fault: &Fault) {
        self.close_idle = true;
        // Of two, the one that lasts longer counts.
        if fault.kind.closes_port() {
            self.close_port = match (self.close_port, fault.closed_for_ms()) {
                (Some(None), _) | (_, None) => Some(None),
                (Some(Some(before)), Some(ms)) => Some(Some(before.max(ms))),
                (None, ms) => Some(ms),
            };
        }
    }
}

/// The faults that were put, each with the number of requests that it has matched so far.
#[derive(Debug, Default)]
pub struct Faults {
    faults: Vec<(Fault, u64)>,
}

impl Faults {
    pub fn put(&mut self, faults: Vec<Fault>) -> Ahead {
        self.faults = faults.into_iter().map(|fault| (fault, 0)).collect();
        self.ahead()
    }

    pub fn list(&self) -> Vec<Fault> {
        self.faults.iter().map(|(fault, _)| fault.clone()).collect()
    }

    /// Counts a request, and says which fault strikes it and what strikes before the next one.
    pub fn strike(&mut self, method: &str, path: &str) -> (Option<Fault>, Ahead) {
        let mut striking: Option<Fault> = None;
        for (fault, seen) in &mut self.faults {
            if fault.matches(method, path) {
                *seen += 1;
                if striking.is_none() && fault.strikes(*seen) {
                    striking = Some(fault.clone());
                }
            }
        }
        let mut ahead = self.ahead();
        if let Some(fault) = striking.as_ref().filter(|fault| fault.kind.closes_port()) {
            ahead.add(fault);
        }
        (striking, ahead)
    }

    /// What the faults without a filter do before the next request: it will match, whatever it is. (What
    /// the next request will be is not known; with a filter, the fault strikes when it has come.)
    fn ahead(&self) -> Ahead {
        let mut ahead = Ahead::default();
        for (fault, seen) in self.faults.iter().filter(|(fault, _)| !fault.filters()) {
            let next = seen + 1;
            let strikes = match fault.kind {
                Kind::Refused | Kind::Gone => next == fault.on,
                Kind::CloseIdle => fault.strikes(next),
                _ => false,
            };
            if strikes {
                ahead.add(fault);
            }
        }
        ahead
    }
}

/// Whether `path` is `prefix` or lies below it.
fn begins_with(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
}
