//! What a caller may get wrong: each mistake has a status, a sentence that names it, and sends no request.

use crate::abi_caller::*;
use magicmail::document::{Configuration, Request, Shape};
use magicmail::ffi::*;
use serde_json::{json, Value};
use std::ffi::CString;
use std::net::TcpListener;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

const TEN_MEGABYTES: usize = 10 * 1024 * 1024;
const DEEP: usize = 100_000;

/// `document` without the value at `path`, or with another one.
fn changed(mut document: Value, path: &[&str], value: Option<Value>) -> Vec<u8> {
    let (last, parents) = path.split_last().expect("a path");
    let parent = parents.iter().fold(&mut document, |at, key| &mut at[*key]);
    match value {
        Some(value) => parent[*last] = value,
        None => _ = parent.as_object_mut().expect("an object").remove(*last).expect("the key is there"),
    }
    document.to_string().into_bytes()
}

fn deep() -> Vec<u8> {
    format!("{{\"account\":{}{}}}", "[".repeat(DEEP), "]".repeat(DEEP)).into_bytes()
}

/// Texts that are no document at all: (status, what the sentence says).
fn no_documents() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (b"\xff\xfe{}".to_vec(), "must be UTF-8, which byte 1 is not"),
        (b"{\"machine\": \"m\xe9l\"}".to_vec(), "must be UTF-8, which byte 15 is not"),
        (Vec::new(), "is not valid JSON"),
        (b"{\"machine\": ".to_vec(), "is not valid JSON (line 1, column 12)"),
        (b"{} {}".to_vec(), "is not valid JSON"),
        (b"[]".to_vec(), "is JSON, but not an object"),
        (b"\"text\"".to_vec(), "is JSON, but not an object"),
        (
            format!("{{\"machine\":\"{}\"}}", "x".repeat(TEN_MEGABYTES)).into_bytes(),
            "bytes long, and at most",
        ),
        (deep(), "is not valid JSON"),
    ]
}

#[track_caller]
fn assert_failed<T>(ended: Result<T, Failure>, status: i32, says: &str, what: &str) {
    let failure = ended.err().unwrap_or_else(|| panic!("{what} was accepted"));
    assert_eq!(failure.status, status, "{what}: {}", failure.text);
    assert!(failure.text.contains(says), "{what}: expected `{says}` in `{}`", failure.text);
    assert!(failure.text.len() < 300, "{what}: a short sentence, not {} bytes", failure.text.len());
    assert!(!failure.text.contains(PASSWORD) && !failure.text.contains("secret"), "{what}: no secret");
}

#[test]
fn a_configuration_that_is_none_is_refused_in_a_sentence() {
    for (text, says) in no_documents() {
        let what = format!("configuration of {} bytes that {says}", text.len());
        assert_failed(Handle::new(&text), MM_ARGUMENT, says, &what);
    }
    // SAFETY: NULL is what is tried.
    let handle = unsafe { mm_export_new(ptr::null()) };
    assert!(handle.is_null());
    assert_eq!(last_error(), "the configuration must not be NULL");
    assert_eq!(last_detail()["kind"], "argument");
}

