//! What goes over the wire to a server that is not verified: the handshake, and nothing else. And `tls_insecure`,
//! which goes on all the same, and says so.

use super::alone::alone;
use super::certificates::{by_ca, local, names, self_signed, server, Identity};
use super::host::fork;
use super::*;
use magicmail::log::{Level, Sink};
use magicmail::operation::Export;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

/// A relay before `to`, and all the bytes that clients sent through it.
fn tapped(to: &Peer) -> (Peer, Arc<Mutex<Vec<u8>>>) {
    let address = to.address;
    let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = heard.clone();
    let relay = Peer::plain(move |mut client| {
        let mut server = TcpStream::connect(address).unwrap();
        let (mut back, mut away) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let _ = std::io::copy(&mut back, &mut away);
                let _ = away.shutdown(Shutdown::Both);
            });
            let mut buffer = [0; 16_384];
            while let Ok(n @ 1..) = client.read(&mut buffer) {
                kept.lock().unwrap().extend_from_slice(&buffer[..n]);
                if server.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            let _ = server.shutdown(Shutdown::Both);
        });
    });
    (relay, heard)
}

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// In TLS 1.3 an alert hides in such a record too.
const APPLICATION_DATA: u8 = 23;
/// Two bytes, the type of what is hidden, and the tag.
const HIDDEN_ALERT: usize = 2 + 1 + 16;

/// The records of TLS in `bytes`: type and length.
fn records(mut bytes: &[u8]) -> Vec<(u8, usize)> {
    let mut records = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let length = usize::from(*high) << 8 | usize::from(*low);
        records.push((*kind, length));
        bytes = &rest[length.min(rest.len())..];
    }
    records
}

fn tells(records: &[(u8, usize)]) -> bool {
    records.iter().any(|&(kind, length)| kind == APPLICATION_DATA && length > HIDDEN_ALERT)
}

/// The servers that are not believed, and how each is asked: identity, `ca_file`, name.
fn unbelieved() -> Vec<(&'static str, Identity, Option<Trusted>, &'static str)> {
    let expired = |mut params: rcgen::CertificateParams| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
        params
    };
    let other = || Some(by_ca(&local()).trusted());
    let with_its_own = |what, identity: Identity, name| {
        let trusted = identity.trusted();
        (what, identity, Some(trusted), name)
    };
    vec![
        ("an unknown issuer", by_ca(&local()), other(), "localhost"),
        ("no CA of the system's", by_ca(&local()), None, "localhost"),
        ("another self-signed one", self_signed(local()), other(), "127.0.0.1"),
        with_its_own("a wrong name", by_ca(&names(&["mail.example.net"])), "localhost"),
        with_its_own("a wrong address", by_ca(&names(&["localhost"])), "127.0.0.1"),
        with_its_own("an expired one", by_ca(&expired(local())), "localhost"),
    ]
}

#[test]
fn nothing_but_the_handshake_goes_to_a_server_that_is_not_verified() {
    for (what, identity, trusted, machine) in unbelieved() {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let config =
                server(&[version]).with_single_cert(identity.chain.clone(), identity.key.clone_key());
            let peer = Peer::tls(config.unwrap(), |mut line| line.answer_all("<response/>"));
            for tls_insecure in [false, true] {
                let (relay, heard) = tapped(&peer);
                let asked = Endpoint {
                    machine: machine.to_owned(),
                    tls_insecure,
                    ..endpoint(&relay, trusted.as_ref())
                };
                let https = Https::new(asked).unwrap();
                let outcome = one(&https, &post(&["user", "jane"], &[("password", "s3same")]), LIMIT);
                // Closes its connections, so that the tap has all of it.
                drop(https);
                relay.wait_until_closed();
                let records = records(&heard.lock().unwrap());
                if tls_insecure {
                    answered(outcome);
                    assert!(tells(&records), "the tap hears a request where there is one: {records:?}");
                    continue;
                }
                assert_eq!(not_sent(outcome).kind, magicmail::wire::FailureKind::Certificate, "{what}");
                let known = [CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA];
                assert!(records.iter().all(|(kind, _)| known.contains(kind)), "{what}: {records:?}");
                assert!(records.len() >= 2 && !tells(&records), "{what}, {version:?}: {records:?}");
            }
        }
    }
}

/// Warnings of a log.
#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Sink for Warnings {
    fn write(&self, level: Level, line: &str) {
        if level == Level::Warning {
            self.0.lock().unwrap().push(line.to_owned());
        }
    }
}

/// How often the certificate is warned about in three calls on a new handle, which all succeed.
fn warned(port: u16, client_id: &str) -> usize {
    let configuration = serde_json::json!({
        "machine": "127.0.0.1", "port": port, "client_id": client_id, "client_password": "s3cret",
        "tls_insecure": true,
    });
    let export = Export::new(&configuration.to_string()).unwrap();
    let warnings = Warnings::default();
    for _ in 0..3 {
        export.call("get_account", r#"{"id":"FREESIDE42"}"#, &warnings).unwrap();
    }
    let lines = warnings.0.into_inner().unwrap();
    assert!(lines.iter().all(|line| line.contains("127.0.0.1 is not verified (option tls_insecure)")));
    lines.len()
}

#[test]
fn tls_insecure_warns_once_per_process_and_export() {
    if !alone("http::unverified::tls_insecure_warns_once_per_process_and_export", &[]) {
        return;
    }
    let identity = self_signed(names(&["elsewhere.example"]));
    let record = "<r><account id=\"FREESIDE42\" status=\"active\"/></r>";
    let peer = Peer::tls(identity.server(), move |mut line| line.answer_all(record));
    let port = peer.port();
    assert_eq!(warned(port, "freeside"), 1);
    assert_eq!(warned(port, "freeside"), 0, "another handle of the same export");
    assert_eq!(warned(port, "another"), 1, "another export");
    assert!(fork(|| warned(port, "freeside") == 1 && warned(port, "freeside") == 0).has_succeeded());
    assert_eq!(warned(port, "freeside"), 0);
}
