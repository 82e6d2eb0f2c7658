//! The planner's decisions, case by case: what MagicMail has, what Freeside wants, and the plan as text.

use crate::model::{told, Model};
use crate::tasks::{neighbour, purging, task, with_others, ACCOUNT};
use magicmail::id::{AccountId, UserName};
use magicmail::plan::Fact;
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
    let steps = [
        "!  activate account FREESIDE42",
        "!  create user jane on account FREESIDE42",
        "!  add address jane@example.net to user jane",
    ];
    let suspended = "warning: account FREESIDE42 was suspended in MagicMail and is active now";
    for (status, warnings) in [(Status::Suspended, &[suspended][..]), (Status::Deleted, &[])] {
        let server = family().account(ACCOUNT, status);
        check(&with_others(Hook::Provision, FAMILY), server, &[&steps, warnings].concat());
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
            "warning: account FREESIDE42 has 2 users that are marked as its master (ann, bob); ann counts",
        ],
    );
}

#[test]
fn a_master_that_holds_the_package_of_additional_users_does_not_count() {
    let mut task = with_others(Hook::Provision, FAMILY);
    task.request.service.package = magicmail::id::PackageName::new("PREMIUM");
    let mut server =
        family().user("ann", ACCOUNT, "master", &[ADDITIONAL]).user("bob", ACCOUNT, "master", &["EMAIL"]);
    let (_, planned) = server.planned(&task);
    assert!(told(&planned).contains("assign package PREMIUM to user bob"), "{}", told(&planned));
    assert!(told(&planned).contains("(ann, bob); bob counts"), "{}", told(&planned));
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
        &["refused: user jane belongs to account FREESIDE7, not NEW42; unprovision it there first, or choose another user name"],
    );
    check(
        &task,
        family().user("jane", "FREESIDE7", "master deleted", &["EMAIL"]),
        &["refused: user jane belongs to account FREESIDE7, not NEW42, is marked deleted there and keeps its name until it is purged; choose another user name, or ask the mail administrator whether that mailbox is still needed"],
    );
}

