//! What has to be known before a plan can be made, in rounds: the facts of one round are read side by side.

use super::audit::Seen;
use super::{master, namesake};
use crate::id::{Address, UserName};
use crate::record::Status;
use crate::world::{Hook, Known, Task, World};
use std::collections::BTreeSet;

/// One thing to ask the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Account,
    /// The service's own user.
    User,
    /// The list of the account's users.
    Users,
    /// The user of another service.
    Peer(UserName),
    Packages(UserName),
    Owner(Address),
    /// All addresses of a user.
    Addresses(UserName),
}

/// The next round of facts; none when a plan can be made.
pub fn missing_facts(task: &Task, world: &World) -> Vec<Fact> {
    let mut round = Round { world, facts: Vec::new() };
    match task.hook {
        Hook::Provision => provision(task, &mut round),
        Hook::Unprovision => unprovision(task, &mut round),
        Hook::Replace => replace(task, &mut round),
        Hook::Suspend | Hook::Unsuspend => own_user(task, &mut round),
        Hook::Purge => purge(task, &mut round),
        Hook::Sync => sync(task, &mut round),
        Hook::Mend => audit(task, &mut round),
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

    fn peer(&mut self, user: &UserName) {
        if !self.world.peers.contains_key(user) {
            self.add(Fact::Peer(user.clone()));
        }
    }

    /// The packages of the user that is nearly always the master, beside the first reads. Useless where it
    /// is not, or where there is no account yet, but then it cost no time.
    fn read_ahead(&mut self, user: &UserName) {
        if self.world.is_untouched() {
            self.packages(user);
        }
    }

    fn addresses(&mut self, user: &UserName) {
        if !self.world.addresses.contains_key(user) {
            self.add(Fact::Addresses(user.clone()));
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
    which_account_counts(task, round);
    match task.oldest_other(world) {
        Some(oldest) if task.is_large(world) => {
            round.user();
            round.peer(&oldest.username);
            round.read_ahead(&oldest.username);
        }
        Some(oldest) => {
            round.users();
            round.read_ahead(&oldest.username);
        }
        None => {}
    }
    // Else it need not be asked for: a list that lacks it, or an account that is not there, says that it
    // is not on the account, and a name of another account's is refused by the server.
    if world.name_refused || world.made_user {
        round.user();
    }
    if round.facts.is_empty() {
        provision_on(task, round);
    }
}

/// The facts of a provision on an account that is known.
fn provision_on(task: &Task, round: &mut Round) {
    let world = round.world;
    let own = world.user.there();
    if own.is_some_and(|user| !world.is_on_account(user)) {
        return;
    }
    if own.is_none() && world.account == Known::Absent {
        return;
    }
    if !has_master(task, world) {
        round.users();
    }
    who_is_hidden(task, round);
    if own.is_some() || (world.listed_before && world.user.is_unknown()) {
        round.user();
        if !world.made_user {
            round.owner(task.address());
        }
        round.packages(task.user());
    }
    master_packages(task, round);
}

/// An account whose list is empty, though Freeside has other services there: the list is believed where those
/// are marked deleted and it leaves such users out, which each of them is asked for.
fn who_is_hidden(task: &Task, round: &mut Round) {
    let world = round.world;
    if world.lists_nobody() {
        task.others(world).for_each(|other| round.peer(&other.username));
    }
}

/// Whether a master is known without the account's list. The oldest service is nearly always it.
fn has_master(task: &Task, world: &World) -> bool {
    world.users.is_some() || master::of(task, world).user.is_some()
}

/// A service on record on one account, while the options name another: its user tells.
fn which_account_counts(task: &Task, round: &mut Round) {
    if task.request.account.configured_id.is_some() {
        round.user();
    }
}

fn master_packages(task: &Task, round: &mut Round) {
    if let Some(master) = master::of(task, round.world).user {
        round.packages(&master.name);
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
    which_account_counts(task, round);
    let oldest = task.oldest_other(world);
    match oldest {
        Some(oldest) if task.is_large(world) => {
            round.user();
            round.peer(&oldest.username);
        }
        _ => round.users(),
    }
    if let Some(oldest) = oldest {
        round.read_ahead(&oldest.username);
    }
    let has_namesake = namesake::of(task, world).is_some();
    if task.autopurge || has_namesake {
        round.owner(task.address());
    }
    who_is_hidden(task, round);
    if round.facts.is_empty() {
        // The list lacks it, or says too little of it.
        round.user();
    }
    if !round.facts.is_empty() {
        return;
    }
    if !has_namesake {
        return heirs_packages(task, round);
    }
    if !has_master(task, world) {
        round.users();
    }
    master_packages(task, round);
}

fn heirs_packages(task: &Task, round: &mut Round) {
    let world = round.world;
    let heir = master::after_unprovision(task, world).user;
    let is_certain = world.users.is_some()
        || heir.as_ref().is_some_and(|heir| heir.master || world.user.there().is_some_and(|own| own.master));
    if !is_certain {
        return round.users();
    }
    match heir {
        Some(heir) => round.packages(&heir.name),
        // A repeat: the account may be marked deleted already.
        None if world.deleted_before && task.oldest_other(world).is_none() => round.account(),
        None => {}
    }
}

/// An unprovision whose user is purged may have left its account.
fn emptied_account(task: &Task, round: &mut Round) {
    let world = round.world;
    if !task.autopurge || world.purged_user {
        return;
    }
    round.owner(task.address());
    if task.oldest_other(world).is_none() {
        round.account();
        if world.account.there().is_some() {
            round.users();
        }
    }
}

/// The service's user; where another service has its name, also who bears their addresses.
fn own_user(task: &Task, round: &mut Round) {
    round.user();
    for address in namesake::telling_addresses(task, round.world) {
        round.owner(address);
    }
}

fn replace(task: &Task, round: &mut Round) {
    own_user(task, round);
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

fn sync(task: &Task, round: &mut Round) {
    let world = round.world;
    let Some(oldest) = task.oldest_other(world) else { return };
    round.read_ahead(&oldest.username);
    if task.is_large(world) && world.users.is_none() {
        round.peer(&oldest.username);
    }
    if round.facts.iter().all(|fact| !matches!(fact, Fact::Peer(_))) && !has_master(task, world) {
        round.users();
    }
    if round.facts.is_empty() {
        master_packages(task, round);
    }
}

/// Everything of an account: its list, who is not in it, what each mailbox holds, whose a missing address is.
fn audit(task: &Task, round: &mut Round) {
    let world = round.world;
    round.account();
    round.users();
    if !round.facts.is_empty() {
        return;
    }
    let seen = Seen::in_world(world);
    let mut names = BTreeSet::new();
    for service in task.others(world).filter(|service| names.insert(&service.username)) {
        let user = &service.username;
        match seen.user(user) {
            Known::Unknown => round.peer(user),
            Known::There(found) if world.is_on_account(found) && !found.is_deleted() => {
                round.packages(user);
                round.addresses(user);
            }
            _ => {}
        }
    }
    if !round.facts.is_empty() {
        return;
    }
    for service in task.others(world) {
        let address = Address::of(&service.username, &service.domain);
        let held = world.addresses.get(&service.username);
        if !held.is_some_and(|held| held.contains(&address)) {
            round.owner(address);
        }
    }
}

fn purge(task: &Task, round: &mut Round) {
    let world = round.world;
    // It is purged with its last mailbox only where Freeside has no service there.
    let may_go = task.oldest_other(world).is_none();
    match &world.user {
        Known::There(user) if !world.is_on_account(user) || !user.is_deleted() => {}
        Known::There(_) => {
            round.owner(task.address());
            if may_go {
                round.account();
                round.users();
            }
        }
        Known::Absent if world.purged_user || !may_go => {}
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
