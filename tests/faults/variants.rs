//! The shapes that a server may have, a few of them together as one variant, and how warm the handle is.

use serde_json::{json, Value};

pub struct Variant {
    pub name: &'static str,
    /// Modes of the simulator.
    pub modes: fn() -> Value,
    /// The handle has a connection already when the hook begins.
    pub warm: bool,
}

pub const ALL: [Variant; 4] = [
    Variant { name: "attributes", modes: || json!({}), warm: true },
    Variant {
        name: "children",
        modes: || {
            json!({ "fields": "children", "deleted_users": "hidden", "addresses_follow_purge": false,
                    "nothing_to_read": "no_body", "no_user": "user", "error_status": 200 })
        },
        warm: false,
    },
    Variant {
        name: "mixed",
        modes: || {
            json!({ "fields": "mixed", "user_names": "as_sent", "addresses_follow_purge": false,
                    "echo_password": true, "package_again": "accepted", "empty_lists": "missing",
                    "body": "chunked", "not_master": "", "error_status": 500 })
        },
        warm: true,
    },
    Variant {
        name: "hidden",
        modes: || {
            json!({ "deleted_users": "hidden", "account_in_lists": false, "list_id": "name",
                    "body": "close", "close_notify": false, "keep_alive": false })
        },
        warm: false,
    },
];

pub fn named(name: &str) -> Option<&'static Variant> {
    ALL.iter().find(|variant| variant.name == name)
}
