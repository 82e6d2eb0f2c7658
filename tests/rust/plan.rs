//! The planner's decisions, case by case: what MagicMail has, what Freeside wants, and the plan as text.

use crate::model::{told, Model};
use crate::tasks::{neighbour, purging, task, with_others, ACCOUNT};
use magicmail::id::AccountId;
use magicmail::record::Status;
use magicmail::world::{Hook, Task};

const ADDITIONAL: &str = "ADDITIONAL NOCOST MAILBOX";

#[track_caller]
fn check(task: &Task, mut server: Model, expected: &[&str]) {
    let (_, planned) = server.planned(task);
    let lines: Vec<String> = told(&planned).lines().map(str::to_owned).collect();
    assert_eq!(lines, expected);
}

/// Ann's service 12 is the master, Bob's 15 an additional user.
fn family() -> Model {
    Model::default().account(ACCOUNT, Status::Active).user("ann", ACCOUNT, "master", &["EMAIL"]).user(
        "bob",
        ACCOUNT,
        "",
        &[ADDITIONAL],
    )
}

const FAMILY: &[(&str, u64, &str)] = &[("ann", 12, "EMAIL"), ("bob", 15, "EMAIL")];

#[test]
fn a_new_customers_first_mailbox_becomes_the_master_with_the_package() {
    check(
        &task(Hook::Provision),
        Model::default(),
        &[
            "!  create account FREESIDE42",
            "!  create user jane on account FREESIDE42",
            "!  assign package EMAIL to user jane",
            "!& add address jane@example.net to user jane",
        ],
    );
}

#[test]
fn a_further_mailbox_of_the_same_package_needs_no_package() {
    check(
        &with_others(Hook::Provision, FAMILY),
        family(),
        &["!  create user jane on account FREESIDE42", "!  add address jane@example.net to user jane"],
    );
}

#[test]
fn a_mailbox_with_another_package_puts_it_on_the_master_first() {
    let mut task = with_others(Hook::Provision, FAMILY);
    task.request.service.package = magicmail::id::PackageName::new("PREMIUM");
    check(
        &task,
        family(),
        &[
            "!  assign package PREMIUM to user ann",
            "!  create user jane on account FREESIDE42",
            "!  add address jane@example.net to user jane",
        ],
    );
}

#[test]
fn a_suspended_or_deleted_account_is_activated_before_the_user_is_made() {
    for status in [Status::Suspended, Status::Deleted] {
        check(
            &with_others(Hook::Provision, FAMILY),
            family().account(ACCOUNT, status),
            &[
                "!  activate account FREESIDE42",
                "!  create user jane on account FREESIDE42",
                "!  add address jane@example.net to user jane",
            ],
        );
    }
}

#[test]
fn the_masters_packages_become_those_of_all_services() {
    let mut task = with_others(Hook::Provision, &[("ann", 12, "EMAIL"), ("bob", 15, "premium")]);
    task.request.others.push(neighbour("jane", 20, "SECOND"));
    check(
        &task,
        family().user("ann", ACCOUNT, "master", &["EMAIL", "OLD"]),
        &[
            "!  create user jane on account FREESIDE42",
            "!  add address jane@example.net to user jane",
            "~  assign package SECOND to user ann",
            "~& assign package premium to user ann",
            "?  remove package OLD from user ann",
        ],
    );
}

#[test]
fn package_names_compare_without_regard_to_case() {
    check(
        &with_others(Hook::Provision, FAMILY),
        family().user("ann", ACCOUNT, "master", &["email"]),
        &["!  create user jane on account FREESIDE42", "!  add address jane@example.net to user jane"],
    );
}

#[test]
fn an_account_without_a_master_gets_the_new_user_as_its_master() {
    check(
        &with_others(Hook::Provision, &[("bob", 15, "EMAIL")]),
        Model::default().account(ACCOUNT, Status::Active).user("bob", ACCOUNT, "", &[ADDITIONAL]),
        &[
            "!  create user jane on account FREESIDE42",
            "!  assign package EMAIL to user jane",
            "!& add address jane@example.net to user jane",
        ],
    );
}

