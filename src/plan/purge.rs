//! What is purged, and when: the addresses of a user, the user, its account. Nothing is purged that the server does
//! not show as marked deleted.

use super::{namesake, Plan, Planned, Weight};
use crate::evidence::Known;
use crate::id::{Address, UserName};
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::{Task, World};

/// The plan of a purge that was put off until an unprovision was committed: only what is still marked deleted, on the
/// same account, and used by no provisioned service.
pub fn plan(task: &Task, world: &World) -> Plan {
    let mut plan = Plan::default();
    match world.user.present() {
        None => {}
        Some(found) => match reason_to_keep(task, world, found) {
            Some(reason) => {
                plan.warn(format!("{reason}; it was not purged"));
                return plan;
            }
            None => user(task, world, &mut plan, Weight::Fatal),
        },
    }
    if is_account_deleted(world) && is_account_empty(task, world) {
        plan.push(Step::PurgeAccount { id: world.account_id.clone() }, Weight::Fatal);
    }
    plan
}

fn reason_to_keep(task: &Task, world: &World, found: &User) -> Option<String> {
    let (user, account) = (task.user(), &world.account_id);
    if !world.is_on_account(found) {
        return Some(format!("user {user} is not on account {account} any more"));
    }
    if !found.is_deleted() {
        return Some(if found.status.is_named() {
            format!("user {user} is not marked deleted any more")
        } else {
            format!("the server does not show whether user {user} is marked deleted")
        });
    }
    let is_used = task.others(world).find(|other| other.username == *user);
    let namesake = task
        .namesakes()
        .next()
        .filter(|_| !matches!(namesake::ownership(task, world, found), namesake::Ownership::Own));
    is_used.or(namesake).map(|other| format!("user {user} is the mailbox of service {}", other.told()))
}

/// The steps that purge the service's user: first all its addresses, so that nobody who gets the name later inherits
/// them. If one of them stays, the user stays.
pub fn user(task: &Task, world: &World, plan: &mut Plan, weight: Weight) {
    let user = task.user();
    // The mark of an emptied account does not depend on its user's addresses, nor they on it.
    let is_account_mark = |planned: &Planned| matches!(planned.step, Step::SetAccountStatus { .. });
    let mut is_concurrent = plan.steps.last().is_some_and(is_account_mark);
    for address in addresses_of(world, user) {
        plan.push_each(Step::RemoveAddress { address, user: user.clone() }, weight, is_concurrent);
        is_concurrent = true;
    }
    let purge = Step::PurgeUser { user: user.clone(), account: world.account_id.clone() };
    let purge_weight = if weight == Weight::Fatal { Weight::Fatal } else { Weight::WarnIfAllWell };
    plan.push(purge, purge_weight);
}

/// The addresses that are on the user, as far as anything shows it. One that its list has and whose own record names
/// another user is not.
pub fn addresses_of(world: &World, user: &UserName) -> Vec<Address> {
    let is_anothers = |address: &Address| {
        world.owners.get(address).is_some_and(|owner| owner.as_ref().is_some_and(|owner| owner != user))
    };
    let listed = world.addresses.get(user).into_iter().flatten().cloned();
    let mut addresses: Vec<Address> = listed.filter(|address| !is_anothers(address)).collect();
    for (address, owner) in &world.owners {
        if owner.as_ref() == Some(user) && !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
    addresses
}

fn is_account_deleted(world: &World) -> bool {
    world.account.present().is_some_and(|account| account.status == Status::Deleted)
}

/// Whether nobody is left on the account, not even somebody who is marked deleted.
///
/// Either its list, read when the service's user was marked deleted, shows that user so and nobody else, nor did the
/// one before: then the server lists deleted users, and the list is fresh. Or everybody whom Freeside's history ever had there was read
/// directly, and is absent or on another account. Another provisioned service keeps it, whatever the list shows; so
/// does a user who is known to be on it, whom the list leaves out.
pub fn is_account_empty(task: &Task, world: &World) -> bool {
    if task.others(world).next().is_some() || former_users(task).any(|name| world.shows_on_account(name)) {
        return false;
    }
    let lists = [world.users.as_ref(), world.users_after_mark.present()];
    if !lists.into_iter().flatten().all(|list| list.shows_nobody_but(task.user())) {
        return false;
    }
    if world.is_shown_deleted()
        && world.list_after_mark().is_some_and(|list| list.shows_only_deleted(task.user()))
    {
        return true;
    }
    let is_elsewhere = |name: &UserName| match world.read_directly(name) {
        Some(Known::Absent) => true,
        Some(Known::Present(user)) => user.account.is_some() && !world.is_on_account(user),
        _ => false,
    };
    let is_listed = world.users.is_some();
    let former = task.request.former_users.as_ref();
    is_listed
        && former.is_some_and(|names| names.iter().all(|name| name == task.user() || is_elsewhere(name)))
}

/// Former users who must still be read before the account can be purged; more than so many are not read.
pub fn former_users_to_read<'a>(task: &'a Task, world: &World) -> Vec<&'a UserName> {
    let names: Vec<&UserName> = former_users(task).collect();
    if names.len() > MOST_FORMER_USERS {
        return Vec::new();
    }
    names.into_iter().filter(|name| world.read_directly(name).is_none()).collect()
}

const MOST_FORMER_USERS: usize = 50;

/// Everybody else whom Freeside once had on the account, as far as that is known.
fn former_users(task: &Task) -> impl Iterator<Item = &UserName> {
    task.request.former_users.iter().flatten().filter(|name| *name != task.user())
}
