//! What is known of MagicMail while a hook runs: what was read, what this hook's own writes changed.
//!
//! Filled by `observe`, changed by each step that took effect, read by `plan`.

use crate::document::{Neighbour, Request};
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
    /// Nor this: an account looked at as a whole, and one thing mended in which the two sides differ.
    Mend,
}

/// What a hook is to bring about, all of it decided before the first request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub hook: Hook,
    pub request: Request,
    /// What is to be sent; in a change None where it did not change and cannot be sent.
    pub password: Option<Password>,
    /// In a change: the one before, where it can be sent.
    pub old_password: Option<Password>,
    pub autopurge: bool,
    /// Which finding is to be mended, by its key.
    pub finding: Option<String>,
}

/// A thing of MagicMail's: not asked for yet, not there, or there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    Unknown,
    Absent,
    There(T),
}

impl<T> Known<T> {
    pub fn there(&self) -> Option<&T> {
        match self {
            Known::There(thing) => Some(thing),
            _ => None,
        }
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Known::Unknown)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// The account that counts: the one on record, or the one the options name where the user is on it.
    pub account_id: AccountId,
    pub account: Known<Account>,
    /// The service's own user.
    pub user: Known<User>,
    /// The account's users as the server listed them, and what this hook changed of them.
    pub users: Option<Vec<User>>,
    /// Users of other services that were looked at one by one, where the list was not.
    pub peers: BTreeMap<UserName, Known<User>>,
    pub packages: BTreeMap<UserName, Vec<PackageName>>,
    /// All addresses of users, where they were asked for.
    pub addresses: BTreeMap<UserName, Vec<Address>>,
    /// Whose an address is; None: nobody's that this API client may see.
    pub owners: BTreeMap<Address, Option<UserName>>,
    /// The server refused to make the service's user, which was not known to be there.
    pub name_refused: bool,
    /// This hook made the account, having seen it absent.
    pub made_account: bool,
    /// This hook made the service's user, having seen it absent.
    pub made_user: bool,
    /// This hook purged the service's user.
    pub purged_user: bool,
    /// This hook sent names and password.
    pub refreshed: bool,
    /// This hook saw the service's user in the account's list before it changed anything.
    pub listed_before: bool,
    /// The service's user was marked deleted before this hook changed anything; a list may leave it out.
    pub deleted_before: bool,
    /// Steps that failed and were only warned about; they are not planned again.
    pub given_up: Vec<Step>,
}

impl World {
    pub fn new(request: &Request) -> World {
        World {
            account_id: request.account.id.clone(),
            account: Known::Unknown,
            user: Known::Unknown,
            users: None,
            peers: BTreeMap::new(),
            name_refused: false,
            packages: BTreeMap::new(),
            addresses: BTreeMap::new(),
            owners: BTreeMap::new(),
            made_account: false,
            made_user: false,
            purged_user: false,
            refreshed: false,
            listed_before: false,
            deleted_before: false,
            given_up: Vec::new(),
        }
    }

    /// Takes in the service's user. Where it is on the account that the present options name, that one
    /// counts, and what was read of the account on record is forgotten.
    pub fn set_user(&mut self, user: Known<User>, request: &Request) {
        if let Some(configured) = &request.account.configured_id {
            let on = user.there().and_then(|user| user.account.as_ref());
            if on == Some(configured) && self.account_id != *configured {
                self.account_id = configured.clone();
                self.account = Known::Unknown;
                self.users = None;
                self.peers.clear();
                self.packages.clear();
            }
        }
        self.deleted_before = user.there().is_some_and(User::is_deleted);
        self.user = user;
    }

    /// Takes in the account's list of users, as it was before this hook changed anything. An unprovision
    /// needs no more of its own user than a list says; a provision may put names back, so it asks for all.
    pub fn set_users(&mut self, users: Vec<User>, task: &Task) {
        let own = users.iter().find(|user| user.name == *task.user());
        self.listed_before = own.is_some();
        let enough = own.filter(|user| task.hook == Hook::Unprovision && user.status.is_named());
        if let (Some(own), Known::Unknown) = (enough, &self.user) {
            self.deleted_before = own.is_deleted();
            self.user = Known::There(own.clone());
        }
        self.users = Some(users);
    }

    /// The server's list has no user, on an account that was there before.
    pub fn lists_nobody(&self) -> bool {
        !self.made_account && self.users.as_ref().is_some_and(Vec::is_empty)
    }

    /// Nothing has been asked yet.
    pub fn is_untouched(&self) -> bool {
        self.account.is_unknown() && self.user.is_unknown() && self.users.is_none() && self.peers.is_empty()
    }

    /// The users of the account, the service's own as it is known best.
    pub fn roster(&self) -> Vec<User> {
        let mut roster = self.users.clone().unwrap_or_default();
        for peer in self.peers.values().filter_map(Known::there).filter(|user| self.is_on_account(user)) {
            if roster.iter().all(|listed| listed.name != peer.name) {
                roster.push(peer.clone());
            }
        }
        if let Some(own) = self.user.there().filter(|user| self.is_on_account(user)) {
            match roster.iter_mut().find(|user| user.name == own.name) {
                Some(listed) => *listed = own.clone(),
                None => roster.push(own.clone()),
            }
        }
        roster
    }

    /// Whether the server says that `user` is on the account that counts.
    pub fn is_on_account(&self, user: &User) -> bool {
        user.account.as_ref() == Some(&self.account_id)
    }

    /// Whether the address is known to be on the user. What a list leaves out, the address's own record may say.
    pub fn bears(&self, user: &UserName, address: &Address) -> bool {
        self.owners.get(address).is_some_and(|owner| owner.as_ref() == Some(user))
            || self.addresses.get(user).is_some_and(|held| held.contains(address))
    }

    /// Changes what is known of `name`, wherever it is known.
    pub fn change_user(&mut self, name: &UserName, change: impl Fn(&mut User)) {
        if let Known::There(own) = &mut self.user {
            if own.name == *name {
                change(own);
            }
        }
        if let Some(Known::There(peer)) = self.peers.get_mut(name) {
            change(peer);
        }
        for user in self.users.iter_mut().flatten().filter(|user| user.name == *name) {
            change(user);
        }
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
        Task { hook, request, password: None, old_password: None, autopurge: false, finding: None }
    }

    pub fn user(&self) -> &UserName {
        &self.request.service.username
    }

    pub fn address(&self) -> Address {
        self.request.service.address()
    }

    /// The other provisioned services of the account that counts.
    pub fn others<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Neighbour> {
        let svcnum = self.request.service.svcnum;
        self.request
            .others
            .iter()
            .filter(move |other| other.svcnum != svcnum && other.account_id == world.account_id)
    }

    /// Whether the account is so large that single look-ups cost less than its list of users.
    pub fn is_large(&self, world: &World) -> bool {
        self.others(world).take(LARGE).count() == LARGE
    }

    /// The oldest other service of the account, by svcnum.
    pub fn oldest_other<'a>(&'a self, world: &'a World) -> Option<&'a Neighbour> {
        self.others(world).min_by_key(|other| other.svcnum)
    }
}
