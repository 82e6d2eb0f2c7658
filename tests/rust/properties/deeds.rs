//! What may be asked of a server that lies: each scene's hook; and what the scenes lack: the jobs that finish an
//! unprovision, the repairs, services of one user name, an account on record that is not the options' one, a customer
//! who once had other mailboxes.

use super::scenes::{Scene, ACCOUNT, ADDRESS, USER};
use super::OLD_PASSWORD;
use magicmail::error::Error;
use magicmail::log::Sink;
use magicmail::operation::Export;
use magicmail::world::Hook;
use magicmail_simulator::State;
use serde_json::{json, Value};

/// The options name it, and no service is on it.
const CONFIGURED: &str = "ISP42";
/// Another customer's.
const OTHERS: &str = "FREESIDE7";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    Hook(Scene),
    /// The hook of a customer who once had further mailboxes: one is marked deleted, one is gone, one another
    /// customer's by now.
    WithHistory(Scene),
    /// The service's account is on record, the options name another.
    Recorded(Scene),
    /// Another customer has a service of the same user name in another domain, and the mailbox.
    OfNamesake(Scene),
    /// The user bears the addresses of both services.
    Shared(Scene),
    /// The user bears no address that tells whose it is, and no account is on record.
    Nameless(Scene),
    /// More services than are read one by one.
    Large(Scene),
    /// A job of an unprovision, whose user is as it left it.
    Job(Job, Left),
    Repair(Repair),
    Packages,
    Rename,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    Purge,
    Finish,
}

/// What a job finds of what an unprovision marked deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The last mailbox of the account, both still marked deleted.
    All,
    /// The account's master, another mailbox is there.
    Master,
    /// Somebody made it active again.
    InUse,
    /// Another customer has the name by now, and the mailbox is marked deleted.
    Another,
    /// It was purged; the account is marked deleted.
    Nobody,
}

/// A finding that a repair mends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    AddressOld,
    AddressMissing,
    NotSuspended,
    NoMaster,
    PackageExtra,
    AccountDeleted,
}

const LEFT: [Left; 5] = [Left::All, Left::Master, Left::InUse, Left::Another, Left::Nobody];
const REPAIRS: [Repair; 6] = [
    Repair::AddressOld,
    Repair::AddressMissing,
    Repair::NotSuspended,
    Repair::NoMaster,
    Repair::PackageExtra,
    Repair::AccountDeleted,
];
/// Whose mailbox is there already.
const PRESENT: [Scene; 8] = [
    Scene::TakeOver,
    Scene::Last,
    Scene::Additional,
    Scene::Master,
    Scene::Change,
    Scene::ChangeDomain,
    Scene::Suspend,
    Scene::Unsuspend,
];

impl Deed {
    /// The scenes first.
    pub fn all() -> Vec<Deed> {
        let hooks = Scene::ALL.into_iter().map(Deed::Hook);
        let with_history = [Scene::NewCustomer, Scene::TakeOver, Scene::Last, Scene::Master];
        let present = PRESENT.into_iter().flat_map(|scene| {
            [Deed::Recorded(scene), Deed::OfNamesake(scene), Deed::Shared(scene), Deed::Nameless(scene)]
        });
        let large = [Scene::SecondService, Scene::TakeOver, Scene::Additional, Scene::Master];
        let jobs =
            LEFT.into_iter().flat_map(|left| [Deed::Job(Job::Purge, left), Deed::Job(Job::Finish, left)]);
        hooks
            .chain(with_history.map(Deed::WithHistory))
            .chain(present)
            .chain(large.map(Deed::Large))
            .chain(jobs)
            .chain(REPAIRS.map(Deed::Repair))
            .chain([Deed::Packages, Deed::Rename])
            .collect()
    }

    fn scene(self) -> Scene {
        match self {
            Deed::Hook(scene)
            | Deed::WithHistory(scene)
            | Deed::Recorded(scene)
            | Deed::OfNamesake(scene)
            | Deed::Shared(scene)
            | Deed::Nameless(scene)
            | Deed::Large(scene) => scene,
            Deed::Job(_, Left::Master) | Deed::Repair(Repair::NoMaster) => Scene::Master,
            Deed::Job(..) => Scene::Last,
            Deed::Repair(_) | Deed::Packages | Deed::Rename => Scene::Additional,
        }
    }

