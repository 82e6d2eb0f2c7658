//! A whole hook against a server that lies in good form, and a network that loses what it carries: whatever they say,
//! no mailbox in use is purged, nothing is destroyed that nobody asked to be rid of, and no force is sent.

use super::deeds::Deed;
use super::network::{answer_of, api_request, failure, Serve, Shared, MOMENT};
use super::scenes::{ACCOUNT, USER};
use super::{export_over, for_people, harmless, holds, texts_of, Checked, Lines, SECRET};
use super::{OLD_PASSWORD, PASSWORD, TIMEOUT};
use magicmail::error::{Error, Status};
use magicmail::wire::{Answer, Carrier, Exchange, FailureKind, Outcome, Request};
use magicmail_simulator::modes::{DeletedUsers, EmptyLists, Fields, NoUser, NothingToRead};
use magicmail_simulator::{
    losses, ApiRequest, Credentials, Guard, Lie, MailServer, Modes, Permission, Scope, ScopedLie, State,
};
use serde_json::Value;
use std::time::Duration;

/// What a hook may end with that reached the network.
const ENDS: [Status; 4] = [Status::Refused, Status::Server, Status::NotReached, Status::Doubt];
const SCOPES: [Option<Scope>; 8] = [
    None,
    None,
    None,
    Some(Scope::Reads),
    Some(Scope::Lists),
    Some(Scope::Records),
    Some(Scope::Writes),
    Some(Scope::Purges),
];

/// Bytes as choices: what comes after the last one is 0, which is always the honest choice.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn next(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn is(&mut self) -> bool {
        self.next() % 2 == 1
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.next()) % all.len()]
    }
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Honest,
    Lie(Lie),
    Unsent,
    Lost { done: bool, kind: FailureKind },
    Status(u16),
}

impl Fate {
    fn of(choice: u8) -> Fate {
        match choice {
            0..=127 => Fate::Honest,
            128..=219 => Fate::Lie(Lie::ALL[usize::from(choice - 128) % Lie::ALL.len()]),
            220..=225 => Fate::Unsent,
            226..=231 => Fate::Lost { done: false, kind: FailureKind::Closed },
            232..=237 => Fate::Lost { done: true, kind: FailureKind::Closed },
            238..=240 => Fate::Lost { done: false, kind: FailureKind::Timeout },
            241..=243 => Fate::Lost { done: true, kind: FailureKind::Timeout },
            244..=247 => Fate::Status(503),
            248..=251 => Fate::Status(403),
            _ => Fate::Status(500),
        }
    }
}

fn modes(choices: &mut Choices) -> Modes {
    Modes {
        fields: choices.one_of(&[Fields::Attributes, Fields::Children, Fields::Mixed]),
        deleted_users: choices.one_of(&[DeletedUsers::Listed, DeletedUsers::Hidden]),
        empty_lists: choices.one_of(&[EmptyLists::Element, EmptyLists::Missing]),
        nothing_to_read: choices.one_of(&[NothingToRead::Document, NothingToRead::NoBody]),
        no_user: choices.one_of(&[NoUser::Account, NoUser::User]),
        account_in_lists: !choices.is(),
        addresses_follow_purge: !choices.is(),
        addresses_follow_delete: choices.is(),
        empty_writes: choices.is(),
        error_status: choices.one_of(&[400, 200, 500]),
        page_size: usize::from(choices.next() % 3),
        cut_entry: usize::from(choices.next() % 3),
        stale_writes: 1 + usize::from(choices.next() % 5),
        ..Modes::default()
    }
}

/// Those that last: at most two.
fn lasting_lies(choices: &mut Choices) -> Vec<ScopedLie> {
    let number = choices.one_of(&[0, 0, 1, 1, 2]);
    let mut lie = || ScopedLie { lie: choices.one_of(&Lie::ALL), scope: choices.one_of(&SCOPES) };
    (0..number).map(|_| lie()).collect()
}

