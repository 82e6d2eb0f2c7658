//! Records: what the server says of an account, a user, a package, an address.

use crate::id::{AccountId, UserName};
use crate::names::Names;
use serde_json::{Map, Value};

/// One record, all its fields kept as the server wrote them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(pub Map<String, Value>);

/// What a record says in one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    Missing,
    Text(&'a str),
    /// Given twice with different values, or not a text.
    Unclear,
}

impl Record {
    pub fn field(&self, name: &str) -> Field<'_> {
        match self.0.get(name) {
            None => Field::Missing,
            Some(Value::String(text)) => Field::Text(text),
            Some(_) => Field::Unclear,
        }
    }

    /// A field's text; None if it is missing or unclear.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }

    /// First and last name; what is missing is empty. None if the record contradicts itself.
    fn names(&self) -> Option<Names> {
        let text = |field| match self.field(field) {
            Field::Missing => Some(String::new()),
            Field::Text(text) => Some(text.to_owned()),
            Field::Unclear => None,
        };
        text(FIRST_NAME).zip(text(LAST_NAME))
    }

    fn shows_names(&self) -> bool {
        [FIRST_NAME, LAST_NAME].into_iter().any(|field| self.field(field) != Field::Missing)
    }

    fn shown_names(&self) -> Option<Names> {
        self.names().filter(|_| self.shows_names())
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
            match self.field(name) {
                Field::Text(text) if text.is_empty() || !can_name(text) => {}
                Field::Text(text) if is_asked_for(text) => return None,
                Field::Text(text) => other = other.or_else(|| Some(text.to_owned())),
                Field::Unclear => other = other.or_else(|| Some("several at once".to_owned())),
                Field::Missing => {}
            }
        }
        other
    }
}

const FIRST_NAME: &str = "first_name";
const LAST_NAME: &str = "last_name";

/// The fields by which a record is known, the first that is there.
const NAMING: [&str; 3] = ["name", "key", "id"];

/// The state of an account or a user. `deleted` is a mark: it can be made active again until it is purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Suspended,
    Deleted,
    /// The record has no such field. Nothing is known of real records here, so this is not a contradiction.
    NotShown,
    /// A word that the API does not name, none at all, or several.
    Unknown(String),
}

impl Status {
    fn from_record(record: &Record) -> Status {
        let text = match record.field("status") {
            Field::Missing => return Status::NotShown,
            Field::Text(text) => text,
            Field::Unclear => return Status::Unknown("several at once".to_owned()),
        };
        match text.to_ascii_lowercase().as_str() {
            "active" => Status::Active,
            "suspended" => Status::Suspended,
            "deleted" => Status::Deleted,
            _ => Status::Unknown(text.to_owned()),
        }
    }

    /// Whether it is one of those that the API names.
    pub fn is_named(&self) -> bool {
        matches!(self, Status::Active | Status::Suspended | Status::Deleted)
    }

    pub fn as_str(&self) -> &str {
        match self {
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Deleted => "deleted",
            Status::NotShown => "not shown",
            Status::Unknown(text) if text.is_empty() => "empty",
            Status::Unknown(text) => text,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub status: Status,
    /// First and last name; None if the record shows neither, or contradicts itself.
    pub names: Option<Names>,
}

impl Account {
    /// The account of a record that was asked for as `id`.
    pub fn from_record(record: &Record, id: &AccountId) -> Account {
        Account { id: id.clone(), status: Status::from_record(record), names: record.shown_names() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: UserName,
    /// Missing in some lists, where the account was the question: then nothing proves whose the user is.
    pub account: Option<AccountId>,
    pub master: bool,
    pub status: Status,
    /// First and last name; None if the record contradicts itself.
    pub names: Option<Names>,
    /// The record has such fields: that of a list may leave them out.
    pub shows_names: bool,
    /// The record gives its account or its mark as master twice, with different values.
    pub contradicts: bool,
}

impl User {
    pub fn from_record(record: &Record, name: &UserName) -> User {
        let is_unclear = |field| record.field(field) == Field::Unclear;
        User {
            name: name.clone(),
            account: record.get("account").filter(|id| !id.is_empty()).map(AccountId::new),
            master: record.get("master_user").is_some_and(|flag| flag.eq_ignore_ascii_case("y")),
            status: Status::from_record(record),
            names: record.names(),
            shows_names: record.shows_names(),
            contradicts: is_unclear("account") || is_unclear("master_user"),
        }
    }

    /// Marked deleted, as the server shows it or as this call has brought it about.
    pub fn is_deleted(&self) -> bool {
        self.status == Status::Deleted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn user(fields: Value) -> User {
        let Value::Object(fields) = fields else { panic!("an object") };
        User::from_record(&Record(fields), &UserName::new("jane"))
    }

    #[test]
    fn a_status_that_is_missing_is_not_shown_and_an_odd_one_is_unknown() {
        assert_eq!(user(json!({})).status, Status::NotShown);
        assert_eq!(user(json!({"status": "Deleted"})).status, Status::Deleted);
        for odd in [json!(""), json!("locked"), json!(["active", "deleted"]), json!({"value": "deleted"})] {
            assert!(matches!(user(json!({ "status": odd })).status, Status::Unknown(_)));
        }
    }

    #[test]
    fn fields_that_contradict_each_other_are_not_taken_for_a_value() {
        assert!(user(json!({"master_user": ["Y", "N"]})).contradicts);
        assert!(user(json!({"account": ["F1", "F2"]})).contradicts);
        assert_eq!(user(json!({"first_name": ["A", "B"]})).names, None);
        assert!(!user(json!({"master_user": "N", "account": "F1"})).contradicts);
    }
}
