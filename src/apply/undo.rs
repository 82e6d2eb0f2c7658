//! Puts things back after a failure, last first, and names what could not be put back.

use super::look_up::{look_up, look_up_refused, Belief, Found};
use super::settle::take_back;
use super::{Effect, Entry, Failure, Run};
use crate::api::{Call, CallError, Reply, LAGS};
use crate::error::{Error, FailureText, Status};
use crate::id::{AccountId, Address, UserName};
use crate::record::{Account, Status as UserStatus, User};
use crate::step::{Step, Undo};
use crate::world::Hook;
use std::time::Duration;

/// Before each round of the undo. What the server would not undo it may undo a moment later; and what is
/// stuck must not keep the rest from being undone, so it is tried again after all the others.
const ROUNDS: [Duration; 3] = [Duration::ZERO, Duration::from_millis(100), Duration::from_millis(300)];

impl Run<'_> {
    /// The failure as it is told, after everything that could be undone was.
    pub(super) fn undone(self, mut failure: Failure) -> Error {
        let mut undoing = Undoing::new(&self);
        let ours = self.journal.iter().rev();
        let ours = ours.filter(|entry| {
            entry.is_ours()
                && !self.went_with_its_user(&entry.step)
                && !self.is_what_was_asked_for(&entry.step)
        });
        let mut open: Vec<(&Entry, String)> = ours.map(|entry| (entry, String::new())).collect();
        if !self.journal.is_empty() {
            self.api.begin_undo();
        }
        for (number, pause) in (1..).zip(ROUNDS) {
            if open.is_empty() {
                break;
            }
            if !pause.is_zero() {
                self.api.pause(pause);
            }
            open = undoing.round(open, number == ROUNDS.len());
        }
        undoing.leftovers.extend(open.into_iter().map(|(_, left)| left));
        undoing.forget_lost_address();
        undoing.forget_what_went_along();
        undoing.name_what_was_refused();
        for purged in self.purged() {
            let last = if failure.why.is_empty() { &mut failure.what } else { &mut failure.why };
            *last = format!("{last}; {purged} already");
        }
        told(failure, undoing.undone, undoing.leftovers)
    }

    /// A purge after the commit cannot be taken back and need not be: the same again purges the rest.
    fn is_what_was_asked_for(&self, step: &Step) -> bool {
        self.task.hook == Hook::Purge && step.is_purge()
    }

    fn purged(&self) -> impl Iterator<Item = String> + '_ {
        let is_purged =
            |entry: &&Entry| entry.effect == Effect::Done && self.is_what_was_asked_for(&entry.step);
        self.journal.iter().filter(is_purged).map(|entry| entry.step.trace())
    }

    /// The address of a user whom this hook purged cannot be put back; nor where that is in doubt, for the name
    /// may be somebody else's by now.
    fn went_with_its_user(&self, step: &Step) -> bool {
        let Step::RemoveAddress { user, .. } = step else { return false };
        let is_purge =
            |entry: &Entry| matches!(&entry.step, Step::PurgeUser { user: purged, .. } if purged == user);
        self.journal.iter().any(is_purge)
    }

    /// The address was on the service's user before this hook changed anything.
    fn had(&self, address: &Address) -> bool {
        let was_removed = |entry: &Entry| matches!(&entry.step, Step::RemoveAddress { address: gone, .. } if gone == address);
        let owner = self.world.owners.get(address).and_then(Option::as_ref);
        owner == Some(self.task.user()) || self.journal.iter().any(was_removed)
    }
}

struct Undoing<'a> {
    run: &'a Run<'a>,
    /// The step that made the service's user, where this hook did.
    creation: Option<&'a Step>,
    undone: Vec<String>,
    leftovers: Vec<String>,
}

