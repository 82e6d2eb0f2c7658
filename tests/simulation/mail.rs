//! The mail server of a history, the requests that are on their way to it, and what each running hook is
//! judged by afterwards.

use crate::ask::Ask;
use crate::site::Site;
use crate::stage::MOST_WORKERS;
use magicmail::wire::{self, Outcome};
use magicmail::world::Hook;
use magicmail_simulator::{Answer, ApiRequest, Credentials, MailServer, Method, Modes, State};
use std::collections::BTreeMap;
use std::time::Duration;

pub const CLIENT_ID: &str = "freeside";
pub const CLIENT_PASSWORD: &str = "api-password";
pub const DOMAINS: [&str; 2] = ["example.net", "example.com"];

/// A request on its way to the server.
pub struct Flight {
    pub worker: usize,
    /// The hook that sent it, and which of its calls.
    pub hook: u64,
    pub call: u64,
    /// Its place among the requests of the call.
    pub slot: usize,
    pub request: ApiRequest,
    pub arrives: Duration,
    /// The client waits until then.
    pub given_up: Duration,
    pub answer: Expected,
}

/// What the client gets to see.
pub enum Expected {
    Truth,
    /// The request is carried out, but something else comes back.
    Instead(wire::Answer),
    /// A success that says nothing.
    Silence,
    /// Nothing: it does not wait any more.
    Nothing,
}

/// The requests that a worker has sent side by side; None: the answer is still to come.
#[derive(Default)]
pub struct Call {
    pub id: u64,
    pub outcomes: Vec<Option<Outcome>>,
}

/// A hook at work.
pub struct Running {
    pub id: u64,
    pub hook: Hook,
    pub svcnum: u64,
    /// The user and the accounts that it is about.
    pub about: [String; 3],
    /// The server as it would be without this hook: what others do meanwhile is done here too.
    pub without: MailServer,
    /// What the server did for this hook after it had given up, and what it looked at since.
    late: Vec<(Vec<String>, Duration)>,
    looks: Vec<(Vec<String>, Duration)>,
    /// What requests of hooks that have ended were about, which were carried out meanwhile.
    pub ghosts: Vec<String>,
    /// What somebody else did would not have been done without this hook, or he has just had the name that this one
    /// is about, and the server lags: no telling the two apart.
    pub is_entangled: bool,
}

impl Running {
    /// Whether a request's path names this hook's user, or an address of that name.
    fn is_about_mailbox(&self, path: &[String]) -> bool {
        let name = path.last().and_then(|name| name.split('@').next());
        name.is_some_and(|name| name.eq_ignore_ascii_case(&self.about[0]))
    }

    /// Whether the server did something for this hook after it had last looked at that thing. Nobody can
    /// know of it.
    pub fn is_haunted(&self, lag: Duration) -> bool {
        self.late.iter().any(|(path, done)| {
            !self.looks.iter().any(|(looked_at, at)| looked_at == path && *at >= *done + lag)
        })
    }
}

pub struct Mail {
    pub server: MailServer,
    pub running: [Option<Running>; MOST_WORKERS],
    pub calls: [Call; MOST_WORKERS],
    /// Which hook made a user or an account that is there; None: one that had ended by then.
    makers: BTreeMap<String, Option<u64>>,
    pub last_write: Option<Duration>,
    counter: u64,
}

impl Mail {
    pub fn new(modes: Modes) -> Mail {
        let client = Credentials::new(CLIENT_ID, CLIENT_PASSWORD);
        Mail {
            server: MailServer::new(client, State::with_domains(&DOMAINS), modes),
            running: Default::default(),
            calls: Default::default(),
            makers: BTreeMap::new(),
            last_write: None,
            counter: 0,
        }
    }

    pub fn modes(&self) -> &Modes {
        &self.server.modes
    }

    pub fn lag(&self) -> Duration {
        Duration::from_millis(self.server.modes.lag_ms)
    }

