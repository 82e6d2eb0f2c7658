//! What the server holds before a hook runs, put together piece by piece. Besides what a scene asks for
//! there is always another customer's account, which nothing may touch.

use serde_json::{json, Value};

/// The customer's account.
pub const ACCOUNT: &str = "FREESIDE42";
/// The user of the service whose hook runs.
pub const OWN: &str = "jane";
/// The account of the other customer.
pub const BYSTANDER: &str = "FREESIDE7";
pub const ADDITIONAL: &str = "ADDITIONAL NOCOST MAILBOX";

/// Texts that must be seen nowhere.
pub const API_PASSWORD: &str = "api-Passw0rd-of-the-client";
pub const NEW_PASSWORD: &str = "n3w-Tr0ub4dor&%é";
pub const OLD_PASSWORD: &str = "0ld-horse+battery=x";
pub const OTHER_PASSWORD: &str = "somebody-3lses-pw";

#[derive(Clone)]
pub struct Start(Value);

impl Start {
    /// Only the other customer.
    pub fn empty() -> Start {
        let domains = json!(["example.net", "example.com"]);
        Start(json!({ "accounts": {}, "users": {}, "addresses": {}, "domains": domains }))
            .account(BYSTANDER, "active")
            .user("zoe", BYSTANDER, "Y active", &["EMAIL"])
            .address("zoe@example.net", "zoe")
    }

    pub fn account(mut self, id: &str, status: &str) -> Start {
        self.0["accounts"][id] = json!({ "first_name": "Anne", "last_name": "Leigh", "status": status });
        self
    }

    /// `flags`: whether it is a master, and its status.
    pub fn user(mut self, name: &str, account: &str, flags: &str, packages: &[&str]) -> Start {
        let (master, status) = flags.split_once(' ').expect("a flag and a status");
        let (first, last) = if name == OWN { ("Jane", "Roe") } else { ("Some", "Body") };
        let password = if name == OWN { OLD_PASSWORD } else { OTHER_PASSWORD };
        self.0["users"][name] = json!({
            "account": account, "first_name": first, "last_name": last, "password": password,
            "master_user": master, "status": status, "packages": packages,
        });
        self
    }

    pub fn address(mut self, address: &str, user: &str) -> Start {
        self.0["addresses"][address] = json!(user);
        self
    }

    /// An active account whose master is ann, of service 12.
    pub fn of_ann(packages: &[&str]) -> Start {
        Start::empty()
            .account(ACCOUNT, "active")
            .user("ann", ACCOUNT, "Y active", packages)
            .address("ann@example.net", "ann")
    }

    /// An active account with jane alone, its master.
    pub fn of_jane(status: &str) -> Start {
        Start::empty()
            .account(ACCOUNT, "active")
            .user("jane", ACCOUNT, &format!("Y {status}"), &["EMAIL"])
            .address("jane@example.net", "jane")
    }

    pub fn document(&self) -> &Value {
        &self.0
    }
}
