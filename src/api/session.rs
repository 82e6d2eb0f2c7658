//! One session with the server: the calls of one hook, within its time.

use super::answer::{self, CallError, Cause, Reply};
use super::document;
use super::masked::without_passwords;
use super::operations::Call;
use super::patience::Patience;
use super::request_line::request_line;
use crate::error::one_line;
use crate::foreign::foreign;
use crate::log::{Level, Redactor, Sink};
use crate::wire::{has_document, Answer, Carrier, Exchange, FailureKind, Outcome, Request, CONCURRENT};
use std::cell::Cell;
use std::time::Duration;

/// How often a read that failed for lack of a connection is tried again, and after which pauses.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(300)];
/// An eventually consistent server shows its own writes late: the pauses after which it is asked again.
pub const CONSISTENCY_DELAYS: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_000)];
/// The longest sentence for people, in characters: it names an address and a user of 255 characters each.
const LONGEST_SENTENCE: usize = 1_400;
/// The longest line of the log, in characters: how much of an answer a debug line shows.
const LONGEST_LINE: usize = 2_000;

/// The time of a hook, counted from its start.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one request.
    pub request: Duration,
    /// No new step after this.
    pub steps: Duration,
    /// Nothing goes on after this, unless a step or the undo may.
    pub end: Duration,
    /// Whether a server that was silent a moment ago is waited for only briefly.
    pub fails_fast: bool,
}

impl Limits {
    /// A hook starts no new step after three times `timeout`.
    pub fn of_hook(timeout: Duration) -> Limits {
        Limits { request: timeout, steps: timeout * 3, end: timeout * 4, fails_fast: true }
    }

    /// Everything within `whole`.
    pub fn within(whole: Duration) -> Limits {
        Limits { request: whole, steps: whole, end: whole, fails_fast: false }
    }
}

/// Calls the API on behalf of one hook.
pub struct Api<'a> {
    carrier: &'a dyn Carrier,
    sink: &'a dyn Sink,
    redactor: Redactor,
    debug: bool,
    limits: Limits,
    started: Duration,
    /// On the carrier's clock: no request starts after the first, none goes on after the second.
    last_start: Cell<Duration>,
    end: Cell<Duration>,
    /// No write that waits for others starts after this.
    last_write: Cell<Duration>,
    requests: Cell<usize>,
    patience: Patience<'a>,
    /// The server took a request of this client's: its id and password are right.
    let_in: Cell<bool>,
}

