//! What a judge of the server looks at, without a document.

use super::{Key, State, User};
use crate::command::Thing;

/// One mailbox, as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox<'a> {
    pub name: &'a str,
    pub account: &'a str,
    pub first_name: &'a str,
    pub last_name: &'a str,
    pub password: &'a str,
    /// `plain` or `encrypted`.
    pub password_type: &'a str,
    pub master: bool,
    /// `active`, `suspended` or `deleted`.
    pub status: &'static str,
    pub packages: Vec<&'a str>,
}

impl Mailbox<'_> {
    pub fn is_deleted(&self) -> bool {
        self.status == "deleted"
    }
}

fn mailbox(user: &User) -> Mailbox<'_> {
    Mailbox {
        name: &user.name,
        account: &user.account,
        first_name: &user.first_name,
        last_name: &user.last_name,
        password: &user.password.text,
        password_type: &user.password.kind,
        master: user.master,
        status: user.status.as_str(),
        packages: user.packages.values().map(String::as_str).collect(),
    }
}

const SMALL: usize = 1_000;

/// Names are found without regard to ASCII case.
impl State {
    pub fn mailbox(&self, name: &str) -> Option<Mailbox<'_>> {
        self.users.get(&Key::of(name)).map(mailbox)
    }

    pub fn mailboxes(&self) -> impl Iterator<Item = Mailbox<'_>> {
        self.users.values().map(mailbox)
    }

    /// What there is of a kind, in the order of the names.
    pub(crate) fn names(&self, thing: Thing) -> Box<dyn Iterator<Item = &str> + '_> {
        match thing {
            Thing::Account => Box::new(self.accounts.values().map(|account| account.id.as_str())),
            Thing::User | Thing::Package => Box::new(self.users.values().map(|user| user.name.as_str())),
            Thing::Domain => Box::new(self.domains.values().map(|domain| domain.name.as_str())),
            Thing::Address => Box::new(self.addresses.values().map(|address| address.address.as_str())),
        }
    }

    /// Whether the list of such things that `owner` has is not empty.
    pub(crate) fn has_entries(&self, thing: Thing, owner: &str) -> bool {
        match thing {
            Thing::Address => !self.addresses_of(owner).is_empty(),
            Thing::Domain => self.domains_of(owner).next().is_some(),
            _ => self.users_of(owner).next().is_some(),
        }
    }

    /// Whether it costs little to keep it while it is changed.
    pub(crate) fn is_small(&self) -> bool {
        self.users.len() < SMALL
    }

    /// The id and the status of each account.
    pub fn account_statuses(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.accounts.values().map(|account| (account.id.as_str(), account.status.as_str()))
    }

    pub fn account_status(&self, id: &str) -> Option<&'static str> {
        self.accounts.get(&Key::of(id)).map(|account| account.status.as_str())
    }

    /// Each address and its user.
    pub fn owners(&self) -> impl Iterator<Item = (&str, &str)> {
        self.addresses.values().map(|address| (address.address.as_str(), address.user.as_str()))
    }

    pub fn owner(&self, address: &str) -> Option<&str> {
        self.addresses.get(&Key::of(address)).map(|address| address.user.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_sees_what_the_document_says() {
        let state: State = serde_json::from_value(serde_json::json!({
            "accounts": { "A": { "status": "suspended" } },
            "users": { "Ann": { "account": "A", "password": "p", "packages": ["EMAIL"], "master_user": "Y" } },
            "addresses": { "ann@example.net": "Ann" },
        }))
        .expect("a state");
        let ann = state.mailbox("ANN").expect("ann");
        assert_eq!((ann.name, ann.account, ann.status, ann.master), ("Ann", "A", "active", true));
        assert_eq!((ann.password, ann.password_type, ann.packages), ("p", "plain", vec!["EMAIL"]));
        assert_eq!(state.account_status("a"), Some("suspended"));
        assert_eq!(state.owner("ANN@example.net"), Some("Ann"));
        assert_eq!(
            (state.mailboxes().count(), state.account_statuses().count(), state.owners().count()),
            (1, 1, 1)
        );
    }
}
