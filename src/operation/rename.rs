//! `rename_account`: an account gets the name of its customer, who was renamed.

use super::audit::fault_of;
use super::Export;
use crate::api::Limits;
use crate::apply::apply;
use crate::document::{audited_account, Fields};
use crate::error::Error;
use crate::log::Sink;
use crate::world::{Hook, Task, World};
use serde_json::{json, Value};

/// `{account: {id, services: […]}, customer, within}` → `{steps, warnings, requests}`.
///
/// Nothing is done if the account is not there, has that name already, or is called after another customer: the one
/// of its oldest service.
pub fn rename_account(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let customer = fields.needed_number("customer")?;
    let (id, mut services) = audited_account(fields.needed_object("account")?)?;
    let within = super::inspect::within(&mut fields, export)?;
    fields.finish()?;
    services.retain(|service| fault_of(service).is_none());
    let task = Task { renamed: Some(customer), ..Task::of_account(Hook::Rename, &id, services) };
    let api = export.api(sink, export.redactor(), Limits { fails_fast: true, ..Limits::within(within) });
    let subject = format!("cannot rename account {id}");
    let (done, _) = apply(&api, &task, World::new(&task.request)).map_err(|error| error.about(&subject))?;
    Ok(json!({ "steps": done.steps, "warnings": done.warnings, "requests": api.requests() }))
}