impl<'a> Api<'a> {
    pub fn new(
        carrier: &'a dyn Carrier,
        sink: &'a dyn Sink,
        redactor: Redactor,
        debug: bool,
        limits: Limits,
    ) -> Api<'a> {
        let started = carrier.now();
        let api = Api {
            carrier,
            sink,
            redactor,
            debug,
            limits,
            started,
            last_start: Cell::new(started),
            end: Cell::new(started),
            last_write: Cell::new(started + limits.steps),
            requests: Cell::new(0),
            patience: Patience::new(carrier, limits.fails_fast),
            let_in: Cell::new(false),
        };
        api.set_time(limits.steps, limits.end);
        api
    }

    /// Counted from the start of the hook.
    fn set_time(&self, last_start: Duration, end: Duration) {
        self.last_start.set(self.started + last_start);
        self.end.set(self.started + end);
    }

    /// The step under way may finish: its look-ups go on for the time of one request more.
    pub fn begin_step(&self) -> Result<(), CallError> {
        let now = self.elapsed();
        if now >= self.limits.steps {
            return Err(self.no_time());
        }
        let request = self.limits.request;
        self.set_time(self.limits.steps + request, self.limits.steps + request + request / 2);
        Ok(())
    }

    /// From now on the undo runs: the time of one request more than the steps had, and at least that of two (it
    /// reads before it removes), but never beyond six times the time for one request.
    pub fn begin_undo(&self) {
        let request = self.limits.request;
        let last_start = (self.limits.steps + request).max(self.elapsed() + request * 2);
        let last_start = last_start.min(request.mul_f64(5.4));
        self.set_time(last_start, last_start + request.mul_f64(0.45));
        self.last_write.set(self.last_start.get());
    }

    fn last_start(&self) -> Duration {
        self.patience.limit(self.last_start.get())
    }

    pub fn elapsed(&self) -> Duration {
        self.carrier.now().saturating_sub(self.started)
    }

    /// How many requests have left so far.
    pub fn requests(&self) -> usize {
        self.requests.get()
    }

    pub fn timeout(&self) -> Duration {
        self.limits.request
    }

    /// Writes one line to the log, of bounded length, whatever the names in it hold.
    pub fn log(&self, level: Level, line: &str) {
        self.sink.write(level, &one_line(line, LONGEST_LINE));
    }

    /// A sentence fit to be shown: what is the server's in it is masked.
    pub fn clean(&self, text: &str) -> String {
        one_line(&self.redactor.resolve(text), LONGEST_SENTENCE)
    }

    /// The error as people may read it: its text, and the server's own code.
    pub fn cleaned(&self, error: CallError) -> CallError {
        let cause = match error.cause {
            Cause::Refused(code) => Cause::Refused(self.clean(&foreign(&code))),
            other => other,
        };
        CallError { cause, text: self.clean(&error.text), ..error }
    }

    /// Waits, but not longer than a quarter of the time for one request, and not where nothing is asked any
    /// more afterwards.
    pub fn pause(&self, time: Duration) {
        let left = self.last_start().saturating_sub(self.carrier.now());
        if !left.is_zero() {
            self.carrier.pause(time.min(self.limits.request / 4).min(left));
        }
    }

    /// Reads side by side. One that failed for lack of a connection is tried again, a few times.
    pub fn read(&self, calls: &[Call]) -> Vec<Result<Reply, CallError>> {
        self.patience.begin_read();
        self.repeated(calls, is_passing)
    }

    /// Writes, side by side where there are several. Only what was never sent is tried again. Each is a step, so
    /// those that have to wait for others until the time for steps is over are not sent.
    pub fn write(&self, calls: &[Call]) -> Vec<Result<Reply, CallError>> {
        let mut replies = Vec::with_capacity(calls.len());
        for some in calls.chunks(CONCURRENT) {
            if !replies.is_empty() && self.carrier.now() >= self.last_write.get() {
                break;
            }
            replies.extend(self.repeated(some, |error| !error.doubt && is_passing(error)));
        }
        replies.resize_with(calls.len(), || Err(self.no_time()));
        replies
    }

    pub fn read_one(&self, call: &Call) -> Result<Reply, CallError> {
        self.read(std::slice::from_ref(call)).pop().unwrap_or_else(|| Err(self.no_time()))
    }

    /// A read that is not tried again: its caller asks several times in any case.
    pub fn read_once(&self, call: &Call) -> Result<Reply, CallError> {
        self.once(std::slice::from_ref(call)).pop().unwrap_or_else(|| Err(self.no_time()))
    }

    pub fn write_one(&self, call: &Call) -> Result<Reply, CallError> {
        self.write(std::slice::from_ref(call)).pop().unwrap_or_else(|| Err(self.no_time()))
    }

    /// The calls, and again those whose error asks for it, after short growing pauses.
    fn repeated(&self, calls: &[Call], again: fn(&CallError) -> bool) -> Vec<Result<Reply, CallError>> {
        let mut replies = self.once(calls);
        for pause in RETRY_PAUSES {
            let failed: Vec<usize> =
                (0..calls.len()).filter(|&i| replies[i].as_ref().is_err_and(again)).collect();
            if failed.is_empty() {
                break;
            }
            self.pause(pause);
            let retried: Vec<Call> = failed.iter().map(|&i| calls[i].clone()).collect();
            for (i, reply) in failed.into_iter().zip(self.once(&retried)) {
                // That the time is over says less than why it failed before.
                if !reply.as_ref().is_err_and(|error| error.cause == Cause::NoTime) {
                    replies[i] = reply;
                }
            }
        }
        replies
    }

    /// A request of the caller's own; the answer as it came.
    pub fn raw(&self, request: &Request) -> Result<Answer, CallError> {
        match self.carry(std::slice::from_ref(request)).pop() {
            Some(Outcome::Answered(answer)) => Ok(answer),
            Some(Outcome::NotSent(failure)) => Err(CallError {
                cause: Cause::NoAnswer(failure.kind),
                doubt: false,
                text: self.clean(&failure.text),
            }),
            Some(Outcome::InDoubt(failure)) => Err(CallError {
                cause: Cause::NoAnswer(failure.kind),
                doubt: true,
                text: self.clean(&failure.text),
            }),
            None => Err(self.no_time()),
        }
    }

    /// Each call once, as far as there is time.
    fn once(&self, calls: &[Call]) -> Vec<Result<Reply, CallError>> {
        let requests: Vec<Request> = calls.iter().map(Call::request).collect();
        let outcomes = self.carry(&requests);
        let mut replies: Vec<Result<Reply, CallError>> = calls
            .iter()
            .zip(outcomes)
            .map(|(call, outcome)| {
                let is_blocked = self.let_in.get() && is_forbidden(&outcome);
                let reply = if is_blocked { Err(answer::blocked()) } else { answer::read(call, outcome) };
                reply.map_err(|error| self.cleaned(self.patience.explained(error)))
            })
            .collect();
        replies.resize_with(calls.len(), || Err(self.no_time()));
        replies
    }

    /// No outcome at all where there is no time left.
    fn carry(&self, requests: &[Request]) -> Vec<Outcome> {
        if self.carrier.now() >= self.last_start() {
            return Vec::new();
        }
        let exchanges =
            self.carrier.carry(requests, self.limits.request, self.patience.limit(self.end.get()));
        self.patience.note(&exchanges);
        let took = |exchange: &Exchange| match &exchange.outcome {
            Outcome::Answered(answer) => has_document(answer.status),
            _ => false,
        };
        self.let_in.set(self.let_in.get() || exchanges.iter().any(took));
        let left = exchanges.iter().filter(|exchange| !matches!(exchange.outcome, Outcome::NotSent(_)));
        self.requests.set(self.requests.get() + left.count());
        if self.debug {
            for (request, exchange) in requests.iter().zip(&exchanges) {
                self.log(Level::Debug, &self.describe(request, exchange));
            }
        }
        exchanges.into_iter().map(|exchange| exchange.outcome).collect()
    }

    fn no_time(&self) -> CallError {
        let text = format!(
            "the time of the whole operation is over ({} seconds to wait for one request: see the export's option timeout)",
            self.limits.request.as_secs_f64()
        );
        CallError { cause: Cause::NoTime, doubt: false, text }
    }

    /// A request and what became of it, for the debug log.
    fn describe(&self, request: &Request, exchange: &Exchange) -> String {
        let outcome = match &exchange.outcome {
            Outcome::NotSent(failure) => format!("not sent: {}", failure.text),
            Outcome::InDoubt(failure) => format!("no answer: {}", failure.text),
            Outcome::Answered(answer) => {
                let body = document::readable(&answer.body, answer.content_type.as_deref());
                let body = without_passwords(&body);
                format!("{} {}", answer.status, foreign(&body))
            }
        };
        let line = format!(
            "{} -> {:.1} ms: {outcome}",
            request_line(request, &self.redactor),
            exchange.elapsed.as_secs_f64() * 1_000.0,
        );
        self.redactor.resolve(&line)
    }
}

fn is_forbidden(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered(answer) if answer.status == 403)
}

/// It failed for lack of a connection, or the server was away for a moment.
fn is_passing(error: &CallError) -> bool {
    match error.cause {
        Cause::NoAnswer(kind) => {
            matches!(
                kind,
                FailureKind::Name | FailureKind::Connect | FailureKind::Local | FailureKind::Closed
            )
        }
        Cause::Unusable(status) => matches!(status, 502..=504),
        _ => false,
    }
}
