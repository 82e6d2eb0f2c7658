//! `purge_deleted`: what an unprovision left for after its commit.

use super::sync::services_of;
use super::Export;
use crate::api::Limits;
use crate::apply::apply;
use crate::document::{Fields, Request};
use crate::error::Error;
use crate::id::{AccountId, UserName};
use crate::log::Sink;
use crate::world::{Hook, Task, World};
use serde_json::{json, Value};

/// `{account_id, user, address, services: [{svcnum, username, package}]}` → `{steps, warnings, requests}`. Purges
/// the user, its address and the emptied account only where they are still marked deleted and belong together;
/// an account that has services in Freeside (`services`) is not purged, whatever the server shows of it.
pub fn purge_deleted(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let account = AccountId::new(fields.needed_text("account_id")?);
    let user = UserName::new(fields.needed_text("user")?);
    let address = fields.needed_text("address")?;
    let services = services_of(&mut fields, &account)?;
    fields.finish()?;
    let domain = match address.rsplit_once('@') {
        Some((local, domain)) if user == UserName::new(local) => domain.to_owned(),
        _ => return Err(Error::argument("key address must be the address of the user: user@domain")),
    };
    let request = Request::of_account(account, user, domain, services);
    request.check()?;
    let task = Task { autopurge: true, ..Task::of(Hook::Purge, request) };
    let api = export.api(sink, export.redactor(), Limits::of_hook(export.configuration.timeout));
    let subject = format!("cannot purge mailbox {address}");
    let (done, _) = apply(&api, &task, World::new(&task.request)).map_err(|error| error.about(&subject))?;
    Ok(json!({ "steps": done.steps, "warnings": done.warnings, "requests": api.requests() }))
}
