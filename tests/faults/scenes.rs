//! Each hook in each state of the server that it may find: what there is before, and what is asked for.

use crate::caller::Hook;
use crate::start::{Start, ACCOUNT, ADDITIONAL, BYSTANDER, NEW_PASSWORD, OLD_PASSWORD};
use serde_json::{json, Value};

pub struct Scene {
    pub hook: Hook,
    pub name: &'static str,
    pub before: Value,
    pub request: Value,
    pub autopurge: bool,
    /// Undisturbed, the hook refuses.
    pub refused: bool,
}

impl Scene {
    fn new(hook: Hook, name: &'static str, before: Start, request: Value) -> Scene {
        let before = before.document().clone();
        Scene { hook, name, before, request, autopurge: false, refused: false }
    }

    fn refused(self) -> Scene {
        Scene { refused: true, ..self }
    }

    /// `provision.new-customer`.
    pub fn id(&self) -> String {
        format!("{}.{}", self.hook, self.name)
    }
}

pub fn all() -> Vec<Scene> {
    let mut scenes = provision();
    scenes.extend(take_over());
    scenes.extend(refused_provision());
    scenes.extend(unprovision());
    scenes.extend(unprovision_odd());
    scenes.extend(replace());
    scenes.extend(suspend());
    scenes.extend(namesakes());
    scenes.extend(odd_names());
    scenes.extend(more_addresses());
    scenes.extend(purge_jobs());
    scenes.extend(synchronise());
    scenes
}

fn service(package: &str) -> Value {
    json!({
        "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Mary Doe",
        "password": NEW_PASSWORD, "password_encoding": "plain", "package": package,
    })
}

/// The service as it is in a start that has jane.
fn old_service() -> Value {
    json!({
        "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
        "password": OLD_PASSWORD, "password_encoding": "plain", "package": "EMAIL",
    })
}

/// Another service of the customer.
fn other(svcnum: u64, name: &str, package: &str) -> Value {
    json!({ "svcnum": svcnum, "username": name, "domain": "example.net", "package": package })
}

fn asked(service: Value, others: &[Value]) -> Value {
    json!({
        "account": { "id": ACCOUNT, "first_name": "Ann", "last_name": "Lee" },
        "service": service, "others": others,
    })
}

fn with(mut document: Value, key: &str, value: Value) -> Value {
    document[key] = value;
    document
}

fn ann() -> Value {
    other(12, "ann", "EMAIL")
}

fn provision() -> Vec<Scene> {
    let scene = |name, before, request| Scene::new(Hook::Provision, name, before, request);
    let suspended = with(service("EMAIL"), "suspended", json!(true));
    let inactive = |status| Start::empty().account(ACCOUNT, status);
    let with_ann = |status| {
        inactive(status).user("ann", ACCOUNT, "Y active", &["EMAIL"]).address("ann@example.net", "ann")
    };
    vec![
        scene("new-customer", Start::empty(), asked(service("EMAIL"), &[])),
        scene("new-suspended", Start::empty(), asked(suspended, &[])),
        scene("empty-account", inactive("active"), asked(service("EMAIL"), &[])),
        scene("second-service", Start::of_ann(&["EMAIL"]), asked(service("EMAIL"), &[ann()])),
        scene("other-package", Start::of_ann(&["EMAIL"]), asked(service("PRO"), &[ann()])),
        scene(
            "packages-in-line",
            Start::of_ann(&["EMAIL", "STALE", "STALER"]),
            asked(service("PRO"), &[ann(), other(13, "bea", "FAX")]),
        ),
        scene("suspended-account", with_ann("suspended"), asked(service("EMAIL"), &[ann()])),
        scene("deleted-account", inactive("deleted"), asked(service("EMAIL"), &[])),
    ]
}

