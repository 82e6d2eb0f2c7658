//! What holds for every plan, whatever the server has: over random states of it.

use crate::model::{told, Model};
use crate::tasks::{neighbour, task, ACCOUNT};
use magicmail::id::{AccountId, PackageName, UserName};
use magicmail::record::Status;
use magicmail::world::{Hook, Task};
use proptest::prelude::*;

const NAMES: [&str; 4] = ["jane", "ann", "bob", "cid"];
const PACKAGES: [&str; 3] = ["EMAIL", "PREMIUM", "ADDITIONAL NOCOST MAILBOX"];

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![3 => Just(Status::Active), 1 => Just(Status::Suspended), 1 => Just(Status::Deleted)]
}

pub fn server() -> impl Strategy<Value = Model> {
    let account = prop::option::weighted(0.8, status());
    let user = (any::<bool>(), 0..4u8, status(), prop::sample::subsequence(PACKAGES.to_vec(), 0..=3));
    let users = prop::collection::vec(prop::option::weighted(0.7, user), 4);
    let addresses = prop::collection::vec(prop::option::of(0..4usize), 4);
    (account, users, addresses, any::<bool>()).prop_map(|(account, users, addresses, hides_deleted)| {
        let mut server = Model { hides_deleted, ..Model::default() }.account("FREESIDE7", Status::Active);
        let there = account.is_some();
        if let Some(status) = account {
            server = server.account(ACCOUNT, status);
        }
        for (name, user) in NAMES.iter().zip(users) {
            if let Some((master, home, status, packages)) = user {
                let elsewhere = home == 0 || !there;
                let how = format!("{} {}", if master { "master" } else { "" }, status.as_str());
                server = server.user(name, if elsewhere { "FREESIDE7" } else { ACCOUNT }, &how, &packages);
            }
        }
        for (name, owner) in NAMES.iter().zip(addresses) {
            let owner = owner.map(|owner| NAMES[owner]);
            if let Some(owner) = owner.filter(|owner| server.users.contains_key(&UserName::new(*owner))) {
                server = server.address(&format!("{name}@example.net"), owner);
            }
        }
        server
    })
}

fn any_hook() -> impl Strategy<Value = Hook> {
    prop_oneof![
        Just(Hook::Provision),
        Just(Hook::Unprovision),
        Just(Hook::Replace),
        Just(Hook::Suspend),
        Just(Hook::Unsuspend)
    ]
}

fn wanted(hook: impl Strategy<Value = Hook>) -> impl Strategy<Value = Task> {
    let others = prop::sample::subsequence(vec![("ann", 12), ("bob", 15), ("cid", 30)], 0..=3);
    (hook, others, 0..2usize, any::<bool>(), any::<bool>()).prop_map(
        |(hook, others, package, suspended, autopurge)| {
            let mut task = task(hook);
            task.autopurge = autopurge;
            task.request.service.suspended = suspended;
            task.request.service.package = PackageName::new(PACKAGES[package]);
            let others = others.into_iter().map(|(name, svcnum)| neighbour(name, svcnum, "EMAIL"));
            task.request.others = others.collect();
            task
        },
    )
}

/// Names and password are sent again by a change and a take-over: what MagicMail holds cannot be read back.
fn beside_the_refresh(texts: &[String]) -> Vec<&String> {
    texts.iter().filter(|text| !text.starts_with("set names and password")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn planning_again_on_the_result_of_a_plan_gives_no_steps(server in server(), task in wanted(any_hook())) {
        let mut after = server.clone();
        if after.hook(&task).is_some() {
            let settled = after.clone();
            let (_, planned) = after.planned(&task);
            let steps = told(&planned);
            let again = after.hook(&task);
            // Of Freeside's other services none was there, and now the list is empty: it is not believed.
            let is_empty = steps.starts_with("refused: the server lists no users");
            prop_assert!(again.is_some() || is_empty, "refused the second time: {steps}");
            let again = again.unwrap_or_default();
            prop_assert!(beside_the_refresh(&again).is_empty(), "{again:?} after {settled:?}");
        }
    }

    #[test]
    fn no_hook_touches_another_customers_mailbox(server in server(), task in wanted(any_hook())) {
        let theirs = |model: &Model| {
            let mut users = model.users.clone();
            users.retain(|_, mailbox| mailbox.account != AccountId::new(ACCOUNT));
            let mut addresses = model.addresses.clone();
            addresses.retain(|_, owner| users.contains_key(owner));
            (users, addresses)
        };
        let mut after = server.clone();
        let _ = after.hook(&task);
        prop_assert_eq!(theirs(&server), theirs(&after));
    }

    #[test]
    fn only_an_unprovision_with_autopurge_ever_purges(server in server(), task in wanted(any_hook())) {
        let mut after = server.clone();
        let _ = after.hook(&task);
        for (name, before) in &server.users {
            let purged = !after.users.contains_key(name);
            let may = task.hook == Hook::Unprovision && task.autopurge;
            // With an account go the deleted users that a server never shows.
            let is_hidden = server.hides_deleted && before.status == Status::Deleted;
            prop_assert!(!purged || (may && (*name == *task.user() || is_hidden)), "{name} {before:?}");
        }
    }

    #[test]
    fn a_provisioned_mailbox_is_there_on_its_account_with_a_master(server in server(), task in wanted(Just(Hook::Provision))) {
        let mut after = server;
        if after.hook(&task).is_some() {
            let own = after.users.get(task.user()).cloned();
            prop_assert!(own.is_some_and(|own| own.account == AccountId::new(ACCOUNT) && own.status != Status::Deleted));
            prop_assert_eq!(after.addresses.get(&task.address()), Some(task.user()));
            prop_assert_eq!(after.accounts.get(&AccountId::new(ACCOUNT)), Some(&Status::Active));
            let masters = after.users.values().filter(|m| {
                m.account == AccountId::new(ACCOUNT) && m.master && m.status != Status::Deleted
            });
            let package = &task.request.service.package;
            prop_assert!(masters.clone().any(|m| m.packages.contains(package)), "{after:?}");
        }
    }
}
