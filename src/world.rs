//! What is known of MagicMail while a hook runs: what was read, what this hook's own writes changed.
//!
//! Filled by `observe`, changed by each step that took effect, read by `plan`.

use crate::document::{Neighbour, Request};
use crate::evidence::{Known, UserList};
use crate::id::{AccountId, Address, PackageName, UserName};
use crate::password::Password;
use crate::record::{Account, User};
use crate::step::Step;
use std::collections::BTreeMap;

/// From so many other services on an account's list of users is not read where it need not be.
const LARGE: usize = 50;

/// Which hook of Freeside runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    Provision,
    Unprovision,
    Replace,
    Suspend,
    Unsuspend,
    /// Not a hook but what one leaves for later: the purge of what an unprovision marked deleted.
    Purge,
    /// Not a hook either: the packages of an account brought in line with its services.
    Sync,
    /// Nor this: the customer of an account was renamed, and so is the account.
    Rename,
    /// Nor this: an account looked at as a whole, and one thing mended in which the two sides differ.
    Mend,
}

/// What a hook is to bring about, all of it decided before the first request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub hook: Hook,
    pub request: Request,
    /// What is to be sent; None if it cannot be sent, or need not be.
    pub password: Option<Password>,
    /// Why the password of a service that was provisioned before cannot be sent.
    pub unsendable: Option<String>,
    /// In a change: the one before, where it can be sent.
    pub old_password: Option<Password>,
    pub autopurge: bool,
    /// An unprovision that was begun before: only what is marked deleted already is touched.
    pub finishing: bool,
    /// Which finding is to be mended, by its key.
    pub finding: Option<String>,
    /// The number of the customer who was renamed.
    pub renamed: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// The account that counts: the one on record, or the one the options name where the user is on it.
    pub account_id: AccountId,
    pub account: Known<Account>,
    /// The service's own user, read directly.
    pub user: Known<User>,
    /// The account's users as the server listed them first, and what this hook changed of them.
    pub users: Option<UserList>,
    /// The account's users as the server listed them after the service's own was marked deleted.
    pub users_after_mark: Known<UserList>,
    /// Other users that were read directly: of other services, and such as Freeside once had on this account.
    pub peers: BTreeMap<UserName, Known<User>>,
    pub packages: BTreeMap<UserName, Vec<PackageName>>,
    /// All addresses of users, where they were asked for. A list lacks what is not on its user.
    pub addresses: BTreeMap<UserName, Vec<Address>>,
    /// Whose an address is; None: the server does not show it, which proves nothing.
    pub owners: BTreeMap<Address, Option<UserName>>,
    pub before: Before,
    pub progress: Progress,
}

/// What was so before this hook changed anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The account's list had the service's own user.
    pub listed: bool,
    /// The service's own user was marked deleted; a list may leave it out.
    pub deleted: bool,
    /// The addresses of the service's own user, where they were read.
    pub addresses: Option<Vec<Address>>,
}

/// What this hook has done, and how surely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// It made the account, having read that it is absent.
    pub made_account: bool,
    /// It made the service's user, having read that it is absent.
    pub made_user: bool,
    /// The server refused to make the service's user, which it had said to be absent.
    pub creation_refused: bool,
    /// It marked the service's user deleted, and the server shows that it is so.
    pub shown_deleted: bool,
    /// It purged the service's user.
    pub purged_user: bool,
    /// It sent names and password.
    pub refreshed: bool,
    /// Steps that failed and were only warned about; they are not planned again.
    pub given_up: Vec<Step>,
}

impl World {
    pub fn new(request: &Request) -> World {
        World {
            account_id: request.account.id.clone(),
            account: Known::NotAsked,
            user: Known::NotAsked,
            users: None,
            users_after_mark: Known::NotAsked,
            peers: BTreeMap::new(),
            packages: BTreeMap::new(),
            addresses: BTreeMap::new(),
            owners: BTreeMap::new(),
            before: Before::default(),
            progress: Progress::default(),
        }
    }

