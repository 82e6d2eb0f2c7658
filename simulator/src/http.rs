//! HTTP on the server's side: bytes → request, request → what it asks of the API, answer → bytes.

use crate::modes::{Body, Http, Modes};
use crate::request::{ApiRequest, Credentials, Method};
use base64::Engine as _;
use percent_encoding::percent_decode_str;
use std::io::{self, Read};

/// A longer head is no client's of ours; a longer body neither (states of tests are sent here, too).
const LONGEST_HEAD: usize = 64 * 1024;
const LONGEST_BODY: usize = 256 * 1024 * 1024;

pub struct Received {
    pub method: String,
    pub target: String,
    /// HTTP/1.1, not 1.0.
    pub modern: bool,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Requests as they come over one connection.
#[derive(Default)]
pub struct Incoming {
    buffer: Vec<u8>,
}

impl Incoming {
    /// The next request; None where the client has closed the connection between two.
    pub fn next(&mut self, stream: &mut impl Read) -> io::Result<Option<Received>> {
        let (mut received, head) = loop {
            if let Some(head) = parse_head(&self.buffer)? {
                break head;
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(bad("the head of the request is too long"));
            }
            if !self.fill(stream)? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(bad("half a request")) };
            }
        };
        let length = received.body_length()?;
        while self.buffer.len() < head + length {
            if !self.fill(stream)? {
                return Err(bad("half a request"));
            }
        }
        received.body = self.buffer[head..head + length].to_vec();
        self.buffer.drain(..head + length);
        Ok(Some(received))
    }

    /// What has come and was no whole request.
    pub fn rest(&self) -> &[u8] {
        &self.buffer
    }

    fn fill(&mut self, stream: &mut impl Read) -> io::Result<bool> {
        let mut piece = [0; 16 * 1024];
        match stream.read(&mut piece) {
            Ok(read) => {
                self.buffer.extend_from_slice(&piece[..read]);
                Ok(read > 0)
            }
            // So TLS says that the connection was closed without a close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn bad(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// The request without its body, and how many bytes its head has; None where the head is not whole yet.
fn parse_head(buffer: &[u8]) -> io::Result<Option<(Received, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(buffer) {
        Ok(httparse::Status::Partial) => Ok(None),
        Err(error) => Err(bad(&format!("no HTTP request: {error}"))),
        Ok(httparse::Status::Complete(length)) => {
            let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
            let headers = request.headers.iter().map(|h| (h.name.to_ascii_lowercase(), text(h.value)));
            let received = Received {
                method: request.method.unwrap_or_default().to_owned(),
                target: request.path.unwrap_or_default().to_owned(),
                modern: request.version == Some(1),
                headers: headers.collect(),
                body: Vec::new(),
            };
            Ok(Some((received, length)))
        }
    }
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn body_length(&self) -> io::Result<usize> {
        if self.header("transfer-encoding").is_some() {
            return Err(bad("a request body needs a Content-Length"));
        }
        let length = match self.header("content-length") {
            None => 0,
            Some(text) => text.trim().parse().map_err(|_| bad("a bad Content-Length"))?,
        };
        if length > LONGEST_BODY {
            return Err(bad("the body of the request is too long"));
        }
        Ok(length)
    }

    /// Whether the client wants to keep the connection.
    pub fn keeps(&self) -> bool {
        let says = |word: &str| {
            let tokens = self.header("connection").unwrap_or_default().split(',');
            tokens.into_iter().any(|token| token.trim().eq_ignore_ascii_case(word))
        };
        !says("close") && (self.modern || says("keep-alive"))
    }

    /// What it asks of the API; the text says what is wrong with it otherwise.
    pub fn api_request(&self) -> (ApiRequest, Option<String>) {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let form = String::from_utf8_lossy(&self.body);
        let mut wrong = self.wrong_form(query).map(str::to_owned);
        let mut note = |text: &str| wrong = Some(text.to_owned());
        let below = path.strip_prefix("/api/v2").filter(|rest| rest.starts_with('/')).unwrap_or_else(|| {
            note("nothing is served outside of /api/v2");
            path
        });
        let mut path = Vec::new();
        for segment in below.split('/').skip(1) {
            path.push(decoded(segment).unwrap_or_else(|| {
                note("the path is not UTF-8");
                String::from_utf8_lossy(&percent_decode_str(segment).collect::<Vec<u8>>()).into_owned()
            }));
        }
        let mut parameters = Vec::new();
        for pair in query.split('&').chain(form.split('&')).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " "))) {
                (Some(name), Some(value)) => parameters.push((name, value)),
                _ => note("a parameter is not UTF-8"),
            }
        }
        let credentials = self.header("authorization").and_then(credentials);
        (ApiRequest { method: Method::of(&self.method), path, parameters, credentials }, wrong)
    }

    /// Whether its parameters travel where they should not.
    fn wrong_form(&self, query: &str) -> Option<&'static str> {
        let (posts, has_body) = (self.method == "POST", !self.body.is_empty());
        if posts && !query.is_empty() {
            return Some("the parameters of a POST travel in its body");
        }
        if !posts && has_body {
            return Some("only a POST has a body");
        }
        (has_body && !self.is_form()).then_some("the body is not application/x-www-form-urlencoded")
    }

    fn is_form(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// The id and password of `Basic …`.
fn credentials(header: &str) -> Option<Credentials> {
    let (scheme, text) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, password) = text.split_once(':')?;
    Some(Credentials::new(id, password))
}

