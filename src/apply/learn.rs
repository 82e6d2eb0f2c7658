//! What the server's answer to a step tells beyond that it was done.

use crate::api::Reply;
use crate::evidence::Known;
use crate::id::PackageName;
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::World;
use std::collections::BTreeSet;

/// Records what the server itself said of the thing after the step; None: nothing.
pub fn record_answer(step: &Step, reply: Option<&Reply>, world: &mut World) {
    match (step, reply) {
        // Whether it took the user for a master, and which packages it gave, is to be asked.
        (Step::CreateUser { user, .. }, None) => {
            world.user = Known::NotAsked;
            world.packages.remove(user);
        }
        (Step::CreateUser { user, account, .. }, Some(Reply::Record(record))) => {
            let mut made = User::from_record(record, user);
            made.account = Some(account.clone());
            made.contradicts = false;
            if !made.status.is_named() {
                made.status = Status::Active;
            }
            let master = made.master;
            if world.user.present().is_some_and(|predicted| predicted.master != master) {
                // The server took it for the other kind, and gave it packages accordingly.
                world.packages.remove(user);
            }
            world.change_user(user, |found| found.clone_from(&made));
        }
        (Step::SetUserStatus { user, status: Status::Deleted, .. }, Some(Reply::Record(record))) => {
            let is_own = world.user.present().is_some_and(|own| own.name == *user);
            world.progress.shown_deleted |= is_own && User::from_record(record, user).is_deleted();
        }
        (Step::AssignPackage { user, .. }, Some(Reply::List(list))) => {
            // Assignments are concurrent: a list may be older than the one that is known already.
            let held = world.packages.entry(user.clone()).or_default();
            let mut known: BTreeSet<PackageName> = held.iter().cloned().collect();
            for (name, _) in list {
                let package = PackageName::new(name.as_str());
                if known.insert(package.clone()) {
                    held.push(package);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Configuration, Request, Shape};
    use crate::id::UserName;

    fn world() -> World {
        let configuration = r#"{"machine": "m", "client_id": "c", "client_password": "p"}"#;
        let request = r#"{"account": {"id": "F1"},
                          "service": {"svcnum": 1, "username": "jane", "domain": "example.net"}}"#;
        let configuration = Configuration::parse(configuration).expect("a configuration");
        World::new(&Request::parse(request, Shape::Plain, &configuration).expect("a request"))
    }

    #[test]
    fn of_concurrent_assignments_the_older_list_takes_nothing_back() {
        let (mut world, user) = (world(), UserName::new("ann"));
        let record = || crate::record::Record(serde_json::Map::new());
        for (package, list) in [("PRO", &["FAX", "PRO"][..]), ("FAX", &["FAX"][..])] {
            let step = Step::AssignPackage { user: user.clone(), package: PackageName::new(package) };
            step.take_effect(&mut world);
            let list = list.iter().map(|name| ((*name).to_owned(), record())).collect();
            record_answer(&step, Some(&Reply::List(list)), &mut world);
        }
        assert_eq!(world.packages[&user], [PackageName::new("PRO"), PackageName::new("FAX")]);
    }
}