    /// Takes in the service's user. If it is on the account that the present options name, that one counts, and
    /// what was read of the account on record is forgotten; a provision believes a record only if the user is on
    /// the account on record.
    pub fn set_user(&mut self, user: Known<User>, task: &Task) {
        if let Some(configured) = &task.request.account.configured_id {
            let on = user.present().and_then(|user| user.account.as_ref());
            let counts = match task.hook {
                Hook::Provision => on != Some(&task.request.account.id),
                _ => on == Some(configured),
            };
            if counts && self.account_id != *configured {
                self.account_id = configured.clone();
                self.account = Known::NotAsked;
                self.users = None;
                self.peers.clear();
                self.packages.clear();
            }
        }
        if !self.progress.made_user {
            self.before.deleted = user.present().is_some_and(User::is_deleted);
        }
        self.user = user;
    }

    /// Takes in the account's list of users, as it was before this hook changed anything.
    pub fn set_users(&mut self, users: UserList, task: &Task) {
        self.before.listed = users.contains(task.user());
        if self.before.deleted && self.users_after_mark.is_not_asked() {
            self.users_after_mark = Known::Present(users.clone());
        }
        self.users = Some(users);
    }

    pub fn set_addresses(&mut self, user: &UserName, addresses: Vec<Address>, task: &Task) {
        if user == task.user() && self.before.addresses.is_none() {
            self.before.addresses = Some(addresses.clone());
        }
        self.addresses.insert(user.clone(), addresses);
    }

    /// The server's list has no user, on an account that was there before.
    pub fn lists_nobody(&self) -> bool {
        !self.progress.made_account && self.users.as_ref().is_some_and(UserList::is_empty)
    }

    /// Nothing has been asked yet.
    pub fn is_untouched(&self) -> bool {
        self.account.is_not_asked()
            && self.user.is_not_asked()
            && self.users.is_none()
            && self.peers.is_empty()
    }

    /// A user as it was read directly.
    pub fn read_directly(&self, name: &UserName) -> Option<&Known<User>> {
        match &self.user {
            Known::Present(own) if own.name == *name => Some(&self.user),
            _ => self.peers.get(name),
        }
    }

    /// The users of the account, each as it is known best. One whose account is None is only listed: it must be
    /// read directly before anything is decided on it.
    pub fn roster(&self) -> Vec<&User> {
        let listed = self.users.iter().flat_map(UserList::iter).filter_map(|listed| {
            match self.read_directly(&listed.name) {
                None | Some(Known::NotAsked | Known::Unknown) => Some(listed),
                Some(known) => self.present_here(known),
            }
        });
        let mut roster: Vec<&User> = listed.collect();
        let is_listed = |name: &UserName| self.users.as_ref().is_some_and(|list| list.contains(name));
        let own = self.user.present().map(|own| &own.name);
        let peers = self.peers.values().filter(|peer| peer.present().map(|peer| &peer.name) != own);
        let unlisted = std::iter::once(&self.user).chain(peers).filter_map(|known| self.present_here(known));
        roster.extend(unlisted.filter(|user| !is_listed(&user.name)));
        roster
    }

