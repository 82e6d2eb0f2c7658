//! Answers that mean harm, or none at all, through the whole library: whatever comes, a call ends in time,
//! with a failure or a success that is true, and what people read is one harmless line.

mod arbitrary;
mod carrier;
mod documents;
mod silence;
mod stages;
mod texts;
mod work;

use crate::abi_caller::{config, request_of, Failure, Handle, HOOKS, PASSWORD};
use crate::properties::{for_people, is_treacherous, texts_of, SECRET};
use magicmail_simulator::{Fault, Kind, Options, Server};
use serde_json::{json, Value};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a call may take at most. The limit is the machine's that runs the tests: a loaded one is slow.
const PATIENCE: Duration = Duration::from_secs(8);

/// A simulated MagicMail server, and a handle on it.
struct House {
    server: Server,
    handle: Handle,
}

fn house() -> House {
    let client = magicmail_simulator::Credentials::new("freeside", SECRET);
    let server = Server::start(Options { client, ..Options::default() }).unwrap();
    let mut config = config_of(&server);
    config["timeout"] = json!(5);
    config["autopurge"] = json!(true);
    let handle = Handle::new(config.to_string().as_bytes()).unwrap();
    House { server, handle }
}

fn config_of(server: &Server) -> Value {
    let mut config = config();
    config["client_password"] = json!(SECRET);
    config["port"] = json!(server.address().port());
    config["ca_file"] = json!(server.ca_file());
    config
}

impl House {
    /// Another handle on the server, with debug on.
    fn debugging(&self) -> Handle {
        let mut config = config_of(&self.server);
        config["debug"] = json!(1);
        Handle::new(config.to_string().as_bytes()).unwrap()
    }

    /// Every request is answered so, and none carried out.
    fn answer(&self, status: u16, content_type: &str, body: &str) {
        self.server.set_faults(vec![Fault {
            count: None,
            status: Some(status),
            content_type: Some(content_type.to_owned()),
            body: Some(body.to_owned()),
            ..Fault::new(Kind::Answer)
        }]);
    }

    /// What each hook, each read by name, and the look at a mailbox come to.
    fn each_call(&self) -> Vec<(String, Result<String, Failure>)> {
        let mut ended = Vec::new();
        for (name, hook) in HOOKS {
            let request = request_of(name).to_string();
            ended.push((name.to_owned(), in_time(name, || self.handle.hook(hook, request.as_bytes()))));
        }
        for (operation, arguments) in [
            ("get_account", json!({ "id": "FREESIDE42" })),
            ("get_users", json!({ "account": "FREESIDE42" })),
            ("get_packages", json!({ "user": "jane" })),
            ("request", json!({ "method": "GET", "path": "/user" })),
            ("inspect", json!({ "account_id": "FREESIDE42", "user": "jane", "within": 3 })),
            ("check", json!({ "domains": ["example.net"], "within": 3 })),
        ] {
            let arguments = arguments.to_string();
            let call = || self.handle.call(operation.as_bytes(), arguments.as_bytes());
            ended.push((operation.to_owned(), in_time(operation, call)));
        }
        ended
    }
}

/// Runs a call, which must not take long nor much memory. One after the other: the memory of the largest answers
/// would be counted twice.
fn in_time<T>(what: &str, call: impl FnOnce() -> T) -> T {
    within(PATIENCE, what, call)
}

fn within<T>(limit: Duration, what: &str, call: impl FnOnce() -> T) -> T {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (started, before) = (Instant::now(), memory());
    let ended = call();
    assert!(started.elapsed() < limit, "{what} took {:?}", started.elapsed());
    let grown = memory().saturating_sub(before);
    assert!(grown < 200, "{what} took {grown} MB");
    ended
}

/// What this process has of the machine's memory, in MB. Other tests take some at the same time.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// The hooks and reads by name that must fail on an answer which is none; what only looks (`check`,
/// `inspect`) says so in its reply.
fn all_fail(ended: &[(String, Result<String, Failure>)], what: &str) {
    for (name, ended) in ended {
        match ended {
            Ok(reply) if name == "inspect" || name == "check" => {
                is_for_people(&json!(reply_texts(reply)), name)
            }
            Ok(reply) => panic!("{what}: {name} succeeded: {reply:.200}"),
            Err(failure) => {
                is_harmless(failure, &format!("{what}: {name}"));
                // A read by name was given no password to hide.
                assert!(!name.starts_with("mm_") || !failure.text.contains(PASSWORD), "{}", failure.text);
            }
        }
    }
}

/// The texts of our own in a reply that looks around.
fn reply_texts(reply: &str) -> Vec<Value> {
    let reply: Value = serde_json::from_str(reply).unwrap();
    let mut texts = reply["unknown"].as_array().cloned().unwrap_or_default();
    texts.extend(["reached", "certificate", "credentials"].iter().map(|key| reply[key]["text"].clone()));
    texts
}

fn is_harmless(failure: &Failure, what: &str) {
    assert!((3..=6).contains(&failure.status), "{what}: {failure:?}");
    assert!(!failure.text.is_empty(), "{what}");
    is_for_people(&json!(failure.text), what);
    is_for_people(&failure.detail, what);
}

/// No text in `value`, at whatever depth, is more than a line, hides or turns its neighbours, or has a secret.
fn is_for_people(value: &Value, what: &str) {
    let checked = texts_of(value).into_iter().try_for_each(|text| for_people(text, &[SECRET]));
    checked.unwrap_or_else(|why| panic!("{what}: {why}"));
}
