//! When a write becomes visible to reads.

use crate::desk::Desk;
use serde_json::json;
use std::time::Duration;

#[test]
fn a_write_becomes_visible_after_the_lag_and_not_before() {
    let mut desk = Desk::with(&json!({"lag_ms": 50}));
    desk.done("account/F1", &[]);
    desk.now = Duration::from_millis(49);
    assert!(desk.get("account/F1", &[]).is_err());
    desk.now = Duration::from_millis(50);
    assert!(desk.get("account/F1", &[]).is_ok());
}

#[test]
fn writes_see_what_reads_do_not_yet() {
    let mut desk = Desk::with(&json!({"lag_ms": 50}));
    desk.done("account/F1", &[]);
    desk.done("user/ann", &[("account", "F1")]);
    assert_eq!(desk.post("account/F1", &[]), Err("account.error.exists".to_owned()));
    assert!(desk.get("user/ann", &[]).is_err());
    assert!(desk.state()["users"]["ann"].is_object());
}

#[test]
fn later_writes_become_visible_in_their_order_even_when_the_lag_shrinks() {
    let mut desk = Desk::with(&json!({"lag_ms": 50}));
    desk.done("account/F1", &[]);
    desk.server.modes.lag_ms = 0;
    desk.now = Duration::from_millis(10);
    desk.done("account/F2", &[]);
    assert!(desk.get("account/F2", &[]).is_err());
    desk.now = Duration::from_millis(50);
    assert!(desk.get("account/F1", &[]).is_ok() && desk.get("account/F2", &[]).is_ok());
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut desk = Desk::new();
    desk.furnish();
    let before = desk.server.clone();
    desk.done("user/ann", &[("action", "purge"), ("force", "true")]);
    assert_ne!(before.state(), desk.server.state());
    assert!(serde_json::to_value(before.state()).expect("a document")["users"]["ann"].is_object());
}
