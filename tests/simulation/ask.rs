//! What a hook asks of the library, how it is asked, and what comes back.

use crate::books::{package_of, Export, OnAccount};
use crate::mail::{CLIENT_ID, CLIENT_PASSWORD};
use crate::network::Line;
use crate::stage::Stage;
use magicmail::error::Error;
use magicmail::log::NoSink;
use magicmail::operation::Export as Library;
use magicmail::world::Hook;
use serde_json::{json, Value};
use std::sync::Arc;

/// One call of the library.
#[derive(Clone, Debug)]
pub struct Ask {
    pub hook: Hook,
    pub custnum: Option<u64>,
    pub account: String,
    /// The account that the options name; empty: none.
    pub configured: String,
    pub service: Asked,
    pub old: Option<Asked>,
    pub others: Vec<OnAccount>,
    /// What the library is told, which is not the option's value where the queue purges.
    pub autopurge: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub svcnum: u64,
    pub username: String,
    pub domain: String,
    pub finger: String,
    pub password: String,
    pub package: &'static str,
    pub is_suspended: bool,
}

/// What the library says.
#[derive(Clone, Debug)]
pub struct Told {
    pub account: String,
    pub warnings: Vec<String>,
    pub steps: Vec<String>,
}

impl Asked {
    pub fn address(&self) -> String {
        format!("{}@{}", self.username, self.domain)
    }

    fn document(&self, hook: Hook) -> Value {
        let mut document = json!({
            "svcnum": self.svcnum, "username": self.username, "domain": self.domain, "finger": self.finger,
            "package": self.package, "suspended": self.is_suspended,
        });
        if matches!(hook, Hook::Provision | Hook::Replace) {
            document["password"] = json!(self.password);
            document["password_encoding"] = json!("plain");
        }
        document
    }
}

impl Ask {
    pub fn words(&self) -> String {
        let customer = self.custnum.map_or("no customer".to_owned(), |custnum| format!("customer {custnum}"));
        let hook = format!("{:?}", self.hook).to_lowercase();
        let (service, account) = (&self.service, &self.account);
        let old = self.old.as_ref().map_or(String::new(), |old| format!(", was {}", old.address()));
        format!("{customer}, service {}: {hook} {} on {account}{old}", service.svcnum, service.address())
    }

    /// The services of an account, without this one.
    pub fn others_on<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a OnAccount> {
        self.others.iter().filter(move |other| {
            other.svcnum != self.service.svcnum && other.account.eq_ignore_ascii_case(account)
        })
    }

    fn document(&self) -> Value {
        let mut account = json!({ "id": self.account });
        if !self.configured.is_empty() {
            account["configured_id"] = json!(self.configured);
        }
        if let Some(custnum) = self.custnum {
            account["first_name"] = json!("Customer");
            account["last_name"] = json!(format!("No{custnum}"));
        }
        let mut document = json!({ "account": account, "service": self.service.document(self.hook) });
        if let Some(old) = &self.old {
            document["old"] = old.document(self.hook);
        }
        if !self.others.is_empty() {
            let other = |other: &OnAccount| {
                json!({ "svcnum": other.svcnum, "username": other.username, "domain": other.domain,
                        "package": other.package, "account_id": other.account })
            };
            document["others"] = self.others.iter().map(other).collect();
        }
        document
    }

    /// Calls the library, in the process of `worker`.
    pub fn send(&self, stage: &Arc<Stage>, worker: usize, export: &Export) -> Result<Told, Error> {
        let line = Line { stage: Arc::clone(stage), worker };
        let configuration = json!({
            "machine": "mail.example.net", "client_id": CLIENT_ID, "client_password": CLIENT_PASSWORD,
            "package": package_of(export.exportnum), "autopurge": self.autopurge,
        });
        let library = Library::over(&configuration.to_string(), Box::new(line))?;
        let reply = match self.hook {
            Hook::Purge => {
                let arguments = json!({ "account_id": self.account, "user": self.service.username,
                                        "address": self.service.address(), "services": self.services() });
                library.call("purge_deleted", &arguments.to_string(), &NoSink)
            }
            Hook::Sync => {
                let arguments = json!({ "account_id": self.account, "services": self.services() });
                library.call("sync", &arguments.to_string(), &NoSink)
            }
            hook => library.hook(hook, &self.document().to_string(), &NoSink),
        }?;
        Ok(self.told(&reply))
    }

    fn services(&self) -> Vec<Value> {
        let service = |other: &OnAccount| json!({ "svcnum": other.svcnum, "username": other.username, "package": other.package });
        self.others.iter().map(service).collect()
    }

    fn told(&self, reply: &str) -> Told {
        let reply: Value = serde_json::from_str(reply).unwrap_or_default();
        let texts = |key: &str| -> Vec<String> {
            let list = reply[key].as_array().map(Vec::as_slice).unwrap_or_default();
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Told {
            account: reply["account_id"].as_str().unwrap_or(&self.account).to_owned(),
            warnings: texts("warnings"),
            steps: texts("steps"),
        }
    }
}
