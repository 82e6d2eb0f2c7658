//! The plan of a purge that was put off until an unprovision was committed: only what is still marked
//! deleted, on the same account.

use super::unprovision::remove_address;
use super::{Plan, Weight};
use crate::record::Status;
use crate::step::Step;
use crate::world::{Task, World};

pub fn plan(task: &Task, world: &World) -> Plan {
    let mut plan = Plan::default();
    let (user, account) = (task.user(), &world.account_id);
    match world.user.there() {
        None => {}
        Some(found) if !world.is_on_account(found) => {
            plan.warn(format!("user {user} is not on account {account} any more; it was not purged"));
            return plan;
        }
        Some(found) if !found.is_deleted() => {
            plan.warn(format!("user {user} is not marked deleted any more; it was not purged"));
            return plan;
        }
        Some(_) => {
            remove_address(task, world, &mut plan, Weight::Fatal, false);
            let step = Step::PurgeUser { user: user.clone(), account: account.clone(), force: false };
            plan.push(step, Weight::Fatal);
        }
    }
    // The mailbox of a service may be marked deleted too, its unprovision having been rolled back; and a list may
    // leave it out.
    let is_emptied = task.others(world).next().is_none()
        && world.account.there().is_some_and(|account| account.status == Status::Deleted)
        && world.roster().iter().all(|listed| listed.name == *user);
    if is_emptied {
        plan.push(Step::PurgeAccount { id: account.clone(), force: false }, Weight::Fatal);
    }
    plan
}
