//! Outputs that cannot be written: a full disk, and a reader that went away.

use crate::operations::DAY;
use crate::program::{bare, request, Desk, Ended};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::{Command, Stdio};

/// All was done, but the output could not be written.
const OUTPUT_FAILED: i32 = 8;

fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full").into()
}

fn run(mut command: Command, input: &str, out: Stdio, err: Stdio) -> Ended {
    let mut child =
        command.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().expect("the program starts");
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("an end");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended {
        status: output.status.code().expect("an exit, and no signal"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

#[track_caller]
fn assert_fails_on_a_full_disk(command: Command, input: &str, what: &str) {
    let ended = run(command, input, full_disk(), Stdio::piped());
    assert_eq!(ended.status, OUTPUT_FAILED, "{what}: {ended:?}");
    assert!(
        ended.err.ends_with("magicmail: standard output could not be written: No space left on device\n"),
        "{what}: {ended:?}"
    );
}

#[test]
fn every_command_fails_that_cannot_write_its_output() {
    let desk = Desk::new();
    let password = desk.folder.join("password").to_string_lossy().into_owned();
    for command in DAY {
        let mut words: Vec<&str> =
            command.split(' ').map(|word| if word == "PASSWORD" { &password } else { word }).collect();
        words.push("--json");
        assert_fails_on_a_full_disk(desk.command(&words), "", command);
    }
    for words in [&["account", "list", "--json"][..], &["account", "get", "FREESIDE42"], &["check"]] {
        assert_fails_on_a_full_disk(desk.command(words), "", &format!("{words:?}"));
    }
    let (text, mut change) = (request().to_string(), request());
    change["old"] = change["service"].clone();
    assert_fails_on_a_full_disk(desk.command(&["provision"]), &text, "steps");
    for hook in ["provision", "change", "suspend", "unsuspend", "unprovision"] {
        let text = if hook == "change" { change.to_string() } else { text.clone() };
        assert_fails_on_a_full_disk(desk.command(&[hook, "--json", "--yes"]), &text, hook);
    }
    let state = serde_json::to_value(desk.server.state()).expect("JSON");
    assert_eq!(state["users"]["jane"]["status"], "deleted", "all was done: {state}");
}

#[test]
fn help_and_pages_fail_that_cannot_be_written() {
    for words in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["help"],
        &["help", "user", "update"],
        &["user", "--help"],
        &["user", "update", "--help"],
        &["provision", "--help"],
        &["check", "--help"],
        &["man"],
        &["completions", "bash"],
    ] {
        assert_fails_on_a_full_disk(bare(words), "", &format!("{words:?}"));
    }
}

#[test]
fn what_is_only_remarked_fails_too_and_a_failure_keeps_its_status() {
    let desk = Desk::new();
    let status = |words: &[&str]| run(desk.command(words), "", full_disk(), full_disk()).status;
    desk.all(&["account add FREESIDE42", "account delete FREESIDE42 --yes"]);
    assert_eq!(status(&["account", "purge", "FREESIDE42", "--yes"]), OUTPUT_FAILED);
    assert_eq!(status(&["account", "suspend", "FREESIDE42", "--json"]), 4);
    assert_eq!(status(&["user", "purge", "jane"]), 3);
    assert_eq!(status(&["user", "sail"]), 1);
}

#[test]
fn a_hook_goes_on_though_nobody_reads_what_it_prints() {
    let desk = Desk::new();
    desk.server.change_modes(&json!({ "echo_password": true })).expect("a mode");
    for words in [&["--debug", "provision"][..], &["--debug", "provision", "--json"]] {
        let mut command = desk.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        // Both readers are gone before there is a request.
        drop((child.stdout.take(), child.stderr.take()));
        child.stdin.take().expect("its input").write_all(request().to_string().as_bytes()).expect("written");
        assert_eq!(child.wait().expect("an end").code(), Some(0), "{words:?}");
        assert_eq!(desk.json(&["address", "get", "jane@example.net"])["user"], "JANE");
        assert_eq!(desk.json(&["package", "list", "jane"]).as_object().map(|list| list.len()), Some(1));
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    for words in [&["--help"][..], &["man"], &["completions", "zsh"], &["user", "update", "--help"]] {
        let mut child = bare(words).stdout(Stdio::piped()).spawn().expect("the program starts");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("an end").code(), Some(0), "{words:?}");
    }
}
