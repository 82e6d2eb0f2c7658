//! A MagicMail server without sockets, threads or clock: requests in, whole answers out. The HTTPS server
//! stands on it, and so may a simulation inside one process.

use crate::command::{Command, NoCommand, Refusal};
use crate::guard::Guard;
use crate::lies::{redirect, Lie, Lies, ScopedLie};
use crate::modes::{Modes, NothingToRead, MOST_STALE};
use crate::render;
use crate::request::{ApiRequest, Credentials};
use crate::state::{Reply, State};
use std::collections::VecDeque;
use std::time::Duration;

const XML: &str = "text/xml; charset=utf-8";
const LATIN1_XML: &str = "text/xml; charset=iso-8859-1";
const PAGE: &str = "text/html; charset=utf-8";

/// An answer of any status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// None only where there is no body.
    pub content_type: Option<String>,
    pub body: Vec<u8>,
    /// Whether a write was carried out. A read changes nothing and is never "applied".
    pub applied: bool,
    /// Whether the API client's id and password were right.
    pub authorized: bool,
}

impl Answer {
    /// A web page, as servers put in the place of an answer.
    pub fn page(status: u16, title: &str) -> Answer {
        let body = format!(
            "<html><head><title>{title}</title></head>\n<body>\n<h1>{title}</h1><br>\n<hr>\n</body></html>\n"
        );
        let content_type = Some(PAGE.to_owned());
        Answer { status, content_type, body: body.into_bytes(), applied: false, authorized: true }
    }

    fn document(status: u16, xml: &str, modes: &Modes) -> Answer {
        let content_type = match modes.encoding {
            crate::modes::Encoding::Utf8 => XML,
            crate::modes::Encoding::Latin1 => LATIN1_XML,
        };
        let body = render::encoded(xml, modes);
        Answer { status, content_type: Some(content_type.to_owned()), body, applied: false, authorized: true }
    }

    /// An error document.
    pub fn error(status: u16, code: &str, message: &str, modes: &Modes) -> Answer {
        Answer::document(status, &render::refusal(&Refusal::new(code, message), modes), modes)
    }

    pub fn empty(status: u16) -> Answer {
        Answer { status, content_type: None, body: Vec::new(), applied: false, authorized: true }
    }
}

/// The server: what it holds, what of it can be seen already, and how it behaves.
#[derive(Clone, Debug)]
pub struct MailServer {
    client: Credentials,
    pub modes: Modes,
    state: State,
    /// What reads show where they lag behind, and the states that they will show, each from its time on.
    visible: Option<State>,
    coming: VecDeque<(Duration, State)>,
    /// What was held before each of the last writes.
    past: VecDeque<State>,
    guard: Option<Guard>,
}

impl MailServer {
    pub fn new(client: Credentials, state: State, modes: Modes) -> MailServer {
        MailServer {
            client,
            modes,
            visible: None,
            state,
            coming: VecDeque::new(),
            past: VecDeque::new(),
            guard: None,
        }
    }

    /// What the server holds, be it visible to reads already or not.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Replaces what the server holds; visible at once.
    pub fn set_state(&mut self, state: State) {
        self.coming.clear();
        self.past.clear();
        self.visible = None;
        self.state = state;
    }

    /// What reads show at `now`.
    pub fn visible(&mut self, now: Duration) -> &State {
        while self.coming.front().is_some_and(|(from, _)| *from <= now) {
            self.visible = self.coming.pop_front().map(|(_, state)| state);
            if self.coming.is_empty() {
                self.visible = None;
            }
        }
        self.visible.as_ref().unwrap_or(&self.state)
    }

    /// Whether the request bears the API client's id and password.
    pub fn authorizes(&self, request: &ApiRequest) -> bool {
        request.credentials.as_ref() == Some(&self.client)
    }

    /// Watches what is destroyed from now on; None: no more.
    pub fn set_guard(&mut self, guard: Option<Guard>) {
        self.guard = guard;
    }

    pub fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// A request has come that is not answered here.
    pub fn see(&mut self, request: &ApiRequest) {
        if let Some(guard) = &mut self.guard {
            guard.see(request);
        }
    }

    /// Answers one request. `now` is the caller's clock, from any start; it must not run backwards.
    pub fn answer(&mut self, now: Duration, request: &ApiRequest) -> Answer {
        self.answer_lying(now, request, None)
    }

    /// The same, with a lie besides those of the modes.
    pub fn answer_lying(&mut self, now: Duration, request: &ApiRequest, lie: Option<Lie>) -> Answer {
        self.see(request);
        if !self.authorizes(request) {
            return Answer { authorized: false, ..Answer::page(401, "401 Authorization Required") };
        }
        let is_decoded = self.modes.lies.contains(&Lie::PathDecoded.into()) || lie == Some(Lie::PathDecoded);
        let decoded = is_decoded.then(|| redirect::decoded(request));
        let request = decoded.as_ref().unwrap_or(request);
        let command = match Command::of(request) {
            Ok(command) => command,
            Err(NoCommand::Path) => return Answer::page(404, "404 Not Found"),
            Err(NoCommand::Method) => return Answer::page(405, "405 Method Not Allowed"),
            Err(NoCommand::Refused(refusal)) => return self.refused(&refusal, &Lies::default()),
        };
        let lies = Lies::told_to(&command, &self.modes.lies, lie);
        let (done, applied) = if command.is_write() {
            self.write(now, request, &command, &lies)
        } else {
            (self.read(now, request, &command, &lies), false)
        };
        Answer { applied, ..self.told(done, &command, &lies) }
    }