#[test]
fn of_two_masters_the_one_of_the_oldest_service_counts() {
    let mut task = with_others(Hook::Provision, FAMILY);
    task.request.service.package = magicmail::id::PackageName::new("PREMIUM");
    check(
        &task,
        family().user("bob", ACCOUNT, "master", &["EMAIL"]),
        &[
            "!  assign package PREMIUM to user ann",
            "!  create user jane on account FREESIDE42",
            "!  add address jane@example.net to user jane",
            "warning: account FREESIDE42 has 2 masters (ann, bob); the one of the oldest service counts",
        ],
    );
}

#[test]
fn a_deleted_master_is_no_master() {
    check(
        &with_others(Hook::Provision, &[("bob", 15, "EMAIL")]),
        family().user("ann", ACCOUNT, "master deleted", &["EMAIL"]),
        &[
            "!  create user jane on account FREESIDE42",
            "!  assign package EMAIL to user jane",
            "!& add address jane@example.net to user jane",
        ],
    );
}

#[test]
fn a_user_name_of_another_account_is_refused_with_that_account() {
    let mut task = task(Hook::Provision);
    task.request.account.configured_id = Some(AccountId::new("NEW42"));
    check(
        &task,
        family().user("jane", "FREESIDE7", "master", &["EMAIL"]),
        &["refused: user jane belongs to account FREESIDE7, not FREESIDE42; unprovision it there first, or choose another user name"],
    );
    check(
        &task,
        family().user("jane", "FREESIDE7", "master deleted", &["EMAIL"]),
        &["refused: user jane belongs to account FREESIDE7, not FREESIDE42, is marked deleted there and keeps its name until it is purged; purge it in MagicMail, or choose another user name"],
    );
}

#[test]
fn a_user_name_of_another_service_of_the_customer_is_refused() {
    check(
        &with_others(Hook::Provision, &[("JANE", 12, "EMAIL")]),
        family(),
        &["refused: the user name jane is taken by service 12 (JANE@example.net) of this customer, and a user name is unique in MagicMail whatever the domain; choose another"],
    );
}

#[test]
fn a_deleted_user_of_the_account_is_taken_over_with_what_cannot_be_undone_last() {
    check(
        &with_others(Hook::Provision, FAMILY),
        family().user("jane", ACCOUNT, "deleted", &[]),
        &[
            "!  activate user jane",
            "!  add address jane@example.net to user jane",
            "!  set names and password of user jane",
            "~  assign package ADDITIONAL NOCOST MAILBOX to user jane",
            "warning: user jane was on account FREESIDE42 already and was taken over (existing mail kept)",
        ],
    );
}

#[test]
fn a_suspended_service_is_taken_over_suspended() {
    let mut task = with_others(Hook::Provision, FAMILY);
    task.request.service.suspended = true;
    check(
        &task,
        family().user("jane", ACCOUNT, "deleted", &[ADDITIONAL]).address("jane@example.net", "jane"),
        &[
            "!  suspend user jane",
            "!  set names and password of user jane",
            "warning: user jane was on account FREESIDE42 already and was taken over (existing mail kept)",
        ],
    );
}

#[test]
fn a_former_master_that_is_taken_over_becomes_an_additional_user() {
    check(
        &with_others(Hook::Provision, FAMILY),
        family().user("jane", ACCOUNT, "master deleted", &["EMAIL", "PREMIUM"]),
        &[
            "!  activate user jane",
            "!  add address jane@example.net to user jane",
            "!  set names and password of user jane",
            "~  assign package ADDITIONAL NOCOST MAILBOX to user jane",
            "?  remove package EMAIL from user jane",
            "?& remove package PREMIUM from user jane",
            "warning: user jane was on account FREESIDE42 already and was taken over (existing mail kept)",
            "warning: user jane is still marked as a master of account FREESIDE42, though it is an additional user now; MagicMail cannot take the mark away",
        ],
    );
}

