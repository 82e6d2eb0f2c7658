//! A server that is gone or silent for long: the first hook that meets it waits, the next ones do not wait as long.

use crate::properties::network::{Network, Script};
use crate::properties::scenes::Scene;
use crate::properties::SECRET;
use magicmail::error::{Error, Status};
use magicmail::log::NoSink;
use magicmail::operation::Export;
use magicmail::wire::{Carrier, Exchange, Failure, FailureKind, Outcome, Request};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);
/// What a connection is waited for.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const WINDOW: Duration = Duration::from_secs(30);
const BRIEFLY: Duration = Duration::from_secs(2);
/// What an honest answer takes, and what a hook's pauses come to, at most.
const MOMENT: Duration = Duration::from_secs(1);

/// A network whose server is gone, or silent, while it is set so; it remembers outages as a carrier of one process
/// does.
#[derive(Clone)]
struct Flaky {
    network: Network,
    dead: Arc<Mutex<Option<FailureKind>>>,
    outage: Arc<Mutex<Option<Duration>>>,
    /// It fails as soon as it is asked.
    at_once: Arc<AtomicBool>,
}

fn flaky(scene: Scene) -> (Flaky, Export) {
    let network = Network::new(scene.state(), Script::honest());
    let flaky = Flaky { network, dead: Arc::default(), outage: Arc::default(), at_once: Arc::default() };
    let configuration = json!({
        "machine": "mail.example.net", "client_id": "freeside", "client_password": SECRET,
        "timeout": TIMEOUT.as_secs(),
    });
    let export = Export::over(&configuration.to_string(), Box::new(flaky.clone())).unwrap();
    (flaky, export)
}

impl Flaky {
    fn is(&self, dead: impl Into<Option<FailureKind>>) {
        *self.dead.lock().unwrap() = dead.into();
    }

    /// What a hook comes to, and how long it takes.
    fn hook(&self, export: &Export, scene: Scene) -> (Result<String, Error>, Duration) {
        let before = self.now();
        let ended = export.hook(scene.hook(), &scene.request(false).to_string(), &NoSink);
        (ended, self.now() - before)
    }

    fn fails(&self, export: &Export, scene: Scene) -> (String, Duration) {
        let (ended, took) = self.hook(export, scene);
        let error = ended.unwrap_err();
        assert_eq!(error.status, Status::NotReached, "{}", error.text);
        (error.text, took)
    }
}

impl Carrier for Flaky {
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let Some(kind) = *self.dead.lock().unwrap() else {
            return self.network.carry(requests, limit, deadline);
        };
        let left = deadline.saturating_sub(self.now()).min(limit);
        let text = "mail.example.net is dead".to_owned();
        let (elapsed, outcome) = match kind {
            FailureKind::Timeout => (left, Outcome::InDoubt(Failure { kind, text })),
            _ if self.at_once.load(SeqCst) => (Duration::ZERO, Outcome::NotSent(Failure { kind, text })),
            _ => (left.min(CONNECT_LIMIT), Outcome::NotSent(Failure { kind, text })),
        };
        self.network.pause(elapsed);
        requests.iter().map(|_| Exchange { outcome: outcome.clone(), elapsed }).collect()
    }

    fn now(&self) -> Duration {
        self.network.now()
    }

    fn pause(&self, time: Duration) {
        self.network.pause(time);
    }

    fn outage(&self) -> Option<Duration> {
        *self.outage.lock().unwrap()
    }

    fn set_outage(&self, at: Option<Duration>) {
        *self.outage.lock().unwrap() = at;
    }
}

#[test]
fn five_hundred_suspensions_of_a_dead_server_take_minutes_and_not_hours() {
    for dead in [FailureKind::Timeout, FailureKind::Connect, FailureKind::Name] {
        let (network, export) = flaky(Scene::Suspend);
        network.is(dead);
        for _ in 0..500 {
            network.fails(&export, Scene::Suspend);
        }
        // Each of them alone takes 15 to 20 seconds: more than two hours.
        assert!(network.now() < Duration::from_secs(30 * 60), "{dead:?}: {:?}", network.now());
    }
}

