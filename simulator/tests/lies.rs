//! Answers that are not true: what each lie says, and that the server holds what it should all the same.

use crate::desk::{code, Desk};
use magicmail_simulator::{Lie, ScopedLie};
use serde_json::{json, Value};

/// Ann (the master) and Bob on F1, zoe on G1, all active, with an address each; then the modes change.
fn lying(modes: &Value) -> Desk {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("account/G1", &[]);
    desk.done("user/zoe", &[("account", "G1")]);
    desk.done("emailaddress/zoe@example.net", &[("user", "zoe")]);
    desk.server.modes = desk.server.modes.changed(modes).expect("modes");
    desk
}

fn with_lie(lie: &str) -> Desk {
    lying(&json!({ "lies": [lie] }))
}

/// The ids in a list or record, in their order.
fn ids(said: Result<String, String>) -> Vec<String> {
    let text = said.expect("a document");
    text.split(r#" id=""#).skip(1).map(|rest| rest.split('"').next().unwrap_or("").to_owned()).collect()
}

fn users(desk: &mut Desk) -> Vec<String> {
    ids(desk.get("user", &[("account", "F1")]))
}

#[test]
fn a_paged_list_has_its_first_entries_only() {
    assert_eq!(users(&mut with_lie("list_paged")), ["ANN"]);
    assert_eq!(users(&mut lying(&json!({"lies": ["list_paged"], "page_size": 2}))), ["ANN", "BOB"]);
    assert_eq!(ids(with_lie("list_paged").get("account", &[])), ["F1"]);
}

#[test]
fn a_cut_list_lacks_the_entry_that_the_mode_names() {
    assert_eq!(users(&mut with_lie("list_cut")), ["BOB"]);
    assert_eq!(users(&mut lying(&json!({"lies": ["list_cut"], "cut_entry": 3}))), ["ANN"]);
    let addresses = with_lie("list_cut").get("emailaddress", &[("user", "ann")]);
    assert_eq!(addresses, Ok("<response><emailaddresses/></response>".to_owned()));
}

#[test]
fn a_stale_list_is_as_many_writes_behind_as_the_mode_says() {
    for (writes, expected) in [(1, vec!["ANN", "BOB"]), (2, vec!["ANN", "BOB", "CID"])] {
        let mut desk = lying(&json!({"lies": ["list_stale"], "stale_writes": writes}));
        desk.done("user/cid", &[("account", "F1")]);
        if writes == 2 {
            desk.done("user/dan", &[("account", "F1")]);
            desk.done("account/F1", &[("action", "update"), ("memo", "x")]);
        }
        assert_eq!(users(&mut desk), expected, "{writes}");
        assert!(desk.get("user/cid", &[]).is_ok(), "one user is read as it is");
    }
}

#[test]
fn a_cache_that_ignores_the_account_answers_for_another_or_for_all() {
    assert_eq!(users(&mut with_lie("list_of_another")), ["ZOE"]);
    assert_eq!(users(&mut with_lie("list_of_all")), ["ANN", "BOB", "ZOE"]);
    let list = with_lie("list_of_another").get("user", &[("account", "F1")]).expect("a list");
    assert!(list.contains(r#"account="G1""#), "{list}");
    let list = with_lie("list_of_another_unnamed").get("user", &[("account", "F1")]).expect("a list");
    assert!(list.contains(r#"id="ZOE""#) && !list.contains("account="), "{list}");
    let mut desk = with_lie("list_of_another");
    assert_eq!(ids(desk.get("emailaddress", &[("user", "zoe")])), ["ann@example.net"]);
    assert_eq!(ids(desk.get("user", &[("account", "nobody")])), ["ANN", "BOB"]);
}

#[test]
fn a_list_may_leave_out_suspended_users() {
    let mut desk = with_lie("list_without_suspended");
    desk.done("user/bob", &[("action", "update"), ("status", "suspended")]);
    assert_eq!(users(&mut desk), ["ANN"]);
    assert!(desk.get("user/bob", &[]).is_ok());
}

#[test]
fn the_entries_of_a_list_may_have_another_name() {
    let list = with_lie("list_of_other_elements").get("user", &[("account", "F1")]).expect("a list");
    assert!(list.starts_with(r#"<response><users><User id="ANN""#), "{list}");
}

#[test]
fn another_document_may_come_in_the_place_of_the_answer() {
    let documents = [
        ("error_root", "<error><code>"),
        ("deep_error", "<response><result><error>"),
        ("soap_fault", "<soap:Envelope"),
        ("status_fail", r#"<response status="fail"/>"#),
        ("maintenance", r#"<maintenance until=""#),
        ("empty_root", "<response/>"),
    ];
    for (lie, document) in documents {
        for (name, is_done) in [(lie.to_owned(), false), (format!("{lie}_done"), true)] {
            let mut desk = with_lie(&name);
            let answer = desk.answer("POST", "user/zoe", &[("action", "update"), ("status", "deleted")]);
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(answer.status == 200 && body.contains(document), "{name}: {body}");
            assert_eq!(answer.applied, is_done, "{name}");
            assert_eq!(desk.state()["users"]["zoe"]["status"] == "deleted", is_done, "{name}");
            let answer = desk.answer("GET", "user/zoe", &[]);
            assert!(String::from_utf8_lossy(&answer.body).contains(document), "{name}");
        }
    }
}

#[test]
fn a_record_may_name_another_thing_of_its_kind() {
    let asked =
        ["user/zoe", "account/G1", "emailaddress/zoe@example.net", "domain/example.net", "user/nobody"];
    for path in asked {
        let own = path.split('/').next_back().expect("a name");
        let mut honest = lying(&json!({}));
        let (fields, told) = (honest.get(path, &[]), with_lie("other_name").get(path, &[]));
        if path == "user/nobody" {
            assert_eq!(told, code("account.error.not_found"));
            continue;
        }
        let (fields, told) = (fields.expect("a record"), told.expect("a record"));
        let named = ids(Ok(told.clone())).remove(0);
        assert!(!named.eq_ignore_ascii_case(own), "{path}: {told}");
        assert_eq!(told.replace(&named, ""), fields.replace(&ids(Ok(fields.clone())).remove(0), ""));
    }
    let mut desk = with_lie("other_name");
    let told = desk.post("user/zoe", &[("action", "update"), ("status", "suspended")]).expect("a record");
    assert!(told.contains(r#"id="ANN" account="G1" status="suspended""#), "{told}");
    assert_eq!(desk.state()["users"]["zoe"]["status"], "suspended");
}

#[test]
fn a_record_may_be_another_things_altogether() {
    let mut desk = with_lie("other_record");
    assert!(desk.get("user/zoe", &[]).expect("a record").contains(r#"id="ANN" account="F1""#));
    assert!(desk.get("user/nobody", &[]).expect("a record").contains(r#"id="ANN""#));
    assert_eq!(ids(desk.get("account/F1", &[])), ["G1"]);
    let answer = desk.answer("POST", "user/zoe", &[("action", "update"), ("status", "deleted")]);
    assert!(answer.applied && String::from_utf8_lossy(&answer.body).contains(r#"id="ANN""#));
    assert_eq!(desk.state()["users"]["zoe"]["status"], "deleted");
    assert_eq!(desk.state()["users"]["ann"]["status"], "active");
    let told = desk.post("user/zoe", &[("action", "purge")]).expect("a record");
    assert!(told.contains(r#"id="ANN""#), "{told}");
    assert!(desk.state()["users"]["zoe"].is_null());
}

#[test]
fn a_proxy_may_decode_the_path_once_more() {
    let mut desk = Desk::with(&json!({"lies": ["path_decoded"]}));
    desk.furnish();
    let segments = |name: &str| vec!["user".to_owned(), name.to_owned()];
    for (name, found) in [("x/../ann", true), ("./ann", true), ("../account/F1", true), ("x/ann", false)] {
        let answer = desk.answer_path(segments(name));
        assert_eq!(answer.status == 200, found, "{name}");
    }
    let mut desk = Desk::new();
    desk.furnish();
    assert_ne!(desk.answer_path(segments("x/../ann")).status, 200);
}

#[test]
fn fields_may_come_twice_and_contradict_themselves() {
    let user = |lie: &str| with_lie(lie).get("user/ann", &[]).expect("a record");
    let twice = user("fields_twice");
    assert!(twice.contains(r#"id="ANN""#) && twice.contains("<id>ANN</id>"), "{twice}");
    assert!(twice.contains(r#"status="active""#) && twice.contains("<status>active</status>"), "{twice}");
    let contradictions = [
        ("status_contradicts", r#"status="active""#, "<status>suspended</status>"),
        ("account_contradicts", r#"account="F1""#, "<account>ANOTHER</account>"),
        ("master_contradicts", r#"master_user="Y""#, "<master_user>N</master_user>"),
    ];
    for (lie, attribute, child) in contradictions {
        let told = user(lie);
        assert!(told.contains(attribute) && told.contains(child), "{lie}: {told}");
        assert!(!told.contains("<id>"), "{lie}: {told}");
    }
    let told = with_lie("user_contradicts").get("emailaddress/ann@example.net", &[]).expect("a record");
    assert!(told.contains(r#"user="ANN""#) && told.contains("<user>ANOTHER</user>"), "{told}");
    let mut desk = lying(&json!({"lies": ["fields_twice"], "fields": "children"}));
    let told = desk.get("user/ann", &[]).expect("a record");
    assert!(told.contains(r#"id="ANN""#) && told.contains("<id>ANN</id>"), "{told}");
}

#[test]
fn a_status_may_be_empty_unknown_or_missing() {
    let user = |lie: &str| with_lie(lie).get("user/ann", &[]).expect("a record");
    assert!(user("status_empty").contains(r#"status="""#));
    assert!(user("status_unknown").contains(r#"status="locked""#));
    assert!(!user("status_missing").contains("status"));
    let account = with_lie("status_unknown").get("account/F1", &[]).expect("a record");
    assert!(account.contains(r#"status="locked""#), "{account}");
}

#[test]
fn texts_may_be_odd_in_records_lists_and_errors() {
    let mut desk = with_lie("many_equals");
    for path in ["user/ann", "account/F1"] {
        let told = desk.get(path, &[]).expect("a record");
        assert!(told.matches('=').count() > 300, "{told}");
    }
    let answer = desk.answer("GET", "user/nobody", &[]);
    assert!(answer.body.iter().filter(|byte| **byte == b'=').count() > 300);
    let mut desk = with_lie("control_characters");
    for told in [desk.get("user/ann", &[]), desk.get("user", &[("account", "F1")])] {
        assert!(told.expect("a document").contains("\u{9b}31m"));
    }
    let body = desk.answer("GET", "user/nobody", &[]).body;
    assert!(String::from_utf8_lossy(&body).contains("User not found: a\u{85}"));
    let told = with_lie("bad_character").get("user/ann", &[]).expect("a document");
    assert!(told.contains('\u{1}'), "{told}");
}

#[test]
fn a_write_may_be_done_and_refused_or_sent_twice_or_not_be_done() {
    let mut desk = with_lie("refused_done");
    assert_eq!(desk.post("account/H1", &[]), code("error.internal"));
    assert!(desk.get("account/H1", &[]).is_ok(), "a read is not refused");
    let mut desk = with_lie("sent_twice");
    assert_eq!(desk.post("account/H1", &[]), code("account.error.exists"));
    assert!(desk.get("account/H1", &[]).is_ok());
    let mut desk = with_lie("success_undone");
    let answer = desk.answer("POST", "account/H1", &[]);
    assert!(answer.status == 200 && !answer.applied);
    assert!(String::from_utf8_lossy(&answer.body).contains(r#"<account id="H1" status="active"/>"#));
    assert_eq!(desk.get("account/H1", &[]), code("account.error.not_found"));
    assert_eq!(desk.post("account/F1", &[]), code("account.error.exists"));
}

#[test]
fn a_lie_is_told_to_the_requests_of_its_scope_only() {
    let told = |scope: &str| {
        let mut desk = with_lie(&format!("status_fail@{scope}"));
        let is_told =
            |answer: magicmail_simulator::Answer| String::from_utf8_lossy(&answer.body).contains("fail");
        [
            is_told(desk.answer("GET", "user/ann", &[])),
            is_told(desk.answer("GET", "user", &[("account", "F1")])),
            is_told(desk.answer("GET", "user_package/ann", &[])),
            is_told(desk.answer("POST", "user/ann", &[("action", "update"), ("memo", "x")])),
            is_told(desk.answer("POST", "user/zoe", &[("action", "purge")])),
        ]
    };
    assert_eq!(told("reads"), [true, true, true, false, false]);
    assert_eq!(told("lists"), [false, true, true, false, false]);
    assert_eq!(told("records"), [true, false, false, false, false]);
    assert_eq!(told("writes"), [false, false, false, true, true]);
    assert_eq!(told("purges"), [false, false, false, false, true]);
}

#[test]
fn no_lie_but_those_about_writes_changes_what_the_server_does() {
    for lie in Lie::ALL {
        let mut desk = lying(&json!({ "lies": [ScopedLie::from(lie).to_string()] }));
        let answer = desk.answer("POST", "user/zoe", &[("action", "update"), ("status", "suspended")]);
        let is_done = desk.state()["users"]["zoe"]["status"] == "suspended";
        assert_eq!(answer.applied, is_done, "{lie}");
        let name = lie.to_string();
        let withholds = ["error_root", "deep_error", "soap_fault", "status_fail", "maintenance"];
        let is_withheld = withholds.contains(&&*name) || ["empty_root", "success_undone"].contains(&&*name);
        assert_eq!(is_done, !is_withheld, "{lie}");
    }
}

#[test]
fn a_domain_may_be_allowed_no_more_and_its_addresses_stay() {
    let mut desk = lying(&json!({"denied_domains": ["example.net"]}));
    let denied = code("error.permission_denied");
    assert_eq!(desk.get("emailaddress/ann@example.net", &[]), denied);
    assert_eq!(desk.get("domain/example.net", &[]), denied);
    assert_eq!(desk.post("emailaddress/ann@example.net", &[("action", "purge")]), denied);
    assert_eq!(desk.post("emailaddress/new@example.net", &[("user", "ann")]), denied);
    assert_eq!(desk.post("domain/example.net", &[("account", "F1")]), denied);
    assert_eq!(ids(desk.get("emailaddress", &[("user", "ann")])), ["ann@example.net"]);
    assert_eq!(desk.state()["addresses"]["ann@example.net"], "ann");
}
