//! What the server's answer to a step tells beyond that it was done.

use crate::api::Reply;
use crate::id::PackageName;
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::World;

/// Takes over what the server itself said of the thing after the step.
pub fn learn(step: &Step, reply: &Reply, world: &mut World) {
    match (step, reply) {
        (Step::CreateUser { user, account, .. }, Reply::Record(record)) => {
            let mut made = User::of(record, user);
            made.account = Some(account.clone());
            if made.status == Status::Other(String::new()) {
                made.status = Status::Active;
            }
            let master = made.master;
            if world.user.there().is_some_and(|predicted| predicted.master != master) {
                // The server took it for the other kind, and gave it packages accordingly.
                world.packages.remove(user);
            }
            world.change_user(user, |found| found.clone_from(&made));
        }
        (Step::AssignPackage { user, .. }, Reply::List(list)) if !list.is_empty() => {
            let packages = list.iter().map(|(name, _)| PackageName::new(name)).collect();
            world.packages.insert(user.clone(), packages);
        }
        _ => {}
    }
}
