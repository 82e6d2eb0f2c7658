//! Audit and repair through `mm_call`, over TLS, on the simulator: above all with readings that are cut short.

use magicmail::log::NoSink;
use magicmail::operation::Export;
use magicmail_simulator::{Credentials, Fault, Kind, Options, Server, State};
use serde_json::{json, Value};

const ADDITIONAL: &str = "ADDITIONAL NOCOST MAILBOX";

fn site(state: &Value) -> (Server, Export) {
    let options = Options { client: Credentials::new("freeside", "s3cret"), ..Options::default() };
    let server = Server::start(options).unwrap();
    server.set_state(serde_json::from_value::<State>(state.clone()).unwrap());
    let export = Export::new(
        &json!({
            "machine": "localhost", "port": server.address().port(), "ca_file": server.ca_file(),
            "client_id": "freeside", "client_password": "s3cret", "timeout": "5",
        })
        .to_string(),
    )
    .unwrap();
    (server, export)
}

/// Ann is the master and suspended, Bob additional with a package too much; an account and a user of nobody's.
fn drifted() -> Value {
    let user = |account: &str, master: &str, status: &str, packages: &[&str]| {
        json!({ "account": account, "first_name": "", "last_name": "", "password": "x", "password_type": "plain",
            "master_user": master, "status": status, "packages": packages })
    };
    let account = json!({ "first_name": "", "last_name": "", "status": "active" });
    json!({
        "accounts": { "FREESIDE42": account, "FREESIDE43": account, "FREESIDE44": account, "OTHER1": account },
        "users": {
            "ann": user("FREESIDE42", "Y", "suspended", &["EMAIL"]),
            "bob": user("FREESIDE42", "N", "active", &[ADDITIONAL, "PREMIUM"]),
            "eve": user("FREESIDE42", "N", "active", &[ADDITIONAL]),
            "cid": user("FREESIDE43", "Y", "active", &["EMAIL"]),
            "dan": user("FREESIDE44", "Y", "active", &["EMAIL"]),
        },
        "addresses": { "ann@example.net": "ann", "bob@example.net": "bob", "cid@example.net": "cid" },
        "domains": ["example.net"],
    })
}

fn service(svcnum: u64, customer: u64, username: &str) -> Value {
    json!({ "svcnum": svcnum, "customer": customer, "username": username, "domain": "example.net", "package": "EMAIL" })
}

fn ann_and_bob() -> Value {
    json!({ "id": "FREESIDE42", "services": [service(12, 42, "ann"), service(15, 42, "bob")] })
}

fn accounts() -> Value {
    let cid = json!({ "id": "FREESIDE43", "services": [service(20, 43, "cid")] });
    json!({ "accounts": [ann_and_bob(), cid] })
}

fn call(export: &Export, operation: &str, arguments: &Value) -> Result<Value, magicmail::error::Error> {
    let reply = export.call(operation, &arguments.to_string(), &NoSink)?;
    Ok(serde_json::from_str(&reply).unwrap())
}

