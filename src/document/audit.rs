//! The documents of an audit: an account with the services that Freeside has on it.

use super::request::{name_of_person, names_of_user};
use super::{check_segment, Fields, Neighbour, Standing};
use crate::error::Error;
use crate::id::{AccountId, PackageName, UserName};
use crate::names::Names;

/// `{id, services: [{svcnum, customer, username, domain, package, suspended, no_suspend, configured_id, finger,
/// first_name, last_name}]}`: a service once for each of its exports. The last three may be left out, and then names
/// are not compared: `finger` is its user's name, the others are its customer's.
pub fn audited_account(mut fields: Fields) -> Result<(AccountId, Vec<Neighbour>), Error> {
    let id = AccountId::new(fields.needed_text("id")?);
    if id.as_str().is_empty() {
        return Err(Error::argument("key id of an account is empty"));
    }
    check_segment(id.as_str(), "account id")?;
    let services = audited_services(&mut fields, &id)?;
    fields.finish()?;
    Ok((id, services))
}

/// The services of an account, under `services`.
pub fn audited_services(fields: &mut Fields, account: &AccountId) -> Result<Vec<Neighbour>, Error> {
    fields.objects("services")?.into_iter().map(|service| audited_service(service, account)).collect()
}

fn audited_service(mut fields: Fields, account: &AccountId) -> Result<Neighbour, Error> {
    let service = Neighbour {
        svcnum: fields.needed_number("svcnum")?,
        username: UserName::new(fields.needed_text("username")?),
        domain: fields.needed_text("domain")?,
        package: PackageName::new(fields.needed_text("package")?.trim()),
        account_id: account.clone(),
        on_record: false,
        standing: Standing {
            customer: fields.needed_number("customer")?,
            suspended: fields.flag("suspended")?,
            no_suspend: fields.flag("no_suspend")?,
            configured_id: fields
                .text("configured_id")?
                .filter(|id| !id.is_empty())
                .map(AccountId::new)
                .filter(|id| id != account),
            names: fields.text("finger")?.map(|finger| names_of_user(&finger)),
            customer_names: customer_names(&mut fields)?,
        },
    };
    fields.finish()?;
    Ok(service)
}

fn customer_names(fields: &mut Fields) -> Result<Option<Names>, Error> {
    let name = |text: Option<String>| text.as_deref().map(name_of_person);
    let (first, last) = (name(fields.text("first_name")?), name(fields.text("last_name")?));
    let is_given = first.is_some() || last.is_some();
    Ok(is_given.then(|| (first.unwrap_or_default(), last.unwrap_or_default())))
}

/// A user that an audit saw on an account none of whose services has it, and the services that do.
pub struct SeenUser {
    pub account: AccountId,
    pub user: UserName,
    pub master: bool,
    pub services: Vec<String>,
}

impl SeenUser {
    /// `{account, user, master, services}`.
    pub fn from_fields(mut fields: Fields) -> Result<SeenUser, Error> {
        let seen = SeenUser {
            account: AccountId::new(fields.needed_text("account")?),
            user: UserName::new(fields.needed_text("user")?),
            master: fields.flag("master")?,
            services: fields.texts("services")?,
        };
        fields.finish()?;
        Ok(seen)
    }
}