    pub fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub fn start(&mut self, worker: usize, ask: &Ask) {
        let modes = Modes { lag_ms: 0, ..self.server.modes.clone() };
        let client = Credentials::new(CLIENT_ID, CLIENT_PASSWORD);
        self.running[worker] = Some(Running {
            id: self.number(),
            hook: ask.hook,
            svcnum: ask.service.svcnum,
            about: [&ask.service.username, &ask.account, &ask.configured].map(String::clone),
            without: MailServer::new(client, self.server.state().clone(), modes),
            late: Vec::new(),
            looks: Vec::new(),
            ghosts: Vec::new(),
            is_entangled: false,
        });
    }

    /// The worker's hook, where it is still the one of the flight.
    fn sender(&mut self, flight: &Flight) -> Option<&mut Running> {
        self.running[flight.worker].as_mut().filter(|running| running.id == flight.hook)
    }
}

/// In the makers' table users and accounts have different names.
fn maker_key(thing: &str, name: &str) -> String {
    format!("{thing} {}", name.to_ascii_lowercase())
}

pub fn parameter<'a>(request: &'a ApiRequest, name: &str) -> &'a str {
    request.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

impl Site {
    /// A request reaches the server.
    pub fn arrive(&mut self, flight: Flight) {
        let before = self.mail.server.state().clone();
        let answer = self.mail.server.answer(self.now, &flight.request);
        let is_ghost = self.mail.sender(&flight).is_none();
        let is_awaited = self.mail.calls[flight.worker].id == flight.call
            && !is_ghost
            && !matches!(flight.answer, Expected::Nothing);
        self.tell_arrival(&flight, &answer, is_ghost, is_awaited);
        if answer.applied {
            self.written(&flight, &before, is_ghost);
        } else if is_awaited
            && !matches!(flight.answer, Expected::Instead(_))
            && flight.request.method == Method::Get
        {
            let now = self.now;
            if let Some(running) = self.mail.sender(&flight) {
                running.looks.push((flight.request.path.clone(), now));
            }
        }
        if is_awaited {
            let answer = match flight.answer {
                Expected::Instead(other) => other,
                Expected::Silence if answer.applied => of_wire(Answer::empty(200)),
                _ => of_wire(answer),
            };
            self.mail.calls[flight.worker].outcomes[flight.slot] = Some(Outcome::Answered(answer));
        }
    }

    fn written(&mut self, flight: &Flight, before: &State, is_ghost: bool) {
        let (now, lags) = (self.now, !self.mail.lag().is_zero());
        self.mail.last_write = Some(now);
        if is_ghost {
            self.tally.ghosts += 1;
            self.excuse_path(&flight.request.path, before);
        }
        for running in self.mail.running.iter_mut().flatten() {
            if running.id == flight.hook {
                if now > flight.given_up {
                    running.late.push((flight.request.path.clone(), now));
                }
                continue;
            }
            running.ghosts.extend(flight.request.path.last().filter(|_| is_ghost).cloned());
            let changes_hands = lags && running.is_about_mailbox(&flight.request.path);
            running.is_entangled |= !running.without.answer(now, &flight.request).applied || changes_hands;
        }
        self.guard(flight, before, is_ghost);
    }

    fn excuse_path(&mut self, path: &[String], before: &State) {
        if let [thing, name] = path {
            let name =
                if thing == "emailaddress" { name.split('@').next().unwrap_or_default() } else { name };
            self.excuse(name);
            for state in [before, &self.mail.server.state().clone()] {
                if let Some(found) = state.mailbox(name) {
                    self.excuse(found.account);
                }
            }
        }
    }

