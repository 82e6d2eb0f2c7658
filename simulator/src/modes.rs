//! What nobody knows of a real server, or what differs between servers: each mode is one such question.

use crate::lies::ScopedLie;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the fields of a record are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    Attributes,
    Children,
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserNames {
    Upper,
    AsSent,
}

/// Whether get_users tells of users that are marked deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedUsers {
    Listed,
    Hidden,
}

/// What becomes of a field without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyFields {
    LeftOut,
    Shown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyLists {
    Element,
    Missing,
}

/// The field by which the records of a list are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListId {
    Id,
    Key,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "iso-8859-1")]
    Latin1,
}

/// The answer of an operation that gives nothing to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NothingToRead {
    Document,
    NoBody,
}

/// By which thing's error code the server says that it has no such user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoUser {
    Account,
    User,
}

/// What becomes of the assignment of a package that the user has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageAgain {
    Refused,
    Accepted,
}

/// How the end of an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Length,
    Chunked,
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Http {
    #[serde(rename = "1.0")]
    V10,
    #[serde(rename = "1.1")]
    V11,
}

/// As many earlier states are kept.
pub const MOST_STALE: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Modes {
    // How answers are written.
    pub fields: Fields,
    pub user_names: UserNames,
    pub deleted_users: DeletedUsers,
    pub empty_fields: EmptyFields,
    pub empty_lists: EmptyLists,
    pub list_id: ListId,
    /// The `master_user` of a user who is none; empty: the field is left out.
    pub not_master: String,
    /// Whether the users of a list say their account.
    pub account_in_lists: bool,
    /// Whether records have fields that no client knows.
    pub extra_fields: bool,
    /// Whether the record of a user shows the password.
    pub echo_password: bool,
    pub encoding: Encoding,
    pub nothing_to_read: NothingToRead,
    /// Whether a write that succeeds is answered with an empty body, also where it gives a record.
    pub empty_writes: bool,
    /// The HTTP status of an error document: 200, 400 or 500.
    pub error_status: u16,
    pub no_user: NoUser,
    /// The error code for what is there already; empty: `user.error.exists` and the like.
    pub taken_code: String,

    // What the server does.
    /// Whether a parameter with an empty value clears the field.
    pub empty_clears: bool,
    /// Whether `account` in an update moves a user.
    pub update_moves: bool,
    pub addresses_follow_purge: bool,
    pub addresses_follow_delete: bool,
    pub package_again: PackageAgain,
    /// The packages that there are; empty: any name will do.
    pub known_packages: Vec<String>,
    /// After how long a write becomes visible to reads.
    pub lag_ms: u64,

    /// Domains that the API client may not use any more: the addresses in them stay, and are in the lists.
    pub denied_domains: Vec<String>,

    // What is not true.
    pub lies: Vec<ScopedLie>,
    /// As many entries a paged list has.
    pub page_size: usize,
    /// The entry that a cut list lacks.
    pub cut_entry: usize,
    /// As many writes a stale list is behind; at most [`MOST_STALE`].
    pub stale_writes: usize,

    // How answers travel.
    pub latency_ms: u64,
    pub body: Body,
    pub close_notify: bool,
    pub http: Http,
    pub keep_alive: bool,
}

impl Default for Modes {
    fn default() -> Modes {
        Modes {
            fields: Fields::Attributes,
            user_names: UserNames::Upper,
            deleted_users: DeletedUsers::Listed,
            empty_fields: EmptyFields::LeftOut,
            empty_lists: EmptyLists::Element,
            list_id: ListId::Id,
            not_master: "N".to_owned(),
            account_in_lists: true,
            extra_fields: false,
            echo_password: false,
            encoding: Encoding::Utf8,
            nothing_to_read: NothingToRead::Document,
            empty_writes: false,
            error_status: 400,
            no_user: NoUser::Account,
            taken_code: String::new(),
            empty_clears: true,
            update_moves: false,
            addresses_follow_purge: true,
            addresses_follow_delete: false,
            package_again: PackageAgain::Refused,
            known_packages: Vec::new(),
            lag_ms: 0,
            denied_domains: Vec::new(),
            lies: Vec::new(),
            page_size: 1,
            cut_entry: 0,
            stale_writes: 1,
            latency_ms: 0,
            body: Body::Length,
            close_notify: true,
            http: Http::V11,
            keep_alive: true,
        }
    }
}

impl Modes {
    /// These modes, with those of `changes` (an object of any of them) in their place.
    pub fn changed(&self, changes: &Value) -> Result<Modes, String> {
        let Value::Object(changes) = changes else { return Err("modes are a JSON object".to_owned()) };
        let Value::Object(mut all) = serde_json::to_value(self).map_err(|e| e.to_string())? else {
            return Err("modes are a JSON object".to_owned());
        };
        for (name, value) in changes {
            all.insert(name.clone(), value.clone());
        }
        let modes: Modes = serde_json::from_value(Value::Object(all)).map_err(|e| format!("modes: {e}"))?;
        if ![200, 400, 500].contains(&modes.error_status) {
            return Err("modes: error_status is 200, 400 or 500".to_owned());
        }
        if !(1..=MOST_STALE).contains(&modes.stale_writes) {
            return Err(format!("modes: stale_writes is from 1 to {MOST_STALE}"));
        }
        Ok(modes)
    }

    /// These modes with one changed, given as `KEY=VALUE`; a value that is no JSON is a text.
    pub fn with_assignment(&self, assignment: &str) -> Result<Modes, String> {
        let (key, text) = assignment.split_once('=').ok_or_else(|| format!("{assignment}: not KEY=VALUE"))?;
        let text_value = Value::String(text.to_owned());
        let change = |value: Value| {
            let mut changes = serde_json::Map::new();
            changes.insert(key.to_owned(), value);
            self.changed(&Value::Object(changes))
        };
        // `http=1.1` is a text that happens to be a number, too: what the mode takes decides.
        match serde_json::from_str::<Value>(text) {
            Ok(value) => change(value).or_else(|error| change(text_value).map_err(|_| error)),
            Err(_) => change(text_value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subset_changes_only_itself() {
        let modes = Modes::default().changed(&json!({"fields": "mixed", "latency_ms": 20})).expect("modes");
        assert_eq!(modes, Modes { fields: Fields::Mixed, latency_ms: 20, ..Modes::default() });
    }

    #[test]
    fn an_unknown_mode_or_value_is_refused_by_name() {
        let error = |changes| Modes::default().changed(&changes).expect_err("refused");
        assert!(error(json!({"colour": "red"})).contains("colour"));
        assert!(error(json!({"fields": "sideways"})).contains("sideways"));
        assert!(error(json!({"error_status": 404})).contains("error_status"));
        assert!(error(json!({"lies": ["truth"]})).contains("truth"));
        assert!(error(json!({"stale_writes": 9})).contains("stale_writes"));
        assert!(error(json!([])).contains("object"));
    }

    #[test]
    fn an_assignment_takes_texts_numbers_and_lists() {
        let with = |text: &str| Modes::default().with_assignment(text).expect(text);
        assert_eq!(with("http=1.0").http, Http::V10);
        assert_eq!(with("lag_ms=7").lag_ms, 7);
        assert!(!with("keep_alive=false").keep_alive);
        assert_eq!(with("known_packages=[\"EMAIL\"]").known_packages, ["EMAIL"]);
        assert!(Modes::default().with_assignment("http").is_err());
    }
}
