//! Servers and histories that made a hook lose mail, or say what was not so: each test is one attack, judged by the
//! server's state. The requests have only keys that every version knows, so that a test says the same of an older one.

use crate::mishaps::{Mishap, Network, FOR_EVER};
use magicmail::world::Hook;
use serde_json::{json, Value};
use std::sync::Arc;

fn service(svcnum: u64, username: &str, domain: &str) -> Value {
    json!({ "svcnum": svcnum, "username": username, "domain": domain, "finger": "Jane Roe",
            "password": "sesame", "password_encoding": "plain" })
}

/// Of jane@example.net on account A1, with other services of Freeside's.
fn request(others: Value) -> Value {
    json!({ "account": { "id": "A1", "first_name": "Ann", "last_name": "Lee" },
            "service": service(20, "jane", "example.net"), "others": others })
}

fn change(request: Value, to: Value) -> Value {
    let mut changed = request;
    changed["old"] = changed["service"].take();
    changed["service"] = to;
    changed
}

fn user(account: &str, status: &str, master: &str, packages: &[&str]) -> Value {
    json!({ "account": account, "status": status, "master_user": master, "packages": packages,
            "first_name": "Jane", "last_name": "Roe", "password": "old" })
}

/// A1 with ann, its master, and jane; A2 of somebody else with zed.
fn state() -> Value {
    json!({
        "accounts": { "A1": {}, "A2": {} },
        "users": {
            "ann": user("A1", "active", "Y", &["EMAIL"]),
            "jane": user("A1", "active", "N", &["ADDITIONAL NOCOST MAILBOX"]),
            "zed": user("A2", "active", "Y", &["EMAIL"]),
        },
        "addresses": { "ann@example.net": "ann", "jane@example.net": "jane", "zed@example.net": "zed" },
        "domains": ["example.net", "example.com"],
    })
}

fn without_jane() -> Value {
    let mut state = state();
    state["users"].as_object_mut().unwrap().remove("jane");
    state["addresses"].as_object_mut().unwrap().remove("jane@example.net");
    state
}

fn ann() -> Value {
    json!([{ "svcnum": 12, "username": "ann", "domain": "example.net" }])
}

fn lying(state: Value, lie: &str) -> Arc<Network> {
    Network::new(state, json!({ "lies": [lie] }))
}

/// Each of these answers a question with something that is no list, no record and no success.
const NO_ANSWERS: [&str; 6] =
    ["error_root", "deep_error", "soap_fault", "status_fail", "maintenance", "list_of_other_elements"];

#[test]
fn a_mailbox_that_a_list_leaves_out_is_not_purged_by_an_undo() {
    let mut state = state();
    state["users"]["jane"]["status"] = json!("suspended");
    state["addresses"].as_object_mut().unwrap().remove("jane@example.net");
    let network = lying(state.clone(), "list_without_suspended")
        .mishap("POST user/jane account=A1", 1, 1, Mishap::Lost)
        .mishap("POST emailaddress", 1, FOR_EVER, Mishap::Refused);
    network.hook(Hook::Provision, &request(ann())).expect_err("the address is refused");
    assert_eq!(network.state()["users"]["jane"]["status"], state["users"]["jane"]["status"]);
}

#[test]
fn an_account_that_is_denied_once_is_not_purged_by_an_undo() {
    for lies in [json!([]), json!(["error_root@lists"]), json!(["list_of_another"])] {
        let mut state = without_jane();
        state["accounts"]["A1"] = json!({ "first_name": "Ann", "last_name": "Lee" });
        let network = Network::new(state, json!({ "lies": lies }))
            .mishap("GET account/A1", 1, 1, Mishap::NotFound)
            .mishap("POST account/A1", 1, 1, Mishap::AnswerLost)
            .mishap("POST user/jane", 1, FOR_EVER, Mishap::Refused);
        network.hook(Hook::Provision, &request(json!([]))).expect_err("the user is refused");
        let state = network.state();
        assert_eq!(state["accounts"]["A1"]["status"], "active", "{lies}");
        assert_eq!(state["users"]["ann"]["status"], "active", "{lies}");
    }
}

