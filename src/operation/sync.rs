//! `sync`: the packages of an account brought in line with the services that are on it.

use super::Export;
use crate::api::Limits;
use crate::apply::apply;
use crate::document::{needed_segment, Fields, Neighbour, Standing};
use crate::error::Error;
use crate::id::{AccountId, PackageName, UserName};
use crate::log::Sink;
use crate::world::{Hook, Task, World};
use serde_json::{json, Value};

/// `{account_id, services: [{svcnum, username, package}]}` → `{steps, warnings, requests}`. Nothing is done where
/// there is no service.
pub fn sync(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let account = AccountId::new(needed_segment(&mut fields, "account_id")?);
    let services = fields
        .objects("services")?
        .into_iter()
        .map(|service| one(service, &account))
        .filter(|service| service.as_ref().map_or(true, Neighbour::can_be_a_mailbox))
        .collect::<Result<Vec<_>, _>>()?;
    fields.finish()?;
    let task = Task::of_account(Hook::Sync, &account, services);
    let api = export.api(sink, export.redactor(), Limits::of_hook(export.configuration.timeout));
    let subject = format!("cannot bring the packages of account {account} in line");
    let (done, _) = apply(&api, &task, World::new(&task.request)).map_err(|error| error.about(&subject))?;
    Ok(json!({ "steps": done.steps, "warnings": done.warnings, "requests": api.requests() }))
}

/// The services of an account.
pub fn services_of(fields: &mut Fields, account: &AccountId) -> Result<Vec<Neighbour>, Error> {
    fields.objects("services")?.into_iter().map(|service| one(service, account)).collect()
}

fn one(mut fields: Fields, account: &AccountId) -> Result<Neighbour, Error> {
    let service = Neighbour {
        svcnum: fields.needed_number("svcnum")?,
        username: UserName::new(fields.needed_text("username")?),
        domain: fields.text("domain")?.unwrap_or_default(),
        package: PackageName::new(fields.needed_text("package")?.trim()),
        account_id: account.clone(),
        on_record: false,
        standing: Standing::default(),
    };
    fields.finish()?;
    Ok(service)
}
