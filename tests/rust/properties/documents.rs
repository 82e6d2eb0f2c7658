//! Any text as one of the documents that cross the C ABI: it is carried out, or refused in words that show no
//! secret, and what is refused as no such document has sent nothing.

use super::network::{Network, Script};
use super::scenes::Scene;
use super::{export_over, for_people, holds, texts_of, Checked, Lines, Secrets, SECRET};
use magicmail::api::Operation;
use magicmail::document::Configuration;
use magicmail::error::{Error, Status};
use magicmail::wire::Method;
use magicmail::world::Hook;
use serde_json::Value;

const HOOKS: [(&str, Hook); 5] = [
    ("provision", Hook::Provision),
    ("unprovision", Hook::Unprovision),
    ("change", Hook::Replace),
    ("suspend", Hook::Suspend),
    ("unsuspend", Hook::Unsuspend),
];

/// Operations of this library's own that send nothing but reads.
const LOOKS: [&str; 3] = ["check", "inspect", "encoding"];

/// `what`: `configuration`, a hook, or an operation of `mm_call`.
pub fn check(what: &str, text: &str) -> Checked {
    if what == "configuration" {
        return configuration(text);
    }
    let network = Network::new(Scene::Additional.state(), Script::honest());
    let export = export_over(network.clone(), true);
    let lines = Lines::default();
    let hook = HOOKS.iter().find(|(name, _)| *name == what);
    let ended = match hook {
        Some((_, hook)) => export.hook(*hook, text, &lines),
        None => export.call(what, text, &lines),
    };
    let secrets: &[&str] = if hook.is_some() && names_the_secret(text) { &[] } else { &[SECRET] };
    lines.check(secrets)?;
    let seen = network.seen();
    for request in seen.iter().map(|seen| &seen.request) {
        let is_plain = |segment: &String| {
            !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(char::is_control)
        };
        holds(request.path.iter().all(is_plain), || format!("{what} asks for {:?}", request.path))?;
    }
    let has_written = seen.iter().any(|seen| seen.request.method == Method::Post);
    let may_write = !LOOKS.contains(&what)
        && !is_on(text, "dry_run")
        && Operation::named(what).is_none_or(|operation| !operation.is_read());
    holds(may_write || !has_written, || format!("{what} wrote something"))?;
    match ended {
        Ok(_) => holds(serde_json::from_str::<Value>(text).is_ok(), || "no JSON, and it succeeds".to_owned()),
        Err(error) => {
            let sends_nothing = matches!(error.status, Status::Argument | Status::Configuration);
            holds(!sends_nothing || seen.is_empty(), || format!("{what} was sent: {}", error.text))?;
            holds(error.status != Status::Internal, || error.text.clone())?;
            shows_nothing(&error, text, secrets, what)
        }
    }
}

fn is_on(text: &str, key: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|document| match &document[key] {
        Value::Bool(on) => *on,
        Value::String(on) => on == "1",
        Value::Number(on) => on.as_u64() == Some(1),
        _ => false,
    })
}

fn configuration(text: &str) -> Checked {
    match Configuration::parse(text) {
        Ok(read) => {
            let is_usable = !read.machine.is_empty()
                && read.port > 0
                && !read.client_id.contains(':')
                && !read.client_password.is_empty()
                && !read.timeout.is_zero();
            holds(is_usable, || format!("{read:?}"))?;
            let shown = format!("{read:?}");
            secrets_of(text).iter().try_for_each(|secret| hides(&shown, secret))
        }
        Err(error) => {
            let is_told = matches!(error.status, Status::Argument | Status::Configuration);
            holds(is_told, || error.text.clone())?;
            shows_nothing(&error, text, &[SECRET], "configuration")
        }
    }
}

/// Whether Freeside calls anything like the secret: staff must read which mailbox and account a text is about, and
/// see the same name on the page.
fn names_the_secret(text: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return false };
    let named = texts_of(&document).into_iter().filter(|text| text.contains(SECRET)).count();
    named > passwords_in(&document).into_iter().filter(|text| text.contains(SECRET)).count()
}

fn shows_nothing(error: &Error, text: &str, secrets: Secrets, what: &str) -> Checked {
    for_people(&error.text, secrets)?;
    let mut hidden = secrets_of(text).into_iter().filter(|secret| !what.contains(secret.as_str()));
    hidden.try_for_each(|secret| {
        hides(&error.text, &secret)?;
        hides(&error.detail(), &secret)
    })
}

fn hides(shown: &str, secret: &str) -> Checked {
    holds(!shown.contains(secret), || format!("a secret in: {shown}"))
}

/// The passwords in a document that nothing else in it, and no word of this library's, can happen to be.
fn secrets_of(text: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return Vec::new() };
    let is_telling = |secret: &&str| {
        secret.len() >= 12
            && secret.contains(|c: char| c.is_ascii_digit())
            && !secret.contains(char::is_whitespace)
            && texts_of(&document).iter().filter(|text| text.contains(*secret)).count() == 1
            && text.matches(*secret).count() == 1
    };
    passwords_in(&document).into_iter().filter(is_telling).map(str::to_owned).collect()
}

fn passwords_in(document: &Value) -> Vec<&str> {
    let Value::Object(fields) = document else { return Vec::new() };
    let own = fields
        .iter()
        .filter(|(name, _)| ["password", "client_password"].contains(&name.as_str()))
        .filter_map(|(_, value)| value.as_str());
    own.chain(fields.values().flat_map(passwords_in)).collect()
}