/// How an answer is put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    version: Http,
    body: Body,
    /// Whether the connection stays open.
    pub keeps: bool,
}

impl Framing {
    pub fn of(modes: &Modes, received: &Received) -> Framing {
        let modern = modes.http == Http::V11 && received.modern;
        let body = match modes.body {
            // HTTP/1.0 knows no chunks.
            Body::Chunked if !modern => Body::Close,
            body => body,
        };
        // Over HTTP/1.0 a connection is kept only for a client that asked for it.
        let asked = modes.http == Http::V11 || received.header("connection").is_some();
        let keeps = modes.keep_alive && body != Body::Close && asked && received.keeps();
        Framing { version: modes.http, body, keeps }
    }

    /// For an answer whose end never comes.
    pub fn without_end(self) -> Framing {
        let body = if self.version == Http::V11 { Body::Chunked } else { Body::Close };
        Framing { body, keeps: false, ..self }
    }

    /// The head of an answer; `length` is what it declares where it declares one.
    pub fn head(self, status: u16, fields: &[(&str, String)], length: usize) -> Vec<u8> {
        let version = match self.version {
            Http::V10 => "HTTP/1.0",
            Http::V11 => "HTTP/1.1",
        };
        let mut head = format!("{version} {status} {}\r\nServer: MagicMail\r\n", reason(status));
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        match self.body {
            Body::Length => head += &format!("Content-Length: {length}\r\n"),
            Body::Chunked => head += "Transfer-Encoding: chunked\r\n",
            Body::Close => {}
        }
        match (self.keeps, self.version) {
            (false, _) => head += "Connection: close\r\n",
            (true, Http::V10) => head += "Connection: keep-alive\r\n",
            (true, Http::V11) => {}
        }
        (head + "\r\n").into_bytes()
    }

    /// The body as it goes on the wire, whole.
    pub fn body(self, body: &[u8]) -> Vec<u8> {
        if self.body != Body::Chunked {
            return body.to_vec();
        }
        let mut framed = Vec::with_capacity(body.len() + 64);
        // More than one chunk, so that putting them together is needed.
        for piece in body.chunks((body.len() / 4 + 1).max(61)) {
            framed.extend(self.piece(piece));
        }
        framed.extend_from_slice(b"0\r\n\r\n");
        framed
    }

    /// A piece of a body that goes on.
    pub fn piece(self, piece: &[u8]) -> Vec<u8> {
        if self.body != Body::Chunked {
            return piece.to_vec();
        }
        let mut framed = format!("{:x}\r\n", piece.len()).into_bytes();
        framed.extend_from_slice(piece);
        framed.extend_from_slice(b"\r\n");
        framed
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}
