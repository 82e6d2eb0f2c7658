//! Any bytes as the answer to a call: what becomes of them is a record, a list, or an error that says so.

use super::network::{Act, Network, Script, Tail};
use super::{export_over, for_people, harmless, holds, Checked, Lines, Secrets, PASSWORD, SECRET, TIMEOUT};
use magicmail::api::{Operation, Shape};
use magicmail::error::{Error, Status};
use magicmail::operation::Export;
use magicmail::wire::{Answer, Carrier};
use magicmail_simulator::State;
use serde_json::{json, Map, Value};
use std::time::Duration;

/// What a call that got an answer may end with; the last one where the answer left a write in doubt.
const ENDS: [Status; 2] = [Status::Server, Status::Doubt];

const CLIENTS: Secrets = &[SECRET];

/// The answer to one operation of the API, and to what this library itself makes of several.
pub fn check(operation: &Operation, answer: &Answer) -> Checked {
    by_name(operation, answer)?;
    let (request, lines) = called(answer, "request", &json!({ "method": "GET", "path": "/user/jane" }));
    let request = request.map(|_| ());
    request.or_else(|error| harmless(&error, &ENDS, CLIENTS))?;
    lines.check(CLIENTS)?;
    looks_around(answer)
}

fn network(answer: &Answer) -> Network {
    let acts = vec![Act::Says { done: false, answer: answer.clone() }];
    Network::new(State::default(), Script { acts, tail: Tail::Again })
}

type Ended = Result<Value, Error>;

fn called(answer: &Answer, name: &str, arguments: &Value) -> (Ended, Lines) {
    let network = network(answer);
    let export: Export = export_over(network.clone(), false);
    let lines = Lines::default();
    let ended = export.call(name, &arguments.to_string(), &lines);
    assert!(network.now() <= Duration::from_secs(6 * TIMEOUT), "{name} took {:?}", network.now());
    (ended.map(|reply| serde_json::from_str(&reply).expect("a reply is JSON")), lines)
}

/// Every argument that the operation takes.
fn arguments_of(operation: &Operation) -> Value {
    let taken = operation.needed.iter().chain(operation.optional).chain(operation.key.as_ref());
    let value = |name: &str| match name {
        "force" => "1".to_owned(),
        "password" => PASSWORD.to_owned(),
        "password_type" => "plain".to_owned(),
        name => format!("a-{name}"),
    };
    taken.map(|&name| (name.to_owned(), Value::String(value(name)))).collect::<Map<_, _>>().into()
}

fn by_name(operation: &Operation, answer: &Answer) -> Checked {
    let arguments = arguments_of(operation);
    let secrets: Secrets = if operation.takes("password") { &[SECRET, PASSWORD] } else { CLIENTS };
    let (ended, lines) = called(answer, operation.name, &arguments);
    lines.check(secrets)?;
    match ended {
        Ok(reply) => is_founded(&reply, operation, answer),
        Err(error) => {
            let is_in_doubt = error.status == Status::Doubt;
            holds(!is_in_doubt || !operation.is_read(), || "a read is in doubt".to_owned())?;
            let is_redirect = matches!(answer.status, 300..=399);
            holds(is_in_doubt || operation.is_read() || !is_redirect, || "a redirect is certain".to_owned())?;
            harmless(&error, &ENDS, secrets)
        }
    }
}

/// A success has its reason in the answer.
fn is_founded(reply: &Value, operation: &Operation, answer: &Answer) -> Checked {
    let why = || format!("{} gives {reply:.200} for {answer:?}", operation.name);
    let is_blank = answer.body.iter().all(u8::is_ascii_whitespace);
    match reply {
        Value::Null => holds(!operation.absent.is_empty() && !is_blank, why),
        Value::Object(_) if answer.status != 200 => Err(why()),
        // A list that says nothing is empty.
        Value::Object(fields) if is_blank => {
            let is_list = matches!(operation.answer, Shape::List { .. });
            holds(!operation.is_read() || is_list && fields.is_empty(), why)
        }
        Value::Object(fields) => match operation.answer {
            Shape::Record(_) => holds(!fields.is_empty(), why),
            Shape::List { .. } => holds(!fields.contains_key(""), why),
            Shape::Nothing => holds(fields.is_empty(), why),
        },
        _ => Err(why()),
    }
}

/// `inspect` and `check` succeed in any case; all that they give is shown to people.
fn looks_around(answer: &Answer) -> Checked {
    let (inspected, lines) =
        called(answer, "inspect", &json!({ "account_id": "FREESIDE42", "user": "jane" }));
    lines.check(CLIENTS)?;
    let inspected = inspected.map_err(|error| format!("inspect: {error}"))?;
    super::texts_of(&inspected).into_iter().try_for_each(|text| for_people(text, CLIENTS))?;
    let (checked, lines) = called(answer, "check", &json!({ "domains": ["example.net"] }));
    lines.check(CLIENTS)?;
    let checked = checked.map_err(|error| format!("check: {error}"))?;
    super::texts_of(&checked).into_iter().try_for_each(|text| for_people(text, CLIENTS))
}
