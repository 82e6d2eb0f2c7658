//! The plan of a changed service.
//!
//! | what changed | what is done |
//! | --- | --- |
//! | the user name | refused |
//! | the domain | the new address is added, concurrently with names and password; then the old one is removed |
//! | nothing that MagicMail holds | names and password are sent all the same, the address is ensured |
//! | names, password | they are sent |

use super::facts::is_same;
use super::{suspend, Plan, Refusal, Weight};
use crate::foreign::foreign;
use crate::step::Step;
use crate::world::{Task, World};

pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let user = task.user();
    let Some(old) = &task.request.old else { return Ok(Plan::default()) };
    if old.username != *user {
        return Err(Refusal::because(format!(
            "a user cannot be renamed in MagicMail (from {} to {user}); keep the user name {}, or add a second service with the new name and move the mail before you cancel the first",
            old.username, old.username
        )));
    }
    let found = suspend::own_user(task, world)?;
    let mut plan = Plan::default();
    let moved = is_moved(task);
    if moved || is_same(task) {
        add_address(task, world, &mut plan)?;
    }
    if !world.progress.refreshed {
        let step = Step::UpdateUser {
            user: user.clone(),
            names: task.request.service.names(),
            password: task.password.clone(),
            before: found.names.clone(),
            old_password: task.old_password.clone(),
        };
        let is_concurrent = !plan.steps.is_empty();
        plan.push_each(step, Weight::Fatal, is_concurrent);
    }
    if moved && world.owns_address(user, &old.address()) {
        let step = Step::RemoveAddress { address: old.address(), user: user.clone() };
        plan.push(step, Weight::FatalUnlessForbidden);
    }
    Ok(plan)
}

/// Another domain: the mailbox gets another address.
pub fn is_moved(task: &Task) -> bool {
    let new = &task.request.service.domain;
    task.request.old.as_ref().is_some_and(|old| !old.domain.eq_ignore_ascii_case(new))
}

fn add_address(task: &Task, world: &World, plan: &mut Plan) -> Result<(), Refusal> {
    let (address, user) = (task.address(), task.user().clone());
    if world.owns_address(&user, &address) {
        return Ok(());
    }
    if let Some(Some(owner)) = world.owners.get(&address) {
        return Err(Refusal::because(format!(
            "the address {address} is on user {}; remove it there first",
            foreign(owner.as_str())
        )));
    }
    plan.push(Step::AddAddress { address, user }, Weight::Fatal);
    Ok(())
}
