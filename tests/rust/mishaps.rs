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
pub enum Mishap {
    /// The request does not arrive.
    Lost,
    /// It is carried out.
    AnswerLost,
    /// It is not carried out, and refused.
    Refused,
    /// It is carried out, and refused.
    RefusedThoughDone,
    /// The names of an update are stored, its password is refused.
    PasswordRefused,
    /// Nobody gets an answer, and it is carried out so many requests later.
    Late(usize),
    /// It is not carried out, and answered with an empty body.
    Swallowed,
    /// A read: the server says that there is no such thing.
    NotFound,
    /// The server says that it has none, or one that this client may not see.
    Forbidden,
    /// It is answered with this document.
    Says(&'static str),
    /// No connection can be made.
    NotSent,
    /// It is carried out, its answer is lost, and then another customer makes a user jane.
    NameTaken,
    /// It is carried out and refused, and then another customer makes a user jane.
    RefusedAndNameTaken,
}

/// What happens to those requests whose words begin so, from the first on or the second and so on, and to how
/// many.
#[derive(Clone)]
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
    /// Requests on their way, and after how many others they arrive.
    late: Vec<(usize, ApiRequest)>,
    autopurge: bool,
}

pub struct Network(Mutex<Inner>);

struct Line(Arc<Network>);

pub const FOR_EVER: usize = usize::MAX / 2;

impl Network {
    pub fn new(state: Value, modes: Value) -> Arc<Network> {
        let state: State = serde_json::from_value(state).expect("a state");
        let modes = Modes::default().changed(&modes).expect("modes");
        let server = MailServer::new(Credentials::new("freeside", "secret"), state, modes);
        let inner = Inner {
            server,
            now: Duration::from_secs(100),
            rules: Vec::new(),
            requests: Vec::new(),
            late: Vec::new(),
            autopurge: true,
        };
        Arc::new(Network(Mutex::new(inner)))
    }

    pub fn mishap(
        self: Arc<Network>,
        words: &'static str,
        from: usize,
        count: usize,
        mishap: Mishap,
    ) -> Arc<Network> {
        self.0.lock().unwrap().rules.push(Rule { words, from, count, mishap, seen: 0 });
        self
    }

    pub fn without_autopurge(self: Arc<Network>) -> Arc<Network> {
        self.0.lock().unwrap().autopurge = false;
        self
    }

    pub fn hook(self: &Arc<Network>, hook: Hook, request: &Value) -> Result<Value, Error> {
        let reply = self.export().hook(hook, &request.to_string(), &NoSink)?;
        Ok(serde_json::from_str(&reply).expect("a reply"))
    }

    pub fn call(self: &Arc<Network>, name: &str, arguments: &Value) -> Result<Value, Error> {
        let reply = self.export().call(name, &arguments.to_string(), &NoSink)?;
        Ok(serde_json::from_str(&reply).expect("a reply"))
    }

    fn export(self: &Arc<Network>) -> Export {
        let autopurge = self.0.lock().unwrap().autopurge;
        let configuration = json!({ "machine": "m", "client_id": "freeside", "client_password": "secret",
                                    "autopurge": autopurge });
        Export::over(&configuration.to_string(), Box::new(Line(Arc::clone(self)))).expect("an export")
    }

    pub fn requests(&self) -> Vec<String> {
        self.0.lock().unwrap().requests.clone()
    }

    pub fn state(&self) -> Value {
        serde_json::to_value(self.0.lock().unwrap().server.state()).expect("a document")
    }
}

impl Inner {
    fn carry(&mut self, request: &Request) -> Outcome {
        self.now += Duration::from_millis(10);
        let request = api_request(request);
        self.late.iter_mut().for_each(|(left, _)| *left = left.saturating_sub(1));
        while let Some(i) = self.late.iter().position(|(left, _)| *left == 0) {
            let (_, late) = self.late.remove(i);
            self.server.answer(self.now, &late);
        }
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
            Some(Mishap::Late(after)) => {
                self.late.push((after, request));
                Outcome::InDoubt(failure)
            }
            Some(Mishap::NotSent) => Outcome::NotSent(Failure { kind: FailureKind::Connect, ..failure }),
            Some(Mishap::NameTaken) => {
                self.server.answer(self.now, &request);
                self.take_name();
                Outcome::InDoubt(failure)
            }
            Some(Mishap::RefusedAndNameTaken) => {
                self.server.answer(self.now, &request);
                self.take_name();
                refusal("error.internal")
            }
            Some(Mishap::Refused) => refusal("error.internal"),
            Some(Mishap::RefusedThoughDone) => {
                self.server.answer(self.now, &request);
                refusal("error.internal")
            }
            Some(Mishap::PasswordRefused) => {
                let parameters = request.parameters.iter().filter(|(name, _)| !name.starts_with("password"));
                let names = ApiRequest { parameters: parameters.cloned().collect(), ..request.clone() };
                self.server.answer(self.now, &names);
                refusal("user.error.invalid_password")
            }
            Some(Mishap::Says(body)) => Outcome::Answered(Answer {
                status: 200,
                content_type: None,
                location: None,
                body: body.as_bytes().to_vec(),
            }),
            Some(Mishap::Swallowed) => Outcome::Answered(Answer {
                status: 200,
                content_type: None,
                location: None,
                body: Vec::new(),
            }),
            Some(Mishap::NotFound) => refusal("account.error.not_found"),
            Some(Mishap::Forbidden) => refusal("error.permission_denied"),
        }
    }

    fn take_name(&mut self) {
        let mut state = serde_json::to_value(self.server.state()).expect("a document");
        state["accounts"]["OTHER"] = json!({ "status": "active" });
        state["users"]["jane"] = json!({ "account": "OTHER", "status": "active" });
        self.server.set_state(serde_json::from_value(state).expect("a state"));
    }
}

