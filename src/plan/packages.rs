//! Packages in line: the master holds those of all the account's provisioned services, any other user the
//! one that the server gives it.

use super::{master, Plan, Weight};
use crate::id::{PackageName, UserName};
use crate::record::User;
use crate::step::Step;
use crate::world::{Hook, Task, World};

/// What the account's master should hold, each package once, in the spelling of the oldest mention.
pub fn wanted_on_master(task: &Task, world: &World) -> Vec<PackageName> {
    let mut wanted: Vec<PackageName> = Vec::new();
    let mut add = |package: &PackageName| {
        if !wanted.contains(package) {
            wanted.push(package.clone());
        }
    };
    if task.hook == Hook::Provision {
        add(&task.request.service.package);
        let own = task.request.service.svcnum;
        task.request.others.iter().filter(|other| other.svcnum == own).for_each(|other| add(&other.package));
    }
    task.others(world).for_each(|other| add(&other.package));
    wanted
}

/// The steps from what the account's master holds to the packages of all its services.
pub fn bring_master_in_line(task: &Task, world: &World, plan: &mut Plan, master: &User) {
    let name = master::known_name(task, world, &master.name);
    bring_in_line(plan, world, name, &wanted_on_master(task, world));
}

/// The steps from what `user` holds to what it should: first all that lacks, then, where that went well,
/// all that is too much; those of one kind side by side. A failure is warned about.
pub fn bring_in_line(plan: &mut Plan, world: &World, user: &UserName, wanted: &[PackageName]) {
    let Some(held) = held_after(plan, world, user) else { return };
    let mut assigned = false;
    for package in wanted.iter().filter(|package| !held.contains(package)) {
        let step = Step::AssignPackage { user: user.clone(), package: package.clone() };
        plan.push_each(step, Weight::Warn, assigned);
        assigned = true;
    }
    let mut removed = false;
    for package in held.iter().filter(|package| !wanted.contains(package)) {
        let step = Step::RemovePackage { user: user.clone(), package: package.clone() };
        plan.push_each(step, Weight::WarnIfAllWell, removed);
        removed = true;
    }
}

/// What `user` holds once the steps of `plan` so far are done; None where it is not known.
fn held_after(plan: &Plan, world: &World, user: &UserName) -> Option<Vec<PackageName>> {
    let mut held = world.packages.get(user).cloned();
    for planned in &plan.steps {
        match &planned.step {
            Step::CreateUser { user: made, .. } if made == user => {
                held = Some(Step::packages_of_new_user(world));
            }
            Step::AssignPackage { user: on, package } if on == user => {
                let held = held.get_or_insert_default();
                if !held.contains(package) {
                    held.push(package.clone());
                }
            }
            Step::RemovePackage { user: on, package } if on == user => {
                held.get_or_insert_default().retain(|kept| kept != package);
            }
            _ => {}
        }
    }
    held
}
