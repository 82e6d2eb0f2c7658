//! The plan of packages synchronised on their own: those of the account's services, on its master.

use super::provision::refuse_empty_list;
use super::{master, packages, Plan, Refusal};
use crate::world::{Task, World};

pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let mut plan = Plan::default();
    if task.oldest_other(world).is_none() {
        return Ok(plan);
    }
    refuse_empty_list(task, world)?;
    let found = master::of(task, world);
    let Some(master) = found.user else {
        return Err(Refusal::because(format!("account {} has no master in MagicMail", world.account_id)));
    };
    // That there are several masters is no failure of this, and its warnings are failures: the job that asks for
    // it would never be done.
    packages::bring_master_in_line(task, world, &mut plan, master);
    Ok(plan)
}
