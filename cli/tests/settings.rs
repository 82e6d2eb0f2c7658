//! Where the configuration comes from.

use crate::program::{bare, ended, Desk, CLIENT_PASSWORD};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn the_environment_alone_will_do() {
    let desk = Desk::new();
    let mut command = bare(&["account", "list"]);
    command
        .env("MAGICMAIL_MACHINE", "localhost")
        .env("MAGICMAIL_PORT", desk.server.address().port().to_string())
        .env("MAGICMAIL_CLIENT_ID", "freeside")
        .env("MAGICMAIL_CLIENT_PASSWORD", CLIENT_PASSWORD)
        .env("MAGICMAIL_CA_FILE", desk.server.ca_file());
    let ended = ended(command, "");
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(desk.server.log().len(), 1);
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let desk = Desk::new();
    let mut configuration = desk.configuration();
    configuration["machine"] = json!("file.invalid");
    desk.file("magicmail.json", &configuration.to_string());
    let machine = |arguments: &[&str], variable: Option<&str>| {
        let mut command = desk.command(&[arguments, &["check", "--json"]].concat());
        if let Some(text) = variable {
            command.env("MAGICMAIL_MACHINE", text);
        }
        let text = ended(command, "").json()["name"]["text"].as_str().expect("a text").to_owned();
        text
    };
    assert!(machine(&[], None).contains("file.invalid"));
    assert!(machine(&[], Some("environment.invalid")).contains("environment.invalid"));
    assert!(machine(&["--machine", "localhost"], Some("environment.invalid")).contains("localhost"));
    let mut command = desk.command(&["check", "--json", "--machine", "localhost"]);
    command.env("MAGICMAIL_MACHINE", "environment.invalid");
    assert_eq!(ended(command, "").status, 0, "an option may follow the command");
}

#[test]
fn the_usual_places_are_looked_at() {
    let desk = Desk::new();
    fs::create_dir_all(desk.folder.join(".config")).expect("a folder");
    fs::rename(desk.folder.join("magicmail.json"), desk.folder.join(".config/magicmail.json"))
        .expect("moved");
    for (name, value) in [("HOME", desk.folder.clone()), ("XDG_CONFIG_HOME", desk.folder.join(".config"))] {
        let mut command = bare(&["account", "list"]);
        command.env(name, value);
        let ended = ended(command, "");
        assert_eq!(ended.status, 0, "{name}: {ended:?}");
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_with_the_place_to_mend_it() {
    let desk = Desk::new();
    let short = desk.file("short.json", r#"{"machine": "localhost"}"#);
    let broken = desk.file("broken.json", r#"{"machine": "#);
    let unknown = desk
        .file("unknown.json", r#"{"machine": "x", "client_id": "i", "client_password": "p", "colour": 1}"#);
    for (arguments, parts) in [
        (
            &[][..],
            &["no machine is configured", "~/.config/magicmail.json", "MAGICMAIL_MACHINE", "--machine"][..],
        ),
        (&["--config", &short], &["no client_id is configured", &short, "--client-id"]),
        (
            &["--config", &short, "--client-id", "x"],
            &["no client_password is configured", "--client-password-file"],
        ),
        (&["--config", &broken], &[&broken, "not valid JSON"]),
        (&["--config", &unknown], &["unknown key colour"]),
        (&["--config", "/nonexistent.json"], &["/nonexistent.json cannot be read"]),
        (
            &["--machine", "x", "--client-id", "i", "--client-password-file", "/nonexistent"],
            &["no password in /nonexistent"],
        ),
    ] {
        let ended = ended(bare(&[arguments, &["account", "list"]].concat()), "");
        assert_eq!(ended.status, 2, "{arguments:?}: {ended:?}");
        for part in parts {
            assert!(ended.err.contains(part), "{part}: {ended:?}");
        }
    }
}

#[test]
fn a_password_that_everybody_can_read_is_warned_about() {
    let desk = Desk::new();
    let path = desk.folder.join("magicmail.json");
    assert_eq!(desk.run(&["account", "list"]).err, "magicmail: there is no account\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened");
    let ended = desk.run(&["account", "list"]);
    assert_eq!(ended.status, 0);
    assert!(ended.err.contains("can be read by everybody"), "{ended:?}");
}
