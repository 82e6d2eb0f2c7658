//! Requests that are none, and who may ask at all.

use crate::desk::{client, code, Desk};
use magicmail_simulator::{ApiRequest, Credentials, MailServer, Method, Modes, State};
use std::time::Duration;

#[test]
fn a_request_that_is_none_is_refused_and_changes_nothing() {
    let mut desk = Desk::new();
    desk.furnish();
    let before = desk.state();
    assert_eq!(desk.post("account/F2", &[("colour", "red")]), code("error.unknown_parameter"));
    assert_eq!(desk.post("account/F2", &[("action", "dance")]), code("error.unknown_action"));
    assert_eq!(desk.post("domain/example.net", &[("action", "update")]), code("error.unknown_action"));
    assert_eq!(desk.get("account/F1", &[("action", "update")]), code("error.unknown_action"));
    assert_eq!(desk.post("account/F2", &[("memo", "a"), ("memo", "b")]), code("error.duplicate_parameter"));
    assert_eq!(desk.post("user/ann", &[("action", "purge"), ("force", "1")]), code("error.bad_parameter"));
    assert_eq!(desk.post("user/new", &[]), code("error.missing_parameter"));
    assert_eq!(desk.get("user", &[("account", "")]), code("error.missing_parameter"));
    for path in ["mailbox/ann", "user/ann/more", "user_package", "user/", ""] {
        assert_eq!(desk.get(path, &[]), code("404"), "{path}");
    }
    assert_eq!(desk.post("account", &[]), code("404"));
    assert_eq!(desk.answer("PUT", "account/F1", &[]).status, 405);
    assert_eq!(desk.state(), before);
}

#[test]
fn without_its_client_type_a_request_is_refused() {
    let mut desk = Desk::new();
    for parameters in [vec![], vec![("client_type".to_owned(), "OTHER".to_owned())]] {
        let request = ApiRequest {
            method: Method::Post,
            path: vec!["account".to_owned(), "F1".to_owned()],
            parameters,
            credentials: Some(client()),
        };
        let answer = desk.server.answer(desk.now, &request);
        assert!(String::from_utf8_lossy(&answer.body).contains("error.client_type"));
        assert!(!answer.applied);
    }
}

#[test]
fn without_the_right_credentials_nothing_is_done() {
    let wrong = [
        None,
        Some(Credentials::new("freeside", "Secret")),
        Some(Credentials::new("Freeside", "secret")),
        Some(Credentials::new("", "")),
    ];
    let mut server = MailServer::new(client(), State::default(), Modes::default());
    for credentials in wrong {
        let request = ApiRequest {
            method: Method::Post,
            path: vec!["account".to_owned(), "F1".to_owned()],
            parameters: vec![("client_type".to_owned(), "FREESIDE".to_owned())],
            credentials,
        };
        let answer = server.answer(Duration::ZERO, &request);
        assert_eq!((answer.status, answer.applied, answer.authorized), (401, false, false));
    }
    assert_eq!(*server.state(), State::default());
}

#[test]
fn only_a_write_that_was_carried_out_is_applied() {
    let mut desk = Desk::new();
    assert!(desk.answer("POST", "account/F1", &[]).applied);
    assert!(!desk.answer("POST", "account/F1", &[]).applied);
    assert!(!desk.answer("GET", "account/F1", &[]).applied);
}
