//! What is known of MagicMail, and what a list of users proves.

use crate::foreign::foreign;
use crate::id::{AccountId, UserName};
use crate::record::{Record, User};
use std::collections::btree_map::Entry;
use std::collections::BTreeMap;

/// A thing of MagicMail's, as far as a direct read of that very thing (or a write of this call) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    NotAsked,
    /// It was asked for, and the answer leaves it open. That is never the same as absent.
    Unknown,
    Absent,
    Present(T),
}

impl<T> Known<T> {
    pub fn present(&self) -> Option<&T> {
        match self {
            Known::Present(thing) => Some(thing),
            _ => None,
        }
    }

    pub fn is_not_asked(&self) -> bool {
        matches!(self, Known::NotAsked)
    }
}

/// An account's list of users. It proves what it contains; that it lacks a user proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserList {
    /// In the server's order.
    users: Vec<User>,
    positions: BTreeMap<UserName, usize>,
    /// Entries of other accounts were left out: the server does not answer the question that was asked.
    is_mixed: bool,
}

impl UserList {
    /// The list that the server gave for `account`. Entries without an account stay, and do not prove whose they
    /// are. Rejects a list that contradicts itself, and one that is of other accounts only: it is not empty.
    pub fn from_entries(account: &AccountId, entries: &[(String, Record)]) -> Result<UserList, String> {
        let mut list = UserList::default();
        let mut other = None;
        for (name, record) in entries {
            let user = User::from_record(record, &UserName::new(name.as_str()));
            if user.contradicts {
                return Err(format!(
                    "the server contradicts itself about user {}: its account or its mark as master is given twice, with different values",
                    foreign(name)
                ));
            }
            match &user.account {
                Some(on) if on != account => other = Some(on.clone()),
                _ => list.add(user),
            }
        }
        if let (Some(other), true) = (&other, list.users.is_empty()) {
            return Err(format!(
                "asked for the users of account {account}, the server listed those of account {}",
                foreign(other.as_str())
            ));
        }
        list.is_mixed = other.is_some();
        Ok(list)
    }

    pub fn add(&mut self, user: User) {
        if let Entry::Vacant(position) = self.positions.entry(user.name.clone()) {
            position.insert(self.users.len());
            self.users.push(user);
        }
    }

    pub fn remove(&mut self, name: &UserName) {
        if self.positions.contains_key(name) {
            self.users.retain(|user| user.name != *name);
            self.positions = self.users.iter().enumerate().map(|(i, user)| (user.name.clone(), i)).collect();
        }
    }

    pub fn change(&mut self, name: &UserName, change: impl Fn(&mut User)) {
        if let Some(user) = self.positions.get(name).and_then(|&i| self.users.get_mut(i)) {
            change(user);
        }
    }

    pub fn get(&self, name: &UserName) -> Option<&User> {
        self.positions.get(name).and_then(|&i| self.users.get(i))
    }

    pub fn contains(&self, name: &UserName) -> bool {
        self.positions.contains_key(name)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, User> {
        self.users.iter()
    }

    /// The expected list, with nobody in it.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Whether the list, read after `name` was marked deleted, shows that user so, and nobody else: then the
    /// server lists deleted users, the list is fresh, and nobody else is left on the account.
    pub fn shows_only_deleted(&self, name: &UserName) -> bool {
        !self.is_mixed && self.users.len() == 1 && self.get(name).is_some_and(User::is_deleted)
    }

    /// Whether the list shows nobody but `name`.
    pub fn shows_nobody_but(&self, name: &UserName) -> bool {
        !self.is_mixed && self.users.iter().all(|user| user.name == *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    fn list(entries: &[Value]) -> Result<UserList, String> {
        let entry = |fields: &Value| {
            let Value::Object(fields) = fields.clone() else { panic!("an object") };
            let record = Record(fields);
            (record.list_id().expect("a name").to_owned(), record)
        };
        let entries: Vec<_> = entries.iter().map(entry).collect();
        UserList::from_entries(&AccountId::new("F1"), &entries)
    }

    #[test]
    fn entries_of_other_accounts_are_left_out_and_alone_they_are_rejected() {
        let ours = json!({"id": "ANN", "account": "F1", "status": "deleted"});
        let theirs = json!({"id": "BOB", "account": "F2"});
        let mixed = list(&[ours.clone(), theirs.clone()]).expect("a list");
        assert!(mixed.contains(&UserName::new("ann")) && !mixed.contains(&UserName::new("bob")));
        assert!(!mixed.shows_only_deleted(&UserName::new("ann")));
        assert!(list(&[ours]).expect("a list").shows_only_deleted(&UserName::new("ann")));
        assert!(list(&[theirs]).is_err());
        assert!(list(&[]).expect("a list").is_empty());
    }

    #[test]
    fn an_entry_without_an_account_does_not_prove_whose_it_is() {
        let silent = list(&[json!({"id": "ANN"})]).expect("a list");
        assert_eq!(silent.get(&UserName::new("ann")).and_then(|user| user.account.clone()), None);
        assert!(list(&[json!({"id": "ANN", "account": ["F1", "F2"]})]).is_err());
    }
}