#[test]
fn a_configuration_that_cannot_be_used_is_refused_with_the_option_named() {
    let cases: Vec<(&str, Option<Value>, i32, &str)> = vec![
        ("machine", None, MM_ARGUMENT, "missing key machine"),
        ("client_id", None, MM_ARGUMENT, "missing key client_id"),
        ("client_password", None, MM_ARGUMENT, "missing key client_password"),
        ("colour", Some(json!("red")), MM_ARGUMENT, "unknown key colour"),
        ("machine", Some(json!(["a"])), MM_ARGUMENT, "key machine must be a text"),
        ("debug", Some(json!("perhaps")), MM_ARGUMENT, "key debug must be 0 or 1"),
        ("machine", Some(json!("")), MM_CONFIGURATION, "Hostname or IP Address"),
        ("machine", Some(json!("https://mail.example.net/")), MM_CONFIGURATION, "is no host name"),
        ("client_id", Some(json!("")), MM_CONFIGURATION, "client_id"),
        ("client_id", Some(json!("free:side")), MM_CONFIGURATION, "client_id"),
        ("client_password", Some(json!("")), MM_CONFIGURATION, "client_password"),
        ("port", Some(json!(0)), MM_CONFIGURATION, "port"),
        ("port", Some(json!(65_536)), MM_CONFIGURATION, "port"),
        ("port", Some(json!(-1)), MM_CONFIGURATION, "port"),
        ("port", Some(json!("https")), MM_CONFIGURATION, "port"),
        ("timeout", Some(json!(0)), MM_CONFIGURATION, "timeout"),
        ("timeout", Some(json!(-5)), MM_CONFIGURATION, "timeout"),
        ("timeout", Some(json!("soon")), MM_CONFIGURATION, "timeout"),
        ("timeout", Some(json!("NaN")), MM_CONFIGURATION, "timeout"),
        ("timeout", Some(json!("inf")), MM_CONFIGURATION, "timeout"),
        ("timeout", Some(json!(1e300)), MM_CONFIGURATION, "timeout"),
        ("ca_file", Some(json!("/nonexistent/ca.pem")), MM_CONFIGURATION, "/nonexistent/ca.pem"),
        ("ca_file", Some(json!("/dev/null")), MM_CONFIGURATION, "/dev/null"),
        ("ca_file", Some(json!("/")), MM_CONFIGURATION, "ca_file"),
        ("ca_file", Some(json!("a\u{0}b")), MM_CONFIGURATION, "ca_file"),
    ];
    for (key, value, status, says) in cases {
        let what = format!("{key} = {value:?}");
        assert_failed(Handle::new(&changed(config(), &[key], value)), status, says, &what);
    }
    assert!(Handle::new(config().to_string().as_bytes()).is_ok());
    assert_eq!(last_error(), "");
}

/// What is wrong in a hook's request: (path, value or none, status, what the sentence says).
fn bad_fields() -> Vec<(Vec<&'static str>, Option<Value>, i32, &'static str)> {
    vec![
        (vec!["account"], None, MM_ARGUMENT, "missing key account"),
        (vec!["account", "id"], None, MM_ARGUMENT, "missing key account.id"),
        (vec!["service"], None, MM_ARGUMENT, "missing key service"),
        (vec!["service", "svcnum"], None, MM_ARGUMENT, "missing key service.svcnum"),
        (vec!["service", "username"], None, MM_ARGUMENT, "missing key service.username"),
        (vec!["service", "domain"], None, MM_ARGUMENT, "missing key service.domain"),
        (vec!["colour"], Some(json!("red")), MM_ARGUMENT, "unknown key colour"),
        (vec!["service", "colour"], Some(json!("red")), MM_ARGUMENT, "unknown key service.colour"),
        (vec!["account", "colour"], Some(json!(1)), MM_ARGUMENT, "unknown key account.colour"),
        (vec!["account"], Some(json!("FREESIDE42")), MM_ARGUMENT, "key account must be an object"),
        (
            vec!["service", "svcnum"],
            Some(json!("x")),
            MM_ARGUMENT,
            "key service.svcnum must be a whole number",
        ),
        (vec!["service", "username"], Some(json!({})), MM_ARGUMENT, "key service.username must be a text"),
        (vec!["service", "password"], Some(json!([PASSWORD])), MM_ARGUMENT, "key service.password"),
        (vec!["others"], Some(json!({})), MM_ARGUMENT, "key others must be a list"),
        (vec!["others"], Some(json!([1])), MM_ARGUMENT, "key others must be a list of objects"),
        (vec!["others"], Some(json!([{}])), MM_ARGUMENT, "missing key others."),
        (
            vec!["others"],
            Some(json!([{ "services": [[1, "ann"]] }])),
            MM_ARGUMENT,
            "key others.services must be a list of [svcnum, username, domain]",
        ),
        (
            vec!["others"],
            Some(json!([{ "services": [["x", "ann", "example.net"]] }])),
            MM_ARGUMENT,
            "key others.services must be a list of [svcnum, username, domain]",
        ),
        (
            vec!["others"],
            Some(json!([{ "services": [], "svcnum": 1 }])),
            MM_ARGUMENT,
            "unknown key others.svcnum",
        ),
        (vec!["service", "username"], Some(json!("")), MM_REFUSED, "has no user name"),
        (vec!["service", "username"], Some(json!(" ")), MM_REFUSED, "has no user name"),
        (vec!["service", "username"], Some(Value::Null), MM_REFUSED, "has no user name"),
        (vec!["service", "domain"], Some(json!("")), MM_REFUSED, "has no domain"),
        (vec!["service", "domain"], Some(Value::Null), MM_REFUSED, "has no domain"),
        (vec!["account", "id"], Some(json!("")), MM_REFUSED, "has no account"),
        (vec!["service", "username"], Some(json!("..")), MM_REFUSED, "the user name .. cannot be used"),
        (vec!["service", "username"], Some(json!("a\u{0}b")), MM_REFUSED, "cannot be used"),
    ]
}

