//! Stages of many steps, which could all be sent at once but for the few connections.

use crate::properties::network::{Network, Script};
use crate::properties::scenes::Scene;
use crate::properties::SECRET;
use magicmail::log::NoSink;
use magicmail::operation::Export;
use magicmail::wire::{Carrier, Exchange, Failure, FailureKind, Method, Outcome, Request, CONCURRENT};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(20);
/// What each request takes.
const EACH: Duration = Duration::from_secs(17);

/// A network on which each request takes its time, and four go at once.
#[derive(Clone)]
struct Slow {
    network: Network,
    /// When writes started.
    writes: Arc<Mutex<Vec<Duration>>>,
}

impl Carrier for Slow {
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        requests.chunks(CONCURRENT).flat_map(|some| self.carry_some(some, limit, deadline)).collect()
    }

    fn now(&self) -> Duration {
        self.network.now()
    }

    fn pause(&self, time: Duration) {
        self.network.pause(time);
    }
}

impl Slow {
    fn carry_some(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let start = self.now();
        let left = deadline.saturating_sub(start).min(limit);
        if left >= EACH {
            let posts = requests.iter().filter(|request| request.method == Method::Post);
            self.writes.lock().unwrap().extend(posts.map(|_| start));
            self.pause(EACH);
            return self.network.carry(requests, limit, deadline);
        }
        self.pause(left);
        let failure = Failure { kind: FailureKind::Timeout, text: "it took too long".to_owned() };
        let outcome = if left.is_zero() { Outcome::NotSent(failure) } else { Outcome::InDoubt(failure) };
        requests.iter().map(|_| Exchange { outcome: outcome.clone(), elapsed: left }).collect()
    }
}

#[test]
fn of_a_long_stage_no_step_starts_after_three_times_the_timeout() {
    let mut state = serde_json::to_value(Scene::SecondService.state()).unwrap();
    let unexpected = (0..200).map(|n| json!(format!("UNEXPECTED {n}")));
    let packages = state["users"]["ann"]["packages"].as_array_mut().unwrap();
    packages.extend(unexpected.chain([json!("EMAIL")]));
    let network = Network::new(serde_json::from_value(state).unwrap(), Script::honest());
    let slow = Slow { network, writes: Arc::default() };
    let configuration = json!({
        "machine": "mail.example.net", "client_id": "freeside", "client_password": SECRET,
        "timeout": TIMEOUT.as_secs(),
    });
    let export = Export::over(&configuration.to_string(), Box::new(slow.clone())).unwrap();
    let request = Scene::SecondService.request(false).to_string();
    let ended = export.hook(Scene::SecondService.hook(), &request, &NoSink);
    assert!(slow.now() <= TIMEOUT * 6, "{:?}", slow.now());
    let writes = slow.writes.lock().unwrap();
    assert!(writes.iter().all(|start| *start < TIMEOUT * 3), "{writes:?}");
    // The user, the address, and as many packages as are removed at once.
    assert_eq!(writes.len(), 2 + CONCURRENT, "{ended:?}");
    // What was given up is one warning, however many steps that were.
    let reply: serde_json::Value = serde_json::from_str(&ended.unwrap()).unwrap();
    let warnings = reply["warnings"].as_array().unwrap();
    let given_up = format!("{} more steps failed in the same way", 200 - CONCURRENT - 1);
    assert!(warnings.len() == 1 && warnings[0].to_string().contains(&given_up), "{warnings:?}");
}
