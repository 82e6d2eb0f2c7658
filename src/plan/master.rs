//! Which master counts, and who becomes it when the present one goes. Every hook, the pages and the audit ask here.

use crate::foreign::foreign;
use crate::id::{PackageName, UserName};
use crate::record::User;
use crate::world::{Hook, Task, World};
use std::collections::HashMap;

/// The master that counts, and what is odd about it.
pub struct Master<'a> {
    pub user: Option<&'a User>,
    pub warning: Option<String>,
}

/// The users that are marked as masters and not deleted. One whose account is None is only listed: it must be read
/// directly before it can count.
pub fn candidates(world: &World) -> Vec<&User> {
    world.roster().into_iter().filter(|user| user.master && !user.is_deleted()).collect()
}

/// The user that is marked master and not deleted. Of several, the one that does not hold the package of additional
/// users (nothing takes the mark away from one that became additional again), then the one of the oldest service.
pub fn of<'a>(task: &Task, world: &'a World) -> Master<'a> {
    let masters = proven(world, candidates(world));
    let (chosen, count) = (counting(task, world, &masters), masters.len());
    let warning = chosen.filter(|_| count > 1).map(|chosen| {
        let names: Vec<String> = masters.iter().map(|user| told(task, world, &user.name)).collect();
        format!(
            "account {} has {count} users that are marked as its master ({}); {} counts",
            world.account_id,
            names.join(", "),
            told(task, world, &chosen.name)
        )
    });
    Master { user: chosen, warning }
}

fn proven<'a>(world: &World, users: Vec<&'a User>) -> Vec<&'a User> {
    users.into_iter().filter(|user| world.is_on_account(user)).collect()
}

fn counting<'a>(task: &Task, world: &World, masters: &[&'a User]) -> Option<&'a User> {
    let ages = Ages::of(task, world, masters);
    let rank = |user: &&&User| {
        // It was no master when this hook began, and the steps that make it an additional user are still to come.
        let came_back = user.name == *task.user() && world.before.deleted;
        let held = world.packages.get(&user.name);
        let is_additional = held.is_some_and(|held| held.contains(&PackageName::additional()));
        (came_back || is_additional, ages.get(&user.name).unwrap_or(u64::MAX))
    };
    masters.iter().min_by_key(rank).copied()
}

/// Those who remain once the service's own user is deleted.
pub fn remaining<'a>(task: &Task, world: &'a World) -> Vec<&'a User> {
    world.roster().into_iter().filter(|user| user.name != *task.user() && !user.is_deleted()).collect()
}

/// Who is master once the service's own user is deleted: another that is marked already; else, if that user was the
/// master, the user of the oldest remaining service.
pub fn after_unprovision<'a>(task: &Task, world: &'a World) -> Master<'a> {
    let remaining = remaining(task, world);
    let marked: Vec<&User> = remaining.iter().copied().filter(|user| user.master).collect();
    let present = counting(task, world, &proven(world, marked));
    let was_master = world.user.present().is_some_and(|own| own.master);
    let on_account = |user: &&User| world.is_on_account(user);
    let successor = was_master.then(|| successors(task, world).into_iter().find(on_account)).flatten();
    let warning = (present.is_none() && successor.is_none() && !remaining.is_empty()).then(|| {
        format!(
            "account {} has no master now; {} on it, and none of them could take its place",
            world.account_id,
            counted(remaining.len(), "other user is", "other users are")
        )
    });
    Master { user: present.or(successor), warning }
}

/// The remaining users that provisioned services have, by the age of the services.
pub fn successors<'a>(task: &Task, world: &'a World) -> Vec<&'a User> {
    let remaining = remaining(task, world);
    let ages = Ages::of(task, world, &remaining);
    let mut successors: Vec<(u64, &User)> =
        remaining.iter().filter_map(|user| Some((ages.get(&user.name)?, *user))).collect();
    successors.sort_by_key(|(age, _)| *age);
    successors.into_iter().map(|(_, user)| user).collect()
}

/// The users of the oldest other services whom the account's list leaves out and who were not read directly yet.
/// That a list lacks them proves nothing.
pub fn left_out_of_list<'a>(task: &'a Task, world: &'a World) -> Vec<&'a UserName> {
    let Some(list) = world.users.as_ref().filter(|_| !world.progress.made_account) else { return Vec::new() };
    let others = task.users_of_oldest_others(world, MOST_READ_ALL + 1);
    let few = if others.len() > MOST_READ_ALL { &others[..MOST_READ_OLDEST] } else { &others[..] };
    few.iter().copied().filter(|name| !list.contains(name)).collect()
}

/// So many users of other services are all read directly if a list leaves them out; of more, the oldest.
const MOST_READ_ALL: usize = 50;
const MOST_READ_OLDEST: usize = 8;

/// `1 user`, `2 users`.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// Whether an unprovision may decide on the account's list: it has the service's own user, or need not have it, for
/// servers may leave deleted users out; and it is not empty where Freeside has other services. If users were read
/// one by one, there is no list to doubt.
pub fn is_list_trusted(task: &Task, world: &World) -> bool {
    let Some(list) = &world.users else { return true };
    let is_odd = list.is_empty() && task.oldest_other(world).is_some();
    (world.before.listed || world.before.deleted) && !is_odd
}

/// The lowest svcnum of each user's services; none where no service has its name. Only these users are
/// asked for: the account may have thousands of services, and the plan is recomputed after each step.
struct Ages<'a>(HashMap<&'a str, Option<u64>>);

impl Ages<'_> {
    fn of<'a>(task: &Task, world: &World, users: &[&'a User]) -> Ages<'a> {
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