/// Nobody on it is in use, and the server hides who is marked deleted.
#[test]
fn an_account_of_deleted_mailboxes_that_is_denied_once_is_not_purged() {
    let mut deleted = without_jane();
    deleted["users"]["ann"]["status"] = json!("deleted");
    let mut called_otherwise = deleted.clone();
    called_otherwise["accounts"]["A1"] = json!({ "first_name": "Zoe", "last_name": "Else" });
    deleted["accounts"]["A1"] = json!({ "first_name": "Ann", "last_name": "Lee", "status": "deleted" });
    for (state, mishap) in [
        (&deleted, Mishap::AnswerLost),
        (&deleted, Mishap::Lost),
        (&deleted, Mishap::Swallowed),
        (&called_otherwise, Mishap::AnswerLost),
        (&called_otherwise, Mishap::Lost),
        (&called_otherwise, Mishap::Swallowed),
    ] {
        let network = Network::new(state.clone(), json!({ "deleted_users": "hidden" }))
            .mishap("GET account/A1", 1, 1, Mishap::NotFound)
            .mishap("POST account/A1", 1, 1, mishap)
            .mishap("POST user/jane", 1, FOR_EVER, Mishap::Refused);
        let before = network.state();
        let error = network.hook(Hook::Provision, &request(json!([]))).expect_err("the user is refused");
        assert_eq!(network.state(), before, "{}", error.text);
    }
}

/// A server that gives who is there as the answer to a creation, as one does that knows no difference.
#[test]
fn a_mailbox_of_before_that_a_creation_is_answered_with_is_not_purged() {
    const BEFORE: &str =
        "<r><user id='JANE' account='A1' status='active' first_name='Janet' last_name='Doe'/></r>";
    let mut state = state();
    state["users"]["jane"]["first_name"] = json!("Janet");
    state["users"]["jane"]["last_name"] = json!("Doe");
    state["addresses"].as_object_mut().unwrap().remove("jane@example.net");
    for mishap in [Mishap::Says(BEFORE), Mishap::Swallowed] {
        let network = Network::new(state.clone(), json!({}))
            .mishap("GET user/jane", 1, 1, Mishap::NotFound)
            .mishap("POST user/jane account=A1", 1, FOR_EVER, mishap)
            .mishap("POST emailaddress", 1, FOR_EVER, Mishap::Refused);
        let before = network.state();
        let error = network.hook(Hook::Provision, &request(ann())).expect_err("the address is refused");
        assert_eq!(network.state(), before, "{}", error.text);
        assert_eq!(error.leftovers, ["possibly: user jane on account A1 (new)"], "{}", error.text);
    }
}

#[test]
fn whom_a_list_showed_before_the_mark_keeps_the_account() {
    const CUT: &str = "<r><users><user id='JANE' account='A1' status='deleted'/></users></r>";
    let mut state = state();
    state["users"]["ann"]["status"] = json!("deleted");
    let network =
        Network::new(state, json!({})).mishap("GET user account=A1", 2, FOR_EVER, Mishap::Says(CUT));
    network.hook(Hook::Unprovision, &request(json!([]))).expect("the mark is set");
    let state = network.state();
    assert_eq!(state["users"]["jane"], Value::Null, "the second list was read");
    assert_eq!(state["users"]["ann"]["status"], "deleted");
    assert_eq!(state["accounts"]["A1"]["status"], "deleted");
}

#[test]
fn who_takes_the_name_of_a_new_user_is_not_purged_by_an_undo() {
    let network = Network::new(without_jane(), json!({})).mishap(
        "POST user_package/jane",
        1,
        FOR_EVER,
        Mishap::RefusedAndNameTaken,
    );
    let mut request = request(json!([]));
    request["account"]["id"] = json!("A9");
    network.hook(Hook::Provision, &request).expect_err("the package is refused");
    let jane = &network.state()["users"]["jane"];
    assert_eq!((&jane["account"], &jane["status"]), (&json!("OTHER"), &json!("active")));
}

