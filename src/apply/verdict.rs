//! Whether a step took effect, by the answer to it or to its probe.

use crate::api::Reply;
use crate::id::{AccountId, PackageName, UserName};
use crate::record::{Account, Status, User};
use crate::step::Step;

/// What an answer says of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    TookEffect,
    DidNot,
    /// The answer is silent on it.
    CannotTell,
}

/// What `reply` says of `step`, be it the step's own answer or of its probe.
pub fn verdict(step: &Step, reply: &Reply) -> Verdict {
    match step {
        Step::CreateAccount { .. } => there(reply),
        Step::PurgeAccount { .. } => not(there(reply)),
        Step::SetAccountStatus { id, status, .. } => match reply {
            Reply::Record(record) => same_status(&Account::of(record, id).status, status),
            _ => absent_or_silent(reply),
        },
        Step::CreateUser { user, account, names, .. } => match user_in(reply, user) {
            Some(found) => is_the_new_user(&found, account, names),
            None => absent_or_silent(reply),
        },
        Step::PurgeUser { user, account, .. } => match user_in(reply, user) {
            // Somebody else's by now: the one that was to be purged is gone.
            Some(User { account: Some(on), .. }) => is(on != *account),
            Some(_) => Verdict::CannotTell,
            None => not(absent_or_silent(reply)),
        },
        Step::SetUserStatus { user, status, .. } => match user_in(reply, user) {
            Some(found) => same_status(&found.status, status),
            None => absent_or_silent(reply),
        },
        Step::UpdateUser { user, names, before, .. } => match user_in(reply, user) {
            Some(found) if names != before && found.names == *names => Verdict::TookEffect,
            // The password cannot be read back.
            Some(_) => Verdict::CannotTell,
            None => absent_or_silent(reply),
        },
        Step::MakeMaster { user } => match user_in(reply, user) {
            Some(found) => is(found.master),
            None => absent_or_silent(reply),
        },
        Step::AssignPackage { package, .. } => has_package(reply, package),
        Step::RemovePackage { package, .. } => not(has_package(reply, package)),
        Step::AddAddress { user, .. } => owned_by(reply, user),
        Step::RemoveAddress { user, .. } => not(owned_by(reply, user)),
    }
}

/// One that was there before, marked deleted and so in no list, is not the one that was to be made; nor can
/// one of other names be told to be it.
fn is_the_new_user(found: &User, account: &AccountId, names: &(String, String)) -> Verdict {
    let says_names = found.names != (String::new(), String::new());
    let alike = |one: &str, other: &str| {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        words(one) == words(other)
    };
    match &found.account {
        Some(on) if on != account || found.is_deleted() => Verdict::DidNot,
        Some(_) if !says_names || (alike(&found.names.0, &names.0) && alike(&found.names.1, &names.1)) => {
            Verdict::TookEffect
        }
        _ => Verdict::CannotTell,
    }
}

fn is(so: bool) -> Verdict {
    if so {
        Verdict::TookEffect
    } else {
        Verdict::DidNot
    }
}

fn not(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::TookEffect => Verdict::DidNot,
        Verdict::DidNot => Verdict::TookEffect,
        Verdict::CannotTell => Verdict::CannotTell,
    }
}

fn there(reply: &Reply) -> Verdict {
    match reply {
        Reply::Record(_) => Verdict::TookEffect,
        _ => absent_or_silent(reply),
    }
}

fn absent_or_silent(reply: &Reply) -> Verdict {
    match reply {
        Reply::Absent => Verdict::DidNot,
        _ => Verdict::CannotTell,
    }
}

fn same_status(found: &Status, wanted: &Status) -> Verdict {
    match found {
        Status::Other(text) if text.is_empty() => Verdict::CannotTell,
        _ => is(found == wanted),
    }
}

fn user_in(reply: &Reply, name: &UserName) -> Option<User> {
    match reply {
        Reply::Record(record) => Some(User::of(record, name)),
        _ => None,
    }
}

fn has_package(reply: &Reply, package: &PackageName) -> Verdict {
    match reply {
        Reply::List(list) => is(list.iter().any(|(name, _)| PackageName::new(name) == *package)),
        _ => absent_or_silent(reply),
    }
}

fn owned_by(reply: &Reply, user: &UserName) -> Verdict {
    match reply {
        Reply::Record(record) => match record.get("user") {
            Some(owner) => is(UserName::new(owner) == *user),
            None => Verdict::CannotTell,
        },
        _ => absent_or_silent(reply),
    }
}