    /// Whether the call is given the old password too; others may meet it in an answer.
    pub fn knows_old_password(self) -> bool {
        self.hook() == Some(Hook::Replace)
    }

    fn hook(self) -> Option<Hook> {
        match self {
            Deed::Job(..) | Deed::Repair(_) | Deed::Packages | Deed::Rename => None,
            hook => Some(hook.scene().hook()),
        }
    }

    /// The scene's, and on the customer's account a mailbox that is marked deleted and that Freeside does not know; on
    /// the service's own mailbox a second address.
    pub fn state(self) -> State {
        let mut state = serde_json::to_value(self.scene().state()).expect("a document");
        if !state["accounts"][ACCOUNT].is_null() {
            state["users"]["old"] =
                json!({ "account": ACCOUNT, "status": "deleted", "password": OLD_PASSWORD });
            state["addresses"]["old@example.net"] = json!("old");
        }
        if !state["users"][USER].is_null() {
            state["addresses"]["j.roe@example.net"] = json!(USER);
        }
        self.change(&mut state);
        serde_json::from_value(state).expect("a state")
    }

    fn change(self, state: &mut Value) {
        match self {
            Deed::Hook(_) | Deed::Recorded(_) | Deed::Large(_) | Deed::Packages => {}
            Deed::WithHistory(_) => {
                let moved = json!({ "account": OTHERS, "status": "deleted", "password": OLD_PASSWORD });
                state["users"]["moved"] = moved;
                state["addresses"]["moved@example.net"] = json!("moved");
            }
            Deed::OfNamesake(_) => {
                state["users"][USER]["account"] = json!(OTHERS);
                state["addresses"]["jane@example.org"] = json!(USER);
                without(state, ADDRESS);
            }
            Deed::Shared(_) => state["addresses"]["jane@example.org"] = json!(USER),
            Deed::Nameless(_) => without(state, ADDRESS),
            Deed::Job(_, left) => left.change(state),
            Deed::Repair(repair) => repair.change(state),
            Deed::Rename => state["accounts"][ACCOUNT]["last_name"] = json!("Roe"),
        }
        if matches!(self, Deed::Shared(_) | Deed::OfNamesake(_) | Deed::Nameless(_)) {
            let domains = ["example.net", "example.com", "example.org"];
            state["domains"] = json!(domains);
        }
    }

    /// Asks it of the export.
    pub fn ask(self, export: &Export, autopurge: bool, sink: &dyn Sink) -> Result<String, Error> {
        match self {
            Deed::Job(Job::Purge, left) => export.call("purge_deleted", &left.request().to_string(), sink),
            Deed::Job(Job::Finish, left) => {
                let mut request = left.request();
                request["autopurge"] = json!(autopurge);
                export.call("finish_unprovision", &request.to_string(), sink)
            }
            Deed::Repair(repair) => {
                let request = json!({ "account": audited(repair), "finding": repair.key() });
                export.call("repair", &request.to_string(), sink)
            }
            Deed::Packages => {
                let services = [service(12, "ann", "BASIC"), service(20, USER, "EMAIL")];
                let request = json!({ "account_id": ACCOUNT, "services": services });
                export.call("sync", &request.to_string(), sink)
            }
            Deed::Rename => {
                let request = json!({ "account": audited(Repair::AddressOld), "customer": 42 });
                export.call("rename_account", &request.to_string(), sink)
            }
            hook => export.hook(hook.scene().hook(), &hook.request().to_string(), sink),
        }
    }

