//! Connections: kept, found dead, made anew, shared by threads, not by processes.

use super::*;
use magicmail::wire::FailureKind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier};

fn read() -> Request {
    get(&["user", "jane"])
}

fn write() -> Request {
    post(&["user", "jane"], &[("action", "update")])
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
fn connections_that_were_idle_for_long_are_closed_at_the_next_request() {
    let Pair { peer, https, trusted: _trusted } = together(3);
    let https = https.keeping_for(Duration::from_millis(300), LIMIT);
    assert_in_order(all(&https, &numbered(3), LIMIT));
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(peer.open(), 3);
    assert_in_order(all(&https, &numbered(3), LIMIT));
    assert_eq!((peer.accepted(), peer.open()), (6, 3));
}

#[test]
fn a_connection_that_is_old_is_replaced_however_busy_it_is() {
    let Pair { peer, https, trusted: _trusted } = pair(|mut line| line.answer_all("<a/>"));
    let https = https.keeping_for(LIMIT, Duration::from_millis(300));
    let end = std::time::Instant::now() + peer::PATIENCE;
    while peer.accepted() < 3 {
        assert!(std::time::Instant::now() < end, "it is kept for ever");
        answered(one(&https, &write(), LIMIT));
    }
    assert!(peer.seen().len() > 3, "and not for one request only");
}
