//! What has to be known before a plan can be made, in rounds: the facts of one round are read concurrently.

use super::audit::Seen;
use super::{master, namesake, purge, replace};
use crate::evidence::Known;
use crate::id::{Address, PackageName, UserName};
use crate::record::{Status, User};
use crate::world::{Hook, Task, World};
use std::collections::BTreeSet;

/// One thing to ask the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    Account,
    /// The service's own user.
    User,
    /// The list of the account's users.
    Users,
    /// The same, once the service's own user is marked deleted. If it cannot be read, that is no failure.
    UsersAfterMark,
    /// Another user.
    Peer(UserName),
    /// A user whom Freeside once had on the account. If it cannot be read, that is no failure.
    FormerUser(UserName),
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
        Hook::Replace => change(task, &mut round),
        Hook::Suspend | Hook::Unsuspend => own_user(task, &mut round),
        Hook::Purge => purge_job(task, &mut round),
        Hook::Sync => sync(task, &mut round),
        Hook::Rename => round.account(),
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
        if self.world.account.is_not_asked() {
            self.add(Fact::Account);
        }
    }

    fn user(&mut self) {
        if self.world.user.is_not_asked() {
            self.add(Fact::User);
        }
    }

    fn users(&mut self) {
        if self.world.users.is_none() && self.world.account != Known::Absent {
            self.add(Fact::Users);
        }
    }

    fn users_after_mark(&mut self) {
        if self.world.list_after_mark().is_none() && self.world.users_after_mark.is_not_asked() {
            self.add(Fact::UsersAfterMark);
        }
    }

    fn packages(&mut self, user: &UserName) {
        if !self.world.packages.contains_key(user) {
            self.add(Fact::Packages(user.clone()));
        }
    }

    fn peer(&mut self, user: &UserName) {
        if self.world.read_directly(user).is_none() {
            self.add(Fact::Peer(user.clone()));
        }
    }

    /// The packages of the user that is nearly always the master, with the first reads. Useless where it
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

    fn is_complete(&self) -> bool {
        self.facts.is_empty()
    }
}

/// Always the account and the user by its name; then what the size of the account requires.
fn provision(task: &Task, round: &mut Round) {
    let world = round.world;
    round.account();
    round.user();
    match task.oldest_other(world) {
        Some(oldest) if task.is_large(world) => {
            round.peer(&oldest.username);
            round.read_ahead(&oldest.username);
        }
        Some(oldest) => {
            round.users();
            round.read_ahead(&oldest.username);
        }
        None => {}
    }
    if round.is_complete() {
        provision_on(task, round);
    }
}

/// The facts of a provision on an account that is known.
fn provision_on(task: &Task, round: &mut Round) {
    let world = round.world;
    let own = world.user.present();
    if own.is_some_and(|user| !world.is_on_account(user)) {
        return;
    }
    if own.is_none() && world.account == Known::Absent {
        return;
    }
    which_master(task, round);
    if own.is_some() {
        if !world.progress.made_user {
            round.addresses(task.user());
            round.owner(task.address());
            unlisted_addresses(round, task.user(), namesake::telling_addresses(task));
        }
        round.packages(task.user());
    }
}

/// Which master counts, and its packages.
fn which_master(task: &Task, round: &mut Round) {
    let world = round.world;
    task.unplaced_others(world).for_each(|name| round.peer(name));
    let candidates = master::candidates(world);
    for user in candidates.iter().filter(|user| is_unclear(user)) {
        round.peer(&user.name);
    }
    if !round.is_complete() {
        return;
    }
    // If nobody but the service's own user is one, the list may show another.
    let is_own = |user: &&User| user.name == *task.user();
    if candidates.is_empty() || candidates.iter().all(is_own) && !world.progress.made_user {
        round.users();
    }
    if candidates.is_empty() {
        // That a list lacks the master proves nothing, unless this call made the account.
        for name in master::left_out_of_list(task, world) {
            round.peer(name);
        }
    }
    // Of several the packages tell which one counts.
    for user in candidates.iter().take(MOST_MASTERS) {
        round.packages(&user.name);
    }
}

