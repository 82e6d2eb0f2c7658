//! Connections: made, kept, found dead, made anew, shared by threads, not by processes.

use super::*;
use magicmail::wire::FailureKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::time::Instant;

fn read() -> Request {
    get(&["user", "jane"])
}

fn write() -> Request {
    post(&["user", "jane"], &[("action", "update")])
}

/// A client for what does not listen, or listens in its own way.
fn client(machine: &str, port: u16) -> Https {
    let peer = Peer::plain(drop);
    let endpoint = Endpoint {
        machine: machine.to_owned(),
        port,
        tls_insecure: true,
        connect_limit: Duration::from_millis(500),
        ..endpoint(&peer, None)
    };
    Https::new(endpoint).unwrap()
}

#[test]
fn nobody_there_is_told_and_nothing_sent() {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let failure = not_sent(one(&client("127.0.0.1", port), &write(), LIMIT));
    assert_eq!(failure.kind, FailureKind::Connect);
    assert_eq!(failure.text, format!("nobody answers at 127.0.0.1:{port} (connection refused)"));
    let failure = not_sent(one(&client("[::1]", port), &write(), LIMIT));
    assert_eq!(failure.kind, FailureKind::Connect);
    assert!(failure.text.starts_with(&format!("nobody answers at [::1]:{port} (")), "{}", failure.text);
}

#[test]
fn a_name_without_an_address_is_told() {
    let failure = not_sent(one(&client("nonexistent.invalid", 443), &write(), LIMIT));
    assert_eq!(failure.kind, FailureKind::Name);
    assert!(failure.text.contains("nonexistent.invalid"), "{}", failure.text);
}

#[test]
fn what_is_no_host_name_is_refused_at_once() {
    let peer = Peer::plain(drop);
    for machine in ["mail server", "mäil.example", "a..b", "[mail]", "127.0.0.1:443", "fe80::1%eth0"] {
        let endpoint = Endpoint { machine: machine.to_owned(), ..endpoint(&peer, None) };
        let error = Https::new(endpoint).err().unwrap();
        assert!(error.contains("(machine)") && error.contains(machine), "{error}");
    }
}

/// A queue of accepted connections that is full: the system answers no further attempt.
fn full() -> (TcpListener, Vec<std::net::TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // SAFETY: the descriptor is the listener's, which is open; listen only changes the length of its queue.
    assert_eq!(unsafe { libc::listen(std::os::fd::AsRawFd::as_raw_fd(&listener), 0) }, 0);
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
    }
    (listener, waiting)
}

#[test]
fn a_connection_that_is_not_made_in_time_is_given_up() {
    let (listener, _waiting) = full();
    let address: SocketAddr = listener.local_addr().unwrap();
    let started = Instant::now();
    let failure = not_sent(one(&client("127.0.0.1", address.port()), &write(), LIMIT));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(failure.kind, FailureKind::Connect);
    assert_eq!(
        failure.text,
        format!("no connection to {address} within 0.5 seconds; check the options machine and port")
    );
    let failure = not_sent(one(&client("127.0.0.1", address.port()), &write(), Duration::from_millis(200)));
    assert!(failure.text.contains("within 0.2 seconds"), "{}", failure.text);
}

#[test]
fn a_handshake_that_does_not_begin_is_given_up() {
    let peer = Peer::plain(|mut stream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let failure = not_sent(one(&client("127.0.0.1", peer.port()), &write(), LIMIT));
    assert_eq!(failure.kind, FailureKind::Connect);
    assert!(
        failure.text.contains("began no TLS within 0.5 seconds; check the option port"),
        "{}",
        failure.text
    );
}

#[test]
fn a_handshake_that_drips_is_given_up() {
    let peer = Peer::plain(|mut stream| {
        let hello = [&b"\x16\x03\x03\x20\x00\x02\x00\x1f\xfc"[..], &[0; 8_000]].concat();
        peer::drip(&mut stream, &hello, Duration::from_millis(50));
    });
    let started = Instant::now();
    let failure = not_sent(one(&client("127.0.0.1", peer.port()), &write(), LIMIT));
    assert!(started.elapsed() < Duration::from_millis(1_500), "{:?}", started.elapsed());
    assert_eq!(failure.kind, FailureKind::Connect);
}

#[test]
fn a_close_in_the_handshake_sent_nothing() {
    for read_first in [false, true] {
        let peer = Peer::plain(move |mut stream| {
            if read_first {
                let _ = std::io::Read::read(&mut stream, &mut [0; 4_096]);
            }
        });
        let failure = not_sent(one(&client("127.0.0.1", peer.port()), &write(), LIMIT));
        assert_eq!(failure.kind, FailureKind::Closed, "{}", failure.text);
        assert!(failure.text.contains("closed the connection before TLS was agreed on"), "{}", failure.text);
        assert_eq!(peer.accepted(), 1);
    }
}

#[test]
fn every_address_of_a_name_is_tried() {
    // `localhost` has ::1 before 127.0.0.1 on many machines; only one of the two listens.
    let pair = pair(|mut line| line.answer_all(""));
    let endpoint = Endpoint { machine: "localhost".to_owned(), ..endpoint(&pair.peer, Some(&pair.trusted)) };
    answered(one(&Https::new(endpoint).unwrap(), &write(), LIMIT));
}

#[test]
fn an_ipv6_address_is_taken_with_and_without_brackets() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    for machine in ["::1", "[::1]"] {
        let failure = not_sent(one(&client(machine, port), &write(), LIMIT));
        assert!(failure.text.contains(&format!("[::1]:{port}")), "{}", failure.text);
    }
}

