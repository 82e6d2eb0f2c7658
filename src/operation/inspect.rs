//! `inspect`: what MagicMail has of one mailbox, for a page that is drawn. It changes nothing, takes no
//! longer than it is told, and says what could not be read. Whatever the server has in its fields, they are
//! given as texts fit to be shown: pages escape markup, and nothing else.

use super::Export;
use crate::api::{Api, Call, CallError, Limits, Reply};
use crate::document::{needed_segment, Fields};
use crate::error::Error;
use crate::evidence::UserList;
use crate::foreign::foreign;
use crate::id::{AccountId, UserName};
use crate::log::Sink;
use crate::record::Record;
use serde_json::{Map, Value};
use std::time::Duration;

/// What can be asked for, in `only`; all of it where `only` is missing.
const PARTS: [&str; 5] = ["user", "account", "masters", "user_packages", "addresses"];

/// `{account_id, user, within, only}` → `{user, account, masters, packages, user_packages, addresses, unknown}`.
///
/// `user` and `account` are records of texts, null where there is none; `masters` names of users; `packages` those
/// of the first master; `unknown` says in words what could not be read.
pub fn inspect(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let account = AccountId::new(needed_segment(&mut fields, "account_id")?);
    let user = UserName::new(needed_segment(&mut fields, "user")?);
    let within = within(&mut fields, export)?;
    let only = fields.texts("only")?;
    fields.finish()?;
    let wanted: Vec<&str> =
        PARTS.into_iter().filter(|part| only.is_empty() || only.iter().any(|name| name == part)).collect();
    let api = export.api(sink, export.redactor(), Limits::within(within));
    let calls: Vec<Call> = wanted.iter().map(|part| call(part, &account, &user)).collect();
    let mut found = Found::default();
    for (part, reply) in wanted.iter().zip(api.read(&calls)) {
        match reply {
            Ok(Reply::List(list)) if *part == "masters" => found.record_masters(&account, &list, &api),
            Ok(reply) => found.record(part, reply, &api),
            Err(error) => found.unknown(part, &error),
        }
    }
    found.packages_of_master(&api);
    Ok(found.told())
}

/// The seconds that a page waits in all; the export's own time for one request where they are missing.
pub fn within(fields: &mut Fields, export: &Export) -> Result<Duration, Error> {
    match fields.text("within")?.filter(|text| !text.is_empty()) {
        None => Ok(export.configuration.timeout),
        Some(text) => match text.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= 3_600.0 => Ok(Duration::from_secs_f64(seconds)),
            _ => Err(Error::argument("key within must be a number of seconds")),
        },
    }
}

fn call(part: &str, account: &AccountId, user: &UserName) -> Call {
    match part {
        "account" => Call::get_account(account),
        "masters" => Call::get_users(account),
        "user_packages" => Call::get_packages(user),
        "addresses" => Call::get_email_addresses(user),
        _ => Call::get_user(user),
    }
}

#[derive(Default)]
struct Found {
    shown: Map<String, Value>,
    unknown: Vec<Value>,
    masters: Vec<UserName>,
}

impl Found {
    fn record(&mut self, part: &str, reply: Reply, api: &Api) {
        let text = |text: &str| Value::from(api.clean(&foreign(text)));
        let value = match reply {
            Reply::Record(record) => {
                let texts = record.0.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?)));
                texts.map(|(name, value)| (name, text(value))).collect::<Map<_, _>>().into()
            }
            Reply::List(list) => list.iter().map(|(id, _)| text(id)).collect(),
            _ => Value::Null,
        };
        self.shown.insert(part.to_owned(), value);
    }

    fn record_masters(&mut self, account: &AccountId, list: &[(String, Record)], api: &Api) {
        match UserList::from_entries(account, list) {
            Ok(list) => {
                let masters = list.iter().filter(|user| user.master && !user.is_deleted());
                self.masters = masters.map(|user| user.name.clone()).collect();
                let text = |name: &UserName| Value::from(api.clean(&foreign(name.as_str())));
                self.shown.insert("masters".to_owned(), self.masters.iter().map(text).collect());
            }
            Err(text) => self.unknown.push(format!("masters: {}", api.clean(&text)).into()),
        }
    }

    fn unknown(&mut self, part: &str, error: &CallError) {
        self.unknown.push(format!("{}: {}", part.replace('_', " "), error.text).into());
    }

    /// The packages that the customer pays for are on the master.
    fn packages_of_master(&mut self, api: &Api) {
        let Some(master) = self.masters.first().cloned() else { return };
        match api.read_one(&Call::get_packages(&master)) {
            Ok(reply) => self.record("packages", reply, api),
            Err(error) => self.unknown("packages", &error),
        }
    }

    fn told(mut self) -> Value {
        self.shown.insert("unknown".to_owned(), self.unknown.into());
        self.shown.into()
    }
}
