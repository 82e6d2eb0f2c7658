//! Who the account's master is, and who becomes it when the present one goes.

use crate::api::User;
use crate::id::UserName;
use crate::world::{Hook, Task, World};

/// The master that counts, and what is odd about it.
pub struct Master {
    pub user: Option<User>,
    pub warning: Option<String>,
}

/// The user that is marked master and not deleted; of several the one of the oldest service.
pub fn of(task: &Task, world: &World) -> Master {
    let masters: Vec<User> =
        world.roster().into_iter().filter(|user| user.master && !user.is_deleted()).collect();
    let oldest =
        masters.iter().min_by_key(|user| svcnum_of(task, world, &user.name).unwrap_or(u64::MAX)).cloned();
    let warning = (masters.len() > 1).then(|| {
        let names: Vec<String> =
            masters.iter().map(|user| known_name(task, world, &user.name).to_string()).collect();
        format!(
            "account {} has {} masters ({}); the one of the oldest service counts",
            world.account_id,
            masters.len(),
            names.join(", ")
        )
    });
    Master { user: oldest, warning }
}

/// Who is master once the service's own user is deleted: another that is master already, else the user of
/// the oldest remaining service that is on the account.
pub fn after_unprovision(task: &Task, world: &World) -> Master {
    let remaining: Vec<User> =
        world.roster().into_iter().filter(|user| user.name != *task.user() && !user.is_deleted()).collect();
    let by_age = |user: &&User| svcnum_of(task, world, &user.name).unwrap_or(u64::MAX);
    let present = remaining.iter().filter(|user| user.master).min_by_key(by_age);
    let heir =
        remaining.iter().filter(|user| svcnum_of(task, world, &user.name).is_some()).min_by_key(by_age);
    let warning = (present.is_none() && heir.is_none() && !remaining.is_empty()).then(|| {
        format!(
            "no master is left on account {}: none of its {} remaining users belongs to a provisioned service",
            world.account_id,
            remaining.len()
        )
    });
    Master { user: present.or(heir).cloned(), warning }
}

/// The svcnum of the oldest service that has `name`.
fn svcnum_of(task: &Task, world: &World, name: &UserName) -> Option<u64> {
    let others = task.others(world).filter(|other| other.username == *name).map(|other| other.svcnum);
    let own = (task.hook == Hook::Provision && task.user() == name).then_some(task.request.service.svcnum);
    others.chain(own).min()
}

/// `name` as Freeside spells it, where Freeside knows it.
pub fn known_name<'a>(task: &'a Task, world: &'a World, name: &'a UserName) -> &'a UserName {
    if task.user() == name {
        return task.user();
    }
    task.others(world).map(|other| &other.username).find(|known| *known == name).unwrap_or(name)
}
