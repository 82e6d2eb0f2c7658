//! Whose mailbox a user is. Freeside lets two services share a user name if their domains differ; MagicMail has one
//! user of a name. The addresses on it tell whose it is, then the account on record.
//!
//! | on the user | whose it is |
//! | --- | --- |
//! | this service's address only | this service's, whoever has the name elsewhere |
//! | another service's address only | the other service's |
//! | both, or one that both services have | both: it is kept for the other |
//! | neither | the service's that has the user's account on record; otherwise it cannot be told |

use super::Refusal;
use crate::document::Neighbour;
use crate::id::{Address, UserName};
use crate::record::User;
use crate::world::{Task, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership<'a> {
    Own,
    Shared(&'a Neighbour),
    Theirs(&'a Neighbour),
    Unknown(&'a Neighbour),
}

/// Whether any other service of this Freeside has the user name.
pub fn exist(task: &Task) -> bool {
    task.namesakes().next().is_some()
}

/// Whose mailbox `found`, the user of the service's name, is.
pub fn ownership<'a>(task: &'a Task, world: &World, found: &User) -> Ownership<'a> {
    let Some(first) = task.namesakes().next() else { return Ownership::Own };
    let user = task.user();
    let own: Vec<Address> = own_addresses(task).collect();
    let is_on_it = |address: &Address| world.owns_address(user, address) || was_on_it(world, address);
    let is_own = own.iter().any(is_on_it);
    // An address that both services have is also the other's, if the user is on the other's account.
    let is_there = |other: &Neighbour| found.account.as_ref() == Some(&other.account_id);
    let is_theirs = |other: &&Neighbour| {
        address_of(other)
            .is_some_and(|address| is_on_it(&address) && (!own.contains(&address) || is_there(other)))
    };
    match (is_own, task.namesakes().find(is_theirs)) {
        (true, None) => Ownership::Own,
        (true, Some(other)) => Ownership::Shared(other),
        (false, Some(other)) => Ownership::Theirs(other),
        (false, None) => by_record(task, found).unwrap_or(Ownership::Unknown(first)),
    }
}

/// An address that was on the user when this call began, which may have removed it since.
fn was_on_it(world: &World, address: &Address) -> bool {
    world.before.addresses.as_ref().is_some_and(|addresses| addresses.contains(address))
}

fn by_record<'a>(task: &'a Task, found: &User) -> Option<Ownership<'a>> {
    let on = found.account.as_ref()?;
    let account = &task.request.account;
    // An id that is not the one of the options can only be on record.
    let is_recorded = account.on_record || account.configured_id.is_some();
    let is_own = is_recorded && account.id == *on;
    match (is_own, task.namesakes().find(|other| other.on_record && other.account_id == *on)) {
        (true, None) => Some(Ownership::Own),
        (false, Some(other)) => Some(Ownership::Theirs(other)),
        _ => None,
    }
}

/// The addresses that tell whose mailbox the user of this name is; none if no other service has the name.
pub fn telling_addresses(task: &Task) -> impl Iterator<Item = Address> + '_ {
    let others = task.namesakes().take(MOST_NAMESAKES).filter_map(address_of);
    own_addresses(task).filter(|_| exist(task)).chain(others)
}

/// Of more namesakes only the list of the user's addresses is read.
const MOST_NAMESAKES: usize = 50;

/// Whether the other service has the very address of this one.
pub fn has_same_address(task: &Task, other: &Neighbour) -> bool {
    address_of(other) == Some(task.address())
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
    world.owns_address(user, other) && !own.any(|address| world.owns_address(user, &address))
}

/// Refuses a user who is the mailbox of the other service: to change it would be to change that one's.
pub fn refuse_its_mailbox(task: &Task, world: &World, found: &User) -> Result<(), Refusal> {
    match ownership(task, world, found) {
        Ownership::Own | Ownership::Shared(_) => Ok(()),
        Ownership::Theirs(other) => Err(Refusal::because(format!(
            "the address {} is not on user {}, who is the mailbox of service {}; unprovision one of the two services, and provision it again under another user name",
            task.address(),
            task.user(),
            other.told()
        ))),
        Ownership::Unknown(other) => Err(unknown(task, other)),
    }
}

/// Nothing tells whose mailbox it is.
pub fn unknown(task: &Task, other: &Neighbour) -> Refusal {
    Refusal::because(format!(
        "service {} has the user name {} too, and no address on the user tells whose mailbox it is; add {} or the other service's address to it in MagicMail, then try again",
        other.told(),
        task.user(),
        task.address()
    ))
}