#[test]
fn an_address_on_another_user_is_refused_with_that_user() {
    check(
        &with_others(Hook::Provision, FAMILY),
        family().user("jane", ACCOUNT, "", &[ADDITIONAL]).address("jane@example.net", "bob"),
        &["refused: the address jane@example.net is on user bob; remove it there first"],
    );
}

#[test]
fn a_list_that_lacks_everybody_is_no_list() {
    let refused = "refused: the server lists no users on account FREESIDE42, but Freeside has 2 other services there; nothing is decided on such a list";
    let server = || Model::default().account(ACCOUNT, Status::Active);
    check(&with_others(Hook::Provision, FAMILY), server(), &[refused]);
    let mut lying = server().user("jane", ACCOUNT, "deleted", &[]);
    lying.hides_deleted = true;
    check(&with_others(Hook::Unprovision, FAMILY), lying, &[refused]);
}

#[test]
fn a_list_that_lacks_only_users_who_are_marked_deleted_is_believed() {
    let mut server = Model::default()
        .account(ACCOUNT, Status::Deleted)
        .user("ann", ACCOUNT, "master deleted", &["EMAIL"])
        .user("bob", ACCOUNT, "deleted", &[ADDITIONAL])
        .user("jane", ACCOUNT, "deleted", &[ADDITIONAL]);
    server.hides_deleted = true;
    let warning = "warning: account FREESIDE42 has no user left in MagicMail, but Freeside has 2 other services there; it was left as it is";
    check(&with_others(Hook::Unprovision, FAMILY), server.clone(), &[warning]);
    server.users.remove(&magicmail::id::UserName::new("jane"));
    check(
        &with_others(Hook::Provision, FAMILY),
        server,
        &[
            "!  activate account FREESIDE42",
            "!  create user jane on account FREESIDE42",
            "!  assign package EMAIL to user jane",
            "!& add address jane@example.net to user jane",
        ],
    );
}

/// Service 12 is jane@example.org, of the same account.
fn with_a_namesake(hook: Hook) -> Task {
    let mut task = with_others(hook, &[("jane", 12, "EMAIL")]);
    task.request.others[0].domain = "example.org".to_owned();
    task
}

#[test]
fn a_user_who_bears_only_another_services_address_is_that_ones_mailbox() {
    let server =
        || Model::default().account(ACCOUNT, Status::Active).user("jane", ACCOUNT, "master", &["EMAIL"]);
    let refused = "refused: the address jane@example.net is not on user jane, who is the mailbox of service 12 (jane@example.org) of this account; unprovision one of the two services, and provision it again under another user name";
    let its = || server().address("jane@example.org", "jane");
    for hook in [Hook::Replace, Hook::Suspend, Hook::Unsuspend] {
        check(&with_a_namesake(hook), its(), &[refused]);
    }
    for server in [its().address("jane@example.net", "jane"), server()] {
        check(&with_a_namesake(Hook::Suspend), server, &["!  suspend user jane"]);
    }
    let mut moving = with_a_namesake(Hook::Replace);
    moving.request.service.domain = "example.com".to_owned();
    check(
        &moving,
        its().address("jane@example.net", "jane"),
        &[
            "!  add address jane@example.com to user jane",
            "!  set names and password of user jane",
            "!  remove address jane@example.net from user jane",
        ],
    );
}

#[test]
fn a_mailbox_that_another_service_means_too_is_not_unprovisioned() {
    let server = || {
        Model::default().account(ACCOUNT, Status::Active).user(
            "jane",
            ACCOUNT,
            "master",
            &["EMAIL", "PREMIUM"],
        )
    };
    let kept = "warning: user jane is the mailbox of service 12 (jane@example.org) too, and was kept";
    for task in [with_a_namesake(Hook::Unprovision), purging(with_a_namesake(Hook::Unprovision))] {
        check(&task, server(), &["?  remove package PREMIUM from user jane", kept]);
        check(
            &task,
            server().address("jane@example.net", "jane"),
            &[
                "!  remove address jane@example.net from user jane",
                "?  remove package PREMIUM from user jane",
                kept,
            ],
        );
    }
}

