//! One request on one lane: sent, answered, and if not, what became of it.

use super::connect::Told;
use super::lanes::Lane;
use super::server::{form, Server};
use super::words;
use crate::markup::excess;
use crate::wire::{has_document, Answer, Failure, FailureKind, Method, Outcome, Request};
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use ureq::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, TRANSFER_ENCODING,
};
use ureq::http::{request, HeaderMap, HeaderName, Request as Head, Response, Uri, Version};
use ureq::{Body, Error};
use zeroize::Zeroizing;

/// Carries `request` over `lane`, and is back at `until` at the latest.
///
/// A connection that was kept may be dead without anybody's knowing. Where it shows that, the request is sent on
/// a fresh one: if nothing of it had left, or if it is a read and not a byte of an answer had come. A write that
/// may have left is never sent again.
pub fn exchange(lane: &Lane, server: &Server, request: &Request, until: Instant) -> Outcome {
    let within = left_until(until);
    if within.is_zero() {
        return Outcome::NotSent(words::no_time(server));
    }
    let ready = match Ready::new(server, request) {
        Ok(ready) => ready,
        Err(text) => return Outcome::NotSent(Failure { kind: FailureKind::Protocol, text }),
    };
    let notes = &lane.notes;
    let mut sent = false;
    loop {
        notes.begin(ready.body_limit);
        let failure = match attempt(lane, server, &ready, until) {
            Ok(answer) => return Outcome::Answered(answer),
            Err(error) => {
                told(&error).unwrap_or_else(|| words::of_exchange(&error, server, notes.is_heard(), within))
            }
        };
        sent |= notes.is_sent();
        let harmless = !notes.is_sent() || (request.method == Method::Get && !notes.is_heard());
        // A fresh connection is not tried twice, so that this ends.
        if !(harmless && failure.kind == FailureKind::Closed && !notes.is_fresh()) {
            return if sent { Outcome::InDoubt(failure) } else { Outcome::NotSent(failure) };
        }
    }
}

/// What was said when no connection could be made.
fn told(error: &Error) -> Option<Failure> {
    match error {
        Error::Other(inner) => inner.downcast_ref::<Told>().map(|told| told.0.clone()),
        _ => None,
    }
}

fn left_until(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// A request, encoded.
struct Ready {
    url: Uri,
    /// The form of a POST.
    body: Option<Zeroizing<String>>,
    body_limit: u64,
}

impl Ready {
    fn new(server: &Server, request: &Request) -> Result<Ready, String> {
        let form = form(request.parameters.iter().map(|(name, value)| (name.as_str(), value.reveal())));
        let body_limit = request.body_limit.unwrap_or(server.body_limit);
        Ok(match request.method {
            Method::Get => Ready { url: server.url(&request.path, Some(&form))?, body: None, body_limit },
            Method::Post => Ready { url: server.url(&request.path, None)?, body: Some(form), body_limit },
        })
    }

    fn head(&self, server: &Server) -> request::Builder {
        let head = Head::builder()
            .uri(self.url.clone())
            .header(AUTHORIZATION, server.authorization.clone())
            .header(ACCEPT_ENCODING, "identity");
        match self.body {
            None => head.method("GET"),
            Some(_) => head.method("POST").header(CONTENT_TYPE, "application/x-www-form-urlencoded"),
        }
    }
}

fn attempt(lane: &Lane, server: &Server, ready: &Ready, until: Instant) -> Result<Answer, Error> {
    let limit = Some(left_until(until));
    let head = ready.head(server);
    let agent = &lane.agent;
    let response = match &ready.body {
        None => agent.run(agent.configure_request(head.body(())?).timeout_global(limit).build()),
        Some(form) => {
            let request = head.body(form.as_bytes())?;
            agent.run(agent.configure_request(request).timeout_global(limit).build())
        }
    }?;
    answer(response, lane, ready.body_limit)
}

fn answer(response: Response<Body>, lane: &Lane, body_limit: u64) -> Result<Answer, Error> {
    let status = response.status().as_u16();
    let until_close = ends_by_closing(&response);
    let content_type = text_of(response.headers(), &CONTENT_TYPE);
    let location = text_of(response.headers(), &LOCATION);
    let body = response.into_body().into_with_config().limit(body_limit).read_to_vec()?;
    if until_close && !lane.notes.has_ended_cleanly() && has_document(status) && !is_whole(&body) {
        return Err(Error::Io(ErrorKind::UnexpectedEof.into()));
    }
    Ok(Answer { status, content_type, location, body })
}

fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether nothing but the connection's end says where the body ends.
fn ends_by_closing(response: &Response<Body>) -> bool {
    let headers = response.headers();
    let chunked = response.version() != Version::HTTP_10 && is_chunked(headers);
    !chunked && !headers.contains_key(CONTENT_LENGTH) && !matches!(response.status().as_u16(), 204 | 304)
}

/// As ureq finds it: among several codings, too.
fn is_chunked(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(TRANSFER_ENCODING).iter().filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("chunked"))
}

/// Whether an XML document has its end. Where it has, so has the answer: then a server that closes without TLS's
/// goodbye (many do) has cut nothing off. Read as windows-1252, unless a mark at its beginning says UTF-8 or
/// UTF-16: that shows the markup as it is, in any encoding that has ASCII in its place.
fn is_whole(body: &[u8]) -> bool {
    let (text, _, _) = encoding_rs::WINDOWS_1252.decode(body);
    excess(&text).is_none() && roxmltree::Document::parse(&text).is_ok()
}
