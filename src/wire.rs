//! What passes between the API client (`api`) and whatever carries its requests (`http`; a simulated
//! network in the tests): requests in plain words, and what became of each.
//!
//! The one question that matters after a failure is answered by the type: was the request sent? A request
//! that was not sent did nothing; one that was sent and not answered may have done its work.

use crate::secret::Secret;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

impl Method {
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// A parameter's value; a secret one is masked wherever a request is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Plain(String),
    Secret(Secret),
}

impl Value {
    pub fn reveal(&self) -> &str {
        match self {
            Value::Plain(text) => text,
            Value::Secret(secret) => secret.reveal(),
        }
    }
}

/// One request. Nothing in it is percent-encoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    /// The segments below `/api/v2`: `["user", "jane"]`.
    pub path: Vec<String>,
    /// In the query of a GET, in the form body of a POST. `client_type` is among them.
    pub parameters: Vec<(String, Value)>,
    /// The longest body of an answer, in bytes, where it is not the usual one.
    pub body_limit: Option<u64>,
}

/// A whole HTTP answer, of any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The `Content-Type` header, where there was one.
    pub content_type: Option<String>,
    /// The `Location` header of a redirect, to be shown; it is never followed.
    pub location: Option<String>,
    pub body: Vec<u8>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not a byte of the request left: it did nothing.
    NotSent(Failure),
    /// Some of it, or all, left, and no whole answer came: it may have done its work.
    InDoubt(Failure),
    Answered(Answer),
}

/// Why there is no answer, in words for people: a clause without a full stop that reads well after "because".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: FailureKind,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The host name has no address.
    Name,
    /// Nobody listens there, no route, or the connection was not made in time.
    Connect,
    /// This machine lacks what it takes to try: a descriptor, a thread, memory. It says nothing of the server.
    Local,
    /// TLS could not be agreed on, or the server's certificate does not verify. Trying again does not help.
    Certificate,
    /// The connection broke.
    Closed,
    /// The time for one request is over.
    Timeout,
    /// What came is no HTTP answer, or a longer one than is accepted.
    Protocol,
}

/// An outcome, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    pub outcome: Outcome,
    pub elapsed: Duration,
}

/// Whether an answer with this status says in its body what it has to say; any other status says all by itself.
pub fn has_document(status: u16) -> bool {
    matches!(status, 200 | 400 | 500)
}

/// So many requests go at once; what is more waits its turn.
pub const CONCURRENT: usize = 4;

/// Carries requests. One implementation speaks HTTPS; the tests' simulated network is another.
pub trait Carrier: Send + Sync {
    /// Carries each request once (a read that vanished on a kept connection once more, a write never), several
    /// side by side, and returns what became of them in the order of `requests`. Each has `limit` at most from
    /// when it is started, the connection included; none goes on after `deadline` (on this carrier's clock).
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange>;

    /// A monotonic clock; only differences mean something.
    fn now(&self) -> Duration;

    /// Waits.
    fn pause(&self, time: Duration);

    /// When the server was last found to be gone or silent, on this carrier's clock; None: it has answered since.
    /// What speaks to the same server, in one process, shares it. A carrier need not remember it.
    fn outage(&self) -> Option<Duration> {
        None
    }

    /// Remembers that, or that the server has answered.
    fn set_outage(&self, _at: Option<Duration>) {}
}
