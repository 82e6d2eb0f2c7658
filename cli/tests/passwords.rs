//! Passwords: where they come from, and that nobody sees them.

use crate::program::{ended, request, Desk, CLIENT_PASSWORD, PASSWORD};
use serde_json::json;

/// The password that the server was sent last, and its type.
fn sent(desk: &Desk) -> serde_json::Value {
    let log = desk.server.log();
    let parameters = &log.last().expect("a request").parameters;
    json!([parameters.get("password"), parameters.get("password_type")])
}

#[test]
fn a_mailboxs_password_comes_from_a_file_or_standard_input() {
    let desk = Desk::new();
    let file = desk.folder.join("password").to_string_lossy().into_owned();
    desk.all(&["account add FREESIDE42"]);
    assert_eq!(desk.run(&["user", "add", "jane", "FREESIDE42", "--password-file", &file]).status, 0);
    assert_eq!(sent(&desk), json!([PASSWORD, "plain"]));
    let arguments = ["user", "update", "jane", "--password-file", "-", "--password-type", "encrypted"];
    assert_eq!(desk.run_with("$1$x$y\r\nmore\n", &arguments).status, 0);
    assert_eq!(sent(&desk), json!(["$1$x$y", "encrypted"]));
    let ended = desk.run_with("\n", &["user", "update", "jane", "--password-file", "-"]);
    assert_eq!(ended.status, 2);
    assert!(ended.err.contains("has an empty first line"), "{ended:?}");
}

#[test]
fn no_output_shows_a_password_not_even_where_the_server_does() {
    let desk = Desk::new();
    desk.server.change_modes(&json!({ "echo_password": true })).expect("a mode");
    let file = desk.folder.join("password").to_string_lossy().into_owned();
    // `ended` looks at all that is printed.
    let run = |arguments: &[&str]| {
        let mut command = desk.command(&[&["--debug"], arguments].concat());
        command.env("MAGICMAIL_CLIENT_PASSWORD", CLIENT_PASSWORD);
        ended(command, &request().to_string())
    };
    assert!(run(&["provision"]).err.contains("debug: POST /user/jane "));
    for arguments in [
        &["user", "get", "jane"][..],
        &["user", "get", "jane", "--json"],
        &["user", "list", "FREESIDE42", "--json"],
        &["user", "update", "jane", "--password-file", &file, "--json"],
        &["provision"],
        &["provision", "--json"],
        &["check"],
    ] {
        let ended = run(arguments);
        assert_eq!(ended.status, 0, "{arguments:?}: {ended:?}");
    }
    assert_eq!(run(&["user", "get", "jane", "--json"]).json()["password"], "********");
    let echo = json!({
        "kind": "answer", "count": null, "status": 400, "content_type": "text/xml",
        "body": format!("<r><error><code>no</code><message>{CLIENT_PASSWORD} Tr0ub4dor&amp;3</message></error></r>"),
    });
    desk.server.set_faults(magicmail_simulator::Fault::list(&json!([echo]).to_string()).expect("a fault"));
    assert_eq!(run(&["user", "update", "jane", "--password-file", &file]).status, 4);
    assert_eq!(run(&["provision", "--json"]).status, 4);
}

#[test]
fn a_password_that_a_server_echoes_in_pieces_is_masked_and_the_path_is_not() {
    let desk = Desk::new();
    let file = desk.file("user", "user word-1\n");
    for echo in [
        "user%20word-1",
        "user%20word%2d1",
        "us%65r w&amp;#111;rd-1",
        r"us\u0065r+word-1",
        "user&amp;#32;word-1",
    ] {
        let fault = json!([{
            "kind": "answer", "count": null, "status": 400, "content_type": "text/xml",
            "body": format!("<r><error><code>no</code><message>not {echo}</message></error></r>"),
        }]);
        desk.server.set_faults(magicmail_simulator::Fault::list(&fault.to_string()).expect("a fault"));
        let ended = desk.run(&["--debug", "user", "update", "user", "--password-file", &file]);
        assert_eq!(ended.status, 4, "{ended:?}");
        assert!(ended
            .err
            .contains("debug: POST /user/user client_type=FREESIDE action=update password=********"));
        assert!(ended.err.contains("refused it with no: not ********\n"), "{ended:?}");
        assert!(!ended.err.contains("rd-1") && !ended.err.contains("%2d1"), "{ended:?}");
    }
}

#[test]
fn a_mistake_in_a_document_with_a_password_does_not_show_it() {
    let desk = Desk::new();
    let mut configuration = desk.configuration();
    configuration["client_password"] = json!({ "secret": CLIENT_PASSWORD });
    desk.file("magicmail.json", &configuration.to_string());
    assert_eq!(desk.run(&["account", "list"]).status, 2);
    desk.file("magicmail.json", &format!("{{\"client_password\": \"{CLIENT_PASSWORD}\" x}}"));
    assert_eq!(desk.run(&["account", "list"]).status, 2);
}
