//! What an audit finds of one account, case by case, and what mends it: pure, on the model server.

use crate::model::Model;
use crate::plan_properties::server;
use crate::tasks::{neighbour, task, ACCOUNT};
use magicmail::document::Neighbour;
use magicmail::id::{AccountId, UserName};
use magicmail::plan::audit::{audit, Mend};
use magicmail::record::Status;
use magicmail::world::{Hook, Task};
use proptest::prelude::*;

const ADDITIONAL: &str = "ADDITIONAL NOCOST MAILBOX";

fn of(services: &[Neighbour]) -> Task {
    let mut task = task(Hook::Mend);
    task.request.service.svcnum = 0;
    task.request.others = services.to_vec();
    task
}

/// Ann's service 12 is the master, Bob's 15 an additional user; all in order.
fn services() -> Vec<Neighbour> {
    vec![neighbour("ann", 12, "EMAIL"), neighbour("bob", 15, "EMAIL")]
}

fn family() -> Model {
    Model::default()
        .account(ACCOUNT, Status::Active)
        .user("ann", ACCOUNT, "master", &["EMAIL"])
        .user("bob", ACCOUNT, "", &[ADDITIONAL])
        .address("ann@example.net", "ann")
        .address("bob@example.net", "bob")
}

/// The findings as lines: key, how it is mended, the steps.
fn told(task: &Task, server: &mut Model) -> Vec<String> {
    let world = server.observed(task);
    let audit = match audit(task, &world) {
        Ok(audit) => audit,
        Err(refusal) => return vec![format!("refused: {}", plain(&refusal.text))],
    };
    let findings = audit.findings.iter().map(|finding| {
        let steps: Vec<String> = finding.mend.steps().iter().map(|planned| planned.step.text()).collect();
        format!("{} {}: {}", finding.key, finding.mend.word(), steps.join("; "))
    });
    let strangers = audit.strangers.iter().map(|user| format!("stranger {}", user.name));
    findings.chain(strangers).map(|line| plain(line.trim_end())).collect()
}

fn plain(text: &str) -> String {
    magicmail::foreign::resolved(text, str::to_owned)
}

#[track_caller]
fn finds(services: &[Neighbour], mut server: Model, expected: &[&str]) {
    assert_eq!(told(&of(services), &mut server), expected);
}

#[test]
fn nothing_is_found_where_all_is_in_order() {
    finds(&services(), family(), &[]);
}

#[test]
fn a_missing_mailbox_is_mended_by_the_provision_hook() {
    let mut server = family();
    server.users.remove(&UserName::new("bob"));
    server.addresses.retain(|_, owner| *owner != UserName::new("bob"));
    finds(
        &services(),
        server,
        &["no_mailbox/15 provision: create user bob on account FREESIDE42; add address bob@example.net to user bob"],
    );
}

#[test]
fn an_account_that_is_not_there_lacks_every_mailbox() {
    finds(
        &services()[..1],
        Model::default(),
        &["no_mailbox/12 provision: create account FREESIDE42; create user ann on account FREESIDE42; \
           assign package EMAIL to user ann; add address ann@example.net to user ann"],
    );
}

#[test]
fn a_deleted_mailbox_is_found_whether_lists_show_it_or_not() {
    for hides_deleted in [false, true] {
        let mut server = family().user("bob", ACCOUNT, "deleted", &[ADDITIONAL]);
        server.hides_deleted = hides_deleted;
        finds(
            &services(),
            server,
            &["deleted/15 provision: activate user bob; set names and password of user bob"],
        );
    }
}

#[test]
fn a_mailbox_of_another_account_is_nobodys_to_move() {
    finds(&services(), family().user("bob", "FREESIDE7", "", &[ADDITIONAL]), &["other_account/15 hand:"]);
}

#[test]
fn both_directions_of_suspension_are_found() {
    let mut suspended = services();
    suspended[1].standing.suspended = true;
    let server = family().user("ann", ACCOUNT, "master suspended", &["EMAIL"]);
    finds(
        &suspended,
        server,
        &["suspended/12 steps: activate user ann", "not_suspended/15 steps: suspend user bob"],
    );
}

