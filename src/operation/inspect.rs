//! `inspect`: what MagicMail has of one mailbox, for a page that is drawn. It changes nothing, takes no
//! longer than it is told, and says what could not be read. Whatever the server has in its fields, they are
//! given as texts fit to be shown: pages escape markup, and nothing else.

use super::audit::{fault_of, task};
use super::sync::services_of;
use super::Export;
use crate::api::{Api, Call, CallError, Cause, Limits, Reply};
use crate::document::{audited_services, needed_segment, Fields, Neighbour};
use crate::error::Error;
use crate::evidence::{Known, UserList};
use crate::foreign::foreign;
use crate::id::{AccountId, PackageName, UserName};
use crate::log::Sink;
use crate::observe::take_in_answer;
use crate::plan::audit::look;
use crate::plan::{masters, Fact};
use crate::record::{Record, User};
use crate::world::{Hook, Task, World};
use serde_json::{Map, Value};
use std::time::Duration;

/// What can be asked for, in `only`; all of it where `only` is missing.
const PARTS: [&str; 5] = ["user", "account", "masters", "user_packages", "addresses"];

/// Of so many users that are marked as masters the packages are read.
const MOST_MASTERS: usize = 16;

/// `{account_id, user, services, svcnum, within, only}` → `{user, account, masters, packages, user_packages, addresses,
/// differences, unknown}`.
///
/// `user` and `account` are records of texts, null where there is none; `masters` names of users, first the one that
/// counts (`services`, those of the account, may decide that); `packages` are its own; `unknown` says in words what
/// could not be read, and `causes` why, by part: `not_reached`, `credentials` or `answer`. With `svcnum`, `services`
/// are as an audit takes them, and `differences` is what an audit finds of that service and of its account, in words;
/// null if that could not be told.
pub fn inspect(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let account = AccountId::new(needed_segment(&mut fields, "account_id")?);
    let user = UserName::new(needed_segment(&mut fields, "user")?);
    let within = within(&mut fields, export)?;
    let only = fields.texts("only")?;
    let (services, compared) = Compared::from_fields(&mut fields, &account)?;
    fields.finish()?;
    let wanted: Vec<&str> =
        PARTS.into_iter().filter(|part| only.is_empty() || only.iter().any(|name| name == part)).collect();
    let api = export.api(sink, export.redactor(), Limits::within(within));
    let calls: Vec<Call> = wanted.iter().map(|part| call(part, &account, &user)).collect();
    let mut found = Found { compared, ..Found::default() };
    for (part, reply) in wanted.iter().zip(api.read(&calls)) {
        found.learn(part, &user, &reply);
        match reply {
            Ok(Reply::List(list)) if *part == "masters" => {
                found.record_masters(&account, services.clone(), &list, &api);
            }
            Ok(reply) => found.record(part, reply, &api),
            Err(error) => found.unknown(part, &error),
        }
    }
    found.compare(&user, &api);
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

/// Whom to ask why a part could not be read.
fn cause(error: &CallError) -> &'static str {
    match error.cause {
        Cause::NoAnswer(_) | Cause::NoTime => "not_reached",
        Cause::Credentials => "credentials",
        Cause::Refused(_) | Cause::Unusable(_) => "answer",
    }
}

/// What the service and its account are compared with, and what was read of them.
struct Compared {
    svcnum: u64,
    task: Task,
    world: World,
}

impl Compared {
    /// The services of the account, and the comparison if one is asked for.
    fn from_fields(
        fields: &mut Fields,
        account: &AccountId,
    ) -> Result<(Vec<Neighbour>, Option<Compared>), Error> {
        if !fields.has("svcnum") {
            return Ok((services_of(fields, account)?, None));
        }
        let svcnum = fields.needed_number("svcnum")?;
        let mut services = audited_services(fields, account)?;
        services.retain(|service| fault_of(service).is_none());
        let task = task(account, services.clone(), None);
        let world = World::new(&task.request);
        Ok((services, Some(Compared { svcnum, task, world })))
    }
}

#[derive(Default)]
struct Found {
    shown: Map<String, Value>,
    unknown: Vec<Value>,
    compared: Option<Compared>,
}

impl Found {
    /// For the comparison; an answer that is implausible is not known there.
    fn learn(&mut self, part: &str, user: &UserName, reply: &Result<Reply, CallError>) {
        let (Some(Compared { task, world, .. }), Ok(reply)) = (&mut self.compared, reply) else { return };
        let fact = match part {
            "account" => Fact::Account,
            "masters" => Fact::Users,
            "user_packages" => Fact::Packages(user.clone()),
            "addresses" => Fact::Addresses(user.clone()),
            _ => Fact::Peer(user.clone()),
        };
        let _ = take_in_answer(&fact, reply.clone(), task, world);
    }

    /// What an audit finds. Without the user, the account and its list nothing can be told.
    fn compare(&mut self, user: &UserName, api: &Api) {
        let Some(Compared { svcnum, task, world }) = &self.compared else { return };
        let is_known =
            world.read_directly(user).is_some() && !world.account.is_not_asked() && world.users.is_some();
        let differences = match look(task, world, *svcnum) {
            _ if !is_known => Value::Null,
            Ok(findings) => findings.iter().map(|finding| api.clean(&finding.difference())).collect(),
            Err(refusal) => {
                self.unknown.push(api.clean(&refusal.text).into());
                Value::Null
            }
        };
        self.shown.insert("differences".to_owned(), differences);
    }

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
        if let Some(compared) = &mut self.compared {
            compared.world.peers.extend(world.peers.clone());
            compared.world.packages.extend(world.packages.clone());
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
        let causes = self.shown.entry("causes").or_insert_with(|| Map::new().into());
        if let Some(causes) = causes.as_object_mut() {
            causes.insert(part.to_owned(), cause(error).into());
        }
    }

    fn told(mut self) -> Value {
        self.shown.insert("unknown".to_owned(), self.unknown.into());
        self.shown.into()
    }
}
