//! The carrier against the simulated MagicMail server: its certificates, its ways to answer, its faults.

use super::*;
use magicmail::wire::FailureKind;
use magicmail_simulator::{CertificateKind, Credentials, Fault, HighestTls, Kind, Options, Server};
use serde_json::json;
use std::time::Instant;

fn simulator(options: Options) -> (Server, Https) {
    let server =
        Server::start(Options { client: Credentials::new("freeside", "s3cret"), ..options }).unwrap();
    let https = Https::new(Endpoint {
        machine: "localhost".to_owned(),
        port: server.address().port(),
        client_id: "freeside".to_owned(),
        client_password: Secret::new("s3cret"),
        ca_file: Some(server.ca_file()),
        tls_insecure: false,
        connect_limit: Duration::from_secs(5),
        body_limit: 1024 * 1024,
    })
    .unwrap();
    (server, https)
}

fn write(account: &str) -> Request {
    post(&["account", account], &[("first_name", "Ann Ö"), ("last_name", "Lee & Sons")])
}

fn read(account: &str) -> Request {
    get(&["account", account])
}

fn text(outcome: Outcome) -> String {
    String::from_utf8(answered(outcome).body).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let (server, https) = simulator(Options::default());
    assert!(text(one(&https, &write("A 1/2"), LIMIT)).contains("A 1/2"));
    let body = text(one(&https, &read("A 1/2"), LIMIT));
    assert!(body.contains("Ann Ö") && body.contains("Lee &amp; Sons"), "{body}");
    let log = server.log();
    assert_eq!(log[0].path, "/account/A 1/2");
    assert_eq!(log[0].parameters["last_name"], "Lee & Sons");
    assert_eq!(log[0].parameters["client_type"], "FREESIDE");
    assert!(log.iter().all(|entry| entry.authorized && entry.connection == log[0].connection));
}

#[test]
fn every_way_to_send_an_answer_is_understood() {
    let (server, https) = simulator(Options::default());
    let mut count = 0;
    for body in ["length", "chunked", "close"] {
        for http in ["1.0", "1.1"] {
            for close_notify in [true, false] {
                for keep_alive in [true, false] {
                    let modes = json!({ "body": body, "http": http, "close_notify": close_notify, "keep_alive": keep_alive });
                    server.change_modes(&modes).unwrap();
                    for _ in 0..2 {
                        count += 1;
                        let id = format!("A{count}");
                        assert!(text(one(&https, &write(&id), LIMIT)).contains(&id), "{modes}");
                        assert!(text(one(&https, &read(&id), LIMIT)).contains(&id), "{modes}");
                    }
                }
            }
        }
    }
    let log = server.log();
    assert_eq!(log.len(), 2 * count);
    assert_eq!(log.iter().filter(|entry| entry.applied).count(), count);
}

#[test]
fn its_certificates_are_believed_or_refused() {
    use CertificateKind::{Ca, CnOnly, Expired, SelfSigned, SelfSignedCa, UnknownIssuer, WrongName};
    for (certificate, refused) in [
        (Ca, ""),
        (SelfSigned, ""),
        (SelfSignedCa, ""),
        (CnOnly, "for no host at all"),
        (WrongName, "not for localhost"),
        (Expired, "has expired"),
        (UnknownIssuer, "is not signed by the CA in"),
    ] {
        for highest_tls in [HighestTls::V12, HighestTls::default()] {
            let (server, https) = simulator(Options { certificate, highest_tls, ..Options::default() });
            let outcome = one(&https, &write("A1"), LIMIT);
            if refused.is_empty() {
                answered(outcome);
                continue;
            }
            let failure = not_sent(outcome);
            assert_eq!(failure.kind, FailureKind::Certificate);
            assert!(failure.text.contains(refused), "{certificate:?}: {}", failure.text);
            assert!(server.log().is_empty());
            let received: String = server.failures().into_iter().map(|failure| failure.received).collect();
            assert!(!received.contains("uthorization"), "{received}");
        }
    }
}

#[test]
fn a_server_without_tls_is_told() {
    let (server, https) = simulator(Options { certificate: CertificateKind::None, ..Options::default() });
    let failure = not_sent(one(&https, &write("A1"), LIMIT));
    // Where it closes without a word, nothing more is known.
    assert!(failure.text.contains("speaks no TLS: check the options machine and port"), "{}", failure.text);
    let received: String = server.failures().into_iter().map(|failure| failure.received).collect();
    assert!(!received.contains("uthorization"), "{received}");
}