    fn request(self) -> Value {
        let mut request = self.scene().request(false);
        let namesake = |account: &str, on_record: bool| json!([{ "svcnum": 7, "domain": "example.org", "account_id": account, "on_record": on_record }]);
        match self {
            Deed::WithHistory(_) => request["former_users"] = json!(["jane", "old", "gone", "moved"]),
            Deed::Recorded(_) => {
                request["account"]["configured_id"] = json!(CONFIGURED);
                request["account"]["on_record"] = json!(true);
            }
            Deed::OfNamesake(_) => request["namesakes"] = namesake(OTHERS, true),
            Deed::Shared(_) | Deed::Nameless(_) => request["namesakes"] = namesake("FREESIDE9", false),
            Deed::Large(_) => {
                let name = |n: u64| if n == 0 { "ann".to_owned() } else { format!("user{n}") };
                let others: Vec<Value> = (0..60).map(|n| service(30 + n, &name(n), "EMAIL")).collect();
                request["others"] = json!(others);
            }
            _ => {}
        }
        request
    }
}

fn without(state: &mut Value, address: &str) {
    if let Some(addresses) = state["addresses"].as_object_mut() {
        addresses.remove(address);
    }
}

fn service(svcnum: u64, user: &str, package: &str) -> Value {
    json!({ "svcnum": svcnum, "username": user, "domain": "example.net", "package": package })
}

impl Left {
    fn change(self, state: &mut Value) {
        state["users"][USER]["status"] = json!("deleted");
        match self {
            Left::All => state["accounts"][ACCOUNT]["status"] = json!("deleted"),
            Left::Master => {}
            Left::InUse => state["users"][USER]["status"] = json!("active"),
            Left::Another => {
                state["accounts"][ACCOUNT]["status"] = json!("deleted");
                state["users"][USER]["account"] = json!(OTHERS);
            }
            Left::Nobody => {
                state["accounts"][ACCOUNT]["status"] = json!("deleted");
                if let Some(users) = state["users"].as_object_mut() {
                    users.remove(USER);
                }
                without(state, ADDRESS);
                without(state, "j.roe@example.net");
            }
        }
    }

    fn request(self) -> Value {
        let services = if self == Left::Master { vec![service(12, "ann", "BASIC")] } else { Vec::new() };
        json!({
            "account_id": ACCOUNT, "user": USER, "address": ADDRESS, "services": services,
            "former_users": ["jane", "old", "gone"],
        })
    }
}

impl Repair {
    fn change(self, state: &mut Value) {
        match self {
            Repair::AddressOld => state["addresses"]["jane@example.com"] = json!(USER),
            Repair::AddressMissing => without(state, ADDRESS),
            Repair::NotSuspended => {}
            Repair::NoMaster => {
                if let Some(users) = state["users"].as_object_mut() {
                    users.remove(USER);
                }
                without(state, ADDRESS);
                without(state, "j.roe@example.net");
            }
            Repair::PackageExtra => state["users"]["ann"]["packages"] = json!(["BASIC", "EMAIL", "FAX"]),
            Repair::AccountDeleted => state["accounts"][ACCOUNT]["status"] = json!("deleted"),
        }
    }

    fn key(self) -> &'static str {
        match self {
            Repair::AddressOld => "address_old/20/example.com",
            Repair::AddressMissing => "address_missing/20",
            Repair::NotSuspended => "not_suspended/20",
            Repair::NoMaster => "no_master/FREESIDE42",
            Repair::PackageExtra => "package_extra/FREESIDE42/FAX",
            Repair::AccountDeleted => "account_deleted/FREESIDE42",
        }
    }
}

fn audited(repair: Repair) -> Value {
    let one = |svcnum: u64, user: &str, package: &str, suspended: bool| {
        json!({
            "svcnum": svcnum, "customer": 42, "username": user, "domain": "example.net", "package": package,
            "suspended": suspended, "first_name": "Ann", "last_name": "Lee",
        })
    };
    let ann = one(12, "ann", "BASIC", false);
    let jane = one(20, USER, "EMAIL", repair == Repair::NotSuspended);
    let services = if repair == Repair::NoMaster { vec![ann] } else { vec![ann, jane] };
    json!({ "id": ACCOUNT, "services": services })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deed_is_there_once() {
        let all = Deed::all();
        assert!(all.iter().enumerate().all(|(n, deed)| !all[..n].contains(deed)));
        assert!(all.len() < 256, "a byte chooses one");
    }
}