#[test]
fn a_bad_request_is_refused_by_every_hook_and_sends_nothing() {
    let (carrier, counted) = Answering::new(account_record);
    let handle = Handle::over(&config().to_string(), carrier);
    for (name, hook) in HOOKS {
        for (text, says) in no_documents() {
            let what = format!("{name}: {} bytes that {says}", text.len());
            assert_failed(handle.hook(hook, &text), MM_ARGUMENT, says, &what);
        }
        for (path, value, status, says) in bad_fields() {
            let what = format!("{name}: {} = {value:?}", path.join("."));
            let request = changed(request_of(name), &path, value);
            assert_failed(handle.hook(hook, &request), status, says, &what);
        }
        assert_eq!(counted.load(Ordering::SeqCst), 0, "{name} sent nothing");
    }
    let _ = handle.hook(mm_provision, request().to_string().as_bytes());
    assert!(counted.load(Ordering::SeqCst) > 0, "the carrier counts: a good request is sent");
}

#[test]
fn what_only_some_hooks_need_is_missed_by_name() {
    let (carrier, counted) = Answering::new(account_record);
    let handle = Handle::over(&config().to_string(), carrier);
    let cases: [(HookFunction, &str, &[&str], &str); 5] = [
        (mm_provision, "mm_provision", &["service", "password"], "missing key service.password"),
        (
            mm_provision,
            "mm_provision",
            &["service", "password_encoding"],
            "missing key service.password_encoding",
        ),
        (mm_replace, "mm_replace", &["old"], "missing key old"),
        (mm_replace, "mm_replace", &["old", "username"], "missing key old.username"),
        (mm_replace, "mm_replace", &["service", "password"], "missing key service.password"),
    ];
    for (hook, name, path, says) in cases {
        let request = changed(request_of(name), path, None);
        assert_failed(handle.hook(hook, &request), MM_ARGUMENT, says, says);
    }
    let unsendable = changed(request(), &["service", "password_encoding"], Some(json!("rot13")));
    assert_failed(handle.hook(mm_provision, &unsendable), MM_REFUSED, "rot13", "an unknown encoding");
    assert_eq!(counted.load(Ordering::SeqCst), 0);
}

