//! What leaves: URL, headers, form, and in how many pieces.

use super::*;

#[test]
fn a_read_has_its_parameters_in_the_query() {
    let pair = pair(|mut line| line.answer_all("<response/>"));
    let mut request = get(&["user"]);
    request.parameters.push(("account".to_owned(), Value::Plain("ÄÖ 1&2=3+4%/?#".to_owned())));
    assert_eq!(pair.body_of(&request), "<response/>");
    let seen = &pair.peer.seen()[0];
    assert_eq!(
        seen.line,
        "GET /api/v2/user?client_type=FREESIDE&account=%C3%84%C3%96%201%262%3D3%2B4%25%2F%3F%23 HTTP/1.1"
    );
    assert_eq!(seen.header("authorization"), Some("Basic ZnJlZXNpZGU6czNjcmV0"));
    assert_eq!(seen.header("host"), Some(&*format!("127.0.0.1:{}", pair.peer.port())));
    assert_eq!(seen.header("content-length"), None);
}

#[test]
fn a_write_has_its_parameters_in_a_form() {
    let pair = pair(|mut line| line.answer_all("<response/>"));
    let mut request = post(&["user", "jane"], &[("account", "FREESIDE 42"), ("memo", "")]);
    request.parameters.push(("password".to_owned(), Value::Secret(Secret::new("a&b=c+d%é"))));
    answered(pair.carry(&request));
    let seen = &pair.peer.seen()[0];
    assert_eq!(seen.line, "POST /api/v2/user/jane HTTP/1.1");
    assert_eq!(seen.body, "client_type=FREESIDE&account=FREESIDE%2042&memo=&password=a%26b%3Dc%2Bd%25%C3%A9");
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
}

#[test]
fn a_segment_of_the_path_stays_one_segment() {
    let pair = pair(|mut line| line.answer_all(""));
    for (name, encoded) in [
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("100%", "100%25"),
        ("o'neil", "o%27neil"),
        ("a+b", "a%2Bb"),
        ("x&y;z", "x%26y%3Bz"),
        ("jane roe@example.net", "jane%20roe%40example.net"),
        ("é<>\"", "%C3%A9%3C%3E%22"),
        ("-._~", "-._~"),
    ] {
        answered(pair.carry(&get(&["user", name])));
        let line = pair.peer.seen().pop().unwrap().line;
        assert_eq!(line, format!("GET /api/v2/user/{encoded}?client_type=FREESIDE HTTP/1.1"));
    }
}

#[test]
fn head_and_body_of_a_write_leave_together() {
    let pair = pair(|mut line| line.answer_all(""));
    for _ in 0..3 {
        answered(pair.carry(&post(&["user", "jane"], &[("memo", &"x".repeat(9_000))])));
    }
    assert_eq!(pair.peer.seen().iter().map(|seen| seen.reads).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn a_long_write_arrives_whole() {
    let pair = pair(|mut line| line.answer_all(""));
    let memo = "0123456789".repeat(30_000);
    answered(pair.carry(&post(&["user", "jane"], &[("memo", &memo)])));
    assert_eq!(pair.peer.seen()[0].body, format!("client_type=FREESIDE&memo={memo}"));
}
