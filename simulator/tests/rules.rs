//! Each rule of what the server does by itself, and what it refuses.

use crate::desk::{code, Desk};
use magicmail_simulator::State;
use serde_json::{json, Value};

fn pointed(desk: &Desk, pointer: &str) -> Value {
    desk.state().pointer(pointer).cloned().unwrap_or(Value::Null)
}

#[test]
fn an_account_is_made_changed_marked_and_purged() {
    let mut desk = Desk::new();
    desk.done("account/F1", &[("first_name", "Ann"), ("phone", "1"), ("memo", "m")]);
    desk.done("account/f1", &[("action", "update"), ("last_name", "Lee")]);
    let person =
        json!({"first_name": "Ann", "last_name": "Lee", "phone": "1", "memo": "m", "status": "active"});
    assert_eq!(pointed(&desk, "/accounts/F1"), person);
    for status in ["suspended", "deleted", "active"] {
        desk.done("account/F1", &[("action", "update"), ("status", status)]);
        assert_eq!(pointed(&desk, "/accounts/F1/status"), status);
    }
    desk.done("account/F1", &[("action", "update"), ("status", "deleted")]);
    assert!(desk.get("account/F1", &[]).is_ok(), "deleted is a mark");
    desk.done("account/F1", &[("action", "purge")]);
    assert_eq!(desk.get("account/F1", &[]), code("account.error.not_found"));
}

#[test]
fn names_are_unique_without_regard_to_ascii_case() {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("account/F2", &[]);
    assert_eq!(desk.post("account/f1", &[]), code("account.error.exists"));
    assert_eq!(desk.post("user/ANN", &[("account", "F2")]), code("user.error.exists"));
    let address = desk.post("emailaddress/ANN@Example.NET", &[("user", "bob")]);
    assert_eq!(address, code("emailaddress.error.exists"));
    assert_eq!(desk.post("domain/EXAMPLE.net", &[("account", "F1")]), code("domain.error.exists"));
    assert!(desk.get("user/aNN", &[]).is_ok());
    // Only ASCII: these are two users.
    desk.done("user/zoé", &[("account", "F1")]);
    desk.done("user/zoÉ", &[("account", "F1")]);
}

#[test]
fn the_first_user_becomes_master_and_a_later_one_gets_the_package() {
    let mut desk = Desk::new();
    desk.furnish();
    let of = |name: &str, field: &str| pointed(&desk, &format!("/users/{name}/{field}"));
    assert_eq!((of("ann", "master_user"), of("ann", "packages")), (json!("Y"), json!([])));
    let additional = json!(["ADDITIONAL NOCOST MAILBOX"]);
    assert_eq!((of("Bob", "master_user"), of("Bob", "packages")), (json!("N"), additional));
}

#[test]
fn an_account_whose_master_is_gone_makes_nobody_master_by_itself() {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("user/ann", &[("action", "purge"), ("force", "true")]);
    desk.done("user/cat", &[("account", "F1")]);
    assert_eq!(pointed(&desk, "/users/cat/master_user"), "N");
    assert_eq!(pointed(&desk, "/users/cat/packages"), json!([]));
}

#[test]
fn making_a_master_does_not_unmake_the_present_one() {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("user/bob", &[("action", "update"), ("master_user", "Y")]);
    assert_eq!(pointed(&desk, "/users/ann/master_user"), "Y");
    assert_eq!(pointed(&desk, "/users/Bob/master_user"), "Y");
    let unmade = desk.post("user/ann", &[("action", "update"), ("master_user", "N")]);
    assert_eq!(unmade, code("error.bad_parameter"));
}

#[test]
fn users_are_added_only_to_an_account_that_is_active() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("user/ann", &[("account", "F1")]), code("account.error.not_found"));
    desk.done("account/F1", &[]);
    for status in ["suspended", "deleted"] {
        desk.done("account/F1", &[("action", "update"), ("status", status)]);
        assert_eq!(desk.post("user/ann", &[("account", "F1")]), code("account.error.not_active"));
    }
    desk.done("account/F1", &[("action", "update"), ("status", "active")]);
    desk.done("user/ann", &[("account", "F1")]);
}

#[test]
fn a_purge_without_force_is_refused_for_what_is_not_deleted() {
    let mut desk = Desk::new();
    desk.furnish();
    let before = desk.state();
    assert_eq!(desk.post("user/ann", &[("action", "purge")]), code("user.error.not_deleted"));
    assert_eq!(desk.post("account/F1", &[("action", "purge")]), code("account.error.not_deleted"));
    let unforced = desk.post("account/F1", &[("action", "purge"), ("force", "false")]);
    assert_eq!(unforced, code("account.error.not_deleted"));
    assert_eq!(desk.state(), before);
    desk.done("user/ann", &[("action", "update"), ("status", "deleted")]);
    desk.done("user/ann", &[("action", "purge")]);
    desk.done("user/bob", &[("action", "purge"), ("force", "true")]);
    assert_eq!(pointed(&desk, "/users"), json!({}));
}