#[test]
fn requests_after_each_other_share_a_connection() {
    let pair = pair(|mut line| line.answer_all("<a/>"));
    for _ in 0..5 {
        pair.body_of(&write());
        pair.body_of(&read());
    }
    assert_eq!(pair.peer.accepted(), 1);
}

#[test]
fn a_connection_that_the_server_ends_is_not_used_again() {
    for head in ["HTTP/1.1 200 OK\r\nConnection: close", "HTTP/1.0 200 OK"] {
        let pair = pair(move |mut line| {
            while line.request().is_some() {
                let _ = line.send(format!("{head}\r\nContent-Length: 0\r\n\r\n"));
            }
        });
        for n in 1..=3 {
            pair.body_of(&write());
            assert_eq!(pair.peer.accepted(), n);
        }
    }
    let kept = pair(|mut line| {
        while line.request().is_some() {
            let _ = line.send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
        }
    });
    kept.body_of(&write());
    kept.body_of(&write());
    assert_eq!(kept.peer.accepted(), 1);
}

#[test]
fn a_connection_that_was_closed_while_idle_is_replaced_and_nothing_lost() {
    for goodbye in [true, false] {
        let pair = pair(move |mut line| {
            line.request();
            let _ = line.answer("<a/>");
            if goodbye {
                line.close_notify();
            }
        });
        for n in 1..=5 {
            pair.body_of(&write());
            assert_eq!(pair.peer.seen().len(), n);
            pair.peer.wait_until_closed();
        }
        assert_eq!(pair.peer.accepted(), 5);
    }
}

/// Answers the first request of each connection, and closes at the second one, before any answer.
fn closes_at_the_second(mut line: Line, reset: bool) {
    line.request();
    let _ = line.answer("<a/>");
    line.request();
    if reset {
        line.reset();
    }
}

#[test]
fn a_read_that_a_kept_connection_swallowed_is_sent_once_more() {
    for reset in [false, true] {
        let pair = pair(move |line| closes_at_the_second(line, reset));
        pair.body_of(&read());
        assert_eq!(pair.body_of(&read()), "<a/>");
        assert_eq!((pair.peer.accepted(), pair.peer.seen().len()), (2, 3));
    }
}

#[test]
fn a_write_that_a_kept_connection_swallowed_is_in_doubt_and_never_sent_again() {
    for reset in [false, true] {
        let pair = pair(move |line| closes_at_the_second(line, reset));
        pair.body_of(&read());
        let failure = in_doubt(pair.carry(&write()));
        assert_eq!(failure.kind, FailureKind::Closed);
        assert_eq!(failure.text, "127.0.0.1 closed the connection before it answered");
        assert_eq!((pair.peer.accepted(), pair.peer.seen().len()), (1, 2));
    }
}

#[test]
fn a_read_is_not_sent_again_on_a_fresh_connection_nor_after_the_answer_began() {
    let fresh = pair(|mut line| drop(line.request()));
    assert_eq!(in_doubt(fresh.carry(&read())).kind, FailureKind::Closed);
    assert_eq!(fresh.peer.seen().len(), 1);
    let begun = pair(|mut line| {
        line.request();
        let _ = line.answer("<a/>");
        line.request();
        let _ = line.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<a");
    });
    begun.body_of(&read());
    assert_eq!(
        in_doubt(begun.carry(&read())).text,
        "127.0.0.1 closed the connection in the middle of its answer"
    );
    assert_eq!(begun.peer.seen().len(), 2);
}

#[test]
fn a_new_connection_resumes_the_tls_session() {
    let pair = pair(|mut line| {
        line.request();
        let _ = line.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    });
    for _ in 0..4 {
        pair.body_of(&write());
    }
    assert_eq!((pair.peer.accepted(), pair.peer.resumed()), (4, 3));
}

/// Answers only when `many` requests are there: they must be side by side.
fn together(many: usize) -> Pair {
    let barrier = Arc::new(Barrier::new(many));
    pair(move |mut line| {
        while let Some(seen) = line.request() {
            barrier.wait();
            let _ = line.answer(&seen.line);
        }
    })
}

