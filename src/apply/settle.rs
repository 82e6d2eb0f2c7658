//! What became of one step: done, not done, or in doubt. A doubt is looked up before anything else is
//! decided, and what did not take effect is tried once more.

use super::calls;
use super::verdict::{verdict, Verdict};
use crate::api::{Api, CallError, Cause, Reply, Shape};
use crate::foreign::foreign;
use crate::step::Step;
use std::time::Duration;

/// How long a look-up waits before it asks: a server may lag behind its own writes.
const LOOK_UP_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_millis(1_000)];

/// A server that could not be asked so often is not asked again.
const MOST_UNREADABLE: usize = 2;

pub enum Settled {
    /// It took effect; the server's words, of the step's own answer or of the look-up's.
    Done(Option<Reply>),
    /// The server refused it, for it was so already: this hook did nothing, and has nothing to undo.
    Already(Reply),
    /// `certain`: it did nothing. Otherwise that cannot be told.
    Failed { error: CallError, certain: bool },
}

/// What a look-up found.
pub enum Found {
    TookEffect(Reply),
    DidNot,
    /// The server was asked, and its answer does not tell.
    CannotTell,
    /// It could not be asked.
    Unreadable,
}

/// Sends `step` and settles it.
pub fn run(api: &Api, step: &Step) -> Settled {
    settle(api, step, api.write_one(&calls::call(step)))
}

/// What `reply`, the answer to `step`, means for it.
pub fn settle(api: &Api, step: &Step, reply: Result<Reply, CallError>) -> Settled {
    let is_silent = matches!(reply, Ok(Reply::Silent));
    if is_silent && calls::call(step).operation.answer == Shape::Nothing {
        return Settled::Done(None);
    }
    match reply {
        Ok(reply) if !is_silent && verdict(step, &reply) != Verdict::DidNot => Settled::Done(Some(reply)),
        Err(error) if !error.doubt => refused(api, step, error),
        Ok(_) if is_silent => match look_up(api, step) {
            Found::TookEffect(found) => Settled::Done(Some(found)),
            Found::DidNot => once_more(api, step, true),
            Found::CannotTell if step.is_repeatable() => once_more(api, step, false),
            Found::CannotTell | Found::Unreadable => Settled::Done(None),
        },
        Ok(_) => looked_up(api, step, not_done()),
        Err(error) => looked_up(api, step, error),
    }
}

fn looked_up(api: &Api, step: &Step, error: CallError) -> Settled {
    match look_up(api, step) {
        Found::TookEffect(found) => Settled::Done(Some(found)),
        Found::DidNot => once_more(api, step, true),
        Found::CannotTell if step.is_repeatable() => once_more(api, step, false),
        Found::CannotTell | Found::Unreadable => Settled::Failed { error, certain: false },
    }
}

/// The second and last try. `certain`: the first one did nothing.
fn once_more(api: &Api, step: &Step, certain: bool) -> Settled {
    let error = match api.write_one(&calls::call(step)) {
        Ok(Reply::Silent) if calls::call(step).operation.answer == Shape::Nothing || step.is_repeatable() => {
            return Settled::Done(None)
        }
        Ok(reply) if reply != Reply::Silent && verdict(step, &reply) != Verdict::DidNot => {
            return Settled::Done(Some(reply))
        }
        Ok(_) => not_done(),
        Err(error) => error,
    };
    if is_never_sent(&error) {
        return Settled::Failed { error, certain };
    }
    match look_up(api, step) {
        Found::TookEffect(found) => Settled::Done(Some(found)),
        Found::DidNot => Settled::Failed { error: better_told(api, step, error), certain: true },
        Found::CannotTell | Found::Unreadable => Settled::Failed { error, certain: false },
    }
}

/// The server said no. That may mean that it is so already.
fn refused(api: &Api, step: &Step, error: CallError) -> Settled {
    if matches!(error.cause, Cause::Refused(_)) && step.may_be_so_already() {
        if let Ok(reply) = api.read_one(&calls::probe(step)) {
            if verdict(step, &reply) == Verdict::TookEffect {
                return Settled::Already(reply);
            }
            let error = told_by(step, error, &reply);
            return Settled::Failed { error, certain: true };
        }
    }
    Settled::Failed { error, certain: true }
}

/// Asks the server whether `step` took effect, again after short pauses where it did not. What it said last
/// counts, though it could not be asked again after that.
pub fn look_up(api: &Api, step: &Step) -> Found {
    let mut found = Found::Unreadable;
    let mut unreadable = 0;
    for pause in LOOK_UP_PAUSES {
        if !pause.is_zero() {
            api.pause(pause);
        }
        match api.read_one(&calls::probe(step)).map(|reply| (verdict(step, &reply), reply)) {
            Ok((Verdict::TookEffect, reply)) => return Found::TookEffect(reply),
            Ok((Verdict::DidNot, _)) => found = Found::DidNot,
            Ok((Verdict::CannotTell, _)) => found = Found::CannotTell,
            // Each read has had its own tries already.
            Err(_) => unreadable += 1,
        }
        if unreadable == MOST_UNREADABLE {
            break;
        }
    }
    found
}

fn is_never_sent(error: &CallError) -> bool {
    !error.doubt && !error.was_answered()
}

fn not_done() -> CallError {
    CallError {
        cause: Cause::Unusable(200),
        doubt: true,
        text: "the server said that it did, but did not".to_owned(),
    }
}

/// A refusal in words that say more than the server's, where the look-up knows more.
fn better_told(api: &Api, step: &Step, error: CallError) -> CallError {
    match (step, &error.cause) {
        (Step::AddAddress { .. }, Cause::Refused(_)) => match api.read_one(&calls::probe(step)) {
            Ok(reply) => told_by(step, error, &reply),
            Err(_) => error,
        },
        _ => error,
    }
}

fn told_by(step: &Step, error: CallError, reply: &Reply) -> CallError {
    let Step::AddAddress { address, .. } = step else { return error };
    let text = match reply {
        Reply::Record(record) => match record.get("user") {
            Some(owner) => {
                format!("the address is on user {}; remove it there first ({})", foreign(owner), error.text)
            }
            None => return error,
        },
        _ => format!(
            "{}; {} must be a system domain which the API client may use (set it up in MagicMail)",
            error.text,
            address.domain()
        ),
    };
    CallError { text, ..error }
}
