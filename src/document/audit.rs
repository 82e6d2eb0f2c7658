//! The documents of an audit: an account with the services that Freeside has on it.

use super::{check_segment, Fields, Neighbour, Standing};
use crate::error::Error;
use crate::id::{AccountId, PackageName, UserName};

/// `{id, services: [{svcnum, customer, username, domain, package, suspended, no_suspend, configured_id}]}`: a
/// service once for each of its exports.
pub fn audited_account(mut fields: Fields) -> Result<(AccountId, Vec<Neighbour>), Error> {
    let id = AccountId::new(fields.needed_text("id")?);
    if id.as_str().is_empty() {
        return Err(Error::argument("key id of an account is empty"));
    }
    check_segment(id.as_str(), "account id")?;
    let services = fields
        .objects("services")?
        .into_iter()
        .map(|service| audited_service(service, &id))
        .collect::<Result<_, _>>()?;
    fields.finish()?;
    Ok((id, services))
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
        },
    };
    fields.finish()?;
    Ok(service)
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
