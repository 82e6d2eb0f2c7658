//! Watches what a client destroys. No mailbox may be lost that nobody asked to be rid of, whatever the server said.

use crate::request::ApiRequest;
use crate::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// The mark.
    UserDeleted,
    UserPurged,
    AccountDeleted,
    AccountPurged,
    /// From a user who is still there, and not for being deleted.
    AddressRemoved,
}

impl LossKind {
    /// What is lost on the way to this.
    fn implies(self) -> Option<LossKind> {
        match self {
            LossKind::UserPurged => Some(LossKind::UserDeleted),
            LossKind::AccountPurged => Some(LossKind::AccountDeleted),
            _ => None,
        }
    }
}

/// Something that was there before a write and is not after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub kind: LossKind,
    pub name: String,
    /// The account of a user, the user of an address.
    pub owner: String,
    /// Of a user or an account, before it.
    pub status: &'static str,
}

impl Loss {
    /// A mailbox went that was not even marked deleted.
    pub fn is_of_active_mailbox(&self) -> bool {
        self.kind == LossKind::UserPurged && self.status != "deleted"
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loss { kind, name, owner, status } = self;
        match kind {
            LossKind::UserDeleted => {
                write!(f, "user {name} of account {owner} ({status}) was marked deleted")
            }
            LossKind::UserPurged => write!(f, "user {name} of account {owner} ({status}) was purged"),
            LossKind::AccountDeleted => write!(f, "account {name} ({status}) was marked deleted"),
            LossKind::AccountPurged => write!(f, "account {name} ({status}) was purged"),
            LossKind::AddressRemoved => write!(f, "address {name} was removed from user {owner}"),
        }
    }
}

/// What `after` lacks of `before`.
pub fn losses(before: &State, after: &State) -> Vec<Loss> {
    if before == after {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut add = |kind, name: &str, owner: &str, status| {
        found.push(Loss { kind, name: name.to_owned(), owner: owner.to_owned(), status });
    };
    for was in before.mailboxes() {
        match after.mailbox(was.name) {
            None => add(LossKind::UserPurged, was.name, was.account, was.status),
            Some(is) if is.is_deleted() && !was.is_deleted() => {
                add(LossKind::UserDeleted, was.name, was.account, was.status);
            }
            Some(_) => {}
        }
    }
    for (id, was) in before.account_statuses() {
        match after.account_status(id) {
            None => add(LossKind::AccountPurged, id, "", was),
            Some("deleted") if was != "deleted" => add(LossKind::AccountDeleted, id, "", was),
            Some(_) => {}
        }
    }
    for (address, user) in before.owners().filter(|(address, _)| after.owner(address).is_none()) {
        // A server may take the addresses of a deleted user along.
        let is_just_deleted = before.mailbox(user).is_some_and(|was| !was.is_deleted())
            && after.mailbox(user).is_some_and(|is| is.is_deleted());
        if after.mailbox(user).is_some() && !is_just_deleted {
            add(LossKind::AddressRemoved, address, user, "");
        }
    }
    found
}

/// Something that may be lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    pub kind: LossKind,
    pub name: String,
}

/// Looks at each request and at what became of it. What was not there at the start was made by the client, which may
/// take it away again; else only that may be lost which is permitted, and a mark of the start may be put back.
#[derive(Clone, Debug)]
pub struct Guard {
    start: State,
    permitted: BTreeSet<(LossKind, String)>,
    violations: Vec<String>,
}

impl Guard {
    pub fn new(start: State, permitted: impl IntoIterator<Item = Permission>) -> Guard {
        let permitted = permitted.into_iter().flat_map(|Permission { kind, name }| {
            let name = name.to_ascii_lowercase();
            [Some(kind), kind.implies()].into_iter().flatten().map(move |kind| (kind, name.clone()))
        });
        Guard { start, permitted: permitted.collect(), violations: Vec::new() }
    }

    /// What must not have happened, with the request that it came with.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// A request has come, whether it is carried out or not.
    pub(crate) fn see(&mut self, request: &ApiRequest) {
        if request.parameters.iter().any(|(name, value)| name == "force" && value == "true") {
            self.violations.push(format!("force was sent: {}", request.describe()));
        }
    }

    /// A write was carried out.
    pub(crate) fn observe(&mut self, request: &ApiRequest, before: &State, after: &State) {
        for loss in losses(before, after) {
            if loss.is_of_active_mailbox() {
                self.violations.push(format!("a mailbox in use: {loss}, by {}", request.describe()));
            } else if !self.may_be_lost(&loss) {
                self.violations.push(format!("nobody asked for it: {loss}, by {}", request.describe()));
            }
        }
    }

    fn may_be_lost(&self, loss: &Loss) -> bool {
        let status = match loss.kind {
            LossKind::UserDeleted | LossKind::UserPurged => {
                self.start.mailbox(&loss.name).map(|user| user.status)
            }
            LossKind::AccountDeleted | LossKind::AccountPurged => self.start.account_status(&loss.name),
            LossKind::AddressRemoved => self.start.owner(&loss.name).map(|_| ""),
        };
        let Some(status) = status else { return true };
        let puts_back =
            status == "deleted" && matches!(loss.kind, LossKind::UserDeleted | LossKind::AccountDeleted);
        // The addresses of a user go before it.
        let goes_first =
            loss.kind == LossKind::AddressRemoved && self.permits(LossKind::UserPurged, &loss.owner);
        puts_back || goes_first || self.permits(loss.kind, &loss.name)
    }

    fn permits(&self, kind: LossKind, name: &str) -> bool {
        self.permitted.contains(&(kind, name.to_ascii_lowercase()))
    }
}
