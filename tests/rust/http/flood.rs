//! Messages of TLS's own without end: session tickets, which a server may send whenever it likes.

use super::*;
use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305};
use rustls::{ConnectionTrafficSecrets, ExtractedSecrets};
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::channel;

/// Writes TLS 1.3 records in the place of a server's library, which sends only so many tickets.
struct Sealer {
    key: LessSafeKey,
    iv: [u8; 12],
    number: u64,
}

impl Sealer {
    fn new(secrets: ExtractedSecrets) -> Sealer {
        let (number, secrets) = secrets.tx;
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&CHACHA20_POLY1305, key, iv),
            _ => panic!("secrets of another kind"),
        };
        let length = algorithm.key_len();
        let key = LessSafeKey::new(UnboundKey::new(algorithm, &key.as_ref()[..length]).unwrap());
        Sealer { key, iv: iv.as_ref().try_into().unwrap(), number }
    }

    /// A record of handshake messages.
    fn record(&mut self, messages: &[u8]) -> Vec<u8> {
        let mut sealed = [messages, &[22]].concat();
        let length = u16::try_from(sealed.len() + 16).unwrap().to_be_bytes();
        let head = [23, 3, 3, length[0], length[1]];
        let mut nonce = self.iv;
        nonce.iter_mut().skip(4).zip(self.number.to_be_bytes()).for_each(|(byte, other)| *byte ^= other);
        self.number += 1;
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(head), &mut sealed).unwrap();
        [&head[..], &sealed].concat()
    }
}

/// A ticket of one byte, valid for an hour, with a nonce of one byte and no extensions.
const TICKET: [u8; 19] = [4, 0, 0, 15, 0, 0, 14, 16, 0, 0, 0, 0, 1, 0, 0, 1, 7, 0, 0];

fn flood(secrets: ExtractedSecrets, mut stream: TcpStream) {
    let mut sealer = Sealer::new(secrets);
    let messages = TICKET.repeat(800);
    while stream.write_all(&sealer.record(&messages)).is_ok() {}
}

fn flooding(answers: bool) -> Pair {
    let identity = by_ca(&local());
    let mut config = identity.server();
    config.enable_secret_extraction = true;
    let peer = Peer::tls(config, move |mut line| {
        line.request();
        if answers {
            let _ = line.answer("<a/>");
        }
        let (secrets, stream) = line.into_secrets();
        flood(secrets, stream);
    });
    let trusted = identity.trusted();
    let https = Https::new(endpoint(&peer, Some(&trusted))).unwrap();
    Pair { peer, https, trusted }
}

/// What comes of a request, which must come: with a limit of its own, for a test must end.
fn ends(pair: Pair, limit: Duration) -> (Pair, Outcome) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let request = Request { body_limit: Some(64 * 1024), ..get(&["user", "jane"]) };
        let outcome = one(&pair.https, &request, limit);
        let _ = sender.send((pair, outcome));
    });
    receiver.recv_timeout(peer::PATIENCE).expect("the request never ends")
}

#[test]
fn tickets_without_end_after_an_answer_cost_the_connection_and_no_more() {
    let mut pair = flooding(true);
    for count in 1..=2 {
        let outcome;
        (pair, outcome) = ends(pair, LIMIT);
        assert_eq!(answered(outcome).body, b"<a/>");
        assert_eq!(pair.peer.accepted(), count);
    }
}

#[test]
fn tickets_without_end_in_place_of_an_answer_are_too_long_for_one() {
    let (_pair, outcome) = ends(flooding(false), LIMIT);
    assert_eq!(in_doubt(outcome).text, "the answer of 127.0.0.1 has no end");
}
