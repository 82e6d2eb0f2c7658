//! Connections that cannot be made, and what is said of them.

use super::*;
use magicmail::wire::FailureKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Instant;

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
