//! How answers travel: framing, connections, latency.

use crate::client::{has_account, start, trusting, Client, End, Got, BASIC};
use magicmail_simulator::Server;
use serde_json::{json, Value};
use std::thread;
use std::time::{Duration, Instant};

fn started(modes: &Value) -> Server {
    let server = start();
    server.change_modes(modes).expect("modes");
    server
}

fn framed(modes: &Value) -> Got {
    let server = started(modes);
    let got = Client::to(&server).post("/account/F1", "first_name=Ann");
    assert!(got.whole && got.body.ends_with("</response>\n"), "{got:?}");
    got
}

#[test]
fn the_end_of_an_answer_shows_in_three_ways() {
    let length = framed(&json!({"body": "length"}));
    assert!(length.head.contains("Content-Length: ") && length.end == End::Open);
    let chunked = framed(&json!({"body": "chunked"}));
    assert!(chunked.head.contains("Transfer-Encoding: chunked") && chunked.end == End::Open);
    let close = framed(&json!({"body": "close"}));
    assert!(close.head.contains("Connection: close") && close.end == End::Notified);
    assert!(!close.head.contains("Content-Length"));
    assert_eq!(length.body, chunked.body);
    assert_eq!(length.body, close.body);
}

#[test]
fn an_answer_is_whole_without_a_close_notify() {
    assert_eq!(framed(&json!({"body": "close", "close_notify": false})).end, End::BrokenOff);
    let server = started(&json!({"keep_alive": false, "close_notify": false}));
    let mut client = Client::to(&server);
    assert!(client.get("/account").whole);
    assert_eq!(client.end(), End::BrokenOff);
}

#[test]
fn http_1_0_has_no_chunks_and_keeps_only_for_who_asks() {
    let got = framed(&json!({"http": "1.0", "body": "chunked"}));
    assert!(got.head.starts_with("HTTP/1.0 200 OK") && got.end == End::Notified, "{got:?}");
    let server = started(&json!({"http": "1.0"}));
    let mut client = Client::to(&server);
    let ask = |fields: &str| format!("GET /api/v2/account?client_type=FREESIDE HTTP/1.1\r\n{fields}\r\n");
    client.send(&ask(&format!("Authorization: {BASIC}\r\nConnection: keep-alive\r\n"))).expect("sent");
    assert!(client.read().expect("an answer").head.contains("Connection: keep-alive"));
    client.send(&ask(&format!("Authorization: {BASIC}\r\n"))).expect("sent");
    assert!(client.read().expect("an answer").head.contains("Connection: close"));
    assert_eq!(client.end(), End::Notified);
}

#[test]
fn a_connection_is_kept_or_not() {
    for (keep_alive, opened) in [(true, 1), (false, 3)] {
        let server = started(&json!({ "keep_alive": keep_alive }));
        let configuration = trusting(&server);
        let connect = || Client::with(server.address(), configuration.clone()).expect("a connection");
        let mut client = connect();
        for _ in 0..3 {
            if server.connections().requests > 0 && !keep_alive {
                assert_eq!(client.end(), End::Notified);
                client = connect();
            }
            let got = client.get("/account");
            assert_eq!(got.head.contains("Connection: close"), !keep_alive);
        }
        let counters = server.connections();
        assert_eq!((counters.opened, counters.requests), (opened, 3));
    }
}

#[test]
fn a_client_that_wants_to_close_is_closed() {
    let server = start();
    let mut client = Client::to(&server);
    client.send("GET /api/v2/account HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sent");
    assert_eq!(client.read().expect("an answer").status, 401);
    assert_eq!(client.end(), End::Notified);
}

#[test]
fn the_latency_of_one_connection_holds_no_other_up() {
    let server = started(&json!({"latency_ms": 150}));
    let configuration = trusting(&server);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::with(server.address(), configuration.clone()).expect("a connection");
                assert_eq!(client.get("/account").status, 200);
            });
        }
    });
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(150), "{elapsed:?}");
    assert!(elapsed < Duration::from_millis(800), "eight side by side took {elapsed:?}");
}

