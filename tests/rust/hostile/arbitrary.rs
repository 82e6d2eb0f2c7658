//! The properties of answers and documents, over made-up ones, and over the corpus of the fuzz targets.

use crate::properties::{answers, documents, hooks, written, Checked, PASSWORD, SECRET};
use magicmail::api::OPERATIONS;
use magicmail::wire::Answer;
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

/// `PROPTEST_CASES` makes it more.
pub fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

pub fn assert_holds(checked: Checked) -> Result<(), TestCaseError> {
    checked.map_err(TestCaseError::fail)
}

const PIECES: [&str; 52] = [
    "<?xml version='1.0' encoding='iso-8859-1'?>",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE r [<!ENTITY e 'x'>]>",
    "<response>",
    "</response>",
    "<r>",
    "</r>",
    "<account id='FREESIDE42' status='active'/>",
    "<account id=\"FREESIDE42\" status=\"suspended\">",
    "</account>",
    "<user id='JANE' account='FREESIDE42' status='active' master_user='Y'/>",
    "<user id='jane' account='FREESIDE7'/>",
    "<user>",
    "</user>",
    "<user/>",
    "<users>",
    "</users>",
    "<packages><package id='EMAIL'/></packages>",
    "<packages/>",
    "<emailaddress id='jane@example.net' user='jane'/>",
    "<emailaddress id='jane@example.net' user='zoe'/>",
    "<error><code>account.error.not_found</code><message>No</message></error>",
    "<error code='error.permission_denied'/>",
    "<error>",
    "</error>",
    "<error/>",
    "<code>x.y</code>",
    "<message>Account not found</message>",
    "<status>deleted</status>",
    "<master_user>Y</master_user>",
    "<password>",
    "</password>",
    "<id>jane</id>",
    " id='x'",
    " status=\"active\"",
    "<!-- - -->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#x41;",
    "&e;",
    "&#0;",
    "\u{202e}",
    "\u{feff}",
    "\u{2}",
    "\u{3}",
    " ",
    "\n",
    SECRET,
    PASSWORD,
    "Basic ZnJlZXNpZGU6azN5LTBmLXRoZS1jMWllbnQ=",
    "<html><body>Oops</body></html>",
];

pub fn body() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES.to_vec()).prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ];
    let pieces = prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat());
    let whole = pieces.clone().prop_map(|inner| [b"<r>", inner.as_slice(), b"</r>"].concat());
    prop_oneof![pieces, whole]
}

