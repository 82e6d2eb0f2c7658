//! What a step does to the world: as the server is known to do it, and as its answer tells.

use super::Step;
use crate::api::{Account, Reply, Status, User};
use crate::id::{AccountId, PackageName, UserName};
use crate::world::{Known, World};

impl Step {
    /// What the step does, as the server is known to do it.
    pub fn take_effect(&self, world: &mut World) {
        match self {
            Step::CreateAccount { id, .. } => {
                world.account = Known::There(Account { id: id.clone(), status: Status::Active });
                world.users = Some(Vec::new());
                world.made_account = true;
            }
            Step::SetAccountStatus { id, status, .. } => {
                world.account = Known::There(Account { id: id.clone(), status: status.clone() });
            }
            Step::PurgeAccount { .. } => world.account = Known::Absent,
            Step::CreateUser { user, account, names, .. } => create_user(world, user, account, names),
            Step::SetUserStatus { user, status, .. } => {
                world.change_user(user, |found| found.status = status.clone());
            }
            Step::UpdateUser { user, names, .. } => {
                world.change_user(user, |found| found.names = names.clone());
                world.refreshed = true;
            }
            Step::MakeMaster { user } => world.change_user(user, |found| found.master = true),
            Step::PurgeUser { user, .. } => {
                world.user = Known::Absent;
                world.purged_user = true;
                if let Some(users) = &mut world.users {
                    users.retain(|found| found.name != *user);
                }
            }
            Step::AssignPackage { user, package } => {
                let packages = world.packages.entry(user.clone()).or_default();
                if !packages.contains(package) {
                    packages.push(package.clone());
                }
            }
            Step::RemovePackage { user, package } => {
                let packages = world.packages.entry(user.clone()).or_default();
                packages.retain(|found| found != package);
            }
            Step::AddAddress { address, user } => {
                world.owners.insert(address.clone(), Some(user.clone()));
            }
            Step::RemoveAddress { address, .. } => {
                world.owners.insert(address.clone(), None);
            }
        }
    }

    /// Takes over what the server itself said of the thing after the step.
    pub fn learn(&self, reply: &Reply, world: &mut World) {
        match (self, reply) {
            (Step::CreateUser { user, account, .. }, Reply::Record(record)) => {
                let mut made = User::of(record, user);
                made.account = Some(account.clone());
                if made.status == Status::Other(String::new()) {
                    made.status = Status::Active;
                }
                let master = made.master;
                if world.user.there().is_some_and(|predicted| predicted.master != master) {
                    // The server took it for the other kind, and gave it packages accordingly.
                    world.packages.remove(user);
                }
                world.change_user(user, |found| found.clone_from(&made));
            }
            (Step::AssignPackage { user, .. }, Reply::List(list)) if !list.is_empty() => {
                let packages = list.iter().map(|(name, _)| PackageName::new(name)).collect();
                world.packages.insert(user.clone(), packages);
            }
            _ => {}
        }
    }
}

fn create_user(world: &mut World, user: &UserName, account: &AccountId, names: &(String, String)) {
    let master = !world.roster().iter().any(|found| found.master && !found.is_deleted());
    let made = User {
        name: user.clone(),
        account: Some(account.clone()),
        master,
        status: Status::Active,
        names: names.clone(),
    };
    let packages = if master { Vec::new() } else { vec![PackageName::additional()] };
    world.packages.insert(user.clone(), packages);
    if let Some(users) = &mut world.users {
        users.push(made.clone());
    }
    world.user = Known::There(made);
    world.made_user = true;
}