#[test]
fn after_a_failure_hooks_are_brief_for_30_seconds_and_say_why() {
    let (network, export) = flaky(Scene::Suspend);
    network.is(FailureKind::Timeout);
    let (text, took) = network.fails(&export, Scene::Suspend);
    assert!(took >= TIMEOUT && !text.contains("ago"), "{took:?} {text}");
    let failed = network.now();
    network.pause(Duration::from_secs(12));
    let (text, took) = network.fails(&export, Scene::Suspend);
    assert!(text.contains("the server did not answer 12 seconds ago either"), "{text}");
    assert_eq!(took, BRIEFLY);
    while network.now() < failed + WINDOW {
        assert_eq!(network.fails(&export, Scene::Suspend).1, BRIEFLY);
    }
    // What failed within them has not made them longer.
    assert!(network.fails(&export, Scene::Suspend).1 >= TIMEOUT);
}

#[test]
fn the_repetitions_of_a_brief_hook_are_in_its_two_seconds() {
    let (network, export) = flaky(Scene::NewCustomer);
    network.is(FailureKind::Connect);
    assert!(network.fails(&export, Scene::NewCustomer).1 > BRIEFLY);
    let (text, took) = network.fails(&export, Scene::NewCustomer);
    assert!(took <= BRIEFLY && text.contains("mail.example.net is dead"), "{took:?} {text}");
}

#[test]
fn a_hook_that_is_refused_at_once_does_not_speak_of_its_two_seconds() {
    let (network, export) = flaky(Scene::Suspend);
    network.is(FailureKind::Connect);
    network.at_once.store(true, SeqCst);
    for _ in 0..2 {
        let (text, took) = network.fails(&export, Scene::Suspend);
        assert!(took < MOMENT && text.ends_with("mail.example.net is dead"), "{took:?} {text}");
    }
    assert!(network.outage().is_some());
}

#[test]
fn what_this_machine_lacks_is_no_reason_to_be_brief_with_the_server() {
    let (network, export) = flaky(Scene::Suspend);
    network.is(FailureKind::Local);
    network.fails(&export, Scene::Suspend);
    assert!(network.outage().is_none());
}

#[test]
fn an_answer_ends_it_and_the_hook_goes_on_with_its_usual_limits() {
    let (network, export) = flaky(Scene::NewCustomer);
    network.is(FailureKind::Timeout);
    network.fails(&export, Scene::NewCustomer);
    network.is(None);
    let (ended, took) = network.hook(&export, Scene::NewCustomer);
    ended.unwrap();
    assert!(took < MOMENT && network.outage().is_none());
    network.is(FailureKind::Timeout);
    assert!(network.hook(&export, Scene::Change).1 >= TIMEOUT);
}

#[test]
fn what_has_its_own_limit_is_neither_brief_nor_makes_others_so() {
    let (network, export) = flaky(Scene::Suspend);
    network.is(FailureKind::Timeout);
    let look = || {
        let before = network.now();
        let arguments = json!({ "account_id": "FREESIDE42", "user": "jane", "within": 5 });
        export.call("inspect", &arguments.to_string(), &NoSink).unwrap();
        network.now() - before
    };
    assert_eq!(look(), Duration::from_secs(5));
    assert!(network.outage().is_none());
    network.fails(&export, Scene::Suspend);
    assert_eq!(look(), Duration::from_secs(5));
    network.is(None);
    look();
    assert!(network.outage().is_none(), "that it answers counts, whoever asked");
}

#[test]
fn requests_that_never_left_are_not_counted() {
    let (flaky, _) = flaky(Scene::Suspend);
    let first = AtomicBool::new(true);
    let network = flaky.network.clone();
    let configuration =
        json!({ "machine": "mail.example.net", "client_id": "freeside", "client_password": SECRET });
    let export = Export::over(&configuration.to_string(), Box::new(FirstFails { flaky, first })).unwrap();
    let request = Scene::Suspend.request(false).to_string();
    let reply = export.hook(Scene::Suspend.hook(), &request, &NoSink).unwrap();
    let reply: serde_json::Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(reply["requests"], network.seen().len());
}

/// Its first round of requests finds no server.
struct FirstFails {
    flaky: Flaky,
    first: AtomicBool,
}

impl Carrier for FirstFails {
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        self.flaky.is(self.first.swap(false, SeqCst).then_some(FailureKind::Connect));
        self.flaky.carry(requests, limit, deadline)
    }

    fn now(&self) -> Duration {
        self.flaky.now()
    }

    fn pause(&self, time: Duration) {
        self.flaky.pause(time);
    }
}
