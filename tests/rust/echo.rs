//! A server that says what it was told: what a caller reads and what is logged has no password in it, whatever the
//! encoding; and 403 in the middle of a hook.

use magicmail::api::{Api, Call, Limits};
use magicmail::id::UserName;
use magicmail::log::{Level, Redactor, Sink};
use magicmail::operation::Export;
use magicmail::secret::MASK;
use magicmail::wire::{Answer, Carrier, Exchange, Method, Outcome, Request};
use magicmail::world::Hook;
use serde_json::json;
use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers as the test says: by the number of the request, from 0, and the request.
pub struct Says<F>(pub F, pub Arc<Mutex<usize>>);

impl<F: Fn(usize, &Request) -> Answer + Send + Sync> Carrier for Says<F> {
    fn carry(&self, requests: &[Request], _limit: Duration, _deadline: Duration) -> Vec<Exchange> {
        let mut number = self.1.lock().unwrap();
        let answers = requests.iter().map(|request| {
            *number += 1;
            let outcome = Outcome::Answered((self.0)(*number - 1, request));
            Exchange { outcome, elapsed: Duration::ZERO }
        });
        answers.collect()
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn pause(&self, _time: Duration) {}
}

pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer { status, content_type: Some("text/xml".to_owned()), location: None, body: body.into() }
}

#[derive(Default)]
struct Lines(RefCell<Vec<String>>);