#[test]
fn a_lag_hides_a_write_for_its_time() {
    let server = started(&json!({"lag_ms": 200}));
    let mut client = Client::to(&server);
    let wrote = Instant::now();
    assert_eq!(client.post("/account/F1", "").status, 200);
    assert!(has_account(&server, "F1"));
    while client.get("/account/F1").status != 200 {
        assert!(wrote.elapsed() < Duration::from_secs(5), "it never becomes visible");
    }
    assert!(wrote.elapsed() >= Duration::from_millis(200));
}

#[test]
fn what_is_percent_encoded_arrives_decoded_and_is_logged_so() {
    let server = start();
    let mut client = Client::to(&server);
    client.post("/account/F1", "first_name=Ann+Marie&last_name=%C3%A9%26%2B%3D%25&phone=a%20b");
    let got = client.get("/account/F1");
    assert!(got.body.contains(r#"first_name="Ann Marie" last_name="é&amp;+=%" phone="a b""#), "{}", got.body);
    client.post("/user/a+b%20%26c%2Fd%C3%A9", "account=F1&password=p%26w");
    let entry = server.log().pop().expect("an entry");
    assert_eq!((entry.path.as_str(), entry.method.as_str()), ("/user/a+b &c/dé", "POST"));
    assert_eq!(entry.parameters["password"], "p&w");
    assert_eq!(entry.parameters["client_type"], "FREESIDE");
    assert!(entry.applied && entry.authorized && entry.n == 3);
}

#[test]
fn what_is_sent_in_a_wrong_form_is_refused() {
    let server = start();
    let mut client = Client::to(&server);
    let mut ask = |request: String| {
        client.send(&request).expect("sent");
        let got = client.read().expect("an answer");
        (got.status, got.body.contains("error.bad_request"))
    };
    let head = format!("Host: localhost\r\nAuthorization: {BASIC}\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for request in [
        format!("POST /api/v2/account/F1?client_type=FREESIDE HTTP/1.1\r\n{head}\r\n"),
        format!("POST /api/v2/account/F1 HTTP/1.1\r\n{head}Content-Length: 20\r\n\r\nclient_type=FREESIDE"),
        format!("GET /api/v2/account HTTP/1.1\r\n{head}{form}Content-Length: 20\r\n\r\nclient_type=FREESIDE"),
        format!("GET /api/v1/account?client_type=FREESIDE HTTP/1.1\r\n{head}\r\n"),
        format!("GET /api/v2/account/%FF?client_type=FREESIDE HTTP/1.1\r\n{head}\r\n"),
        format!("GET /api/v2/account?client_type=FREESIDE&a=%FF HTTP/1.1\r\n{head}\r\n"),
    ] {
        assert_eq!(ask(request.clone()), (400, true), "{request}");
    }
    let basic = "GET /api/v2/account?client_type=FREESIDE HTTP/1.1\r\nAuthorization: Basic !!!\r\n\r\n";
    assert_eq!(ask(basic.to_owned()), (401, false));
    assert!(!server.log().last().expect("an entry").authorized);
    assert!(!has_account(&server, "F1"));
}

#[test]
fn what_is_no_http_is_noted_and_ends_the_connection() {
    let server = start();
    let mut client = Client::to(&server);
    client.send("\u{1}\u{2} hello\r\n\r\n").expect("sent");
    assert!(client.read().is_err());
    let failures = server.failures();
    assert!(failures[0].error.contains("no HTTP request"), "{failures:?}");
    assert!(failures[0].received.contains("hello"), "{failures:?}");
}

#[test]
fn a_long_answer_is_whole() {
    let mut users = serde_json::Map::new();
    for n in 0..20_000 {
        users.insert(format!("user{n:05}"), json!({"account": "F1", "first_name": "Ann"}));
    }
    for body in ["length", "chunked", "close"] {
        let server = started(&json!({ "body": body }));
        let state = json!({"accounts": {"F1": {}}, "users": users});
        server.set_state(serde_json::from_value(state).expect("a state"));
        let got = Client::to(&server).get("/user?account=F1");
        assert!(got.whole && got.body.matches("<user ").count() == 20_000, "{body}");
    }
}