#[test]
fn an_export_that_suspends_nothing_leaves_a_suspended_package_alone() {
    let mut services = services();
    services[1].standing.suspended = true;
    services[1].standing.no_suspend = true;
    finds(&services, family(), &[]);
    finds(&services, family().user("bob", ACCOUNT, "suspended", &[ADDITIONAL]), &[]);
    // A further export on the service that does suspend is enough.
    services.push(neighbour("bob", 15, "EMAIL"));
    services[2].standing.suspended = true;
    finds(&services, family(), &["not_suspended/15 steps: suspend user bob"]);
}

#[test]
fn an_account_without_a_master_gets_the_oldest_services_user_marked_last() {
    finds(
        &services(),
        family().user("ann", ACCOUNT, "", &[ADDITIONAL]),
        &["no_master/FREESIDE42 steps: assign package EMAIL to user ann; \
           remove package ADDITIONAL NOCOST MAILBOX from user ann; make user ann the master"],
    );
}

#[test]
fn a_master_that_no_service_has_is_wrong() {
    finds(
        &services()[1..],
        family(),
        &[
            "wrong_master/FREESIDE42 steps: assign package EMAIL to user bob; \
             remove package ADDITIONAL NOCOST MAILBOX from user bob; make user bob the master",
            "stranger ANN",
        ],
    );
}

#[test]
fn two_masters_are_told_and_left_alone() {
    finds(
        &services(),
        family().user("bob", ACCOUNT, "master", &[ADDITIONAL]),
        &["two_masters/FREESIDE42 hand:"],
    );
}

#[test]
fn the_masters_packages_are_compared_with_those_of_all_services() {
    let mut more = services();
    more.push(neighbour("bob", 15, "PREMIUM"));
    finds(
        &more,
        family().user("ann", ACCOUNT, "master", &["email", "OLD"]),
        &[
            "package_missing/FREESIDE42/PREMIUM steps: assign package PREMIUM to user ann",
            "package_extra/FREESIDE42/OLD steps: assign package PREMIUM to user ann; remove package OLD from user ann",
        ],
    );
}

#[test]
fn an_additional_user_holds_what_the_server_gives_it_and_nothing_else() {
    finds(
        &services(),
        family().user("bob", ACCOUNT, "", &[ADDITIONAL, "EMAIL"]),
        &["additional_packages/15 steps: remove package EMAIL from user bob"],
    );
}

#[test]
fn a_missing_address_and_one_of_an_old_domain_are_found() {
    let mut server = family().address("bob@example.org", "bob");
    server.addresses.remove(&magicmail::id::Address::new("bob@example.net"));
    finds(
        &services(),
        server,
        &[
            "address_missing/15 steps: add address bob@example.net to user bob",
            "address_old/15/example.org steps: add address bob@example.net to user bob; \
             remove address bob@example.org from user bob",
        ],
    );
    finds(&services(), family().address("sales@example.org", "bob"), &[]);
}

#[test]
fn an_address_that_somebody_else_has_is_not_taken_away() {
    finds(&services(), family().address("bob@example.net", "ann"), &["address_missing/15 hand:"]);
}

#[test]
fn an_address_that_only_a_list_leaves_out_is_not_missing() {
    let mut server = family();
    server.hides_addresses = true;
    finds(&services(), server, &[]);
}

fn names(first: &str, last: &str) -> (String, String) {
    (first.to_owned(), last.to_owned())
}

/// Both services' users are called as the model's users are, and their customer is number 7, Ann Lee.
fn named() -> Vec<Neighbour> {
    let mut services = services();
    for service in &mut services {
        service.standing.customer = 7;
        service.standing.names = Some(names("Old", "Name"));
        service.standing.customer_names = Some(names("Ann", "Lee"));
    }
    services
}

fn called(first: &str, last: &str) -> Model {
    let mut server = family();
    server.account_names.insert(AccountId::new(ACCOUNT), names(first, last));
    server
}