/// One whose account a list does not name may be anybody's; one whose status it does not say clearly may be deleted.
fn is_unclear(user: &User) -> bool {
    user.account.is_none() || matches!(user.status, Status::Unknown(_))
}

/// Of so many users that are marked as masters the packages are read.
const MOST_MASTERS: usize = 16;

fn unprovision(task: &Task, round: &mut Round) {
    let world = round.world;
    if world.user == Known::Absent {
        return account_to_purge(task, round);
    }
    round.user();
    if let Known::Present(user) = &world.user {
        if !world.is_on_account(user) {
            // Refused, unless a namesake stands for it, which its addresses may tell.
            return identifying_addresses(task, round);
        }
    }
    match task.oldest_other(world) {
        Some(oldest) if task.is_large(world) => {
            round.peer(&oldest.username);
            round.read_ahead(&oldest.username);
        }
        Some(oldest) => {
            round.users();
            round.read_ahead(&oldest.username);
        }
        None => round.users(),
    }
    round.addresses(task.user());
    if round.is_complete() {
        unprovision_on(task, round);
    }
}

/// The facts of an unprovision on an account that is known.
fn unprovision_on(task: &Task, round: &mut Round) {
    let world = round.world;
    // A list of addresses that does not say whose they are may be anybody's.
    if task.autopurge || namesake::exist(task) {
        for address in world.addresses.get(task.user()).into_iter().flatten() {
            round.owner(address.clone());
        }
        let own = task.autopurge.then(|| task.address());
        unlisted_addresses(round, task.user(), own.into_iter().chain(namesake::telling_addresses(task)));
        if !round.is_complete() {
            return;
        }
    }
    let own = world.user.present();
    let is_kept =
        own.is_some_and(|found| namesake::ownership(task, world, found) != namesake::Ownership::Own);
    if is_kept {
        return which_master(task, round);
    }
    successor(task, round);
    // A repeat may find the account marked deleted already.
    if world.before.deleted && task.oldest_other(world).is_none() {
        round.account();
    }
    if world.is_shown_deleted() {
        account_to_purge(task, round);
    }
}

/// Who holds the packages once the service's own user is deleted, and those packages.
fn successor(task: &Task, round: &mut Round) {
    let world = round.world;
    if !master::is_list_trusted(task, world) {
        return;
    }
    task.unplaced_others(world).for_each(|name| round.peer(name));
    let marked = || master::remaining(task, world).into_iter().filter(|user| user.master);
    for user in marked().filter(|user| is_unclear(user)) {
        round.peer(&user.name);
    }
    for user in marked().take(MOST_MASTERS) {
        round.packages(&user.name);
    }
    if !round.is_complete() {
        return;
    }
    if master::after_unprovision(task, world).user.is_some_and(|user| user.master) {
        return;
    }
    // No other user is marked: the oldest service's becomes the master, whether the list shows it or not.
    if world.users.is_none() {
        return successor_without_list(task, round);
    }
    for name in master::left_out_of_list(task, world) {
        round.peer(name);
    }
    if let Some(first) = master::successors(task, world).first().filter(|first| first.account.is_none()) {
        round.peer(&first.name);
    }
    if let Some(successor) = master::after_unprovision(task, world).user.filter(|_| round.is_complete()) {
        round.packages(&successor.name);
    }
}

/// On a large account: the oldest other service's user was read directly and takes the place, so the list is not
/// needed. It is needed if that user cannot, or if the service's own user holds the package of additional users:
/// then another master counted, whom only the list shows.
fn successor_without_list(task: &Task, round: &mut Round) {
    let world = round.world;
    let Some(successor) = master::after_unprovision(task, world).user else { return round.users() };
    match world.packages.get(task.user()) {
        None => round.packages(task.user()),
        Some(held) if held.contains(&PackageName::additional()) => round.users(),
        Some(_) => round.packages(&successor.name),
    }
}

