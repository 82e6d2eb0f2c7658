//! The plan of an unprovisioned service.
//!
//! | the user, read directly | what is done |
//! | --- | --- |
//! | absent | a warning; an emptied account is purged if nobody can be left on it |
//! | on another account | refused, unless a namesake stands for it: then a warning |
//! | another service's mailbox (too) | it is kept; this service's own address goes |
//! | this service's | it is marked deleted; then hand-over, packages, the emptied account, the purge |
//!
//! Nothing is removed before the mark is confirmed, and what fails after it is only warned about.

use super::namesake::{self, Ownership};
use super::provision::unknown_status;
use super::{master, packages, purge, suspend, Plan, Refusal, Weight};
use crate::document::Neighbour;
use crate::evidence::Known;
use crate::foreign::foreign;
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::{Task, World};

pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let mut plan = Plan::default();
    let Some(found) = world.user.present() else {
        finish_absent(task, world, &mut plan);
        return Ok(plan);
    };
    if let Some(other) = stands_for(task, world, found) {
        plan.warn(format!(
            "user {} is the mailbox of service {} and was left alone",
            task.user(),
            other.told()
        ));
        return Ok(plan);
    }
    if let Some(reason) = reason_not_to_finish(task, world, found) {
        plan.warn(reason);
        return Ok(plan);
    }
    suspend::on_account(task, world, found)?;
    match namesake::ownership(task, world, found) {
        Ownership::Own => {}
        Ownership::Shared(other) | Ownership::Theirs(other) => {
            keep_user(task, world, &mut plan, other);
            return Ok(plan);
        }
        Ownership::Unknown(other) => return Err(namesake::unknown(task, other)),
    }
    if let Status::Unknown(_) = &found.status {
        return Err(unknown_status(task, found));
    }
    mark(task, &mut plan, found);
    if master::is_list_trusted(task, world) {
        hand_over(task, world, &mut plan);
        delete_emptied_account(task, world, &mut plan);
    } else {
        plan.warn(format!(
            "the server's list of the users of account {} does not show user {} or the other services' users, so it was not trusted: no other user became master, and the account was left as it is",
            world.account_id,
            task.user()
        ));
        // With the user gone, a repeat could not hand its place over any more.
        if task.autopurge && task.oldest_other(world).is_some() {
            plan.unfinished.push(format!("purge user {}", task.user()));
            return Ok(plan);
        }
    }
    if task.autopurge {
        purge_marked(task, world, &mut plan, found);
    }
    Ok(plan)
}

/// The other service that stands for a user on another account than this service's: this one was never exported.
fn stands_for<'a>(task: &'a Task, world: &World, found: &User) -> Option<&'a Neighbour> {
    let on = found.account.as_ref().filter(|on| **on != world.account_id)?;
    match namesake::ownership(task, world, found) {
        Ownership::Theirs(other) => Some(other),
        _ => task.namesakes().find(|other| other.account_id == *on),
    }
}

/// A user who is in use again, or whom a provisioned service or another account has by now, is not what an earlier
/// unprovision left.
fn reason_not_to_finish(task: &Task, world: &World, found: &User) -> Option<String> {
    if !task.finishing {
        return None;
    }
    let user = task.user();
    if let Some(account) = found.account.as_ref().filter(|account| **account != world.account_id) {
        return Some(format!(
            "user {user} belongs to account {} now, not {}, and was left alone",
            foreign(account.as_str()),
            world.account_id
        ));
    }
    let is_used = task.others(world).find(|other| other.username == *user);
    match is_used {
        Some(other) => {
            Some(format!("user {user} is the mailbox of service {} and was left alone", other.told()))
        }
        None if !found.is_deleted() => {
            Some(format!("user {user} is not marked deleted any more and was left alone"))
        }
        None => None,
    }
}

fn mark(task: &Task, plan: &mut Plan, found: &User) {
    if !found.is_deleted() {
        let step = Step::SetUserStatus {
            user: task.user().clone(),
            status: Status::Deleted,
            before: found.status.clone(),
        };
        plan.push(step, Weight::Fatal);
    }
}

