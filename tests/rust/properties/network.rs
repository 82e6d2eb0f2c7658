//! A network and a server on it, without sockets, threads or time: it answers as a script says, and where the
//! script says nothing, as an honest server would.

use super::SECRET;
use magicmail::wire::{Answer, Carrier, Exchange, Failure, FailureKind, Method, Outcome, Request};
use magicmail_simulator::{ApiRequest, Credentials, MailServer, Method as ApiMethod, Modes, State};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is carried out, and answered.
    Honest,
    /// It never left.
    Unsent(FailureKind),
    /// It left, `done` says whether it was carried out, and no answer came.
    Lost { done: bool, kind: FailureKind },
    /// This was the answer, whatever was done.
    Says { done: bool, answer: Answer },
    /// It is carried out, and one byte of the answer is another one.
    Bent { at: usize, by: u8 },
}

/// What becomes of all the requests after the script's last act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    Honest,
    Gone,
    Hanging,
    /// The script from its beginning, again and again.
    Again,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub acts: Vec<Act>,
    pub tail: Tail,
}

impl Script {
    pub fn honest() -> Script {
        Script { acts: Vec::new(), tail: Tail::Honest }
    }

    fn act(&self, number: usize) -> Act {
        match (self.acts.get(number), self.tail) {
            (Some(act), _) => act.clone(),
            (None, Tail::Again) if !self.acts.is_empty() => self.acts[number % self.acts.len()].clone(),
            (None, Tail::Gone) => Act::Unsent(FailureKind::Connect),
            (None, Tail::Hanging) => Act::Lost { done: false, kind: FailureKind::Timeout },
            (None, _) => Act::Honest,
        }
    }
}

/// What went over the network.
#[derive(Clone, Debug)]
pub struct Seen {
    pub request: Request,
    pub outcome: Outcome,
    /// The answer may be believed though it is not true.
    pub may_be_lie: bool,
}

/// Answers the requests of a call, one by one.
pub trait Serve {
    /// `left`: the time that this request has.
    fn exchange(&mut self, request: &Request, left: Duration) -> Exchange;
    fn clock(&mut self) -> &mut Duration;
}

/// A share in who answers: the carrier has one, the test another.
pub struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub fn of(inner: T) -> Shared<T> {
        Shared(Arc::new(Mutex::new(inner)))
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("no panic before")
    }
}

impl<T: Serve + Send> Carrier for Shared<T> {
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let mut inner = self.lock();
        let left = deadline.saturating_sub(*inner.clock()).min(limit);
        let exchanges: Vec<Exchange> = requests.iter().map(|request| inner.exchange(request, left)).collect();
        *inner.clock() += exchanges.iter().map(|exchange| exchange.elapsed).max().unwrap_or_default();
        exchanges
    }

    fn now(&self) -> Duration {
        *self.lock().clock()
    }

    fn pause(&self, time: Duration) {
        *self.lock().clock() += time;
    }
}

/// A network that does as its script says.
pub struct Scripted {
    server: MailServer,
    script: Script,
    now: Duration,
    seen: Vec<Seen>,
}

pub type Network = Shared<Scripted>;

impl Network {
    pub fn new(state: State, script: Script) -> Network {
        let server = MailServer::new(Credentials::new("freeside", SECRET), state, Modes::default());
        Shared::of(Scripted { server, script, now: Duration::ZERO, seen: Vec::new() })
    }

    pub fn state(&self) -> State {
        self.lock().server.state().clone()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }
}

/// What an answer takes when it comes at once.
pub const MOMENT: Duration = Duration::from_millis(1);

impl Serve for Scripted {
    fn exchange(&mut self, request: &Request, left: Duration) -> Exchange {
        if left.is_zero() {
            let outcome = Outcome::NotSent(failure(FailureKind::Timeout));
            return Exchange { outcome, elapsed: Duration::ZERO };
        }
        let act = self.script.act(self.seen.len());
        let elapsed = match &act {
            Act::Unsent(FailureKind::Timeout) | Act::Lost { kind: FailureKind::Timeout, .. } => left,
            _ => MOMENT.min(left),
        };
        let outcome = self.outcome(&act, request);
        let seen = Seen {
            request: request.clone(),
            may_be_lie: may_be_lie(&act, &outcome),
            outcome: outcome.clone(),
        };
        self.seen.push(seen);
        Exchange { outcome, elapsed }
    }

    fn clock(&mut self) -> &mut Duration {
        &mut self.now
    }
}

impl Scripted {
    fn outcome(&mut self, act: &Act, request: &Request) -> Outcome {
        match act {
            Act::Honest => Outcome::Answered(self.carry_out(request)),
            Act::Unsent(kind) => Outcome::NotSent(failure(*kind)),
            Act::Lost { done, kind } => {
                if *done {
                    self.carry_out(request);
                }
                Outcome::InDoubt(failure(*kind))
            }
            Act::Says { done, answer } => {
                if *done {
                    self.carry_out(request);
                }
                Outcome::Answered(answer.clone())
            }
            Act::Bent { at, by } => {
                let mut answer = self.carry_out(request);
                let length = answer.body.len().max(1);
                if let Some(byte) = answer.body.get_mut(at % length) {
                    *byte ^= by;
                }
                Outcome::Answered(answer)
            }
        }
    }

    fn carry_out(&mut self, request: &Request) -> Answer {
        answer_of(self.server.answer(self.now, &api_request(request)))
    }
}

/// The request as the server gets it.
pub fn api_request(request: &Request) -> ApiRequest {
    let plain = |(name, value): &(String, magicmail::wire::Value)| (name.clone(), value.reveal().to_owned());
    ApiRequest {
        method: match request.method {
            Method::Get => ApiMethod::Get,
            Method::Post => ApiMethod::Post,
        },
        path: request.path.clone(),
        parameters: request.parameters.iter().map(plain).collect(),
        credentials: Some(Credentials::new("freeside", SECRET)),
    }
}

/// The server's answer as the library gets it.
pub fn answer_of(answer: magicmail_simulator::Answer) -> Answer {
    Answer { status: answer.status, content_type: answer.content_type, location: None, body: answer.body }
}

pub fn failure(kind: FailureKind) -> Failure {
    Failure { kind, text: "the network of the test says so".to_owned() }
}

/// An answer that is not the server's own could be believed where it has a status that is read and is blank or
/// has a `<` (which is this byte in every encoding that is read), or where it says that a request which was
/// carried out was not allowed.
fn may_be_lie(act: &Act, outcome: &Outcome) -> bool {
    let (done, answer) = match (act, outcome) {
        (Act::Says { done, .. }, Outcome::Answered(answer)) => (*done, answer),
        (Act::Bent { .. }, Outcome::Answered(answer)) => (true, answer),
        _ => return false,
    };
    match answer.status {
        200 | 400 | 500 => answer.body.contains(&b'<') || answer.body.iter().all(u8::is_ascii_whitespace),
        401 | 403 => done,
        _ => false,
    }
}
