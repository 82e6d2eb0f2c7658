//! Whose users and addresses there are, where the tables are so large that looking through them for each list
//! would be the whole work. An index holds for one very table, and is made anew for the next one.

use super::{Address, Key, State, Table, User};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Smaller tables are looked through.
const LARGE: usize = 1_000;

type Index = Arc<BTreeMap<Key, Vec<Key>>>;

/// It says nothing that the tables do not say, so all are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    users: Kept<User>,
    addresses: Kept<Address>,
}

impl PartialEq for Lists {
    fn eq(&self, _: &Lists) -> bool {
        true
    }
}

impl Eq for Lists {}

/// The index that was made last.
#[derive(Debug)]
struct Kept<T>(Arc<Mutex<Option<Indexed<T>>>>);

/// An index, and the table that it is of.
#[derive(Debug)]
struct Indexed<T> {
    table: Table<T>,
    index: Index,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Kept<T> {
        Kept(self.0.clone())
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Kept<T> {
        Kept(Arc::default())
    }
}

impl<T> Kept<T> {
    fn of(&self, table: &Table<T>, owner: fn(&T) -> &str) -> Index {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = kept.as_ref().filter(|last| Arc::ptr_eq(&last.table, table)) {
            return last.index.clone();
        }
        let mut index: BTreeMap<Key, Vec<Key>> = BTreeMap::new();
        for (key, thing) in table.iter() {
            index.entry(Key::of(owner(thing))).or_default().push(key.clone());
        }
        let index = Arc::new(index);
        *kept = Some(Indexed { table: table.clone(), index: index.clone() });
        index
    }

    fn owned<'a>(&self, table: &'a Table<T>, by: &str, owner: fn(&T) -> &str) -> Vec<&'a T> {
        if table.len() < LARGE {
            return table.values().filter(|thing| owner(thing).eq_ignore_ascii_case(by)).collect();
        }
        let index = self.of(table, owner);
        index.get(&Key::of(by)).into_iter().flatten().filter_map(|key| table.get(key)).collect()
    }
}

impl State {
    pub(super) fn users_of(&self, account: &str) -> impl Iterator<Item = &User> {
        self.lists.users.owned(&self.users, account, |user| &user.account).into_iter()
    }

    pub(super) fn addresses_of(&self, user: &str) -> Vec<&Address> {
        self.lists.addresses.owned(&self.addresses, user, |address| &address.user)
    }
}
