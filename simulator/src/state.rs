//! What a MagicMail server holds, and every operation on it: a pure state machine without clock or network.
//!
//! Names are unique without regard to ASCII case and kept as they were sent. Cloning shares the tables, and
//! comparing shared tables costs nothing, so a simulation may keep a state per step.

mod account;
mod address;
mod document;
mod domain;
mod lists;
mod package;
mod reply;
mod user;
mod view;

pub use reply::{Field, Record, Reply};
pub use view::Mailbox;

use crate::command::{Action, Command, Refusal, Thing};
use crate::modes::Modes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A name as the server looks it up: without regard to ASCII case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl Key {
    fn of(name: &str) -> Key {
        Key(name.to_ascii_lowercase())
    }
}

type Table<T> = Arc<BTreeMap<Key, T>>;

/// `deleted` is a mark: what bears it is there and can be made active again, until it is purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Active,
    Suspended,
    Deleted,
}

impl Status {
    fn of(text: &str) -> Option<Status> {
        match text {
            "active" => Some(Status::Active),
            "suspended" => Some(Status::Suspended),
            "deleted" => Some(Status::Deleted),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Deleted => "deleted",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Account {
    id: String,
    first_name: String,
    last_name: String,
    phone: String,
    memo: String,
    status: Status,
}

/// A mailbox's password; no debug output shows it.
#[derive(Clone, PartialEq, Eq)]
struct Password {
    text: String,
    /// `plain` or `encrypted`.
    kind: String,
}

impl Default for Password {
    fn default() -> Password {
        Password { text: String::new(), kind: "plain".to_owned() }
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "*** ({})", self.kind)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct User {
    name: String,
    account: String,
    first_name: String,
    last_name: String,
    memo: String,
    password: Password,
    master: bool,
    status: Status,
    /// By their names without regard to case; in that order they are shown.
    packages: BTreeMap<Key, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    address: String,
    user: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Domain {
    name: String,
    /// None: a system domain that the mail administrator has set up.
    account: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    accounts: Table<Account>,
    users: Table<User>,
    addresses: Table<Address>,
    domains: Table<Domain>,
    lists: lists::Lists,
}

impl State {
    /// Nothing but system domains.
    pub fn with_domains<S: AsRef<str>>(domains: &[S]) -> State {
        let mut state = State::default();
        for domain in domains {
            state.add_system_domain(domain.as_ref());
        }
        state
    }

    pub fn add_system_domain(&mut self, name: &str) {
        let domain = Domain { name: name.to_owned(), account: None };
        Arc::make_mut(&mut self.domains).entry(Key::of(name)).or_insert(domain);
    }

    /// The system domains of this state, and nothing else.
    pub fn emptied(&self) -> State {
        let mut domains = BTreeMap::clone(&self.domains);
        domains.retain(|_, domain| domain.account.is_none());
        State { domains: Arc::new(domains), ..State::default() }
    }

    /// Carries one command out. A refused one has changed nothing.
    pub fn handle(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        match (command.thing, command.action) {
            (Thing::Account, Action::Add) => self.add_account(command, modes),
            (Thing::Account, Action::Update) => self.update_account(command, modes),
            (Thing::Account, Action::Purge) => self.purge_account(command, modes),
            (Thing::User, Action::Add) => self.add_user(command, modes),
            (Thing::User, Action::Update) => self.update_user(command, modes),
            (Thing::User, Action::Purge) => self.purge_user(command, modes),
            (Thing::Package, Action::Add) => self.assign_package(command, modes),
            (Thing::Package, Action::Purge) => self.remove_package(command, modes),
            (Thing::Domain, Action::Add) => self.add_domain(command, modes),
            (Thing::Domain, Action::Purge) => self.remove_domain(command, modes),
            (Thing::Address, Action::Add) => self.add_address(command, modes),
            (Thing::Address, Action::Purge) => self.remove_address(command, modes),
            _ => self.read(command, modes),
        }
    }

    /// Answers a command that only asks.
    pub fn read(&self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        match (command.thing, command.action) {
            (Thing::Account, Action::Get) => Ok(self.account(command.name)?.reply()),
            (Thing::Account, Action::List) => Ok(self.list_accounts()),
            (Thing::User, Action::Get) => Ok(self.user(command.name, modes)?.reply(modes)),
            (Thing::User, Action::List) => self.list_users(command, modes),
            (Thing::Package, Action::Get) => Ok(self.user(command.name, modes)?.package_list()),
            (Thing::Domain, Action::Get) => Ok(self.domain(command.name, modes)?.reply()),
            (Thing::Domain, Action::List) => self.list_domains(command),
            (Thing::Address, Action::Get) => Ok(self.address(command.name, modes)?.reply()),
            (Thing::Address, Action::List) => self.list_addresses(command, modes),
            _ => Err(Refusal::new("error.unknown_action", "This cannot be asked")),
        }
    }
}

impl State {
    /// The record of one thing.
    pub(crate) fn record(&self, thing: Thing, name: &str, modes: &Modes) -> Option<Reply> {
        match thing {
            Thing::Account => self.account(name).ok().map(Account::reply),
            Thing::User => self.user(name, modes).ok().map(|user| user.reply(modes)),
            Thing::Domain => self.domain(name, modes).ok().map(Domain::reply),
            Thing::Address => self.address(name, modes).ok().map(Address::reply),
            Thing::Package => None,
        }
    }
}

/// What is there cannot be added.
fn taken(thing: &str, name: &str, modes: &Modes) -> Refusal {
    let code = match modes.taken_code.as_str() {
        "" => format!("{}.error.exists", thing.to_ascii_lowercase()),
        code => code.to_owned(),
    };
    Refusal::new(code, format!("{thing} {name} exists"))
}

fn bad_status(text: &str) -> Refusal {
    Refusal::new("error.bad_parameter", format!("Unknown status {text}"))
}

/// The server does not tell what is missing from what belongs to somebody else.
fn permission_denied() -> Refusal {
    Refusal::new("error.permission_denied", "Permission denied")
}

/// The API client was allowed to use the domain, and is no more.
fn is_denied(domain: &str, modes: &Modes) -> bool {
    modes.denied_domains.iter().any(|denied| denied.eq_ignore_ascii_case(domain))
}

fn not_deleted(thing: &str, name: &str) -> Refusal {
    Refusal::new(
        format!("{}.error.not_deleted", thing.to_ascii_lowercase()),
        format!("{thing} {name} is not deleted"),
    )
}

/// Writes a text parameter into its field, if it was given.
fn set(field: &mut String, given: Option<&str>, modes: &Modes) {
    if let Some(text) = given.filter(|text| modes.empty_clears || !text.is_empty()) {
        text.clone_into(field);
    }
}
