//! Hooks over a simulated network, without sockets and with a clock of its own: something happens to a certain
//! request, and this is what the hook makes of it.

use magicmail::error::{Error, Status};
use magicmail::log::NoSink;
use magicmail::operation::Export;
use magicmail::wire::{Answer, Carrier, Exchange, Failure, FailureKind, Method, Outcome, Request};
use magicmail::world::Hook;
use magicmail_simulator::{ApiRequest, Credentials, MailServer, Method as ApiMethod, Modes, State};
use serde_json::{json, Value};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mishap {
    /// The request does not arrive.
    Lost,
    /// It is carried out.
    AnswerLost,
    /// It is not carried out, and refused.
    Refused,
}

/// What happens to those requests whose words begin so, from the first on or the second and so on, and to how
/// many.
struct Rule {
    words: &'static str,
    from: usize,
    count: usize,
    mishap: Mishap,
    seen: usize,
}

struct Inner {
    server: MailServer,
    now: Duration,
    rules: Vec<Rule>,
    requests: Vec<String>,
    autopurge: bool,
}

struct Network(Mutex<Inner>);

struct Line(Arc<Network>);

const FOR_EVER: usize = usize::MAX / 2;

impl Network {
    fn new(state: Value, modes: Value) -> Arc<Network> {
        let state: State = serde_json::from_value(state).expect("a state");
        let modes = Modes::default().changed(&modes).expect("modes");
        let server = MailServer::new(Credentials::new("freeside", "secret"), state, modes);
        let inner = Inner {
            server,
            now: Duration::from_secs(100),
            rules: Vec::new(),
            requests: Vec::new(),
            autopurge: true,
        };
        Arc::new(Network(Mutex::new(inner)))
    }

    fn mishap(
        self: Arc<Network>,
        words: &'static str,
        from: usize,
        count: usize,
        mishap: Mishap,
    ) -> Arc<Network> {
        self.0.lock().unwrap().rules.push(Rule { words, from, count, mishap, seen: 0 });
        self
    }

    fn without_autopurge(self: Arc<Network>) -> Arc<Network> {
        self.0.lock().unwrap().autopurge = false;
        self
    }

    fn hook(self: &Arc<Network>, hook: Hook, request: &Value) -> Result<Value, Error> {
        let reply = self.export().hook(hook, &request.to_string(), &NoSink)?;
        Ok(serde_json::from_str(&reply).expect("a reply"))
    }

    fn call(self: &Arc<Network>, name: &str, arguments: &Value) -> Result<Value, Error> {
        let reply = self.export().call(name, &arguments.to_string(), &NoSink)?;
        Ok(serde_json::from_str(&reply).expect("a reply"))
    }

    fn export(self: &Arc<Network>) -> Export {
        let autopurge = self.0.lock().unwrap().autopurge;
        let configuration = json!({ "machine": "m", "client_id": "freeside", "client_password": "secret",
                                    "autopurge": autopurge });
        Export::over(&configuration.to_string(), Box::new(Line(Arc::clone(self)))).expect("an export")
    }

    fn state(&self) -> Value {
        serde_json::to_value(self.0.lock().unwrap().server.state()).expect("a document")
    }
}

impl Inner {
    fn carry(&mut self, request: &Request) -> Outcome {
        self.now += Duration::from_millis(10);
        let request = api_request(request);
        let words = words(&request);
        self.requests.push(words.clone());
        let mut mishap = None;
        for rule in self.rules.iter_mut().filter(|rule| words.starts_with(rule.words)) {
            rule.seen += 1;
            if rule.seen >= rule.from && rule.seen < rule.from + rule.count {
                mishap = Some(rule.mishap);
            }
        }
        let failure = Failure { kind: FailureKind::Closed, text: "the connection broke".to_owned() };
        match mishap {
            None => Outcome::Answered(answer(self.server.answer(self.now, &request))),
            Some(Mishap::Lost) => Outcome::InDoubt(failure),
            Some(Mishap::AnswerLost) => {
                self.server.answer(self.now, &request);
                Outcome::InDoubt(failure)
            }
            Some(Mishap::Refused) => {
                let body = b"<r><error><code>error.internal</code><message>No</message></error></r>".to_vec();
                Outcome::Answered(Answer { status: 400, content_type: None, location: None, body })
            }
        }
    }
}

impl Carrier for Line {
    fn carry(&self, requests: &[Request], _: Duration, _: Duration) -> Vec<Exchange> {
        let mut inner = self.0 .0.lock().unwrap();
        let carried = requests.iter().map(|request| inner.carry(request));
        carried.map(|outcome| Exchange { outcome, elapsed: Duration::from_millis(10) }).collect()
    }

    fn now(&self) -> Duration {
        self.0 .0.lock().unwrap().now
    }

    fn pause(&self, time: Duration) {
        self.0 .0.lock().unwrap().now += time;
    }
}

fn api_request(request: &Request) -> ApiRequest {
    let parameters = request.parameters.iter();
    ApiRequest {
        method: match request.method {
            Method::Get => ApiMethod::Get,
            Method::Post => ApiMethod::Post,
        },
        path: request.path.clone(),
        parameters: parameters.map(|(name, value)| (name.clone(), value.reveal().to_owned())).collect(),
        credentials: Some(Credentials::new("freeside", "secret")),
    }
}

/// `POST user/jane action=purge force=true`.
fn words(request: &ApiRequest) -> String {
    let parameters = request.parameters.iter().filter(|(name, _)| name != "client_type");
    let parameters: Vec<String> = parameters.map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{} {}{}", request.method.as_str(), request.path.join("/"), parameters.concat())
}

fn answer(answer: magicmail_simulator::Answer) -> Answer {
    Answer { status: answer.status, content_type: answer.content_type, location: None, body: answer.body }
}

/// An account with jane alone, its master.
fn of_jane(status: &str) -> Value {
    json!({
        "accounts": { "A1": { "status": "active" } },
        "users": { "jane": { "account": "A1", "master_user": "Y", "status": status, "packages": ["EMAIL"],
                             "first_name": "Old", "last_name": "Name", "password": "old" } },
        "addresses": { "jane@example.net": "jane" },
        "domains": ["example.net", "example.com"],
    })
}

fn nobody() -> Value {
    json!({ "domains": ["example.net", "example.com"] })
}

/// Of jane, on account A1.
fn request() -> Value {
    json!({
        "account": { "id": "A1", "first_name": "Ann", "last_name": "Lee" },
        "service": { "svcnum": 20, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
                     "password": "sesame", "password_encoding": "plain" },
    })
}

#[test]
fn an_account_with_services_in_freeside_is_not_purged_though_no_user_is_shown_on_it() {
    let mut state = of_jane("deleted");
    state["accounts"]["A1"]["status"] = json!("deleted");
    state["users"]["ann"] = json!({ "account": "A1", "status": "deleted" });
    let arguments = json!({
        "account_id": "A1", "user": "jane", "address": "jane@example.net",
        "services": [{ "svcnum": 12, "username": "ann", "package": "EMAIL" }],
    });
    let network = Network::new(state, json!({ "deleted_users": "hidden" }));
    network.call("purge_deleted", &arguments).expect("purged");
    let state = network.state();
    assert_eq!(state["users"]["jane"], Value::Null);
    assert_eq!(state["users"]["ann"]["status"], "deleted", "ann's unprovision was rolled back");
}
