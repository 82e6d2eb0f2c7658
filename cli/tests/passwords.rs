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

const PASSWORDS: [&str; 6] =
    ["pass word-1", "user", "p&<>\"'\u{df}\u{20ac}", "%41bcd", "back\\slash\\", "jane jane"];

/// As it was sent, as XML, and as JSON.
fn echoes(password: &str) -> Vec<String> {
    let bytes = |change: &dyn Fn(u8) -> String| password.bytes().map(change).collect::<String>();
    let each = |change: &dyn Fn(char) -> String| password.chars().map(change).collect::<String>();
    let percent = bytes(&|byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    vec![
        password.to_owned(),
        percent.clone(),
        percent.replace("%20", "+"),
        bytes(&|byte| format!("%{byte:02x}")),
        each(&|c| format!("&#{};", u32::from(c))),
        each(&|c| format!("&#x{:x};", u32::from(c))),
        each(&|c| format!("\\u{:04x}", u32::from(c))),
        json!(password).to_string().trim_matches('"').to_owned(),
    ]
}

fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// What the program says of an answer with `body` to each request, the server's words between `begin(` and `)end`.
fn assert_masked(desk: &Desk, status: u16, body: &str, arguments: &[&str], what: &str) -> String {
    let fault = json!([{ "kind": "answer", "count": null, "status": status, "content_type": "text/xml", "body": body }]);
    desk.server.set_faults(magicmail_simulator::Fault::list(&fault.to_string()).expect("a fault"));
    let ended = desk.run(arguments);
    let said = format!("{}{}", ended.out, ended.err);
    let mut seen = 0;
    for part in said.split("begin(").skip(1) {
        let inner = part.split(")end").next().expect("a part");
        assert_eq!(inner, "********", "{what}: {ended:?}");
        seen += 1;
    }
    assert!(seen > 0, "{what}: {ended:?}");
    ended.err
}

#[test]
fn a_password_that_a_server_echoes_is_masked_in_all_that_is_printed() {
    let desk = Desk::new();
    for password in PASSWORDS {
        let file = desk.file("secret", &format!("{password}\n"));
        let mut configuration = desk.configuration();
        configuration["client_password"] = json!(password);
        let configuration = desk.file("own.json", &configuration.to_string());
        for echo in echoes(password) {
            let (what, echo) = (format!("{password:?} as {echo:?}"), in_xml(&echo));
            let refusal = format!("<r><error><code>no</code><message>begin({echo})end</message></error></r>");
            let record = format!("<r><user id=\"jane\" memo=\"begin({echo})end\"/></r>");
            let update = ["--debug", "user", "update", "jane", "--password-file", &file];
            let err = assert_masked(&desk, 400, &refusal, &update, &what);
            let line = "debug: POST /user/jane client_type=FREESIDE action=update password=******** password_type=plain";
            assert!(err.contains(line), "{what}: {err}");
            assert_masked(&desk, 200, &record, &update, &what);
            assert_masked(&desk, 200, &record, &[&update[..], &["--json"]].concat(), &what);
            let get = ["--config", &configuration, "--debug", "user", "get", "jane"];
            let err = assert_masked(&desk, 400, &refusal, &get, &what);
            assert!(err.contains("debug: GET /user/jane client_type=FREESIDE -> "), "{what}: {err}");
            assert_masked(&desk, 200, &record, &[&get[..], &["--json"]].concat(), &what);
        }
    }
}

#[test]
fn a_name_that_is_like_the_password_is_still_printed() {
    let desk = Desk::new();
    let file = desk.file("jane", "jane\n");
    desk.all(&["account add FREESIDE42", "user add jane FREESIDE42"]);
    let ended =
        desk.run(&["user", "update", "jane", "--first-name", "Jane", "--password-file", &file, "--json"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!((&ended.json()["id"], &ended.json()["first_name"]), (&json!("JANE"), &json!("Jane")));
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
