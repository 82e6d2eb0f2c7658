//! Bodies that are made to hurt: entities, depth, breadth, encodings, lengths that lie.

use super::*;
use crate::http::certificates::{by_ca, local};
use crate::http::peer::{Line, Peer};

const XML: &str = "text/xml; charset=utf-8";

fn record(inner: &str) -> String {
    format!("<response>{inner}<account id=\"FREESIDE42\" status=\"active\"/></response>")
}

#[test]
fn a_document_that_is_made_to_hurt_fails_every_call() {
    let house = house();
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=\"1\"")).collect();
    let entities = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let bodies = [
        ("entities", format!("{entities}{}", record("<memo>&c;&c;&c;</memo>"))),
        (
            "a file as entity",
            format!("<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}", record("&x;")),
        ),
        ("a DTD's declarations", format!("<!DOCTYPE response [<!ELEMENT response ANY>]>{}", record(""))),
        ("an entity that nobody declares", record("<memo>&nbsp;</memo>")),
        ("100,000 deep", record(&format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)))),
        ("100,000 deep and open", "<a>".repeat(100_000)),
        ("100,000 attributes", record(&format!("<a{attributes}/>"))),
        ("100,000 attributes of the record", format!("<response><account{attributes}/></response>")),
        ("an attribute twice", record("<a b=\"1\" b=\"2\"/>")),
        ("a name space that nobody declares", record("<x:a/>")),
        ("a control character", record("<memo>\u{1}</memo>")),
        ("a reference to none", record("<memo>&#0;&#xd800;</memo>")),
        ("two roots", format!("{}{}", record(""), record(""))),
        ("text behind", format!("{}oops", record(""))),
        ("a root alone, open", "<response>".to_owned()),
        ("JSON", "{\"account\": {\"id\": \"FREESIDE42\"}}".to_owned()),
        ("NULs", "\0".repeat(10_000)),
    ];
    for (what, body) in bodies {
        house.answer(200, XML, &body);
        house.server.clear_log();
        all_fail(&house.each_call(), what);
        let writes = house.server.log().iter().filter(|entry| entry.method == "POST").count();
        assert_eq!(writes, 0, "{what}: nothing is written on such an answer");
    }
}