/// The user is on the account already, and no other service has it.
fn take_over() -> Vec<Scene> {
    let scene = |name, before, request| Scene::new(Hook::Provision, name, before, request);
    let jane = |start: Start, flags: &str, packages: &[&str]| start.user("jane", ACCOUNT, flags, packages);
    let suspended = with(service("EMAIL"), "suspended", json!(true));
    let deleted_account = Start::empty().account(ACCOUNT, "deleted");
    let active_account = || Start::empty().account(ACCOUNT, "active");
    vec![
        scene(
            "deleted-user",
            jane(Start::of_ann(&["EMAIL"]), "N deleted", &["OLD"]).address("jane@example.net", "jane"),
            asked(service("EMAIL"), &[ann()]),
        ),
        scene(
            "deleted-user-alone",
            jane(deleted_account, "Y deleted", &["EMAIL"]),
            asked(service("PRO"), &[]),
        ),
        scene(
            "active-user",
            jane(Start::of_ann(&["EMAIL"]), "N active", &[ADDITIONAL]),
            asked(service("PRO"), &[ann()]),
        ),
        scene(
            "deleted-as-suspended",
            jane(Start::of_ann(&["EMAIL"]), "N deleted", &[ADDITIONAL]),
            asked(suspended.clone(), &[ann()]),
        ),
        scene("active-as-suspended", jane(active_account(), "Y active", &["EMAIL"]), asked(suspended, &[])),
        scene("without-master", jane(active_account(), "N deleted", &[]), asked(service("EMAIL"), &[])),
    ]
}

fn refused_provision() -> Vec<Scene> {
    let scene = |name, before, request| Scene::new(Hook::Provision, name, before, request).refused();
    let theirs = |start: Start| {
        start.user("jane", BYSTANDER, "N active", &[ADDITIONAL]).address("jane@example.net", "jane")
    };
    vec![
        scene("name-taken", theirs(Start::empty()), asked(service("EMAIL"), &[])),
        scene("name-taken-second", theirs(Start::of_ann(&["EMAIL"])), asked(service("PRO"), &[ann()])),
        scene(
            "name-taken-deleted",
            theirs(Start::empty()).account(ACCOUNT, "deleted"),
            asked(service("EMAIL"), &[]),
        ),
        scene(
            "address-taken",
            Start::empty().address("jane@example.net", "zoe"),
            asked(service("EMAIL"), &[]),
        ),
        scene(
            "address-taken-second",
            Start::of_ann(&["EMAIL"]).address("jane@example.net", "ann"),
            asked(service("PRO"), &[ann()]),
        ),
        scene(
            "address-taken-suspended",
            Start::empty().account(ACCOUNT, "suspended").address("jane@example.net", "zoe"),
            asked(service("EMAIL"), &[]),
        ),
        scene(
            "domain-not-ours",
            Start::of_ann(&["EMAIL"]),
            asked(with(service("EMAIL"), "domain", json!("example.org")), &[ann()]),
        ),
    ]
}

fn unprovision() -> Vec<Scene> {
    let master = Start::of_jane("active")
        .user("ann", ACCOUNT, "N active", &[ADDITIONAL])
        .address("ann@example.net", "ann");
    let two_heirs = master.clone().user("bea", ACCOUNT, "N active", &[ADDITIONAL]);
    let additional = Start::of_ann(&["EMAIL", "PRO"])
        .user("jane", ACCOUNT, "N active", &[ADDITIONAL])
        .address("jane@example.net", "jane");
    let starts = [
        ("master", "master-purge", master, vec![ann()]),
        (
            "master-packages",
            "master-packages-purge",
            two_heirs,
            vec![other(12, "ann", "PRO"), other(13, "bea", "FAX")],
        ),
        ("additional", "additional-purge", additional, vec![ann()]),
        ("last", "last-purge", Start::of_jane("active"), vec![]),
        ("last-suspended", "last-suspended-purge", Start::of_jane("suspended"), vec![]),
        (
            "last-but-deleted",
            "last-but-deleted-purge",
            Start::of_jane("active").user("old", ACCOUNT, "N deleted", &[ADDITIONAL]),
            vec![],
        ),
    ];
    let mut scenes = Vec::new();
    for (kept, purged, before, others) in starts {
        let request = || knowing_all(asked(old_service(), &others), &before);
        let scene = |name| Scene::new(Hook::Unprovision, name, before.clone(), request());
        scenes.push(scene(kept));
        scenes.push(Scene { autopurge: true, ..scene(purged) });
    }
    scenes
}

