//! What a hook is asked, and what the server has before: customer 42, whose service 20 is jane@example.net.

use super::{OLD_PASSWORD, PASSWORD};
use magicmail::world::Hook;
use magicmail_simulator::State;
use serde_json::{json, Value};

pub const ACCOUNT: &str = "FREESIDE42";
pub const USER: &str = "jane";
pub const ADDRESS: &str = "jane@example.net";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    NewCustomer,
    SecondService,
    /// The account is suspended.
    Asleep,
    /// The mailbox is there already, marked deleted.
    TakeOver,
    /// The mailbox is another customer's.
    Taken,
    Last,
    Additional,
    Master,
    Change,
    ChangeDomain,
    Suspend,
    Unsuspend,
}

impl Scene {
    pub const ALL: [Scene; 12] = [
        Scene::NewCustomer,
        Scene::SecondService,
        Scene::Asleep,
        Scene::TakeOver,
        Scene::Taken,
        Scene::Last,
        Scene::Additional,
        Scene::Master,
        Scene::Change,
        Scene::ChangeDomain,
        Scene::Suspend,
        Scene::Unsuspend,
    ];

    pub fn named(name: &str) -> Option<Scene> {
        Scene::ALL.into_iter().find(|scene| scene.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Scene::NewCustomer => "new_customer",
            Scene::SecondService => "second_service",
            Scene::Asleep => "asleep",
            Scene::TakeOver => "take_over",
            Scene::Taken => "taken",
            Scene::Last => "last",
            Scene::Additional => "additional",
            Scene::Master => "master",
            Scene::Change => "change",
            Scene::ChangeDomain => "change_domain",
            Scene::Suspend => "suspend",
            Scene::Unsuspend => "unsuspend",
        }
    }

    pub fn hook(self) -> Hook {
        match self {
            Scene::NewCustomer | Scene::SecondService | Scene::Asleep | Scene::TakeOver | Scene::Taken => {
                Hook::Provision
            }
            Scene::Last | Scene::Additional | Scene::Master => Hook::Unprovision,
            Scene::Change | Scene::ChangeDomain => Hook::Replace,
            Scene::Suspend => Hook::Suspend,
            Scene::Unsuspend => Hook::Unsuspend,
        }
    }

    /// Another mailbox of the customer's is there, ann's, older than jane's.
    fn has_ann(self) -> bool {
        matches!(self, Scene::SecondService | Scene::TakeOver | Scene::Additional | Scene::Master)
    }

    fn jane(self) -> Option<Value> {
        let (account, master, status) = match self {
            Scene::NewCustomer | Scene::SecondService | Scene::Asleep => return None,
            Scene::Taken => ("FREESIDE7", "N", "active"),
            Scene::TakeOver => (ACCOUNT, "N", "deleted"),
            Scene::Additional => (ACCOUNT, "N", "active"),
            Scene::Unsuspend => (ACCOUNT, "Y", "suspended"),
            _ => (ACCOUNT, "Y", "active"),
        };
        let package = if master == "Y" { "EMAIL" } else { "ADDITIONAL NOCOST MAILBOX" };
        Some(user(account, master, status, package))
    }

    pub fn state(self) -> State {
        let mut state = json!({
            "accounts": { "FREESIDE7": { "first_name": "Zoe", "last_name": "Else" } },
            "users": { "zoe": user("FREESIDE7", "Y", "active", "EMAIL") },
            "addresses": { "zoe@example.net": "zoe" },
            "domains": ["example.net", "example.com"],
        });
        if self != Scene::NewCustomer {
            let status = if self == Scene::Asleep { "suspended" } else { "active" };
            state["accounts"][ACCOUNT] = json!({ "first_name": "Ann", "last_name": "Lee", "status": status });
        }
        if self.has_ann() {
            let (master, package) = match self {
                Scene::Master => ("N", "ADDITIONAL NOCOST MAILBOX"),
                _ => ("Y", "BASIC"),
            };
            state["users"]["ann"] = user(ACCOUNT, master, "active", package);
            state["addresses"]["ann@example.net"] = json!("ann");
        }
        if let Some(jane) = self.jane() {
            state["users"][USER] = jane;
            state["addresses"][ADDRESS] = json!(USER);
        }
        serde_json::from_value(state).expect("a state")
    }

    /// The document that the hook is given.
    pub fn request(self, dry_run: bool) -> Value {
        let service = |domain: &str, password: &str| {
            json!({
                "svcnum": 20, "username": USER, "domain": domain, "finger": "Jane Roe", "package": "EMAIL",
                "password": password, "password_encoding": "plain",
            })
        };
        let domain = if self == Scene::ChangeDomain { "example.com" } else { "example.net" };
        let ann = json!({ "svcnum": 12, "username": "ann", "domain": "example.net", "package": "BASIC" });
        let mut request = json!({
            "account": { "id": ACCOUNT, "first_name": "Ann", "last_name": "Lee" },
            "service": service(domain, PASSWORD),
            "others": if self.has_ann() { vec![ann] } else { Vec::new() },
            "dry_run": dry_run,
        });
        if self.hook() == Hook::Replace {
            request["old"] = service("example.net", OLD_PASSWORD);
        }
        request
    }
}

fn user(account: &str, master: &str, status: &str, package: &str) -> Value {
    json!({
        "account": account, "first_name": "Jane", "last_name": "Roe", "password": OLD_PASSWORD,
        "master_user": master, "status": status, "packages": [package],
    })
}