fn keys(reply: &Value) -> Vec<String> {
    let findings = reply["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_audit_tells_what_both_sides_say_and_what_would_mend_it() {
    let (server, export) = site(&drifted());
    let before = server.state();
    let reply = call(&export, "audit", &accounts()).unwrap();
    assert_eq!(keys(&reply), ["suspended/12", "additional_packages/15"]);
    assert_eq!(
        reply["findings"][0],
        json!({
            "key": "suspended/12", "kind": "suspended", "title": "mailbox suspended, but package active",
            "customer": 42, "svcnum": 12, "mailbox": "ann@example.net", "account": "FREESIDE42",
            "freeside": "service 12, ann@example.net, package active", "magicmail": "user ann is suspended",
            "mend": "steps", "steps": ["activate user ann"], "hint": "",
        })
    );
    assert_eq!(reply["findings"][1]["steps"], json!(["remove package PREMIUM from user bob"]));
    assert_eq!(reply["unread"], json!([]));
    assert_eq!(reply["accounts"], 2);
    assert_eq!(reply["strangers"], json!([{ "account": "FREESIDE42", "user": "EVE", "master": false }]));
    assert!(server.log().iter().all(|entry| entry.method == "GET"));
    assert_eq!(server.state(), before);
}

#[test]
fn orphans_are_accounts_and_users_without_a_service() {
    let (server, export) = site(&drifted());
    let strangers = json!([
        { "account": "FREESIDE42", "user": "EVE", "master": 0, "services": [] },
        { "account": "FREESIDE42", "user": "FAY", "master": 1, "services": [77] },
    ]);
    let asked =
        json!({ "known": ["freeside42", "FREESIDE43"], "prefixes": ["FREESIDE"], "strangers": strangers });
    let reply = call(&export, "orphans", &asked).unwrap();
    assert_eq!(keys(&reply), ["orphan_account/FREESIDE44", "orphan_user/FREESIDE42/EVE"]);
    assert!(reply["findings"].as_array().unwrap().iter().all(|finding| finding["mend"] == "hand"));
    server.set_state(
        serde_json::from_value::<State>(
            json!({ "accounts": {}, "users": {}, "addresses": {}, "domains": [] }),
        )
        .unwrap(),
    );
    let error = call(&export, "orphans", &asked).unwrap_err();
    assert!(error.text.contains("lists no accounts"), "{error}");
}

#[test]
fn a_service_that_can_be_no_mailbox_is_left_out_by_name() {
    let (_server, export) = site(&drifted());
    let nameless = json!({ "id": "FREESIDE43", "services": [service(20, 43, "cid"), service(21, 43, " ")] });
    let reply = call(&export, "audit", &json!({ "accounts": [nameless] })).unwrap();
    assert_eq!(keys(&reply), [""; 0]);
    assert_eq!(reply["left_out"], json!([{ "svcnum": 21, "customer": 43, "text": "it has no user name" }]));
}

#[test]
fn a_reading_cut_short_at_any_request_says_so_and_finds_nothing_there() {
    let (server, export) = site(&drifted());
    let requests = call(&export, "audit", &accounts()).unwrap()["requests"].as_u64().unwrap();
    for kind in [Kind::Garbage, Kind::CutShort, Kind::DropBefore, Kind::Status500, Kind::Status401] {
        for on in 1..=requests {
            server.set_faults(vec![Fault { on, count: None, ..Fault::new(kind) }]);
            let reply = call(&export, "audit", &accounts()).unwrap();
            let unread = reply["unread"].as_array().unwrap();
            assert!(!unread.is_empty(), "{kind:?} from request {on}: {reply}");
            for account in unread {
                let of_account = |finding: &&Value| finding["account"] == account["account"];
                let findings = reply["findings"].as_array().unwrap();
                assert_eq!(
                    findings.iter().filter(of_account).count(),
                    0,
                    "{kind:?} from request {on}: {reply}"
                );
            }
        }
    }
}

#[test]
fn a_repair_mends_the_finding_it_was_given_and_nothing_else() {
    let (server, export) = site(&drifted());
    let asked = json!({ "account": ann_and_bob(), "finding": "suspended/12" });
    let reply = call(&export, "repair", &asked).unwrap();
    assert_eq!(reply["state"], "mended");
    assert_eq!(reply["steps"], json!(["activate user ann"]));
    assert_eq!(keys(&call(&export, "audit", &accounts()).unwrap()), ["additional_packages/15"]);
    let before = server.state();
    assert_eq!(call(&export, "repair", &asked).unwrap()["state"], "gone");
    assert_eq!(server.state(), before);
}

#[test]
fn what_only_the_provision_hook_or_a_person_mends_is_left_to_them() {
    let mut state = drifted();
    state["users"]["bob"]["status"] = json!("deleted");
    state["users"]["cid"]["account"] = json!("FREESIDE44");
    let (server, export) = site(&state);
    let before = server.state();
    let asked = json!({ "account": ann_and_bob(), "finding": "deleted/15" });
    assert_eq!(call(&export, "repair", &asked).unwrap()["state"], "provision");
    let cid = json!({ "id": "FREESIDE43", "services": [service(20, 43, "cid")] });
    let asked = json!({ "account": cid, "finding": "other_account/20" });
    assert_eq!(call(&export, "repair", &asked).unwrap()["state"], "hand");
    assert_eq!(server.state(), before);
}

#[test]
fn a_repair_whose_look_is_cut_short_changes_nothing() {
    let (server, export) = site(&drifted());
    let before = server.state();
    let asked = json!({ "account": ann_and_bob(), "finding": "suspended/12" });
    call(&export, "audit", &json!({ "accounts": [ann_and_bob()] })).unwrap();
    let reads = server.log().len() as u64;
    for kind in [Kind::Garbage, Kind::CutShort, Kind::DropBefore, Kind::Status500] {
        for on in 1..=reads {
            server.set_faults(vec![Fault {
                on,
                count: None,
                method: Some("GET".to_owned()),
                ..Fault::new(kind)
            }]);
            server.clear_log();
            let error = call(&export, "repair", &asked).unwrap_err();
            assert!(error.text.starts_with("cannot mend suspended/12: could not read"), "{error}");
            assert!(server.log().iter().all(|entry| entry.method == "GET"), "{kind:?} from request {on}");
        }
    }
    assert_eq!(server.state(), before);
}
