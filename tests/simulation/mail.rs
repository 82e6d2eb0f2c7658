//! The mail server of a history, the requests that are on their way to it, and what each running hook is
//! judged by afterwards.

use crate::ask::Ask;
use crate::rights::Rights;
use crate::site::Site;
use crate::stage::MOST_WORKERS;
use magicmail::wire::{self, Outcome};
use magicmail_simulator::{Answer, ApiRequest, Credentials, Lie, MailServer, Method, Modes, State};
use std::collections::{BTreeMap, BTreeSet};
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
    /// The user and the accounts that it is about.
    pub about: [String; 3],
    /// The server as it would be without this hook: what others do meanwhile is done here too.
    pub without: MailServer,
    /// What the server did for this hook after it had given up, and what it looked at since.
    late: Vec<(Vec<String>, Duration)>,
    looks: Vec<(Vec<String>, Duration)>,
    /// One of these was of names and a password: what is looked at after it need not have been asked for them.
    has_late_names: bool,
    /// What requests of hooks that have ended were about, which were carried out meanwhile.
    pub ghosts: Vec<String>,
    /// What somebody else did would not have been done without this hook, or he has just had the name that this one
    /// is about, and the server lags: no telling the two apart.
    pub is_entangled: bool,
    /// What the server has lied about to this hook: the lie, and the kind of thing that was asked for.
    pub lies: Vec<(Lie, String)>,
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
        self.has_late_names
            || self.late.iter().any(|(path, done)| {
                !self.looks.iter().any(|(looked_at, at)| looked_at == path && *at >= *done + lag)
            })
    }
}

pub struct Mail {
    pub server: MailServer,
    pub running: [Option<Running>; MOST_WORKERS],
    pub calls: [Call; MOST_WORKERS],
    /// Which hook made a user, an account or an address that is there; None: one that had ended by then.
    pub makers: BTreeMap<String, Option<u64>>,
    /// What each hook ever made, be it there or not.
    pub ever_made: BTreeSet<(u64, String)>,
    /// What each hook may take away, by its number; a request may come after its hook has ended.
    pub rights: BTreeMap<u64, Rights>,
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
            ever_made: BTreeSet::new(),
            rights: BTreeMap::new(),
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
        let id = self.number();
        self.rights.insert(id, Rights::new(ask, self.server.state().clone()));
        self.running[worker] = Some(Running {
            id,
            about: [&ask.service.username, &ask.account, &ask.configured].map(String::clone),
            without: MailServer::new(client, self.server.state().clone(), modes),
            late: Vec::new(),
            looks: Vec::new(),
            has_late_names: false,
            ghosts: Vec::new(),
            is_entangled: false,
            lies: Vec::new(),
        });
    }

    /// The worker's hook, where it is still the one of the flight.
    fn sender(&mut self, flight: &Flight) -> Option<&mut Running> {
        self.running[flight.worker].as_mut().filter(|running| running.id == flight.hook)
    }
}

impl Site {
    /// A request reaches the server.
    pub fn arrive(&mut self, flight: Flight) {
        let before = self.mail.server.state().clone();
        let (answer, lie) = self.answer(&flight.request);
        let is_ghost = self.mail.sender(&flight).is_none();
        let is_awaited = self.mail.calls[flight.worker].id == flight.call
            && !is_ghost
            && !matches!(flight.answer, Expected::Nothing);
        self.tell_arrival(&flight, &answer, lie, is_ghost, is_awaited);
        if let Some(lie) = lie.filter(|_| is_awaited) {
            self.tally.lies += 1;
            let thing = flight.request.path.first().cloned().unwrap_or_default();
            self.mail.sender(&flight).into_iter().for_each(|running| running.lies.push((lie, thing.clone())));
        }
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

    /// The server's answer, and the lie that it is.
    fn answer(&mut self, request: &ApiRequest) -> (Answer, Option<Lie>) {
        let Some(lie) = self.draw_lie() else { return (self.mail.server.answer(self.now, request), None) };
        let honest = self.mail.server.clone().answer(self.now, request);
        let answer = self.mail.server.answer_lying(self.now, request, Some(lie));
        let is_lie = answer != honest;
        (answer, is_lie.then_some(lie))
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
                    let is_update = |(name, value): &(String, String)| name == "action" && value == "update";
                    let has_names = |(name, _): &(String, String)| name == "first_name";
                    let parameters = &flight.request.parameters;
                    running.has_late_names |=
                        parameters.iter().any(is_update) && parameters.iter().any(has_names);
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

    fn tell_arrival(
        &mut self,
        flight: &Flight,
        answer: &Answer,
        lie: Option<Lie>,
        is_ghost: bool,
        is_awaited: bool,
    ) {
        let now = self.now;
        self.story.tell(now, "server", || {
            let from = if is_ghost { "(that hook has ended) " } else { "" };
            let fate = match (&flight.answer, is_awaited) {
                (Expected::Instead(_), true) => "another answer is sent: ",
                (_, true) => "",
                (_, false) => "nobody gets the answer: ",
            };
            let lie = lie.map_or(String::new(), |lie| format!("({lie}) "));
            format!(
                "worker {} {from}{} -> {fate}{lie}{}",
                flight.worker + 1,
                flight.request.describe(),
                said(answer)
            )
        });
    }
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
