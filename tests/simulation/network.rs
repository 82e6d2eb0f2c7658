//! The way between a worker and the server: a [`Carrier`] that carries each request in its own time, or loses
//! it, or its answer; and may end the worker's process.

use crate::mail::{Call, Expected, Flight, CLIENT_ID, CLIENT_PASSWORD};
use crate::site::Site;
use crate::stage::Stage;
use magicmail::wire::{Answer, Carrier, Exchange, Failure, FailureKind, Method, Outcome, Request};
use magicmail_simulator::{ApiRequest, Credentials, Lie, Method as ApiMethod};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

/// A worker's process was killed: what its thread unwinds with.
pub struct Killed;

pub struct Line {
    pub stage: Arc<Stage>,
    pub worker: usize,
}

impl Carrier for Line {
    fn carry(&self, requests: &[Request], limit: Duration, deadline: Duration) -> Vec<Exchange> {
        let (started, until, end) = {
            let mut site = self.stage.site();
            let started = site.now;
            let limit = limit.min(deadline.saturating_sub(started));
            let end = site.draw_end(self.worker);
            if end == End::Before {
                drop(site);
                resume_unwind(Box::new(Killed));
            }
            let until = site.send_all(self.worker, requests, limit);
            let until = if end == End::Meanwhile { started + (until - started) / 2 } else { until };
            (started, until, end)
        };
        self.stage.wait_until(self.worker, until);
        if end != End::Lives {
            resume_unwind(Box::new(Killed));
        }
        let mut site = self.stage.site();
        let call = std::mem::take(&mut site.mail.calls[self.worker]);
        let elapsed = until.saturating_sub(started);
        call.outcomes
            .into_iter()
            .map(|outcome| Exchange { outcome: outcome.unwrap_or_else(|| in_doubt(How::TimeOver)), elapsed })
            .collect()
    }

    fn now(&self) -> Duration {
        self.stage.site().now
    }

    fn pause(&self, time: Duration) {
        self.stage.wait_for(self.worker, time);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Lives,
    Before,
    Meanwhile,
    /// The answers have come, and nobody reads them.
    After,
}

/// How a client learns that no answer comes.
#[derive(Clone, Copy)]
enum How {
    Broken,
    TimeOver,
}

/// What becomes of one request.
#[derive(Clone, Copy)]
enum Fate {
    Fine,
    Slow,
    NotSent(FailureKind),
    Lost(How),
    AnswerLost(How),
    Late(How),
    /// Not carried out.
    Status(u16),
    Garbage,
    Refused,
    /// Carried out.
    StatusAfter(u16),
    GarbageAfter,
    EmptyAfter,
}

const FATES: [(u64, Fate); 17] = [
    (6, Fate::NotSent(FailureKind::Connect)),
    (1, Fate::NotSent(FailureKind::Name)),
    (6, Fate::Lost(How::Broken)),
    (4, Fate::Lost(How::TimeOver)),
    (8, Fate::AnswerLost(How::Broken)),
    (5, Fate::AnswerLost(How::TimeOver)),
    (4, Fate::Slow),
    (3, Fate::Status(503)),
    (2, Fate::Status(500)),
    (1, Fate::Status(429)),
    (1, Fate::Status(401)),
    (2, Fate::Garbage),
    (3, Fate::Refused),
    (3, Fate::StatusAfter(502)),
    (2, Fate::StatusAfter(500)),
    (2, Fate::GarbageAfter),
    (2, Fate::EmptyAfter),
];

impl Site {
    fn draw_end(&mut self, worker: usize) -> End {
        if self.weather.calm || !self.random.chance(self.weather.kill) {
            return End::Lives;
        }
        let end = self.random.weighted(&[(1, End::Before), (2, End::Meanwhile), (2, End::After)]);
        let when = match end {
            End::Before => "before a request",
            End::Meanwhile => "during the next requests",
            _ => "after the next requests",
        };
        self.tell(worker, || format!("its process is killed {when}"));
        end
    }

    /// Sends requests side by side; returns when the last of them is answered or given up.
    fn send_all(&mut self, worker: usize, requests: &[Request], limit: Duration) -> Duration {
        let id = self.mail.number();
        self.mail.calls[worker] = Call { id, outcomes: vec![None; requests.len()] };
        let hook = self.mail.running[worker].as_ref().map_or(0, |running| running.id);
        let started = self.now;
        let trips: Vec<Trip> = requests.iter().map(|_| self.draw_trip(limit)).collect();
        let given_up = started + trips.iter().map(|trip| trip.ends).max().unwrap_or_default();
        for (slot, (request, trip)) in requests.iter().map(api_request).zip(trips).enumerate() {
            self.tally.requests += 1;
            self.guard_request(&request);
            if !trip.told.is_empty() {
                self.tell(worker, || format!("{}: {}", request.describe(), trip.told));
            }
            self.mail.calls[worker].outcomes[slot] = trip.outcome;
            let Some(arrives) = trip.arrives.map(|arrives| started + arrives) else { continue };
            self.send(Flight {
                worker,
                hook,
                call: id,
                slot,
                request,
                arrives,
                given_up,
                answer: trip.answer,
            });
        }
        given_up
    }

    fn draw_trip(&mut self, limit: Duration) -> Trip {
        let fate = self.draw_fate();
        self.trip(fate, limit)
    }

