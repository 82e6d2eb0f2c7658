//! The control port.

use crate::client::{start_with, Client, LIMIT};
use magicmail_simulator::{Options, Server};
use serde_json::{json, Value};
use std::io::{Read, Write};
use std::net::TcpStream;

/// Asks the control port at `url` on a connection of its own.
pub fn ask(url: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let address = url.strip_prefix("http://").expect("a plain URL");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    let body = body.map(Value::to_string).unwrap_or_default();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).expect("JSON"))
}

struct Desk {
    server: Server,
    url: String,
}

impl Desk {
    fn open() -> Desk {
        let control = "127.0.0.1:0".parse().ok();
        let server = start_with(Options { control, ..Options::default() });
        let url = server.control_url().expect("a control port");
        Desk { server, url }
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) = ask(&self.url, method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null)
    }
}

#[test]
fn the_state_is_shown_and_replaced() {
    let desk = Desk::open();
    let state = json!({
        "accounts": {"F1": {"first_name": "Ann", "last_name": "Lee", "phone": "", "memo": "", "status": "suspended"}},
        "users": {"ann": {"account": "F1", "first_name": "", "last_name": "", "memo": "", "password": "pw",
            "password_type": "plain", "master_user": "Y", "status": "active", "packages": ["EMAIL"]}},
        "addresses": {"ann@example.net": "ann"},
        "domains": ["example.net", "example.org"],
    });
    assert_eq!(desk.ask("PUT", "/state", &state), state);
    assert_eq!(desk.get("/state"), state);
    let got = Client::to(&desk.server).get("/account/F1");
    assert!(got.body.contains(r#"status="suspended""#), "{}", got.body);
    let (status, answer) = ask(&desk.url, "PUT", "/state", Some(&json!({"people": {}})));
    assert!(
        status == 400 && answer["error"].as_str().is_some_and(|text| text.contains("people")),
        "{answer}"
    );
    assert_eq!(desk.get("/state"), state, "what is refused changes nothing");
}

#[test]
fn the_log_tells_of_each_request_and_its_round() {
    let desk = Desk::open();
    let mut client = Client::to(&desk.server);
    client.get("/account");
    desk.ask("PUT", "/round", &json!("provision 2"));
    client.post("/account/F1", "memo=x");
    let log = desk.get("/log");
    let mut second = log[1].clone();
    second.as_object_mut().expect("an entry").remove("at_ms");
    let expected = json!({"n": 2, "connection": 1, "method": "POST", "path": "/account/F1",
        "parameters": {"client_type": "FREESIDE", "memo": "x"}, "status": 200, "applied": true, "fault": null,
        "authorized": true, "round": "provision 2"});
    assert_eq!(second, expected);
    assert_eq!(
        (&log[0]["path"], &log[0]["applied"], &log[0]["round"]),
        (&json!("/account"), &json!(false), &Value::Null)
    );
    assert_eq!(desk.ask("DELETE", "/log", &Value::Null), json!([]));
    client.get("/account");
    assert_eq!(desk.get("/log")[0]["n"], 1);
}

#[test]
fn connections_and_failures_are_counted_and_shown() {
    let desk = Desk::open();
    let mut client = Client::to(&desk.server);
    client.get("/account");
    client.get("/account");
    let expected = json!({"opened": 1, "open": 1, "handshakes_failed": 0, "requests": 2, "resumed": 0});
    assert_eq!(desk.get("/connections"), expected);
    assert_eq!(desk.get("/failures"), json!([]));
}

#[test]
fn modes_are_shown_and_changed_in_part() {
    let desk = Desk::open();
    let before = desk.get("/modes");
    assert_eq!((&before["fields"], &before["http"]), (&json!("attributes"), &json!("1.1")));
    let mut expected = before.clone();
    expected["fields"] = json!("children");
    expected["latency_ms"] = json!(1);
    assert_eq!(desk.ask("PATCH", "/modes", &json!({"fields": "children", "latency_ms": 1})), expected);
    assert_eq!(desk.get("/modes"), expected);
    let (status, answer) = ask(&desk.url, "PATCH", "/modes", Some(&json!({"fields": "mixed", "colour": 1})));
    assert!(
        status == 400 && answer["error"].as_str().is_some_and(|text| text.contains("colour")),
        "{answer}"
    );
    assert_eq!(desk.get("/modes"), expected);
}

#[test]
fn faults_are_put_and_shown() {
    let desk = Desk::open();
    let put = desk.ask("PUT", "/faults", &json!([{"kind": "status_503", "count": null, "path": "/user/"}]));
    assert_eq!(put, json!([{"kind": "status_503", "on": 1, "count": null, "path": "/user/"}]));
    assert_eq!(desk.get("/faults"), put);
    assert_eq!(Client::to(&desk.server).get("/user/ann").status, 503);
    assert_eq!(ask(&desk.url, "PUT", "/faults", Some(&json!([{"kind": "x"}]))).0, 400);
    assert_eq!(desk.get("/faults"), put);
}

#[test]
fn a_guard_is_put_and_tells_what_was_destroyed() {
    let desk = Desk::open();
    assert_eq!(desk.get("/guard"), Value::Null);
    let mut client = Client::to(&desk.server);
    client.post("/account/F1", "");
    let permitted = json!([{"kind": "account_deleted", "name": "F1"}]);
    assert_eq!(desk.ask("PUT", "/guard", &permitted), json!([]));
    client.post("/account/F1", "&action=update&status=deleted");
    assert_eq!(desk.get("/guard"), json!([]));
    client.post("/account/F1", "&action=purge");
    let expected =
        "nobody asked for it: account F1 (deleted) was purged, by POST /account/F1 action=purge".to_owned();
    assert_eq!(desk.get("/guard"), json!([expected]));
    assert_eq!(ask(&desk.url, "PUT", "/guard", Some(&json!([{"kind": "x", "name": "F1"}]))).0, 400);
    // A request that a fault keeps from the mail server is seen all the same.
    desk.ask("PUT", "/guard", &json!([]));
    desk.ask("PUT", "/faults", &json!([{"kind": "status_503"}]));
    client.post("/user/ann", "&action=purge&force=true");
    assert_eq!(desk.get("/guard"), json!(["force was sent: POST /user/ann action=purge force=true"]));
}

#[test]
fn a_reset_brings_the_start_back() {
    let desk = Desk::open();
    let modes = desk.get("/modes");
    let mut client = Client::to(&desk.server);
    client.post("/account/F1", "");
    client.post("/domain/ann.example", "account=F1");
    desk.ask("PATCH", "/modes", &json!({"lag_ms": 9}));
    desk.ask("PUT", "/round", &json!(3));
    desk.ask("PUT", "/faults", &json!([{"kind": "gone"}]));
    desk.ask("POST", "/reset", &Value::Null);
    let state =
        json!({"accounts": {}, "users": {}, "addresses": {}, "domains": ["example.com", "example.net"]});
    assert_eq!(desk.get("/state"), state);
    assert_eq!((desk.get("/modes"), desk.get("/faults"), desk.get("/log")), (modes, json!([]), json!([])));
    assert_eq!(desk.get("/connections")["requests"], 0);
    assert_eq!(Client::to(&desk.server).get("/account").status, 200, "the port is open again");
    assert_eq!(desk.get("/log")[0]["round"], Value::Null);
}

#[test]
fn what_it_does_not_know_is_refused() {
    let desk = Desk::open();
    assert_eq!(ask(&desk.url, "GET", "/nothing", None).0, 404);
    assert_eq!(ask(&desk.url, "POST", "/state", None).0, 404);
    assert_eq!(ask(&desk.url, "PUT", "/state", None).0, 400);
}

#[test]
fn one_connection_carries_many_questions() {
    let desk = Desk::open();
    let mut stream = TcpStream::connect(&desk.url["http://".len()..]).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    for _ in 0..3 {
        stream.write_all(b"GET /faults HTTP/1.1\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        while !answer.ends_with(b"[]") {
            let mut piece = [0; 512];
            let read = stream.read(&mut piece).expect("an answer");
            assert!(read > 0);
            answer.extend_from_slice(&piece[..read]);
        }
    }
}
