//! What became of one step: done, not done, or in doubt. A doubt is looked up before anything else is
//! decided, and what did not take effect is tried once more.

use super::calls;
use super::look_up::{look_up, look_up_refused, Belief, Found};
use super::verdict::{verdict, Verdict};
use crate::api::{Api, CallError, Cause, Reply, Shape};
use crate::foreign::foreign;
use crate::step::Step;

pub enum Settled {
    /// It took effect; the server's words, of the step's own answer or of the look-up's.
    Done(Option<Reply>),
    /// The server refused it, and it is so: it was so before, or the server did it all the same. Not to be undone.
    Already(Reply),
    /// The server refused it, and does not say whether it is so all the same.
    Refused(CallError),
    /// `certain`: it did nothing. Otherwise that cannot be told.
    Failed { error: CallError, certain: bool },
}

/// Sends `step`, which takes back what this hook did. Whether it is so afterwards.
pub fn take_back(api: &Api, step: &Step) -> bool {
    let settling = Settling { api, step, belief: Belief::Slow };
    matches!(settling.settle(api.write_one(&calls::call(step))), Settled::Done(_))
}

/// What `reply`, the answer to `step`, means for it.
pub fn settle(api: &Api, step: &Step, reply: Result<Reply, CallError>) -> Settled {
    Settling { api, step, belief: Belief::Ready }.settle(reply)
}

struct Settling<'a> {
    api: &'a Api<'a>,
    step: &'a Step,
    belief: Belief,
}

impl Settling<'_> {
    fn settle(&self, reply: Result<Reply, CallError>) -> Settled {
        let is_silent = matches!(reply, Ok(Reply::Silent));
        if is_silent && self.gives_nothing() {
            return Settled::Done(None);
        }
        match reply {
            Ok(reply) if !is_silent && self.says_it_did(&reply) => Settled::Done(Some(reply)),
            Err(error) if !error.doubt => self.refused(error),
            Ok(_) if is_silent => match self.look_up() {
                Found::TookEffect(found) => Settled::Done(Some(found)),
                Found::DidNot(_) => self.once_more(true),
                Found::CannotTell if self.step.is_repeatable() => self.once_more(false),
                Found::CannotTell | Found::Unreadable => Settled::Done(None),
            },
            Ok(_) => self.looked_up(not_done()),
            Err(error) => self.looked_up(error),
        }
    }

    fn looked_up(&self, error: CallError) -> Settled {
        match self.look_up() {
            Found::TookEffect(found) => Settled::Done(Some(found)),
            Found::DidNot(_) => self.once_more(true),
            Found::CannotTell if self.step.is_repeatable() => self.once_more(false),
            Found::CannotTell | Found::Unreadable => Settled::Failed { error, certain: false },
        }
    }

    /// The second and last try. `certain`: the first one did nothing.
    fn once_more(&self, certain: bool) -> Settled {
        let error = match self.api.write_one(&calls::call(self.step)) {
            Ok(Reply::Silent) if self.gives_nothing() || self.step.is_repeatable() => {
                return Settled::Done(None)
            }
            Ok(reply) if reply != Reply::Silent && self.says_it_did(&reply) => {
                return Settled::Done(Some(reply))
            }
            Ok(_) => not_done(),
            Err(error) => error,
        };
        if is_never_sent(&error) {
            return Settled::Failed { error, certain };
        }
        match self.look_up() {
            Found::TookEffect(found) => Settled::Done(Some(found)),
            Found::DidNot(reply) => {
                Settled::Failed { error: better_told(self.step, error, &reply), certain: true }
            }
            Found::CannotTell | Found::Unreadable => Settled::Failed { error, certain: false },
        }
    }

    /// The server said no. That may mean that it is so already; or it did it and failed at something after
    /// that. So it is asked before it is believed.
    fn refused(&self, error: CallError) -> Settled {
        let is_asked_for_anyway = matches!(self.step, Step::CreateUser { .. });
        if !matches!(error.cause, Cause::Refused(_)) || is_asked_for_anyway {
            return Settled::Failed { error, certain: true };
        }
        if self.belief == Belief::Slow {
            return match self.look_up() {
                Found::TookEffect(reply) => Settled::Done(Some(reply)),
                _ => Settled::Failed { error, certain: true },
            };
        }
        // A server has no reason to refuse a status: where it does, it may lag behind what it did all the same.
        let found =
            if self.step.sets_a_mark() { self.look_up() } else { look_up_refused(self.api, self.step) };
        match found {
            // That the names are there does not say that the password is.
            Found::TookEffect(_) if self.step.sets_password() => self.refused_twice(error),
            Found::CannotTell if self.step.is_repeatable() => self.refused_twice(error),
            Found::TookEffect(reply) if self.step.adds() => Settled::Already(reply),
            // It was there, or otherwise, when this hook looked.
            Found::TookEffect(reply) => Settled::Done(Some(reply)),
            Found::DidNot(reply) => {
                Settled::Failed { error: better_told(self.step, error, &reply), certain: true }
            }
            Found::CannotTell | Found::Unreadable if self.step.adds() => Settled::Refused(error),
            Found::CannotTell | Found::Unreadable => Settled::Failed { error, certain: false },
        }
    }

    /// What cannot be looked up is tried once more. A password that is refused twice is not set; names that are
    /// there all the same are to be put back.
    fn refused_twice(&self, error: CallError) -> Settled {
        match self.api.write_one(&calls::call(self.step)) {
            Ok(Reply::Silent) => Settled::Done(None),
            Ok(reply) if self.says_it_did(&reply) => Settled::Done(Some(reply)),
            Err(again) if matches!(again.cause, Cause::Refused(_)) => {
                let certain = match self.api.read_one(&calls::probe(self.step)) {
                    Ok(reply) => verdict(self.step, &reply) != Verdict::TookEffect,
                    Err(_) => false,
                };
                Settled::Failed { error, certain }
            }
            _ => Settled::Failed { error, certain: false },
        }
    }

    fn look_up(&self) -> Found {
        look_up(self.api, self.step, self.belief)
    }

    fn gives_nothing(&self) -> bool {
        calls::call(self.step).operation.answer == Shape::Nothing
    }

    fn says_it_did(&self, reply: &Reply) -> bool {
        verdict(self.step, reply) != Verdict::DidNot
    }
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

/// A refusal in words that say more than the server's, where the look-up's `reply` says more.
fn better_told(step: &Step, error: CallError, reply: &Reply) -> CallError {
    let (Step::AddAddress { address, .. }, Cause::Refused(_)) = (step, &error.cause) else { return error };
    let text = match reply {
        Reply::Record(record) => match record.get("user") {
            Some(owner) => {
                format!("the address is on user {}; remove it there first ({})", foreign(owner), error.text)
            }
            None => return error,
        },
        _ if error.code() != Some("error.permission_denied") => return error,
        _ => format!(
            "{}; {} must be a system domain which the API client may use (set it up in MagicMail)",
            error.text,
            address.domain()
        ),
    };
    CallError { text, ..error }
}
