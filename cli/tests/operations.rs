//! Every operation of the API by its command.

use crate::program::{bare, ended, Desk, PASSWORD};
use magicmail::api::{Operation, OPERATIONS};
use magicmail_simulator::Entry;
use serde_json::json;

/// A day of commands in which every operation is used, each of them with success.
pub const DAY: &[&str] = &[
    "account add FREESIDE42 --first-name Ann --last-name Lee --phone 555-1234 --memo gold",
    "account add FREESIDE43",
    "account get FREESIDE42",
    "account list",
    "account update FREESIDE42 --memo silver",
    "account suspend FREESIDE42",
    "account activate FREESIDE42",
    "user add jane FREESIDE42 --first-name Jane --password-file PASSWORD",
    "user add bob FREESIDE42 --first-name Bob --memo spare",
    "user get jane",
    "user list FREESIDE42",
    "user update bob --last-name Roe",
    "user suspend bob",
    "user activate bob",
    "user make-master bob",
    "package assign jane EMAIL",
    "package list jane",
    "package remove jane EMAIL --yes",
    "domain add jane.example FREESIDE42",
    "domain get jane.example",
    "domain list FREESIDE42",
    "address add jane@example.net jane",
    "address get jane@example.net",
    "address list jane",
    "address remove jane@example.net --yes",
    "domain remove jane.example --yes",
    "user delete bob --yes",
    "user purge bob --yes",
    "user purge jane --force --yes",
    "account delete FREESIDE43 --yes",
    "account purge FREESIDE43 --yes",
];

fn is_of(entry: &Entry, operation: &Operation) -> bool {
    let path: Vec<&str> = entry.path.trim_start_matches('/').split('/').collect();
    let told_by = ["action", "status", "master_user"];
    entry.method == operation.method.as_str()
        && path[0] == operation.thing
        && (path.len() == 2) == operation.key.is_some()
        && told_by.iter().all(|name| {
            let fixed = operation.fixed.iter().find(|pair| pair.0 == *name).map(|pair| pair.1);
            fixed == entry.parameters.get(*name).map(String::as_str)
        })
}

#[test]
fn every_operation_is_a_command_and_reaches_the_server() {
    let desk = Desk::new();
    let password = desk.folder.join("password");
    for command in DAY {
        let words: Vec<&str> = command.split(' ').collect();
        let words: Vec<&str> = words
            .into_iter()
            .map(|word| if word == "PASSWORD" { password.to_str().unwrap() } else { word })
            .collect();
        let before = desk.server.log().len();
        let ended = desk.run(&words);
        assert_eq!(ended.status, 0, "{command}: {ended:?}");
        assert_eq!(desk.server.log().len(), before + 1, "{command} is one request");
    }
    let log = desk.server.log();
    for operation in OPERATIONS {
        assert!(log.iter().any(|entry| is_of(entry, operation)), "{} was not asked for", operation.name);
    }
    let left = serde_json::to_value(desk.server.state()).expect("JSON");
    assert_eq!(left["users"], json!({}));
    assert_eq!(left["accounts"]["FREESIDE42"]["memo"], "silver");
}

#[test]
fn what_is_shown_is_what_the_server_has() {
    let desk = Desk::new();
    desk.all(&["account add FREESIDE42 --first-name Ann", "user add jane FREESIDE42 --first-name Jane"]);
    assert_eq!(
        desk.json(&["user", "get", "jane"]),
        json!({"id": "JANE", "account": "FREESIDE42", "first_name": "Jane", "master_user": "Y", "status": "active"})
    );
    assert_eq!(desk.json(&["user", "list", "FREESIDE42"])["JANE"]["first_name"], "Jane");
    let shown = desk.run(&["account", "get", "FREESIDE42"]).out;
    assert_eq!(shown, "id          FREESIDE42\nstatus      active\nfirst_name  Ann\n");
}

#[test]
fn an_empty_option_empties_a_field_and_one_not_given_leaves_it() {
    let desk = Desk::new();
    desk.all(&["account add FREESIDE42 --first-name Ann --memo gold"]);
    assert_eq!(desk.run(&["account", "update", "FREESIDE42", "--memo", ""]).status, 0);
    let account = desk.json(&["account", "get", "FREESIDE42"]);
    assert_eq!((&account["first_name"], account.get("memo")), (&json!("Ann"), None));
}

