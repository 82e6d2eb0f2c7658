//! Puts things back after a failure, last first, and names what could not be put back.

use super::settle::{self, Found, Settled};
use super::{Effect, Entry, Failure, Run};
use crate::api::{Api, Call, Reply};
use crate::error::{Error, Status};
use crate::id::{AccountId, UserName};
use crate::step::{Step, Undo};
use std::time::Duration;

/// Before each round of the undo. What the server would not undo it may undo a moment later; and what is
/// stuck must not keep the rest from being undone, so it is tried again after all the others.
const ROUNDS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300)];

#[derive(Default)]
struct Account {
    undone: Vec<String>,
    leftovers: Vec<String>,
}

impl Account {
    /// A user who could not be purged alone is gone with the account.
    fn forget_what_went_along(&mut self, user: Option<&Step>) {
        let Some(Step::CreateUser { account, .. }) = user else { return };
        let purge = Step::PurgeAccount { id: account.clone(), force: true }.text();
        let trace = user.map(Step::trace).unwrap_or_default();
        if self.undone.contains(&purge) {
            self.leftovers.retain(|left| !left.ends_with(&trace));
        }
    }
}

impl Run<'_> {
    /// The failure as it is told, after everything that could be undone was.
    pub(super) fn undone(self, failure: Failure) -> Error {
        let mut account = Account::default();
        let is_creation = |entry: &&Entry| matches!(entry.step, Step::CreateUser { .. });
        let made_user = self.journal.iter().find(is_creation).map(|_| self.task.user());
        let ours = self.journal.iter().rev().filter(|entry| entry.effect != Effect::Already);
        let mut open: Vec<(&Entry, String)> = ours.map(|entry| (entry, String::new())).collect();
        if !open.is_empty() {
            self.api.begin_undo();
        }
        for pause in ROUNDS {
            if open.is_empty() {
                break;
            }
            if !pause.is_zero() {
                self.api.pause(pause);
            }
            open = open
                .into_iter()
                .filter_map(|(entry, _)| Some((entry, undo(self.api, entry, made_user, &mut account)?)))
                .collect();
        }
        account.leftovers.extend(open.into_iter().map(|(_, left)| left));
        let user = self.journal.iter().find(is_creation).map(|entry| &entry.step);
        account.forget_what_went_along(user);
        told(failure, account)
    }
}

/// Some: it could not be undone now; what is left then.
fn undo(api: &Api, entry: &Entry, made_user: Option<&UserName>, account: &mut Account) -> Option<String> {
    let undo = entry.step.undo(made_user);
    if undo == Undo::Needless {
        return None;
    }
    if entry.effect == Effect::InDoubt {
        match settle::look_up(api, &entry.step) {
            Found::DidNot => return None,
            Found::TookEffect(_) => {}
            // Putting back what may be there already does no harm.
            Found::CannotTell if entry.step.is_repeatable() => {}
            Found::CannotTell | Found::Unreadable => {
                return Some(format!("possibly: {}", entry.step.trace()))
            }
        }
    }
    match undo {
        Undo::Needless => {}
        Undo::Impossible(trace) => account.leftovers.push(trace),
        Undo::By(step) if !is_safe(api, &step, made_user) => return Some(entry.step.trace()),
        Undo::By(step) => match settle::run(api, &step) {
            Settled::Done(_) | Settled::Already(_) => {
                account.undone.push(step.text());
                account.leftovers.extend(entry.step.lost_by_undo());
            }
            Settled::Failed { .. } => return Some(entry.step.trace()),
        },
    }
    None
}

/// An account is purged only where the server shows nobody on it whom this hook did not make.
fn is_safe(api: &Api, step: &Step, made_user: Option<&UserName>) -> bool {
    match step {
        Step::PurgeAccount { id, .. } => !has_others(api, id, made_user),
        _ => true,
    }
}

fn has_others(api: &Api, id: &AccountId, made_user: Option<&UserName>) -> bool {
    match api.read_one(&Call::get_users(id)) {
        Ok(Reply::List(list)) => list.iter().any(|(name, _)| Some(&UserName::new(name)) != made_user),
        Ok(Reply::Absent) => false,
        _ => true,
    }
}

fn told(failure: Failure, account: Account) -> Error {
    let Account { undone, leftovers } = account;
    let (mut status, mut text) = (failure.status, failure.text);
    if !leftovers.is_empty() {
        status = Status::Doubt;
        text = format!("{text}; left in MagicMail, to be put right by hand: {}", leftovers.join(", "));
    } else if !undone.is_empty() {
        text = format!("{text}; what was done before it was undone");
    }
    Error {
        code: failure.code,
        step: failure.step.map(|step| step.text()),
        undone,
        leftovers,
        ..Error::new(status, text)
    }
}
