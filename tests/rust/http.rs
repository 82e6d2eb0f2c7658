//! The HTTPS carrier against servers that do exactly what a test says.

mod alone;
mod answers;
pub mod certificates;
mod connecting;
mod connections;
mod descriptors;
mod flood;
mod host;
mod limits;
pub mod peer;
mod requests;
mod simulated;
mod trust;
mod unverified;

use certificates::{by_ca, local, Identity, Trusted};
use magicmail::http::{Endpoint, Https};
use magicmail::secret::Secret;
use magicmail::wire::{Answer, Carrier, Exchange, Failure, Method, Outcome, Request, Value};
use peer::{Line, Peer};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// A server with a good certificate, and a client that trusts it.
struct Pair {
    peer: Peer,
    https: Https,
    trusted: Trusted,
}

fn pair(serve: impl Fn(Line) + Send + Sync + 'static) -> Pair {
    pair_with(&by_ca(&local()), serve)
}

fn pair_with(identity: &Identity, serve: impl Fn(Line) + Send + Sync + 'static) -> Pair {
    let peer = Peer::tls(identity.server(), serve);
    let trusted = identity.trusted();
    let https = Https::new(endpoint(&peer, Some(&trusted))).unwrap();
    Pair { peer, https, trusted }
}

fn endpoint(peer: &Peer, trusted: Option<&Trusted>) -> Endpoint {
    Endpoint {
        machine: "127.0.0.1".to_owned(),
        port: peer.port(),
        client_id: "freeside".to_owned(),
        client_password: Secret::new("s3cret"),
        ca_file: trusted.map(|file| file.path().to_owned()),
        tls_insecure: false,
        connect_limit: Duration::from_secs(5),
        body_limit: 1024 * 1024,
    }
}

fn get(path: &[&str]) -> Request {
    request(Method::Get, path, &[])
}

fn post(path: &[&str], parameters: &[(&str, &str)]) -> Request {
    request(Method::Post, path, parameters)
}

fn request(method: Method, path: &[&str], parameters: &[(&str, &str)]) -> Request {
    let plain = |&(name, value): &(&str, &str)| (name.to_owned(), Value::Plain(value.to_owned()));
    let mut parameters: Vec<_> = parameters.iter().map(plain).collect();
    parameters.insert(0, ("client_type".to_owned(), Value::Plain("FREESIDE".to_owned())));
    Request {
        method,
        path: path.iter().map(|&segment| segment.to_owned()).collect(),
        parameters,
        body_limit: None,
    }
}

impl Pair {
    fn carry(&self, request: &Request) -> Outcome {
        one(&self.https, request, LIMIT)
    }

    fn body_of(&self, request: &Request) -> String {
        String::from_utf8(answered(self.carry(request)).body).unwrap()
    }
}

fn one(https: &Https, request: &Request, limit: Duration) -> Outcome {
    let exchanges = all(https, std::slice::from_ref(request), limit);
    exchanges.into_iter().next().unwrap().outcome
}

fn all(https: &Https, requests: &[Request], limit: Duration) -> Vec<Exchange> {
    https.carry(requests, limit, https.now() + limit * 3)
}

fn answered(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Answered(answer) => answer,
        other => panic!("not answered: {other:?}"),
    }
}

fn in_doubt(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::InDoubt(failure) => failure,
        other => panic!("not in doubt: {other:?}"),
    }
}

fn not_sent(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::NotSent(failure) => failure,
        other => panic!("not unsent: {other:?}"),
    }
}
