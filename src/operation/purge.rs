//! `purge_deleted` and `finish_unprovision`: what an unprovision left for after its commit.

use super::sync::services_of;
use super::{AccountDone, Export};
use crate::document::{former_users, namesakes_of, Fields, Request};
use crate::error::Error;
use crate::id::{AccountId, UserName};
use crate::log::Sink;
use crate::world::{Hook, Task};
use serde_json::{json, Value};

/// `{account_id, user, address, services, namesakes, former_users}` → `{steps, warnings, requests}`. Purges the
/// user, its addresses and the emptied account only if they are still marked deleted and belong together; an
/// account that has services in Freeside (`services`) is not purged, whatever the server shows of it.
pub fn purge_deleted(export: &Export, fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    Ok(purge(export, left_behind(fields)?, sink)?.document())
}

/// The same document, and `autopurge` → `{steps, warnings, unfinished, requests}`. Finishes an unprovision whose
/// user was marked deleted: hands the master's place over, synchronises the packages and, with `autopurge`, purges.
/// A user who is in use again, or whom one of the `services` has, is left alone.
pub fn finish_unprovision(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let autopurge = fields.flag("autopurge")?;
    let left = finish(export, left_behind(fields)?, autopurge, sink)?;
    let mut document = left.document();
    document["unfinished"] = json!(left.done.unfinished);
    Ok(document)
}

/// The purge of it.
pub fn purge(export: &Export, request: Request, sink: &dyn Sink) -> Result<AccountDone, Error> {
    let task = Task { autopurge: true, ..Task::of(Hook::Purge, request) };
    let subject = format!("cannot purge mailbox {}", task.address());
    export.carry_out(&task, &subject, sink)
}

/// What its unprovision could not finish.
pub fn finish(
    export: &Export,
    request: Request,
    autopurge: bool,
    sink: &dyn Sink,
) -> Result<AccountDone, Error> {
    let task = Task { autopurge, finishing: true, ..Task::of(Hook::Unprovision, request) };
    let subject = format!("cannot finish the unprovision of mailbox {}", task.address());
    export.carry_out(&task, &subject, sink)
}

fn left_behind(mut fields: Fields) -> Result<Request, Error> {
    let account = AccountId::new(fields.needed_text("account_id")?);
    let user = UserName::new(fields.needed_text("user")?);
    let address = fields.needed_text("address")?;
    let services = services_of(&mut fields, &account)?;
    let namesakes = namesakes_of(&mut fields, &user)?;
    let former_users = former_users(&mut fields)?;
    fields.finish()?;
    let domain = match address.rsplit_once('@') {
        Some((local, domain)) if user == UserName::new(local) => domain.to_owned(),
        _ => return Err(Error::argument("key address must be the address of the user: user@domain")),
    };
    let mut request = Request::of_account(account, user, domain, services);
    request.namesakes = namesakes;
    request.former_users = former_users;
    request.check()?;
    Ok(request)
}