impl Sink for Lines {
    fn write(&self, _level: Level, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

fn configuration(client_password: &str) -> String {
    json!({ "machine": "m", "client_id": "freeside", "client_password": client_password, "debug": true })
        .to_string()
}

fn request(password: &str, old: Option<&str>) -> String {
    let service = |password| {
        json!({ "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
                "password": password, "password_encoding": "plain" })
    };
    let mut request = json!({ "account": { "id": "FREESIDE42" }, "service": service(password) });
    if let Some(old) = old {
        request["old"] = service(old);
    }
    request.to_string()
}

/// What a hook and calls by name say, and log, if each request is answered so.
fn said(
    client_password: &str,
    password: &str,
    old: &str,
    answers: impl Fn(usize, &Request) -> Answer + Send + Sync + Clone + 'static,
) -> Vec<String> {
    let mut said = Vec::new();
    let calls: [(&str, String); 5] = [
        ("provision", request(password, None)),
        ("change", request(password, Some(old))),
        (
            "add_user",
            json!({ "id": "jane", "account": "A", "password": password, "password_type": "plain" })
                .to_string(),
        ),
        ("update_user", json!({ "id": "jane", "password": password }).to_string()),
        (
            "request",
            json!({ "method": "POST", "path": "/user/jane", "parameters": { "password": password } })
                .to_string(),
        ),
    ];
    for (name, document) in calls {
        let carrier = Says(answers.clone(), Arc::default());
        let export = Export::over(&configuration(client_password), Box::new(carrier)).expect("an export");
        let lines = Lines::default();
        let ended = match name {
            "provision" => export.hook(Hook::Provision, &document, &lines),
            "change" => export.hook(Hook::Replace, &document, &lines),
            name => export.call(name, &document, &lines),
        };
        match ended {
            Ok(reply) => said.push(reply),
            Err(error) => {
                said.push(error.detail());
                said.push(error.text);
            }
        }
        said.append(&mut lines.0.borrow_mut());
    }
    said
}

#[test]
fn a_name_that_is_like_a_password_is_shown_in_messages() {
    for password in ["jane", "user", "update_user"] {
        let said = said("user", password, "the old one", |_, _| answer(400, "<error>begin(no)end</error>"));
        for start in [
            "add_user jane failed: ",
            "update_user jane failed: ",
            "POST /user/jane failed: ",
            "cannot provision mailbox jane@example.net: ",
        ] {
            assert!(said.iter().any(|text| text.starts_with(start)), "{start}: {said:?}");
        }
        let lines: Vec<_> = said.iter().filter(|text| text.contains(" -> ")).collect();
        let is_ours = |line: &&String| {
            line.contains("/user/jane client_type=") || line.contains("/account/FREESIDE42 ")
        };
        assert!(!lines.is_empty() && lines.iter().all(is_ours), "{lines:?}");
    }
}

const PASSWORDS: [&str; 14] = [
    "pass word-1",
    "user",
    "p&<>\"'\u{df}\u{20ac}",
    "%41bcd",
    "back\\slash\\",
    "a\\\\b\\u0041",
    "&amp;#x41;bc",
    "\u{30d1}\u{30b9}\u{30ef}\u{30fc}\u{30c9}",
    "100% + 2 = 'x''y'",
    "a1",
    "\u{1f600}face",
    "<![CDATA[x]]>",
    "x=1&y=2;z",
    "inner  blanks\t here",
];

/// As a document can carry the text.
fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Every way in which a server may say `password`, as the reader of its answer sees it.
fn echoes(password: &str) -> Vec<String> {
    let each = |change: &dyn Fn(char) -> String| password.chars().map(change).collect::<String>();
    let bytes = |change: &dyn Fn(u8) -> String| password.bytes().map(change).collect::<String>();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let percent = |upper: bool, all: bool, blank: &str| {
        bytes(&|byte| match byte {
            b' ' => blank.to_owned(),
            byte if !all && is_plain(char::from(byte)) => char::from(byte).to_string(),
            byte if upper => format!("%{byte:02X}"),
            byte => format!("%{byte:02x}"),
        })
    };
    let utf16 = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    let named = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\'' => "&apos;".to_owned(),
        c => c.to_string(),
    };
    let json = serde_json::to_string(password).expect("JSON");
    let json = json[1..json.len() - 1].to_owned();
    let mut echoes = vec![
        password.to_owned(),
        password.to_ascii_uppercase(),
        percent(true, false, "%20"),
        percent(true, false, "+"),
        percent(false, true, "%20"),
        each(&|c| format!("&#{};", u32::from(c))),
        each(&|c| format!("&#x{:X};", u32::from(c))),
        each(&|c| format!("&#x000{:x};", u32::from(c))),
        each(&named),
        each(&utf16),
        json.clone(),
        json.replace('/', "\\/"),
        each(&|c| if "\"'\\".contains(c) { format!("\\{c}") } else { c.to_string() }),
        each(&|c| if "\"'".contains(c) { format!("{c}{c}") } else { c.to_string() }),
        bytes(&|byte| format!("\\x{byte:02x}")),
    ];
    // Each of them escaped once more.
    for echo in echoes.clone() {
        echoes.push(echo.chars().map(named).collect());
        echoes.push(form_urlencoded::byte_serialize(echo.as_bytes()).collect());
        let json = serde_json::to_string(&echo).expect("JSON");
        echoes.push(json[1..json.len() - 1].to_owned());
    }
    // Another case is another text where letters have no twin.
    echoes.retain(|echo| !echo.trim().is_empty());
    echoes
}

/// `echo` between two words, where a caller sees it: masked as a whole, and no more than it.
#[track_caller]
fn assert_masked(said: &[String], echo: &str, password: &str) {
    let mut seen = 0;
    for text in said {
        for (at, _) in text.match_indices("begin(") {
            let inner = &text[at + "begin(".len()..];
            let Some((inner, _)) = inner.split_once(")end") else { continue };
            assert_eq!(inner.trim(), MASK, "password {password:?} echoed as {echo:?}: {text}");
            seen += 1;
        }
    }
    assert!(seen > 0, "the echo {echo:?} is nowhere: {said:?}");
}

#[test]
fn a_password_is_masked_however_a_server_echoes_it_and_our_words_are_not() {
    for password in PASSWORDS {
        for echo in echoes(password) {
            let body = format!(
                "<r><error><code>no</code><message>begin({})end</message></error></r>",
                in_xml(&echo)
            );
            let said = said("k3y-0f-the-c1ient", password, "the old one", move |_, _| answer(400, &*body));
            assert_masked(&said, &echo, password);
            let debug = said.iter().find(|line| line.starts_with("POST /user/jane ")).expect("a debug line");
            assert!(debug.contains(" client_type=FREESIDE "), "{debug}");
        }
    }
}

#[test]
fn the_clients_password_and_the_old_one_are_masked_likewise() {
    for password in PASSWORDS {
        for echo in echoes(password).into_iter().take(15) {
            let body = format!(
                "<r><error><code>no</code><message>begin({})end</message></error></r>",
                in_xml(&echo)
            );
            let says = move |_: usize, _: &Request| answer(400, &*body);
            assert_masked(&said(password, "another one", "the old one", says.clone()), &echo, password);
            let lines = said("k3y-0f-the-c1ient", "another one", password, says);
            let change: Vec<String> =
                lines.into_iter().filter(|line| line.contains("cannot change mailbox")).collect();
            assert_masked(&change, &echo, password);
        }
    }
}

#[test]
fn a_password_is_masked_wherever_in_an_answer_it_stands() {
    for password in PASSWORDS {
        let (text, name) =
            (in_xml(password), password.chars().filter(char::is_ascii_alphanumeric).collect::<String>());
        let attribute = text.replace('"', "&quot;").replace(['\t', '\n'], " ");
        let page = |title: &str| format!("<html><title>{title}</title></html>");
        for body in [
            format!("<r><error><code>{text}</code><message>x</message></error></r>"),
            format!("<error code=\"{attribute}\" message=\"{attribute}\"/>"),
            format!("<error>{text}</error>"),
            format!("<r><user id=\"{attribute}\"/><account id=\"{attribute}\"/></r>"),
            format!("<r status=\"{attribute}\"/>"),
            format!("<r><user id=\"jane\" account=\"{attribute}\" memo=\"{attribute}\"/></r>"),
            format!("<r><account id=\"FREESIDE42\" status=\"{attribute}\"/></r>"),
            format!("<r><emailaddress id=\"jane@example.net\" user=\"{attribute}\"/></r>"),
            format!("<r><packages><package id=\"{attribute}\"/></packages></r>"),
            format!("<r>&{name};</r>"),
            format!("<r><p{name}:a/></r>"),
            format!("<r {name}='1' {name}='2'/>"),
            format!("<r><a></{name}></r>"),
            page(&text),
            format!("oops {password}"),
            String::new(),
        ] {
            let says = move |number: usize, _: &Request| {
                let location = Some(format!("https://m/{password}")).filter(|_| number % 2 == 1);
                Answer {
                    location: location.clone(),
                    ..answer(if location.is_some() { 302 } else { 200 }, &*body)
                }
            };
            for (client, mailbox) in [(password, "another one"), ("k3y-0f-the-c1ient", password)] {
                for text in said(client, mailbox, "the old one", says.clone()) {
                    // `user` is a word of ours, and a reply by name is what the server says.
                    if password != "user" && password != "a1" && !text.starts_with("{\"") {
                        assert!(!text.contains(password.trim()), "{password:?}: {text}");
                    }
                }
            }
        }
    }
}

#[test]
fn status_403_after_other_answers_is_a_firewalls_and_before_them_the_clients() {
    let provision = |forbidden: fn(usize, &Request) -> bool| {
        let says = move |number: usize, request: &Request| {
            if forbidden(number, request) {
                return answer(403, "");
            }
            let code = if request.path[0] == "account" { "account" } else { "user" };
            answer(400, format!("<r><error><code>{code}.error.not_found</code></error></r>"))
        };
        let export = Export::over(&configuration("secret-key"), Box::new(Says(says, Arc::default())));
        let ended =
            export.expect("an export").hook(Hook::Provision, &request("x1y2z3", None), &Lines::default());
        ended.expect_err("a failure").text
    };
    let of_client = "the server refused the API client's id or password, or this address (status 403)";
    let of_firewall = "refused this request, but not the ones before it (status 403); look into the log of its web application firewall";
    let text = provision(|_, _| true);
    assert!(text.contains(of_client) && !text.contains("firewall"), "{text}");
    let text = provision(|_, request| request.method == Method::Post);
    assert!(text.contains("could not create account FREESIDE42: a firewall before the server"), "{text}");
    assert!(text.contains(of_firewall) && !text.contains("API client"), "{text}");
    // The other reads of the same round were answered.
    let carrier =
        Says(|number, _: &Request| answer(if number == 0 { 403 } else { 200 }, "<r/>"), Arc::default());
    let limits = Limits::of_hook(Duration::from_secs(1));
    let lines = Lines::default();
    let api = Api::new(&carrier, &lines, Redactor::default(), false, limits);
    let user = UserName::new("jane");
    let replies = api.read(&[Call::get_user(&user), Call::get_packages(&user)]);
    assert!(replies[0].as_ref().is_err_and(|error| error.text.contains(of_firewall)), "{replies:?}");
}
