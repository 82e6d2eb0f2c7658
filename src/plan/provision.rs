//! The plan of a provisioned service.

use super::{master, packages, Plan, Refusal, Weight};
use crate::foreign::foreign;
use crate::id::PackageName;
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::{Known, Task, World};

pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    refuse_what_is_taken(task, world)?;
    let mut plan = Plan::default();
    account(task, world, &mut plan);

    let found = master::of(task, world);
    plan.warnings.extend(found.warning);
    let master = found.user.filter(|master| master.name != *task.user());
    if let Some(master) = &master {
        own_package(task, world, master, &mut plan);
    }
    match world.user.there() {
        None => create_user(task, world, &mut plan, master.is_none()),
        Some(user) => keep_user(task, world, &mut plan, user, master.is_none()),
    }
    match &master {
        Some(master) => {
            packages::bring_master_in_line(task, world, &mut plan, master);
            packages::bring_in_line(&mut plan, world, task.user(), &[PackageName::additional()]);
        }
        None => {
            let wanted = packages::wanted_on_master(task, world);
            packages::bring_in_line(&mut plan, world, task.user(), &wanted);
        }
    }
    Ok(plan)
}

fn refuse_what_is_taken(task: &Task, world: &World) -> Result<(), Refusal> {
    let user = task.user();
    let own = task.request.service.svcnum;
    let namesake = task.request.others.iter().find(|other| other.svcnum != own && other.username == *user);
    if let Some(other) = namesake {
        return Err(Refusal::because(format!(
            "the user name {user} is taken by service {} of this customer, and a user name is unique in MagicMail whatever the domain; choose another",
            other.told()
        )));
    }
    if let Some(found) = world.user.there() {
        match &found.account {
            None => {
                return Err(Refusal::not_believed(format!(
                    "the server does not say to which account user {user} belongs"
                )))
            }
            Some(account) if *account != world.account_id && found.is_deleted() => {
                return Err(Refusal::because(format!(
                    "user {user} belongs to account {}, not {}, is marked deleted there and keeps its name until it is purged; purge it in MagicMail, or choose another user name",
                    foreign(account.as_str()),
                    world.account_id
                )))
            }
            Some(account) if *account != world.account_id => {
                return Err(Refusal::because(format!(
                    "user {user} belongs to account {}, not {}; unprovision it there first, or choose another user name",
                    foreign(account.as_str()),
                    world.account_id
                )))
            }
            Some(_) => {}
        }
    }
    if let Some(Some(owner)) = world.owners.get(&task.address()) {
        if owner != user {
            return Err(Refusal::because(format!(
                "the address {} is on user {}; remove it there first",
                task.address(),
                master::told(task, world, owner)
            )));
        }
    }
    refuse_empty_list(task, world)
}

/// A list that lacks everybody whom Freeside knows is no list, but where all of them are hidden from it.
pub fn refuse_empty_list(task: &Task, world: &World) -> Result<(), Refusal> {
    let others = task.others(world).count();
    if world.lists_nobody() && others > 0 && !are_hidden(task, world) {
        return Err(Refusal::not_believed(format!(
            "the server lists no users on account {}, but Freeside has {others} other services there; nothing is decided on such a list",
            world.account_id
        )));
    }
    Ok(())
}

/// Whether the other services' users are there, marked deleted, as the unprovisions of a transaction that was
/// rolled back leave them.
fn are_hidden(task: &Task, world: &World) -> bool {
    let peers = task.others(world).filter_map(|other| world.peers.get(&other.username)?.there());
    let mut on_account = peers.filter(|user| world.is_on_account(user)).peekable();
    on_account.peek().is_some() && on_account.all(User::is_deleted)
}

fn account(task: &Task, world: &World, plan: &mut Plan) {
    match &world.account {
        Known::There(account) => {
            if matches!(account.status, Status::Suspended | Status::Deleted) {
                let step = Step::SetAccountStatus {
                    id: world.account_id.clone(),
                    status: Status::Active,
                    before: account.status.clone(),
                };
                plan.push(step, Weight::Fatal);
            }
        }
        _ => {
            let wanted = &task.request.account;
            let names = (wanted.first_name.clone(), wanted.last_name.clone());
            plan.push(Step::CreateAccount { id: world.account_id.clone(), names }, Weight::Fatal);
        }
    }
}

