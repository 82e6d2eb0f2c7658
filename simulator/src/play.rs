//! Sends what becomes of a request: its answer, or what a fault puts in the place of one.

use crate::fault::{Fault, Kind};
use crate::http::Framing;
use crate::mail_server::Answer;
use crate::modes::Modes;
use crate::stopper::Stopper;
use crate::wire::Wire;
use std::io;
use std::time::Duration;

/// What the connection does about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Whole,
    /// Half of it, then the connection breaks.
    CutShort,
    /// A byte each time.
    Drip(Duration),
    Endless,
    LengthTooLong,
    LengthTooShort,
    /// The answer, then TLS session tickets.
    Tickets,
    /// No answer: the connection breaks at once.
    BreakOff,
    /// No answer: the connection ends properly.
    Close,
    /// No answer, until the client goes away.
    Silence,
}

pub struct Play {
    answer: Answer,
    fields: Vec<(&'static str, String)>,
    manner: Manner,
    delay: Duration,
    framing: Framing,
    close_notify: bool,
}

impl Play {
    /// `answer` is the mail server's, where the request reached it. `kept`: its connection has carried
    /// others before. `host` is the server's own name, as the client calls it.
    pub fn new(
        fault: Option<&Fault>,
        answer: Option<Answer>,
        kept: bool,
        host: &str,
        framing: Framing,
        modes: &Modes,
    ) -> Play {
        let given = answer.unwrap_or_else(|| Answer::empty(200));
        let (answer, manner) = match fault {
            None => (given, Manner::Whole),
            Some(fault) => (replaced(fault, given, modes), manner(fault, kept)),
        };
        let mut fields = fields(&answer);
        let mut delay = Duration::from_millis(modes.latency_ms);
        if let Some(fault) = fault {
            fields.extend(fault_fields(fault, host));
            if fault.kind == Kind::Slow {
                delay += Duration::from_millis(fault.ms.unwrap_or(1_000));
            }
        }
        let framing = if manner == Manner::Endless { framing.without_end() } else { framing };
        Play { answer, fields, manner, delay, framing, close_notify: modes.close_notify }
    }

    /// The HTTP status that the client is sent, if any.
    pub fn status(&self) -> Option<u16> {
        match self.manner {
            Manner::BreakOff | Manner::Close | Manner::Silence => None,
            _ => Some(self.answer.status),
        }
    }

    /// Sends it. True: the connection may carry another request.
    pub fn perform(&self, wire: &mut Wire, stopper: &Stopper) -> io::Result<bool> {
        if !self.delay.is_zero() && !stopper.wait(self.delay) {
            return Ok(false);
        }
        match self.manner {
            Manner::Whole => return self.send_whole(wire),
            Manner::BreakOff => {}
            Manner::Close => wire.send_and_close(b"", self.close_notify)?,
            Manner::Silence => wire.wait_for_client(),
            Manner::CutShort => self.send_half(wire)?,
            Manner::Drip(pause) => self.drip(wire, pause, stopper)?,
            Manner::Endless => self.send_without_end(wire)?,
            Manner::LengthTooLong => {
                let mut bytes = self.head(self.answer.body.len() + 100);
                bytes.extend_from_slice(&self.answer.body);
                wire.send(&bytes)?;
                wire.wait_for_client();
            }
            Manner::Tickets => {
                wire.send(&self.whole())?;
                wire.send_tickets()?;
            }
            Manner::LengthTooShort => {
                let mut bytes = self.head(self.answer.body.len() / 2);
                bytes.extend_from_slice(&self.answer.body);
                wire.send_and_close(&bytes, self.close_notify)?;
            }
        }
        wire.break_off();
        Ok(false)
    }

    fn head(&self, length: usize) -> Vec<u8> {
        self.framing.head(self.answer.status, &self.fields, length)
    }

    fn whole(&self) -> Vec<u8> {
        let mut bytes = self.head(self.answer.body.len());
        bytes.extend(self.framing.body(&self.answer.body));
        bytes
    }

    fn send_whole(&self, wire: &mut Wire) -> io::Result<bool> {
        if self.framing.keeps {
            wire.send(&self.whole())?;
            return Ok(true);
        }
        wire.send_and_close(&self.whole(), self.close_notify)?;
        Ok(false)
    }

    /// Half of the body; where there is none, half of the head.
    fn send_half(&self, wire: &mut Wire) -> io::Result<()> {
        let head = self.head(self.answer.body.len());
        if self.answer.body.is_empty() {
            return wire.send(&head[..head.len() / 2]);
        }
        let body = self.framing.body(&self.answer.body);
        wire.send(&[head.as_slice(), &body[..body.len() / 2]].concat())
    }

