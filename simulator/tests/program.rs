//! The program: what it prints, what its options do, and that it ends.

use crate::control::ask;
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

struct Program {
    child: Child,
    lines: Vec<String>,
}

/// Starts it with its standard input open.
fn run(arguments: &[&str]) -> Program {
    let mut child = Command::new(env!("CARGO_BIN_EXE_magicmail-simulator"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let stdout = BufReader::new(child.stdout.take().expect("its output"));
    let lines = stdout.lines().take(3).collect::<Result<_, _>>().expect("three lines");
    Program { child, lines }
}

impl Program {
    fn control(&self) -> &str {
        self.lines[1].strip_prefix("control ").expect("the control port")
    }

    fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("an end").success());
    }
}

#[test]
fn it_says_where_it_is_and_ends_with_its_standard_input() {
    let program = run(&["--stop-with-stdin"]);
    assert!(program.lines[0].starts_with("https://127.0.0.1:"), "{:?}", program.lines);
    let ca = program.lines[2].strip_prefix("ca ").expect("the certificate").to_owned();
    assert!(std::fs::read_to_string(&ca).expect("a file").starts_with("-----BEGIN CERTIFICATE-----"));
    program.stop();
    assert!(!Path::new(&ca).exists(), "the temporary folder goes with it");
}

#[test]
fn its_options_reach_the_server() {
    let directory = std::env::temp_dir().join(format!("magicmail-simulator-test-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a folder");
    let state = directory.join("state.json");
    std::fs::write(&state, r#"{"accounts": {"F1": {}}, "domains": ["a.example"]}"#).expect("a file");
    let program = run(&[
        "--stop-with-stdin",
        "--directory",
        &directory.to_string_lossy(),
        "--state",
        &state.to_string_lossy(),
        "--domain",
        "b.example",
        "c.example",
        "--mode",
        "fields=mixed",
        "--mode",
        "http=1.0",
        "--fault",
        r#"{"kind": "hang", "on": 4}"#,
        "--certificate",
        "self-signed-ca",
        "--max-tls",
        "1.2",
    ]);
    assert_eq!(program.lines[2], format!("ca {}", directory.join("ca.pem").display()));
    let get = |path| ask(program.control(), "GET", path, None).1;
    assert_eq!(get("/state")["domains"], json!(["a.example", "b.example", "c.example"]));
    assert!(get("/state")["accounts"]["F1"].is_object());
    assert_eq!((&get("/modes")["fields"], &get("/modes")["http"]), (&json!("mixed"), &json!("1.0")));
    assert_eq!(get("/faults"), json!([{"kind": "hang", "on": 4, "count": 1}]));
    program.stop();
    assert!(directory.join("certificate.pem").exists(), "a folder that was named stays");
    std::fs::remove_dir_all(directory).expect("removed");
}

#[test]
fn what_it_cannot_do_it_says() {
    for (arguments, text) in [
        (["--mode", "colour=red"], "colour"),
        (["--fault", "{\"kind\": \"x\"}"], "unknown variant `x`"),
        (["--state", "/nowhere/state.json"], "/nowhere/state.json"),
        (["--certificate", "paper"], "paper"),
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_magicmail-simulator"))
            .args(arguments)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut said = String::new();
        child.stderr.take().expect("its errors").read_to_string(&mut said).expect("text");
        assert!(!child.wait().expect("an end").success());
        assert!(said.contains(text), "{said}");
    }
}
