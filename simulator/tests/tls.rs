//! Certificates and TLS sessions.

use crate::client::{eventually, start, start_with, trusting, Client, LIMIT};
use magicmail_simulator::{CertificateKind, HighestTls, Options, Server};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ProtocolVersion, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

fn with(certificate: CertificateKind) -> Server {
    start_with(Options { certificate, ..Options::default() })
}

/// Why a client that trusts `ca_file` does not talk to the server.
fn refusal(server: &Server) -> String {
    match Client::with(server.address(), trusting(server)) {
        Ok(_) => "none".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_client_that_trusts_the_ca_or_the_very_certificate_talks_to_the_server() {
    assert_eq!(refusal(&with(CertificateKind::Ca)), "none");
    assert_eq!(refusal(&with(CertificateKind::SelfSigned)), "none");
}

#[test]
fn certificates_are_wrong_in_the_way_that_they_should_be() {
    for (kind, text) in [
        (CertificateKind::SelfSignedCa, "CaUsedAsEndEntity"),
        (CertificateKind::WrongName, "mail.wrong-name.example"),
        (CertificateKind::CnOnly, "not valid for name"),
        (CertificateKind::Expired, "expired"),
        (CertificateKind::UnknownIssuer, "UnknownIssuer"),
    ] {
        let server = with(kind);
        let error = refusal(&server);
        assert!(error.contains(text), "{kind:?}: {error}");
        eventually("it is counted", || server.connections().handshakes_failed == 1);
    }
}

#[test]
fn certificates_are_for_names_and_addresses_and_more_hosts_if_asked() {
    let server = start_with(Options { hosts: vec!["mail.isp.example".to_owned()], ..Options::default() });
    for (name, fits) in
        [("localhost", true), ("::1", true), ("mail.isp.example", true), ("isp.example", false)]
    {
        let name = ServerName::try_from(name).expect("a name");
        let connection = ClientConnection::new(trusting(&server), name.clone()).expect("a client");
        let socket = TcpStream::connect(server.address()).expect("a connection");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        let mut stream = StreamOwned::new(connection, socket);
        assert_eq!(stream.flush().is_ok(), fits, "{name:?}");
    }
}

#[test]
fn openssl_finds_the_certificates_as_described() {
    let describe = |server: &Server| {
        let file = server.directory().join("certificate.pem");
        let output = Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(file).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let Ok(leaf) = describe(&with(CertificateKind::SelfSigned)) else {
        return eprintln!("skipped: there is no openssl");
    };
    assert!(leaf.contains("CA:FALSE") && leaf.contains("DNS:localhost, IP Address:127.0.0.1"), "{leaf}");
    let as_openssl = describe(&with(CertificateKind::SelfSignedCa)).expect("openssl");
    assert!(as_openssl.contains("CA:TRUE"), "{as_openssl}");
    let cn_only = describe(&with(CertificateKind::CnOnly)).expect("openssl");
    assert!(!cn_only.contains("Alternative") && cn_only.contains("CN = localhost"), "{cn_only}");
}

#[test]
fn sessions_are_resumed_and_counted() {
    for highest_tls in [HighestTls::V12, HighestTls::V13] {
        let server = start_with(Options { highest_tls, ..Options::default() });
        let configuration = trusting(&server);
        for _ in 0..3 {
            let mut client = Client::with(server.address(), configuration.clone()).expect("a connection");
            assert_eq!(client.get("/account").status, 200);
        }
        let counters = server.connections();
        assert_eq!((counters.opened, counters.resumed), (3, 2), "{highest_tls:?}");
    }
}

#[test]
fn tls_1_2_may_be_the_highest() {
    let server = start_with(Options { highest_tls: HighestTls::V12, ..Options::default() });
    let connection = ClientConnection::new(trusting(&server), ServerName::from(server.address().ip()));
    let socket = TcpStream::connect(server.address()).expect("a connection");
    let mut stream = StreamOwned::new(connection.expect("a client"), socket);
    stream.conn.complete_io(&mut stream.sock).expect("a handshake");
    assert_eq!(stream.conn.protocol_version(), Some(ProtocolVersion::TLSv1_2));
}

#[test]
fn what_comes_over_a_connection_whose_handshake_failed_is_noted() {
    let server = start();
    let mut plain = TcpStream::connect(server.address()).expect("a connection");
    plain.set_read_timeout(Some(LIMIT)).expect("a limit");
    plain.write_all(b"GET / HTTP/1.1\r\nAuthorization: Basic x\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    drop(plain);
    eventually("it is noted", || server.failures().len() == 1);
    let failure = server.failures().remove(0);
    assert!(failure.received.contains("Authorization: Basic x"), "{failure:?}");
    assert_eq!((server.connections().handshakes_failed, server.log().len()), (1, 0));
}

#[test]
fn a_client_that_does_not_trust_sends_nothing_but_its_handshake() {
    let server = with(CertificateKind::UnknownIssuer);
    assert!(refusal(&server).contains("UnknownIssuer"));
    eventually("it is noted", || server.failures().len() == 1);
    let failure = server.failures().remove(0);
    assert!(failure.error.contains("alert") && failure.received_bytes > 0, "{failure:?}");
    assert!(!failure.received.contains("Authorization"), "{failure:?}");
}

#[test]
fn without_tls_it_speaks_plain_http_and_notes_a_handshake() {
    let server = with(CertificateKind::None);
    assert!(server.url().starts_with("http://127.0.0.1:"));
    let mut plain = TcpStream::connect(server.address()).expect("a connection");
    plain.write_all(b"GET /api/v2/account HTTP/1.1\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    plain.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert_ne!(refusal(&server), "none");
    eventually("it is noted", || server.failures().len() == 1);
    assert!(server.failures()[0].received.starts_with('\u{16}'));
}