    fn drip(&self, wire: &mut Wire, pause: Duration, stopper: &Stopper) -> io::Result<()> {
        for byte in self.whole() {
            wire.send(&[byte])?;
            if !stopper.wait(pause) {
                break;
            }
        }
        Ok(())
    }

    /// Goes on until the client has enough (or the connection is broken from here).
    fn send_without_end(&self, wire: &mut Wire) -> io::Result<()> {
        let start = String::from_utf8_lossy(&self.answer.body);
        let start = start.rsplit_once("</").map_or("<response>", |(start, _)| start);
        let mut bytes = self.head(0);
        bytes.extend(self.framing.piece(start.as_bytes()));
        wire.send(&bytes)?;
        let filler = self.framing.piece("<!-- and so on -->\n".repeat(800).as_bytes());
        loop {
            wire.send(&filler)?;
        }
    }
}

fn manner(fault: &Fault, kept: bool) -> Manner {
    match fault.kind {
        Kind::Refused | Kind::Gone | Kind::DropBefore | Kind::DropAfter => Manner::BreakOff,
        // On a new connection there is nothing to close: the request came after all.
        Kind::CloseIdle if kept => Manner::Close,
        Kind::Hang | Kind::HangAfter => Manner::Silence,
        Kind::CutShort => Manner::CutShort,
        Kind::Drip => Manner::Drip(Duration::from_millis(fault.ms.unwrap_or(1_000))),
        Kind::Endless => Manner::Endless,
        Kind::LengthTooLong => Manner::LengthTooLong,
        Kind::LengthTooShort => Manner::LengthTooShort,
        Kind::Tickets => Manner::Tickets,
        _ => Manner::Whole,
    }
}

/// The answer that a fault gives in the place of the mail server's.
fn replaced(fault: &Fault, given: Answer, modes: &Modes) -> Answer {
    let (applied, authorized) = (given.applied, given.authorized);
    let with = |answer: Answer| Answer { applied, authorized, ..answer };
    let body = |text: &[u8]| {
        let content_type = Some("text/xml; charset=utf-8".to_owned());
        with(Answer { content_type, body: text.to_vec(), ..Answer::empty(200) })
    };
    match fault.kind {
        Kind::Garbage | Kind::GarbageAfter => body(b"\x00\x01\xfe\xff<<&& not XML at all ]]>\x7f\n"),
        Kind::Status401 => with(Answer::page(401, "401 Authorization Required")),
        Kind::Status403 => with(Answer::page(403, "403 Forbidden")),
        Kind::Status429 => with(Answer::page(429, "429 Too Many Requests")),
        Kind::Status500 | Kind::Status500After => with(Answer::page(500, "500 Internal Server Error")),
        Kind::Status502 | Kind::Status502After => with(Answer::page(502, "502 Bad Gateway")),
        Kind::Status503 => with(Answer::page(503, "503 Service Unavailable")),
        Kind::Status504 => with(Answer::page(504, "504 Gateway Timeout")),
        Kind::Redirect => with(Answer::page(302, "302 Found")),
        Kind::WebPage => with(Answer::page(200, "Welcome to MagicMail")),
        Kind::ErrorDocument | Kind::ErrorDocumentAfter => {
            let code = fault.code.as_deref().unwrap_or("error.internal");
            let message = fault.message.as_deref().unwrap_or("The database is not available");
            with(Answer::error(fault.status.unwrap_or(200), code, message, modes))
        }
        Kind::EmptyBody | Kind::EmptyBodyBefore => with(Answer::empty(200)),
        Kind::NoRecord => body(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response/>\n"),
        Kind::Answer => with(Answer {
            status: fault.status.unwrap_or(200),
            content_type: Some(
                fault.content_type.clone().unwrap_or_else(|| "text/xml; charset=utf-8".to_owned()),
            ),
            ..body(fault.body.as_deref().unwrap_or_default().as_bytes())
        }),
        _ => given,
    }
}

fn fields(answer: &Answer) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if let Some(content_type) = &answer.content_type {
        fields.push(("Content-Type", content_type.clone()));
    }
    match answer.status {
        401 => fields.push(("WWW-Authenticate", "Basic realm=\"MagicMail\"".to_owned())),
        429 | 503 => fields.push(("Retry-After", "1".to_owned())),
        _ => {}
    }
    fields
}

/// What a fault adds to the head of the answer.
fn fault_fields(fault: &Fault, host: &str) -> Vec<(&'static str, String)> {
    match fault.kind {
        Kind::Redirect => {
            let elsewhere = || format!("https://{host}/api/v2/elsewhere");
            vec![("Location", fault.location.clone().unwrap_or_else(elsewhere))]
        }
        Kind::HeaderFlood => (0..20_000).map(|n| ("X-Flood", format!("drop number {n}"))).collect(),
        _ => Vec::new(),
    }
}