/// The request of a Freeside whose history has everybody who is on the account.
fn knowing_all(request: Value, before: &Start) -> Value {
    let is_on = |user: &Value| user["account"] == ACCOUNT;
    let users = before.document()["users"].as_object();
    let names: Vec<&String> =
        users.into_iter().flatten().filter(|(_, user)| is_on(user)).map(|(name, _)| name).collect();
    with(request, "former_users", json!(names))
}

/// A repeat, and what must be left alone; in some, Freeside's history is not known.
fn unprovision_odd() -> Vec<Scene> {
    let scene = |name, before| Scene::new(Hook::Unprovision, name, before, asked(old_service(), &[]));
    let gone = || Start::empty().account(ACCOUNT, "deleted");
    let after_purge = || {
        Scene::new(
            Hook::Unprovision,
            "purged-account-left",
            gone(),
            knowing_all(asked(old_service(), &[]), &gone()),
        )
    };
    let repeated = Start::of_jane("deleted");
    let elsewhere = Start::empty()
        .account(ACCOUNT, "active")
        .user("jane", BYSTANDER, "N active", &[ADDITIONAL])
        .address("jane@example.net", "jane");
    vec![
        Scene { autopurge: true, ..scene("repeat-purge", repeated) },
        Scene { autopurge: true, ..scene("last-unknown", Start::of_jane("active")) },
        Scene { autopurge: true, ..after_purge() },
        Scene { autopurge: true, ..scene("purged-already", Start::empty().account(ACCOUNT, "active")) },
        Scene { autopurge: true, ..scene("elsewhere", elsewhere).refused() },
    ]
}

fn replace() -> Vec<Scene> {
    let there = || {
        Start::of_ann(&["EMAIL"])
            .user("jane", ACCOUNT, "N active", &[ADDITIONAL])
            .address("jane@example.net", "jane")
    };
    let scene = |name, before, new: Value| {
        Scene::new(Hook::Replace, name, before, with(asked(new, &[ann()]), "old", old_service()))
    };
    let moved = with(old_service(), "domain", json!("example.com"));
    let without_address = Start::of_jane("active").document().clone();
    let without_address = Scene {
        before: with(without_address, "addresses", json!({ "zoe@example.net": "zoe" })),
        ..scene("unchanged-no-address", Start::empty(), old_service())
    };
    vec![
        scene("other-domain", there(), moved.clone()),
        scene("other-domain-and-all", there(), with(service("EMAIL"), "domain", json!("example.com"))),
        scene("password", there(), with(old_service(), "password", json!(NEW_PASSWORD))),
        scene("names-and-password", there(), service("EMAIL")),
        scene("unchanged", there(), old_service()),
        without_address,
        scene("address-taken", there().address("jane@example.com", "zoe"), moved.clone()).refused(),
        scene("domain-not-ours", there(), with(moved, "domain", json!("example.org"))).refused(),
    ]
}

fn suspend() -> Vec<Scene> {
    let request = || asked(old_service(), &[]);
    vec![
        Scene::new(Hook::Suspend, "active", Start::of_jane("active"), request()),
        Scene::new(Hook::Suspend, "suspended", Start::of_jane("suspended"), request()),
        Scene::new(Hook::Suspend, "deleted", Start::of_jane("deleted"), request()).refused(),
        Scene::new(Hook::Unsuspend, "suspended", Start::of_jane("suspended"), request()),
        Scene::new(Hook::Unsuspend, "active", Start::of_jane("active"), request()),
        Scene::new(Hook::Unsuspend, "not-there", Start::empty(), request()).refused(),
    ]
}

/// Another service has the same user name, in another domain.
fn namesakes() -> Vec<Scene> {
    let request = || asked(old_service(), &[with(other(12, "jane", "PRO"), "domain", json!("example.com"))]);
    let its = || {
        Start::empty()
            .account(ACCOUNT, "active")
            .user("jane", ACCOUNT, "Y active", &["EMAIL", "PRO"])
            .address("jane@example.com", "jane")
    };
    let shared = || its().address("jane@example.net", "jane");
    let unchanged = || with(request(), "old", old_service());
    vec![
        Scene::new(Hook::Unprovision, "shared", shared(), request()),
        Scene { autopurge: true, ..Scene::new(Hook::Unprovision, "shared-purge", shared(), request()) },
        Scene { autopurge: true, ..Scene::new(Hook::Unprovision, "namesakes-purge", its(), request()) },
        Scene::new(Hook::Replace, "shared", shared(), unchanged()),
        Scene::new(Hook::Replace, "namesakes", its(), unchanged()).refused(),
        Scene::new(Hook::Suspend, "namesakes", its(), request()).refused(),
    ]
}

