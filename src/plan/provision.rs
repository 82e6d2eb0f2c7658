//! The plan of a provisioned service.
//!
//! | the user, read directly | what is done |
//! | --- | --- |
//! | absent | it is made |
//! | on another account | refused; nothing is written |
//! | on this account, another service has the name | refused |
//! | on this account, this very service was provisioned before, not deleted | refreshed: its status stays |
//! | on this account otherwise | taken over: made active (or suspended), its mail is kept |

use super::namesake::{self, Ownership};
use super::{master, packages, Plan, Refusal, Weight};
use crate::evidence::Known;
use crate::foreign::foreign;
use crate::id::PackageName;
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::{Task, World};

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
    match &world.user {
        Known::Present(user) => keep_user(task, world, &mut plan, user, master.is_none())?,
        Known::Absent => create_user(task, world, &mut plan, master.is_none())?,
        // Nobody is made of whom no direct read has said that it is absent.
        Known::NotAsked | Known::Unknown => return Err(not_known(task)),
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

fn not_known(task: &Task) -> Refusal {
    Refusal::not_believed(format!("it is not known whether there is a user {} in MagicMail", task.user()))
}

fn refuse_what_is_taken(task: &Task, world: &World) -> Result<(), Refusal> {
    refuse_namesake(task, world)?;
    if let Some(found) = world.user.present() {
        refuse_other_account(task, world, found)?;
    }
    if let Some(Some(owner)) = world.owners.get(&task.address()) {
        if owner != task.user() {
            return Err(Refusal::because(format!(
                "the address {} is on user {}; remove it there first",
                task.address(),
                master::told(task, world, owner)
            )));
        }
    }
    refuse_unclear_account(world)?;
    refuse_empty_list(task, world)
}

/// An account may have to be made active first. Nothing is set on the strength of a status that is not known.
fn refuse_unclear_account(world: &World) -> Result<(), Refusal> {
    let status = world.account.present().map(|account| &account.status);
    let Some(Status::Unknown(_)) = status else { return Ok(()) };
    Err(Refusal::not_believed(format!(
        "the server does not say clearly whether account {} is active, suspended or deleted (status: {})",
        world.account_id,
        foreign(status.map_or("", Status::as_str))
    )))
}

/// A user name that another provisioned service has: on this account in any case, elsewhere if the user is there.
fn refuse_namesake(task: &Task, world: &World) -> Result<(), Refusal> {
    let is_here = world.user.present().is_some_and(|found| world.is_on_account(found));
    let is_refreshed = is_here && task.request.service.provisioned_before;
    let is_own = world
        .user
        .present()
        .is_some_and(|found| is_refreshed && namesake::ownership(task, world, found) == Ownership::Own);
    if is_own || world.progress.made_user {
        return Ok(());
    }
    let mut namesakes = task.namesakes();
    let Some(other) = namesakes.find(|other| is_here || other.account_id == world.account_id) else {
        return Ok(());
    };
    Err(Refusal::because(format!(
        "the user name {} is taken by service {}, and a user name is unique in MagicMail whatever the domain; choose another",
        task.user(),
        other.told()
    )))
}

fn refuse_other_account(task: &Task, world: &World, found: &User) -> Result<(), Refusal> {
    let user = task.user();
    let Some(account) = &found.account else {
        return Err(Refusal::not_believed(format!(
            "the server does not say to which account user {user} belongs"
        )));
    };
    if *account == world.account_id {
        return Ok(());
    }
    let (other, own) = (foreign(account.as_str()), &world.account_id);
    let text = if found.is_deleted() {
        format!("user {user} belongs to account {other}, not {own}, is marked deleted there and keeps its name until it is purged; choose another user name, or ask the mail administrator whether that mailbox is still needed")
    } else {
        format!("user {user} belongs to account {other}, not {own}; unprovision it there first, or choose another user name")
    };
    Err(Refusal::because(text))
}

/// A list without anybody, though Freeside knows other services there, is believed if the account is not there, or if
/// those services' users were read directly and none of them is in use on this account: they were never exported, or
/// are marked deleted and not listed.
pub fn refuse_empty_list(task: &Task, world: &World) -> Result<(), Refusal> {
    let others = task.others(world).count();
    if !world.lists_nobody() || others == 0 || world.account == Known::Absent {
        return Ok(());
    }
    let is_unused = |known: Option<&Known<User>>| match known {
        Some(Known::Absent) => true,
        Some(Known::Present(user)) => !world.is_on_account(user) || user.is_deleted(),
        _ => false,
    };
    if master::left_out_of_list(task, world).into_iter().all(|name| is_unused(world.peers.get(name))) {
        return Ok(());
    }
    Err(Refusal::not_believed(format!(
        "the server lists no users on account {}, but Freeside has {} there; the list is not trusted, so nothing was changed",
        world.account_id,
        master::counted(others, "other service", "other services")
    )))
}

fn account(task: &Task, world: &World, plan: &mut Plan) {
    match &world.account {
        Known::Present(account) => {
            if account.status == Status::Suspended {
                plan.warn(format!("account {} was suspended in MagicMail and is active now", account.id));
            }
            if matches!(account.status, Status::Suspended | Status::Deleted) {
                let step = Step::SetAccountStatus {
                    id: world.account_id.clone(),
                    status: Status::Active,
                    before: account.status.clone(),
                };
                plan.push(step, Weight::Fatal);
            }
        }
        Known::Absent => {
            let wanted = &task.request.account;
            let names = (wanted.first_name.clone(), wanted.last_name.clone());
            plan.push(Step::CreateAccount { id: world.account_id.clone(), names }, Weight::Fatal);
        }
        Known::NotAsked | Known::Unknown => {}
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

fn create_user(task: &Task, world: &World, plan: &mut Plan, as_master: bool) -> Result<(), Refusal> {
    let (user, service) = (task.user(), &task.request.service);
    let password = task.password.clone().ok_or_else(|| unsendable(task))?;
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
    Ok(())
}

fn unsendable(task: &Task) -> Refusal {
    let why = task.unsendable.as_deref().unwrap_or("the service has none");
    Refusal::because(format!("its password cannot be sent: {why}"))
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
    if !world.owns_address(user, &address) {
        plan.push_each(Step::AddAddress { address, user: user.clone() }, Weight::Fatal, assigns);
    }
}

/// A user that is on the account already: one that this very call made, one to refresh, or one to take over.
fn keep_user(
    task: &Task,
    world: &World,
    plan: &mut Plan,
    found: &User,
    as_master: bool,
) -> Result<(), Refusal> {
    let make_master = as_master && !found.master;
    let make_master = make_master.then(|| Step::MakeMaster { user: task.user().clone() });
    if world.progress.made_user {
        make_master.into_iter().for_each(|step| plan.push(step, Weight::Fatal));
        finish_user(task, world, plan, as_master);
        set_status(task, plan, found);
        return Ok(());
    }
    if let Status::Unknown(_) = &found.status {
        return Err(unknown_status(task, found));
    }
    let is_refreshed = task.request.service.provisioned_before && !world.before.deleted;
    if task.password.is_none() && !is_refreshed {
        return Err(unsendable(task));
    }
    if is_refreshed && found.status == Status::Suspended && wanted_status(task) == Status::Active {
        plan.warn(format!("user {} is suspended in MagicMail and stays so", task.user()));
    } else if !(is_refreshed && found.status == Status::NotShown) {
        set_status(task, plan, found);
    }
    finish_user(task, world, plan, as_master);
    // What cannot be undone comes last: a mark as master, then a password.
    make_master.into_iter().for_each(|step| plan.push(step, Weight::Fatal));
    set_names_and_password(task, world, plan, found);
    if is_refreshed {
        let why = task.unsendable.as_ref().filter(|_| task.password.is_none());
        plan.warnings.extend(why.map(|why| format!("the password was not sent: {why}")));
    } else {
        plan.warn(format!(
            "user {} was on account {} already and was taken over (existing mail kept)",
            task.user(),
            world.account_id
        ));
    }
    if !as_master && found.master {
        plan.warn(format!(
            "user {} is still marked as a master of account {}, though it is an additional user now; MagicMail cannot take the mark away",
            task.user(),
            world.account_id
        ));
    }
    Ok(())
}

fn set_status(task: &Task, plan: &mut Plan, found: &User) {
    let status = wanted_status(task);
    // Of a user that this call has just made, a status that is not shown is the one that it was made with.
    let is_so = found.status == status;
    if !is_so {
        let before = found.status.clone();
        plan.push(Step::SetUserStatus { user: task.user().clone(), status, before }, Weight::Fatal);
    }
}

/// Nothing is set on the strength of a status that the API does not name.
pub fn unknown_status(task: &Task, found: &User) -> Refusal {
    Refusal::not_believed(format!(
        "the server does not say clearly whether user {} is active, suspended or deleted (status: {})",
        task.user(),
        foreign(found.status.as_str())
    ))
}

fn set_names_and_password(task: &Task, world: &World, plan: &mut Plan, found: &User) {
    if world.progress.refreshed {
        return;
    }
    let step = Step::UpdateUser {
        user: task.user().clone(),
        names: task.request.service.names(),
        password: task.password.clone(),
        before: found.names.clone(),
        old_password: None,
    };
    plan.push(step, Weight::Fatal);
}
