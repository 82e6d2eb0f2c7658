//! Who the account's master is, and who becomes it when the present one goes.

use crate::foreign::foreign;
use crate::id::{PackageName, UserName};
use crate::record::User;
use crate::world::{Hook, Task, World};
use std::collections::HashMap;

/// The master that counts, and what is odd about it.
pub struct Master {
    pub user: Option<User>,
    pub warning: Option<String>,
}

/// The user that is marked master and not deleted; of several the one of the oldest service.
///
/// Nothing takes the mark away, so one that was taken over as an additional user may still bear it: it
/// counts last, known by the package that only additional users hold, or by its having been deleted.
pub fn of(task: &Task, world: &World) -> Master {
    let masters: Vec<User> =
        world.roster().into_iter().filter(|user| user.master && !user.is_deleted()).collect();
    let ages = Ages::of(task, world, &masters);
    let rank = |user: &&User| {
        let came_back = user.name == *task.user() && world.deleted_before;
        let held = world.packages.get(&user.name);
        let is_additional = held.is_some_and(|held| held.contains(&PackageName::additional()));
        (came_back || is_additional, ages.get(&user.name).unwrap_or(u64::MAX))
    };
    let warning = (masters.len() > 1).then(|| {
        let names: Vec<String> = masters.iter().map(|user| told(task, world, &user.name)).collect();
        format!(
            "account {} has {} masters ({}); the one of the oldest service counts",
            world.account_id,
            masters.len(),
            names.join(", ")
        )
    });
    Master { user: masters.iter().min_by_key(rank).cloned(), warning }
}

/// Who is master once the service's own user is deleted: another that is master already, else the user of
/// the oldest remaining service that is on the account.
pub fn after_unprovision(task: &Task, world: &World) -> Master {
    let remaining: Vec<User> =
        world.roster().into_iter().filter(|user| user.name != *task.user() && !user.is_deleted()).collect();
    let ages = Ages::of(task, world, &remaining);
    let by_age = |user: &&User| ages.get(&user.name).unwrap_or(u64::MAX);
    let present = remaining.iter().filter(|user| user.master).min_by_key(by_age);
    let heir = remaining.iter().filter(|user| ages.get(&user.name).is_some()).min_by_key(by_age);
    let warning = (present.is_none() && heir.is_none() && !remaining.is_empty()).then(|| {
        format!(
            "no master is left on account {}: none of its {} remaining users belongs to a provisioned service",
            world.account_id,
            remaining.len()
        )
    });
    Master { user: present.or(heir).cloned(), warning }
}

/// The lowest svcnum of each user's services; none where no service has its name. Only these users are
/// asked for: the account may have thousands of services, and the plan is made anew after each step.
struct Ages<'a>(HashMap<&'a str, Option<u64>>);

impl Ages<'_> {
    fn of<'a>(task: &Task, world: &World, users: &'a [User]) -> Ages<'a> {
        let mut ages: HashMap<&str, Option<u64>> = users.iter().map(|user| (user.name.key(), None)).collect();
        let others = task.others(world).map(|other| (&other.username, other.svcnum));
        let own = (task.hook == Hook::Provision).then_some((task.user(), task.request.service.svcnum));
        for (name, svcnum) in others.chain(own) {
            if let Some(age) = ages.get_mut(name.key()) {
                *age = Some(age.map_or(svcnum, |lowest| lowest.min(svcnum)));
            }
        }
        Ages(ages)
    }

    fn get(&self, name: &UserName) -> Option<u64> {
        self.0.get(name.key()).copied().flatten()
    }
}

/// `name` as Freeside spells it, where Freeside knows it.
pub fn known_name<'a>(task: &'a Task, world: &'a World, name: &'a UserName) -> &'a UserName {
    spelling(task, world, name).unwrap_or(name)
}

/// `name` in a sentence: as Freeside spells it, else as the server does.
pub fn told(task: &Task, world: &World, name: &UserName) -> String {
    spelling(task, world, name).map_or_else(|| foreign(name.as_str()), UserName::to_string)
}

fn spelling<'a>(task: &'a Task, world: &'a World, name: &UserName) -> Option<&'a UserName> {
    if task.user() == name {
        return Some(task.user());
    }
    task.others(world).map(|other| &other.username).find(|known| *known == name)
}