fn refusal(code: &str) -> Outcome {
    let body = format!("<r><error><code>{code}</code><message>No</message></error></r>").into_bytes();
    Outcome::Answered(Answer { status: 400, content_type: None, location: None, body })
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

#[test]
fn the_address_of_a_mailbox_that_a_job_purged_is_not_put_back() {
    let mut state = of_jane("deleted");
    state["accounts"]["A1"]["status"] = json!("deleted");
    let arguments =
        json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net", "services": [] });
    let network =
        Network::new(state, json!({})).mishap("POST account/A1 action=purge", 1, FOR_EVER, Mishap::Refused);
    let error = network.call("purge_deleted", &arguments).expect_err("the account stays");
    assert!(error.text.ends_with("; user jane is purged already"), "{}", error.text);
    assert!(error.leftovers.is_empty(), "nothing is to be put right by hand: {:?}", error.leftovers);
    let requests = network.requests();
    let is_put_back = |words: &String| words.starts_with("POST emailaddress/") && !words.contains("purge");
    assert!(!requests.iter().any(is_put_back), "{requests:?}");
}

#[test]
fn that_a_step_did_not_take_effect_counts_only_where_a_server_that_lags_was_asked_to_the_end() {
    let network = Network::new(of_jane("active"), json!({ "lag_ms": 1_000 }))
        .mishap("POST user/jane", 1, 1, Mishap::AnswerLost)
        .mishap("GET user/jane", 3, FOR_EVER, Mishap::Lost);
    let error = network.hook(Hook::Suspend, &request()).expect_err("nobody knows what became of it");
    assert_eq!(network.state()["users"]["jane"]["status"], "suspended");
    assert_eq!(error.status, Status::Doubt);
    assert_eq!(error.leftovers, ["possibly: user jane is suspended, was active"]);
}

#[test]
fn a_look_up_that_fails_once_is_made_up_for() {
    let network = Network::new(of_jane("active"), json!({ "lag_ms": 1_000 }))
        .mishap("POST user/jane", 1, 1, Mishap::Lost)
        .mishap("GET user/jane", 3, 1, Mishap::Lost);
    network.hook(Hook::Suspend, &request()).expect("it is asked once more, and then tried again");
    assert_eq!(network.state()["users"]["jane"]["status"], "suspended");
}

#[test]
fn an_undo_is_not_taken_for_done_because_a_server_that_lags_still_shows_what_was_before() {
    let mut state = nobody();
    state["accounts"] = json!({ "B2": { "status": "active" } });
    state["users"] = json!({ "jane": { "account": "B2" } });
    for mishap in [Mishap::Lost, Mishap::Refused] {
        let network = Network::new(state.clone(), json!({ "lag_ms": 400 })).mishap(
            "POST account/A1 action=purge",
            1,
            1,
            mishap,
        );
        let error = network.hook(Hook::Provision, &request()).expect_err("the name is taken");
        assert_eq!(error.status, Status::Refused, "{}", error.text);
        assert_eq!(network.state()["accounts"]["A1"], Value::Null);
    }
}

#[test]
fn a_name_that_the_server_does_not_empty_again_is_named() {
    let mut state = of_jane("active");
    state["users"]["jane"]["last_name"] = json!("");
    let mut changed = request();
    changed["old"] = changed["service"].clone();
    changed["old"]["finger"] = json!("Old");
    changed["service"]["domain"] = json!("example.com");
    for empty_writes in [false, true] {
        let network =
            Network::new(state.clone(), json!({ "empty_clears": false, "empty_writes": empty_writes }))
                .mishap("POST emailaddress/jane@example.net action=purge", 1, FOR_EVER, Mishap::Refused);
        let error = network.hook(Hook::Replace, &changed).expect_err("the old address stays");
        assert_eq!(network.state()["users"]["jane"]["last_name"], "Roe");
        assert_eq!(error.leftovers, ["names of user jane (one of them was empty, and stays)"]);
    }
}

#[test]
fn names_that_a_server_does_not_empty_do_not_tell_that_the_old_password_is_back() {
    let mut changed = request();
    changed["old"] = changed["service"].clone();
    changed["old"]["finger"] = json!("Old Name");
    changed["old"]["password"] = json!("old");
    changed["service"]["finger"] = json!("");
    let network = Network::new(of_jane("active"), json!({ "empty_clears": false }))
        .mishap("POST user/jane action=update first_name= last_name=", 1, FOR_EVER, Mishap::AnswerLost)
        .mishap("POST user/jane action=update first_name=Old", 1, 1, Mishap::Lost);
    let error = network.hook(Hook::Replace, &changed).expect_err("no answer");
    assert_eq!(network.state()["users"]["jane"]["password"], "old", "{:?}", network.requests());
    assert_eq!(error.leftovers, Vec::<String>::new());
}

#[test]
fn a_new_user_whom_a_server_that_lags_made_no_master_is_asked_for_until_it_is_shown() {
    let mut state = of_jane("active");
    // Of the account's only user no service is known, and nobody is its master.
    let other = state["users"].as_object_mut().expect("users").remove("jane").expect("jane");
    state["users"]["other"] = other;
    state["users"]["other"]["master_user"] = json!("N");
    state["addresses"] = json!({});
    let network = Network::new(state, json!({ "lag_ms": 1_000 }));
    let mut request = request();
    request["others"] = json!([{ "svcnum": 30, "username": "ann", "package": "EMAIL", "account_id": "A1" }]);
    network.hook(Hook::Provision, &request).expect("it becomes the master");
    let jane = &network.state()["users"]["jane"];
    assert_eq!((&jane["master_user"], &jane["packages"]), (&json!("Y"), &json!(["EMAIL"])));
}

#[test]
fn an_address_that_went_with_a_mark_that_is_undone_is_put_back() {
    for autopurge in [true, false] {
        let network = Network::new(of_jane("suspended"), json!({ "addresses_follow_delete": true }))
            .mishap("POST user/jane action=update status=deleted", 1, 1, Mishap::AnswerLost)
            .mishap("GET user/jane", 2, 5, Mishap::Lost);
        let network = if autopurge { network } else { network.without_autopurge() };
        let error =
            network.hook(Hook::Unprovision, &request()).expect_err("nobody knows whether it is marked");
        let state = network.state();
        assert_eq!(state["users"]["jane"]["status"], "suspended");
        assert_eq!(state["addresses"]["jane@example.net"], "jane");
        assert_eq!(error.leftovers, Vec::<String>::new());
    }
}

#[test]
fn a_new_user_of_whom_the_server_says_nothing_is_not_guessed_at() {
    let mut state = of_jane("deleted");
    // Deleted, and no list shows him: the server makes nobody else the master by itself.
    let other = state["users"].as_object_mut().expect("users").remove("jane").expect("jane");
    state["users"]["other"] = other;
    state["addresses"] = json!({});
    for lag_ms in [0, 1_000] {
        let modes = json!({ "deleted_users": "hidden", "empty_writes": true, "lag_ms": lag_ms });
        let network = Network::new(state.clone(), modes).mishap("GET user/jane", 2, 4, Mishap::Lost);
        network.hook(Hook::Provision, &request()).expect("it becomes the master");
        let jane = &network.state()["users"]["jane"];
        assert_eq!((&jane["master_user"], &jane["packages"]), (&json!("Y"), &json!(["EMAIL"])), "{lag_ms}");
    }
}

#[test]
fn a_user_whose_purge_may_have_worked_is_looked_up_before_it_is_purged_again() {
    let network = Network::new(nobody(), json!({ "known_packages": ["PRO"] }))
        .mishap("POST user/jane action=purge", 1, 1, Mishap::NameTaken)
        .mishap("GET user/jane", 2, 8, Mishap::Lost);
    let error = network.hook(Hook::Provision, &request()).expect_err("there is no such package");
    assert_eq!(network.state()["users"]["jane"]["account"], "OTHER", "{:?}", network.requests());
    assert_eq!(error.leftovers, Vec::<String>::new(), "{:?}", network.requests());
}

#[test]
fn a_new_user_keeps_its_name_until_its_address_is_gone() {
    for (count, is_left) in [(1, false), (FOR_EVER, true)] {
        let modes = json!({ "addresses_follow_purge": false, "known_packages": ["PRO"] });
        let network = Network::new(nobody(), modes).mishap(
            "POST emailaddress/jane@example.net action=purge",
            1,
            count,
            Mishap::Refused,
        );
        let error = network.hook(Hook::Provision, &request()).expect_err("there is no such package");
        let requests = network.requests();
        let first_purge =
            requests.iter().position(|request| request.starts_with("POST user/jane action=purge"));
        let removal = requests
            .iter()
            .rposition(|request| request.starts_with("POST emailaddress/jane@example.net action"));
        if is_left {
            assert_eq!(first_purge, None, "{requests:?}");
            assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
            let left = [
                "address jane@example.net on user jane (remove it)",
                "user jane on account A1 (new), marked deleted",
                "account A1 (new)",
            ];
            assert_eq!(error.leftovers, left);
        } else {
            assert!(removal < first_purge, "{requests:?}");
            assert_eq!(network.state()["users"], json!({}));
            assert_eq!(error.leftovers, Vec::<String>::new());
        }
    }
}

/// ann, the master of A1.
fn of_ann() -> Value {
    json!({
        "accounts": { "A1": { "status": "active" } },
        "users": { "ann": { "account": "A1", "master_user": "Y", "status": "active", "packages": ["EMAIL"],
                            "first_name": "Ann", "last_name": "Lee", "password": "old" } },
        "addresses": { "ann@example.net": "ann" },
        "domains": ["example.net", "example.com"],
    })
}

/// Of jane, beside ann.
fn beside_ann() -> Value {
    let mut request = request();
    request["others"] = json!([{ "svcnum": 12, "username": "ann", "package": "EMAIL", "account_id": "A1" }]);
    request
}

/// Her names and password are other ones than before.
fn changed() -> Value {
    let mut changed = request();
    changed["old"] = changed["service"].clone();
    changed["old"]["finger"] = json!("Old Name");
    changed["old"]["password"] = json!("old");
    changed
}

/// What is left of a hook that fails where the server does a thing and refuses it, and something goes wrong
/// after that: it may have been so before.
fn left_of_refused(state: Value, modes: Value, request: &Value, hook: Hook, rules: &[Rule]) -> Vec<String> {
    let network = Network::new(state, modes);
    network.0.lock().unwrap().rules.extend_from_slice(rules);
    let error = network.hook(hook, request).expect_err("it cannot be done");
    assert_eq!(error.status == Status::Doubt, !error.leftovers.is_empty());
    error.leftovers
}

fn rule(words: &'static str, from: usize, count: usize, mishap: Mishap) -> Rule {
    Rule { words, from, count, mishap, seen: 0 }
}

#[test]
fn what_a_server_did_and_said_it_did_not_is_named_where_the_hook_fails_after_that() {
    let done = |words| rule(words, 1, 1, Mishap::RefusedThoughDone);
    let refused = |words| rule(words, 1, FOR_EVER, Mishap::Refused);
    let provision = |state: Value, request: &Value, rules: &[Rule]| {
        left_of_refused(state, json!({}), request, Hook::Provision, rules)
    };

    let rules = [done("POST user/jane account"), refused("GET emailaddress/")];
    let user = "user jane on account A1 (was there already)";
    assert_eq!(provision(of_ann(), &beside_ann(), &rules), [user]);

    let again = rule("POST user/jane account", 2, 1, Mishap::RefusedThoughDone);
    let rules = [rule("POST user/jane account", 1, 1, Mishap::Refused), again];
    assert_eq!(provision(of_ann(), &beside_ann(), &rules), [user]);

    let rules = [done("POST account/A1"), refused("POST user/jane account")];
    assert_eq!(provision(nobody(), &request(), &rules), ["account A1 (was there already)"]);

    let mut premium = beside_ann();
    premium["service"]["package"] = json!("PRO");
    let rules = [done("POST user_package/ann package=PRO"), refused("POST emailaddress/")];
    let package = "package PRO on user ann (was there already)";
    assert_eq!(provision(of_ann(), &premium, &rules), [package]);

    let mut moved = request();
    moved["old"] = moved["service"].clone();
    moved["service"]["domain"] = json!("example.com");
    let new = done("POST emailaddress/jane@example.com user=jane");
    let rules = [new, refused("POST emailaddress/jane@example.net action=purge")];
    let left = left_of_refused(of_jane("active"), json!({}), &moved, Hook::Replace, &rules);
    let address = "address jane@example.com on user jane (was there already)".to_owned();
    assert!(left.contains(&address), "{left:?}");
}

#[test]
fn what_a_server_refused_and_did_not_do_is_not_named() {
    let refused = rule("POST user/jane", 1, FOR_EVER, Mishap::Refused);
    let left = left_of_refused(nobody(), json!({}), &request(), Hook::Provision, &[refused]);
    assert_eq!(left, [""; 0]);
}

#[test]
fn an_account_of_before_is_not_purged_where_a_server_refuses_to_make_it_and_does_not_say_why() {
    for (mishap, count) in [(Mishap::Lost, 6), (Mishap::Refused, 2)] {
        let state = json!({
            "accounts": { "A1": { "status": "active" } },
            "users": { "bob": { "account": "A1", "master_user": "Y", "status": "deleted" } },
            "domains": ["example.net"],
        });
        let network = Network::new(state, json!({ "deleted_users": "hidden" }))
            .mishap("GET account/A1", 1, 1, Mishap::NotFound)
            .mishap("GET account/A1", 2, count, mishap);
        let _ = network.hook(Hook::Provision, &request());
        assert_eq!(network.state()["users"]["bob"]["status"], "deleted", "{:?}", network.requests());
    }
}

#[test]
fn a_package_of_before_is_not_taken_away_where_a_server_refuses_to_assign_it_and_does_not_say_why() {
    let network =
        Network::new(of_ann(), json!({ "lag_ms": 400 })).mishap("GET user_package/ann", 3, 6, Mishap::Lost);
    let mut bob = beside_ann();
    for (key, value) in [("username", json!("bob")), ("svcnum", json!(19)), ("package", json!("PRO"))] {
        bob["service"][key] = value;
    }
    network.hook(Hook::Provision, &bob).expect("bob is there");
    let mut jane = beside_ann();
    jane["service"]["package"] = json!("PRO");
    let others = jane["others"].as_array_mut().expect("others");
    others.push(json!({ "svcnum": 19, "username": "bob", "package": "PRO", "account_id": "A1" }));
    let _ = network.hook(Hook::Provision, &jane);
    assert_eq!(network.state()["users"]["ann"]["packages"], json!(["EMAIL", "PRO"]));
}

#[test]
fn a_password_that_is_refused_is_not_set_though_the_names_are() {
    let update = "POST user/jane action=update first_name";
    for (state, hook, request) in
        [("active", Hook::Replace, changed()), ("deleted", Hook::Provision, request())]
    {
        let network =
            Network::new(of_jane(state), json!({})).mishap(update, 1, FOR_EVER, Mishap::PasswordRefused);
        let error = network.hook(hook, &request).expect_err("the password is refused");
        assert_eq!(network.state()["users"]["jane"]["first_name"], "Old", "{}", error.text);
        assert!(error.text.contains("user.error.invalid_password"), "{}", error.text);
    }
    // The names are those of a hook before this one, and the server lags.
    let network = Network::new(of_jane("active"), json!({ "lag_ms": 25 })).mishap(
        "POST user/jane action=update",
        2,
        FOR_EVER,
        Mishap::Refused,
    );
    let mut names = changed();
    names["service"]["password"] = json!("old");
    network.hook(Hook::Replace, &names).expect("the names are set");
    let mut password = request();
    password["old"] = names["service"].clone();
    network.hook(Hook::Replace, &password).expect_err("the password is refused");
}

#[test]
fn a_password_that_is_refused_and_cannot_be_sent_again_is_in_doubt() {
    let network = Network::new(of_jane("active"), json!({}))
        .mishap("POST user/jane action=update", 1, 1, Mishap::RefusedThoughDone)
        .mishap("POST user/jane action=update", 2, 3, Mishap::NotSent);
    let error = network.hook(Hook::Replace, &changed()).expect_err("nobody knows what became of it");
    let password = &network.state()["users"]["jane"]["password"];
    assert!(password == "old" || !error.leftovers.is_empty(), "{}", error.text);
}

#[test]
fn a_mark_that_a_server_sets_and_refuses_is_so_though_the_server_lags() {
    let lags = json!({ "lag_ms": 100 });
    let refused = Mishap::RefusedThoughDone;
    let network = Network::new(of_jane("active"), lags.clone()).without_autopurge().mishap(
        "POST user/jane action=update status=deleted",
        1,
        1,
        refused,
    );
    network.hook(Hook::Unprovision, &request()).expect("it is marked deleted");

    let network =
        Network::new(of_jane("active"), lags.clone()).mishap("POST user/jane action=update", 1, 1, refused);
    network.hook(Hook::Suspend, &request()).expect("it is suspended");

    let mut suspended = of_ann();
    suspended["accounts"]["A1"]["status"] = json!("suspended");
    let network = Network::new(suspended, lags.clone()).mishap(
        "POST account/A1 action=update status=active",
        1,
        1,
        refused,
    );
    network.hook(Hook::Provision, &beside_ann()).expect("the account is active");

    let network =
        Network::new(of_ann(), lags).mishap("POST emailaddress/jane@example.net user", 1, 1, refused);
    network.hook(Hook::Provision, &beside_ann()).expect("the address is there");
}

#[test]
fn an_address_that_a_server_removes_and_refuses_to_is_put_back_where_the_unprovision_fails() {
    let network = Network::new(of_jane("active"), json!({}))
        .mishap("POST emailaddress/jane@example.net action=purge", 1, 1, Mishap::RefusedThoughDone)
        .mishap("POST user/jane action=update status=deleted", 1, FOR_EVER, Mishap::Refused);
    let error = network.hook(Hook::Unprovision, &request()).expect_err("it cannot be marked");
    assert_eq!(network.state()["addresses"]["jane@example.net"], "jane", "{}", error.text);
    assert!(error.leftovers.is_empty(), "{}", error.text);
}

#[test]
fn a_purge_job_gives_no_address_to_whoever_has_the_name_by_then() {
    let purge = "POST user/jane action=purge";
    for (mishap, look, count) in [
        (Mishap::RefusedThoughDone, Mishap::Lost, 0),
        (Mishap::RefusedAndNameTaken, Mishap::Lost, 0),
        (Mishap::RefusedThoughDone, Mishap::Lost, 8),
        (Mishap::NameTaken, Mishap::Lost, 8),
    ] {
        let mut state = of_jane("deleted");
        state["accounts"]["A1"]["status"] = json!("deleted");
        let network = Network::new(state, json!({}))
            .mishap(purge, 1, 1, mishap)
            .mishap("GET user/jane", 2, count, look)
            .mishap("POST account/A1 action=purge", 1, FOR_EVER, Mishap::Refused);
        let arguments =
            json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net", "services": [] });
        let error = network.call("purge_deleted", &arguments).expect_err("something is not purged");
        assert_eq!(network.state()["addresses"], json!({}), "{}", error.text);
        assert!(!error.text.contains("add it"), "{}", error.text);
    }
}

#[test]
fn a_user_one_of_whose_addresses_cannot_be_removed_is_not_purged() {
    let of_two_addresses = |status: &str| {
        let mut state = of_jane(status);
        state["addresses"]["sales@example.net"] = json!("jane");
        Network::new(state, json!({})).mishap(
            "POST emailaddress/sales@example.net",
            1,
            FOR_EVER,
            Mishap::Refused,
        )
    };
    let network = of_two_addresses("active");
    let reply = network.hook(Hook::Unprovision, &request()).expect("it is marked deleted");
    assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
    assert_eq!(reply["warnings"].as_array().map(Vec::len), Some(1), "{reply}");
    let unfinished =
        ["remove address sales@example.net from user jane", "purge user jane", "purge account A1"];
    assert_eq!(reply["unfinished"], json!(unfinished));

    let network = of_two_addresses("deleted");
    let arguments = json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net" });
    let error = network.call("purge_deleted", &arguments).expect_err("the job ends there");
    assert!(error.text.contains("could not remove address sales@example.net"), "{}", error.text);
    assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
}

#[test]
fn what_an_unprovision_left_is_finished_and_what_is_in_use_again_is_left_alone() {
    let mut state = of_jane("active");
    state["users"]["ann"] = json!({ "account": "A1", "packages": ["ADDITIONAL NOCOST MAILBOX"] });
    let mut request = request();
    request["others"] =
        json!([{ "svcnum": 12, "username": "ann", "domain": "example.net", "package": "EMAIL" }]);
    let network = Network::new(state, json!({})).mishap("POST user/ann", 1, FOR_EVER, Mishap::Refused);
    let reply = network.hook(Hook::Unprovision, &request).expect("it is marked deleted");
    let unfinished = reply["unfinished"].to_string();
    assert!(unfinished.contains("make user ann the master"), "{unfinished}");

    let arguments = json!({
        "account_id": "A1", "user": "jane", "address": "jane@example.net", "autopurge": true,
        "services": [{ "svcnum": 12, "username": "ann", "package": "EMAIL" }],
    });
    let left = network.state();
    let network = Network::new(left.clone(), json!({}));
    let reply = network.call("finish_unprovision", &arguments).expect("it is finished");
    assert_eq!((&reply["warnings"], &reply["unfinished"]), (&json!([]), &json!([])));
    let state = network.state();
    assert_eq!(state["users"]["ann"]["master_user"], "Y");
    assert_eq!(state["users"]["ann"]["packages"], json!(["EMAIL"]));
    assert_eq!(
        (&state["users"]["jane"], &state["accounts"]["A1"]["status"]),
        (&Value::Null, &json!("active"))
    );

    let mut elsewhere = left.clone();
    elsewhere["accounts"]["B2"] = json!({ "status": "active" });
    elsewhere["users"]["jane"]["account"] = json!("B2");
    let network = Network::new(elsewhere.clone(), json!({}));
    let reply = network.call("finish_unprovision", &arguments).expect("nothing of this account is left");
    assert_eq!(reply["warnings"], json!(["user jane belongs to account B2 now, not A1, and was left alone"]));
    assert!(!network.requests().iter().any(|words| words.starts_with("POST")), "{:?}", network.requests());

    let mut in_use = left;
    in_use["users"]["jane"]["status"] = json!("active");
    let network = Network::new(in_use.clone(), json!({}));
    let reply = network.call("finish_unprovision", &arguments).expect("nothing is left to do");
    assert_eq!(reply["warnings"], json!(["user jane is not marked deleted any more and was left alone"]));
    assert!(!network.requests().iter().any(|words| words.starts_with("POST")), "{:?}", network.requests());
}

#[test]
fn only_an_unprovision_says_what_is_unfinished() {
    let network = Network::new(of_jane("active"), json!({}));
    let suspended = network.hook(Hook::Suspend, &request()).expect("suspended");
    assert_eq!(suspended.get("unfinished"), None);
    let unprovisioned = network.hook(Hook::Unprovision, &request()).expect("unprovisioned");
    assert_eq!(unprovisioned["unfinished"], json!([]));
}

#[test]
fn an_account_that_cannot_be_read_after_the_mark_does_not_keep_its_user() {
    let network =
        Network::new(of_jane("active"), json!({})).mishap("GET account/A1", 1, FOR_EVER, Mishap::Lost);
    let reply = network.hook(Hook::Unprovision, &request()).expect("it is marked deleted");
    let state = network.state();
    assert_eq!((&state["users"], &state["accounts"]), (&json!({}), &json!({})), "{reply}");
    assert_eq!((&reply["warnings"], &reply["unfinished"]), (&json!([]), &json!([])));
}

#[test]
fn a_password_that_an_empty_answer_leaves_open_is_sent_again() {
    let mut state = of_jane("active");
    state["users"]["jane"]["first_name"] = json!("Jane");
    state["users"]["jane"]["last_name"] = json!("Roe");
    let network = Network::new(state, json!({})).mishap("POST user/jane", 1, 1, Mishap::Swallowed);
    let mut changed = changed();
    changed["old"]["finger"] = json!("Jane Roe");
    network.hook(Hook::Replace, &changed).expect("changed");
    assert_eq!(network.state()["users"]["jane"]["password"], "sesame");
}

#[test]
fn an_account_of_unclear_status_that_a_refusal_may_have_made_is_named() {
    let rules = [
        rule("POST account/A1", 1, 1, Mishap::RefusedThoughDone),
        rule("POST user/jane", 1, FOR_EVER, Mishap::Refused),
    ];
    let modes = json!({ "lies": ["status_missing"] });
    let left = left_of_refused(nobody(), modes, &request(), Hook::Provision, &rules);
    assert_eq!(left, ["account A1 (was there already)"]);
}

#[test]
fn a_list_of_anothers_addresses_does_not_say_that_an_address_was_added() {
    let mut state = of_ann();
    state["addresses"]["jane@example.net"] = json!("ann");
    let network = Network::new(state, json!({ "lies": ["list_of_another_unnamed"] }));
    let error = network.hook(Hook::Provision, &beside_ann()).expect_err("the address is ann's");
    assert!(error.text.contains("the address is on user ANN"), "{}", error.text);
    assert_eq!(network.state()["users"]["jane"], Value::Null);
}

#[test]
fn an_address_that_was_added_though_a_list_of_anothers_lacks_it_is_taken_away_again() {
    let mut changed = changed();
    changed["service"]["domain"] = json!("example.com");
    let mut state = of_jane("active");
    state["users"]["ann"] = json!({ "account": "A1", "status": "active" });
    state["addresses"]["ann@example.net"] = json!("ann");
    let network = Network::new(state.clone(), json!({ "lies": ["list_of_another_unnamed"] }))
        .mishap("POST emailaddress/jane@example.com user=jane", 1, 1, Mishap::AnswerLost)
        .mishap("POST user/jane", 1, FOR_EVER, Mishap::Refused);
    let error = network.hook(Hook::Replace, &changed).expect_err("its password is refused");
    assert_eq!(network.state()["addresses"], state["addresses"], "{}", error.text);
}

#[test]
fn a_dry_run_shows_no_marks_of_our_own_in_its_error() {
    let network = Network::new(of_jane("active"), json!({})).mishap(
        "GET emailaddress/jane@example.com",
        1,
        FOR_EVER,
        Mishap::Refused,
    );
    let mut changed = changed();
    changed["service"]["domain"] = json!("example.com");
    changed["dry_run"] = json!(true);
    let error = network.hook(Hook::Replace, &changed).expect_err("it cannot be read");
    assert!(!error.text.contains(char::is_control), "{:?}", error.text);
}

#[test]
fn no_step_of_an_error_shows_marks_of_our_own() {
    let mut state = of_jane("deleted");
    state["addresses"]["sales@example.net"] = json!("jane");
    let remove = "POST emailaddress/sales@example.net";
    let network = Network::new(state, json!({})).mishap(remove, 1, FOR_EVER, Mishap::Refused);
    let arguments = json!({ "account_id": "A1", "user": "jane", "address": "jane@example.net" });
    let error = network.call("purge_deleted", &arguments).expect_err("the job ends there");
    assert_eq!(error.step.as_deref(), Some("remove address sales@example.net from user jane"));
}

/// The second try of a write comes late enough to be overlooked.
#[test]
fn a_second_try_is_looked_up_as_patiently_as_the_first() {
    let network = Network::new(of_jane("active"), json!({ "lag_ms": 1_000 })).mishap(
        "POST user/jane",
        1,
        1,
        Mishap::Lost,
    );
    network.0.lock().unwrap().rules.push(rule("POST user/jane", 2, 1, Mishap::AnswerLost));
    network.hook(Hook::Suspend, &request()).expect("the second try took effect");
    assert_eq!(network.state()["users"]["jane"]["status"], "suspended");
}

/// What is known of it is older than its creation.
#[test]
fn a_new_user_is_not_taken_for_gone_because_a_server_that_lags_does_not_show_it() {
    let network = Network::new(nobody(), json!({ "lag_ms": 1_000 })).mishap(
        "POST user_package/jane",
        1,
        FOR_EVER,
        Mishap::Refused,
    );
    let error = network.hook(Hook::Provision, &request()).expect_err("its package is refused");
    let state = network.state();
    assert_eq!((&state["users"], &state["accounts"]), (&json!({}), &json!({})), "{}", error.text);
    assert_eq!(error.leftovers, Vec::<String>::new());
    let requests = network.requests();
    let at = |words: &str| requests.iter().position(|request| request.starts_with(words));
    assert!(at("POST user/jane action=purge") < at("POST account/A1 action=purge"), "{requests:?}");
}

#[test]
fn a_new_account_is_not_purged_with_a_user_whose_creation_came_late() {
    let mut ends = Vec::new();
    for late in 3..9 {
        let network = Network::new(nobody(), json!({}))
            .mishap("POST user/jane account=A1", 1, 1, Mishap::Lost)
            .mishap("POST user/jane account=A1", 2, 1, Mishap::Late(late));
        let error = network.hook(Hook::Provision, &request()).expect_err("it cannot be made");
        let state = network.state();
        let is_there = state["users"]["jane"] != Value::Null;
        let is_named = error.leftovers.iter().any(|left| left.contains("user jane on account A1"));
        assert_eq!((is_there, is_there), (is_named, state["accounts"]["A1"] != Value::Null), "{late}");
        let purges = network.requests();
        let purges = purges.iter().filter(|request| request.starts_with("POST account/A1 action=purge"));
        assert_eq!(purges.count(), usize::from(!is_there), "{late}");
        ends.push(is_there);
    }
    assert!(ends.contains(&true) && ends.contains(&false), "{ends:?}");
}

#[test]
fn a_user_that_was_found_in_doubt_is_not_taken_for_another_once_it_is_marked() {
    // Its creation and its mark are in doubt; the mark took effect, and then nothing can be read for a while.
    let network = Network::new(of_ann(), json!({}))
        .mishap("POST user/jane account=A1", 1, FOR_EVER, Mishap::AnswerLost)
        .mishap("GET user/jane", 2, 2, Mishap::Lost)
        .mishap("POST user/jane action=update status=deleted", 1, 1, Mishap::AnswerLost)
        .mishap("GET user/jane", 6, 3, Mishap::Lost);
    let error = network.hook(Hook::Provision, &beside_ann()).expect_err("nobody knows whether it was made");
    let is_named = error.leftovers.iter().any(|left| left.contains("user jane"));
    assert_eq!(network.state()["users"]["jane"] != Value::Null, is_named, "{}", error.text);
}

#[test]
fn an_undo_is_not_done_because_a_server_that_lags_shows_what_was_before_the_hook() {
    let mut state = of_jane("active");
    state["accounts"]["A1"]["status"] = json!("suspended");
    state["users"] = json!({});
    state["addresses"] = json!({});
    let network = Network::new(state, json!({ "lag_ms": 1_000 }))
        .mishap("POST user/jane", 1, FOR_EVER, Mishap::Refused)
        .mishap("POST account/A1 action=update status=suspended", 1, FOR_EVER, Mishap::Lost);
    let error = network.hook(Hook::Provision, &request()).expect_err("the user is refused");
    assert_eq!(network.state()["accounts"]["A1"]["status"], "active");
    assert_eq!(error.leftovers, ["account A1 is active, was suspended"], "{}", error.text);
}

#[test]
fn an_address_that_may_be_anothers_is_not_removed_with_a_new_user() {
    let mut state = of_ann();
    state["addresses"]["j@example.net"] = json!("ann");
    let network = Network::new(state, json!({ "lies": ["list_of_another_unnamed"] }))
        .mishap("POST emailaddress/jane@example.net", 1, FOR_EVER, Mishap::Refused)
        .mishap("GET emailaddress/", 1, FOR_EVER, Mishap::Refused);
    let error = network.hook(Hook::Provision, &beside_ann()).expect_err("its address is refused");
    let state = network.state();
    assert_eq!(state["addresses"]["ann@example.net"], "ann", "{}", error.text);
    assert_eq!(state["addresses"]["j@example.net"], "ann");
}

#[test]
fn an_account_that_a_refusal_may_have_made_is_named_whoever_else_a_list_shows() {
    let rules = [
        rule("POST account/A1", 1, 1, Mishap::RefusedThoughDone),
        rule("POST user/jane", 1, FOR_EVER, Mishap::Refused),
    ];
    let mut state = nobody();
    state["accounts"] = json!({ "B2": { "status": "active" } });
    state["users"] = json!({ "zoe": { "account": "B2" } });
    let modes = json!({ "lies": ["list_of_all"] });
    let left = left_of_refused(state, modes, &request(), Hook::Provision, &rules);
    assert_eq!(left, ["account A1 (was there already)"]);
}

#[test]
fn a_user_that_a_refusal_may_have_made_is_named_though_its_record_is_unclear() {
    let rules = [rule("POST user/jane account=A1", 1, FOR_EVER, Mishap::RefusedThoughDone)];
    let modes = json!({ "lies": ["master_contradicts@records"] });
    let left = left_of_refused(of_ann(), modes, &beside_ann(), Hook::Provision, &rules);
    assert!(left.iter().any(|left| left.contains("user jane")), "{left:?}");
}

#[test]
fn a_purge_that_waits_for_a_mark_to_be_shown_is_unfinished() {
    let network = Network::new(of_jane("active"), json!({ "lies": ["status_missing"] }));
    let reply = network.hook(Hook::Unprovision, &request()).expect("it is marked deleted");
    assert_eq!(network.state()["users"]["jane"]["status"], "deleted");
    assert_eq!(reply["unfinished"], json!(["purge user jane"]));
}

#[test]
fn a_password_that_the_server_does_not_take_costs_few_requests() {
    let mut same_names = changed();
    same_names["service"]["finger"] = json!("Old Name");
    let mishaps = [
        Mishap::Lost,
        Mishap::AnswerLost,
        Mishap::Refused,
        Mishap::Swallowed,
        Mishap::NotSent,
        Mishap::PasswordRefused,
    ];
    let mut dearest = (0, Duration::ZERO);
    for request in [same_names, changed()] {
        for mishap in mishaps {
            for lost_reads in [0, FOR_EVER] {
                let network = Network::new(of_jane("active"), json!({}))
                    .mishap("POST user/jane action=update", 1, FOR_EVER, mishap)
                    .mishap("GET user/jane", 2, lost_reads, Mishap::Lost);
                let before = network.0.lock().unwrap().now;
                let _ = network.hook(Hook::Replace, &request);
                let took = network.0.lock().unwrap().now - before;
                dearest = (dearest.0.max(network.requests().len()), dearest.1.max(took));
            }
        }
    }
    assert!(dearest.0 <= 8 && dearest.1 <= Duration::from_secs(3), "{dearest:?}");
}

#[test]
fn who_could_not_be_asked_for_may_still_be_on_the_account() {
    let mut state = of_jane("active");
    state["users"]["bob"] = json!({ "account": "A1", "status": "deleted" });
    for (former_users, lost) in [(json!(["bob"]), "GET user/bob"), (json!([]), "GET user account=A1")] {
        let mut request = request();
        request["former_users"] = former_users;
        let from = if lost == "GET user/bob" { 1 } else { 2 };
        let network = Network::new(state.clone(), json!({ "deleted_users": "hidden" })).mishap(
            lost,
            from,
            FOR_EVER,
            Mishap::Lost,
        );
        network.hook(Hook::Unprovision, &request).expect("unprovisioned");
        assert_eq!(network.state()["users"]["bob"]["status"], "deleted", "{lost}");
    }
}
