//! Answers of every shape, and what is none.

use super::*;
use magicmail::wire::FailureKind;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

const DOCUMENT: &str = "<?xml version=\"1.0\"?>\n<response><user id=\"JANE\"/></response>\n";

/// A server that sends `bytes` to each request, and then closes: with TLS's goodbye or without.
pub fn sends(bytes: impl Into<Vec<u8>>, goodbye: bool) -> Pair {
    let bytes = bytes.into();
    pair(move |mut line| {
        if line.request().is_some() {
            let _ = line.send(&bytes);
            if goodbye {
                line.close_notify();
            }
        }
    })
}

pub fn read() -> Request {
    get(&["user", "jane"])
}

pub fn write() -> Request {
    post(&["user", "jane"], &[("action", "update")])
}

fn chunked(version: &str) -> String {
    let (left, right) = DOCUMENT.split_at(17);
    format!(
        "{version} 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{left}\r\n{:X};note=1\r\n{right}\r\n0\r\nTrailer: 1\r\n\r\n",
        left.len(),
        right.len()
    )
}

#[test]
fn an_answer_is_read_in_every_framing_and_however_it_ends() {
    let length = format!("Content-Length: {}\r\n\r\n{DOCUMENT}", DOCUMENT.len());
    for head in [
        format!("HTTP/1.1 200 OK\r\n{length}"),
        format!("HTTP/1.0 200 OK\r\n{length}"),
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{length}"),
        format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n{length}"),
        format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n{length}"),
        format!("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\n{length}"),
        format!("HTTP/1.1 200 OK\r\n\r\n{DOCUMENT}"),
        format!("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{DOCUMENT}"),
        chunked("HTTP/1.1"),
    ] {
        for goodbye in [true, false] {
            let pair = sends(&*head, goodbye);
            for request in [read(), write()] {
                assert_eq!(pair.body_of(&request), DOCUMENT, "{head:?} goodbye: {goodbye}");
                pair.peer.wait_until_closed();
            }
        }
    }
}

#[test]
fn status_and_headers_are_handed_on() {
    let pair = sends("HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/x\r\nContent-Type: text/html; charset=UTF-8\r\nContent-Length: 2\r\n\r\nno", true);
    let answer = answered(pair.carry(&read()));
    assert_eq!(answer.status, 302);
    assert_eq!(answer.location.as_deref(), Some("https://elsewhere.example/x"));
    assert_eq!(answer.content_type.as_deref(), Some("text/html; charset=UTF-8"));
    assert_eq!(answer.body, b"no");
    assert_eq!(pair.peer.accepted(), 1);
}

#[test]
fn any_status_is_an_answer() {
    for status in [201, 204, 302, 304, 400, 401, 403, 404, 429, 500, 502, 503, 504, 599] {
        let pair = sends(format!("HTTP/1.1 {status} So\r\nContent-Length: 0\r\n\r\n"), true);
        assert_eq!(answered(pair.carry(&write())).status, status);
        assert_eq!(pair.peer.seen().len(), 1);
    }
}

#[test]
fn an_answer_without_a_body_is_whole() {
    for head in ["HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"] {
        // It is whole without the connection's end.
        let pair = pair(move |mut line| {
            line.request();
            let _ = line.send(head);
            line.wait_for_close();
        });
        assert_eq!(pair.body_of(&write()), "");
    }
    let closed = sends("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", true);
    assert_eq!(closed.body_of(&write()), "");
}

#[test]
fn an_answer_that_is_cut_short_is_in_doubt() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n<response>",
        "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<resp",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n<response/>\r\n",
    ] {
        for goodbye in [true, false] {
            let pair = sends(bytes, goodbye);
            let failure = in_doubt(pair.carry(&write()));
            assert_eq!(failure.kind, FailureKind::Closed, "{bytes:?}");
            let when = if bytes.is_empty() { "before it answered" } else { "in the middle of its answer" };
            assert_eq!(failure.text, format!("127.0.0.1 closed the connection {when}"));
            assert_eq!(pair.peer.seen().len(), 1, "a write is not sent again");
        }
    }
}

