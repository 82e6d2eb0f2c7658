//! Another service of the same user name on the same account. Freeside lets two services share a name where their
//! domains differ; MagicMail has one user of a name, so the address tells whose mailbox it is.

use super::Refusal;
use crate::document::Neighbour;
use crate::id::{Address, UserName};
use crate::world::{Task, World};

pub fn of<'a>(task: &'a Task, world: &'a World) -> Option<&'a Neighbour> {
    task.others(world).find(|other| other.username == *task.user())
}

/// Whose the user is, these tell: the addresses of the service, in a change also the one that it had; and the one of
/// the other service.
pub fn telling_addresses(task: &Task, world: &World) -> Vec<Address> {
    match of(task, world) {
        Some(other) => own_addresses(task).chain(address_of(other)).collect(),
        None => Vec::new(),
    }
}

fn own_addresses(task: &Task) -> impl Iterator<Item = Address> + '_ {
    std::iter::once(&task.request.service).chain(&task.request.old).map(|service| service.address())
}

/// None where its domain is not known.
fn address_of(other: &Neighbour) -> Option<Address> {
    Some(Address::of(&other.username, &other.domain)).filter(|_| !other.domain.is_empty())
}

/// Whether the user bears the other service's address, and none of `own`.
pub fn is_its_mailbox(
    world: &World,
    user: &UserName,
    mut own: impl Iterator<Item = Address>,
    other: &Address,
) -> bool {
    world.bears(user, other) && !own.any(|address| world.bears(user, &address))
}

/// Refuses a user who is the mailbox of the other service: to change it would be to change that one's.
pub fn refuse_its_mailbox(task: &Task, world: &World) -> Result<(), Refusal> {
    let Some(other) = of(task, world) else { return Ok(()) };
    let user = task.user();
    let is_its = |address| is_its_mailbox(world, user, own_addresses(task), &address);
    if !address_of(other).is_some_and(is_its) {
        return Ok(());
    }
    Err(Refusal::because(format!(
        "the address {} is not on user {user}, who is the mailbox of service {} of this account; unprovision one of the two services, and provision it again under another user name",
        task.address(),
        other.told()
    )))
}
