//! A MagicMail server without sockets, threads or clock: requests in, whole answers out. The HTTPS server
//! stands on it, and so may a simulation inside one process.

use crate::command::{Command, NoCommand, Refusal};
use crate::modes::{Modes, NothingToRead};
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
}

impl MailServer {
    pub fn new(client: Credentials, state: State, modes: Modes) -> MailServer {
        MailServer { client, modes, visible: None, state, coming: VecDeque::new() }
    }

    /// What the server holds, be it visible to reads already or not.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Replaces what the server holds; visible at once.
    pub fn set_state(&mut self, state: State) {
        self.coming.clear();
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

    /// Answers one request. `now` is the caller's clock, from any start; it must not run backwards.
    pub fn answer(&mut self, now: Duration, request: &ApiRequest) -> Answer {
        if !self.authorizes(request) {
            return Answer { authorized: false, ..Answer::page(401, "401 Authorization Required") };
        }
        let command = match Command::of(request) {
            Ok(command) => command,
            Err(NoCommand::Path) => return Answer::page(404, "404 Not Found"),
            Err(NoCommand::Method) => return Answer::page(405, "405 Method Not Allowed"),
            Err(NoCommand::Refused(refusal)) => return self.refused(&refusal),
        };
        let modes = &self.modes.clone();
        let done = if command.is_write() {
            self.write(now, &command, modes)
        } else {
            self.visible(now).read(&command, modes)
        };
        match done {
            Err(refusal) => self.refused(&refusal),
            Ok(reply) => Answer { applied: command.is_write(), ..granted(&reply, command.is_write(), modes) },
        }
    }

    fn write(&mut self, now: Duration, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
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

    fn refused(&self, refusal: &Refusal) -> Answer {
        Answer::error(self.modes.error_status, &refusal.code, &refusal.message, &self.modes)
    }
}

fn granted(reply: &Reply, write: bool, modes: &Modes) -> Answer {
    let silent = write && modes.empty_writes
        || *reply == Reply::Nothing && modes.nothing_to_read == NothingToRead::NoBody;
    if silent {
        return Answer::empty(200);
    }
    Answer::document(200, &render::reply(reply, modes), modes)
}