#[test]
fn an_additional_user_is_marked_deleted_and_nothing_else() {
    check(
        &with_others(Hook::Unprovision, FAMILY),
        family().user("jane", ACCOUNT, "", &[ADDITIONAL]).address("jane@example.net", "jane"),
        &["!  mark user jane deleted"],
    );
}

#[test]
fn the_masters_place_and_the_packages_go_to_the_oldest_remaining_service() {
    check(
        &with_others(Hook::Unprovision, &[("cid", 17, "PREMIUM"), ("bob", 15, "EMAIL")]),
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master", &["EMAIL", "PREMIUM"])
            .user("bob", ACCOUNT, "", &[ADDITIONAL])
            .user("cid", ACCOUNT, "", &[ADDITIONAL]),
        &[
            "!  mark user jane deleted",
            "~  make user bob the master",
            "~& assign package PREMIUM to user bob",
            "~& assign package EMAIL to user bob",
            "?  remove package ADDITIONAL NOCOST MAILBOX from user bob",
        ],
    );
}

#[test]
fn an_heir_must_be_on_the_account_and_not_deleted() {
    check(
        &with_others(Hook::Unprovision, &[("ann", 12, "EMAIL"), ("bob", 15, "EMAIL"), ("cid", 17, "EMAIL")]),
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master", &["EMAIL"])
            .user("ann", "FREESIDE7", "", &[])
            .user("bob", ACCOUNT, "deleted", &[ADDITIONAL])
            .user("cid", ACCOUNT, "", &[]),
        &["!  mark user jane deleted", "~  make user cid the master", "~& assign package EMAIL to user cid"],
    );
}

#[test]
fn the_last_one_takes_the_account_along() {
    let server = || {
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master", &["EMAIL"])
            .address("jane@example.net", "jane")
    };
    check(
        &task(Hook::Unprovision),
        server(),
        &["!  mark user jane deleted", "~  mark account FREESIDE42 deleted"],
    );
    check(
        &purging(task(Hook::Unprovision)),
        server(),
        &[
            "!  mark user jane deleted",
            "~& remove address jane@example.net from user jane",
            "~  mark account FREESIDE42 deleted",
            "?& purge user jane",
            "?  purge account FREESIDE42",
        ],
    );
}

#[test]
fn an_account_with_a_deleted_mailbox_is_not_purged() {
    check(
        &purging(task(Hook::Unprovision)),
        Model::default().account(ACCOUNT, Status::Active).user("jane", ACCOUNT, "master", &["EMAIL"]).user(
            "old",
            ACCOUNT,
            "deleted",
            &[],
        ),
        &["!  mark user jane deleted", "~  mark account FREESIDE42 deleted", "?& purge user jane"],
    );
}

#[test]
fn a_master_is_purged_only_after_its_place_was_handed_over() {
    check(
        &purging(with_others(Hook::Unprovision, &[("bob", 15, "EMAIL")])),
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master", &["EMAIL"])
            .user("bob", ACCOUNT, "", &[ADDITIONAL])
            .address("jane@example.net", "jane"),
        &[
            "!  mark user jane deleted",
            "~& remove address jane@example.net from user jane",
            "~  make user bob the master",
            "~& assign package EMAIL to user bob",
            "?  remove package ADDITIONAL NOCOST MAILBOX from user bob",
            "?  purge user jane",
        ],
    );
}

#[test]
fn an_address_of_somebody_elses_is_not_removed() {
    check(
        &purging(with_others(Hook::Unprovision, FAMILY)),
        family().user("jane", ACCOUNT, "", &[ADDITIONAL]).address("jane@example.net", "bob"),
        &["!  mark user jane deleted", "?  purge user jane"],
    );
}

