//! `magicmail check`: one line each, with what to do.

use crate::program::{Desk, Ended};
use magicmail_simulator::{CertificateKind, Options};
use serde_json::json;

/// The first two words of each line.
fn words(ended: &Ended) -> Vec<String> {
    let first = |line: &str| {
        let found = ["  ok ", "  FAULT ", "  ?  ", "  note "].iter().find_map(|word| line.split_once(word));
        let label = found.map_or(line, |found| found.0).trim().to_owned();
        let word = line[label.len()..].split_whitespace().next().unwrap_or_default();
        format!("{label} {word}")
    };
    ended.out.lines().map(first).collect()
}

#[test]
fn a_server_in_order_has_an_ok_on_every_line() {
    let desk = Desk::new();
    let ended = desk.run(&["check", "--domain", "example.net"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(words(&ended), ["DNS ok", "TCP ok", "TLS ok", "credentials ok", "domain example.net ok"]);
    let reply = desk.json(&["check"]);
    assert_eq!(reply["name"], json!({"ok": true, "text": "localhost has an address"}));
    let reply = desk.json(&["--machine", "127.0.0.1", "check"]);
    assert_eq!(reply["name"]["text"], "127.0.0.1 is an address");
}

#[test]
fn each_fault_has_its_line_its_remedy_and_its_status() {
    let desk = Desk::new();
    let unused =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let closed = unused.port().to_string();
    let wrong = desk.file("wrong", "not-the-password\n");
    for (arguments, status, expected, remedy) in [
        (
            &["--machine", "nowhere.invalid"][..],
            5,
            &["DNS FAULT", "TCP ?", "TLS ?", "credentials ?"][..],
            "check the option machine",
        ),
        (&["--port", &closed], 5, &["DNS ok", "TCP FAULT", "TLS ?", "credentials ?"], "connection refused"),
        (
            &["--ca-file", ""],
            5,
            &["DNS ok", "TCP ok", "TLS FAULT", "credentials ?"],
            "set the option ca_file",
        ),
        (
            &["--client-password-file", &wrong],
            4,
            &["DNS ok", "TCP ok", "TLS ok", "credentials FAULT"],
            "check the export's API Client ID",
        ),
    ] {
        let ended = desk.run(&[arguments, &["check"]].concat());
        assert_eq!(words(&ended), expected, "{arguments:?}: {ended:?}");
        assert_eq!(ended.status, status, "{arguments:?}: {ended:?}");
        assert!(ended.out.contains(remedy), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn a_domain_that_the_server_does_not_show_is_not_known_and_has_not_passed() {
    let desk = Desk::new();
    let ended = desk.run(&["check", "--domain", "elsewhere.example"]);
    assert_eq!(words(&ended).last().map(String::as_str), Some("domain elsewhere.example ?"));
    assert!(ended.out.contains("set it up in MagicMail"), "{ended:?}");
    assert_eq!(ended.status, 4, "{ended:?}");
}

#[test]
fn a_certificate_that_is_not_verified_on_purpose_is_noted_and_no_fault() {
    let desk = Desk::with(Options { certificate: CertificateKind::SelfSignedCa, ..Options::default() });
    let ended = desk.run(&["check", "--ca-file", "", "--tls-insecure"]);
    assert_eq!(words(&ended), ["DNS ok", "TCP ok", "TLS note", "credentials ok"]);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert!(ended.err.contains("anybody between here and there can read the API password"), "{ended:?}");
}

#[test]
fn as_json_it_is_the_librarys_reply_also_where_there_is_a_fault() {
    let desk = Desk::new();
    let wrong = desk.file("wrong", "not-the-password\n");
    let ended =
        desk.run(&["--client-password-file", &wrong, "check", "--json", "--domain", "elsewhere.example"]);
    assert_eq!((ended.status, ended.err.as_str()), (4, ""));
    assert_eq!(ended.json()["credentials"]["ok"], false);
    assert_eq!(ended.json()["domains"]["elsewhere.example"]["ok"], json!(null));
}