#[test]
fn what_is_no_list_does_not_purge_an_account_with_a_mailbox_on_it() {
    for lie in NO_ANSWERS {
        let network = lying(state(), &format!("{lie}@lists"));
        for _ in 0..2 {
            let _ = network.hook(Hook::Unprovision, &request(json!([])));
        }
        let state = network.state();
        assert_eq!(state["users"]["ann"]["status"], "active", "{lie}");
        assert_ne!(state["accounts"]["A1"], Value::Null, "{lie}");
    }
}

#[test]
fn what_is_no_success_does_not_say_that_a_mailbox_is_purged() {
    for lie in ["error_root", "deep_error", "soap_fault", "status_fail", "maintenance"] {
        let network = lying(state(), &format!("{lie}@purges"));
        let reply = network.hook(Hook::Unprovision, &request(ann())).expect("the mark is set");
        assert_ne!(network.state()["users"]["jane"], Value::Null, "{lie}");
        assert!(!reply["steps"].to_string().contains("purge user"), "{lie}: {reply}");
    }
}

#[test]
fn entries_that_are_filtered_away_do_not_purge_an_account() {
    for lie in ["list_of_another", "list_of_another_unnamed", "list_stale"] {
        let network = lying(state(), lie);
        for _ in 0..2 {
            let _ = network.hook(Hook::Unprovision, &request(json!([])));
        }
        assert_eq!(network.state()["users"]["ann"]["status"], "active", "{lie}");
    }
}

#[test]
fn a_server_that_hides_deleted_users_keeps_the_account_of_another_deleted_mailbox() {
    let mut state = state();
    state["users"]["ann"]["status"] = json!("deleted");
    let network = Network::new(state, json!({ "deleted_users": "hidden" }));
    for _ in 0..2 {
        let _ = network.hook(Hook::Unprovision, &request(json!([])));
    }
    let job = json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net", "services": [] });
    let _ = network.call("purge_deleted", &job);
    assert_eq!(network.state()["users"]["ann"]["status"], "deleted");
}

/// The user jane on A2, whom the options name, is jane@example.com's. One of the two services is recorded on A1: jane's of
/// example.net, or else the other.
fn of_two_records(is_own: bool) -> (Value, Value) {
    let mut state = state();
    state["users"]["jane"]["account"] = json!("A2");
    state["addresses"] = json!({ "jane@example.com": "jane" });
    let other_account = if is_own { "A2" } else { "A1" };
    let namesake =
        json!([{ "svcnum": 30, "username": "jane", "domain": "example.com", "account_id": other_account }]);
    let mut request = request(namesake);
    if is_own {
        request["account"]["configured_id"] = json!("A2");
    } else {
        request["account"]["id"] = json!("A2");
    }
    (state, request)
}

#[test]
fn no_hook_touches_the_mailbox_of_a_namesake_on_the_account_of_the_options() {
    let hooks = [Hook::Unprovision, Hook::Suspend, Hook::Replace];
    for (hook, is_own) in hooks.into_iter().flat_map(|hook| [(hook, true), (hook, false)]) {
        let (state, request) = of_two_records(is_own);
        let network = Network::new(state.clone(), json!({}));
        let before = network.state();
        let request = match hook {
            Hook::Replace => {
                let mut new = service(20, "jane", "example.net");
                new["finger"] = json!("Other Name");
                change(request.clone(), new)
            }
            _ => request.clone(),
        };
        let _ = network.hook(hook, &request);
        assert_eq!(network.state(), before, "{hook:?} {is_own}");
    }
}