#[test]
fn without_goodbye_only_a_whole_document_ends_an_answer_that_ends_with_the_connection() {
    for (body, whole) in [
        (DOCUMENT, true),
        ("<response/>", true),
        ("\u{feff}<response>é</response>", true),
        ("<response><user id=\"JANE\"/></resp", false),
        ("<response><user id=\"JANE\"/>", false),
        ("", false),
    ] {
        for status in [200, 400, 500] {
            for coding in ["", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: gzip\r\n"] {
                let pair = sends(format!("HTTP/1.1 {status} So\r\n{coding}\r\n{body}"), false);
                match pair.carry(&write()) {
                    Outcome::Answered(answer) if whole => assert_eq!(answer.body, body.as_bytes()),
                    Outcome::InDoubt(failure) if !whole => assert_eq!(failure.kind, FailureKind::Closed),
                    other => panic!("{coding}{body:?}: {other:?}"),
                }
            }
        }
    }
    let latin1 =
        [b"HTTP/1.1 200 OK\r\n\r\n<?xml version='1.0' encoding='ISO-8859-1'?><a>", &[0xe9][..], b"</a>"];
    answered(sends(latin1.concat(), false).carry(&read()));
}

#[test]
fn a_status_that_says_all_needs_no_whole_body() {
    for status in [401, 403, 404, 502, 503] {
        let pair = sends(format!("HTTP/1.0 {status} So\r\n\r\n<html><body><br>Sorry"), false);
        assert_eq!(answered(pair.carry(&write())).status, status);
    }
}

#[test]
fn a_reset_in_the_middle_of_a_body_is_in_doubt() {
    let pair = pair(|mut line| {
        line.request();
        let _ = line.send("HTTP/1.1 200 OK\r\n\r\n<response><user");
        line.reset();
    });
    assert_eq!(in_doubt(pair.carry(&write())).kind, FailureKind::Closed);
}

#[test]
fn what_follows_an_answer_is_ignored_and_its_connection_not_used_again() {
    for (head, more) in [
        (
            format!("Content-Length: {}\r\n\r\n{DOCUMENT}", DOCUMENT.len()),
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        ),
        (format!("Content-Length: {}\r\n\r\n{DOCUMENT}", DOCUMENT.len()), "x"),
        (
            format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{DOCUMENT}\r\n0\r\n\r\n", DOCUMENT.len()),
            "evil",
        ),
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}{more}");
        let pair = pair(move |mut line| while line.request().is_some() && line.send(&bytes).is_ok() {});
        for n in 1..=3 {
            assert_eq!(pair.body_of(&write()), DOCUMENT);
            assert_eq!(pair.peer.accepted(), n);
        }
    }
}

#[test]
fn what_is_no_http_is_in_doubt() {
    for bytes in [
        "220 mail.example.net ESMTP\r\n",
        "<response/>\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 No\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let failure = in_doubt(sends(bytes, true).carry(&write()));
        assert_eq!(failure.kind, FailureKind::Protocol, "{bytes:?}: {}", failure.text);
        assert!(failure.text.starts_with("the answer of 127.0.0.1 is no HTTP ("), "{}", failure.text);
    }
}

/// Pieces of answers, and bytes that are none.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 500 No\r\n",
            "HTTP/1.1 204 No\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 101 Switching\r\n",
            "HTTP/1.1 302 Found\r\nLocation: /\r\n",
            "Content-Length: 4\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer-Encoding: gzip\r\n",
            "Connection: close\r\n",
            "\r\n",
            "4\r\n<a/>\r\n",
            "0\r\n\r\n",
            "0\r\n",
            "<a/>",
            "ffffffffffffffff\r\n",
            ": ",
            "\0",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

#[test]
fn whatever_comes_is_an_answer_or_a_doubt_and_the_next_request_is_answered() {
    let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
    let to_send = bytes.clone();
    let pair = pair(move |mut line| {
        while let Some(seen) = line.request() {
            let bytes = to_send.lock().unwrap().clone();
            if seen.line.starts_with("GET") {
                let _ = line.answer(DOCUMENT);
            } else if line.send(&bytes).is_err() || bytes.len() % 2 == 0 {
                return line.close_notify();
            } else {
                return;
            }
        }
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&pieces(), |sent| {
            *bytes.lock().unwrap() = sent;
            match pair.carry(&write()) {
                Outcome::Answered(_) => {}
                Outcome::InDoubt(failure) => {
                    prop_assert!(
                        matches!(failure.kind, FailureKind::Closed | FailureKind::Protocol),
                        "{failure:?}"
                    );
                    prop_assert!(!failure.text.contains("internal error"), "{failure:?}");
                }
                Outcome::NotSent(failure) => prop_assert!(false, "{failure:?}"),
            }
            prop_assert_eq!(pair.body_of(&read()), DOCUMENT);
            Ok(())
        })
        .unwrap();
}
