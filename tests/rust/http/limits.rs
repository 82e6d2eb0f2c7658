//! Too long, too slow, without end: what a request may cost.

use super::answers::{read, sends, write};
use super::*;
use magicmail::wire::FailureKind;
use std::time::Instant;

#[test]
fn a_flood_of_headers_is_refused() {
    let many = "X-Header: value\r\n".repeat(5_000);
    let long = format!("X-Header: {}\r\n", "x".repeat(200_000));
    let endless = "X".repeat(300_000);
    for head in [many, long, endless] {
        let failure = in_doubt(sends(format!("HTTP/1.1 200 OK\r\n{head}"), true).carry(&write()));
        assert_eq!(failure.kind, FailureKind::Protocol, "{}", failure.text);
    }
    let trailer = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: {}\r\n\r\n",
        "x".repeat(300_000)
    );
    assert_eq!(in_doubt(sends(trailer, true).carry(&write())).kind, FailureKind::Protocol);
}

#[test]
fn the_longest_head_is_read_and_a_longer_one_refused() {
    let with_head_of = |length: usize| {
        let (start, end) = ("HTTP/1.1 200 OK\r\nX: ", "\r\nContent-Length: 4\r\n\r\n");
        let filling = "x".repeat(length - start.len() - end.len());
        sends(format!("{start}{filling}{end}<a/>"), true).carry(&write())
    };
    let longest = 32 * 1024;
    assert_eq!(answered(with_head_of(longest)).body, b"<a/>");
    for length in [longest + 1, longest + 8_000, 2 * longest - 1_000] {
        let failure = in_doubt(with_head_of(length));
        assert_eq!(failure.kind, FailureKind::Protocol);
        assert_eq!(failure.text, "the answer of 127.0.0.1 has a head that is too long", "{length}");
    }
}

/// What follows `start` without end, faster than it can be read.
fn floods(start: &'static str, piece: &'static str) -> Failure {
    let pair = pair(move |mut line| {
        line.request();
        let _ = line.send(start);
        while line.send(piece.repeat(200)).is_ok() {}
    });
    in_doubt(pair.carry(&Request { body_limit: Some(64 * 1024), ..write() }))
}

#[test]
fn a_flood_beside_the_body_is_refused_when_it_is_too_long() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    for (start, piece) in [("", "HTTP/1.1 103 Early Hints\r\n\r\n"), (chunks, "X: trailer\r\n")] {
        let failure = floods(start, piece);
        assert_eq!(failure.kind, FailureKind::Protocol);
        assert_eq!(failure.text, "the answer of 127.0.0.1 has no end");
    }
}

#[test]
fn a_chunk_whose_length_never_ends_is_refused() {
    let failure = floods("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0000");
    assert_eq!(failure.kind, FailureKind::Protocol);
    assert_eq!(failure.text, "the answer of 127.0.0.1 has a line that is too long");
}

#[test]
fn the_longest_body_is_read_in_chunks_of_one_byte() {
    let longest = 64 * 1024;
    let body = "1\r\nx\r\n".repeat(longest);
    let answer = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\n\r\n");
    let request = Request { body_limit: Some(longest as u64), ..read() };
    assert_eq!(answered(sends(answer, true).carry(&request)).body.len(), longest);
}

#[test]
fn the_longest_body_is_read_and_a_longer_one_refused() {
    let longest = 1024 * 1024;
    for head in ["Content-Length: LENGTH\r\n\r\n", "Connection: close\r\n\r\n"] {
        let answer = move |length: usize| {
            let head = head.replace("LENGTH", &length.to_string());
            format!("HTTP/1.1 200 OK\r\n{head}{}", "x".repeat(length))
        };
        assert_eq!(answered(sends(answer(longest), true).carry(&read())).body.len(), longest);
        let failure = in_doubt(sends(answer(longest + 1), true).carry(&read()));
        assert_eq!(failure.kind, FailureKind::Protocol);
        assert_eq!(failure.text, "the answer of 127.0.0.1 is longer than 1 MB");
    }
}

#[test]
fn a_body_without_end_is_refused_when_it_is_too_long() {
    for head in ["Connection: close\r\n\r\n", "Content-Length: 18446744073709551615\r\n\r\n"] {
        let pair = pair(move |mut line| {
            line.request();
            let _ = line.send(format!("HTTP/1.1 200 OK\r\n{head}"));
            while line.send("<user/>".repeat(1_000)).is_ok() {}
        });
        assert_eq!(in_doubt(pair.carry(&write())).kind, FailureKind::Protocol);
    }
}

#[test]
fn the_limit_holds_for_the_whole_request_however_slowly_it_drips() {
    let drip = |line: &mut Line, text: &str| {
        for byte in text.as_bytes() {
            std::thread::sleep(Duration::from_millis(50));
            if line.send([*byte]).is_err() {
                break;
            }
        }
    };
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    let in_the_head = pair(move |mut line| {
        line.request();
        drip(&mut line, &head.repeat(20));
    });
    let in_the_body = pair(move |mut line| {
        line.request();
        let _ = line.send(head);
        drip(&mut line, &"x".repeat(1_000));
    });
    let until_close = pair(move |mut line| {
        line.request();
        let _ = line.send("HTTP/1.1 200 OK\r\n\r\n");
        drip(&mut line, &" ".repeat(1_000));
    });
    let in_a_record = pair(move |mut line| {
        line.request();
        line.drip_record(head.repeat(20), Duration::from_millis(50));
    });
    for pair in [in_the_head, in_the_body, until_close, in_a_record] {
        let started = Instant::now();
        let failure = in_doubt(one(&pair.https, &write(), Duration::from_millis(600)));
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(590) && took < Duration::from_millis(1_500), "{took:?}");
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert_eq!(failure.text, "127.0.0.1 did not answer within 0.6 seconds");
    }
}

#[test]
fn a_hang_ends_with_the_limit_and_with_the_deadline() {
    let pair = pair(|mut line| {
        line.request();
        line.wait_for_close();
    });
    let started = Instant::now();
    assert_eq!(
        in_doubt(one(&pair.https, &write(), Duration::from_secs(1))).text,
        "127.0.0.1 did not answer within 1 second"
    );
    let deadline = pair.https.now() + Duration::from_millis(300);
    let exchange = pair.https.carry(&[write()], LIMIT, deadline).pop().unwrap();
    assert_eq!(in_doubt(exchange.outcome).kind, FailureKind::Timeout);
    assert!(exchange.elapsed < Duration::from_secs(1), "{:?}", exchange.elapsed);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn after_the_deadline_nothing_is_sent() {
    let pair = pair(|mut line| line.answer_all(""));
    for deadline in [Duration::ZERO, pair.https.now()] {
        let exchanges = pair.https.carry(&[write(), read()], LIMIT, deadline);
        assert_eq!(exchanges.len(), 2);
        for exchange in exchanges {
            let failure = not_sent(exchange.outcome);
            assert_eq!(failure.kind, FailureKind::Timeout);
            assert_eq!(failure.text, "there was no time left to ask 127.0.0.1");
        }
    }
    assert_eq!(pair.peer.accepted(), 0);
}