    /// What must never happen, whatever goes wrong.
    fn guard(&mut self, flight: &Flight, before: &State, is_ghost: bool) {
        let after = self.mail.server.state().clone();
        for old in before.mailboxes() {
            match after.mailbox(old.name) {
                Some(now) if now.account.eq_ignore_ascii_case(old.account) => {}
                Some(_) => self.is_wrong(format!("user {} changed its account", old.name)),
                None => self.purged(flight, old.name, old.account, is_ghost),
            }
        }
        for (id, _) in before.account_statuses().filter(|(id, _)| after.account_status(id).is_none()) {
            if !is_ghost {
                self.must_be_its_maker(flight, "account", id);
            }
        }
        let maker = (!is_ghost).then_some(flight.hook);
        for new in after.mailboxes().filter(|new| before.mailbox(new.name).is_none()) {
            self.mail.makers.insert(maker_key("user", new.name), maker);
        }
        for (id, _) in after.account_statuses().filter(|(id, _)| before.account_status(id).is_none()) {
            self.mail.makers.insert(maker_key("account", id), maker);
        }
    }

    fn purged(&mut self, flight: &Flight, name: &str, account: &str, is_ghost: bool) {
        let of_services: Vec<u64> = self.books.services_of_mailbox(name, account).collect();
        // Nobody can call back a request that is still on its way when its sender has given up on it.
        let is_too_late =
            is_forced(flight) && self.now > flight.given_up && !self.made_by(flight, "user", name);
        if is_ghost || is_too_late {
            self.tally.ghost_purges += of_services.len() as u64;
            self.lost.extend(of_services);
            self.excuse(name);
            self.excuse(account);
            return;
        }
        self.must_be_its_maker(flight, "user", name);
        if self.made_by(flight, "user", name) {
            return;
        }
        let running = self.mail.running[flight.worker].as_ref();
        let leaving =
            running.filter(|running| running.hook == Hook::Unprovision).map(|running| running.svcnum);
        for svcnum in of_services {
            if leaving == Some(svcnum) {
                // With autopurge, and without purge_after_commit, that is what was asked for.
                self.lost.insert(svcnum);
            } else {
                self.is_wrong(format!("the mailbox {name} of service {svcnum} was purged"));
            }
        }
    }

    fn made_by(&self, flight: &Flight, thing: &str, name: &str) -> bool {
        self.mail.makers.get(&maker_key(thing, name)) == Some(&Some(flight.hook))
    }

    /// What is purged by force, which only an undo does, was made by the same hook, or by a late request of one that
    /// had ended: no telling that from this one's own, and it is no service's.
    fn must_be_its_maker(&mut self, flight: &Flight, thing: &str, name: &str) {
        let is_a_ghosts = self.mail.makers.get(&maker_key(thing, name)) == Some(&None);
        if is_forced(flight) && !is_a_ghosts && !self.made_by(flight, thing, name) {
            self.is_wrong(format!("{thing} {name} was purged by force, and not by the hook that made it"));
        }
    }

    fn tell_arrival(&mut self, flight: &Flight, answer: &Answer, is_ghost: bool, is_awaited: bool) {
        let now = self.now;
        self.story.tell(now, "server", || {
            let from = if is_ghost { "(that hook has ended) " } else { "" };
            let fate = match (&flight.answer, is_awaited) {
                (Expected::Instead(_), true) => "another answer is sent: ",
                (_, true) => "",
                (_, false) => "nobody gets the answer: ",
            };
            format!("worker {} {from}{} -> {fate}{}", flight.worker + 1, words(&flight.request), said(answer))
        });
    }
}

fn is_forced(flight: &Flight) -> bool {
    parameter(&flight.request, "force") == "true"
}

/// `POST user/jane action=purge force=true`.
pub fn words(request: &ApiRequest) -> String {
    let parameters = request.parameters.iter().filter(|(name, _)| name != "client_type");
    let parameters: Vec<String> = parameters.map(|(name, value)| format!(" {name}={value}")).collect();
    format!("{} {}{}", request.method.as_str(), request.path.join("/"), parameters.concat())
}

fn said(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let body = body.split_once("?>").map_or(&*body, |(_, rest)| rest).trim();
    format!("{} {body}", answer.status)
}

fn of_wire(answer: Answer) -> wire::Answer {
    wire::Answer {
        status: answer.status,
        content_type: answer.content_type,
        location: None,
        body: answer.body,
    }
}