#[test]
fn a_user_that_is_not_there_is_warned_about() {
    check(
        &with_others(Hook::Unprovision, FAMILY),
        family(),
        &["warning: there is no user jane in MagicMail; nothing was left to unprovision"],
    );
}

#[test]
fn a_user_of_another_account_is_left_alone_by_every_hook() {
    let refused = "refused: user jane belongs to account FREESIDE7, not FREESIDE42; it is another customer's mailbox and was left alone";
    for hook in [Hook::Unprovision, Hook::Replace, Hook::Suspend, Hook::Unsuspend] {
        check(&with_others(hook, FAMILY), family().user("jane", "FREESIDE7", "", &[]), &[refused]);
    }
}

#[test]
fn a_list_that_lacks_the_user_itself_is_not_believed() {
    // The user is there by itself, but the list (of a server that leaves it out) does not show it.
    let mut server = family().user("jane", ACCOUNT, "master deleted", &["EMAIL"]);
    server.hides_deleted = true;
    let task = purging(task(Hook::Unprovision));
    let (mut world, _) = server.planned(&task);
    world.change_user(&task.request.service.username, |user| user.status = Status::Active);
    world.deleted_before = false;
    let planned = magicmail::plan::plan(&task, &world);
    assert_eq!(
        told(&planned).lines().collect::<Vec<_>>(),
        [
            "!  mark user jane deleted",
            "?  purge user jane",
            "warning: the server's list of the users of account FREESIDE42 lacks user jane, so it was not believed: no other user became master, and the account was left as it is",
        ]
    );
}

#[test]
fn a_repeated_unprovision_finishes_what_the_first_left() {
    check(
        &with_others(Hook::Unprovision, &[("bob", 15, "EMAIL")]),
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master deleted", &["EMAIL"])
            .user("bob", ACCOUNT, "", &[ADDITIONAL]),
        &[
            "~  make user bob the master",
            "~& assign package EMAIL to user bob",
            "?  remove package ADDITIONAL NOCOST MAILBOX from user bob",
        ],
    );
    check(
        &purging(task(Hook::Unprovision)),
        Model::default().account(ACCOUNT, Status::Deleted),
        &[
            "?  purge account FREESIDE42",
            "warning: there is no user jane in MagicMail; nothing was left to unprovision",
        ],
    );
}

#[test]
fn an_account_that_kept_only_deleted_mailboxes_is_still_marked_by_a_repeat() {
    check(
        &purging(task(Hook::Unprovision)),
        Model::default().account(ACCOUNT, Status::Active).user("old", ACCOUNT, "deleted", &[]),
        &[
            "~  mark account FREESIDE42 deleted",
            "warning: there is no user jane in MagicMail; nothing was left to unprovision",
        ],
    );
}

#[test]
fn a_change_sends_names_and_password() {
    let mut task = task(Hook::Replace);
    task.request.service.finger = "Jane Doe".to_owned();
    check(&task, family().user("jane", ACCOUNT, "", &[]), &["!  set names and password of user jane"]);
}

#[test]
fn an_unchanged_service_puts_its_mailbox_right() {
    check(
        &task(Hook::Replace),
        family().user("jane", ACCOUNT, "", &[]),
        &["!  add address jane@example.net to user jane", "!  set names and password of user jane"],
    );
}

#[test]
fn another_domain_adds_the_new_address_before_the_old_one_goes() {
    let mut task = task(Hook::Replace);
    task.request.service.domain = "example.com".to_owned();
    check(
        &task,
        family().user("jane", ACCOUNT, "", &[]).address("jane@example.net", "jane"),
        &[
            "!  add address jane@example.com to user jane",
            "!  set names and password of user jane",
            "!  remove address jane@example.net from user jane",
        ],
    );
}