    /// Carries a write out, and says whether it was.
    fn write(
        &mut self,
        now: Duration,
        request: &ApiRequest,
        command: &Command<'_>,
        lies: &Lies,
    ) -> (Result<Reply, Refusal>, bool) {
        let modes = self.modes.clone();
        if lies.withhold() {
            return (self.state.clone().handle(command, &modes), false);
        }
        let keeps_before = self.guard.is_some() || self.state.is_small() || self.has_lie(Lie::ListStale);
        let before = keeps_before.then(|| self.state.clone());
        let done = self.write_once(now, command, &modes);
        let applied = done.is_ok();
        if let Some(before) = before.filter(|_| applied) {
            if let Some(guard) = &mut self.guard {
                guard.observe(request, &before, &self.state);
            }
            self.past.push_back(before);
            if self.past.len() > MOST_STALE {
                self.past.pop_front();
            }
        }
        if lies.has(Lie::SentTwice) {
            return (self.write_once(now, command, &modes), applied);
        }
        (done, applied)
    }

    fn write_once(&mut self, now: Duration, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        self.visible(now);
        if modes.lag_ms == 0 && self.coming.is_empty() {
            return self.state.handle(command, modes);
        }
        let before = self.state.clone();
        let reply = self.state.handle(command, modes)?;
        self.visible.get_or_insert(before);
        let from = now + Duration::from_millis(modes.lag_ms);
        // A lag that was made shorter meanwhile lets nothing overtake.
        let from = self.coming.back().map_or(from, |(earlier, _)| from.max(*earlier));
        self.coming.push_back((from, self.state.clone()));
        Ok(reply)
    }

    fn has_lie(&self, lie: Lie) -> bool {
        self.modes.lies.iter().any(|scoped: &ScopedLie| scoped.lie == lie)
    }

    fn read(
        &mut self,
        now: Duration,
        request: &ApiRequest,
        command: &Command<'_>,
        lies: &Lies,
    ) -> Result<Reply, Refusal> {
        let modes = self.modes.clone();
        let past = self.past.len().saturating_sub(modes.stale_writes);
        let stale = lies.has(Lie::ListStale).then(|| self.past.get(past).cloned()).flatten();
        let state = stale.unwrap_or_else(|| self.visible(now).clone());
        let Some(others) = lies.asked_instead(command, request, &state) else {
            return state.read(command, &modes);
        };
        let mut all = Reply::List(command.thing, Vec::new());
        for other in &others {
            let Ok(other) = Command::of(other) else { continue };
            all = match (all, state.read(&other, &modes)?) {
                (Reply::List(thing, mut records), Reply::List(_, more)) => {
                    records.extend(more);
                    Reply::List(thing, records)
                }
                (_, reply) => reply,
            };
        }
        Ok(all)
    }

    /// What is said of what was done.
    fn told(&self, done: Result<Reply, Refusal>, command: &Command<'_>, lies: &Lies) -> Answer {
        if let Some(document) = lies.document() {
            return Answer::document(200, &(render::head(&self.modes) + document), &self.modes);
        }
        if command.is_write() && lies.has(Lie::OtherRecord) {
            let other = redirect::other_name(command, &self.state);
            let other = other.and_then(|name| self.state.record(command.thing, &name, &self.modes));
            if let Some(reply) = other {
                return self.granted(&reply, false, lies);
            }
        }
        match done {
            Ok(_) if lies.has(Lie::RefusedDone) => {
                self.refused(&Refusal::new("error.internal", "Something went wrong"), lies)
            }
            Ok(reply) => {
                let reply = lies.bend(reply, command, &self.state, &self.modes);
                self.granted(&reply, command.is_write(), lies)
            }
            Err(refusal) => self.refused(&refusal, lies),
        }
    }

    fn granted(&self, reply: &Reply, is_write: bool, lies: &Lies) -> Answer {
        let modes = &self.modes;
        let silent = is_write && modes.empty_writes
            || *reply == Reply::Nothing && modes.nothing_to_read == NothingToRead::NoBody;
        if silent {
            return Answer::empty(200);
        }
        Answer::document(200, &render::reply(reply, modes, lies), modes)
    }

    fn refused(&self, refusal: &Refusal, lies: &Lies) -> Answer {
        let message = lies.odd_text().map(|text| format!("{}: {text}", refusal.message));
        let message = message.as_ref().unwrap_or(&refusal.message);
        Answer::error(self.modes.error_status, &refusal.code, message, &self.modes)
    }
}