#[test]
fn the_package_of_a_neighbour_on_a_renamed_account_stays() {
    let mut state = state();
    for name in ["ann", "jane"] {
        state["users"][name]["account"] = json!("A2");
    }
    state["users"].as_object_mut().unwrap().remove("zed");
    state["users"]["ann"]["packages"] = json!(["EMAIL", "FAX"]);
    let ann = json!([{ "svcnum": 12, "username": "ann", "domain": "example.net", "package": "FAX",
                       "account_id": "A1" }]);
    let mut request = request(ann);
    request["account"] = json!({ "id": "A2", "first_name": "Ann", "last_name": "Lee" });
    let network = Network::new(state, json!({}));
    network.hook(Hook::Unprovision, &request).expect("unprovisioned");
    let packages = network.state()["users"]["ann"]["packages"].clone();
    assert!(packages.as_array().unwrap().contains(&json!("FAX")), "{packages}");
}

#[test]
fn no_message_advises_to_purge_what_may_have_been_there_before() {
    for mishap in [Mishap::AnswerLost, Mishap::RefusedThoughDone, Mishap::Late(6)] {
        let network = Network::new(without_jane(), json!({}))
            .mishap("POST user/jane account=A1", 1, FOR_EVER, mishap)
            .mishap("POST emailaddress", 1, FOR_EVER, Mishap::Refused)
            .mishap("POST user/jane action", 1, FOR_EVER, Mishap::Refused);
        let error = network.hook(Hook::Provision, &request(ann())).expect_err("it cannot be done");
        assert!(!error.text.contains("purge"), "{}", error.text);
    }
}

#[test]
fn a_name_that_a_proxy_decodes_reaches_no_other_mailbox() {
    let mut request = request(ann());
    request["service"]["username"] = json!("x/../jane");
    for hook in [Hook::Unprovision, Hook::Suspend] {
        let network = lying(state(), "path_decoded");
        network.hook(hook, &request).expect_err("such a name is refused");
        assert_eq!(network.state()["users"]["jane"]["status"], "active", "{hook:?}");
    }
}

#[test]
fn a_record_about_another_user_changes_nothing() {
    for lie in ["other_record@records", "other_name@records"] {
        let mut state = state();
        state["users"]["zed"]["status"] = json!("deleted");
        state["users"]["ann"]["status"] = json!("deleted");
        let network = lying(state, lie);
        let before = network.state();
        let _ = network.hook(Hook::Unprovision, &request(json!([])));
        let job =
            json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net", "services": [] });
        let _ = network.call("purge_deleted", &job);
        assert_eq!(network.state(), before, "{lie}");
    }
}

#[test]
fn a_list_without_accounts_does_not_make_anothers_user_ours() {
    let mut state = state();
    state["users"]["jane"]["account"] = json!("A2");
    let network = Network::new(state, json!({ "account_in_lists": false, "lies": ["list_of_all"] }));
    let before = network.state();
    for _ in 0..2 {
        let _ = network.hook(Hook::Unprovision, &request(ann()));
    }
    assert_eq!(network.state(), before);
}

#[test]
fn an_old_address_whose_domain_is_not_allowed_any_more_is_named() {
    let network = Network::new(state(), json!({}))
        .mishap("GET emailaddress/jane@example.net", 1, FOR_EVER, Mishap::Forbidden)
        .mishap("POST emailaddress/jane@example.net", 1, FOR_EVER, Mishap::Forbidden);
    let request = change(request(ann()), service(20, "jane", "example.com"));
    let told = match network.hook(Hook::Replace, &request) {
        Ok(reply) => {
            let removes = reply["steps"].to_string().contains("remove address jane@example.net");
            assert!(!removes, "the user's list still shows it: {reply}");
            reply["warnings"].to_string()
        }
        Err(error) => error.text,
    };
    assert_eq!(network.state()["addresses"]["jane@example.net"], "jane");
    assert!(told.contains("address jane@example.net"), "{told}");
}