struct Lying {
    server: MailServer,
    /// What becomes of the requests, in their order; honest after that.
    fates: Vec<u8>,
    now: Duration,
    trace: Vec<String>,
    lists: Lists,
}

/// What the lists of users have said.
#[derive(Default)]
struct Lists {
    /// The service's own user is marked deleted: the server lists deleted users.
    have_shown_deleted: bool,
    have_shown_old: bool,
}

impl Lists {
    fn record(&mut self, body: &[u8]) {
        let body = String::from_utf8_lossy(body).to_ascii_lowercase();
        self.have_shown_deleted |= body.contains(USER) && body.contains("deleted");
        self.have_shown_old |= body.contains("\"old\"") || body.contains(">old<");
    }

    /// A server that leaves somebody out each time cannot be seen through.
    fn prove_emptiness(&self) -> bool {
        self.have_shown_deleted && !self.have_shown_old
    }
}

type Liar = Shared<Lying>;

impl Liar {
    fn telling(state: State, modes: Modes, fates: Vec<u8>) -> Liar {
        let server = MailServer::new(Credentials::new("freeside", SECRET), state, modes);
        Shared::of(Lying { server, fates, now: Duration::ZERO, trace: Vec::new(), lists: Lists::default() })
    }
}

impl Serve for Lying {
    fn exchange(&mut self, request: &Request, left: Duration) -> Exchange {
        if left.is_zero() {
            return Exchange { outcome: Outcome::NotSent(failure(FailureKind::Timeout)), elapsed: left };
        }
        let choice = if self.fates.is_empty() { 0 } else { self.fates.remove(0) };
        let fate = Fate::of(choice);
        let request = api_request(request);
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        let outcome = match fate {
            Fate::Honest => self.answer(&request, None),
            Fate::Lie(lie) => self.answer(&request, Some(lie)),
            Fate::Unsent => Outcome::NotSent(failure(FailureKind::Connect)),
            Fate::Lost { done, kind } => {
                if done {
                    self.answer(&request, None);
                } else {
                    self.server.see(&request);
                }
                Outcome::InDoubt(failure(kind))
            }
            Fate::Status(status) => Outcome::Answered(page(status)),
        };
        if let (Outcome::Answered(answer), ["user"]) = (&outcome, &*path) {
            self.lists.record(&answer.body);
        }
        self.trace.push(format!("{} [{fate:?}] -> {}", request.describe(), seen(&outcome)));
        let is_slow = matches!(fate, Fate::Lost { kind: FailureKind::Timeout, .. });
        Exchange { outcome, elapsed: if is_slow { left } else { MOMENT.min(left) } }
    }

    fn clock(&mut self) -> &mut Duration {
        &mut self.now
    }
}

impl Lying {
    fn answer(&mut self, request: &ApiRequest, lie: Option<Lie>) -> Outcome {
        Outcome::Answered(answer_of(self.server.answer_lying(self.now, request, lie)))
    }
}

fn page(status: u16) -> Answer {
    let body = b"<html><body>Sorry</body></html>".to_vec();
    Answer { status, content_type: Some("text/html".to_owned()), location: None, body }
}

/// Of an answer, in characters.
const LONGEST_SEEN: usize = 600;

fn seen(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered(answer) => {
            let body = String::from_utf8_lossy(&answer.body);
            let body = body.split_once("?>").map_or(&*body, |(_, rest)| rest).trim();
            format!("{} {}", answer.status, body.chars().take(LONGEST_SEEN).collect::<String>())
        }
        Outcome::NotSent(_) => "not sent".to_owned(),
        Outcome::InDoubt(_) => "no answer".to_owned(),
    }
}