/// This export's package on a master that is there already.
fn own_package(task: &Task, world: &World, master: &User, plan: &mut Plan) {
    let package = &task.request.service.package;
    let held = world.packages.get(&master.name);
    if held.is_some_and(|held| !held.contains(package)) {
        let user = master::known_name(task, world, &master.name).clone();
        plan.push(Step::AssignPackage { user, package: package.clone() }, Weight::Fatal);
    }
}

/// The state a mailbox should be in.
fn wanted_status(task: &Task) -> Status {
    if task.request.service.suspended {
        Status::Suspended
    } else {
        Status::Active
    }
}

fn create_user(task: &Task, world: &World, plan: &mut Plan, as_master: bool) {
    let (user, service) = (task.user(), &task.request.service);
    let Some(password) = task.password.clone() else { return };
    let step = Step::CreateUser {
        user: user.clone(),
        account: world.account_id.clone(),
        names: service.names(),
        password,
    };
    plan.push(step, Weight::Fatal);
    if as_master && !Step::new_user_is_master(world) {
        plan.push(Step::MakeMaster { user: user.clone() }, Weight::Fatal);
    }
    finish_user(task, world, plan, as_master);
    if wanted_status(task) == Status::Suspended {
        let (status, before) = (Status::Suspended, Status::Active);
        plan.push(Step::SetUserStatus { user: user.clone(), status, before }, Weight::Fatal);
    }
}

/// This export's package where the user is the master, and the address; they do not depend on each other.
fn finish_user(task: &Task, world: &World, plan: &mut Plan, as_master: bool) {
    let (user, package) = (task.user(), &task.request.service.package);
    let holds = world.packages.get(user).is_some_and(|held| held.contains(package));
    let assigns = as_master && !holds;
    if assigns {
        let step = Step::AssignPackage { user: user.clone(), package: package.clone() };
        plan.push(step, Weight::Fatal);
    }
    let address = task.address();
    if world.owners.get(&address).is_none_or(Option::is_none) {
        plan.push_each(Step::AddAddress { address, user: user.clone() }, Weight::Fatal, assigns);
    }
}

/// A user that is on the account already: one that this very hook made, or one to take over.
fn keep_user(task: &Task, world: &World, plan: &mut Plan, found: &User, as_master: bool) {
    let user = task.user();
    let make_master = as_master && !found.master;
    if world.made_user && make_master {
        plan.push(Step::MakeMaster { user: user.clone() }, Weight::Fatal);
    }
    let status = wanted_status(task);
    let unlike = found.status != status;
    let set_status = Step::SetUserStatus { user: user.clone(), status, before: found.status.clone() };
    if world.made_user {
        finish_user(task, world, plan, as_master);
        if unlike {
            plan.push(set_status, Weight::Fatal);
        }
        return;
    }
    if unlike {
        plan.push(set_status, Weight::Fatal);
    }
    finish_user(task, world, plan, as_master);
    // What cannot be undone comes last: a mark as master, then a password.
    if make_master {
        plan.push(Step::MakeMaster { user: user.clone() }, Weight::Fatal);
    }
    take_over(task, world, plan, found, as_master);
}

fn take_over(task: &Task, world: &World, plan: &mut Plan, found: &User, as_master: bool) {
    let user = task.user();
    if !world.refreshed {
        let step = Step::UpdateUser {
            user: user.clone(),
            names: task.request.service.names(),
            password: task.password.clone(),
            before: found.names.clone(),
            old_password: None,
        };
        plan.push(step, Weight::Fatal);
    }
    plan.warn(format!(
        "user {user} was on account {} already and was taken over (existing mail kept)",
        world.account_id
    ));
    if !as_master && found.master {
        plan.warn(format!(
            "user {user} is still marked as a master of account {}, though it is an additional user now; MagicMail cannot take the mark away",
            world.account_id
        ));
    }
}