/// The user is another service's mailbox (too), and stays; the address of this one goes, unless the other has it too.
fn keep_user(task: &Task, world: &World, plan: &mut Plan, other: &Neighbour) {
    let (user, address) = (task.user(), task.address());
    plan.warn(format!("user {user} is the mailbox of service {} too, and was kept", other.told()));
    if world.owns_address(user, &address) && !namesake::has_same_address(task, other) {
        plan.push(Step::RemoveAddress { address, user: user.clone() }, Weight::Fatal);
    }
    // Its mailbox is on this account, its record is of another: which packages it brings is not known here.
    if other.account_id != world.account_id {
        plan.warn(format!(
            "the packages of account {} were left as they are: service {} is recorded on another account, but its mailbox is on this one",
            world.account_id,
            other.told()
        ));
        return;
    }
    if !master::is_list_trusted(task, world) {
        plan.warn(format!(
            "the server's list of the users of account {} does not show user {user} or the other services' users, so it was not trusted, and the packages were left as they are",
            world.account_id
        ));
        return;
    }
    let found = master::of(task, world);
    plan.warnings.extend(found.warning);
    if let Some(master) = found.user {
        packages::bring_master_in_line(task, world, plan, master);
    }
}

fn hand_over(task: &Task, world: &World, plan: &mut Plan) {
    let after = master::after_unprovision(task, world);
    plan.warnings.extend(after.warning);
    let Some(successor) = after.user else { return };
    let before = plan.steps.len();
    if !successor.master {
        let user = master::known_name(task, world, &successor.name).clone();
        plan.push(Step::MakeMaster { user }, Weight::Warn);
    }
    let made = plan.steps.len();
    packages::bring_master_in_line(task, world, plan, successor);
    // The first package does not depend on the mark as master.
    if let Some(next) = plan.steps.get_mut(made).filter(|_| made > before) {
        next.beside = matches!(next.step, Step::AssignPackage { .. });
    }
}

fn delete_emptied_account(task: &Task, world: &World, plan: &mut Plan) {
    let is_settled = match &world.account {
        Known::Present(account) => account.status == Status::Deleted,
        Known::Absent => true,
        Known::NotAsked | Known::Unknown => false,
    };
    if is_settled
        || world.users.is_none()
        || !master::remaining(task, world).is_empty()
        || shows_others(task, world)
    {
        return;
    }
    let others = task.others(world).count();
    if others > 0 {
        plan.warn(format!(
            "account {} has no user left in MagicMail, but Freeside has {} there; it was left as it is",
            world.account_id,
            master::counted(others, "other service", "other services")
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

/// Whether the list that was read after the mark shows somebody else who is not deleted.
fn shows_others(task: &Task, world: &World) -> bool {
    let list = world.users_after_mark.present();
    list.is_some_and(|list| list.iter().any(|user| user.name != *task.user() && !user.is_deleted()))
}

/// The user, once all that a repeat would find by it is done; then the account, if nobody is left on it.
fn purge_marked(task: &Task, world: &World, plan: &mut Plan, found: &User) {
    // The server does not show what the mark has done. Nothing is purged that is not shown as deleted.
    if found.is_deleted() && !world.is_shown_deleted() {
        plan.warn(format!(
            "the server does not show that user {} is marked deleted, so it was not purged",
            task.user()
        ));
        plan.unfinished.push(format!("purge user {}", task.user()));
        return;
    }
    if found.status == Status::NotShown {
        return;
    }
    purge::user(task, world, plan, Weight::Warn);
    if found.is_deleted() {
        purge_account(task, world, plan);
    }
}

/// The account, if it is marked deleted (or is about to be) and nobody is left on it.
fn purge_account(task: &Task, world: &World, plan: &mut Plan) {
    let is_deleted = world.account.present().is_some_and(|account| account.status == Status::Deleted);
    let is_being_deleted = plan
        .steps
        .iter()
        .any(|planned| matches!(&planned.step, Step::SetAccountStatus { status: Status::Deleted, .. }));
    if world.users_after_mark == Known::Unknown {
        let what = format!("purge account {}", world.account_id);
        plan.warn(format!(
            "could not read who is left on account {}, so it was not purged",
            world.account_id
        ));
        plan.unfinished.push(what);
    } else if (is_deleted || is_being_deleted) && purge::is_account_empty(task, world) {
        plan.push(Step::PurgeAccount { id: world.account_id.clone() }, Weight::WarnIfAllWell);
    }
}

/// There is no such user (any more).
fn finish_absent(task: &Task, world: &World, plan: &mut Plan) {
    if !world.progress.purged_user {
        plan.warn(format!("there is no user {} in MagicMail; nothing was left to unprovision", task.user()));
    }
    if task.autopurge {
        purge_account(task, world, plan);
    }
}
