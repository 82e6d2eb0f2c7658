//! What a hook says that could not undo what it did: each thing that is left, before the server's own words.

use crate::echo::{answer, Says};
use magicmail::error::{Error, Status};
use magicmail::log::NoSink;
use magicmail::operation::Export;
use magicmail::wire::{Answer, Method, Request};
use magicmail::world::Hook;
use serde_json::json;
use std::sync::{Arc, Mutex};

/// An empty server that takes what it is sent until the address, which it refuses with `code`, and is gone then.
fn provisioned(username: &str, domain: &str, account: &str, code: &'static str, is_gone: bool) -> Error {
    let refused = Mutex::new(false);
    let made = Mutex::new(Vec::new());
    let name = username.to_owned();
    let on = account.to_owned();
    let says = move |_: usize, request: &Request| -> Answer {
        let thing = request.path[0].as_str();
        let mut refused = refused.lock().unwrap();
        if *refused && is_gone {
            return answer(503, "");
        }
        let mut made = made.lock().unwrap();
        let user =
            format!("<r><user id=\"{name}\" account=\"{on}\" master_user=\"Y\" status=\"active\"/></r>");
        let account = format!("<r><account id=\"{on}\" status=\"active\"/></r>");
        let is_made = made.contains(&thing.to_owned());
        match (request.method, thing) {
            (Method::Post, "emailaddress") => {
                *refused = true;
                let words = "words of the server ".repeat(200);
                answer(400, format!("<r><error><code>{code}</code><message>{words}</message></error></r>"))
            }
            (_, "emailaddress") if request.path.len() == 1 => answer(200, "<r><emailaddresses/></r>"),
            (_, "emailaddress") => answer(400, "<r><error><code>error.permission_denied</code></error></r>"),
            (_, "user_package") => answer(200, "<r><packages><package id=\"EMAIL\"/></packages></r>"),
            (Method::Get, "user") if request.path.len() == 1 => answer(200, "<r><users/></r>"),
            (Method::Get, "user" | "account") if !is_made => {
                answer(400, format!("<r><error><code>{thing}.error.not_found</code></error></r>"))
            }
            (method, "user") => {
                made.extend((method == Method::Post).then(|| thing.to_owned()));
                answer(200, user)
            }
            (method, _) => {
                made.extend((method == Method::Post).then(|| thing.to_owned()));
                answer(200, account)
            }
        }
    };
    let configuration = json!({ "machine": "m", "client_id": "freeside", "client_password": "secret-key" });
    let export = Export::over(&configuration.to_string(), Box::new(Says(says, Arc::default())));
    let request = json!({
        "account": { "id": account },
        "service": { "svcnum": 17, "username": username, "domain": domain, "finger": "Jane Roe",
                     "password": "x1y2z3x1", "password_encoding": "plain" },
    });
    let ended = export.expect("an export").hook(Hook::Provision, &request.to_string(), &NoSink);
    ended.expect_err("the address is refused")
}

#[test]
fn what_is_left_is_named_whole_before_the_words_of_the_server() {
    for length in [1, 20, 64, 100, 150, 200, 255] {
        let name = |c: &str| format!("{}{c}", "n".repeat(length - 1));
        let (user, account, domain) = (name("u"), name("a"), name("d"));
        let error = provisioned(&user, &domain, &account, "address.error.taken", true);
        let text = &error.text;
        assert_eq!(error.status, Status::Doubt, "{text}");
        assert!(text.chars().count() <= 1_500, "{length}: {text}");
        let (before, after) = text.split_once("; left in MagicMail, to be put right by hand: ").expect(text);
        let (left, why) =
            after.split_once("; the server refused it with address.error.taken: words of").expect(text);
        assert!(before.starts_with("cannot provision mailbox ") && !before.contains("words of"), "{text}");
        assert!(before.contains(": could not add address "), "{text}");
        assert!(!why.is_empty() && why.len() < 1_000, "{text}");
        for (kind, end) in [("user n", 'a'), ("account n", 'a')] {
            let kind = if length == 1 { kind.trim_end_matches('n') } else { kind };
            let is_named = |left: &str| {
                left.starts_with(kind) && left.split(" (").next().is_some_and(|left| left.ends_with(end))
            };
            assert!(left.split(", ").any(is_named), "{kind}: {text}");
        }
        assert_eq!(left.matches('(').count(), left.matches(')').count(), "none is cut short: {text}");
        for left in &error.leftovers {
            assert!(left.ends_with(')') && !left.contains('\u{2026}'), "{left}");
        }
        let named = |name: &str| error.leftovers.iter().any(|left| left.contains(name));
        assert!(named(&format!("user {user} on account {account}")), "{:?}", error.leftovers);
    }
}

#[test]
fn only_a_refusal_for_want_of_permission_speaks_of_system_domains() {
    let says = |code| provisioned("jane", "example.net", "FREESIDE42", code, false).text;
    let hint = "example.net must be a system domain which the API client may use (set it up in MagicMail)";
    let text = says("error.permission_denied");
    assert!(text.contains(hint), "{text}");
    for code in ["address.error.taken", "emailaddress.error.quota", "account.error.not_found"] {
        let text = says(code);
        assert!(
            text.contains(&format!("refused it with {code}: ")) && !text.contains("system domain"),
            "{text}"
        );
    }
}