#[test]
fn purging_an_account_takes_its_users_addresses_and_domains_along() {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("account/F2", &[]);
    desk.done("user/cat", &[("account", "F2")]);
    desk.done("domain/ann.example", &[("account", "F1")]);
    desk.done("emailaddress/cat@example.net", &[("user", "cat")]);
    desk.done("account/F1", &[("action", "purge"), ("force", "true")]);
    let state = desk.state();
    assert_eq!(state["users"].as_object().expect("users").keys().collect::<Vec<_>>(), ["cat"]);
    assert_eq!(state["addresses"], json!({"cat@example.net": "cat"}));
    assert_eq!(state["domains"], json!(["example.net"]));
    desk.done("account/F1", &[]);
    desk.done("user/ann", &[("account", "F2")]);
}

#[test]
fn whether_addresses_follow_a_purge_or_a_deletion_is_a_mode() {
    for (modes, after_delete, after_purge) in [
        (json!({}), 2, 1),
        (json!({"addresses_follow_purge": false}), 2, 2),
        (json!({"addresses_follow_delete": true}), 1, 1),
    ] {
        let mut desk = Desk::with(&modes);
        desk.furnish();
        let count = |desk: &Desk| desk.state()["addresses"].as_object().map(serde_json::Map::len);
        desk.done("user/ann", &[("action", "update"), ("status", "deleted")]);
        assert_eq!(count(&desk), Some(after_delete), "{modes}");
        desk.done("user/ann", &[("action", "purge")]);
        assert_eq!(count(&desk), Some(after_purge), "{modes}");
    }
}

#[test]
fn an_address_needs_a_domain_that_is_allowed_and_a_user() {
    let mut desk = Desk::new();
    desk.furnish();
    let add = |desk: &mut Desk, address: &str, user: &str| {
        desk.post(&format!("emailaddress/{address}"), &[("user", user)])
    };
    assert_eq!(add(&mut desk, "ann@other.example", "ann"), code("error.permission_denied"));
    assert_eq!(add(&mut desk, "new@example.net", "nobody"), code("account.error.not_found"));
    assert_eq!(add(&mut desk, "example.net", "ann"), code("emailaddress.error.invalid"));
    assert_eq!(add(&mut desk, "@example.net", "ann"), code("emailaddress.error.invalid"));
    assert_eq!(desk.get("emailaddress/new@example.net", &[]), code("error.permission_denied"));
    assert_eq!(desk.get("domain/other.example", &[]), code("error.permission_denied"));
    let gone = desk.post("emailaddress/new@example.net", &[("action", "purge")]);
    assert_eq!(gone, code("error.permission_denied"));
    desk.done("emailaddress/ann@example.net", &[("action", "purge")]);
    assert_eq!(desk.state()["addresses"], json!({"bob@example.net": "Bob"}));
}

#[test]
fn a_domain_of_an_account_comes_and_goes_and_a_system_domain_stays() {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("domain/ann.example", &[("account", "f1")]);
    desk.done("emailaddress/ann@ann.example", &[("user", "ann")]);
    let listed = desk.get("domain", &[("account", "F1")]).expect("a list");
    let of_account = r#"<response><domains><domain id="ann.example" account="F1"/></domains></response>"#;
    assert_eq!(listed, of_account);
    desk.done("domain/ANN.example", &[("action", "purge")]);
    assert_eq!(desk.get("emailaddress/ann@ann.example", &[]), code("error.permission_denied"));
    let system = desk.post("domain/example.net", &[("action", "purge")]);
    assert_eq!(system, code("error.permission_denied"));
}