#[test]
fn a_user_name_of_another_service_of_the_customer_is_refused() {
    check(
        &with_others(Hook::Provision, &[("JANE", 12, "EMAIL")]),
        family(),
        &["refused: the user name jane is taken by service 12 (JANE@example.net), and a user name is unique in MagicMail whatever the domain; choose another"],
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
fn a_service_that_was_provisioned_before_is_refreshed_and_keeps_its_status() {
    let mut task = with_others(Hook::Provision, FAMILY);
    task.request.service.provisioned_before = true;
    let server =
        family().user("jane", ACCOUNT, "suspended", &[ADDITIONAL]).address("jane@example.net", "jane");
    let stays = "warning: user jane is suspended in MagicMail and stays so";
    check(&task, server.clone(), &["!  set names and password of user jane", stays]);
    task.password = None;
    task.unsendable = Some("it is of another kind".to_owned());
    let not_sent = "warning: the password was not sent: it is of another kind";
    check(&task, server.clone(), &["!  set names of user jane", stays, not_sent]);
    task.request.service.provisioned_before = false;
    check(&task, server, &["refused: its password cannot be sent: it is of another kind"]);
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
    let mut lying = family();
    lying.hides.extend([UserName::new("ann"), UserName::new("bob")]);
    check(
        &with_others(Hook::Provision, FAMILY),
        lying.clone(),
        &["refused: the server lists no users on account FREESIDE42, but Freeside has 2 other services there; the list is not trusted, so nothing was changed"],
    );
    lying = lying.user("jane", ACCOUNT, "deleted", &[]);
    lying.hides_deleted = true;
    check(&with_others(Hook::Unprovision, FAMILY), lying, &[NOT_TRUSTED]);
}

const NOT_TRUSTED: &str = "warning: the server's list of the users of account FREESIDE42 does not show user jane or the other services' users, so it was not trusted: no other user became master, and the account was left as it is";

#[test]
fn services_that_were_never_exported_do_not_keep_one_from_being_provisioned() {
    check(
        &with_others(Hook::Provision, FAMILY),
        Model::default().account(ACCOUNT, Status::Active),
        &[
            "!  create user jane on account FREESIDE42",
            "!  assign package EMAIL to user jane",
            "!& add address jane@example.net to user jane",
        ],
    );
}

#[test]
fn on_an_account_that_is_not_there_nobody_is_missed() {
    let mut server = Model::default();
    let done = server.hook(&with_others(Hook::Provision, FAMILY)).expect("it is provisioned");
    assert_eq!(
        done,
        [
            "create account FREESIDE42",
            "create user jane on account FREESIDE42",
            "assign package EMAIL to user jane",
            "add address jane@example.net to user jane",
        ]
    );
}

#[test]
fn a_list_that_lacks_only_users_who_are_marked_deleted_is_believed() {
    let mut server = Model::default()
        .account(ACCOUNT, Status::Deleted)
        .user("ann", ACCOUNT, "master deleted", &["EMAIL"])
        .user("bob", ACCOUNT, "deleted", &[ADDITIONAL])
        .user("jane", ACCOUNT, "deleted", &[ADDITIONAL]);
    server.hides_deleted = true;
    check(&with_others(Hook::Unprovision, FAMILY), server.clone(), &[NOT_TRUSTED]);
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
    let refused = "refused: the address jane@example.net is not on user jane, who is the mailbox of service 12 (jane@example.org); unprovision one of the two services, and provision it again under another user name";
    let its = || server().address("jane@example.org", "jane");
    for hook in [Hook::Replace, Hook::Suspend, Hook::Unsuspend] {
        check(&with_a_namesake(hook), its(), &[refused]);
    }
    let both = its().address("jane@example.net", "jane");
    check(&with_a_namesake(Hook::Suspend), both, &["!  suspend user jane"]);
    check(
        &with_a_namesake(Hook::Suspend),
        server(),
        &["refused: service 12 (jane@example.org) has the user name jane too, and no address on the user tells whose mailbox it is; add jane@example.net or the other service's address to it in MagicMail, then try again"],
    );
    let mut moving = with_a_namesake(Hook::Replace);
    moving.request.service.domain = "example.com".to_owned();
    check(
        &moving,
        its().address("jane@example.net", "jane"),
        &[
            "!  add address jane@example.com to user jane",
            "!& set names and password of user jane",
            "*  remove address jane@example.net from user jane",
        ],
    );
}

#[test]
fn a_mailbox_that_another_service_means_too_is_not_unprovisioned() {
    let server = || {
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master", &["EMAIL", "PREMIUM"])
            .address("jane@example.org", "jane")
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
fn a_mailbox_whose_address_another_service_has_too_is_not_unprovisioned() {
    let server = || {
        Model::default()
            .account(ACCOUNT, Status::Active)
            .user("jane", ACCOUNT, "master", &["EMAIL"])
            .address("jane@example.net", "jane")
    };
    let mut task = with_others(Hook::Unprovision, &[("jane", 12, "EMAIL")]);
    let kept = "warning: user jane is the mailbox of service 12 (jane@example.net) too, and was kept";
    check(&task, server(), &[kept]);
    check(&purging(with_others(Hook::Unprovision, &[("jane", 12, "EMAIL")])), server(), &[kept]);
    task.request.namesakes = std::mem::take(&mut task.request.others);
    task.request.namesakes[0].account_id = AccountId::new("FREESIDE7");
    check(&task, server(), &["!  mark user jane deleted", "~  mark account FREESIDE42 deleted"]);
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
            "~  mark account FREESIDE42 deleted",
            "~& remove address jane@example.net from user jane",
            "?  purge user jane",
        ],
    );
}

#[test]
fn an_account_is_purged_only_if_nobody_can_be_left_on_it() {
    let server = || Model::default().account(ACCOUNT, Status::Active).user("jane", ACCOUNT, "master", &[]);
    let left_accounts = |mut server: Model, former: Option<&[&str]>| {
        let mut task = purging(task(Hook::Unprovision));
        task.request.former_users =
            former.map(|names| names.iter().map(|name| UserName::new(*name)).collect());
        assert!(server.hook(&task).is_some());
        assert!(!server.users.contains_key(&UserName::new("jane")));
        server.accounts.into_values().collect::<Vec<_>>()
    };
    // Its list showed jane deleted, and nobody else.
    assert_eq!(left_accounts(server(), None), []);
    let with_old = || server().user("old", ACCOUNT, "deleted", &[]);
    assert_eq!(left_accounts(with_old(), Some(&[])), [Status::Deleted]);
    // The server does not list deleted users: only Freeside's history tells whom to ask for.
    let hiding = |server: Model| Model { hides_deleted: true, ..server };
    assert_eq!(left_accounts(hiding(server()), None), [Status::Deleted]);
    assert_eq!(left_accounts(hiding(server()), Some(&["old"])), []);
    assert_eq!(left_accounts(hiding(with_old()), Some(&["old"])), [Status::Deleted]);
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
        &["!  mark user jane deleted", "~  mark account FREESIDE42 deleted", "?  purge user jane"],
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
            "~  make user bob the master",
            "~& assign package EMAIL to user bob",
            "?  remove package ADDITIONAL NOCOST MAILBOX from user bob",
            "~  remove address jane@example.net from user jane",
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
    world.before.deleted = false;
    world.before.listed = false;
    let planned = magicmail::plan::plan(&task, &world);
    assert_eq!(
        told(&planned).lines().collect::<Vec<_>>(),
        ["!  mark user jane deleted", "?  purge user jane", NOT_TRUSTED,]
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
    let mut last = purging(task(Hook::Unprovision));
    let gone = "warning: there is no user jane in MagicMail; nothing was left to unprovision";
    let emptied = || Model::default().account(ACCOUNT, Status::Deleted);
    check(&last, emptied(), &[gone]);
    last.request.former_users = Some(vec![UserName::new("jane"), UserName::new("old")]);
    check(&last, emptied(), &["?  purge account FREESIDE42", gone]);
    let mut server = emptied().user("old", ACCOUNT, "deleted", &[]);
    server.hides_deleted = true;
    check(&last, server, &[gone]);
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
        &["!  add address jane@example.net to user jane", "!& set names and password of user jane"],
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
            "!& set names and password of user jane",
            "*  remove address jane@example.net from user jane",
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
        &["refused: a user cannot be renamed in MagicMail (from jane to joan); keep the user name jane, or add a second service with the new name and move the mail before you cancel the first"],
    );
}

#[test]
fn a_deleted_or_missing_user_is_not_changed_or_suspended() {
    for hook in [Hook::Replace, Hook::Suspend, Hook::Unsuspend] {
        check(
            &task(hook),
            family(),
            &["refused: there is no user jane in MagicMail; provision the service again to make it"],
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

/// Ann's service 12 and 60 more of the account.
fn of_large_account(hook: Hook) -> Task {
    let mut task = with_others(hook, &[("ann", 12, "EMAIL")]);
    task.request.others.extend((0..60).map(|n| neighbour(&format!("u{n}"), 100 + n, "EMAIL")));
    task
}

fn lists_users(server: &Model) -> bool {
    server.asked.contains(&magicmail::plan::Fact::Users)
}

#[test]
fn a_large_account_is_not_listed_where_single_look_ups_tell() {
    for hook in [Hook::Provision, Hook::Unprovision] {
        let mut server = family();
        if hook == Hook::Unprovision {
            server = server.user("jane", ACCOUNT, "", &[ADDITIONAL]);
        }
        let (_, planned) = server.planned(&of_large_account(hook));
        assert!(planned.is_ok(), "{}", told(&planned));
        assert!(!lists_users(&server), "{:?}", server.asked);
    }
}

#[test]
fn a_large_account_is_listed_only_if_another_master_may_have_counted() {
    let task = of_large_account(Hook::Unprovision);
    let large = |packages: &[&str], how_ann: &str| {
        let server = family().user("ann", ACCOUNT, how_ann, &[ADDITIONAL]);
        server.user("jane", ACCOUNT, "master", packages).user("u7", ACCOUNT, "", &["EMAIL"])
    };
    let hand_over = |name: &str| format!("~  make user {name} the master");
    let mut server = large(&["EMAIL"], "");
    let (_, planned) = server.planned(&task);
    assert!(told(&planned).contains(&hand_over("ann")) && !lists_users(&server), "{}", told(&planned));
    // Jane came back as an additional user and has kept the mark: somebody else is the master.
    let mut server = large(&[ADDITIONAL], "").user("u7", ACCOUNT, "master", &["EMAIL"]);
    let (_, planned) = server.planned(&task);
    assert!(!told(&planned).contains("make user") && lists_users(&server), "{}", told(&planned));
    // The oldest one cannot take the place.
    let mut server = large(&["EMAIL"], "deleted");
    let (_, planned) = server.planned(&task);
    assert!(told(&planned).contains(&hand_over("u7")) && lists_users(&server), "{}", told(&planned));
}

#[test]
fn a_status_that_is_not_shown_is_set_and_one_that_is_unknown_is_not() {
    let planned_with = |task: &Task, status: Status| {
        let mut server = family().user("jane", ACCOUNT, "", &[ADDITIONAL]);
        let mut world = server.observed(task);
        world.change_user(task.user(), |user| user.status = status.clone());
        told(&magicmail::plan::plan(task, &world))
    };
    let unprovision = purging(with_others(Hook::Unprovision, FAMILY));
    assert_eq!(planned_with(&with_others(Hook::Suspend, FAMILY), Status::NotShown), "!  suspend user jane\n");
    // Nothing is purged of which it is not shown that it is marked deleted.
    assert_eq!(planned_with(&unprovision, Status::NotShown), "!  mark user jane deleted\n");
    for task in [with_others(Hook::Suspend, FAMILY), unprovision] {
        let refused = "refused: the server does not say clearly whether user jane is active, suspended or deleted (status: locked)\n";
        assert_eq!(planned_with(&task, Status::Unknown("locked".to_owned())), refused);
    }
}

#[test]
fn who_has_no_address_that_tells_belongs_to_the_account_on_record() {
    let mut task = with_a_namesake(Hook::Suspend);
    let server = || Model::default().account(ACCOUNT, Status::Active).user("jane", ACCOUNT, "", &[]);
    task.request.others[0].on_record = false;
    check(&task, server(), &["!  suspend user jane"]);
    task.request.account.on_record = false;
    task.request.others[0].on_record = true;
    let (_, planned) = server().planned(&task);
    assert!(told(&planned).contains("who is the mailbox of service 12"), "{}", told(&planned));
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

#[test]
fn a_place_that_cannot_be_handed_over_yet_keeps_its_user_from_the_purge() {
    let mut server = family().user("jane", ACCOUNT, "master", &["EMAIL"]);
    server.hides = vec![UserName::new("jane")];
    check(
        &purging(with_others(Hook::Unprovision, FAMILY)),
        server,
        &["!  mark user jane deleted", "unfinished: purge user jane", NOT_TRUSTED],
    );
}

#[test]
fn an_address_that_a_list_leaves_out_counts_by_its_own_record() {
    let server = || {
        let mut server =
            family().user("jane", ACCOUNT, "", &[ADDITIONAL]).address("jane@example.net", "jane");
        server.hides_addresses = true;
        server
    };
    check(
        &purging(with_others(Hook::Unprovision, FAMILY)),
        server(),
        &[
            "!  mark user jane deleted",
            "~  remove address jane@example.net from user jane",
            "?  purge user jane",
        ],
    );
    let mut deleted = server().user("jane", ACCOUNT, "deleted", &[ADDITIONAL]);
    deleted.hides_addresses = true;
    check(
        &purging(with_others(Hook::Purge, FAMILY)),
        deleted,
        &["!  remove address jane@example.net from user jane", "!  purge user jane"],
    );
    let mut moving = with_others(Hook::Replace, FAMILY);
    moving.request.old = Some(moving.request.service.clone());
    moving.request.service.domain = "example.com".to_owned();
    check(
        &moving,
        server(),
        &[
            "!  add address jane@example.com to user jane",
            "!& set names and password of user jane",
            "*  remove address jane@example.net from user jane",
        ],
    );
}

#[test]
fn a_namesakes_address_that_a_list_leaves_out_keeps_its_mailbox() {
    let mut server = Model::default()
        .account(ACCOUNT, Status::Active)
        .user("jane", ACCOUNT, "master", &["EMAIL"])
        .address("jane@example.org", "jane")
        .address("jane@example.net", "jane");
    server.hides_addresses = true;
    check(
        &purging(with_a_namesake(Hook::Unprovision)),
        server,
        &[
            "!  remove address jane@example.net from user jane",
            "warning: user jane is the mailbox of service 12 (jane@example.org) too, and was kept",
        ],
    );
}

#[test]
fn packages_that_cannot_be_decided_on_a_list_are_warned_about() {
    let mut server = Model::default()
        .account(ACCOUNT, Status::Active)
        .user("jane", ACCOUNT, "master", &["EMAIL", "PREMIUM"])
        .address("jane@example.org", "jane");
    server.hides = vec![UserName::new("jane")];
    check(
        &with_a_namesake(Hook::Unprovision),
        server,
        &[
            "warning: user jane is the mailbox of service 12 (jane@example.org) too, and was kept",
            "warning: the server's list of the users of account FREESIDE42 does not show user jane or the other services' users, so it was not trusted, and the packages were left as they are",
        ],
    );
}

#[test]
fn a_former_user_whom_the_list_leaves_out_keeps_the_account() {
    let mut server = Model::default()
        .account(ACCOUNT, Status::Active)
        .user("jane", ACCOUNT, "master", &[])
        .user("old", ACCOUNT, "deleted", &[]);
    server.hides = vec![UserName::new("old")];
    let mut task = purging(task(Hook::Unprovision));
    task.request.former_users = Some(vec![UserName::new("jane"), UserName::new("old")]);
    assert!(server.hook(&task).is_some());
    let accounts: Vec<Status> = server.accounts.into_values().collect();
    assert_eq!(accounts, [Status::Deleted]);
}

#[test]
fn nothing_is_provisioned_on_an_account_whose_status_is_unclear() {
    check(
        &task(Hook::Provision),
        Model::default().account(ACCOUNT, Status::Unknown("locked".to_owned())),
        &["refused: the server does not say clearly whether account FREESIDE42 is active, suspended or deleted (status: locked)"],
    );
}

#[test]
fn a_purge_job_says_whether_a_mark_is_gone_or_not_shown() {
    let job = purging(with_others(Hook::Purge, FAMILY));
    let told_of = |status: Status| {
        let mut server = family().user("jane", ACCOUNT, "", &[ADDITIONAL]);
        let mut world = server.observed(&job);
        world.change_user(job.user(), |user| user.status = status.clone());
        told(&magicmail::plan::plan(&job, &world))
    };
    let gone = "warning: user jane is not marked deleted any more; it was not purged\n";
    assert_eq!(told_of(Status::Active), gone);
    let unclear =
        "warning: the server does not show whether user jane is marked deleted; it was not purged\n";
    assert_eq!(told_of(Status::NotShown), unclear);
    assert_eq!(told_of(Status::Unknown("locked".to_owned())), unclear);
}

#[test]
fn a_master_whose_status_a_list_does_not_say_clearly_is_read_directly() {
    let mut server = family().user("ann", ACCOUNT, "master deleted", &["EMAIL"]);
    server.unclear = vec![UserName::new("ann")];
    let task = with_others(Hook::Provision, FAMILY);
    let (_, planned) = server.planned(&task);
    assert!(server.asked.contains(&Fact::Peer(UserName::new("ann"))), "{:?}", server.asked);
    assert!(!told(&planned).contains("to user ann"), "{}", told(&planned));
}

#[test]
fn a_repeat_purges_the_account_on_whose_list_only_its_own_deleted_user_is() {
    let mut server = Model::default().account(ACCOUNT, Status::Active).user("jane", ACCOUNT, "deleted", &[]);
    assert!(server.hook(&purging(task(Hook::Unprovision))).is_some());
    assert_eq!((server.users.len(), server.accounts.len()), (0, 0));
}
