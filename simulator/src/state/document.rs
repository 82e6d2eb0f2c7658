//! A state as a JSON document, and back. Names are written as they were sent.

use super::{Account, Address, Domain, Key, Password, State, Status, User};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    accounts: BTreeMap<String, AccountDocument>,
    users: BTreeMap<String, UserDocument>,
    addresses: BTreeMap<String, String>,
    domains: Vec<String>,
    /// Of those domains that are an account's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    domain_accounts: BTreeMap<String, String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AccountDocument {
    first_name: String,
    last_name: String,
    phone: String,
    memo: String,
    status: Status,
}

#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct UserDocument {
    account: String,
    first_name: String,
    last_name: String,
    memo: String,
    password: String,
    password_type: String,
    master_user: Flag,
    status: Status,
    packages: Vec<String>,
}

impl Default for UserDocument {
    fn default() -> UserDocument {
        UserDocument {
            account: String::new(),
            first_name: String::new(),
            last_name: String::new(),
            memo: String::new(),
            password: String::new(),
            password_type: "plain".to_owned(),
            master_user: Flag::N,
            status: Status::Active,
            packages: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Flag {
    Y,
    N,
}

impl State {
    fn document(&self) -> Document {
        let domain_account = |domain: &Domain| Some((domain.name.clone(), domain.account.clone()?));
        Document {
            accounts: self.accounts.values().map(|a| (a.id.clone(), account_document(a))).collect(),
            users: self.users.values().map(|user| (user.name.clone(), user_document(user))).collect(),
            addresses: self.addresses.values().map(|a| (a.address.clone(), a.user.clone())).collect(),
            domains: self.domains.values().map(|domain| domain.name.clone()).collect(),
            domain_accounts: self.domains.values().filter_map(domain_account).collect(),
        }
    }

    fn of_document(mut document: Document) -> Result<State, String> {
        let mut state = State::default();
        let accounts = Arc::make_mut(&mut state.accounts);
        for (id, fields) in document.accounts {
            unique(accounts.insert(Key::of(&id), account_of(&id, fields)), "account", &id)?;
        }
        let users = Arc::make_mut(&mut state.users);
        for (name, fields) in document.users {
            unique(users.insert(Key::of(&name), user_of(&name, fields)?), "user", &name)?;
        }
        let addresses = Arc::make_mut(&mut state.addresses);
        for (address, user) in document.addresses {
            let record = Address { address: address.clone(), user };
            unique(addresses.insert(Key::of(&address), record), "address", &address)?;
        }
        let domains = Arc::make_mut(&mut state.domains);
        for name in document.domains {
            let account = document.domain_accounts.remove(&name);
            let record = Domain { name: name.clone(), account };
            unique(domains.insert(Key::of(&name), record), "domain", &name)?;
        }
        match document.domain_accounts.into_keys().next() {
            Some(name) => Err(format!("domain {name} has an account but is not in the list")),
            None => Ok(state),
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
        State::of_document(Document::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn unique<T>(earlier: Option<T>, thing: &str, name: &str) -> Result<(), String> {
    match earlier {
        Some(_) => Err(format!("{thing} {name} is there twice, without regard to case")),
        None => Ok(()),
    }
}

fn account_document(account: &Account) -> AccountDocument {
    AccountDocument {
        first_name: account.first_name.clone(),
        last_name: account.last_name.clone(),
        phone: account.phone.clone(),
        memo: account.memo.clone(),
        status: account.status,
    }
}

fn account_of(id: &str, fields: AccountDocument) -> Account {
    let AccountDocument { first_name, last_name, phone, memo, status } = fields;
    Account { id: id.to_owned(), first_name, last_name, phone, memo, status }
}

fn user_document(user: &User) -> UserDocument {
    UserDocument {
        account: user.account.clone(),
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone(),
        memo: user.memo.clone(),
        password: user.password.text.clone(),
        password_type: user.password.kind.clone(),
        master_user: if user.master { Flag::Y } else { Flag::N },
        status: user.status,
        packages: user.packages.values().cloned().collect(),
    }
}

fn user_of(name: &str, fields: UserDocument) -> Result<User, String> {
    if !["plain", "encrypted"].contains(&fields.password_type.as_str()) {
        return Err(format!("user {name}: password_type is plain or encrypted"));
    }
    let mut packages = BTreeMap::new();
    for package in fields.packages {
        unique(packages.insert(Key::of(&package), package.clone()), "package", &package)?;
    }
    Ok(User {
        name: name.to_owned(),
        account: fields.account,
        first_name: fields.first_name,
        last_name: fields.last_name,
        memo: fields.memo,
        password: Password { text: fields.password, kind: fields.password_type },
        master: fields.master_user == Flag::Y,
        status: fields.status,
        packages,
    })
}