#[test]
fn a_status_given_twice_or_with_an_attribute_still_is_one() {
    for record in [
        "<r><user id='JANE' account='A1' status='deleted'><status>deleted</status></user></r>",
        "<r><user id='JANE' account='A1'><status since='1'>deleted</status></user></r>",
    ] {
        let mut state = state();
        state["users"]["jane"]["status"] = json!("deleted");
        let network =
            Network::new(state, json!({})).mishap("GET user/jane", 1, FOR_EVER, Mishap::Says(record));
        let error = network.hook(Hook::Suspend, &request(ann())).expect_err("it is marked deleted");
        assert!(error.text.contains("is marked deleted"), "{}", error.text);
        assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
    }
}

#[test]
fn a_status_that_is_unclear_is_no_licence_to_set_one() {
    for lie in ["status_contradicts", "status_empty", "status_unknown"] {
        let mut state = state();
        state["users"]["jane"]["status"] = json!("deleted");
        for hook in [Hook::Suspend, Hook::Unsuspend] {
            let network = lying(state.clone(), lie);
            network.hook(hook, &request(ann())).expect_err("its status is not known");
            assert_eq!(network.state()["users"]["jane"]["status"], "deleted", "{lie}");
        }
    }
}

#[test]
fn no_address_of_a_purged_user_waits_for_whoever_gets_the_name() {
    let mut state = state();
    state["addresses"]["sales@example.net"] = json!("jane");
    let network = Network::new(state, json!({ "addresses_follow_purge": false }));
    network.hook(Hook::Unprovision, &request(ann())).expect("unprovisioned");
    let state = network.state();
    assert_eq!(state["users"]["jane"], Value::Null);
    assert!(!state["addresses"].to_string().contains("jane"), "{}", state["addresses"]);
}

#[test]
fn an_undo_never_sends_force() {
    for (account, others) in [("A1", ann()), ("A9", json!([]))] {
        let network =
            Network::new(without_jane(), json!({})).mishap("POST emailaddress", 1, FOR_EVER, Mishap::Refused);
        let mut request = request(others);
        request["account"]["id"] = json!(account);
        network.hook(Hook::Provision, &request).expect_err("the address is refused");
        assert_eq!(network.state()["users"]["jane"], Value::Null);
        let forced: Vec<_> = network.requests().into_iter().filter(|words| words.contains("force")).collect();
        assert_eq!(forced, Vec::<String>::new());
    }
}

#[test]
fn of_two_masters_a_hook_takes_from_the_one_to_which_another_gave() {
    let mut state = without_jane();
    state["users"]["ann"]["packages"] = json!(["ADDITIONAL NOCOST MAILBOX"]);
    state["users"]["bob"] = user("A1", "active", "Y", &["EMAIL"]);
    let others = json!([
        { "svcnum": 12, "username": "ann", "domain": "example.net" },
        { "svcnum": 14, "username": "bob", "domain": "example.net" },
    ]);
    let network = Network::new(state.clone(), json!({}));
    let mut request = request(others);
    request["service"]["package"] = json!("FAX");
    network.hook(Hook::Provision, &request).expect("provisioned");
    network.hook(Hook::Unprovision, &request).expect("unprovisioned");
    for name in ["ann", "bob"] {
        assert_eq!(network.state()["users"][name]["packages"], state["users"][name]["packages"], "{name}");
    }
}

#[test]
fn what_fails_after_the_mark_is_finished_by_an_operation() {
    let mut state = state();
    state["users"]["jane"] = user("A1", "active", "Y", &["EMAIL"]);
    state["users"]["ann"] = user("A1", "active", "N", &["ADDITIONAL NOCOST MAILBOX"]);
    let network = Network::new(state, json!({})).mishap(
        "POST user/ann action=update master_user",
        1,
        1,
        Mishap::Refused,
    );
    let reply = network.hook(Hook::Unprovision, &request(ann())).expect("the mark is set");
    assert_ne!(reply["unfinished"].as_array().map_or(0, Vec::len), 0, "{reply}");
    let job = json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net", "autopurge": true,
                      "services": [{ "svcnum": 12, "username": "ann", "package": "EMAIL" }] });
    network.call("finish_unprovision", &job).expect("finished");
    let state = network.state();
    assert_eq!(state["users"]["ann"]["master_user"], "Y");
    assert_eq!(state["users"]["jane"], Value::Null);
}

