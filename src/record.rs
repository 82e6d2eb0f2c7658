//! Records: what the server says of an account, a user, a package, an address.

use crate::id::{AccountId, UserName};
use serde_json::{Map, Value};

/// One record, all its fields kept as the server wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(pub Map<String, Value>);

impl Record {
    /// A field's text; None where it is missing.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    fn text(&self, field: &str) -> String {
        self.get(field).unwrap_or_default().to_owned()
    }

    /// By what a record in a list is known. It may come to stand in a request's path, where dots are no name.
    pub fn list_id(&self) -> Option<&str> {
        let id = NAMING.into_iter().find_map(|field| self.get(field));
        id.filter(|id| !matches!(*id, "" | "." | ".."))
    }

    /// Who the record says that it is, if that is another than the one for whom `is_asked_for` is true. A record
    /// need not name itself; only what `can_name` it counts.
    pub fn other_name(
        &self,
        can_name: impl Fn(&str) -> bool,
        is_asked_for: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut other = None;
        for name in NAMING {
            match self.0.get(name) {
                Some(Value::String(text)) if text.is_empty() || !can_name(text) => {}
                Some(Value::String(text)) if is_asked_for(text) => return None,
                Some(Value::String(text)) => other = other.or_else(|| Some(text.clone())),
                Some(_) => other = other.or_else(|| Some("several at once".to_owned())),
                None => {}
            }
        }
        other
    }
}

/// The fields by which a record is known, the first that is there.
const NAMING: [&str; 3] = ["name", "key", "id"];

/// The state of an account or a user. `deleted` is a mark: it can be made active again until it is purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Suspended,
    Deleted,
    /// What this API does not name, or nothing.
    Other(String),
}

impl Status {
    fn of(record: &Record) -> Status {
        let text = record.text("status");
        match text.to_ascii_lowercase().as_str() {
            "active" => Status::Active,
            "suspended" => Status::Suspended,
            "deleted" => Status::Deleted,
            _ => Status::Other(text),
        }
    }

    /// Whether it is one of those that the API names.
    pub fn is_named(&self) -> bool {
        !matches!(self, Status::Other(_))
    }

    pub fn as_str(&self) -> &str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Deleted => "deleted",
            Status::Other(text) => text,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub status: Status,
}

impl Account {
    /// The account of a record that was asked for as `id`.
    pub fn of(record: &Record, id: &AccountId) -> Account {
        Account { id: id.clone(), status: Status::of(record) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: UserName,
    /// Missing in some lists, where the account was the question.
    pub account: Option<AccountId>,
    pub master: bool,
    pub status: Status,
    /// First and last name.
    pub names: (String, String),
}

impl User {
    pub fn of(record: &Record, name: &UserName) -> User {
        User {
            name: name.clone(),
            account: record.get("account").filter(|id| !id.is_empty()).map(AccountId::new),
            master: record.get("master_user").is_some_and(|flag| flag.eq_ignore_ascii_case("y")),
            status: Status::of(record),
            names: (record.text("first_name"), record.text("last_name")),
        }
    }

    pub fn is_deleted(&self) -> bool {
        self.status == Status::Deleted
    }
}
