//! Where Freeside and MagicMail differ on one account: the findings, each with what mends it. Pure, as all of
//! the planner: the same code says what an audit shows and what a repair does.

mod account;
mod services;

use super::{provision, Plan, Planned, Refusal, Weight};
use crate::document::{Neighbour, Service};
use crate::foreign::foreign;
use crate::id::{AccountId, Address, PackageName, UserName};
use crate::password::Password;
use crate::record::{Account, Status, User};
use crate::secret::Secret;
use crate::step::Step;
use crate::world::{Hook, Known, Task, World};
use std::collections::{BTreeMap, BTreeSet};

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

/// What an audit of one account gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    pub findings: Vec<Finding>,
    /// Users on the account, not deleted, that none of its services has. Whether another one has them, the
    /// account's own services do not tell.
    pub strangers: Vec<User>,
}

/// The users of a world by their names, as they are known best.
pub struct Seen<'a> {
    names: BTreeSet<&'a UserName>,
    listed: BTreeMap<&'a UserName, &'a User>,
    peers: &'a BTreeMap<UserName, Known<User>>,
}

impl<'a> Seen<'a> {
    pub fn in_world(world: &'a World) -> Seen<'a> {
        // One whose status a list does not tell is looked up.
        let named = world.users.iter().flatten().filter(|user| user.status.is_named());
        let names = world.users.iter().flatten().map(|user| &user.name).collect();
        Seen { names, listed: named.map(|user| (&user.name, user)).collect(), peers: &world.peers }
    }

    pub fn user(&self, name: &UserName) -> Known<&'a User> {
        match (self.listed.get(name), self.peers.get(name)) {
            (Some(user), _) => Known::There(user),
            (None, Some(Known::There(user))) => Known::There(user),
            (None, Some(Known::Absent)) => Known::Absent,
            (None, _) => Known::Unknown,
        }
    }
}

/// Everything that the findings of one account are made from.
struct Scene<'a> {
    task: &'a Task,
    world: &'a World,
    seen: Seen<'a>,
    /// Each service once, with all its packages, by svcnum.
    services: Vec<Provisioned<'a>>,
    /// Where in `services` those of a user name are.
    of_user: BTreeMap<&'a UserName, Vec<usize>>,
}

/// A service of the account.
struct Provisioned<'a> {
    svcnum: u64,
    user: &'a UserName,
    of: &'a Neighbour,
    packages: Vec<&'a PackageName>,
    no_suspend: bool,
}

/// Compares. Refuses where what the server said contradicts itself: then nothing is found, and nothing mended.
pub fn audit(task: &Task, world: &World) -> Result<Audit, Refusal> {
    let scene = Scene::of(task, world);
    scene.believed()?;
    let mut findings = Vec::new();
    services::compare(&scene, &mut findings);
    account::compare(&scene, &mut findings);
    findings.sort_by_key(|one| (one.kind, one.svcnum));
    Ok(Audit { findings, strangers: scene.strangers() })
}

/// The plan that mends the finding which the task names; no steps where it is not found any more.
pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let found = audit(task, world)?.findings;
    let key = task.finding.as_deref().unwrap_or_default();
    match found.into_iter().find(|finding| finding.key == key).map(|finding| finding.mend) {
        Some(Mend::Steps(steps)) => Ok(Plan { steps, warnings: Vec::new() }),
        Some(Mend::ByHand(text)) => Err(Refusal::because(text)),
        Some(Mend::Provision(_)) => Err(Refusal::because("the provision hook mends it".to_owned())),
        None => Ok(Plan::default()),
    }
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

