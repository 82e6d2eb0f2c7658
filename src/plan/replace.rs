//! The plan of a changed service.

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
            "a user cannot be renamed in MagicMail (from {} to {user}); unprovision it and provision a new one",
            old.username
        )));
    }
    let found = suspend::own_user(task, world)?;
    let mut plan = Plan::default();
    let moved = !old.domain.eq_ignore_ascii_case(&task.request.service.domain);
    if moved || is_same(task) {
        add_address(task, world, &mut plan)?;
    }
    if !world.refreshed {
        let step = Step::UpdateUser {
            user: user.clone(),
            names: task.request.service.names(),
            password: task.password.clone(),
            before: found.names.clone(),
            old_password: task.old_password.clone(),
        };
        plan.push(step, Weight::Fatal);
    }
    if moved && world.bears(user, &old.address()) {
        let step = Step::RemoveAddress { address: old.address(), user: user.clone() };
        plan.push(step, Weight::Fatal);
    }
    Ok(plan)
}

fn add_address(task: &Task, world: &World, plan: &mut Plan) -> Result<(), Refusal> {
    let (address, user) = (task.address(), task.user().clone());
    match world.owners.get(&address) {
        Some(Some(owner)) if *owner == user => {}
        Some(Some(owner)) => {
            return Err(Refusal::because(format!(
                "the address {address} is on user {}; remove it there first",
                foreign(owner.as_str())
            )))
        }
        _ => plan.push(Step::AddAddress { address, user }, Weight::Fatal),
    }
    Ok(())
}
