//! Whether a step took effect, by the answer to it or to its probe.

use crate::api::Reply;
use crate::id::{AccountId, Address, PackageName, UserName};
use crate::names::Names;
use crate::record::{Account, Record, Status, User};
use crate::step::Step;

/// What an answer says of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    TookEffect,
    DidNot,
    /// The answer is silent on it, or contradicts itself.
    Unknown,
}

/// What `reply` says of `step`, be it the step's own answer or of its probe.
pub fn verdict(step: &Step, reply: &Reply) -> Verdict {
    match step {
        Step::CreateAccount { id, names } => match reply {
            Reply::Record(record) => is(is_the_new_account(&Account::from_record(record, id), names)),
            _ => absent_or_silent(reply),
        },
        Step::PurgeAccount { .. } => not(there(reply)),
        Step::SetAccountStatus { id, status, .. } => match reply {
            Reply::Record(record) => same_status(&Account::from_record(record, id).status, status),
            _ => absent_or_silent(reply),
        },
        Step::CreateUser { user, account, names, .. } => match user_in(reply, user) {
            Some(found) => is_the_new_user(&found, account, names),
            None => absent_or_silent(reply),
        },
        Step::PurgeUser { user, account, .. } => match user_in(reply, user) {
            // Somebody else's by now: the one that was to be purged is gone.
            Some(User { account: Some(on), contradicts: false, .. }) => is(on != *account),
            Some(_) => Verdict::Unknown,
            None => not(absent_or_silent(reply)),
        },
        Step::SetUserStatus { user, status, .. } => match user_in(reply, user) {
            Some(found) => same_status(&found.status, status),
            None => absent_or_silent(reply),
        },
        Step::UpdateAccount { id, names, before } => match reply {
            Reply::Record(record) => {
                has_names(Account::from_record(record, id).names.as_ref(), names, before.as_ref())
            }
            _ => absent_or_silent(reply),
        },
        Step::UpdateUser { user, names, before, .. } => match user_in(reply, user) {
            Some(found) => has_names(found.names.as_ref(), names, before.as_ref()),
            None => absent_or_silent(reply),
        },
        Step::MakeMaster { user } => match user_in(reply, user) {
            Some(found) if found.contradicts => Verdict::Unknown,
            Some(found) => is(found.master),
            None => absent_or_silent(reply),
        },
        Step::AssignPackage { package, .. } => has_package(reply, package),
        Step::RemovePackage { package, .. } => not(has_package(reply, package)),
        Step::AddAddress { address, user } => has_address(reply, address, user),
        Step::RemoveAddress { address, user } => not(has_address(reply, address, user)),
    }
}

/// A new one is active, and called as it was to be.
fn is_the_new_account(found: &Account, names: &Names) -> bool {
    let is_called_so = found.names.as_ref().is_none_or(|shown| are_alike(shown, names));
    is_called_so && !matches!(found.status, Status::Suspended | Status::Deleted)
}

/// White space and case apart.
fn are_alike(one: &Names, other: &Names) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    words(&one.0) == words(&other.0) && words(&one.1) == words(&other.1)
}

/// One that was there before, marked deleted and so in no list, is not the one that was to be made; nor can
/// one of other names be told to be it.
fn is_the_new_user(found: &User, account: &AccountId, names: &(String, String)) -> Verdict {
    let Some(found_names) = found.names.as_ref().filter(|_| !found.contradicts) else {
        return Verdict::Unknown;
    };
    let says_names = *found_names != (String::new(), String::new());
    match &found.account {
        Some(on) if on != account || found.is_deleted() => Verdict::DidNot,
        Some(_) if !says_names || are_alike(found_names, names) => Verdict::TookEffect,
        _ => Verdict::Unknown,
    }
}

/// The password cannot be read back; names and password go in one request. Some servers keep a name where an empty
/// one is sent: that a name is still there says nothing then.
fn has_names(now: Option<&Names>, names: &Names, before: Option<&Names>) -> Verdict {
    let (Some(now), Some(before)) = (now, before) else { return Verdict::Unknown };
    let must_show = |sent: &String, before: &String| !sent.is_empty() && sent != before;
    match before != names {
        true if now == names => Verdict::TookEffect,
        true if now == before && (must_show(&names.0, &before.0) || must_show(&names.1, &before.1)) => {
            Verdict::DidNot
        }
        _ => Verdict::Unknown,
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
        Verdict::Unknown => Verdict::Unknown,
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
        _ => Verdict::Unknown,
    }
}

fn same_status(found: &Status, wanted: &Status) -> Verdict {
    if found.is_named() {
        is(found == wanted)
    } else {
        Verdict::Unknown
    }
}

fn user_in(reply: &Reply, name: &UserName) -> Option<User> {
    match reply {
        Reply::Record(record) => Some(User::from_record(record, name)),
        _ => None,
    }
}

fn has_package(reply: &Reply, package: &PackageName) -> Verdict {
    match reply {
        Reply::List(list) => is(list.iter().any(|(name, _)| PackageName::new(name) == *package)),
        _ => absent_or_silent(reply),
    }
}

/// By the address's own record, or by the list of the user's addresses: what that lacks is not on the user.
fn has_address(reply: &Reply, address: &Address, user: &UserName) -> Verdict {
    let owner = |record: &Record| record.get("user").filter(|owner| !owner.is_empty()).map(UserName::new);
    match reply {
        Reply::Record(record) => owner(record).map_or(Verdict::Unknown, |owner| is(owner == *user)),
        Reply::List(list)
            if list.iter().any(|(_, record)| owner(record).is_some_and(|owner| owner != *user)) =>
        {
            Verdict::Unknown
        }
        Reply::List(list) => is(list.iter().any(|(name, _)| Address::new(name) == *address)),
        _ => absent_or_silent(reply),
    }
}
