//! Input as the corpus has it: a first line that says what is tried, then what it is tried with. Whatever a
//! fuzzer makes of it means something.
//!
//!     get_user 200 text/xml
//!     <response><user id="JANE"/></response>
//!
//! An answer: operation, status, type, and behind it the body.
//!
//!     provision
//!     { "account": …
//!
//! A document: `configuration`, a hook, or the name of an operation of `mm_call`.
//!
//!     new_customer autopurge gone
//!     > honest
//!     > lost timeout
//!     > done 500 text/html
//!     <html>
//!
//! A hook: the scene, options, what becomes of the requests after the last act; then the acts.

use super::hooks::Case;
use super::network::{Act, Script, Tail};
use super::scenes::Scene;
use magicmail::api::{Operation, OPERATIONS};
use magicmail::wire::{Answer, FailureKind};

/// The first line, as words, and the rest.
pub fn head_and_body(bytes: &[u8]) -> (String, &[u8]) {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let body = bytes.get(end + 1..).unwrap_or_default();
    (String::from_utf8_lossy(&bytes[..end]).into_owned(), body)
}

/// One of `all`, by what a word that names none of them happens to be.
fn any_of<'a, T>(all: &'a [T], word: &str) -> &'a T {
    let sum: usize = word.bytes().map(usize::from).sum();
    &all[sum % all.len()]
}

pub fn operation_and_answer(bytes: &[u8]) -> (&'static Operation, Answer) {
    let (head, body) = head_and_body(bytes);
    let (name, rest) = head.split_once(' ').unwrap_or((&head, "200"));
    let operation = Operation::named(name).unwrap_or_else(|| any_of(OPERATIONS, name));
    (operation, answer(rest, body))
}

/// `status`, and perhaps a type behind it.
fn answer(head: &str, body: &[u8]) -> Answer {
    let (status, kind) = head.split_once(' ').unwrap_or((head, ""));
    let status = status.parse().ok().filter(|status| (100..=999).contains(status));
    let redirects = matches!(status, Some(300..=399));
    Answer {
        status: status.unwrap_or_else(|| *any_of(&[200, 400, 401, 403, 429, 500, 502, 503], head)),
        content_type: (!kind.is_empty()).then(|| kind.to_owned()),
        location: redirects.then(|| String::from_utf8_lossy(body).into_owned()),
        body: body.to_vec(),
    }
}

pub fn case(bytes: &[u8]) -> Case {
    let mut parts = parts(bytes).into_iter();
    let head = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut words = head.split_ascii_whitespace();
    let name = words.next().unwrap_or_default();
    let options: Vec<&str> = words.collect();
    let has = |word: &str| options.contains(&word);
    let tail = match () {
        () if has("gone") => Tail::Gone,
        () if has("hanging") => Tail::Hanging,
        () if has("again") => Tail::Again,
        () => Tail::Honest,
    };
    Case {
        scene: Scene::named(name).unwrap_or_else(|| *any_of(&Scene::ALL, name)),
        autopurge: has("autopurge"),
        dry_run: has("dry_run"),
        script: Script { acts: parts.map(act).collect(), tail },
    }
}

/// What stands between the lines that begin with `> `.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in 0..bytes.len() {
        if bytes[at..].starts_with(b"\n> ") {
            parts.push(&bytes[start..at]);
            start = at + 3;
        }
    }
    parts.push(bytes.get(start..).unwrap_or_default());
    parts
}

fn act(part: &[u8]) -> Act {
    let (head, body) = head_and_body(part);
    let (word, rest) = head.split_once(' ').unwrap_or((&head, ""));
    match word {
        "honest" => Act::Honest,
        "unsent" => Act::Unsent(kind(rest)),
        "lost" => Act::Lost { done: false, kind: kind(rest) },
        "done_lost" => Act::Lost { done: true, kind: kind(rest) },
        "bent" => {
            let mut numbers = rest.split(' ').map(|number| number.parse::<usize>().unwrap_or(7));
            let (at, by) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(1));
            Act::Bent { at, by: u8::try_from(by % 256).unwrap_or(1) }
        }
        "done" => Act::Says { done: true, answer: answer(rest, body) },
        _ => Act::Says { done: false, answer: answer(&head, body) },
    }
}

fn kind(word: &str) -> FailureKind {
    match word {
        "timeout" => FailureKind::Timeout,
        "closed" => FailureKind::Closed,
        "protocol" => FailureKind::Protocol,
        "name" => FailureKind::Name,
        "certificate" => FailureKind::Certificate,
        _ => FailureKind::Connect,
    }
}
