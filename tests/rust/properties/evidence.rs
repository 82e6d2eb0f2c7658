//! What the server's answers said, whether it was true or not: a hook that succeeds must have been told so.

use super::network::Seen;
use super::scenes::{Scene, ACCOUNT, USER};
use super::{holds, Checked};
use magicmail::api;
use magicmail::record::Record;
use magicmail::wire::{Answer, Method, Outcome};
use magicmail::world::Hook;

/// Fails where `scene` ended well and nothing that the server said is a reason for that.
pub fn of_success(scene: Scene, seen: &[Seen]) -> Checked {
    let needed: &[(&str, Told)] = match scene.hook() {
        Hook::Provision => &[
            ("the account is there", account_is_there),
            ("the user is on the account", user_is_ours),
            ("the address is the user's", address_is_ours),
            ("the package is on a user", package_is_there),
        ],
        Hook::Unprovision => &[("the user is gone", user_is_gone)],
        Hook::Suspend => &[("the user is suspended", user_is_suspended)],
        Hook::Unsuspend => &[("the user is active", user_is_active)],
        _ => &[("the user is on the account", user_is_ours)],
    };
    needed.iter().try_for_each(|(what, told)| {
        holds(seen.iter().any(|seen| told(&Heard::of(seen))), || {
            format!("{}: a success, and nobody said that {what}", scene.name())
        })
    })
}

/// Whether a list said that the user `name` is on the account.
pub fn of_membership(name: &str, seen: &[Seen]) -> bool {
    seen.iter().map(Heard::of).filter(|heard| heard.is_about("user")).any(|heard| {
        let is_named = |record: &Record| record.list_id().is_some_and(|id| id.eq_ignore_ascii_case(name));
        heard.records.iter().any(|(_, record)| is_named(record) && is_of_account(record))
    })
}

/// Whether an answer said that the service's user has the address `name`.
pub fn of_address(name: &str, seen: &[Seen]) -> bool {
    seen.iter().map(Heard::of).filter(|heard| heard.is_about("emailaddress")).any(|heard| {
        let is_named = |record: &Record| record.list_id().is_some_and(|id| id.eq_ignore_ascii_case(name));
        heard.records.iter().any(|(_, record)| is_named(record) && is_of_user(record))
    })
}

type Told = fn(&Heard) -> bool;

/// One answer, as far as it can be believed at all.
struct Heard<'a> {
    thing: &'a str,
    key: Option<&'a str>,
    is_write: bool,
    /// A success that says nothing.
    is_silent: bool,
    /// The code of an `error`.
    error: bool,
    /// The records, of a single one or of a list.
    records: Vec<(String, Record)>,
}

impl Heard<'_> {
    fn of(seen: &Seen) -> Heard<'_> {
        let path = &seen.request.path;
        let mut heard = Heard {
            thing: path.first().map_or("", String::as_str),
            key: path.get(1).map(String::as_str),
            is_write: seen.request.method == Method::Post,
            is_silent: false,
            error: false,
            records: Vec::new(),
        };
        if let Outcome::Answered(answer) = &seen.outcome {
            heard.take_in(answer);
        }
        heard
    }

    fn take_in(&mut self, answer: &Answer) {
        match api::parse(answer) {
            Ok(None) => self.is_silent = self.is_write,
            Ok(Some(root)) => {
                self.error = root.name == "error" || root.child("error").is_some();
                if !self.error && answer.status == 200 {
                    let elements =
                        root.children.iter().flat_map(|child| [child].into_iter().chain(&child.children));
                    self.records =
                        elements.map(|element| (element.name.clone(), Record(element.fields()))).collect();
                }
            }
            Err(_) => {}
        }
    }

    fn is_about(&self, thing: &str) -> bool {
        self.thing == thing
    }

    /// A write on `thing` succeeded without a word, or a record of the name `element` fulfils `is_so`.
    fn says(&self, thing: &str, element: &str, is_so: impl Fn(&Record) -> bool) -> bool {
        self.is_about(thing)
            && (self.is_silent || self.records.iter().any(|(name, record)| name == element && is_so(record)))
    }

    fn says_of_user(&self, is_so: impl Fn(&Record) -> bool) -> bool {
        let named = |record: &Record| record.list_id().is_some_and(|id| id.eq_ignore_ascii_case(USER));
        let is_jane = |record: &Record| self.key == Some(USER) || named(record);
        self.says("user", "user", |record| is_jane(record) && is_so(record))
    }
}

/// A status that is no word of the API's says nothing.
fn is_status(record: &Record, status: &str) -> bool {
    let is = |shown: &str, word: &str| shown.eq_ignore_ascii_case(word);
    let says_nothing = |shown: &str| !["active", "suspended", "deleted"].iter().any(|word| is(shown, word));
    record.get("status").is_none_or(|shown| is(shown, status) || says_nothing(shown))
}

fn is_of_account(record: &Record) -> bool {
    record.get("account").is_none_or(|id| id.is_empty() || id.eq_ignore_ascii_case(ACCOUNT))
}

fn is_of_user(record: &Record) -> bool {
    record.get("user").is_none_or(|user| user.eq_ignore_ascii_case(USER))
}

fn account_is_there(heard: &Heard) -> bool {
    heard.says("account", "account", |record| is_status(record, "active"))
}

fn user_is_ours(heard: &Heard) -> bool {
    heard.says_of_user(is_of_account)
}

fn address_is_ours(heard: &Heard) -> bool {
    heard.says("emailaddress", "emailaddress", is_of_user)
}

fn package_is_there(heard: &Heard) -> bool {
    heard.says("user_package", "package", |record| {
        record.list_id().is_some_and(|id| id.eq_ignore_ascii_case("EMAIL"))
    })
}

/// Marked deleted, or unknown.
fn user_is_gone(heard: &Heard) -> bool {
    heard.is_about("user") && heard.error || heard.says_of_user(|record| is_status(record, "deleted"))
}

fn user_is_suspended(heard: &Heard) -> bool {
    heard.says_of_user(|record| is_status(record, "suspended"))
}

fn user_is_active(heard: &Heard) -> bool {
    heard.says_of_user(|record| is_status(record, "active"))
}
