//! The forms that an answer may have.

use crate::desk::Desk;
use serde_json::{json, Value};

/// What the mode makes of a user's record, of the list of users, and of an address.
fn written(modes: &Value) -> [String; 3] {
    let mut desk = Desk::with(modes);
    desk.furnish();
    desk.done("user/ann", &[("action", "update"), ("first_name", "A")]);
    let got = [
        desk.get("user/ann", &[]),
        desk.get("user", &[("account", "F1")]),
        desk.get("emailaddress/ann@example.net", &[]),
    ];
    got.map(|document| {
        let document = document.expect("a document");
        document.trim_start_matches("<response>").trim_end_matches("</response>").to_owned()
    })
}

#[test]
fn fields_come_as_attributes_by_default() {
    let [user, users, address] = written(&json!({}));
    let ann = r#"<user id="ANN" account="F1" status="active" master_user="Y" first_name="A"/>"#;
    let bob = r#"<user id="BOB" account="F1" status="active" master_user="N"/>"#;
    assert_eq!(user, ann);
    assert_eq!(users, format!("<users>{ann}{bob}</users>"));
    assert_eq!(address, r#"<emailaddress id="ann@example.net" user="ANN"/>"#);
}

#[test]
fn fields_may_be_children() {
    let [user, _, address] = written(&json!({"fields": "children"}));
    assert_eq!(
        user,
        "<user><id>ANN</id><account>F1</account><status>active</status><master_user>Y</master_user>\
         <first_name>A</first_name></user>"
    );
    assert_eq!(address, "<emailaddress><id>ann@example.net</id><user>ANN</user></emailaddress>");
}

#[test]
fn fields_may_be_mixed_and_each_record_of_a_list_otherwise() {
    let [user, users, _] = written(&json!({"fields": "mixed"}));
    let ann = r#"<user id="ANN" status="active" first_name="A"><account>F1</account><master_user>Y</master_user></user>"#;
    let bob = r#"<user account="F1" master_user="N"><id>BOB</id><status>active</status></user>"#;
    assert_eq!(user, ann);
    assert_eq!(users, format!("<users>{ann}{bob}</users>"));
}

#[test]
fn user_names_may_come_as_they_were_sent() {
    let [_, users, address] = written(&json!({"user_names": "as_sent"}));
    assert!(users.contains(r#"id="ann""#) && users.contains(r#"id="Bob""#), "{users}");
    assert!(address.contains(r#"user="ann""#), "{address}");
    // Account ids and packages are never changed; letters beyond ASCII neither.
    let mut desk = Desk::new();
    desk.done("account/MixedCase", &[]);
    desk.done("user/zoé", &[("account", "mixedcase")]);
    let zoe = desk.get("user/zoé", &[]).expect("a user");
    assert!(zoe.contains(r#"id="ZOé""#) && zoe.contains(r#"account="MixedCase""#), "{zoe}");
}

#[test]
fn deleted_users_may_be_hidden_from_the_list_and_never_from_a_look_at_them() {
    for (mode, listed) in [("listed", true), ("hidden", false)] {
        let mut desk = Desk::with(&json!({ "deleted_users": mode }));
        desk.furnish();
        desk.done("user/ann", &[("action", "update"), ("status", "deleted")]);
        let users = desk.get("user", &[("account", "F1")]).expect("a list");
        assert_eq!(users.contains("ANN"), listed, "{users}");
        assert!(desk.get("user/ann", &[]).expect("a user").contains(r#"status="deleted""#));
    }
}

#[test]
fn an_empty_list_is_an_empty_element_or_missing() {
    let list = |modes: Value| {
        let mut desk = Desk::with(&modes);
        desk.done("account/F1", &[]);
        desk.get("user", &[("account", "F1")])
    };
    assert_eq!(list(json!({})), Ok("<response><users/></response>".to_owned()));
    assert_eq!(list(json!({"empty_lists": "missing"})), Ok("<response/>".to_owned()));
}

#[test]
fn records_may_show_empty_fields_or_more_than_is_known_or_less() {
    let [user, ..] = written(&json!({"empty_fields": "shown", "fields": "children"}));
    assert!(user.contains("<last_name/><memo/>"), "{user}");
    let [user, ..] = written(&json!({"extra_fields": true}));
    assert!(user.contains(r#"revision="7""#), "{user}");
    let [user, ..] = written(&json!({"echo_password": true}));
    assert!(user.contains(r#"password="pw""#), "{user}");
    let [user, users, _] = written(&json!({"account_in_lists": false, "not_master": ""}));
    assert!(user.contains("account=") && !users.contains("account="), "{users}");
    assert!(!users.contains(r#"master_user="N""#) && users.contains(r#"master_user="Y""#), "{users}");
}

#[test]
fn the_records_of_a_list_are_known_by_whichever_field() {
    for id in ["id", "key", "name"] {
        let [user, users, _] = written(&json!({ "list_id": id }));
        assert!(users.contains(&format!(r#"<user {id}="ANN""#)), "{users}");
        assert!(user.contains(r#"<user id="ANN""#), "{user}");
    }
}

#[test]
fn a_lone_record_and_a_list_of_one_look_alike() {
    let mut desk = Desk::new();
    desk.done("account/F1", &[]);
    let accounts = desk.get("account", &[]).expect("a list");
    assert_eq!(accounts, r#"<response><accounts><account id="F1" status="active"/></accounts></response>"#);
    let account = desk.get("account/F1", &[]).expect("a record");
    assert_eq!(account, r#"<response><account id="F1" status="active"/></response>"#);
}

#[test]
fn whatever_a_client_sent_is_escaped() {
    for fields in ["attributes", "children"] {
        let mut desk = Desk::with(&json!({ "fields": fields }));
        desk.done("account/F1", &[("first_name", "<b>&\"'\t\n]]>\u{1}"), ("memo", "é€😀")]);
        let account = desk.get("account/F1", &[]).expect("a record");
        let escaped = "&lt;b&gt;&amp;&quot;&apos;&#9;&#10;]]&gt;\u{fffd}";
        assert!(account.contains(escaped) && account.contains("é€😀"), "{account}");
    }
    let mut desk = Desk::new();
    desk.done("account/<F&1>", &[]);
    let answer = desk.answer("POST", "account/<f&1>", &[]);
    let text = String::from_utf8_lossy(&answer.body);
    assert!(text.contains("Account &lt;F&amp;1&gt; exists"), "{text}");
}

#[test]
fn an_answer_may_be_in_another_encoding() {
    let mut desk = Desk::with(&json!({"encoding": "iso-8859-1"}));
    let answer = desk.answer("POST", "account/F1", &[("first_name", "é€")]);
    assert_eq!(answer.content_type.as_deref(), Some("text/xml; charset=iso-8859-1"));
    assert!(answer.body.windows(8).any(|bytes| bytes == b"\xe9&#8364;"));
    assert!(answer.body.starts_with(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"));
}

#[test]
fn an_error_has_a_status_that_is_a_mode() {
    for status in [200, 400, 500] {
        let mut desk = Desk::with(&json!({ "error_status": status }));
        let answer = desk.answer("GET", "account/F1", &[]);
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, status);
        assert!(body.contains("<code>account.error.not_found</code><message>Account not found</message>"));
    }
    let mut desk = Desk::with(&json!({"fields": "mixed"}));
    let body = desk.answer("GET", "account/F1", &[]).body;
    let mixed = r#"<error code="account.error.not_found"><message>Account not found</message></error>"#;
    assert!(String::from_utf8_lossy(&body).contains(mixed));
}

#[test]
fn writes_may_be_answered_with_nothing_and_refusals_never_are() {
    let mut desk = Desk::with(&json!({"empty_writes": true}));
    assert_eq!(desk.answer("POST", "account/F1", &[]).body, b"");
    assert!(!desk.answer("GET", "account/F1", &[]).body.is_empty());
    assert!(!desk.answer("POST", "account/F1", &[]).body.is_empty());
    for (mode, empty) in [("document", false), ("no_body", true)] {
        let mut desk = Desk::with(&json!({ "nothing_to_read": mode }));
        assert!(!desk.answer("POST", "account/F1", &[]).body.is_empty());
        let purged = desk.answer("POST", "account/F1", &[("action", "purge"), ("force", "true")]);
        assert_eq!((purged.status, purged.applied, purged.body.is_empty()), (200, true, empty));
    }
}