#[test]
fn a_user_is_not_renamed() {
    let mut task = task(Hook::Replace);
    task.request.service.username = magicmail::id::UserName::new("joan");
    check(
        &task,
        family().user("jane", ACCOUNT, "", &[]),
        &["refused: a user cannot be renamed in MagicMail (from jane to joan); unprovision it and provision a new one"],
    );
}

#[test]
fn a_deleted_or_missing_user_is_not_changed_or_suspended() {
    for hook in [Hook::Replace, Hook::Suspend, Hook::Unsuspend] {
        check(
            &task(hook),
            family(),
            &["refused: there is no user jane in MagicMail; unprovision the service and provision it again"],
        );
        check(
            &task(hook),
            family().user("jane", ACCOUNT, "deleted", &[]),
            &["refused: user jane is marked deleted in MagicMail; provision the service again to bring the mailbox back"],
        );
    }
}

#[test]
fn suspending_what_is_suspended_sends_nothing() {
    let active = || family().user("jane", ACCOUNT, "", &[]);
    let suspended = || family().user("jane", ACCOUNT, "suspended", &[]);
    check(&task(Hook::Suspend), active(), &["!  suspend user jane"]);
    check(&task(Hook::Suspend), suspended(), &[]);
    check(&task(Hook::Unsuspend), suspended(), &["!  activate user jane"]);
    check(&task(Hook::Unsuspend), active(), &[]);
}

#[test]
fn the_account_that_the_options_name_counts_where_the_user_is_on_it() {
    let mut task = task(Hook::Suspend);
    task.request.account.configured_id = Some(AccountId::new("NEW42"));
    let mut server = family().user("jane", "NEW42", "", &[]);
    let (world, planned) = server.planned(&task);
    assert_eq!(told(&planned), "!  suspend user jane\n");
    assert_eq!(world.account_id, AccountId::new("NEW42"));
}

#[test]
fn a_large_account_is_not_listed_where_single_look_ups_tell() {
    let mut others = vec![neighbour("ann", 12, "EMAIL")];
    others.extend((0..60).map(|n| neighbour(&format!("u{n}"), 100 + n, "EMAIL")));
    for hook in [Hook::Provision, Hook::Unprovision] {
        let mut task = task(hook);
        task.request.others.clone_from(&others);
        let mut server = family();
        if hook == Hook::Unprovision {
            server = server.user("jane", ACCOUNT, "", &[ADDITIONAL]);
        }
        let (_, planned) = server.planned(&task);
        assert!(planned.is_ok(), "{}", told(&planned));
        assert!(!server.asked.contains(&magicmail::plan::Fact::Users), "{:?}", server.asked);
    }
}

#[test]
fn packages_are_brought_in_line_on_their_own() {
    let services: &[(&str, u64, &str)] = &[("ann", 12, "EMAIL"), ("bob", 15, "PREMIUM")];
    check(
        &with_others(Hook::Sync, services),
        family().user("ann", ACCOUNT, "master", &["email", "OLD"]),
        &["~  assign package PREMIUM to user ann", "?  remove package OLD from user ann"],
    );
    check(&with_others(Hook::Sync, FAMILY), family(), &[]);
    check(&with_others(Hook::Sync, &[]), family(), &[]);
    check(
        &with_others(Hook::Sync, FAMILY),
        family().user("ann", ACCOUNT, "", &["EMAIL"]),
        &["refused: account FREESIDE42 has no master in MagicMail"],
    );
}

#[test]
fn several_masters_are_no_failure_of_packages_brought_in_line() {
    check(&with_others(Hook::Sync, FAMILY), family().user("bob", ACCOUNT, "master", &["EMAIL"]), &[]);
}

#[test]
fn the_planner_and_its_steps_know_no_network_clock_environment_or_log() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![root.join("plan.rs"), root.join("step.rs")];
    let mut folders = vec![root.join("plan"), root.join("step")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a source");
        for word in
            ["crate::api", "crate::http", "crate::wire", "crate::log", "std::time", "std::env", "std::net"]
        {
            assert!(!source.contains(word), "{} knows {word}", file.display());
        }
    }
}