#[test]
fn packages_are_assigned_once_and_removed_once() {
    let mut desk = Desk::new();
    desk.furnish();
    let assigned = desk.post("user_package/ANN", &[("package", "EMAIL")]).expect("packages");
    assert_eq!(assigned, r#"<response><packages><package id="EMAIL"/></packages></response>"#);
    assert_eq!(desk.post("user_package/ann", &[("package", "email")]), code("package.error.exists"));
    assert_eq!(desk.post("user_package/ann", &[]), code("error.missing_parameter"));
    desk.done("user_package/ann", &[("action", "purge"), ("package", "Email")]);
    let again = desk.post("user_package/ann", &[("action", "purge"), ("package", "EMAIL")]);
    assert_eq!(again, code("package.error.not_found"));
    assert_eq!(desk.get("user_package/nobody", &[]), code("account.error.not_found"));
}

#[test]
fn packages_may_be_known_ones_only_and_assigned_again_by_modes() {
    let mut desk = Desk::with(&json!({"known_packages": ["EMAIL"], "package_again": "accepted"}));
    desk.furnish();
    assert_eq!(desk.post("user_package/ann", &[("package", "GOLD")]), code("package.error.not_found"));
    desk.done("user_package/ann", &[("package", "EMAIL")]);
    desk.done("user_package/ann", &[("package", "email")]);
    assert_eq!(pointed(&desk, "/users/ann/packages"), json!(["EMAIL"]));
}

#[test]
fn a_user_is_updated_in_every_field_and_only_by_a_sound_update() {
    let mut desk = Desk::new();
    desk.furnish();
    let update = [
        ("action", "update"),
        ("first_name", "A"),
        ("last_name", "L"),
        ("memo", "M"),
        ("password", "$1$x$y"),
        ("password_type", "encrypted"),
        ("status", "suspended"),
    ];
    desk.done("user/ANN", &update);
    let user = json!({"account": "F1", "first_name": "A", "last_name": "L", "memo": "M", "password": "$1$x$y",
        "password_type": "encrypted", "master_user": "Y", "status": "suspended", "packages": []});
    assert_eq!(pointed(&desk, "/users/ann"), user);
    for (parameters, expected) in [
        ([("first_name", "B"), ("status", "asleep")], "error.bad_parameter"),
        ([("first_name", "B"), ("password_type", "plain")], "user.error.password"),
        ([("first_name", "B"), ("password", "")], "user.error.password"),
        ([("first_name", "B"), ("account", "F9")], "account.error.not_found"),
        ([("password", "x"), ("password_type", "rot13")], "user.error.password_type"),
        ([("first_name", "B"), ("phone", "1")], "error.unknown_parameter"),
    ] {
        let mut all = vec![("action", "update")];
        all.extend(parameters);
        assert_eq!(desk.post("user/ann", &all), code(expected), "{parameters:?}");
        assert_eq!(pointed(&desk, "/users/ann"), user, "{parameters:?}");
    }
}

#[test]
fn whether_an_empty_value_clears_a_field_is_a_mode() {
    for clears in [true, false] {
        let mut desk = Desk::with(&json!({ "empty_clears": clears }));
        desk.done("account/F1", &[("first_name", "Ann")]);
        desk.done("account/F1", &[("action", "update"), ("first_name", "")]);
        assert_eq!(pointed(&desk, "/accounts/F1/first_name"), if clears { "" } else { "Ann" });
    }
}

#[test]
fn whether_an_update_moves_a_user_is_a_mode() {
    for moves in [true, false] {
        let mut desk = Desk::with(&json!({ "update_moves": moves }));
        desk.furnish();
        desk.done("account/F2", &[]);
        desk.done("user/ann", &[("action", "update"), ("account", "f2")]);
        assert_eq!(pointed(&desk, "/users/ann/account"), if moves { "F2" } else { "F1" });
    }
}

#[test]
fn codes_that_nobody_knows_are_modes() {
    let mut desk = Desk::with(&json!({"no_user": "user", "taken_code": "name.taken"}));
    desk.furnish();
    assert_eq!(desk.get("user/nobody", &[]), code("user.error.not_found"));
    assert_eq!(desk.post("user/ann", &[("account", "F1")]), code("name.taken"));
}

#[test]
fn a_state_comes_back_from_its_document_and_compares() {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("domain/ann.example", &[("account", "F1")]);
    let again: State = serde_json::from_value(desk.state()).expect("a state");
    assert_eq!(again, *desk.server.state());
    desk.done("user/ann", &[("action", "update"), ("password", "other")]);
    assert_ne!(again, *desk.server.state());
    assert!(!format!("{:?}", desk.server).contains("other"), "no debug output shows a password");
}

#[test]
fn a_document_that_is_no_state_is_refused() {
    for (document, text) in [
        (json!({"users": {"ann": {}, "ANN": {}}}), "there twice"),
        (json!({"accounts": {"F1": {"status": "asleep"}}}), "asleep"),
        (json!({"people": {}}), "people"),
        (json!({"users": {"ann": {"password_type": "rot13"}}}), "password_type"),
        (json!({"domain_accounts": {"a.example": "F1"}}), "not in the list"),
    ] {
        let error = serde_json::from_value::<State>(document).expect_err("refused").to_string();
        assert!(error.contains(text), "{error}");
    }
}
