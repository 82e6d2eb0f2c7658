//! What is destroyed is noticed, unless it was to be, or was made since.

use crate::desk::Desk;
use magicmail_simulator::{Guard, LossKind, Permission};

fn guarded(permitted: &[(LossKind, &str)]) -> Desk {
    let mut desk = Desk::new();
    desk.furnish();
    desk.done("account/G1", &[]);
    desk.done("user/zoe", &[("account", "G1")]);
    desk.done("emailaddress/zoe@example.net", &[("user", "zoe")]);
    desk.done("user/old", &[("account", "G1")]);
    desk.done("user/old", &[("action", "update"), ("status", "deleted")]);
    let permitted = permitted.iter().map(|(kind, name)| Permission { kind: *kind, name: (*name).to_owned() });
    let guard = Guard::new(desk.server.state().clone(), permitted);
    desk.server.set_guard(Some(guard));
    desk
}

fn violations(desk: &Desk) -> Vec<String> {
    desk.server.guard().expect("a guard").violations().to_vec()
}

const DELETED: (&str, &str) = ("status", "deleted");
const UPDATE: (&str, &str) = ("action", "update");
const PURGE: (&str, &str) = ("action", "purge");

#[test]
fn whatever_was_there_and_is_lost_is_a_violation() {
    let mut desk = guarded(&[]);
    desk.done("user/zoe", &[UPDATE, DELETED]);
    desk.done("user/old", &[PURGE]);
    desk.done("account/G1", &[UPDATE, DELETED]);
    desk.done("emailaddress/bob@example.net", &[PURGE]);
    let expected = [
        "nobody asked for it: user zoe of account G1 (active) was marked deleted, by POST /user/zoe action=update status=deleted",
        "nobody asked for it: user old of account G1 (deleted) was purged, by POST /user/old action=purge",
        "nobody asked for it: account G1 (active) was marked deleted, by POST /account/G1 action=update status=deleted",
        "nobody asked for it: address bob@example.net was removed from user Bob, by POST /emailaddress/bob@example.net action=purge",
    ];
    assert_eq!(violations(&desk), expected);
}

#[test]
fn an_account_that_takes_a_mailbox_in_use_along_is_a_violation() {
    let mut desk = guarded(&[(LossKind::AccountPurged, "g1"), (LossKind::UserPurged, "ZOE")]);
    desk.done("account/G1", &[UPDATE, DELETED]);
    assert_eq!(violations(&desk), [""; 0]);
    desk.done("account/G1", &[PURGE]);
    let expected = [
        "nobody asked for it: user old of account G1 (deleted) was purged, by POST /account/G1 action=purge",
        "a mailbox in use: user zoe of account G1 (active) was purged, by POST /account/G1 action=purge",
    ];
    assert_eq!(violations(&desk), expected);
}

#[test]
fn what_is_permitted_or_new_or_as_it_was_may_go() {
    let mut desk = guarded(&[(LossKind::UserPurged, "zoe"), (LossKind::AddressRemoved, "ANN@example.net")]);
    desk.done("emailaddress/zoe@example.net", &[PURGE]);
    desk.done("user/zoe", &[UPDATE, DELETED]);
    desk.done("user/zoe", &[PURGE]);
    desk.done("emailaddress/ann@example.net", &[PURGE]);
    // What the client made.
    desk.done("account/H1", &[]);
    desk.done("user/new", &[("account", "H1")]);
    desk.done("emailaddress/new@example.net", &[("user", "new")]);
    desk.done("emailaddress/new@example.net", &[PURGE]);
    desk.done("user/new", &[UPDATE, DELETED]);
    desk.done("user/new", &[PURGE]);
    desk.done("account/H1", &[UPDATE, DELETED]);
    desk.done("account/H1", &[PURGE]);
    // It was marked deleted at the start.
    desk.done("user/old", &[UPDATE, ("status", "active")]);
    desk.done("user/old", &[UPDATE, DELETED]);
    assert_eq!(violations(&desk), [""; 0]);
}

#[test]
fn even_what_the_client_made_must_be_marked_before_it_is_purged() {
    let mut desk = guarded(&[]);
    desk.done("account/H1", &[]);
    desk.done("user/new", &[("account", "H1")]);
    desk.done("account/H1", &[UPDATE, DELETED]);
    desk.done("account/H1", &[PURGE]);
    let expected =
        "a mailbox in use: user new of account H1 (active) was purged, by POST /account/H1 action=purge";
    assert_eq!(violations(&desk), [expected]);
}

#[test]
fn force_is_a_violation_even_where_it_is_refused() {
    let mut desk = guarded(&[]);
    assert!(desk.post("user/nobody", &[PURGE, ("force", "true")]).is_err());
    assert_eq!(violations(&desk), ["force was sent: POST /user/nobody action=purge force=true"]);
}

#[test]
fn addresses_that_a_server_takes_along_are_no_loss_of_their_own() {
    let mut desk = guarded(&[(LossKind::UserDeleted, "ann")]);
    desk.server.modes.addresses_follow_delete = true;
    desk.done("user/ann", &[UPDATE, DELETED]);
    assert!(desk.get("emailaddress/ann@example.net", &[]).is_err());
    assert_eq!(violations(&desk), [""; 0]);
}