    fn draw_fate(&mut self) -> Fate {
        if self.weather.calm {
            return Fate::Fine;
        }
        if self.weather.gone_until <= self.now && self.random.chance(self.weather.outage) {
            self.weather.gone_until = self.now + self.random.millis(50, 60_000);
            self.story.tell(self.now, "server", || "is gone for a while".to_owned());
        }
        if self.weather.gone_until > self.now {
            let refused = Fate::NotSent(FailureKind::Connect);
            return self.random.weighted(&[(4, refused), (1, Fate::Lost(How::TimeOver))]);
        }
        if !self.random.chance(self.weather.fault) {
            return Fate::Fine;
        }
        self.tally.faults += 1;
        if self.random.chance(self.weather.late) {
            return Fate::Late(self.random.weighted(&[(1, How::Broken), (1, How::TimeOver)]));
        }
        self.random.weighted(&FATES)
    }

    /// What the server lies about to a request, if it does.
    pub fn draw_lie(&mut self) -> Option<Lie> {
        if self.weather.calm || self.weather.lies.is_empty() || !self.random.chance(self.weather.lie) {
            return None;
        }
        self.random.pick(&self.weather.lies).copied()
    }

    fn trip(&mut self, fate: Fate, limit: Duration) -> Trip {
        let there = self.random.millis(1, 30);
        let back = there + self.random.millis(1, 30);
        let given_up = |how| match how {
            How::Broken => back.min(limit),
            How::TimeOver => limit,
        };
        let trip = match fate {
            Fate::Fine => Trip::answered(there, back),
            Fate::Slow => {
                let there = there + self.random.millis(0, 25_000);
                Trip::answered(there, there + self.random.millis(0, 25_000)).told("slow")
            }
            Fate::NotSent(kind) => Trip::unanswered(back, not_sent(kind)).told("not sent"),
            Fate::Lost(how) => Trip::unanswered(given_up(how), in_doubt(how)).told("lost"),
            Fate::AnswerLost(how) => {
                Trip { arrives: Some(there), ..Trip::unanswered(given_up(how), in_doubt(how)) }
                    .told("its answer is lost")
            }
            Fate::Late(how) => {
                let longest = self.random.weighted(&[(1, 100), (2, 1_500), (2, 30_000)]);
                let arrives = given_up(how) + self.random.millis(1, longest);
                Trip { arrives: Some(arrives), ..Trip::unanswered(given_up(how), in_doubt(how)) }
                    .told("comes late")
            }
            Fate::Status(status) => {
                Trip::unanswered(back, Outcome::Answered(page(status))).told("a status only")
            }
            Fate::Garbage => Trip::unanswered(back, Outcome::Answered(page(200))).told("garbage, not done"),
            Fate::Refused => {
                Trip::unanswered(back, Outcome::Answered(refusal())).told("refused for no reason")
            }
            Fate::StatusAfter(status) => Trip::instead(there, back, page(status)).told("done, a status only"),
            Fate::GarbageAfter => Trip::instead(there, back, page(200)).told("done, garbage"),
            Fate::EmptyAfter => {
                Trip { answer: Expected::Silence, ..Trip::answered(there, back) }.told("done, empty")
            }
        };
        trip.within(limit)
    }

    pub fn tell(&mut self, worker: usize, what: impl FnOnce() -> String) {
        self.story.tell(self.now, &format!("worker {}", worker + 1), what);
    }
}

/// Times are counted from when the request is sent.
struct Trip {
    /// None: never.
    arrives: Option<Duration>,
    ends: Duration,
    /// Known beforehand where no answer comes.
    outcome: Option<Outcome>,
    answer: Expected,
    told: &'static str,
}

impl Trip {
    fn answered(there: Duration, back: Duration) -> Trip {
        Trip { arrives: Some(there), ends: back, outcome: None, answer: Expected::Truth, told: "" }
    }

    fn unanswered(ends: Duration, outcome: Outcome) -> Trip {
        Trip { arrives: None, ends, outcome: Some(outcome), answer: Expected::Nothing, told: "" }
    }

    fn instead(there: Duration, back: Duration, answer: Answer) -> Trip {
        Trip { answer: Expected::Instead(answer), ..Trip::answered(there, back) }
    }

    fn told(self, told: &'static str) -> Trip {
        Trip { told, ..self }
    }

    /// The client waits no longer than `limit`.
    fn within(self, limit: Duration) -> Trip {
        if self.ends <= limit {
            return self;
        }
        let outcome = Some(in_doubt(How::TimeOver));
        Trip { ends: limit, outcome, answer: Expected::Nothing, told: "too slow", ..self }
    }
}

fn not_sent(kind: FailureKind) -> Outcome {
    Outcome::NotSent(Failure { kind, text: "the server cannot be reached".to_owned() })
}

fn in_doubt(how: How) -> Outcome {
    let (kind, text) = match how {
        How::Broken => (FailureKind::Closed, "the connection broke"),
        How::TimeOver => (FailureKind::Timeout, "no answer in time"),
    };
    Outcome::InDoubt(Failure { kind, text: text.to_owned() })
}

fn page(status: u16) -> Answer {
    let body = b"<html><body>Sorry</body></html>".to_vec();
    Answer { status, content_type: Some("text/html".to_owned()), location: None, body }
}

fn refusal() -> Answer {
    let body = b"<response><error><code>error.internal</code><message>Try later</message></error></response>";
    Answer { status: 400, content_type: Some("text/xml".to_owned()), location: None, body: body.to_vec() }
}

fn api_request(request: &Request) -> ApiRequest {
    ApiRequest {
        method: match request.method {
            Method::Get => ApiMethod::Get,
            Method::Post => ApiMethod::Post,
        },
        path: request.path.clone(),
        parameters: request
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.reveal().to_owned()))
            .collect(),
        credentials: Some(Credentials::new(CLIENT_ID, CLIENT_PASSWORD)),
    }
}
