//! Where the configuration comes from.

use crate::program::{bare, ended, Desk, CLIENT_PASSWORD, PASSWORD};
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
        (
            &["--config", "/nonexistent.json"],
            &["/nonexistent.json cannot be read: No such file or directory\n"],
        ),
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
fn a_file_that_others_can_read_or_change_is_warned_about() {
    let desk = Desk::new();
    let path = |name: &str| desk.folder.join(name);
    let mut plain = desk.configuration();
    plain.as_object_mut().expect("an object").remove("client_password");
    desk.file("plain.json", &plain.to_string());
    desk.file("key", &format!("{CLIENT_PASSWORD}\n"));
    plain["client_password_file"] = json!(path("key"));
    desk.file("named.json", &plain.to_string());
    // The configuration, the file whose mode is set, and what is said of each mode.
    let reads = [
        (0o600, ""),
        (0o640, "has a password and can be read by its group: chmod go= it"),
        (0o604, "has a password and can be read by others than its owner and group: chmod go= it"),
        (0o644, "has a password and can be read by everybody: chmod go= it"),
    ];
    let writes = [
        (0o620, "can be changed by its group: chmod go-w it"),
        (0o622, "can be changed by everybody: chmod go-w it"),
    ];
    let no_secret = [(0o600, ""), (0o644, "")];
    for (configuration, file, modes) in [
        ("magicmail.json", "magicmail.json", &[&reads[..], &writes].concat()[..]),
        ("plain.json", "plain.json", &[&no_secret[..], &writes].concat()),
        ("plain.json", "key", &[&reads[..], &writes].concat()),
        ("named.json", "key", &reads),
    ] {
        for (mode, says) in modes {
            fs::set_permissions(path(file), fs::Permissions::from_mode(*mode)).expect("set");
            let mut command = bare(&["account", "list"]);
            command.env("MAGICMAIL_CONFIG", path(configuration));
            if configuration == "plain.json" {
                command.env("MAGICMAIL_CLIENT_PASSWORD_FILE", path("key"));
            }
            let ended = ended(command, "");
            assert_eq!(ended.status, 0, "{ended:?}");
            let warning = format!("magicmail: warning: {} {says}\n", path(file).display());
            let warnings = if says.is_empty() { String::new() } else { warning };
            assert_eq!(ended.err, format!("{warnings}magicmail: there is no account\n"), "{file} {mode:o}");
        }
        fs::set_permissions(path(file), fs::Permissions::from_mode(0o600)).expect("set");
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_with_the_limit() {
    let desk = Desk::new();
    let long = desk.file("long", &"x".repeat(4_097));
    let fits = desk.file("fits", &format!("{}\nmore", "x".repeat(4_096)));
    let padded = desk.file("padded.json", &format!("{{}}{}", " ".repeat(64 * 1024)));
    for (arguments, status, says) in [
        (&["--client-password-file", &*long][..], 2, "it has a first line of more than 4096 bytes"),
        (&["--client-password-file", "/dev/zero"], 2, "it has a first line of more than 4096 bytes"),
        (&["--client-password-file", &fits], 4, "refused the API client's id or password"),
        (&["--config", &padded], 2, "padded.json is too long: at most 64 kB are read"),
        (&["--config", "/dev/zero"], 2, "/dev/zero is too long: at most 64 kB are read"),
    ] {
        let ended = desk.run(&[arguments, &["account", "list"]].concat());
        assert_eq!(ended.status, status, "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(says), "{arguments:?}: {ended:?}");
    }
}

#[test]
fn the_configuration_may_name_a_file_with_the_password() {
    let desk = Desk::new();
    let mut configuration = desk.configuration();
    configuration["client_password_file"] = json!(desk.file("key", &format!("{CLIENT_PASSWORD}\n")));
    let both = desk.file("both.json", &configuration.to_string());
    let ended = desk.run(&["--config", &both, "account", "list"]);
    assert_eq!(ended.status, 2);
    assert!(ended.err.contains("has both an API Client Password"), "{ended:?}");
    configuration.as_object_mut().expect("an object").remove("client_password");
    let named = desk.file("named.json", &configuration.to_string());
    assert_eq!(desk.run(&["--config", &named, "account", "list"]).status, 0);
    // What stands in the environment or on the command line goes before it.
    let wrong = desk.file("wrong", "not-the-password\n");
    let ended = desk.run(&["--config", &named, "--client-password-file", &wrong, "account", "list"]);
    assert_eq!(ended.status, 4, "{ended:?}");
    configuration["client_password_file"] = json!(wrong);
    let wrong = desk.file("wrong.json", &configuration.to_string());
    let mut command = bare(&["--config", &wrong, "account", "list"]);
    command.env("MAGICMAIL_CLIENT_PASSWORD", CLIENT_PASSWORD);
    assert_eq!(crate::program::ended(command, "").status, 0);
}

#[test]
fn both_passwords_may_come_from_standard_input_a_line_each() {
    let desk = Desk::new();
    desk.all(&["account add FREESIDE42"]);
    let arguments =
        ["--client-password-file", "-", "user", "add", "jane", "FREESIDE42", "--password-file", "-"];
    let ended = desk.run_with(&format!("{CLIENT_PASSWORD}\n{PASSWORD}\n"), &arguments);
    assert_eq!(ended.status, 0, "{ended:?}");
    assert_eq!(desk.server.log().last().expect("a request").parameters["password"], PASSWORD);
}

#[test]
fn a_switch_may_be_a_json_boolean_a_number_or_a_text() {
    let desk = Desk::new();
    let mut configuration = desk.configuration();
    for (value, is_on) in
        [(json!(true), true), (json!(1), true), (json!("1"), true), (json!(false), false), (json!(0), false)]
    {
        for switch in ["debug", "autopurge", "tls_insecure"] {
            configuration[switch] = value.clone();
        }
        desk.file("magicmail.json", &configuration.to_string());
        let ended = desk.run(&["account", "list"]);
        assert_eq!(ended.status, 0, "{ended:?}");
        assert_eq!(ended.err.contains("debug: GET /account"), is_on, "{ended:?}");
        assert_eq!(ended.err.contains("is not verified"), is_on, "{ended:?}");
    }
}
