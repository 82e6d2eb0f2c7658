//! Puts things back after a failure, last first, and names what could not be put back.
//!
//! Only what this call did is taken back. A user or an account that it made was read as absent before, and its
//! creation was confirmed, or was in doubt and a read found it on our account. It is marked deleted, then purged,
//! never by force: a purge that arrives late cannot hit what somebody else has made of that name by then.

use super::look_up::{look_up, look_up_again, look_up_briefly, look_up_last, look_up_once, Found};
use super::settle::take_back;
use super::{Effect, Entry, Failure, Run};
use crate::api::{Api, Call, CallError, Reply, CONSISTENCY_DELAYS};
use crate::error::{Error, FailureText, Status};
use crate::evidence::UserList;
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
        undoing.name_what_was_refused();
        for purged in self.purged() {
            let told = if failure.why.is_empty() { &mut failure.what } else { &mut failure.why };
            *told = format!("{told}; {purged} already");
        }
        let clean = |texts: Vec<String>| texts.iter().map(|text| self.api.clean(text)).collect();
        let step = failure.step.as_ref().map(|step| self.api.clean(&step.text()));
        Error { step, ..described(failure, clean(undoing.undone), clean(undoing.leftovers)) }
    }

    /// A purge after the commit cannot be taken back and need not be: the same again purges the rest.
    fn is_what_was_asked_for(&self, step: &Step) -> bool {
        let is_purge = step.is_purge() || matches!(step, Step::RemoveAddress { .. });
        self.task.hook == Hook::Purge && is_purge
    }

    fn purged(&self) -> impl Iterator<Item = String> + '_ {
        let is_purged = |entry: &&Entry| {
            entry.effect == Effect::Done && self.task.hook == Hook::Purge && entry.step.is_purge()
        };
        self.journal.iter().filter(is_purged).map(|entry| entry.step.trace())
    }

    /// The address of a user whom this call purged cannot be put back; nor if that is in doubt, for the name
    /// may be somebody else's by now.
    fn went_with_its_user(&self, step: &Step) -> bool {
        let Step::RemoveAddress { user, .. } = step else { return false };
        let is_purge =
            |entry: &Entry| matches!(&entry.step, Step::PurgeUser { user: purged, .. } if purged == user);
        self.journal.iter().any(is_purge)
    }
}

struct Undoing<'a> {
    run: &'a Run<'a>,
    api: &'a Api<'a>,
    /// The service's user, if this call made it.
    made_user: Option<&'a UserName>,
    /// Steps in doubt that were found to have taken effect: what is undone of them does not show that they did not.
    found: Vec<Step>,
    /// Steps in doubt of which the server could not be asked yet.
    unreadable: Vec<Step>,
    /// That user is gone again.
    removed_user: bool,
    undone: Vec<String>,
    leftovers: Vec<String>,
}