#[test]
fn a_list_of_100_000_users_is_refused_and_a_long_one_is_read() {
    let house = house();
    let list = |count: usize| {
        let users: String = (0..count)
            .map(|n| format!("<user id=\"USER{n}\" account=\"FREESIDE42\" status=\"active\"/>"))
            .collect();
        format!("<response><users>{users}</users></response>")
    };
    house.answer(200, XML, &list(100_000));
    let read = || house.handle.call(b"get_users", br#"{"account":"FREESIDE42"}"#);
    let failure = in_time("100,000 users", read).unwrap_err();
    is_harmless(&failure, "100,000 users");
    assert!(failure.text.contains("longer than 4 MB"), "{}", failure.text);
    // And so does each hook that asks for it; the others are told what is none of a mailbox.
    all_fail(&house.each_call(), "100,000 users");
    house.answer(200, XML, &list(50_000));
    let reply: Value = serde_json::from_str(&in_time("50,000 users", read).unwrap()).unwrap();
    assert_eq!(reply.as_object().unwrap().len(), 50_000);
}

/// A server that sends `bytes` to whatever is asked, and a handle on it.
fn sending(bytes: Vec<u8>) -> (Peer, Handle) {
    let identity = by_ca(&local());
    let peer = Peer::tls(
        identity.server(),
        move |mut line: Line| {
            while line.request().is_some() && line.send(&bytes).is_ok() {}
        },
    );
    let trusted = identity.trusted();
    let mut config = config();
    config["port"] = json!(peer.port());
    config["ca_file"] = json!(trusted.path());
    config["timeout"] = json!(1);
    // The file is read here, once.
    let handle = Handle::new(config.to_string().as_bytes()).unwrap();
    (peer, handle)
}

fn answer_bytes(content_type: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn ended(bytes: Vec<u8>) -> Result<String, Failure> {
    let (_peer, handle) = sending(bytes);
    in_time("a read", || handle.call(b"get_account", br#"{"id":"FREESIDE42"}"#))
}

#[test]
fn an_encoding_that_is_wrong_is_a_failure_and_a_right_one_is_read() {
    let text = record("<memo>é</memo>");
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf32: Vec<u8> = text.chars().flat_map(|c| (c as u32).to_be_bytes()).collect();
    let declared = |label: &str| format!("<?xml version=\"1.0\" encoding=\"{label}\"?>{text}").into_bytes();
    for (what, content_type, body) in [
        ("Latin 1 called UTF-8", XML, b"<response><account id=\"\xe9\"/></response>".to_vec()),
        ("an overlong form", XML, b"<response><account id=\"\xc0\xbc\"/></response>".to_vec()),
        ("half a character", XML, b"<response><account id=\"a\"/></response>\xe2\x82".to_vec()),
        ("UTF-8 called UTF-16", "text/xml; charset=utf-16", text.clone().into_bytes()),
        ("UTF-16 called UTF-8", XML, utf16),
        ("UTF-32", "text/xml; charset=utf-32", utf32),
        ("UTF-7", "text/xml; charset=utf-7", text.clone().into_bytes()),
        ("EBCDIC", "text/xml; charset=ebcdic-us", text.clone().into_bytes()),
        ("no encoding at all", "text/xml; charset=../../etc/passwd", text.clone().into_bytes()),
        ("declared as none", "text/xml", declared("no-such-thing")),
        ("the replacement encoding", "text/xml; charset=iso-2022-kr", text.clone().into_bytes()),
    ] {
        let failure = ended(answer_bytes(content_type, &body)).expect_err(what);
        is_harmless(&failure, what);
    }
    for (content_type, body) in
        [("text/xml", declared("utf-8")), ("text/xml; charset=\"UTF-8\"", text.into_bytes())]
    {
        let reply = ended(answer_bytes(content_type, &body)).unwrap();
        assert!(reply.contains("FREESIDE42"), "{reply}");
    }
}

#[test]
fn a_length_that_lies_and_a_flood_of_headers_are_failures() {
    let body = record("");
    let with =
        |length: String| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes();
    let flood = "X-Header: 1\r\n".repeat(100_000);
    for (what, bytes) in [
        ("too long", with((body.len() + 100).to_string())),
        ("too short", with((body.len() / 2).to_string())),
        ("longer than any", with("9".repeat(30))),
        ("negative", with("-5".to_owned())),
        ("two of them", with(format!("{}\r\nContent-Length: 3", body.len()))),
        ("many headers", format!("HTTP/1.1 200 OK\r\n{flood}\r\n{body}").into_bytes()),
        (
            "a long header",
            format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n{body}", "x".repeat(1_000_000)).into_bytes(),
        ),
        ("headers without end", format!("HTTP/1.1 200 OK\r\n{flood}").into_bytes()),
        ("a long status", format!("HTTP/1.1 200 {}\r\n\r\n{body}", "O".repeat(1_000_000)).into_bytes()),
        ("many provisional answers", "HTTP/1.1 100 Continue\r\n\r\n".repeat(100_000).into_bytes()),
    ] {
        is_harmless(&ended(bytes).expect_err(what), what);
    }
}

#[test]
fn the_servers_own_lies_about_lengths_leave_no_mailbox_half_made() {
    for kind in [Kind::LengthTooLong, Kind::LengthTooShort, Kind::HeaderFlood] {
        for method in ["GET", "POST"] {
            let house = house();
            let before = serde_json::to_value(house.server.state()).unwrap();
            let fault = Fault { method: Some(method.to_owned()), ..Fault::new(kind) };
            house.server.set_faults(vec![fault]);
            let (name, hook) = HOOKS[0];
            let ended = house.handle.hook(hook, request_of(name).to_string().as_bytes());
            let after = serde_json::to_value(house.server.state()).unwrap();
            match ended {
                Ok(_) => assert_eq!(after["users"]["jane"]["status"], "active", "{kind:?} {method}"),
                Err(failure) => {
                    is_harmless(&failure, "a lie");
                    assert_eq!(after, before, "{kind:?} {method}: {failure:?}");
                }
            }
        }
    }
}
