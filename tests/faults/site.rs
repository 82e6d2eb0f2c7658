//! One simulator with one export on it: runs a scene's hook, undisturbed or with faults.

use crate::caller::{Caller, Told};
use crate::cases::{Blow, Case};
use crate::judge::{self, End};
use crate::scenes::Scene;
use crate::start::{API_PASSWORD, BYSTANDER};
use crate::variants::Variant;
use magicmail_simulator::{losses, Credentials, Entry, Failure, Options, Permission, Server, State};
use serde_json::{json, Value};
use std::time::Duration;

pub const CLIENT_ID: &str = "freeside";

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The export's.
    pub timeout: Duration,
    /// Before each of the server's answers.
    pub latency_ms: u64,
}

/// What a hook does in a scene when nothing goes wrong.
#[derive(Clone)]
pub struct Clean<'a> {
    pub scene: &'a Scene,
    pub variant: &'static Variant,
    pub status: i32,
    pub after: Value,
    pub requests: u64,
    /// What it takes away, and nothing else may go.
    pub losses: Vec<Permission>,
}

impl<'a> Clean<'a> {
    pub fn struck(&self, blows: Vec<Blow>) -> Case<'a> {
        Case { scene: self.scene, variant: self.variant, lies: Vec::new(), blows }
    }
}

/// Everything that was seen of one case.
pub struct Story {
    pub end: End,
    pub told: Told,
    pub after: Value,
    pub log: Vec<Entry>,
    /// The same hook again, the server well.
    pub again: Told,
    pub after_again: Value,
    pub log_again: Vec<Entry>,
    pub failures: Vec<Failure>,
    /// What the library logged.
    pub lines: Vec<String>,
    /// What was destroyed, and nobody asked for it.
    pub violations: Vec<String>,
}

/// A simulator that serves one case after the other.
#[derive(Default)]
pub struct Place(Option<Server>);

impl Place {
    /// The simulator, as new.
    fn server(&mut self) -> &Server {
        let server = self.0.get_or_insert_with(|| {
            let client = Credentials::new(CLIENT_ID, API_PASSWORD);
            Server::start(Options { client, domains: Vec::new(), ..Options::default() })
                .expect("the simulator starts")
        });
        server.reset();
        server
    }

    /// Where a call gave a request up, it may yet be carried out: that server is of no more use.
    fn leave(&mut self, calls: [&Told; 2], settings: Settings) {
        if calls.iter().any(|told| told.took >= settings.timeout) {
            self.0 = None;
        }
    }
}

struct Site<'a> {
    scene: &'a Scene,
    server: &'a Server,
    caller: Caller,
}

impl<'a> Site<'a> {
    fn open(server: &'a Server, scene: &'a Scene, variant: &Variant, settings: Settings) -> Site<'a> {
        server.set_state(state(&scene.before));
        let mut modes = (variant.modes)();
        modes["latency_ms"] = json!(settings.latency_ms);
        server.change_modes(&modes).expect("modes of the simulator's");
        let caller = Caller::new(&json!({
            "machine": "127.0.0.1", "port": server.address().port(), "client_id": CLIENT_ID,
            "client_password": API_PASSWORD, "ca_file": server.ca_file(), "autopurge": scene.autopurge,
            "timeout": settings.timeout.as_secs_f64(), "debug": true,
        }));
        let site = Site { scene, server, caller };
        if variant.warm {
            site.warm_up();
        }
        site
    }

    /// Lets the handle have a connection before the hook.
    fn warm_up(&self) {
        let told = self.caller.call(c"get_account", &json!({ "id": BYSTANDER }));
        assert_eq!(told.status, 0, "a read of an undisturbed server: {}", told.text);
        self.server.clear_log();
    }

    fn run(&self) -> (Told, Value, Vec<Entry>) {
        let told = self.caller.hook(self.scene.hook, &self.scene.request);
        (told, document(&self.server.state()), self.server.log())
    }
}

fn state(document: &Value) -> State {
    serde_json::from_value(document.clone()).expect("a state of the simulator's")
}

fn document(state: &State) -> Value {
    serde_json::to_value(state).expect("a state is JSON")
}

/// The state of `document` as the simulator writes it.
pub fn normal(start: &Value) -> Value {
    document(&state(start))
}

/// Runs a scene without a fault. The error says why this scene can be no measure.
pub fn run_clean<'a>(
    place: &mut Place,
    scene: &'a Scene,
    variant: &'static Variant,
    settings: Settings,
) -> Result<Clean<'a>, String> {
    let site = Site::open(place.server(), scene, variant, settings);
    let (told, after, log) = site.run();
    let permitted = losses(&state(&scene.before), &site.server.state());
    let permitted = permitted.into_iter().map(|loss| Permission { kind: loss.kind, name: loss.name });
    let (again, after_again, _) = site.run();
    let what = format!("{} in variant {}, undisturbed", scene.id(), variant.name);
    let wanted = if scene.refused { &[3, 4][..] } else { &[0][..] };
    if !wanted.contains(&told.status) || again.status != told.status {
        return Err(format!("{what}: status {} then {}: {}", told.status, again.status, told.text));
    }
    if scene.refused && after != normal(&scene.before) {
        return Err(format!("{what}: refused, but something was changed"));
    }
    if log.iter().any(|entry| entry.parameters.contains_key("force")) {
        return Err(format!("{what}: force was sent"));
    }
    if after_again != after {
        return Err(format!("{what}: a second time it changes something"));
    }
    let requests = log.len() as u64;
    Ok(Clean { scene, variant, status: told.status, after, requests, losses: permitted.collect() })
}

impl Story {
    /// Something is wrong, and the clock may be why: the second call, which nothing disturbs, took as long as
    /// only a fault may make it; or the first one's time was over, which one fault cannot use up.
    pub fn may_be_starved(&self, settings: Settings) -> bool {
        matches!(self.end, End::Slow(_))
            || matches!(self.end, End::Wrong(_))
                && (self.again.took >= settings.timeout || self.told.took >= settings.timeout * 3)
    }
}

/// Runs a case, and the same hook again with the faults gone, and judges.
pub fn run_case(place: &mut Place, case: &Case, clean: &Clean, settings: Settings) -> Story {
    let site = Site::open(place.server(), case.scene, case.variant, settings);
    let slow_ms = u64::try_from(settings.timeout.as_millis() / 2).unwrap_or(u64::MAX);
    site.server.set_guard(clean.losses.clone());
    let lies = json!({ "lies": case.lies });
    site.server.change_modes(&lies).expect("lies of the simulator's");
    site.server.set_faults(case.blows.iter().map(|blow| blow.fault(slow_ms)).collect());
    let (told, after, log) = site.run();
    site.server.set_faults(Vec::new());
    site.server.change_modes(&json!({ "lies": [] })).expect("modes of the simulator's");
    site.server.clear_log();
    let (again, after_again, log_again) = site.run();
    let mut story = Story {
        end: End::Complete,
        told,
        after,
        log,
        again,
        after_again,
        log_again,
        failures: site.server.failures(),
        lines: site.caller.lines(),
        violations: site.server.violations(),
    };
    drop(site);
    place.leave([&story.told, &story.again], settings);
    story.end = judge::judge(case, clean, &story, settings.timeout);
    story
}