impl<'a> Scene<'a> {
    fn of(task: &'a Task, world: &'a World) -> Scene<'a> {
        let mut services: BTreeMap<u64, Provisioned<'a>> = BTreeMap::new();
        for other in task.others(world) {
            let service = services.entry(other.svcnum).or_insert_with(|| Provisioned {
                svcnum: other.svcnum,
                user: &other.username,
                of: other,
                packages: Vec::new(),
                no_suspend: true,
            });
            service.packages.push(&other.package);
            // One export that suspends is enough.
            service.no_suspend &= other.standing.no_suspend;
        }
        let services: Vec<Provisioned> = services.into_values().collect();
        let mut of_user: BTreeMap<&UserName, Vec<usize>> = BTreeMap::new();
        for (i, service) in services.iter().enumerate() {
            of_user.entry(service.user).or_default().push(i);
        }
        Scene { task, world, seen: Seen::in_world(world), services, of_user }
    }

    fn believed(&self) -> Result<(), Refusal> {
        for service in &self.services {
            let user = service.user;
            let Known::There(found) = self.seen.user(user) else { continue };
            if found.account.is_none() {
                return Err(Refusal::not_believed(format!(
                    "the server does not say to which account user {user} belongs"
                )));
            }
            if found.status == Status::Other(String::new()) {
                return Err(Refusal::not_believed(format!(
                    "the server does not say the status of user {user}"
                )));
            }
            let is_here = self.world.is_on_account(found) && !found.is_deleted();
            if is_here && !self.seen.names.contains(user) {
                return Err(Refusal::not_believed(format!(
                    "the server says that user {user} is on account {}, and leaves it out of that account's list",
                    self.world.account_id
                )));
            }
        }
        Ok(())
    }

    /// The service's user, where it is on the account and not deleted.
    fn live(&self, service: &Provisioned) -> Option<&'a User> {
        match self.seen.user(service.user) {
            Known::There(user) if self.world.is_on_account(user) && !user.is_deleted() => Some(user),
            _ => None,
        }
    }

    fn has_service(&self, user: &UserName) -> bool {
        self.of_user.contains_key(user)
    }

    /// The services of a user name, the oldest first.
    fn of_user(&self, user: &UserName) -> Vec<&Provisioned<'a>> {
        self.of_user.get(user).into_iter().flatten().map(|&i| &self.services[i]).collect()
    }

    fn strangers(&self) -> Vec<User> {
        let live = self.world.users.iter().flatten().filter(|user| !user.is_deleted());
        live.filter(|user| !self.has_service(&user.name)).cloned().collect()
    }

    /// A finding about a service.
    fn about(&self, kind: Kind, service: &Provisioned, magicmail: String, mend: Mend) -> Finding {
        Finding {
            kind,
            key: format!("{}/{}", kind.word(), service.svcnum),
            customer: Some(service.of.standing.customer),
            svcnum: Some(service.svcnum),
            mailbox: Some(service.address().to_string()),
            account: self.world.account_id.clone(),
            freeside: service.told(),
            magicmail,
            mend,
        }
    }

    /// A finding about the account, or a thing of it.
    fn of_account(
        &self,
        kind: Kind,
        thing: &str,
        freeside: String,
        magicmail: String,
        mend: Mend,
    ) -> Finding {
        let account = &self.world.account_id;
        let thing = if thing.is_empty() { String::new() } else { format!("/{thing}") };
        Finding {
            kind,
            key: format!("{}/{account}{thing}", kind.word()),
            customer: self.services.first().map(|service| service.of.standing.customer),
            svcnum: None,
            mailbox: None,
            account: account.clone(),
            freeside,
            magicmail,
            mend,
        }
    }

    /// What the provision hook would do. The password is not known here, and no matter to the plan.
    fn provision(&self, service: &Provisioned) -> Mend {
        let mut request = self.task.request.clone();
        let placeholder = Secret::new("-");
        request.service = Service {
            svcnum: service.svcnum,
            username: service.user.clone(),
            domain: service.of.domain.clone(),
            finger: String::new(),
            password: placeholder.clone(),
            password_encoding: "plain".to_owned(),
            package: service.of.package.clone(),
            suspended: service.of.standing.suspended && !service.no_suspend,
        };
        let task = Task {
            hook: Hook::Provision,
            request,
            password: Some(Password::Plain(placeholder)),
            old_password: None,
            autopurge: false,
            finding: None,
        };
        let mut world = self.world.clone();
        let user = match self.seen.user(service.user) {
            Known::There(user) => Known::There(user.clone()),
            Known::Absent => Known::Absent,
            Known::Unknown => Known::Unknown,
        };
        world.set_user(user, &task.request);
        match provision::plan(&task, &world) {
            Ok(plan) => Mend::Provision(plan.steps),
            Err(refusal) => Mend::ByHand(refusal.text),
        }
    }
}

impl Provisioned<'_> {
    fn address(&self) -> Address {
        Address::of(self.user, &self.of.domain)
    }

    /// Whether its mailbox should be suspended; None where Freeside leaves that to MagicMail.
    fn wants_suspended(&self) -> Option<bool> {
        match (self.of.standing.suspended, self.no_suspend) {
            (true, true) => None,
            (suspended, _) => Some(suspended),
        }
    }

    fn told(&self) -> String {
        let package = if self.of.standing.suspended { "suspended" } else { "active" };
        format!("service {}, {}, package {package}", self.svcnum, self.address())
    }
}

/// Steps one after the other, each of which must succeed.
fn each(steps: impl IntoIterator<Item = Step>) -> Mend {
    Mend::Steps(
        steps.into_iter().map(|step| Planned { step, weight: Weight::Fatal, beside: false }).collect(),
    )
}

/// An account as the server names it, in a sentence.
fn their(account: Option<&AccountId>) -> String {
    account.map_or_else(|| "an account that is not named".to_owned(), |id| foreign(id.as_str()))
}