#[test]
fn another_name_of_a_mailbox_is_found_and_only_the_name_is_sent() {
    let mut services = named();
    services[1].standing.names = Some(names("Bob", "Roe"));
    finds(&services, family(), &["user_name/15 steps: set names of user bob"]);
    services[1].standing.names = Some(names("", ""));
    finds(&services, family(), &["user_name/15 steps: set names of user bob"]);
    services[1].standing.names = Some(names("", "Old  Name"));
    finds(&services, family(), &[]);
    services[1].standing.names = None;
    finds(&services, family(), &[]);
}

#[test]
fn a_mailbox_of_two_services_is_called_as_the_oldest_one_says() {
    let mut twice = named();
    let mut other = twice[1].clone();
    other.svcnum = 16;
    other.domain = "example.org".to_owned();
    other.standing.names = Some(names("Somebody", "Else"));
    twice.push(other);
    finds(&twice, family().address("bob@example.org", "bob"), &[]);
}

#[test]
fn another_name_of_an_account_is_that_of_its_oldest_services_customer() {
    finds(
        &named(),
        called("Ann", "Roe"),
        &["account_name/FREESIDE42 steps: set names of account FREESIDE42"],
    );
    finds(&named(), called("", "Ann Lee"), &[]);
    finds(&named(), called("", ""), &["account_name/FREESIDE42 steps: set names of account FREESIDE42"]);
    let mut merged = named();
    merged[1].standing.customer = 8;
    merged[1].standing.customer_names = Some(names("Bob", "Roe"));
    finds(&merged, called("Ann", "Lee"), &[]);
}

#[test]
fn names_that_the_server_does_not_show_are_no_difference() {
    finds(&named(), family(), &[]);
    let mut services = named();
    services[1].standing.names = Some(names("Bob", "Roe"));
    let mut server = family();
    server.hides_names = true;
    finds(&services, server, &[]);
}

#[test]
fn a_renamed_customer_renames_only_the_account_that_is_called_after_him() {
    let renamed = |customer, services: &[Neighbour], mut server: Model| {
        let mut task = of(services);
        task.hook = Hook::Rename;
        task.renamed = Some(customer);
        let steps = server.hook(&task).expect("a plan");
        assert_eq!(server.asked, [magicmail::plan::Fact::Account], "nobody else is asked for");
        (steps, server.account_names.get(&AccountId::new(ACCOUNT)).cloned())
    };
    let set = vec!["set names of account FREESIDE42".to_owned()];
    let lee = Some(names("Ann", "Lee"));
    assert_eq!(renamed(7, &named(), called("Ann", "Roe")), (set.clone(), lee.clone()));
    assert_eq!(renamed(7, &named(), called("Ann", "Lee")), (vec![], lee.clone()));
    assert_eq!(renamed(7, &named(), family()), (set, lee));
    assert_eq!(renamed(8, &named(), called("Ann", "Roe")), (vec![], Some(names("Ann", "Roe"))));
    assert_eq!(renamed(7, &named(), Model::default()), (vec![], None));
}

#[test]
fn one_user_name_in_two_domains_is_no_old_domain() {
    let mut twice = services();
    twice.push(neighbour("bob", 16, "EMAIL"));
    twice[2].domain = "example.org".to_owned();
    finds(&twice, family().address("bob@example.org", "bob"), &[]);
}

#[test]
fn a_mailbox_is_not_mended_for_a_service_of_its_name_whose_address_it_does_not_bear() {
    let mut twice = services();
    twice.push(neighbour("bob", 16, "EMAIL"));
    twice[2].domain = "example.org".to_owned();
    for suspended in [false, true] {
        twice[2].standing.suspended = suspended;
        finds(&twice, family(), &["address_missing/16 hand:"]);
    }
    let mut server = family();
    server.addresses.remove(&magicmail::id::Address::new("bob@example.net"));
    twice[2].standing.suspended = false;
    finds(
        &twice,
        server,
        &[
            "address_missing/15 steps: add address bob@example.net to user bob",
            "address_missing/16 steps: add address bob@example.org to user bob",
        ],
    );
}