fn numbered(count: usize) -> Vec<Request> {
    (0..count).map(|n| get(&["user", &n.to_string()])).collect()
}

fn assert_in_order(exchanges: Vec<Exchange>) {
    for (n, exchange) in exchanges.into_iter().enumerate() {
        let body = String::from_utf8(answered(exchange.outcome).body).unwrap();
        assert_eq!(body, format!("GET /api/v2/user/{n}?client_type=FREESIDE HTTP/1.1"));
    }
}

#[test]
fn several_requests_go_side_by_side_and_come_back_in_order() {
    for many in [2, 3, 4] {
        let pair = together(many);
        for _ in 0..3 {
            let exchanges = all(&pair.https, &numbered(many), LIMIT);
            assert_eq!(exchanges.len(), many);
            assert_in_order(exchanges);
        }
        assert_eq!(pair.peer.accepted(), many, "the connections are kept");
    }
}

#[test]
fn more_than_four_take_turns_on_four_connections() {
    let pair = together(4);
    assert_in_order(all(&pair.https, &numbered(24), LIMIT));
    assert_eq!(pair.peer.accepted(), 4);
    assert!(all(&pair.https, &[], LIMIT).is_empty());
}

#[test]
fn each_request_has_its_own_limit_and_its_own_outcome() {
    let pair = pair(|mut line| {
        while let Some(seen) = line.request() {
            if seen.line.contains("/user/1") {
                return line.wait_for_close();
            }
            let _ = line.answer(&seen.line);
        }
    });
    let mut exchanges = all(&pair.https, &numbered(6), Duration::from_millis(500));
    assert_eq!(in_doubt(exchanges.remove(1).outcome).kind, FailureKind::Timeout);
    for exchange in exchanges {
        answered(exchange.outcome);
    }
}

#[test]
fn a_request_that_found_no_lane_before_the_deadline_was_not_sent() {
    let pair = pair(|mut line| {
        line.request();
        line.wait_for_close();
    });
    let limit = Duration::from_millis(300);
    let exchanges = pair.https.carry(&numbered(6), LIMIT, pair.https.now() + limit);
    let outcomes: Vec<_> = exchanges.into_iter().map(|exchange| exchange.outcome).collect();
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::InDoubt(_))).count(), 4);
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Outcome::NotSent(_))).count(), 2);
}

#[test]
fn eight_threads_on_one_handle_share_four_connections() {
    let pair = pair(|mut line| {
        while let Some(seen) = line.request() {
            let _ = line.answer(&seen.line);
        }
    });
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..20 {
                    assert_in_order(all(&pair.https, &numbered(1 + round % 5), LIMIT));
                    done.fetch_add(1, SeqCst);
                }
            });
        }
    });
    assert_eq!(done.load(SeqCst), 160);
    assert_eq!(pair.peer.seen().len(), 8 * 4 * 15);
    assert!(pair.peer.accepted() <= 4, "{} connections", pair.peer.accepted());
}

#[test]
fn a_connection_that_breaks_at_the_moment_of_a_write_loses_and_doubles_nothing() {
    let rounds = AtomicUsize::new(0);
    let pair = pair(move |mut line| {
        line.request();
        let _ = line.answer("<a/>");
        // Reset before, while, or after the next request is on its way.
        for _ in 0..rounds.fetch_add(1, SeqCst) % 100 * 20 {
            std::hint::spin_loop();
        }
        line.reset();
    });
    let (mut answered, mut doubted) = (0, 0);
    for n in 0..1_000 {
        match pair.carry(&post(&["user", &n.to_string()], &[])) {
            Outcome::Answered(_) => answered += 1,
            Outcome::InDoubt(failure) => {
                assert_eq!(failure.kind, FailureKind::Closed);
                doubted += 1;
            }
            Outcome::NotSent(failure) => panic!("the server was there all the time: {failure:?}"),
        }
    }
    let mut lines: Vec<String> = pair.peer.seen().into_iter().map(|seen| seen.line).collect();
    let arrived = lines.len();
    lines.sort();
    lines.dedup();
    println!("{answered} answered, {doubted} in doubt, {arrived} arrived");
    assert_eq!(lines.len(), arrived, "a write arrived twice");
    assert!(arrived >= answered && answered + doubted == 1_000);
}

#[test]
#[ignore = "takes 13 seconds"]
fn a_connection_that_was_idle_for_long_is_not_used_again() {
    let pair = pair(|mut line| line.answer_all(""));
    pair.body_of(&write());
    std::thread::sleep(Duration::from_millis(12_500));
    pair.body_of(&write());
    assert_eq!(pair.peer.accepted(), 2);
}