/// What becomes of a write on a kept connection.
#[derive(Debug)]
enum Expected {
    Status(u16),
    NotSent,
    InDoubt(&'static [FailureKind]),
}

/// The idle connection is closed by its own thread, when that comes to it.
fn wait_until_closed(server: &Server) {
    let end = Instant::now() + peer::PATIENCE;
    while server.connections().open > 0 {
        assert!(Instant::now() < end, "a connection stays open");
        std::thread::yield_now();
    }
}

#[test]
fn each_fault_is_told_as_what_it_is_and_a_write_never_sent_twice() {
    use Expected::{InDoubt, NotSent, Status};
    use FailureKind::{Closed, Protocol, Timeout};
    for (kind, expected) in [
        (Kind::Refused, NotSent),
        (Kind::Gone, NotSent),
        (Kind::CloseIdle, Status(200)),
        (Kind::DropBefore, InDoubt(&[Closed])),
        (Kind::DropAfter, InDoubt(&[Closed])),
        (Kind::CutShort, InDoubt(&[Closed])),
        (Kind::Garbage, Status(200)),
        (Kind::GarbageAfter, Status(200)),
        (Kind::Status401, Status(401)),
        (Kind::Status403, Status(403)),
        (Kind::Status429, Status(429)),
        (Kind::Status500, Status(500)),
        (Kind::Status502, Status(502)),
        (Kind::Status503, Status(503)),
        (Kind::Status504, Status(504)),
        (Kind::Status500After, Status(500)),
        (Kind::Status502After, Status(502)),
        (Kind::ErrorDocument, Status(200)),
        (Kind::EmptyBody, Status(200)),
        (Kind::EmptyBodyBefore, Status(200)),
        (Kind::Hang, InDoubt(&[Timeout])),
        (Kind::HangAfter, InDoubt(&[Timeout])),
        (Kind::Drip, InDoubt(&[Timeout])),
        (Kind::Endless, InDoubt(&[Protocol, Timeout])),
        (Kind::Redirect, Status(302)),
        (Kind::WebPage, Status(200)),
        (Kind::NoRecord, Status(200)),
        (Kind::LengthTooLong, InDoubt(&[Timeout])),
        (Kind::LengthTooShort, Status(200)),
        (Kind::HeaderFlood, InDoubt(&[Protocol])),
    ] {
        let (server, https) = simulator(Options::default());
        answered(one(&https, &read("A1"), LIMIT));
        server.set_faults(vec![Fault::new(kind)]);
        if matches!(kind, Kind::Refused | Kind::Gone | Kind::CloseIdle) {
            wait_until_closed(&server);
        }
        let outcome = one(&https, &write("A1"), Duration::from_millis(700));
        match (&expected, &outcome) {
            (Status(status), Outcome::Answered(answer)) if answer.status == *status => {}
            (NotSent, Outcome::NotSent(failure)) if failure.kind == FailureKind::Connect => {}
            (InDoubt(kinds), Outcome::InDoubt(failure)) if kinds.contains(&failure.kind) => {}
            _ => panic!("{kind:?}: {expected:?} expected, {outcome:?} found"),
        }
        let writes = server.log().into_iter().filter(|entry| entry.method == "POST").count();
        assert_eq!(writes, usize::from(!matches!(expected, NotSent)), "{kind:?}");
        if !matches!(kind, Kind::Refused | Kind::Gone) {
            assert!(
                text(one(&https, &read("A1"), LIMIT)).len() > 10,
                "{kind:?}: the next request is answered"
            );
        }
    }
}

#[test]
fn a_read_that_was_dropped_on_a_kept_connection_is_answered_after_all() {
    let (server, https) = simulator(Options::default());
    answered(one(&https, &write("A1"), LIMIT));
    server.set_faults(vec![Fault::new(Kind::DropBefore)]);
    assert!(text(one(&https, &read("A1"), LIMIT)).contains("A1"));
    assert_eq!(server.log().len(), 3);
}

#[test]
fn side_by_side_four_connections_are_made_and_kept() {
    let (server, https) = simulator(Options::default());
    server.change_modes(&json!({ "latency_ms": 40 })).unwrap();
    for _ in 0..3 {
        let requests: Vec<Request> = (0..8).map(|n| write(&format!("A{n}"))).collect();
        for exchange in all(&https, &requests, LIMIT) {
            answered(exchange.outcome);
        }
    }
    let counters = server.connections();
    assert_eq!((counters.opened, counters.requests, counters.handshakes_failed), (4, 24, 0));
}
