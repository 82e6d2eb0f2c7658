//! A finding: one thing in which Freeside and MagicMail differ, and what mends it.

use crate::foreign::foreign;
use crate::id::{AccountId, UserName};
use crate::plan::{Planned, Weight};
use crate::record::{Account, Status};
use crate::step::Step;

/// The kinds of findings, in the order in which an account's are told and mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    AccountSuspended,
    AccountDeleted,
    NoMailbox,
    Deleted,
    OtherAccount,
    Suspended,
    NotSuspended,
    NoMaster,
    WrongMaster,
    TwoMasters,
    PackageMissing,
    PackageExtra,
    AdditionalPackages,
    AddressMissing,
    AddressOld,
    UserName,
    AccountName,
    OrphanUser,
    OrphanAccount,
}

impl Kind {
    /// In documents and keys.
    pub fn word(self) -> &'static str {
        match self {
            Kind::AccountSuspended => "account_suspended",
            Kind::AccountDeleted => "account_deleted",
            Kind::NoMailbox => "no_mailbox",
            Kind::Deleted => "deleted",
            Kind::OtherAccount => "other_account",
            Kind::Suspended => "suspended",
            Kind::NotSuspended => "not_suspended",
            Kind::NoMaster => "no_master",
            Kind::WrongMaster => "wrong_master",
            Kind::TwoMasters => "two_masters",
            Kind::PackageMissing => "package_missing",
            Kind::PackageExtra => "package_extra",
            Kind::AdditionalPackages => "additional_packages",
            Kind::AddressMissing => "address_missing",
            Kind::AddressOld => "address_old",
            Kind::UserName => "user_name",
            Kind::AccountName => "account_name",
            Kind::OrphanUser => "orphan_user",
            Kind::OrphanAccount => "orphan_account",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Kind::AccountSuspended => "account suspended, with active services",
            Kind::AccountDeleted => "account marked deleted, with services",
            Kind::NoMailbox => "no mailbox for a service",
            Kind::Deleted => "mailbox marked deleted, but provisioned",
            Kind::OtherAccount => "mailbox on another account than on record",
            Kind::Suspended => "mailbox suspended, but package active",
            Kind::NotSuspended => "mailbox active, but package suspended",
            Kind::NoMaster => "account without a master",
            Kind::WrongMaster => "master that no service has",
            Kind::TwoMasters => "several masters",
            Kind::PackageMissing => "package missing",
            Kind::PackageExtra => "package too much",
            Kind::AdditionalPackages => "additional user with other packages",
            Kind::AddressMissing => "address missing",
            Kind::AddressOld => "address of an old domain",
            Kind::UserName => "mailbox with another name",
            Kind::AccountName => "account with another name",
            Kind::OrphanUser => "user that no service has",
            Kind::OrphanAccount => "account without a service",
        }
    }
}

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    Steps(Vec<Planned>),
    /// The provision hook of the service, which has its password; the steps are what it would do.
    Provision(Vec<Planned>),
    /// Nothing that this program does; what a person may do.
    ByHand(String),
}

impl Mend {
    /// As an audit's document says it.
    pub fn word(&self) -> &'static str {
        match self {
            Mend::Steps(_) => "steps",
            Mend::Provision(_) => "provision",
            Mend::ByHand(_) => "hand",
        }
    }

    pub fn steps(&self) -> &[Planned] {
        match self {
            Mend::Steps(steps) | Mend::Provision(steps) => steps,
            Mend::ByHand(_) => &[],
        }
    }
}

/// One thing in which the two sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// By this it is found again: its kind, and what it is about. It may hold text of the server's.
    pub key: String,
    pub customer: Option<u64>,
    pub svcnum: Option<u64>,
    /// `jane@example.net`, of a service; the user's name else, where it is about one.
    pub mailbox: Option<String>,
    pub account: AccountId,
    /// What each side says; clauses.
    pub freeside: String,
    pub magicmail: String,
    pub mend: Mend,
}

impl Finding {
    /// What differs, in one clause for the page of the service: `package missing: the master ann has: EMAIL (the
    /// account's services bring: EMAIL, GOLD)`. What Freeside has of the service itself the page shows anyway.
    pub fn difference(&self) -> String {
        let mut text = format!("{}: {}", self.kind.title(), self.magicmail);
        if self.svcnum.is_none() || self.kind == Kind::UserName {
            text.push_str(&format!(" ({})", self.freeside));
        }
        if let Mend::ByHand(hint) = &self.mend {
            text.push_str(&format!(" ({hint})"));
        }
        text
    }
}

/// Steps one after the other, each of which must succeed.
pub fn each(steps: impl IntoIterator<Item = Step>) -> Mend {
    Mend::Steps(
        steps.into_iter().map(|step| Planned { step, weight: Weight::Fatal, beside: false }).collect(),
    )
}
/// An account of ours on which Freeside has no service; None for one that is marked deleted, as the last
/// unprovision leaves it.
pub fn orphan_account(account: &Account) -> Option<Finding> {
    if account.status == Status::Deleted {
        return None;
    }
    Some(orphan(Kind::OrphanAccount, &account.id, "", "no service is on this account".to_owned(), {
        format!("the account is {}", foreign(account.status.as_str()))
    }))
}

/// A user that no service has.
pub fn orphan_user(account: &AccountId, user: &UserName, master: bool) -> Finding {
    let says = if master { "it is the account's master" } else { "it is an additional user" };
    let freeside = format!("no service has the user {}", foreign(user.as_str()));
    orphan(Kind::OrphanUser, account, user.as_str(), freeside, says.to_owned())
}

fn orphan(kind: Kind, account: &AccountId, user: &str, freeside: String, magicmail: String) -> Finding {
    let thing = if user.is_empty() { String::new() } else { format!("/{user}") };
    let hand = "nothing is deleted here: see whose it is, then delete it in MagicMail or give it a service";
    Finding {
        kind,
        key: format!("{}/{account}{thing}", kind.word()),
        customer: None,
        svcnum: None,
        mailbox: Some(foreign(user)).filter(|_| !user.is_empty()),
        account: AccountId::new(foreign(account.as_str())),
        freeside,
        magicmail,
        mend: Mend::ByHand(hand.to_owned()),
    }
}
