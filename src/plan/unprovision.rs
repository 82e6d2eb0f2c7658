//! The plan of an unprovisioned service.

use super::provision::refuse_empty_list;
use super::{master, packages, suspend, Plan, Refusal, Weight};
use crate::api::{Status, User};
use crate::step::Step;
use crate::world::{Known, Task, World};

pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let mut plan = Plan::default();
    let Some(found) = world.user.there() else {
        if !world.purged_user {
            plan.warn(format!(
                "there is no user {} in MagicMail; nothing was left to unprovision",
                task.user()
            ));
        }
        purge_emptied_account(task, world, &mut plan);
        return Ok(plan);
    };
    suspend::on_account(task, world, found)?;
    refuse_empty_list(task, world)?;
    if !found.is_deleted() {
        let step = Step::SetUserStatus {
            user: task.user().clone(),
            status: Status::Deleted,
            before: found.status.clone(),
        };
        plan.push(step, Weight::Fatal);
    }
    if is_believed(world) {
        hand_over(task, world, &mut plan);
        delete_emptied_account(task, world, &mut plan);
    } else {
        plan.warn(format!(
            "the server's list of the users of account {} lacks user {}, so it was not believed: no other user became master, and the account was left as it is",
            world.account_id,
            task.user()
        ));
    }
    if task.autopurge {
        purge(task, world, &mut plan);
    }
    Ok(plan)
}

/// Whether the account's list may be decided on: it has the service's own user, or need not have it, for
/// servers may leave deleted users out.
fn is_believed(world: &World) -> bool {
    world.listed_before || world.deleted_before
}

fn hand_over(task: &Task, world: &World, plan: &mut Plan) {
    let after = master::after_unprovision(task, world);
    plan.warnings.extend(after.warning);
    let Some(heir) = after.user else { return };
    let name = master::known_name(task, world, &heir.name).clone();
    if !heir.master {
        plan.push(Step::MakeMaster { user: name.clone() }, Weight::Warn);
    }
    packages::bring_in_line(plan, world, &name, &packages::wanted_on_master(task, world));
}

fn remaining(task: &Task, world: &World) -> Vec<User> {
    world.roster().into_iter().filter(|user| user.name != *task.user()).collect()
}

fn delete_emptied_account(task: &Task, world: &World, plan: &mut Plan) {
    let is_settled = match &world.account {
        Known::There(account) => account.status == Status::Deleted,
        Known::Absent => true,
        Known::Unknown => false,
    };
    if is_settled || remaining(task, world).iter().any(|user| !user.is_deleted()) {
        return;
    }
    let others = task.others(world).count();
    if others > 0 {
        plan.warn(format!(
            "account {} has no user left in MagicMail, but Freeside has {others} other services there; it was left as it is",
            world.account_id
        ));
        return;
    }
    let step = Step::SetAccountStatus {
        id: world.account_id.clone(),
        status: Status::Deleted,
        before: Status::Active,
    };
    plan.push(step, Weight::Warn);
}

/// The address first, then the user; the account where the server shows nobody else on it.
fn purge(task: &Task, world: &World, plan: &mut Plan) {
    // A repeat finds an account that wants its mark by the user that is still there.
    let account_is_left = |step: &Step| matches!(step, Step::SetAccountStatus { .. });
    if world.given_up.iter().any(account_is_left) {
        plan.warn(format!("user {} was not purged, so that a repeat can finish", task.user()));
        return;
    }
    let user = task.user().clone();
    let address = task.address();
    if world.owners.get(&address).is_some_and(|owner| owner.as_ref() == Some(&user)) {
        plan.push(Step::RemoveAddress { address, user: user.clone() }, Weight::Warn);
    }
    let account = world.account_id.clone();
    plan.push(Step::PurgeUser { user, account: account.clone(), force: false }, Weight::Warn);
    let nobody_else = task.others(world).next().is_none() && remaining(task, world).is_empty();
    if is_believed(world) && nobody_else {
        plan.push(Step::PurgeAccount { id: account, force: false }, Weight::WarnIfAllWell);
    }
}

/// What is left when the user is purged: the account, where it is marked deleted and nobody is on it.
fn purge_emptied_account(task: &Task, world: &World, plan: &mut Plan) {
    let Known::There(account) = &world.account else { return };
    let nobody = task.others(world).next().is_none() && world.roster().is_empty();
    let may_ask = !world.purged_user || is_believed(world);
    if task.autopurge && may_ask && nobody && account.status == Status::Deleted {
        let step = Step::PurgeAccount { id: world.account_id.clone(), force: false };
        plan.push(step, Weight::WarnIfAllWell);
    }
}
