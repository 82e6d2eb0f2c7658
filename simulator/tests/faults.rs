//! Each kind of fault over real TLS: what the client sees, whether the request was carried out, what the log
//! says, and that the next request is served as if nothing had been.

use crate::client::{eventually, has_account, put, start, start_with, trusting, Client, End, Got};
use magicmail_simulator::{Fault, Kind, Lie, Options};
use serde_json::json;
use std::time::{Duration, Instant};

/// Posts an account under a fault. Gives what came, whether it was carried out, and sees to the rest.
fn struck(kind: &str) -> (std::io::Result<Got>, bool) {
    let server = start();
    put(&server, &json!([{"kind": kind, "ms": 1}]));
    let mut client = Client::to(&server);
    client.send_post("/account/F1", "").expect("sent");
    let got = client.read();
    let applied = has_account(&server, "F1");
    let log = server.log();
    assert_eq!(log.len(), 1);
    assert_eq!(log[0].applied, applied, "{kind}");
    assert_eq!(serde_json::to_value(log[0].fault).expect("a kind"), kind);
    assert_eq!(log[0].status, got.as_ref().ok().map(|got| got.status), "{kind}");
    assert_eq!(Client::to(&server).post("/account/F2", "").status, 200, "after {kind}");
    (got, applied)
}

fn answered(kind: &str) -> (Got, bool) {
    let (got, applied) = struck(kind);
    (got.unwrap_or_else(|error| panic!("{kind}: {error}")), applied)
}

#[test]
fn a_drop_gives_no_answer_before_or_after_the_work() {
    for (kind, done) in [("drop_before", false), ("drop_after", true)] {
        let (got, applied) = struck(kind);
        assert_eq!(got.expect_err("no answer").to_string(), "BrokenOff");
        assert_eq!(applied, done);
    }
}

#[test]
fn an_answer_is_cut_short_in_its_middle() {
    let (got, applied) = answered("cut_short");
    assert!(applied && !got.whole && got.end == End::BrokenOff);
    assert!(got.body.starts_with("<?xml") && !got.body.contains("</response>"));
}

#[test]
fn an_empty_answer_is_cut_in_its_head() {
    let server = start();
    server.change_modes(&json!({"empty_writes": true})).expect("modes");
    put(&server, &json!([{"kind": "cut_short"}]));
    let mut client = Client::to(&server);
    client.send_post("/account/F1", "").expect("sent");
    assert!(client.read().is_err() && has_account(&server, "F1"));
}

#[test]
fn statuses_come_with_a_web_page() {
    for (kind, status, done) in [
        ("status_401", 401, false),
        ("status_403", 403, false),
        ("status_429", 429, false),
        ("status_500", 500, false),
        ("status_502", 502, false),
        ("status_503", 503, false),
        ("status_504", 504, false),
        ("status_500_after", 500, true),
        ("status_502_after", 502, true),
    ] {
        let (got, applied) = answered(kind);
        assert_eq!((got.status, applied), (status, done), "{kind}");
        assert!(got.body.starts_with("<html>") && got.whole && got.end == End::Open, "{kind}");
    }
}

#[test]
fn bodies_are_replaced_before_or_after_the_work() {
    let xml = |text: &str| text.starts_with("<?xml");
    let (got, applied) = answered("garbage");
    assert!(!applied && got.status == 200 && !xml(&got.body));
    let (got, applied) = answered("garbage_after");
    assert!(applied && got.status == 200 && !xml(&got.body));
    let (got, applied) = answered("empty_body");
    assert!(applied && got.status == 200 && got.body.is_empty());
    let (got, applied) = answered("empty_body_before");
    assert!(!applied && got.status == 200 && got.body.is_empty());
    let (got, applied) = answered("web_page");
    assert!(!applied && got.status == 200 && got.head.contains("text/html"));
    let (got, applied) = answered("no_record");
    assert!(applied && got.status == 200 && got.body.ends_with("<response/>\n"));
}

#[test]
fn an_error_document_comes_with_status_200_or_as_the_fault_says() {
    let (got, applied) = answered("error_document");
    assert!(!applied && got.status == 200 && got.body.contains("<code>error.internal</code>"));
    let server = start();
    let fault = json!([{"kind": "error_document", "status": 500, "code": "a.b", "message": "<no>"}]);
    put(&server, &fault);
    let got = Client::to(&server).get("/account");
    assert_eq!(got.status, 500);
    assert!(got.body.contains("<code>a.b</code><message>&lt;no&gt;</message>"));
}