    fn present_here<'a>(&self, known: &'a Known<User>) -> Option<&'a User> {
        known.present().filter(|user| self.is_on_account(user))
    }

    /// Whether the server says that `user` is on the account that counts.
    pub fn is_on_account(&self, user: &User) -> bool {
        user.account.as_ref() == Some(&self.account_id)
    }

    /// Whether the server has shown a user of that name on the account that counts.
    pub fn shows_on_account(&self, name: &UserName) -> bool {
        match self.read_directly(name) {
            Some(Known::Present(user)) => self.is_on_account(user),
            Some(Known::Absent) => false,
            _ => self
                .users
                .as_ref()
                .and_then(|list| list.get(name))
                .is_some_and(|user| self.is_on_account(user)),
        }
    }

    /// Whether the address is known to be on the user. What a list leaves out, the address's own record may say.
    pub fn owns_address(&self, user: &UserName, address: &Address) -> bool {
        self.owners.get(address).is_some_and(|owner| owner.as_ref() == Some(user))
            || self.addresses.get(user).is_some_and(|held| held.contains(address))
    }

    /// Changes what is known of `name`, wherever it is known.
    pub fn change_user(&mut self, name: &UserName, change: impl Fn(&mut User)) {
        if let Known::Present(own) = &mut self.user {
            if own.name == *name {
                change(own);
            }
        }
        if let Some(Known::Present(peer)) = self.peers.get_mut(name) {
            change(peer);
        }
        if let Some(users) = &mut self.users {
            users.change(name, change);
        }
    }

    /// Whether the server has shown that the service's own user is marked deleted.
    pub fn is_shown_deleted(&self) -> bool {
        self.before.deleted || self.progress.shown_deleted
    }

    /// The account's list, read when the service's own user was marked deleted already.
    pub fn list_after_mark(&self) -> Option<&UserList> {
        self.users_after_mark.present()
    }
}

impl Task {
    /// Of an operation that is about an account and its services, by the name of one of them.
    pub fn of_account(hook: Hook, account: &AccountId, services: Vec<Neighbour>) -> Task {
        let username = services.first().map_or_else(|| UserName::new(""), |service| service.username.clone());
        Task::of(hook, Request::of_account(account.clone(), username, String::new(), services))
    }

    /// Without passwords; nothing is purged.
    pub fn of(hook: Hook, request: Request) -> Task {
        Task {
            hook,
            request,
            password: None,
            unsendable: None,
            old_password: None,
            autopurge: false,
            finishing: false,
            finding: None,
            renamed: None,
        }
    }

    pub fn user(&self) -> &UserName {
        &self.request.service.username
    }

    pub fn address(&self) -> Address {
        self.request.service.address()
    }

    /// The other provisioned services of the account that counts: those that Freeside has there, and those whose
    /// user the server shows there (accounts may have been renamed).
    pub fn others<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Neighbour> {
        let svcnum = self.request.service.svcnum;
        self.request.others.iter().filter(move |other| {
            let is_shown = || other.username != *self.user() && world.shows_on_account(&other.username);
            other.svcnum != svcnum && (other.account_id == world.account_id || is_shown())
        })
    }

    /// Users of services that Freeside has on another account, whom a list shows here without saying whose they
    /// are.
    pub fn unplaced_others<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a UserName> {
        let others = self.request.others.iter().filter(|other| other.account_id != world.account_id);
        others.map(|other| &other.username).filter(|name| {
            let listed = world.users.as_ref().and_then(|list| list.get(name));
            world.read_directly(name).is_none() && listed.is_some_and(|user| user.account.is_none())
        })
    }

    /// The other provisioned services of this Freeside that have this service's user name, on any account.
    pub fn namesakes(&self) -> impl Iterator<Item = &Neighbour> {
        let svcnum = self.request.service.svcnum;
        let of_accounts = self.request.others.iter().filter(|other| other.username == *self.user());
        of_accounts.chain(&self.request.namesakes).filter(move |other| other.svcnum != svcnum)
    }

    /// Whether the account is so large that single look-ups cost less than its list of users.
    pub fn is_large(&self, world: &World) -> bool {
        self.others(world).take(LARGE).count() == LARGE
    }

    /// The oldest other service of the account, by svcnum.
    pub fn oldest_other<'a>(&'a self, world: &'a World) -> Option<&'a Neighbour> {
        self.others(world).min_by_key(|other| other.svcnum)
    }

    /// Up to `limit` users of the account's other services, those of the oldest services, each once.
    pub fn users_of_oldest_others<'a>(&'a self, world: &'a World, limit: usize) -> Vec<&'a UserName> {
        let mut others: Vec<&Neighbour> = self.others(world).collect();
        others.sort_by_key(|other| other.svcnum);
        let mut seen = std::collections::BTreeSet::new();
        let names = others.into_iter().map(|other| &other.username);
        names.filter(|name| seen.insert(*name)).take(limit).collect()
    }
}