#[test]
fn no_address_is_removed_before_the_mark_is_confirmed() {
    let network = Network::new(state(), json!({}))
        .mishap("POST user/jane action=update status=deleted", 1, FOR_EVER, Mishap::Refused)
        .mishap("POST emailaddress/jane@example.net user", 1, FOR_EVER, Mishap::Refused);
    network.hook(Hook::Unprovision, &request(ann())).expect_err("the mark is refused");
    assert_eq!(network.state()["addresses"]["jane@example.net"], "jane");
}

#[test]
fn anothers_user_in_a_list_without_accounts_is_no_successor() {
    let mut state = state();
    state["users"]["jane"] = user("A1", "active", "Y", &["EMAIL"]);
    state["users"]["ann"] = user("A1", "active", "N", &["ADDITIONAL NOCOST MAILBOX"]);
    state["users"]["zed"] = user("A2", "active", "N", &["ADDITIONAL NOCOST MAILBOX"]);
    let network = Network::new(state, json!({ "account_in_lists": false, "lies": ["list_of_all"] }));
    let before = network.state();
    let others = json!([
        { "svcnum": 10, "username": "zed", "domain": "example.net" },
        { "svcnum": 12, "username": "ann", "domain": "example.net" },
    ]);
    let _ = network.hook(Hook::Unprovision, &request(others));
    assert_eq!(network.state()["users"]["zed"], before["users"]["zed"]);
}

#[test]
fn a_purge_job_spares_the_mailbox_of_another_address() {
    let mut state = state();
    state["users"]["jane"]["status"] = json!("deleted");
    state["addresses"] = json!({ "jane@example.com": "jane" });
    let network = Network::new(state, json!({}));
    let job = json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net", "services": [],
                      "namesakes": [{ "svcnum": 30, "domain": "example.com", "account_id": "A1" }] });
    network.call("purge_deleted", &job).expect("a warning");
    assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
}

#[test]
fn a_mailbox_of_its_own_address_is_unprovisioned_whoever_has_the_name_elsewhere() {
    let mut others = ann();
    let namesake = json!({ "svcnum": 30, "username": "jane", "domain": "example.com" });
    others.as_array_mut().unwrap().push(namesake);
    let network = Network::new(state(), json!({})).without_autopurge();
    network.hook(Hook::Unprovision, &request(others)).expect("unprovisioned");
    assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
}

#[test]
fn a_name_that_another_customer_has_is_refused_before_anything_is_written() {
    let mut state = state();
    state["users"]["jane"]["account"] = json!("A2");
    let network = Network::new(state, json!({}));
    let mut request = request(json!([]));
    request["account"]["id"] = json!("A9");
    network.hook(Hook::Provision, &request).expect_err("the name is taken");
    let writes: Vec<_> = network.requests().into_iter().filter(|words| words.starts_with("POST")).collect();
    assert_eq!(writes, Vec::<String>::new());
}

#[test]
fn a_customer_without_any_of_several_mailboxes_can_be_provisioned() {
    let mut state = state();
    state["users"] = json!({});
    state["addresses"] = json!({});
    let others = json!([
        { "svcnum": 12, "username": "ann", "domain": "example.net" },
        { "svcnum": 14, "username": "bob", "domain": "example.net" },
    ]);
    let network = Network::new(state, json!({}));
    network.hook(Hook::Provision, &request(others)).expect("provisioned");
    assert_eq!(network.state()["users"]["jane"]["status"], "active");
}
