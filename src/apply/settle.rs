//! What became of one step: done, not done, or in doubt. A doubt is looked up before anything else is decided, and
//! what did not take effect is tried once more. A step that fails costs at most eight requests.

use super::calls;
use super::look_up::{look_up, look_up_again, look_up_briefly, look_up_last, Found};
use super::verdict::{verdict, Verdict};
use crate::api::{Api, CallError, Cause, Reply, Shape};
use crate::foreign::foreign;
use crate::step::Step;

pub enum StepOutcome {
    /// It took effect; the server's words, of the step's own answer or of the look-up's.
    Done(Option<Reply>),
    /// A user whom the server says that it made, and whom it shows otherwise than it was to be: it may have been there
    /// before.
    Unproven(Option<Reply>),
    /// The server refused it, and it is so: it was so before, or the server did it all the same. Not to be undone.
    Already(Reply),
    /// The server refused it, and does not say whether it is so all the same.
    Refused(CallError),
    /// `certain`: it did nothing. Otherwise that cannot be told.
    Failed { error: CallError, certain: bool },
}

/// Sends `step`, which takes back what this call did. Whether it is so afterwards.
pub fn take_back(api: &Api, step: &Step) -> bool {
    match api.write_one(&calls::call(step)) {
        Ok(Reply::Silent) if gives_nothing(step) => true,
        Ok(reply) if reply != Reply::Silent && says_it_did(step, &reply) => true,
        // Nothing that can be asked would tell; the answer was a success.
        Ok(_) if !step.can_be_seen() => true,
        Err(error) if is_never_sent(&error) => false,
        answer => match look_up_last(api, step) {
            Found::TookEffect(_) => true,
            Found::Unknown => answer.is_ok() && step.is_repeatable(),
            Found::DidNot(_) | Found::Unreadable => false,
        },
    }
}

/// What `reply`, the answer to `step`, means for it.
pub fn resolve(api: &Api, step: &Step, reply: Result<Reply, CallError>) -> StepOutcome {
    match reply {
        Ok(Reply::Silent) if gives_nothing(step) => StepOutcome::Done(None),
        Ok(Reply::Silent) => match look_up(api, step) {
            Found::TookEffect(found) => StepOutcome::Done(Some(found)),
            Found::DidNot(found) if was_there(step, &found) => StepOutcome::Already(found),
            Found::DidNot(_) => once_more(api, step, true),
            Found::Unknown if step.is_repeatable() => once_more(api, step, false),
            Found::Unknown if makes_user(step) => StepOutcome::Unproven(None),
            Found::Unknown | Found::Unreadable => StepOutcome::Done(None),
        },
        Ok(reply) => match verdict(step, &reply) {
            Verdict::Unknown if makes_user(step) => StepOutcome::Unproven(Some(reply)),
            Verdict::TookEffect | Verdict::Unknown => StepOutcome::Done(Some(reply)),
            Verdict::DidNot if was_there(step, &reply) => StepOutcome::Already(reply),
            Verdict::DidNot => looked_up(api, step, not_done()),
        },
        Err(error) if error.doubt => looked_up(api, step, error),
        Err(error) => refused(api, step, error),
    }
}

fn looked_up(api: &Api, step: &Step, error: CallError) -> StepOutcome {
    match look_up(api, step) {
        Found::TookEffect(found) => StepOutcome::Done(Some(found)),
        Found::DidNot(found) if was_there(step, &found) => StepOutcome::Already(found),
        Found::DidNot(_) => once_more(api, step, true),
        Found::Unknown if step.is_repeatable() => once_more(api, step, false),
        Found::Unknown | Found::Unreadable => StepOutcome::Failed { error, certain: false },
    }
}

/// An account that is there and is not as it was to be made: it was there before, whatever a read said of it.
fn was_there(step: &Step, found: &Reply) -> bool {
    matches!((step, found), (Step::CreateAccount { .. }, Reply::Record(_)))
}

fn makes_user(step: &Step) -> bool {
    matches!(step, Step::CreateUser { .. })
}

/// The second and last try. `certain`: the first one did nothing.
fn once_more(api: &Api, step: &Step, certain: bool) -> StepOutcome {
    let error = match api.write_one(&calls::call(step)) {
        Ok(Reply::Silent) if gives_nothing(step) || step.is_repeatable() => return StepOutcome::Done(None),
        Ok(reply) if reply != Reply::Silent && says_it_did(step, &reply) => {
            return StepOutcome::Done(Some(reply))
        }
        Ok(_) => not_done(),
        Err(error) => error,
    };
    if is_never_sent(&error) {
        return StepOutcome::Failed { error, certain };
    }
    match look_up_again(api, step) {
        Found::TookEffect(found) => StepOutcome::Done(Some(found)),
        Found::DidNot(found) if was_there(step, &found) => StepOutcome::Already(found),
        Found::DidNot(reply) => {
            StepOutcome::Failed { error: explained(api, step, error, &reply), certain: true }
        }
        Found::Unknown | Found::Unreadable => StepOutcome::Failed { error, certain: false },
    }
}

