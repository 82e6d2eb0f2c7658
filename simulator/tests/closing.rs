//! Faults that strike before a request comes: the port is closed, or a kept connection.

use crate::client::{eventually, has_account, put, start, Client, End};
use magicmail_simulator::{Kind, Server};
use serde_json::json;
use std::time::{Duration, Instant};

fn is_refused(server: &Server) -> bool {
    let connected = std::net::TcpStream::connect(server.address());
    connected.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

#[test]
fn a_server_that_is_gone_refuses_from_just_before_the_request_for_ever() {
    let server = start();
    put(&server, &json!([{"kind": "gone", "on": 2}]));
    let mut client = Client::to(&server);
    assert_eq!(client.get("/account").status, 200, "the first is served");
    assert!(is_refused(&server), "the port is closed when the first has its answer");
    let sent = client.send_post("/account/F1", "");
    assert!(sent.is_err() || client.read().is_err(), "the kept connection is closed, too");
    assert!(is_refused(&server));
    assert!(!has_account(&server, "F1") && server.log().len() == 1);
    put(&server, &json!([]));
    assert_eq!(Client::to(&server).get("/account").status, 200);
}

#[test]
fn a_refusal_of_the_first_request_begins_when_it_is_put_and_ends_after_its_time() {
    let server = start();
    let mut idle = Client::to(&server);
    assert_eq!(idle.get("/account").status, 200);
    put(&server, &json!([{"kind": "refused", "for_ms": 150}]));
    let put_at = Instant::now();
    assert!(is_refused(&server));
    assert_eq!(idle.end(), End::Notified);
    eventually("it is over", || !is_refused(&server));
    assert!(put_at.elapsed() >= Duration::from_millis(150));
    assert_eq!(Client::to(&server).get("/account").status, 200);
    assert!(!is_refused(&server), "it does not come back");
}

#[test]
fn a_refusal_with_a_filter_drops_the_request_that_matches_and_closes_the_port() {
    let server = start();
    put(&server, &json!([{"kind": "gone", "method": "POST"}]));
    let mut client = Client::to(&server);
    assert_eq!(client.get("/account").status, 200);
    client.send_post("/account/F1", "").expect("sent");
    assert!(client.read().is_err() && is_refused(&server) && !has_account(&server, "F1"));
}

#[test]
fn a_connection_is_closed_while_idle_and_the_request_on_a_new_one_is_served() {
    let server = start();
    put(&server, &json!([{"kind": "close_idle", "on": 2}]));
    let mut client = Client::to(&server);
    assert_eq!(client.get("/account").end, End::Open);
    assert_eq!(client.end(), End::Notified);
    let mut client = Client::to(&server);
    assert_eq!(client.post("/account/F1", "").status, 200);
    assert_eq!(client.get("/account").status, 200, "only once");
    let faults: Vec<_> = server.log().iter().map(|entry| entry.fault).collect();
    assert_eq!(faults, [None, Some(Kind::CloseIdle), None]);
}

#[test]
fn a_kept_connection_is_closed_under_the_request_that_a_filter_matches() {
    let server = start();
    put(&server, &json!([{"kind": "close_idle", "method": "POST"}]));
    let mut client = Client::to(&server);
    assert_eq!(client.get("/account").status, 200);
    client.send_post("/account/F1", "").expect("sent");
    assert_eq!(client.read().expect_err("no answer").to_string(), "Notified");
    assert!(!has_account(&server, "F1") && !server.log()[1].applied);
    assert_eq!(Client::to(&server).post("/account/F1", "").status, 200);
}
