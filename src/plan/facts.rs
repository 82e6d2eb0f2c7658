//! What has to be known before a plan can be made, in rounds: the facts of one round are read side by side.

use super::master;
use crate::api::{Account, Status};
use crate::id::{Address, UserName};
use crate::world::{Hook, Known, Task, World};

/// One thing to ask the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Account,
    /// The service's own user.
    User,
    /// The list of the account's users.
    Users,
    Packages(UserName),
    Owner(Address),
}

/// The next round of facts; none when a plan can be made.
pub fn missing_facts(task: &Task, world: &World) -> Vec<Fact> {
    let mut round = Round { world, facts: Vec::new() };
    match task.hook {
        Hook::Provision => provision(task, &mut round),
        Hook::Unprovision => unprovision(task, &mut round),
        Hook::Replace => replace(task, &mut round),
        Hook::Suspend | Hook::Unsuspend => round.user(),
        Hook::Purge => purge(task, &mut round),
    }
    round.facts
}

/// The facts of one round that are not known yet.
struct Round<'a> {
    world: &'a World,
    facts: Vec<Fact>,
}

impl Round<'_> {
    fn add(&mut self, fact: Fact) {
        if !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
    }

    fn account(&mut self) {
        if self.world.account.is_unknown() {
            self.add(Fact::Account);
        }
    }

    fn user(&mut self) {
        if self.world.user.is_unknown() {
            self.add(Fact::User);
        }
    }

    fn users(&mut self) {
        if self.world.users.is_none() && self.world.account != Known::Absent {
            self.add(Fact::Users);
        }
    }

    fn packages(&mut self, user: &UserName) {
        if !self.world.packages.contains_key(user) {
            self.add(Fact::Packages(user.clone()));
        }
    }

    fn owner(&mut self, address: Address) {
        if !self.world.owners.contains_key(&address) {
            self.add(Fact::Owner(address));
        }
    }
}

fn provision(task: &Task, round: &mut Round) {
    let world = round.world;
    round.account();
    round.user();
    if let Some(oldest) = task.oldest_other(world) {
        round.users();
        // Read ahead: the oldest service is nearly always the master. Useless where it is not, or where
        // there is no account yet, but then it cost no time.
        if world.users.is_none() && world.account.is_unknown() {
            round.packages(&oldest.username);
        }
    }
    if !round.facts.is_empty() {
        return;
    }
    let Some(own) = world.user.there().filter(|user| world.is_on_account(user)) else {
        if world.user.there().is_none() && world.account.there().is_some() {
            round.users();
            master_packages(task, round);
        }
        return;
    };
    round.users();
    if !world.made_user {
        round.owner(task.address());
    }
    round.packages(&own.name);
    master_packages(task, round);
}

fn master_packages(task: &Task, round: &mut Round) {
    if round.world.users.is_some() {
        if let Some(master) = master::of(task, round.world).user {
            round.packages(&master.name);
        }
    }
}

fn unprovision(task: &Task, round: &mut Round) {
    let world = round.world;
    match &world.user {
        Known::Absent => return emptied_account(task, round),
        // Refused whatever else there is.
        Known::There(user) if !world.is_on_account(user) => return,
        _ => {}
    }
    round.user();
    round.users();
    if let (Some(oldest), None) = (task.oldest_other(world), &world.users) {
        round.packages(&oldest.username);
    }
    if task.autopurge {
        round.owner(task.address());
    }
    if !round.facts.is_empty() {
        return;
    }
    match master::after_unprovision(task, world).user {
        Some(heir) => round.packages(&heir.name),
        // A repeat: the account may be marked deleted already.
        None if world.deleted_before && task.oldest_other(world).is_none() => round.account(),
        None => {}
    }
}

/// An unprovision whose user is purged may have left its account.
fn emptied_account(task: &Task, round: &mut Round) {
    let world = round.world;
    if !task.autopurge || task.oldest_other(world).is_some() || world.purged_user {
        return;
    }
    round.account();
    let is_deleted = |account: &Account| account.status == Status::Deleted;
    if world.account.there().is_some_and(is_deleted) {
        round.users();
    }
}

fn replace(task: &Task, round: &mut Round) {
    round.user();
    let Some(old) = &task.request.old else { return };
    let moved = !old.domain.eq_ignore_ascii_case(&task.request.service.domain);
    if moved {
        round.owner(old.address());
    }
    // Nothing changed: it is the way to put a mailbox right, so the address is looked at too.
    if moved || is_same(task) {
        round.owner(task.address());
    }
}

fn purge(task: &Task, round: &mut Round) {
    let world = round.world;
    match &world.user {
        Known::There(user) if !world.is_on_account(user) || !user.is_deleted() => {}
        Known::There(_) => {
            round.owner(task.address());
            round.account();
            round.users();
        }
        Known::Absent if world.purged_user => {}
        Known::Absent => {
            round.account();
            if world.account.there().is_some_and(|account| account.status == Status::Deleted) {
                round.users();
            }
        }
        Known::Unknown => round.user(),
    }
}

/// Whether a change hook changes nothing that MagicMail holds.
pub fn is_same(task: &Task) -> bool {
    task.request.old.as_ref().is_some_and(|old| {
        let new = &task.request.service;
        old.domain.eq_ignore_ascii_case(&new.domain)
            && old.names() == new.names()
            && old.password == new.password
            && old.password_encoding == new.password_encoding
    })
}