/// The server said no. That may mean that it is so already; or it did it and failed at something after that. So it
/// is asked before it is trusted.
fn refused(api: &Api, step: &Step, error: CallError) -> StepOutcome {
    // Whether a user is there that could not be made, is asked for in any case.
    if !matches!(error.cause, Cause::Refused(_)) || makes_user(step) {
        return StepOutcome::Failed { error, certain: true };
    }
    // A server has no reason to refuse a status: if it does, it may not show yet what it did all the same.
    let found = if step.sets_a_mark() { look_up(api, step) } else { look_up_briefly(api, step) };
    match found {
        // That the names are there does not say that the password is.
        Found::TookEffect(_) if step.sets_password() => refused_twice(api, step, error, true),
        Found::Unknown if step.is_repeatable() => refused_twice(api, step, error, false),
        Found::TookEffect(reply) if step.adds() => StepOutcome::Already(reply),
        Found::DidNot(reply) if was_there(step, &reply) => StepOutcome::Already(reply),
        // It was there, or otherwise, when this call looked.
        Found::TookEffect(reply) => StepOutcome::Done(Some(reply)),
        Found::DidNot(reply) => {
            StepOutcome::Failed { error: explained(api, step, error, &reply), certain: true }
        }
        Found::Unknown | Found::Unreadable if step.adds() => StepOutcome::Refused(error),
        Found::Unknown | Found::Unreadable => StepOutcome::Failed { error, certain: false },
    }
}

/// What cannot be looked up is tried once more. A password that is refused twice is not set; names that are there
/// all the same (`names_are_there`: a read said so after the first refusal) are to be put back.
fn refused_twice(api: &Api, step: &Step, error: CallError, names_are_there: bool) -> StepOutcome {
    match api.write_one(&calls::call(step)) {
        Ok(Reply::Silent) => StepOutcome::Done(None),
        Ok(reply) if says_it_did(step, &reply) => StepOutcome::Done(Some(reply)),
        Err(again) if matches!(again.cause, Cause::Refused(_)) => {
            let certain = !step.can_be_seen()
                || !names_are_there
                    && match api.read_once(&calls::probe(step)) {
                        Ok(reply) => verdict(step, &reply) != Verdict::TookEffect,
                        Err(_) => false,
                    };
            StepOutcome::Failed { error, certain }
        }
        _ => StepOutcome::Failed { error, certain: false },
    }
}

fn gives_nothing(step: &Step) -> bool {
    calls::call(step).operation.answer == Shape::Nothing
}

fn says_it_did(step: &Step, reply: &Reply) -> bool {
    verdict(step, reply) != Verdict::DidNot
}

fn is_never_sent(error: &CallError) -> bool {
    !error.doubt && !error.was_answered()
}

fn not_done() -> CallError {
    CallError {
        cause: Cause::Unusable(200),
        doubt: true,
        text: "the server reported success, but nothing changed".to_owned(),
    }
}

const FORBIDDEN: &str = "error.permission_denied";

/// Whether the server said that this API client may not do it, or that the thing is not there: it does not tell which.
pub fn is_forbidden(error: &CallError) -> bool {
    error.code() == Some(FORBIDDEN)
}

/// A refusal in words that say more than the server's, if it is asked.
fn explained(api: &Api, step: &Step, error: CallError, known: &Reply) -> CallError {
    let (Step::AddAddress { address, user }, Cause::Refused(_)) = (step, &error.cause) else { return error };
    let read = match known {
        Reply::Record(_) => Ok(known.clone()),
        _ => api.read_once(&calls::owner(address)),
    };
    let owner = match read {
        Ok(Reply::Record(record)) => record.get("user").map(str::to_owned),
        _ => None,
    };
    let text = match owner {
        Some(owner) if crate::id::UserName::new(&owner) != *user => {
            format!("the address is on user {}; remove it there first ({})", foreign(&owner), error.text)
        }
        _ if is_forbidden(&error) => format!(
            "{}; {} must be a system domain which the API client may use (set it up in MagicMail)",
            error.text,
            address.domain()
        ),
        _ => return error,
    };
    CallError { text, ..error }
}