#[test]
fn what_is_not_there_is_no_failure_and_said() {
    let desk = Desk::new();
    let ended = desk.run(&["user", "get", "jane"]);
    assert_eq!((ended.status, ended.out.as_str()), (0, ""));
    assert_eq!(ended.err, "magicmail: there is no user jane\n");
    assert_eq!(desk.json(&["user", "get", "jane"]), json!(null));
    let ended = desk.run(&["account", "list"]);
    assert_eq!(
        (ended.status, ended.out.as_str(), ended.err.as_str()),
        (0, "", "magicmail: there is no account\n")
    );
    assert_eq!(desk.json(&["account", "list"]), json!({}));
}

#[test]
fn a_failure_has_the_status_of_the_library_and_its_details() {
    let desk = Desk::new();
    let ended = desk.run(&["user", "add", "jane", "FREESIDE42", "--json"]);
    assert_eq!(ended.status, 4, "{ended:?}");
    let failure = ended.json();
    assert_eq!((&failure["status"], &failure["kind"]), (&json!(4), &json!("server")));
    assert!(failure["code"].as_str().is_some_and(|code| code.contains("account")), "{failure}");
    let error = failure["error"].as_str().expect("a sentence");
    assert_eq!(ended.err, format!("magicmail: {error}\n"));
    let ended = desk.run(&["user", "get", ".."]);
    assert_eq!(ended.status, 3, "a name that no path can have: {ended:?}");
}

#[test]
fn a_command_line_that_is_wrong_has_status_1_and_asks_nothing() {
    let desk = Desk::new();
    for arguments in [
        &["user", "sail"][..],
        &["user", "get"],
        &["user"],
        &[],
        &["user", "update", "jane"],
        &["user", "add", "jane", "FREESIDE42", "--password", PASSWORD],
        &["user", "update", "jane", "--password-type", "secret"],
        &["user", "update", "jane", "--password-type", "plain"],
        &["user", "update", "jane", "--memo", "x", "--password-type", "plain"],
        &["user", "add", "jane", "FREESIDE42", "--password-type", "encrypted"],
        &["user", "update", "jane", "--ask-password", "--password-file", "x"],
        &["--client-password", "x", "account", "list"],
    ] {
        let mut command = desk.command(arguments);
        let output = command.output().expect("an end");
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    assert!(desk.server.log().is_empty());
}

#[test]
fn the_usage_line_of_an_update_says_what_is_required() {
    for (command, usage) in [
        (
            ["user", "update"],
            "<USER> {--first-name <NAME>|--last-name <NAME>|--memo <TEXT>|--password-file <FILE>|--ask-password}...",
        ),
        (
            ["account", "update"],
            "<ACCOUNT> {--first-name <NAME>|--last-name <NAME>|--phone <TEXT>|--memo <TEXT>}...",
        ),
    ] {
        let [thing, verb] = command;
        let usage = format!("Usage: magicmail {thing} {verb} [OPTIONS] {usage}\n");
        assert!(ended(bare(&[thing, verb, "--help"]), "").out.contains(&usage), "{usage}");
        let wrong = ended(bare(&command), "");
        assert!(wrong.status == 1 && wrong.err.contains(&usage), "{wrong:?}");
    }
}

#[test]
fn what_a_server_would_make_a_terminal_do_is_not_printed() {
    let desk = Desk::new();
    let evil = "a\u{9b}31m\u{202e}b";
    assert_eq!(desk.run(&["account", "add", "FREESIDE42", "--memo", evil]).status, 0);
    let shown = desk.run(&["account", "get", "FREESIDE42"]).out;
    assert!(shown.contains("memo    a 31m b\n"), "{shown:?}");
    let shown = desk.run(&["account", "get", "FREESIDE42", "--json"]);
    assert!(shown.out.contains(r"a\u009b31m\u202eb"), "{shown:?}");
    assert_eq!(shown.json()["memo"], evil, "and JSON says the same text");
}