#[test]
fn a_redirect_says_where_to() {
    let (got, applied) = answered("redirect");
    assert!(!applied && got.status == 302);
    assert!(got.head.contains("Location: https://localhost/api/v2/elsewhere"), "{}", got.head);
}

#[test]
fn an_answer_may_be_given_word_for_word() {
    let server = start();
    let given = json!([{"kind": "answer", "status": 202, "body": "<!DOCTYPE x>", "content_type": "a/b"},
        {"kind": "answer", "on": 2, "applied": true}]);
    put(&server, &given);
    let mut client = Client::to(&server);
    let got = client.post("/account/F1", "");
    assert_eq!((got.status, got.body.as_str()), (202, "<!DOCTYPE x>"));
    assert!(got.head.contains("Content-Type: a/b") && !has_account(&server, "F1"));
    let got = client.post("/account/F1", "");
    assert_eq!((got.status, got.body.as_str()), (200, ""));
    assert!(has_account(&server, "F1"));
}

#[test]
fn a_hang_gives_nothing_until_the_client_goes() {
    for (kind, done) in [("hang", false), ("hang_after", true)] {
        let server = start();
        put(&server, &json!([{"kind": kind}]));
        let mut client = Client::to(&server);
        client.send_post("/account/F1", "").expect("sent");
        eventually("the request is logged", || server.log().len() == 1);
        assert!(client.is_silent());
        assert_eq!((has_account(&server, "F1"), server.log()[0].status), (done, None));
        drop(client);
        eventually("the connection is closed", || server.connections().open == 0);
    }
}

#[test]
fn a_drip_comes_byte_by_byte() {
    let server = start();
    put(&server, &json!([{"kind": "drip", "ms": 3}]));
    let started = Instant::now();
    let got = Client::to(&server).post("/account/F1", "");
    assert!(got.whole && got.body.contains("F1"));
    let bytes = u32::try_from(got.head.len() + got.body.len()).expect("a small answer");
    assert!(started.elapsed() >= Duration::from_millis(3) * bytes);
    // By default it is a byte each second: two bytes take one.
    put(&server, &json!([{"kind": "drip"}]));
    let mut client = Client::to(&server);
    client.send_get("/account").expect("sent");
    let started = Instant::now();
    assert_eq!(client.read_some(2), b"HT");
    assert!(started.elapsed() > Duration::from_millis(800));
}

#[test]
fn an_endless_answer_goes_on() {
    for http in ["1.1", "1.0"] {
        let server = start();
        server.change_modes(&json!({ "http": http })).expect("modes");
        put(&server, &json!([{"kind": "endless"}]));
        let mut client = Client::to(&server);
        client.send_post("/account/F1", "").expect("sent");
        let some = client.read_some(20_000_000);
        assert!(some.len() >= 20_000_000, "{}", some.len());
        let text = String::from_utf8_lossy(&some[..2_000]).into_owned();
        assert!(text.contains("<response>") && !text.contains("</response>"), "{text}");
        assert!(has_account(&server, "F1"));
    }
}

#[test]
fn a_slow_answer_is_whole_but_late() {
    let server = start();
    put(&server, &json!([{"kind": "slow", "ms": 120}]));
    let started = Instant::now();
    assert_eq!(Client::to(&server).post("/account/F1", "").status, 200);
    assert!(started.elapsed() >= Duration::from_millis(120));
}

#[test]
fn a_content_length_may_lie() {
    let server = start();
    put(&server, &json!([{"kind": "length_too_short"}, {"kind": "length_too_long", "on": 2}]));
    let mut client = Client::to(&server);
    let got = client.post("/account/F1", "");
    assert!(!got.body.contains("</response>") && got.body.starts_with("<?xml"), "{}", got.body);
    let mut client = Client::to(&server);
    client.send_get("/account").expect("sent");
    let document = client.read_until("</response>\n");
    let (head, body) = document.split_once("\r\n\r\n").expect("a head");
    let promised = format!("Content-Length: {}", body.len() + 100);
    assert!(head.lines().any(|line| line == promised), "{head}");
    assert!(client.is_silent(), "what was promised never comes");
}

#[test]
fn a_flood_of_header_fields_comes() {
    let server = start();
    put(&server, &json!([{"kind": "header_flood"}]));
    let got = Client::to(&server).get("/account");
    assert_eq!(got.head.lines().filter(|line| line.starts_with("X-Flood: ")).count(), 20_000);
}

