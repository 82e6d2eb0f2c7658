//! `inspect`: what MagicMail has of one mailbox, for a page that is drawn. It changes nothing, takes no
//! longer than it is told, and says what could not be read. Whatever the server has in its fields, they are
//! given as texts fit to be shown: pages escape markup, and nothing else.

use super::sync::services_of;
use super::Export;
use crate::api::{Api, Call, CallError, Limits, Reply};
use crate::document::{needed_segment, Fields, Neighbour};
use crate::error::Error;
use crate::evidence::{Known, UserList};
use crate::foreign::foreign;
use crate::id::{AccountId, PackageName, UserName};
use crate::log::Sink;
use crate::plan::masters;
use crate::record::{Record, User};
use crate::world::{Hook, Task, World};
use serde_json::{Map, Value};
use std::time::Duration;

/// What can be asked for, in `only`; all of it where `only` is missing.
const PARTS: [&str; 5] = ["user", "account", "masters", "user_packages", "addresses"];

/// Of so many users that are marked as masters the packages are read.
const MOST_MASTERS: usize = 16;

/// `{account_id, user, services, within, only}` → `{user, account, masters, packages, user_packages, addresses,
/// unknown}`.
///
/// `user` and `account` are records of texts, null where there is none; `masters` names of users, first the one that
/// counts (`services`, those of the account, may decide that); `packages` are its own; `unknown` says in words what
/// could not be read.
pub fn inspect(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let account = AccountId::new(needed_segment(&mut fields, "account_id")?);
    let user = UserName::new(needed_segment(&mut fields, "user")?);
    let within = within(&mut fields, export)?;
    let only = fields.texts("only")?;
    let services = services_of(&mut fields, &account)?;
    fields.finish()?;
    let wanted: Vec<&str> =
        PARTS.into_iter().filter(|part| only.is_empty() || only.iter().any(|name| name == part)).collect();
    let api = export.api(sink, export.redactor(), Limits::within(within));
    let calls: Vec<Call> = wanted.iter().map(|part| call(part, &account, &user)).collect();
    let mut found = Found::default();
    for (part, reply) in wanted.iter().zip(api.read(&calls)) {
        match reply {
            Ok(Reply::List(list)) if *part == "masters" => {
                found.record_masters(&account, services.clone(), &list, &api);
            }
            Ok(reply) => found.record(part, reply, &api),
            Err(error) => found.unknown(part, &error),
        }
    }
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

    /// The masters, and the packages that the customer pays for: those of the one that counts.
    fn record_masters(
        &mut self,
        account: &AccountId,
        services: Vec<Neighbour>,
        list: &[(String, Record)],
        api: &Api,
    ) {
        let list = match UserList::from_entries(account, list) {
            Ok(list) => list,
            Err(text) => return self.unknown.push(format!("masters: {}", api.clean(&text)).into()),
        };
        let task = Task::of_account(Hook::Sync, account, services);
        let mut world = World::new(&task.request);
        world.users = Some(list);
        let candidates: Vec<User> = masters(&task, &world).0.into_iter().cloned().collect();
        let unplaced: Vec<&UserName> =
            candidates.iter().filter(|user| user.account.is_none()).map(|user| &user.name).collect();
        let holders: Vec<&UserName> = candidates.iter().take(MOST_MASTERS).map(|user| &user.name).collect();
        let calls: Vec<Call> = holders
            .iter()
            .map(|name| Call::get_packages(name))
            .chain(unplaced.iter().map(|name| Call::get_user(name)))
            .collect();
        let mut replies = api.read(&calls).into_iter();
        let packages: Vec<_> = holders.iter().zip(replies.by_ref()).collect();
        for (name, reply) in unplaced.into_iter().zip(replies) {
            let known = match reply {
                Ok(Reply::Record(record)) => Known::Present(User::from_record(&record, name)),
                Ok(Reply::Absent) => Known::Absent,
                _ => Known::Unknown,
            };
            world.peers.insert(name.clone(), known);
        }
        for (name, reply) in &packages {
            if let Ok(Reply::List(list)) = reply {
                let held = list.iter().map(|(id, _)| PackageName::new(id.as_str())).collect();
                world.packages.insert((**name).clone(), held);
            }
        }
        let (marked, counting) = masters(&task, &world);
        let counting = counting.or_else(|| marked.first().copied());
        let others = marked.iter().copied().filter(|user| counting.is_none_or(|one| one.name != user.name));
        let names = counting.into_iter().chain(others).map(|user| &user.name);
        let text = |name: &UserName| Value::from(api.clean(&foreign(name.as_str())));
        self.shown.insert("masters".to_owned(), names.map(text).collect());
        let Some(counting) = counting else { return };
        match packages.into_iter().find(|(name, _)| ***name == counting.name) {
            Some((_, Ok(reply))) => self.record("packages", reply, api),
            Some((_, Err(error))) => self.unknown("packages", &error),
            None => {}
        }
    }

    fn unknown(&mut self, part: &str, error: &CallError) {
        self.unknown.push(format!("{}: {}", part.replace('_', " "), error.text).into());
    }

    fn told(mut self) -> Value {
        self.shown.insert("unknown".to_owned(), self.unknown.into());
        self.shown.into()
    }
}