#[test]
fn the_accounts_own_state_is_found() {
    finds(
        &services(),
        family().account(ACCOUNT, Status::Suspended),
        &["account_suspended/FREESIDE42 steps: activate account FREESIDE42"],
    );
    finds(
        &services(),
        family().account(ACCOUNT, Status::Deleted),
        &["account_deleted/FREESIDE42 steps: activate account FREESIDE42"],
    );
    let mut suspended = services();
    suspended.iter_mut().for_each(|service| service.standing.suspended = true);
    let server = family()
        .account(ACCOUNT, Status::Suspended)
        .user("ann", ACCOUNT, "master suspended", &["EMAIL"])
        .user("bob", ACCOUNT, "suspended", &[ADDITIONAL]);
    finds(&suspended, server, &[]);
}

#[test]
fn users_that_none_of_the_accounts_services_has_are_told_apart() {
    let server = family().user("eve", ACCOUNT, "", &[ADDITIONAL]).user("old", ACCOUNT, "deleted", &[]);
    finds(&services(), server, &["stranger EVE"]);
}

#[test]
fn a_list_that_leaves_a_living_user_out_is_not_believed() {
    let mut server = family();
    server.hides.push(UserName::new("bob"));
    finds(
        &services(),
        server,
        &["refused: the server says that user bob is on account FREESIDE42, and leaves it out of that account's list"],
    );
}

fn any_services() -> impl Strategy<Value = Vec<Neighbour>> {
    let some = prop::sample::subsequence(vec![("ann", 12), ("bob", 15), ("jane", 20), ("cid", 30)], 0..=4);
    (some, prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 4)).prop_map(|(some, how)| {
        let with = |((name, svcnum), (premium, suspended, no_suspend)): ((&str, u64), (bool, bool, bool))| {
            let mut service = neighbour(name, svcnum, if premium { "PREMIUM" } else { "EMAIL" });
            service.standing.suspended = suspended;
            service.standing.no_suspend = no_suspend;
            service
        };
        some.into_iter().zip(how).map(with).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn after_each_finding_is_mended_there_is_nothing_left_to_mend(before in server(), services in any_services()) {
        let (task, mut after) = (of(&services), before.clone());
        let first = audit(&task, &after.observed(&task)).expect("this server does not contradict itself");
        for finding in first.findings.iter().filter(|finding| matches!(finding.mend, Mend::Steps(_))) {
            let mut task = task.clone();
            task.finding = Some(finding.key.clone());
            prop_assert!(after.hook(&task).is_some(), "{finding:?} cannot be mended");
            let again = audit(&task, &after.observed(&task)).expect("nor does it afterwards");
            prop_assert!(again.findings.iter().all(|found| found.key != finding.key), "{finding:?} stays");
        }
        let last = audit(&task, &after.observed(&task)).expect("nor at the end");
        let left: Vec<_> = last.findings.iter().filter(|found| matches!(found.mend, Mend::Steps(_))).collect();
        prop_assert!(left.is_empty(), "{left:?} after {first:?}");
        let unlike = |finding: &&magicmail::plan::audit::Finding| !first.findings.iter().any(|found| found.key == finding.key);
        let new: Vec<_> = last.findings.iter().filter(unlike).collect();
        prop_assert!(new.is_empty(), "{new:?} is new after {first:?}");
    }

    #[test]
    fn nothing_is_deleted_or_made_and_no_stranger_touched(before in server(), services in any_services()) {
        let (task, mut after) = (of(&services), before.clone());
        let first = audit(&task, &after.observed(&task)).expect("this server does not contradict itself");
        for finding in first.findings {
            let mut task = task.clone();
            task.finding = Some(finding.key);
            let _ = after.hook(&task);
        }
        prop_assert_eq!(before.users.keys().collect::<Vec<_>>(), after.users.keys().collect::<Vec<_>>());
        for (name, mailbox) in &after.users {
            let was = &before.users[name];
            let is_ours = services.iter().any(|service| service.username == *name)
                && mailbox.account == AccountId::new(ACCOUNT);
            prop_assert!(is_ours || was == mailbox, "{name} was {was:?} and is {mailbox:?}");
            prop_assert!(mailbox.status != Status::Deleted || was.status == Status::Deleted);
            prop_assert!(was.status != Status::Deleted || was == mailbox, "{name} comes back only by its hook");
        }
    }
}
