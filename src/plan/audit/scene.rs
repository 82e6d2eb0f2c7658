//! One account as both sides have it: everything that its findings are made from.

use super::finding::{Finding, Kind, Mend};
use crate::document::{Neighbour, Service};
use crate::evidence::{Known, UserList};
use crate::foreign::foreign;
use crate::id::{Address, PackageName, UserName};
use crate::password::Password;
use crate::plan::{namesake, provision, Refusal};
use crate::record::{Status, User};
use crate::secret::Secret;
use crate::world::{Hook, Task, World};
use std::collections::{BTreeMap, BTreeSet};

/// The users of a world by their names, as they are known best.
pub struct Seen<'a> {
    names: BTreeSet<&'a UserName>,
    listed: BTreeMap<&'a UserName, &'a User>,
    peers: &'a BTreeMap<UserName, Known<User>>,
}

impl<'a> Seen<'a> {
    pub fn in_world(world: &'a World) -> Seen<'a> {
        let listed = || world.users.iter().flat_map(UserList::iter);
        // One whose status or account a list does not say is read directly.
        let named = listed().filter(|user| user.status.is_named() && user.account.is_some());
        let names = listed().map(|user| &user.name).collect();
        Seen { names, listed: named.map(|user| (&user.name, user)).collect(), peers: &world.peers }
    }

    pub fn user(&self, name: &UserName) -> Known<&'a User> {
        match (self.listed.get(name), self.peers.get(name)) {
            (_, Some(Known::Present(user))) => Known::Present(user),
            (Some(user), _) => Known::Present(user),
            (None, Some(Known::Absent)) => Known::Absent,
            (None, Some(Known::Unknown)) => Known::Unknown,
            (None, _) => Known::NotAsked,
        }
    }
}

/// Everything that the findings of one account are made from.
pub struct Scene<'a> {
    pub task: &'a Task,
    pub world: &'a World,
    pub seen: Seen<'a>,
    /// Each service once, with all its packages, by svcnum.
    pub services: Vec<Provisioned<'a>>,
    /// Where in `services` those of a user name are.
    of_user: BTreeMap<&'a UserName, Vec<usize>>,
}

/// A service of the account.
pub struct Provisioned<'a> {
    pub svcnum: u64,
    pub user: &'a UserName,
    pub of: &'a Neighbour,
    pub packages: Vec<&'a PackageName>,
    pub no_suspend: bool,
}

impl<'a> Scene<'a> {
    pub fn of(task: &'a Task, world: &'a World) -> Scene<'a> {
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

    pub fn believed(&self) -> Result<(), Refusal> {
        for service in &self.services {
            let user = service.user;
            let Known::Present(found) = self.seen.user(user) else { continue };
            if found.account.is_none() {
                return Err(Refusal::not_believed(format!(
                    "the server does not say to which account user {user} belongs"
                )));
            }
            if let Status::Unknown(status) = &found.status {
                return Err(Refusal::not_believed(format!(
                    "the server does not say clearly whether user {user} is active, suspended or deleted (status: {})",
                    foreign(status)
                )));
            }
            // Some servers leave out suspended and deleted users.
            let is_here = self.world.is_on_account(found) && found.status == Status::Active;
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
    pub fn live(&self, service: &Provisioned) -> Option<&'a User> {
        match self.seen.user(service.user) {
            Known::Present(user) if self.world.is_on_account(user) && !user.is_deleted() => Some(user),
            _ => None,
        }
    }

    pub fn has_service(&self, user: &UserName) -> bool {
        self.of_user.contains_key(user)
    }

    /// The services of a user name, the oldest first.
    pub fn of_user(&self, user: &UserName) -> Vec<&Provisioned<'a>> {
        self.of_user.get(user).into_iter().flatten().map(|&i| &self.services[i]).collect()
    }

    /// The other service whose mailbox this one's user is, where that is so.
    pub fn has_mailbox_of(&self, service: &Provisioned) -> Option<&Provisioned<'a>> {
        let own = || std::iter::once(service.address());
        let is_its = |other: &&Provisioned| {
            namesake::is_its_mailbox(self.world, service.user, own(), &other.address())
        };
        self.of_user(service.user).into_iter().find(is_its)
    }

    pub fn strangers(&self) -> Vec<User> {
        let live = self.world.users.iter().flat_map(UserList::iter).filter(|user| !user.is_deleted());
        live.filter(|user| !self.has_service(&user.name)).cloned().collect()
    }

    /// A finding about a service.
    pub fn about(&self, kind: Kind, service: &Provisioned, magicmail: String, mend: Mend) -> Finding {
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
    pub fn of_account(
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
    pub fn provision(&self, service: &Provisioned) -> Mend {
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
            provisioned_before: true,
        };
        let password = Some(Password::Plain(placeholder));
        let task = Task { password, ..Task::of(Hook::Provision, request) };
        let mut world = self.world.clone();
        let user = match self.seen.user(service.user) {
            Known::Present(user) => Known::Present(user.clone()),
            Known::Absent => Known::Absent,
            Known::NotAsked => Known::NotAsked,
            Known::Unknown => Known::Unknown,
        };
        world.set_user(user, &task);
        match provision::plan(&task, &world) {
            Ok(plan) => Mend::Provision(plan.steps),
            Err(refusal) => Mend::ByHand(refusal.text),
        }
    }
}

impl Provisioned<'_> {
    pub fn address(&self) -> Address {
        Address::of(self.user, &self.of.domain)
    }

    /// Whether its mailbox should be suspended; None where Freeside leaves that to MagicMail.
    pub fn wants_suspended(&self) -> Option<bool> {
        match (self.of.standing.suspended, self.no_suspend) {
            (true, true) => None,
            (suspended, _) => Some(suspended),
        }
    }

    pub fn told(&self) -> String {
        let package = if self.of.standing.suspended { "suspended" } else { "active" };
        format!("service {}, {}, package {package}", self.svcnum, self.address())
    }
}