#[test]
fn a_bad_call_is_refused_and_sends_nothing() {
    let (carrier, counted) = Answering::new(account_record);
    let handle = Handle::over(&config().to_string(), carrier);
    for (text, says) in no_documents() {
        let what = format!("arguments of {} bytes that {says}", text.len());
        assert_failed(handle.call(b"get_user", &text), MM_ARGUMENT, says, &what);
    }
    let cases: [(&[u8], &str, i32, &str); 20] = [
        (b"launch_rocket", "{}", MM_ARGUMENT, "unknown operation launch_rocket"),
        (b"", "{}", MM_ARGUMENT, "unknown operation"),
        (b"get_\xff", "{}", MM_ARGUMENT, "the operation must be UTF-8, which byte 5 is not"),
        (b"get_user", "{}", MM_ARGUMENT, "missing key id"),
        (b"get_user", r#"{"id":"jane","colour":"red"}"#, MM_ARGUMENT, "unknown key colour"),
        (b"add_user", r#"{"id":"jane"}"#, MM_ARGUMENT, "missing key account"),
        (b"assign_package", r#"{"user":"jane"}"#, MM_ARGUMENT, "missing key package"),
        (
            b"update_user",
            r#"{"id":"jane","password":"x","password_type":"md5"}"#,
            MM_ARGUMENT,
            "key password_type must be plain or encrypted",
        ),
        (
            b"add_user",
            r#"{"id":"jane","account":"A","password_type":""}"#,
            MM_ARGUMENT,
            "key password_type must be",
        ),
        (b"purge_user", r#"{"id":"jane","force":"yes"}"#, MM_ARGUMENT, "key force must be 0 or 1"),
        (
            b"request",
            r#"{"method":"GET","path":"/user","parameters":{"a":[1]}}"#,
            MM_ARGUMENT,
            "key parameters.a must be a text",
        ),
        (b"get_user", r#"{"id":""}"#, MM_REFUSED, "id is empty"),
        (b"get_user", r#"{"id":".."}"#, MM_REFUSED, "the id .. cannot be used"),
        (b"inspect", r#"{"account_id":"A","user":""}"#, MM_REFUSED, "user is empty"),
        (b"inspect", r#"{"account_id":"A","user":".."}"#, MM_REFUSED, "the user .. cannot be used"),
        (b"inspect", r#"{"account_id":".","user":"a"}"#, MM_REFUSED, "the account_id . cannot be used"),
        (b"check", r#"{"domains":["example.net",".."]}"#, MM_REFUSED, "the domain .. cannot be used"),
        (b"check", r#"{"domains":[""]}"#, MM_REFUSED, "a domain among the domains is empty"),
        (b"sync", r#"{"account_id":"..","services":[]}"#, MM_REFUSED, "the account_id .. cannot be used"),
        (b"request", r#"{"method":"GET","path":"/user/%2e%2e"}"#, MM_REFUSED, "the path .. cannot be used"),
    ];
    for (operation, arguments, status, says) in cases {
        assert_failed(handle.call(operation, arguments.as_bytes()), status, says, says);
    }
    assert_eq!(counted.load(Ordering::SeqCst), 0);
    let found = handle.call(b"get_account", br#"{"id":"FREESIDE42"}"#).expect("a good call");
    assert!(found.contains("FREESIDE42"), "{found}");
    assert_eq!(counted.load(Ordering::SeqCst), 1);
}

#[test]
fn a_flag_may_be_a_boolean_a_number_or_a_text() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let noted = sent.clone();
    let (carrier, _) = Answering::new(move |request| {
        let force = request.parameters.iter().find(|(name, _)| name == "force");
        noted.lock().expect("no panic before").push(force.map(|(_, value)| value.reveal().to_owned()));
        String::new()
    });
    let handle = Handle::over(&config().to_string(), carrier);
    let purge = |force: &str| {
        let arguments = format!(r#"{{"id":"jane","force":{force}}}"#);
        handle.call(b"purge_user", arguments.as_bytes()).expect(force);
        sent.lock().expect("no panic before").pop().expect("a request")
    };
    for on in ["true", "1", r#""1""#] {
        assert_eq!(purge(on).as_deref(), Some("true"), "{on}");
    }
    for off in ["false", "0", r#""0""#, r#""""#, "null"] {
        assert_eq!(purge(off), None, "{off}");
    }
    let request = br#"{"method":"POST","path":"/user/jane","parameters":{"action":"purge","force":true}}"#;
    handle.call(b"request", request).expect("a request of the caller's own");
    let force = sent.lock().expect("no panic before").pop();
    assert_eq!(force, Some(Some("true".to_owned())));
}

#[test]
fn a_read_without_a_readable_answer_is_not_in_doubt() {
    let (carrier, _) = Answering::new(|_| "<r><account".to_owned());
    let handle = Handle::over(&config().to_string(), carrier);
    let path = |method| format!(r#"{{"method":"{method}","path":"/account/A"}}"#);
    for (operation, arguments, status) in [
        ("get_account", r#"{"id":"A"}"#.to_owned(), MM_SERVER),
        ("get_accounts", "{}".to_owned(), MM_SERVER),
        ("request", path("GET"), MM_SERVER),
        ("suspend_account", r#"{"id":"A"}"#.to_owned(), MM_IN_DOUBT),
        ("request", path("POST"), MM_IN_DOUBT),
    ] {
        let ended = handle.call(operation.as_bytes(), arguments.as_bytes());
        assert_failed(ended, status, "a document that is not whole: it ends in line 1, column 12", operation);
    }
}

#[test]
fn a_refusal_keeps_its_own_words_whatever_the_password_is() {
    let (carrier, _) = Answering::new(account_record);
    let mut config = config();
    config["client_password"] = "key".into();
    let handle = Handle::over(&config.to_string(), carrier);
    let ended = handle.call(b"get_user", br#"{"id":"jane","my key":1}"#);
    assert_failed(ended, MM_ARGUMENT, "unknown key my ********", "get_user");
    assert_failed(handle.call(b"get_user", b"{}"), MM_ARGUMENT, "missing key id", "get_user");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let (carrier, _) = Answering::new(account_record);
    let mut config = config();
    config["client_password"] = "k3y-0f-the-c1ient".into();
    let handle = Handle::over(&config.to_string(), carrier);
    let request = r#"{"account":{"id":"A"},"K3Y-0f-the-c1ient":1,
                      "service":{"svcnum":1,"username":"jane","domain":"example.net"}}"#;
    let replies = [
        handle.call(b"get_k3y-0f-the-c1ient", b"{}"),
        handle.call(b"get_user", br#"{"id":"jane","k3y-0f-the-c1ient":"red"}"#),
        handle.hook(mm_suspend, request.as_bytes()),
    ];
    for (reply, says) in
        replies.into_iter().zip(["unknown operation get_*", "unknown key *", "unknown key *"])
    {
        assert_failed(reply, MM_ARGUMENT, says, says);
        let text = last_error();
        assert!(!text.to_lowercase().contains("k3y"), "{text}");
    }
}

#[test]
fn services_that_are_alike_can_be_told_of_at_once() {
    let configuration = Configuration::parse(&config().to_string()).expect("a configuration");
    let parsed = |others: Value| {
        let request = String::from_utf8(changed(request(), &["others"], Some(others))).expect("text");
        Request::parse(&request, Shape::WithPassword, &configuration).expect("a request")
    };
    let single = json!([
        { "svcnum": 1, "username": "ann", "domain": "example.net", "package": "GOLD", "account_id": "F7" },
        { "svcnum": 2, "username": "123", "domain": "example.org", "package": "GOLD", "account_id": "F7" },
        { "svcnum": 3, "username": "bob", "domain": "example.net" },
    ]);
    let alike = json!([
        { "services": [[1, "ann", "example.net"], ["2", 123, "example.org"], [4, "..", "example.net"]],
          "package": "GOLD", "account_id": "F7" },
        { "services": [] },
        { "services": [[3, "bob", "example.net"]] },
    ]);
    assert_eq!(parsed(single), parsed(alike));
}

#[test]
fn a_service_whose_name_could_be_no_mailbox_is_no_neighbour() {
    for name in ["", " ", ".", "..", "a\u{1}b"] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let (carrier, _) = Answering::new(move |request| {
            noted.lock().expect("no panic before").push(request.path.join("/"));
            let user = "<user id='jane' account='FREESIDE42' master_user='Y'/>";
            format!("<r><users/><account id='FREESIDE42' status='active'/>{user}</r>")
        });
        let handle = Handle::over(&config().to_string(), carrier);
        let other = json!({ "svcnum": 1, "username": name, "domain": "example.net" });
        let hooked = changed(request(), &["others"], Some(json!([other])));
        let _ = handle.hook(mm_unprovision, &hooked);
        let services = json!([{ "svcnum": 1, "username": name, "package": "EMAIL" }]);
        let synced = json!({ "account_id": "FREESIDE42", "services": services }).to_string();
        assert!(handle.call(b"sync", synced.as_bytes()).is_ok());
        let asked = asked.lock().expect("no panic before");
        let known = [
            "account/FREESIDE42",
            "user",
            "user/jane",
            "user_package/jane",
            "emailaddress",
            "emailaddress/jane@example.net",
        ];
        assert!(asked.iter().all(|path| known.contains(&path.as_str())), "{name:?}: {asked:?}");
    }
}

#[test]
fn each_null_is_an_argument_error_that_names_it() {
    let (carrier, counted) = Answering::new(account_record);
    let handle = Handle::over(&config().to_string(), carrier);
    let text = CString::new(request().to_string()).expect("no NUL");
    for (name, hook) in HOOKS {
        // SAFETY: NULL is what is tried.
        let ended = outcome(|reply| unsafe { hook(ptr::null(), text.as_ptr(), reply) });
        assert_failed(ended, MM_ARGUMENT, "the handle must not be NULL", name);
        // SAFETY: as above.
        let ended = outcome(|reply| unsafe { hook(handle.0, ptr::null(), reply) });
        assert_failed(ended, MM_ARGUMENT, "the request must not be NULL", name);
    }
    let (operation, arguments) = (c"get_account", c"{\"id\":\"FREESIDE42\"}");
    // SAFETY: as above.
    let ended =
        outcome(|reply| unsafe { mm_call(ptr::null(), operation.as_ptr(), arguments.as_ptr(), reply) });
    assert_failed(ended, MM_ARGUMENT, "the handle must not be NULL", "mm_call");
    // SAFETY: as above.
    let ended = outcome(|reply| unsafe { mm_call(handle.0, ptr::null(), arguments.as_ptr(), reply) });
    assert_failed(ended, MM_ARGUMENT, "the operation must not be NULL", "mm_call");
    // SAFETY: as above.
    let ended = outcome(|reply| unsafe { mm_call(handle.0, operation.as_ptr(), ptr::null(), reply) });
    assert_failed(ended, MM_ARGUMENT, "the arguments must not be NULL", "mm_call");
    assert_eq!(counted.load(Ordering::SeqCst), 0);
    // SAFETY: as above; without a place for the reply, nothing is left to free.
    let status = unsafe { mm_call(handle.0, operation.as_ptr(), arguments.as_ptr(), ptr::null_mut()) };
    assert_eq!((status, last_error().as_str()), (MM_OK, ""));
    assert_eq!(counted.load(Ordering::SeqCst), 1);
}

#[test]
fn null_is_nothing_to_free_and_nothing_to_log_for() {
    assert!(Handle::new(b"no JSON").is_err());
    let before = last_error();
    // SAFETY: NULL is what is tried.
    unsafe {
        mm_export_free(ptr::null_mut());
        mm_string_free(ptr::null_mut());
        mm_export_set_log(ptr::null_mut(), None, ptr::null_mut());
    }
    assert_eq!(last_error(), before, "what cannot fail leaves the error alone");
}

/// The same against a real socket: not even a connection is opened.
#[test]
fn bad_input_opens_no_connection() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    server.set_nonblocking(true).expect("non-blocking");
    let mut good = config();
    good["port"] = json!(server.local_addr().expect("an address").port());
    good["timeout"] = json!("0.2");
    let handle = Handle::new(good.to_string().as_bytes()).expect("a good configuration");
    for (text, _) in no_documents() {
        assert!(Handle::new(&text).is_err());
        assert!(handle.hook(mm_provision, &text).is_err());
        assert!(handle.call(b"get_user", &text).is_err());
    }
    for (path, value, ..) in bad_fields() {
        assert!(handle.hook(mm_provision, &changed(request(), &path, value)).is_err());
    }
    assert!(server.accept().is_err(), "nobody connected");
    let failure = handle.call(b"get_account", br#"{"id":"FREESIDE42"}"#).expect_err("nobody answers");
    assert_eq!(failure.status, MM_NOT_REACHED, "{}", failure.text);
    assert!(server.accept().is_ok(), "the listener notices: a good call connects");
}