impl<'a> Undoing<'a> {
    fn new(run: &'a Run<'a>) -> Undoing<'a> {
        // What may have been there before does not go with it.
        let is_creation = |entry: &&Entry| {
            entry.is_ours()
                && entry.effect != Effect::Unproven
                && matches!(entry.step, Step::CreateUser { .. })
        };
        let made_user = run.journal.iter().find(is_creation).map(|_| run.task.user());
        Undoing {
            run,
            api: run.api,
            made_user,
            found: Vec::new(),
            unreadable: Vec::new(),
            removed_user: false,
            undone: Vec::new(),
            leftovers: Vec::new(),
        }
    }

    /// Undoes what it can; returns the others, and what is left of each.
    fn round<'e>(&mut self, open: Vec<(&'e Entry, String)>, is_last: bool) -> Vec<(&'e Entry, String)> {
        let mut still_open: Vec<(&Entry, String)> = Vec::new();
        for (entry, _) in open {
            // Once the new user is gone anybody may take its name, and the address would be theirs: while that
            // is stuck, the name is kept. And an account is never purged while the new user may be on it.
            let must_wait = |(other, _): &(&Entry, String)| match (&entry.step, &other.step) {
                (Step::CreateAccount { .. }, Step::CreateUser { .. }) => true,
                (Step::CreateAccount { .. } | Step::CreateUser { .. }, Step::AddAddress { .. }) => !is_last,
                _ => false,
            };
            let left =
                if still_open.iter().any(must_wait) { Some(entry.step.trace()) } else { self.undo(entry) };
            still_open.extend(left.map(|left| (entry, left)));
        }
        still_open
    }

    /// Some: it could not be undone now; what is left then.
    fn undo(&mut self, entry: &Entry) -> Option<String> {
        let step = &entry.step;
        let undo = step.undo(self.made_user);
        if undo == Undo::Needless {
            return None;
        }
        let is_open = matches!(entry.effect, Effect::InDoubt | Effect::Unproven);
        if is_open && !self.found.contains(step) {
            match self.look_up_again_or_first(step) {
                Found::DidNot(_) => return None,
                Found::TookEffect(_) => self.found.push(step.clone()),
                // Putting back what may be there already does no harm.
                Found::Unknown if step.is_repeatable() => {}
                Found::Unknown => return Some(possibly(step)),
                Found::Unreadable => {
                    self.unreadable.push(step.clone());
                    return Some(possibly(step));
                }
            }
        }
        match (undo, step) {
            (Undo::By(back), _) => return self.take_back(entry, &back),
            (Undo::RemoveUser, Step::CreateUser { user, account, .. }) => {
                return self.remove_user(step, user, account)
            }
            (Undo::RemoveAccount, Step::CreateAccount { id, .. }) => return self.remove_account(step, id),
            (Undo::Impossible(trace), _) => self.leftovers.push(trace),
            _ => {}
        }
        None
    }

    /// A server that could not be asked in the round before is asked once, and further only if it answers now.
    fn look_up_again_or_first(&self, step: &Step) -> Found {
        if !self.unreadable.contains(step) {
            return look_up(self.api, step);
        }
        match look_up_once(self.api, step) {
            Found::DidNot(_) => look_up_again(self.api, step),
            found => found,
        }
    }

    fn take_back(&mut self, entry: &Entry, back: &Step) -> Option<String> {
        let step = &entry.step;
        if !take_back(self.api, back) {
            let is_certain = entry.effect == Effect::Done;
            return Some(if is_certain { step.trace() } else { possibly(step) });
        }
        self.undone.push(back.text());
        self.leftovers.extend(step.lost_by_undo());
        self.leftovers.extend(self.kept_name(back));
        self.put_back_addresses(step);
        None
    }

    /// The user that this call made: marked deleted, without addresses, purged.
    fn remove_user(&mut self, step: &Step, user: &UserName, account: &AccountId) -> Option<String> {
        let purge = Step::PurgeUser { user: user.clone(), account: account.clone() };
        // It was there: an eventually consistent server may not show it yet.
        match self.read_until(&Call::get_user(user), |reply| *reply != Reply::Absent) {
            Ok(Reply::Absent) => {
                self.undone.push(purge.text());
                self.removed_user = true;
                return None;
            }
            Ok(Reply::Record(record)) => {
                let found = User::from_record(&record, user);
                match &found.account {
                    // Somebody else's by now: the one that this call made is gone.
                    Some(on) if on != account => return None,
                    Some(_) if !found.contradicts => {}
                    _ => return Some(possibly(step)),
                }
                let (status, before) = (UserStatus::Deleted, UserStatus::Active);
                let mark = Step::SetUserStatus { user: user.clone(), status, before };
                if !found.is_deleted() && !take_back(self.api, &mark) {
                    return Some(step.trace());
                }
            }
            _ => return Some(step.trace()),
        }
        if !self.remove_addresses(user) || !take_back(self.api, &purge) {
            return Some(format!("{}, marked deleted", step.trace()));
        }
        self.undone.push(purge.text());
        self.removed_user = true;
        None
    }

    /// All addresses of a user that is about to be purged: who gets the name later must not inherit them.
    fn remove_addresses(&self, user: &UserName) -> bool {
        let entries = match self.api.read_one(&Call::get_email_addresses(user)) {
            Ok(Reply::List(entries)) => entries,
            Ok(Reply::Absent) => return true,
            _ => return false,
        };
        entries.iter().all(|(address, record)| {
            let listed = record.get("user").filter(|owner| !owner.is_empty()).map(str::to_owned);
            // A list that does not say whose they are may be anybody's, and then each must say it itself.
            let Some(owner) = listed.or_else(|| self.owner(address)) else { return false };
            let remove = Step::RemoveAddress { address: Address::new(address.as_str()), user: user.clone() };
            UserName::new(owner) != *user || take_back(self.api, &remove)
        })
    }

    fn owner(&self, address: &str) -> Option<String> {
        match self.api.read_one(&Call::get_email_address(&Address::new(address))) {
            Ok(Reply::Record(record)) => {
                record.get("user").filter(|owner| !owner.is_empty()).map(str::to_owned)
            }
            _ => None,
        }
    }

    /// The account that this call made: nobody else can have been on it, and its list must be empty.
    fn remove_account(&mut self, step: &Step, id: &AccountId) -> Option<String> {
        let is_empty = |reply: &Reply| match reply {
            Reply::List(entries) => UserList::from_entries(id, entries).is_ok_and(|list| list.is_empty()),
            reply => *reply == Reply::Absent,
        };
        if let Some(left) = self.left_user(id) {
            return Some(format!("{left}, {}", step.trace()));
        }
        match self.read_until(&Call::get_users(id), is_empty) {
            Ok(reply) if is_empty(&reply) => {}
            _ => return Some(step.trace()),
        }
        let (status, before) = (UserStatus::Deleted, UserStatus::Active);
        let mark = Step::SetAccountStatus { id: id.clone(), status, before };
        let purge = Step::PurgeAccount { id: id.clone() };
        if !take_back(self.api, &mark) {
            return match look_up_last(self.api, &purge) {
                Found::TookEffect(_) => None,
                _ => Some(step.trace()),
            };
        }
        // Nobody is added to an account that is marked deleted: who is on it now was added before, by a request that was
        // late.
        let marked = format!("{}, marked deleted", step.trace());
        if self.has_tried_to_make_user() {
            CONSISTENCY_DELAYS.into_iter().for_each(|delay| self.api.pause(delay));
        }
        if let Some(left) = self.left_user(id) {
            return Some(format!("{left}, {marked}"));
        }
        let is_still_empty = self.api.read_one(&Call::get_users(id)).is_ok_and(|reply| is_empty(&reply));
        if !is_still_empty || !take_back(self.api, &purge) {
            return Some(marked);
        }
        self.undone.push(purge.text());
        None
    }

    /// What is left of the service's user on an account that this call made: its creation may have been carried out
    /// since it was last looked for, and nobody else can have made it there.
    fn left_user(&mut self, account: &AccountId) -> Option<String> {
        if self.removed_user {
            return None;
        }
        let user = self.run.task.user();
        let is_there = match self.api.read_one(&Call::get_user(user)) {
            Ok(Reply::Absent) => false,
            Ok(Reply::Record(record)) => {
                let found = User::from_record(&record, user);
                found.contradicts || found.account.is_none_or(|on| on == *account)
            }
            _ => true,
        };
        if !is_there {
            return None;
        }
        match self.tried_to_make_user() {
            Some(entry) if entry.is_ours() => self.remove_user(&entry.step, user, account),
            _ => Some(format!("user {user} on account {account}")),
        }
    }

    /// Unless that user is known to be gone.
    fn has_tried_to_make_user(&self) -> bool {
        !self.removed_user && self.tried_to_make_user().is_some()
    }

    fn tried_to_make_user(&self) -> Option<&'a Entry> {
        let mut tried = self.run.journal.iter().rev();
        tried.find(|entry| matches!(entry.step, Step::CreateUser { .. }))
    }

    /// A name that was empty before: some servers do not empty one again, and their answer need not show it.
    fn kept_name(&self, undo: &Step) -> Option<String> {
        let Step::UpdateUser { user, names, before: Some(before), .. } = undo else { return None };
        let is_emptied = |name: &String, before: &String| name.is_empty() && !before.is_empty();
        if !is_emptied(&names.0, &before.0) && !is_emptied(&names.1, &before.1) {
            return None;
        }
        let is_well = |reply: &Reply| match reply {
            Reply::Record(record) => User::from_record(record, user).names.as_ref() == Some(names),
            _ => true,
        };
        let left = format!("names of user {user} (one of them was empty, and stays)");
        match self.read_until(&Call::get_user(user), is_well) {
            Ok(reply) => (!is_well(&reply)).then_some(left),
            Err(_) => Some(format!("possibly: {left}")),
        }
    }

    /// A server may have taken the addresses of a user along that was marked deleted.
    fn put_back_addresses(&mut self, step: &Step) {
        if !is_mark(step) {
            return;
        }
        let user = self.run.task.user().clone();
        let before = self.run.world.before.addresses.clone().unwrap_or_default();
        if before.is_empty() {
            return;
        }
        let held = |reply: &Reply| match reply {
            Reply::List(entries) => {
                Some(entries.iter().map(|(name, _)| Address::new(name.as_str())).collect())
            }
            Reply::Absent => Some(Vec::new()),
            _ => None,
        };
        let is_short = |reply: &Reply| {
            held(reply).is_some_and(|held: Vec<Address>| before.iter().any(|address| !held.contains(address)))
        };
        let reply = self.read_until(&Call::get_email_addresses(&user), is_short);
        let held = reply.ok().as_ref().and_then(held);
        for address in
            before.iter().filter(|address| held.as_ref().is_none_or(|held| !held.contains(address)))
        {
            let back = Step::AddAddress { address: address.clone(), user: user.clone() };
            let trace = Step::RemoveAddress { address: address.clone(), user: user.clone() }.trace();
            match held {
                None => self.leftovers.push(format!("possibly: {trace}")),
                Some(_) if take_back(self.api, &back) => self.undone.push(back.text()),
                Some(_) => self.leftovers.push(trace),
            }
        }
    }

    /// The answer that is waited for, or the last one: a server may be eventually consistent.
    fn read_until(&self, call: &Call, is_it: impl Fn(&Reply) -> bool) -> Result<Reply, CallError> {
        let mut reply = self.api.read_one(call);
        for delay in CONSISTENCY_DELAYS {
            if reply.as_ref().is_ok_and(&is_it) {
                break;
            }
            self.api.pause(delay);
            reply = self.api.read_one(call);
        }
        reply
    }

    /// What the server refused to do and what is so all the same may have been so before: it is left as it is, and
    /// named.
    fn name_what_was_refused(&mut self) {
        for entry in self.run.journal.iter().rev().filter(|entry| !entry.is_ours()) {
            let is_left = match &entry.step {
                Step::CreateAccount { id, .. } => self.is_unused(id),
                step @ Step::CreateUser { .. } => self.may_be_ours() && self.may_be_so(step),
                // They went with the user that this call made and removed.
                Step::AddAddress { user, .. } | Step::AssignPackage { user, .. }
                    if self.removed_user && self.made_user == Some(user) =>
                {
                    false
                }
                step => self.may_be_so(step),
            };
            if is_left {
                self.leftovers.push(format!("{} (was there already)", entry.step.thing()));
            }
        }
    }

    fn may_be_so(&self, step: &Step) -> bool {
        let found = look_up_briefly(self.api, step);
        !matches!(found, Found::DidNot(_))
    }

    /// Not somebody else's, as far as it is known.
    fn may_be_ours(&self) -> bool {
        let found = self.run.world.user.present();
        found.is_none_or(|user| self.run.world.is_on_account(user))
    }

    /// An account that is in use and has no user but one that this call made; or if that cannot be asked.
    fn is_unused(&self, id: &AccountId) -> bool {
        let is_active = match &self.api.read_one(&Call::get_account(id)) {
            Ok(Reply::Record(record)) => !matches!(
                Account::from_record(record, id).status,
                UserStatus::Suspended | UserStatus::Deleted
            ),
            Ok(_) => false,
            Err(_) => true,
        };
        let has_others = match self.api.read_one(&Call::get_users(id)) {
            Ok(Reply::List(entries)) => UserList::from_entries(id, &entries)
                .is_ok_and(|list| list.iter().any(|user| user.name != *self.run.task.user())),
            _ => false,
        };
        is_active && !has_others
    }
}

/// What may have been done: nothing tells.
fn possibly(step: &Step) -> String {
    if let (Step::UpdateUser { user, .. }, true) = (step, step.sets_password()) {
        return format!("password of user {user} (it is not known whether it was changed; set it again)");
    }
    if is_mark(step) {
        return format!("possibly: {} (look at its addresses too)", step.trace());
    }
    format!("possibly: {}", step.trace())
}

/// The mark of an unprovision.
fn is_mark(step: &Step) -> bool {
    matches!(step, Step::SetUserStatus { status: UserStatus::Deleted, .. })
}

fn described(failure: Failure, undone: Vec<String>, leftovers: Vec<String>) -> Error {
    let status = if leftovers.is_empty() { failure.status } else { Status::Doubt };
    let was_undone = leftovers.is_empty() && !undone.is_empty();
    let text = FailureText { what: failure.what, why: failure.why, leftovers, was_undone };
    Error { code: failure.code, undone, ..Error::of_failure(status, text) }
}