/// Whether an account whose user is marked deleted, or gone, can be purged with it.
fn account_to_purge(task: &Task, round: &mut Round) {
    let world = round.world;
    if !task.autopurge && task.hook != Hook::Purge || task.oldest_other(world).is_some() {
        return;
    }
    if !world.progress.purged_user {
        round.account();
        if world.user != Known::Absent {
            round.users_after_mark();
            former_users(task, round);
        } else if world.account.present().is_some_and(|account| account.status == Status::Deleted) {
            round.users();
        }
    }
    if !round.is_complete() || purge::is_account_empty(task, world) {
        return;
    }
    former_users(task, round);
}

/// Whom no list shows may be on the account all the same: everybody whom Freeside once had there is asked for.
fn former_users(task: &Task, round: &mut Round) {
    let world = round.world;
    let lists = [world.users.as_ref(), world.users_after_mark.present()];
    let mut lists = lists.into_iter().flatten().peekable();
    if lists.peek().is_some() && lists.all(|list| list.shows_nobody_but(task.user())) {
        for name in purge::former_users_to_read(task, world) {
            round.add(Fact::FormerUser(name.clone()));
        }
    }
}

/// The service's user; if another service has its name, also its addresses, which tell whose it is.
fn own_user(task: &Task, round: &mut Round) {
    round.user();
    identifying_addresses(task, round);
}

fn identifying_addresses(task: &Task, round: &mut Round) {
    if namesake::exist(task) {
        round.addresses(task.user());
        unlisted_addresses(round, task.user(), namesake::telling_addresses(task));
    }
}

/// A list of addresses may leave out one that is on the user. Those that decide are asked for by themselves.
fn unlisted_addresses(round: &mut Round, user: &UserName, decisive: impl Iterator<Item = Address>) {
    let Some(listed) = round.world.addresses.get(user) else { return };
    decisive.filter(|address| !listed.contains(address)).for_each(|address| round.owner(address));
}

fn change(task: &Task, round: &mut Round) {
    own_user(task, round);
    let moved = replace::is_moved(task);
    // If nothing changed, it is the way to put a mailbox right, so its address is looked at too.
    if moved || is_same(task) {
        round.addresses(task.user());
        round.owner(task.address());
    }
    let old = task.request.old.as_ref().filter(|_| moved).map(|old| old.address());
    unlisted_addresses(round, task.user(), old.into_iter());
}

fn sync(task: &Task, round: &mut Round) {
    let world = round.world;
    let Some(oldest) = task.oldest_other(world) else { return };
    round.read_ahead(&oldest.username);
    if task.is_large(world) && world.users.is_none() {
        round.peer(&oldest.username);
    } else {
        round.users();
    }
    if round.is_complete() {
        which_master(task, round);
    }
}

/// Everything of an account: its list, who is not in it, what each mailbox holds, whose a missing address is.
fn audit(task: &Task, round: &mut Round) {
    let world = round.world;
    round.account();
    round.users();
    if !round.is_complete() {
        return;
    }
    let seen = Seen::in_world(world);
    let mut names = BTreeSet::new();
    for service in task.others(world).filter(|service| names.insert(&service.username)) {
        let user = &service.username;
        match seen.user(user) {
            Known::NotAsked => round.peer(user),
            Known::Present(found) if world.is_on_account(found) && !found.is_deleted() => {
                round.packages(user);
                round.addresses(user);
            }
            _ => {}
        }
    }
    for user in master::candidates(world) {
        if user.account.is_none() {
            round.peer(&user.name);
        } else {
            round.packages(&user.name);
        }
    }
    if !round.is_complete() {
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

fn purge_job(task: &Task, round: &mut Round) {
    let world = round.world;
    round.user();
    match &world.user {
        Known::Present(user) if world.is_on_account(user) && user.is_deleted() => {
            round.addresses(task.user());
            for address in world.addresses.get(task.user()).into_iter().flatten() {
                round.owner(address.clone());
            }
            let decisive = std::iter::once(task.address()).chain(namesake::telling_addresses(task));
            unlisted_addresses(round, task.user(), decisive);
            if task.oldest_other(world).is_none() {
                round.users();
            }
            account_to_purge(task, round);
        }
        Known::Absent => account_to_purge(task, round),
        _ => {}
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