/// The case that these bytes stand for.
pub fn check(bytes: &[u8]) -> Checked {
    let mut choices = Choices(bytes);
    let deed = choices.one_of(&Deed::all());
    let autopurge = choices.is();
    let modes = modes(&mut choices);
    let lies = lasting_lies(&mut choices);
    let before = deed.state();
    let permitted = {
        let honest = Liar::telling(before.clone(), modes.clone(), Vec::new());
        run(deed, autopurge, &honest)?.ok();
        let after = honest.lock().server.state().clone();
        losses(&before, &after).into_iter().map(|loss| Permission { kind: loss.kind, name: loss.name })
    };
    let liar = Liar::telling(before.clone(), Modes { lies, ..modes }, choices.0.to_vec());
    liar.lock().server.set_guard(Some(Guard::new(before.clone(), permitted)));
    let ended = run(deed, autopurge, &liar);
    let inner = liar.lock();
    let told = || {
        let lies: Vec<String> = inner.server.modes.lies.iter().map(ScopedLie::to_string).collect();
        format!("{deed:?} (autopurge {autopurge}), lies [{}]\n{}", lies.join(" "), inner.trace.join("\n"))
    };
    let violations = inner.server.guard().map(Guard::violations).unwrap_or_default();
    let is_excused = |violation: &&String| inner.lists.prove_emptiness() && is_of_emptied_account(violation);
    let wrong: Vec<&str> =
        violations.iter().filter(|violation| !is_excused(violation)).map(String::as_str).collect();
    holds(wrong.is_empty(), || format!("{}\n{}", wrong.join("\n"), told()))?;
    if violations.is_empty() {
        others_are_as_before(&before, inner.server.state()).map_err(|why| format!("{why}\n{}", told()))?;
    }
    ended.map(drop).map_err(|why| format!("{why}\n{}", told()))
}

/// The account went with whom no list had ever shown there, on a server that lists deleted users.
fn is_of_emptied_account(violation: &str) -> bool {
    violation.starts_with("nobody asked for it")
        && violation.ends_with(&format!("by POST /account/{ACCOUNT} action=purge"))
}

/// Nothing of other customers is changed, nor a mailbox of this one that no service has.
fn others_are_as_before(before: &State, after: &State) -> Checked {
    if before == after {
        return Ok(());
    }
    let document = |state: &State| serde_json::to_value(state).expect("a document");
    let (before, after) = (document(before), document(after));
    let is_others = |name: &str, user: &Value| name.eq_ignore_ascii_case("old") || user["account"] != ACCOUNT;
    for (name, user) in before["users"].as_object().into_iter().flatten() {
        let is_same = || after["users"][name] == *user;
        holds(!is_others(name, user) || is_same(), || {
            format!("user {name} is changed: {}", after["users"][name])
        })?;
    }
    for (address, owner) in before["addresses"].as_object().into_iter().flatten() {
        let name = owner.as_str().unwrap_or_default();
        let is_same = || after["addresses"][address] == *owner;
        let is_others = is_others(name, &before["users"][name]);
        holds(!is_others || is_same(), || format!("address {address} is changed"))?;
    }
    for (id, account) in before["accounts"].as_object().into_iter().flatten() {
        let is_same = || after["accounts"][id] == *account;
        holds(id == ACCOUNT || is_same(), || format!("account {id} is changed"))?;
    }
    Ok(())
}

/// Err: the hook's end is none, whatever the server said.
fn run(deed: Deed, autopurge: bool, liar: &Liar) -> Result<Result<Value, Error>, String> {
    let export = export_over(liar.clone(), autopurge);
    let lines = Lines::default();
    let secrets: &[&str] =
        if deed.knows_old_password() { &[SECRET, PASSWORD, OLD_PASSWORD] } else { &[SECRET, PASSWORD] };
    let ended = deed.ask(&export, autopurge, &lines);
    let took = liar.now();
    holds(took <= Duration::from_secs(6 * TIMEOUT), || format!("it took {took:?}"))?;
    lines.check(secrets)?;
    match ended {
        Ok(reply) => {
            let reply: Value = serde_json::from_str(&reply).map_err(|why| why.to_string())?;
            texts_of(&reply).into_iter().try_for_each(|text| for_people(text, secrets))?;
            Ok(Ok(reply))
        }
        Err(error) => {
            harmless(&error, &ENDS, secrets)?;
            Ok(Err(error))
        }
    }
}
