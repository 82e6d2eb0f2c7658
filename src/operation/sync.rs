//! `sync`: the packages of an account brought in line with the services that are on it.

use super::{AccountDone, Export};
use crate::document::{needed_segment, Fields, Neighbour, Standing};
use crate::error::Error;
use crate::id::{AccountId, PackageName, UserName};
use crate::log::Sink;
use crate::world::{Hook, Task};
use serde_json::Value;

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
    Ok(synchronise(export, &account, services, sink)?.document())
}

/// The account's packages as its services bring them.
pub fn synchronise(
    export: &Export,
    account: &AccountId,
    services: Vec<Neighbour>,
    sink: &dyn Sink,
) -> Result<AccountDone, Error> {
    let task = Task::of_account(Hook::Sync, account, services);
    let subject = format!("cannot bring the packages of account {account} in line");
    export.carry_out(&task, &subject, sink)
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
