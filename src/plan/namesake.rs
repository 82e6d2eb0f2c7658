//! Another service of the same user name on the same account. Freeside lets two services share a name where their
//! domains differ; MagicMail has one user of a name, so the address tells whose mailbox it is.

use super::Refusal;
use crate::document::Neighbour;
use crate::id::Address;
use crate::world::{Task, World};

pub fn of<'a>(task: &'a Task, world: &'a World) -> Option<&'a Neighbour> {
    task.others(world).find(|other| other.username == *task.user())
}

/// The service's addresses: in a change also the one that it had.
pub fn own_addresses(task: &Task) -> impl Iterator<Item = Address> + '_ {
    std::iter::once(&task.request.service).chain(&task.request.old).map(|service| service.address())
}

/// Refuses a user who bears no address of the service, but whom another service may mean: to change it would be to
/// change that one's mailbox.
pub fn refuse_its_mailbox(task: &Task, world: &World) -> Result<(), Refusal> {
    let Some(other) = of(task, world) else { return Ok(()) };
    let user = task.user();
    if own_addresses(task).any(|address| world.bears(user, &address)) {
        return Ok(());
    }
    Err(Refusal::because(format!(
        "the address {} is not on user {user}, who is the mailbox of service {} ({}@{}) of this account; unprovision one of the two services, and provision it again under another user name",
        task.address(),
        other.svcnum,
        other.username,
        other.domain
    )))
}