/// A proxy may take such a name for another one. Where it is none's, nothing is to be done.
fn odd_names() -> Vec<Scene> {
    let odd = || with(old_service(), "username", json!("x/../jane"));
    let unchanged = || with(asked(odd(), &[]), "old", odd());
    let before = || Start::of_jane("active");
    vec![
        Scene::new(Hook::Provision, "odd-name", before(), asked(odd(), &[])).refused(),
        Scene {
            autopurge: true,
            ..Scene::new(Hook::Unprovision, "odd-name", before(), asked(odd(), &[])).refused()
        },
        Scene::new(Hook::Replace, "odd-name", before(), unchanged()).refused(),
        Scene::new(Hook::Suspend, "odd-name", before(), asked(odd(), &[])).refused(),
    ]
}

/// Of the service's user; and whoever gets its name later must not inherit them.
fn more_addresses() -> Vec<Scene> {
    let before =
        |start: Start| start.address("j.doe@example.net", "jane").address("jane@example.com", "jane");
    let scene = |name, before| Scene::new(Hook::Unprovision, name, before, asked(old_service(), &[]));
    let deleted = || before(Start::of_jane("deleted"));
    vec![
        scene("more-addresses", before(Start::of_jane("active"))),
        Scene { autopurge: true, ..scene("more-addresses-purge", before(Start::of_jane("active"))) },
        Scene { autopurge: true, ..scene("more-addresses-repeat", deleted()) },
        Scene::new(Hook::Purge, "more-addresses", deleted(), job(&[])),
    ]
}

/// Its services have no domain.
fn job(services: &[Value]) -> Value {
    let services: Vec<Value> = services.iter().cloned().map(without_domain).collect();
    json!({ "account_id": ACCOUNT, "user": "jane", "address": "jane@example.net", "services": services })
}

/// What an unprovision left for after its commit.
fn purge_jobs() -> Vec<Scene> {
    let scene = |name, before: Start, services: &[Value]| {
        let request = knowing_all(job(services), &before);
        Scene::new(Hook::Purge, name, before, request)
    };
    let with_ann = || {
        Start::of_ann(&["EMAIL"])
            .user("jane", ACCOUNT, "N deleted", &[ADDITIONAL])
            .address("jane@example.net", "jane")
    };
    let on_deleted_account = || Start::of_jane("deleted").account(ACCOUNT, "deleted");
    let elsewhere = Start::empty()
        .account(ACCOUNT, "deleted")
        .user("jane", BYSTANDER, "N deleted", &[ADDITIONAL])
        .address("jane@example.com", "jane");
    vec![
        scene("additional", with_ann(), &[ann()]),
        scene("last", on_deleted_account(), &[]),
        scene("last-but-deleted", on_deleted_account().user("old", ACCOUNT, "N deleted", &[ADDITIONAL]), &[]),
        scene("active-again", Start::of_jane("active"), &[]),
        scene("elsewhere", elsewhere, &[]),
        scene("gone", Start::empty().account(ACCOUNT, "deleted"), &[]),
    ]
}

fn without_domain(mut service: Value) -> Value {
    service.as_object_mut().and_then(|fields| fields.remove("domain"));
    service
}

fn synchronise() -> Vec<Scene> {
    let services = [ann(), other(13, "bea", "FAX")].map(without_domain);
    let request = json!({ "account_id": ACCOUNT, "services": services });
    let before = Start::of_ann(&["EMAIL", "STALE"])
        .user("bea", ACCOUNT, "N active", &[ADDITIONAL])
        .address("bea@example.net", "bea");
    vec![Scene::new(Hook::Synchronise, "packages", before, request)]
}