impl<'a> Undoing<'a> {
    fn new(run: &'a Run<'a>) -> Undoing<'a> {
        let mut steps = run.journal.iter().filter(|entry| entry.is_ours()).map(|entry| &entry.step);
        let creation = steps.find(|step| matches!(step, Step::CreateUser { .. }));
        Undoing { run, creation, undone: Vec::new(), leftovers: Vec::new() }
    }

    fn made_user(&self) -> Option<&'a UserName> {
        self.creation.map(|_| self.run.task.user())
    }

    /// Undoes what it can; returns the others, and what is left of each.
    fn round<'e>(&mut self, open: Vec<(&'e Entry, String)>, is_last: bool) -> Vec<(&'e Entry, String)> {
        let mut still_open = Vec::new();
        for (entry, left_before) in open {
            // Once the new user is gone anybody may take its name, and the address would be his: while that
            // is stuck, the name is kept.
            let keeps_name = matches!(entry.step, Step::CreateUser { .. } | Step::CreateAccount { .. });
            let has_address = |(other, _): &(&Entry, String)| matches!(other.step, Step::AddAddress { .. });
            let left = if keeps_name && !is_last && still_open.iter().any(has_address) {
                Some(entry.step.trace())
            } else {
                self.undo(entry, !left_before.is_empty())
            };
            still_open.extend(left.map(|left| (entry, left)));
        }
        still_open
    }

    /// Some: it could not be undone now; what is left then. `again`: an earlier round may have undone it all the same.
    fn undo(&mut self, entry: &Entry, again: bool) -> Option<String> {
        let undo = entry.step.undo(self.made_user());
        if undo == Undo::Needless {
            return None;
        }
        if entry.effect == Effect::InDoubt {
            match look_up(self.run.api, &entry.step, Belief::Ready) {
                Found::DidNot(_) => return None,
                Found::TookEffect(_) => {}
                // Putting back what may be there already does no harm.
                Found::CannotTell if entry.step.is_repeatable() => {}
                Found::CannotTell | Found::Unreadable => return Some(self.possibly(&entry.step)),
            }
        }
        match undo {
            Undo::Needless => {}
            Undo::Impossible(trace) => self.leftovers.push(trace),
            // A user whose purge got no answer may be gone, and another customer may have made one of that name.
            Undo::By(step) if again && matches!(step, Step::PurgeUser { .. }) => {
                match look_up(self.run.api, &step, Belief::Slow) {
                    Found::TookEffect(_) => self.is_undone(&entry.step, &step),
                    Found::Unreadable => return Some(entry.step.trace()),
                    Found::DidNot(_) | Found::CannotTell => return self.take_back(entry, &step),
                }
            }
            Undo::By(step) if !self.is_safe(&step) => return Some(entry.step.trace()),
            Undo::By(step) => return self.take_back(entry, &step),
        }
        None
    }

    fn take_back(&mut self, entry: &Entry, step: &Step) -> Option<String> {
        if !take_back(self.run.api, step) {
            return Some(entry.step.trace());
        }
        self.is_undone(&entry.step, step);
        None
    }

    fn is_undone(&mut self, step: &Step, undo: &Step) {
        self.undone.push(undo.text());
        self.leftovers.extend(step.lost_by_undo());
        self.leftovers.extend(self.kept_name(undo));
        self.put_back_address(step);
    }

    fn possibly(&self, step: &Step) -> String {
        let trace = step.trace();
        if is_mark(step) {
            return format!("possibly: {trace} (look at its address {} too)", self.run.task.address());
        }
        format!("possibly: {trace}")
    }

    /// A name that was empty before: some servers do not empty one again, and their answer need not show it.
    fn kept_name(&self, undo: &Step) -> Option<String> {
        let Step::UpdateUser { user, names, before, .. } = undo else { return None };
        let is_emptied = |name: &String, before: &String| name.is_empty() && !before.is_empty();
        if !is_emptied(&names.0, &before.0) && !is_emptied(&names.1, &before.1) {
            return None;
        }
        let is_well = |reply: &Reply| match reply {
            Reply::Record(record) => User::of(record, user).names == *names,
            _ => true,
        };
        let left = format!("names of user {user} (one of them was empty, and stays)");
        match self.read_until(&Call::get_user(user), is_well) {
            Ok(reply) => (!is_well(&reply)).then_some(left),
            Err(_) => Some(format!("possibly: {left}")),
        }
    }

    /// A server may have taken the address of a user along that was marked deleted.
    fn put_back_address(&mut self, step: &Step) {
        if !is_mark(step) {
            return;
        }
        let (address, user) = (self.run.task.address(), self.run.task.user().clone());
        let is_absent = |reply: &Reply| *reply == Reply::Absent;
        let reply = self.read_until(&Call::get_email_address(&address), is_absent);
        if reply.as_ref().is_ok_and(|reply| !is_absent(reply)) {
            return;
        }
        let had = self.run.had(&address);
        let back = Step::AddAddress { address: address.clone(), user: user.clone() };
        let trace = Step::RemoveAddress { address, user }.trace();
        match reply {
            Ok(_) if had && take_back(self.run.api, &back) => self.undone.push(back.text()),
            Ok(_) if had => self.leftovers.push(trace),
            _ => self.leftovers.push(format!("possibly: {trace}")),
        }
    }

    /// The answer that is waited for, or the last one: a server may lag.
    fn read_until(&self, call: &Call, is_it: impl Fn(&Reply) -> bool) -> Result<Reply, CallError> {
        let mut reply = self.run.api.read_one(call);
        for lag in LAGS {
            if reply.as_ref().is_ok_and(&is_it) {
                break;
            }
            self.run.api.pause(lag);
            reply = self.run.api.read_one(call);
        }
        reply
    }

    /// An account is purged only where the server shows nobody on it whom this hook did not make.
    fn is_safe(&self, step: &Step) -> bool {
        let Step::PurgeAccount { id, .. } = step else { return true };
        self.has_nobody_else(id) == Some(true)
    }

    /// An address that was stuck may have gone with the user after all. It is not removed any more: by now it
    /// may be somebody else's.
    fn forget_lost_address(&mut self) {
        let (address, user) = (self.run.task.address(), self.run.task.user().clone());
        let trace = Step::AddAddress { address: address.clone(), user }.trace();
        let is_named = self.leftovers.iter().any(|left| left.ends_with(&trace));
        if self.creation.is_none() || !is_named {
            return;
        }
        if self.run.api.read_one(&Call::get_email_address(&address)) == Ok(Reply::Absent) {
            self.leftovers.retain(|left| !left.ends_with(&trace));
        }
    }

    /// A user who could not be purged alone is gone with the account.
    fn forget_what_went_along(&mut self) {
        let Some(Step::CreateUser { account, .. }) = self.creation else { return };
        let purge = Step::PurgeAccount { id: account.clone(), force: true }.text();
        let trace = self.creation.map(Step::trace).unwrap_or_default();
        if self.undone.contains(&purge) {
            self.leftovers.retain(|left| !left.ends_with(&trace));
        }
    }

    /// What the server refused to do and what is so all the same may be this hook's doing, or may have been so
    /// before: it is left as it is, and named.
    fn name_what_was_refused(&mut self) {
        for entry in self.run.journal.iter().rev().filter(|entry| !entry.is_ours()) {
            let is_left = match &entry.step {
                Step::CreateAccount { id, .. } => self.is_empty(id),
                step @ Step::CreateUser { .. } => self.may_be_ours() && self.may_be_so(step),
                step => self.may_be_so(step),
            };
            if is_left {
                self.leftovers.push(self.possibly(&entry.step));
            }
        }
    }

    fn may_be_so(&self, step: &Step) -> bool {
        matches!(look_up_refused(self.run.api, step), Found::TookEffect(_) | Found::Unreadable)
    }

    /// Not somebody else's, as far as it is known.
    fn may_be_ours(&self) -> bool {
        let found = self.run.world.user.there();
        found.is_none_or(|user| self.run.world.is_on_account(user))
    }

    /// An account that is in use and has no user but one that this hook made; or where that cannot be asked.
    fn is_empty(&self, id: &AccountId) -> bool {
        let is_active = match &self.run.api.read_one(&Call::get_account(id)) {
            Ok(Reply::Record(record)) => Account::of(record, id).status == UserStatus::Active,
            Ok(_) => false,
            Err(_) => true,
        };
        is_active && self.has_nobody_else(id) != Some(false)
    }

    /// None: the server does not say.
    fn has_nobody_else(&self, id: &AccountId) -> Option<bool> {
        match self.run.api.read_one(&Call::get_users(id)) {
            Ok(Reply::List(list)) => {
                Some(list.iter().all(|(name, _)| Some(&UserName::new(name)) == self.made_user()))
            }
            Ok(Reply::Absent) => Some(true),
            _ => None,
        }
    }
}

/// The mark of an unprovision.
fn is_mark(step: &Step) -> bool {
    matches!(step, Step::SetUserStatus { status: UserStatus::Deleted, .. })
}

fn told(failure: Failure, undone: Vec<String>, leftovers: Vec<String>) -> Error {
    let status = if leftovers.is_empty() { failure.status } else { Status::Doubt };
    let was_undone = leftovers.is_empty() && !undone.is_empty();
    let text = FailureText { what: failure.what, why: failure.why, leftovers, was_undone };
    Error {
        code: failure.code,
        step: failure.step.map(|step| step.text()),
        undone,
        ..Error::of_failure(status, text)
    }
}
