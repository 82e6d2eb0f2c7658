//! What Freeside's export does, from a document.

use crate::program::{request, Desk};
use serde_json::{json, Value};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn user(desk: &Desk) -> Value {
    desk.json(&["user", "get", "jane"])
}

#[test]
fn a_mailbox_is_provisioned_changed_suspended_and_unprovisioned() {
    let desk = Desk::new();
    let request = request();
    let ended = desk.run_with(&request.to_string(), &["provision"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(
        ended.out.lines().collect::<Vec<_>>(),
        [
            "create account FREESIDE42",
            "create user jane on account FREESIDE42",
            "assign package EMAIL to user jane",
            "add address jane@example.net to user jane"
        ]
    );
    assert!(ended.err.starts_with("magicmail: account FREESIDE42, 6 requests, "), "{ended:?}");

    let mut change = request.clone();
    change["old"] = change["service"].clone();
    change["service"]["finger"] = json!("Jane Doe");
    let file = desk.file("change.json", &change.to_string());
    assert_eq!(desk.run(&["change", &file]).status, 0);
    assert_eq!(user(&desk)["last_name"], "Doe");

    let text = request.to_string();
    assert_eq!(desk.run_with(&text, &["suspend"]).status, 0);
    assert_eq!(user(&desk)["status"], "suspended");
    let ended = desk.run_with(&text, &["suspend", "-"]);
    assert!(ended.err.contains("nothing to do; account FREESIDE42, 1 request, "), "{ended:?}");
    assert_eq!(desk.run_with(&text, &["unsuspend"]).status, 0);
    assert_eq!(user(&desk)["status"], "active");
    assert_eq!(desk.run_with(&text, &["unprovision", "--yes"]).status, 0);
    assert_eq!(user(&desk)["status"], "deleted");
    assert_eq!(desk.run_with(&text, &["unprovision", "--yes", "--autopurge"]).status, 0);
    assert_eq!(user(&desk), Value::Null);
}

#[test]
fn a_dry_run_says_what_would_be_done_and_does_not_do_it() {
    let desk = Desk::new();
    let text = request().to_string();
    let ended = desk.run_with(&text, &["provision", "--dry-run"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.out.starts_with("would create account FREESIDE42\n"), "{ended:?}");
    assert_eq!(user(&desk), Value::Null);
    let ended = desk.run_with(&text, &["provision", "-n", "--json", "--package", "GOLD"]);
    assert_eq!(ended.json()["steps"][0], "create account FREESIDE42");
    assert_eq!(desk.run_with(&text, &["provision"]).status, 0);
    let ended = desk.run_with(&text, &["unprovision", "--dry-run"]);
    assert_eq!(ended.status, 0, "a dry run asks nothing: {ended:?}");
    assert!(ended.out.contains("would mark user jane deleted\n"), "{ended:?}");
    assert_eq!(user(&desk)["status"], "active");
}

#[test]
fn a_request_for_a_dry_run_prints_as_one_however_it_says_so() {
    let desk = Desk::new();
    let mut request = request();
    for (dry_run, is_dry) in
        [(json!(1), true), (json!("1"), true), (json!(true), true), (json!(0), false), (json!(""), false)]
    {
        request["dry_run"] = dry_run;
        let ended = desk.run_with(&request.to_string(), &["provision"]);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(ended.out.starts_with("would create account"), is_dry, "{ended:?}");
        let ended = desk.run_with(&request.to_string(), &["unprovision"]);
        let asks = ended.err.contains("give --yes");
        assert_eq!(asks, !is_dry, "a dry run asks nothing: {ended:?}");
    }
    request["dry_run"] = json!("yes");
    let ended = desk.run_with(&request.to_string(), &["provision"]);
    assert_eq!(ended.status, 1);
    assert!(ended.err.contains("key dry_run must be 0 or 1"), "{ended:?}");
}

#[test]
fn a_request_that_is_too_long_is_not_read_to_its_end() {
    let ended = Desk::new().run(&["provision", "/dev/zero"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.err.contains("/dev/zero is too long: at most 8192 kB are read"), "{ended:?}");
}

#[test]
fn warnings_are_told_beside_the_steps() {
    let desk = Desk::new();
    let text = request().to_string();
    assert_eq!(desk.run_with(&text, &["provision"]).status, 0);
    let ended = desk.run_with(&text, &["provision"]);
    assert_eq!((ended.status, ended.out.as_str()), (0, "set names and password of user jane\n"));
    assert!(
        ended.err.contains("magicmail: warning: user jane was on account FREESIDE42 already"),
        "{ended:?}"
    );
}

#[test]
fn a_hook_that_cannot_be_carried_out_has_the_librarys_status_and_sentence() {
    let desk = Desk::new();
    for (input, status, part) in [
        ("", 1, "the request is not valid JSON"),
        ("[]", 1, "not an object"),
        ("{}", 1, "missing key account"),
    ] {
        let ended = desk.run_with(input, &["provision"]);
        assert_eq!(ended.status, status, "{input}: {ended:?}");
        assert!(ended.err.contains(part), "{input}: {ended:?}");
    }
    let ended = desk.run(&["provision", "/nonexistent/request.json"]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.err.contains("/nonexistent/request.json"), "{ended:?}");
    desk.all(&["account add OTHER7", "user add jane OTHER7"]);
    let ended = desk.run_with(&request().to_string(), &["provision", "--json"]);
    assert_eq!((ended.status, &ended.json()["kind"]), (3, &json!("refused")));
    assert!(ended.err.contains("OTHER7"), "{ended:?}");
}

#[test]
fn what_was_undone_and_what_is_left_is_named() {
    let desk = Desk::new();
    let fault = |json: &str| magicmail_simulator::Fault::list(json).expect("a fault");
    // The address fails, and so does what would take the account away again.
    desk.server.set_faults(fault(
        r#"[{"kind": "status_403", "method": "POST", "path": "/emailaddress", "count": null},
            {"kind": "status_403", "method": "POST", "path": "/account", "on": 2, "count": null}]"#,
    ));
    let ended = desk.run_with(&request().to_string(), &["provision", "--json"]);
    assert_eq!(ended.status, 6, "{ended:?}");
    assert!(ended.err.contains("\nmagicmail: left on the server: "), "{ended:?}");
    assert!(!ended.json()["leftovers"].as_array().expect("a list").is_empty());
}

#[test]
fn an_interrupt_does_not_leave_a_mailbox_half_made() {
    let desk = Desk::new();
    let slow = r#"[{"kind": "slow", "method": "POST", "path": "/user", "ms": 1500}]"#;
    desk.server.set_faults(magicmail_simulator::Fault::list(slow).expect("a fault"));
    let mut command = desk.command(&["provision"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let text = request().to_string();
    child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("written");
    let end = Instant::now() + Duration::from_secs(60);
    while desk.server.log().len() < 2 {
        assert!(Instant::now() < end, "no request came");
        std::thread::yield_now();
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill").success());
    let output = child.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("what was begun is finished first"), "{said}");
    assert_eq!(desk.json(&["address", "get", "jane@example.net"])["user"], "JANE");
}