pub fn answer() -> impl Strategy<Value = Answer> {
    let statuses = vec![200, 201, 302, 400, 401, 403, 404, 429, 500, 502, 503, 504];
    let status = prop_oneof![2 => Just(200), 1 => prop::sample::select(statuses)];
    let types =
        ["text/xml", "text/xml; charset=utf-16", "text/html; charset=iso-8859-1", "x; charset=\"\u{7f}\""];
    let content_type = prop::option::of(prop::sample::select(types.to_vec()));
    (status, content_type, body()).prop_map(|(status, content_type, body)| Answer {
        status,
        content_type: content_type.map(str::to_owned),
        location: (status == 302).then(|| String::from_utf8_lossy(&body).into_owned()),
        body,
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_answer_is_a_record_a_list_or_an_error_that_says_so(
        operation in prop::sample::select((0..OPERATIONS.len()).collect::<Vec<_>>()),
        answer in answer(),
    ) {
        assert_holds(answers::check(&OPERATIONS[operation], &answer))?;
    }

    #[test]
    fn any_document_is_carried_out_or_refused_in_words_without_a_secret(
        (what, text) in document(),
    ) {
        assert_holds(documents::check(what, &text))?;
    }
}

const KEYS: [&str; 40] = [
    "machine",
    "port",
    "client_id",
    "client_password",
    "account_prefix",
    "package",
    "autopurge",
    "ca_file",
    "tls_insecure",
    "timeout",
    "debug",
    "account",
    "id",
    "first_name",
    "last_name",
    "configured_id",
    "service",
    "svcnum",
    "username",
    "domain",
    "finger",
    "password",
    "password_encoding",
    "suspended",
    "others",
    "old",
    "dry_run",
    "account_id",
    "user",
    "within",
    "only",
    "domains",
    "services",
    "method",
    "path",
    "parameters",
    "force_array",
    "force",
    "memo",
    "unknown",
];

const TEXTS: [&str; 20] = [
    "",
    " ",
    ".",
    "..",
    "a/b",
    "jane",
    "FREESIDE42",
    "example.net",
    "plain",
    "crypt",
    "ldap",
    "1",
    "443",
    "0.5",
    "-1",
    "GET",
    "/user/jane",
    "\u{0}",
    "\u{202e}\n",
    "a-s3cret-of-some-length",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop::sample::select(TEXTS.to_vec()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let key = prop::sample::select(KEYS.to_vec());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..8)
                .prop_map(|fields| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

/// A good document with some of its values changed; now and then no such document at all.
fn document() -> impl Strategy<Value = (&'static str, String)> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>(), value());
    let changes = prop::collection::vec(change, 0..4);
    let changed = (prop::sample::select(GOOD.to_vec()), changes).prop_map(|((what, good), changes)| {
        let mut document: Value = serde_json::from_str(good).unwrap();
        for (place, key, is_known, value) in changes {
            let places = objects_in(&document, "");
            let place: &String = place.get(&places);
            let object = document.pointer_mut(place).unwrap();
            let keys: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
            let is_known = is_known && !keys.is_empty();
            let key = if is_known { key.get(&keys).as_str() } else { *key.get(&KEYS) };
            object[key] = value;
        }
        (what, document.to_string())
    });
    let what = prop::sample::select(GOOD.to_vec()).prop_map(|(what, _)| what);
    let other = prop_oneof![2 => value().prop_map(|value| value.to_string()), 1 => any::<String>()];
    prop_oneof![5 => changed, 1 => (what, other)]
}

/// The objects in a document, by their JSON pointers.
fn objects_in(document: &Value, place: &str) -> Vec<String> {
    let within = |key: String, value: &Value| objects_in(value, &format!("{place}/{key}"));
    match document {
        Value::Object(fields) => {
            let inner = fields.iter().flat_map(|(key, value)| within(key.clone(), value));
            std::iter::once(place.to_owned()).chain(inner).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, item)| within(at.to_string(), item)).collect()
        }
        _ => Vec::new(),
    }
}

const SERVICE: &str = r#"{"account":{"id":"FREESIDE42"},"service":{"svcnum":20,"username":"jane","domain":"example.net","password":"a-s3cret-of-jane's","password_encoding":"plain"},"others":[{"svcnum":12,"username":"ann","domain":"example.net","package":"BASIC"}]}"#;

const GOOD: [(&str, &str); 16] = [
    (
        "configuration",
        r#"{"machine":"mail.example.net","port":"443","client_id":"freeside","client_password":"a-s3cret-of-the-client","timeout":"20","ca_file":""}"#,
    ),
    ("provision", SERVICE),
    ("unprovision", SERVICE),
    (
        "change",
        r#"{"account":{"id":"FREESIDE42"},"service":{"svcnum":20,"username":"jane","domain":"example.net","password":"a-s3cret-of-jane's","password_encoding":"plain"},"old":{"svcnum":20,"username":"jane","domain":"example.net","password":"an-0ld-s3cret","password_encoding":"plain"}}"#,
    ),
    ("suspend", SERVICE),
    ("unsuspend", SERVICE),
    (
        "add_user",
        r#"{"id":"joe","account":"FREESIDE42","password":"a-s3cret-of-joe's","password_type":"plain"}"#,
    ),
    ("get_users", r#"{"account":"FREESIDE42"}"#),
    ("get_packages", r#"{"user":"jane"}"#),
    ("purge_user", r#"{"id":"jane","force":"1"}"#),
    ("check", r#"{"domains":["example.net"],"within":"1"}"#),
    ("encoding", r#"{"password":"a-s3cret-of-jane's","password_encoding":"legacy"}"#),
    ("inspect", r#"{"account_id":"FREESIDE42","user":"jane","within":"1"}"#),
    ("purge_deleted", r#"{"account_id":"FREESIDE42","user":"jane","address":"jane@example.net"}"#),
    ("request", r#"{"method":"GET","path":"/user/jane","parameters":{"account":"FREESIDE42"}}"#),
    ("sync", r#"{"account_id":"FREESIDE42","services":[{"svcnum":12,"username":"ann","package":"BASIC"}]}"#),
];

/// What stands in the corpus of a fuzz target.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 5, "{}", folder.display());
    paths.into_iter().map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn the_corpus_of_the_fuzz_targets_breaks_nothing() {
    let all = |target: &str, check: fn(&[u8]) -> Checked| {
        for (path, bytes) in corpus(target) {
            check(&bytes).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        }
    };
    all("answers", |bytes| {
        let (operation, answer) = written::operation_and_answer(bytes);
        answers::check(operation, &answer)
    });
    all("documents", |bytes| {
        let (what, text) = written::head_and_body(bytes);
        documents::check(&what, &String::from_utf8_lossy(text))
    });
    all("hooks", |bytes| hooks::check(&written::case(bytes)));
}