#[test]
fn a_fault_strikes_the_request_that_matches_and_as_many_as_it_says() {
    let server = start();
    put(&server, &json!([{"kind": "status_503", "on": 2, "count": 2, "method": "POST", "path": "/user/"}]));
    let mut client = Client::to(&server);
    let mut statuses = |method: &str, path: &str| match method {
        "GET" => client.get(path).status,
        _ => client.post(path, "account=F1").status,
    };
    assert_eq!(statuses("POST", "/user/a"), 400);
    assert_eq!(statuses("GET", "/user/a"), 400);
    assert_eq!(statuses("POST", "/account/a"), 400);
    assert_eq!(statuses("POST", "/user/b"), 503);
    assert_eq!(statuses("POST", "/user/c"), 503);
    assert_eq!(statuses("POST", "/user/d"), 400);
    let faults: Vec<_> = server.log().iter().map(|entry| entry.fault).collect();
    let struck = Some(Kind::Status503);
    assert_eq!(faults, [None, None, None, struck, struck, None]);
}

#[test]
fn a_fault_for_ever_ends_when_faults_are_put_anew() {
    let server = start();
    put(&server, &json!([{"kind": "status_502", "count": null}]));
    let mut client = Client::to(&server);
    assert!((0..5).all(|_| client.get("/account").status == 502));
    put(&server, &json!([]));
    assert_eq!(client.get("/account").status, 200);
}

#[test]
fn of_two_faults_each_strikes_its_own_request() {
    let server = start();
    put(&server, &json!([{"kind": "status_500", "on": 1}, {"kind": "status_429", "on": 3}]));
    let mut client = Client::to(&server);
    let statuses: Vec<u16> = (0..4).map(|_| client.get("/account").status).collect();
    assert_eq!(statuses, [500, 200, 429, 200]);
}

#[test]
fn a_fault_that_is_none_is_refused_by_name() {
    for (fault, text) in [
        (json!([{"kind": "flood"}]), "flood"),
        (json!([{"kind": "hang", "when": 1}]), "when"),
        (json!([{"kind": "hang", "on": 0}]), "from 1"),
        (json!([{"kind": "hang", "method": "PUT"}]), "GET or POST"),
        (json!([{"kind": "answer", "status": 100}]), "200"),
        (json!({}), "faults"),
    ] {
        let error = Fault::list(&fault.to_string()).expect_err("refused");
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn faults_of_the_start_count_from_the_start() {
    let faults = vec![Fault { on: 2, ..Fault::new(Kind::Status403) }];
    let server = start_with(Options { faults, ..Options::default() });
    let mut client = Client::with(server.address(), trusting(&server)).expect("a connection");
    assert_eq!((client.get("/account").status, client.get("/account").status), (200, 403));
}

#[test]
fn a_stop_ends_whatever_is_under_way_at_once() {
    for kind in ["hang", "drip", "endless", "slow"] {
        let mut server = start();
        put(&server, &json!([{"kind": kind, "ms": 60_000}]));
        let mut client = Client::to(&server);
        client.send_get("/account").expect("sent");
        eventually("the request is logged", || server.log().len() == 1);
        let started = Instant::now();
        server.stop();
        assert!(started.elapsed() < Duration::from_secs(1), "{kind}: {:?}", started.elapsed());
        assert_eq!(server.connections().open, 0, "{kind}");
    }
}

#[test]
fn a_lie_strikes_the_request_that_it_is_put_for_and_no_other() {
    let server = start();
    put(&server, &json!([{"kind": "lie", "lie": "maintenance_done", "on": 2}]));
    let mut client = Client::to(&server);
    assert!(client.post("/account/F1", "").body.contains("account"));
    assert!(client.post("/account/F2", "").body.contains("<maintenance"));
    assert!(client.get("/account/F2").body.contains("F2"));
    let told: Vec<_> =
        server.log().into_iter().map(|entry| (entry.fault, entry.lie, entry.applied)).collect();
    let lie = (Some(Kind::Lie), Some(Lie::MaintenanceDone), true);
    assert_eq!(told, [(None, None, true), lie, (None, None, false)]);
}

#[test]
fn a_fault_that_is_a_lie_says_which() {
    for wrong in [r#"[{"kind": "lie"}]"#, r#"[{"kind": "hang", "lie": "list_cut"}]"#] {
        assert!(Fault::list(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn tickets_without_end_follow_a_whole_answer() {
    let server = start();
    put(&server, &json!([{"kind": "tickets"}]));
    let mut client = Client::to(&server);
    client.send_post("/account/F1", "").expect("sent");
    let got = client.read().expect("an answer");
    assert!(got.whole && got.body.contains("F1") && has_account(&server, "F1"));
    client.read_beneath(1_000_000).expect("tickets keep coming");
    assert_eq!(Client::to(&server).post("/account/F2", "").status, 200);
}
