//! How long a hook waits for a server that was gone or silent a moment ago: so briefly that a run over many
//! mailboxes does not wait for each as long as for one.

use super::answer::{CallError, Cause};
use crate::wire::{Carrier, Exchange, FailureKind, Outcome};
use std::cell::Cell;
use std::time::Duration;

/// So long after a failure, hooks are brief.
const WINDOW: Duration = Duration::from_secs(30);
/// What a brief hook has until the first answer, repetitions included.
const BRIEFLY: Duration = Duration::from_secs(2);
/// Timers are not exact: this shortly before its end a brief hook is at its end.
const NEARLY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Answer,
    Silence,
}

/// Of one hook.
pub struct Patience<'a> {
    carrier: &'a dyn Carrier,
    /// What has a limit of its own is neither brief nor a reason to be.
    applies: bool,
    has_begun: Cell<bool>,
    /// When a brief hook ends, unless it gets an answer, and how long before it the server was silent.
    brief: Cell<Option<(Duration, Duration)>>,
    last: Cell<Last>,
}

impl<'a> Patience<'a> {
    pub fn new(carrier: &'a dyn Carrier, applies: bool) -> Patience<'a> {
        let (has_begun, brief, last) = (Cell::new(false), Cell::new(None), Cell::new(Last::Nothing));
        Patience { carrier, applies, has_begun, brief, last }
    }

    /// A read is about to start; whether the hook is brief is decided at its first request.
    pub fn begin_read(&self) {
        if self.has_begun.replace(true) || !self.applies {
            return;
        }
        let now = self.carrier.now();
        let age = self.carrier.outage().map(|at| now.saturating_sub(at)).filter(|age| *age < WINDOW);
        self.brief.set(age.map(|age| (now + BRIEFLY, age)));
    }

    /// `time`, on the carrier's clock, or when a brief hook ends, where that is sooner.
    pub fn limit(&self, time: Duration) -> Duration {
        self.brief.get().map_or(time, |(until, _)| time.min(until))
    }

    pub fn note(&self, exchanges: &[Exchange]) {
        self.has_begun.set(true);
        if exchanges.iter().any(|exchange| matches!(exchange.outcome, Outcome::Answered(_))) {
            self.brief.set(None);
            self.last.set(Last::Answer);
            if self.carrier.outage().is_some() {
                self.carrier.set_outage(None);
            }
        } else if exchanges.iter().any(|exchange| is_silence(&exchange.outcome)) {
            self.last.set(Last::Silence);
        }
    }

    /// `error`, with why the hook did not wait longer, if it waited.
    pub fn explained(&self, error: CallError) -> CallError {
        let age = match (self.brief.get(), &error.cause) {
            (Some((until, age)), Cause::NoAnswer(_)) if self.carrier.now() + NEARLY >= until => {
                age.as_secs().max(1)
            }
            _ => return error,
        };
        let plural = if age == 1 { "" } else { "s" };
        let (text, brief) = (&error.text, BRIEFLY.as_secs());
        let text = format!("{text}; the server did not answer {age} second{plural} ago either, so it was given only {brief} seconds this time");
        CallError { text, ..error }
    }
}

impl Drop for Patience<'_> {
    /// A brief hook that fails does not make the next ones brief for longer.
    fn drop(&mut self) {
        if self.applies && self.last.get() == Last::Silence && self.brief.get().is_none() {
            self.carrier.set_outage(Some(self.carrier.now()));
        }
    }
}

/// The server could not be reached, or took a request and said nothing.
fn is_silence(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::NotSent(failure) => matches!(failure.kind, FailureKind::Name | FailureKind::Connect),
        Outcome::InDoubt(failure) => failure.kind == FailureKind::Timeout,
        Outcome::Answered(_) => false,
    }
}
