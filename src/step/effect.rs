//! What a step does to the world, as the server is known to do it.

use super::Step;
use crate::evidence::{Known, UserList};
use crate::id::{AccountId, PackageName, UserName};
use crate::record::{Account, Status, User};
use crate::world::World;

impl Step {
    /// What the step does, as the server is known to do it.
    pub fn take_effect(&self, world: &mut World) {
        match self {
            Step::CreateAccount { id, names } => {
                world.account = Known::Present(Account {
                    id: id.clone(),
                    status: Status::Active,
                    names: Some(names.clone()),
                });
                world.users = Some(UserList::default());
                world.progress.made_account = true;
            }
            Step::SetAccountStatus { id, status, .. } => {
                let names = world.account.present().and_then(|account| account.names.clone());
                world.account = Known::Present(Account { id: id.clone(), status: status.clone(), names });
            }
            Step::UpdateAccount { names, .. } => {
                if let Known::Present(account) = &mut world.account {
                    account.names = Some(names.clone());
                }
            }
            Step::PurgeAccount { .. } => world.account = Known::Absent,
            Step::CreateUser { user, account, names, .. } => create_user(world, user, account, names),
            Step::SetUserStatus { user, status, .. } => {
                world.change_user(user, |found| found.status = status.clone());
            }
            Step::UpdateUser { user, names, .. } => {
                world.change_user(user, |found| found.names = Some(names.clone()));
                world.progress.refreshed = true;
            }
            Step::MakeMaster { user } => world.change_user(user, |found| found.master = true),
            Step::PurgeUser { user, .. } => {
                world.user = Known::Absent;
                world.progress.purged_user = true;
                if let Some(users) = &mut world.users {
                    users.remove(user);
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
                if let Some(addresses) = world.addresses.get_mut(user) {
                    if !addresses.contains(address) {
                        addresses.push(address.clone());
                    }
                }
            }
            Step::RemoveAddress { address, user } => {
                world.owners.insert(address.clone(), None);
                if let Some(addresses) = world.addresses.get_mut(user) {
                    addresses.retain(|found| found != address);
                }
            }
        }
    }

    /// What the server gives a user that is made in `world`.
    pub fn packages_of_new_user(world: &World) -> Vec<PackageName> {
        if is_first_user(world) {
            Vec::new()
        } else {
            vec![PackageName::additional()]
        }
    }

    /// Whether the server makes a user that is made in `world` a master.
    pub fn new_user_is_master(world: &World) -> bool {
        is_first_user(world)
    }
}

fn create_user(world: &mut World, user: &UserName, account: &AccountId, names: &(String, String)) {
    let master = is_first_user(world);
    let made = User {
        name: user.clone(),
        account: Some(account.clone()),
        master,
        status: Status::Active,
        names: Some(names.clone()),
        shows_names: true,
        contradicts: false,
    };
    world.packages.insert(user.clone(), Step::packages_of_new_user(world));
    if let Some(users) = &mut world.users {
        users.add(made.clone());
    }
    world.user = Known::Present(made);
    world.progress.made_user = true;
}

/// The server makes the first user of an account its master.
fn is_first_user(world: &World) -> bool {
    !world.roster().iter().any(|found| found.master && !found.is_deleted())
}
