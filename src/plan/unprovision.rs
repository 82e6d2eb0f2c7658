//! The plan of an unprovisioned service.

use super::provision::refuse_empty_list;
use super::{master, namesake, packages, suspend, Plan, Refusal, Weight};
use crate::document::Neighbour;
use crate::record::{Status, User};
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
        finish_purge(task, world, &mut plan);
        return Ok(plan);
    };
    suspend::on_account(task, world, found)?;
    refuse_empty_list(task, world)?;
    if let Some(other) = namesake::of(task, world) {
        keep_user(task, world, &mut plan, other);
        return Ok(plan);
    }
    let is_marking = !found.is_deleted();
    if is_marking {
        let step = Step::SetUserStatus {
            user: task.user().clone(),
            status: Status::Deleted,
            before: found.status.clone(),
        };
        plan.push(step, Weight::Fatal);
    }
    let address = task.autopurge && remove_address(task, world, &mut plan, Weight::Warn, is_marking);
    let after_mark = plan.steps.len();
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
    if !is_marking && address {
        side_by_side(&mut plan, after_mark);
    }
    if task.autopurge {
        purge(task, world, &mut plan);
    }
    Ok(plan)
}

/// The user is another service's mailbox too, and stays; the address of this one goes.
fn keep_user(task: &Task, world: &World, plan: &mut Plan, other: &Neighbour) {
    let user = task.user();
    plan.warn(format!("user {user} is the mailbox of service {} too, and was kept", other.told()));
    remove_address(task, world, plan, Weight::Fatal, false);
    if !is_believed(world) {
        return;
    }
    let found = master::of(task, world);
    plan.warnings.extend(found.warning);
    if let Some(master) = found.user {
        packages::bring_master_in_line(task, world, plan, &master);
    }
}

/// Whether the account's list may be decided on: it has the service's own user, or need not have it, for
/// servers may leave deleted users out. Where users were looked at one by one, there is no list to doubt.
fn is_believed(world: &World) -> bool {
    world.users.is_none() || world.listed_before || world.deleted_before
}

/// With the mailbox goes its address. It does not depend on the mark, nor anything on it.
pub fn remove_address(task: &Task, world: &World, plan: &mut Plan, weight: Weight, beside: bool) -> bool {
    let (address, user) = (task.address(), task.user());
    let is_ours = world.bears(user, &address);
    if is_ours {
        plan.push_each(Step::RemoveAddress { address, user: user.clone() }, weight, beside);
    }
    is_ours
}

/// The steps from `first` on do not depend on the one before it.
fn side_by_side(plan: &mut Plan, first: usize) {
    if let Some(planned) = plan.steps.get_mut(first) {
        planned.beside = first > 0;
    }
}

fn hand_over(task: &Task, world: &World, plan: &mut Plan) {
    let after = master::after_unprovision(task, world);
    plan.warnings.extend(after.warning);
    let Some(heir) = after.user else { return };
    let before = plan.steps.len();
    if !heir.master {
        let user = master::known_name(task, world, &heir.name).clone();
        plan.push(Step::MakeMaster { user }, Weight::Warn);
    }
    let made = plan.steps.len();
    packages::bring_master_in_line(task, world, plan, &heir);
    let assigns = plan.steps.get(made).is_some_and(|next| matches!(next.step, Step::AssignPackage { .. }));
    if made > before && assigns {
        side_by_side(plan, made);
    }
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
    if is_settled || world.users.is_none() || remaining(task, world).iter().any(|user| !user.is_deleted()) {
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

/// The user, once all that a repeat would find by it is done; the account where the server shows nobody
/// else on it.
fn purge(task: &Task, world: &World, plan: &mut Plan) {
    let user = task.user().clone();
    let account = world.account_id.clone();
    // What an emptied account still wants, a repeat finds without the user.
    let beside = plan.steps.last().is_some_and(|last| matches!(last.step, Step::SetAccountStatus { .. }));
    let step = Step::PurgeUser { user, account: account.clone(), force: false };
    plan.push_each(step, Weight::WarnIfAllWell, beside);
    let nobody_else = task.others(world).next().is_none() && remaining(task, world).is_empty();
    if world.users.is_some() && is_believed(world) && nobody_else {
        plan.push(Step::PurgeAccount { id: account, force: false }, Weight::WarnIfAllWell);
    }
}

/// What is left when the user is purged: its address, and its account where nobody is on it.
fn finish_purge(task: &Task, world: &World, plan: &mut Plan) {
    if !task.autopurge {
        return;
    }
    if !world.purged_user {
        remove_address(task, world, plan, Weight::Warn, false);
    }
    let may_ask = !world.purged_user || is_believed(world);
    if world.account.there().is_none() || !may_ask || task.others(world).next().is_some() {
        return;
    }
    delete_emptied_account(task, world, plan);
    if world.users.is_none() || !world.roster().is_empty() {
        return;
    }
    plan.push(Step::PurgeAccount { id: world.account_id.clone(), force: false }, Weight::WarnIfAllWell);
}
