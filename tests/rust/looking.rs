//! `inspect` and `check`: pages wait for them, so they end in the time that they are given, whatever the server does.

use crate::abi_caller::{config, Handle};
use crate::properties::network::{Network, Script};
use magicmail::wire::{Answer, Carrier, Exchange, Failure, FailureKind, Outcome, Request};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(5);

/// A server that takes its time, on a clock of its own: what was asked, and until when an answer was waited for.
#[derive(Default)]
struct Slow {
    now: Duration,
    asked: Vec<(String, Duration)>,
}

/// Each answer takes so long, and the `last` one, and those after it, never come.
struct SlowServer {
    seen: Arc<Mutex<Slow>>,
    each: Duration,
    last: usize,
}

impl SlowServer {
    fn answer(&self, request: &Request, number: usize) -> Outcome {
        if number >= self.last {
            let text = "the server did not answer".to_owned();
            return Outcome::InDoubt(Failure { kind: FailureKind::Timeout, text });
        }
        let body = match request.path[0].as_str() {
            "user" => {
                "<response><users><user id=\"ANN\" account=\"A1\" master_user=\"Y\"/></users></response>"
            }
            _ => "<response><account id=\"A1\" status=\"active\"/></response>",
        };
        let body = body.as_bytes().to_vec();
        let content_type = Some("text/xml".to_owned());
        Outcome::Answered(Answer { status: 200, content_type, location: None, body })
    }
}

impl Carrier for SlowServer {
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let mut seen = self.seen.lock().unwrap();
        let until = deadline.min(seen.now + limit);
        let outcomes = requests.iter().map(|request| {
            seen.asked.push((request.path.join("/"), until));
            Exchange { outcome: self.answer(request, seen.asked.len()), elapsed: self.each }
        });
        let outcomes = outcomes.collect();
        seen.now += self.each;
        outcomes
    }

    fn now(&self) -> Duration {
        self.seen.lock().unwrap().now
    }

    fn pause(&self, time: Duration) {
        self.seen.lock().unwrap().now += time;
    }
}

/// What an operation asked, of a server whose answers take 3 seconds each.
fn asked(operation: &str, arguments: &serde_json::Value, last: usize) -> Vec<(String, Duration)> {
    let seen = Arc::new(Mutex::new(Slow::default()));
    let server = SlowServer { seen: seen.clone(), each: Duration::from_secs(3), last };
    let handle = Handle::over(&config().to_string(), server);
    handle
        .call(operation.as_bytes(), arguments.to_string().as_bytes())
        .expect("a reply, whatever is unknown");
    let asked = std::mem::take(&mut seen.lock().unwrap().asked);
    asked
}

fn end_in_time(asked: &[(String, Duration)]) {
    assert!(!asked.is_empty());
    for (path, until) in asked {
        assert!(*until <= WITHIN, "an answer to {path} is waited for until {until:?}");
    }
}

#[test]
fn a_look_at_a_mailbox_ends_in_its_time_though_the_last_answer_never_comes() {
    let arguments = json!({ "account_id": "A1", "user": "ann", "within": "5" });
    let asked = asked("inspect", &arguments, 6);
    assert_eq!(
        asked.last().unwrap().0,
        "user_package/ANN",
        "the master's packages are asked for after all else"
    );
    end_in_time(&asked);
}

#[test]
fn a_check_of_an_export_ends_in_its_time_though_the_domains_are_never_told() {
    let asked = asked("check", &json!({ "domains": ["example.net", "example.org"], "within": "5" }), 2);
    assert_eq!(asked.len(), 3, "{asked:?}");
    end_in_time(&asked);
}

/// What a look shows of an account whose users ann and bob are both marked as masters.
fn look(ann: &str, bob: &str, services: serde_json::Value) -> serde_json::Value {
    let user = |package: &str| json!({ "account": "A1", "master_user": "Y", "packages": [package] });
    let state = json!({
        "accounts": { "A1": {} }, "users": { "ann": user(ann), "bob": user(bob) }, "domains": ["example.net"],
    });
    let network = Network::new(serde_json::from_value(state).unwrap(), Script::honest());
    let arguments = json!({ "account_id": "A1", "user": "ann", "services": services, "only": ["masters"] });
    let reply = Handle::over(&config().to_string(), network)
        .call(b"inspect", arguments.to_string().as_bytes())
        .expect("a reply");
    serde_json::from_str(&reply).expect("a document")
}

#[test]
fn of_several_masters_a_look_shows_the_one_that_counts_in_every_hook_first() {
    let additional = look("ADDITIONAL NOCOST MAILBOX", "EMAIL", json!([]));
    assert_eq!(additional["masters"], json!(["BOB", "ANN"]));
    assert_eq!(additional["packages"], json!(["EMAIL"]));
    let services = json!([
        { "svcnum": 7, "username": "ann", "package": "EMAIL" },
        { "svcnum": 3, "username": "bob", "package": "FAX" },
    ]);
    let oldest = look("EMAIL", "FAX", services);
    assert_eq!(oldest["masters"], json!(["BOB", "ANN"]));
    assert_eq!(oldest["packages"], json!(["FAX"]));
}
