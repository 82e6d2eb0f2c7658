//! The request of the hook, from what Freeside has.

use super::HookTask;
use crate::document::{name_of_person, AccountWanted, Neighbour, Request, Service, Standing};
use crate::freeside::account::on_record;
use crate::freeside::begin::Given;
use crate::freeside::own::Own;
use crate::freeside::services::{namesakes, on_accounts};
use crate::id::{AccountId, UserName};
use crate::operation::Export;
use crate::world::Hook;

impl HookTask {
    pub(super) fn request(&self, export: &Export, own: &Own) -> Request {
        let before = on_record(&own.records, self.begin.export.exportnum);
        let is_provision = self.begin.hook == Hook::Provision;
        let mut service = wanted_service(&self.begin.service, self.domain(), export);
        service.suspended = is_provision && own.is_suspended && !self.begin.export.no_suspend;
        // Outside of a transaction only freeside-reexport provisions.
        service.provisioned_before = is_provision && (before.is_some() || self.begin.context.own_transaction);
        let id = self.account.clone().unwrap_or_else(|| AccountId::new(""));
        Request {
            account: AccountWanted {
                configured_id: self.configured(own).filter(|configured| *configured != id),
                on_record: self.account.is_some() && before == self.account,
                first_name: name_of_person(&own.first_name),
                last_name: name_of_person(&own.last_name),
                id,
            },
            service,
            old: self.begin.old.as_ref().map(|old| wanted_service(old, own.old_domain.clone(), export)),
            others: self.others(),
            namesakes: self.namesakes(),
            former_users: self.former_users(export),
            dry_run: false,
        }
    }

    /// The other services of the account, and what else this one brings: the packages of all exports of its
    /// definition, which is the new one while it changes.
    pub(super) fn others(&self) -> Vec<Neighbour> {
        let (Some(naming), Some(own)) = (self.known.naming(), &self.own) else { return Vec::new() };
        let given = &self.begin.service;
        let accounts = self.accounts();
        let accounts: Vec<&AccountId> = accounts.iter().collect();
        let custnum = own.owner.custnum;
        let read = self.known.services.as_deref().unwrap_or_default();
        let mut others = on_accounts(read, &naming, &accounts, custnum, given.svcnum);
        let provisioned = (self.begin.hook, self.definition(), &self.account);
        if let (Hook::Provision, Some(svcpart), Some(account)) = provisioned {
            others.extend(naming.exports.on_definition(svcpart).map(|(_, options)| Neighbour {
                svcnum: given.svcnum,
                username: given.username.clone(),
                domain: self.domain(),
                package: options.package.clone(),
                account_id: account.clone(),
                on_record: false,
                standing: Standing::default(),
            }));
        }
        others
    }

    pub(super) fn namesakes(&self) -> Vec<Neighbour> {
        match (self.known.naming(), &self.known.namesakes) {
            (Some(naming), Some(read)) => namesakes(read, &naming, self.begin.service.svcnum),
            _ => Vec::new(),
        }
    }

    pub(super) fn former_users(&self, export: &Export) -> Option<Vec<UserName>> {
        let history = self.known.history.as_ref()?.as_ref()?;
        if !self.purges_at_once(export) {
            return None;
        }
        let accounts = self.accounts();
        let accounts: Vec<&AccountId> = accounts.iter().collect();
        history.former_users(&accounts, self.known.exports.as_ref()?, &self.begin.service.username)
    }
}

fn wanted_service(given: &Given, domain: String, export: &Export) -> Service {
    Service {
        svcnum: given.svcnum,
        username: given.username.clone(),
        domain,
        finger: given.finger.clone(),
        password: given.password.clone(),
        password_encoding: given.password_encoding.clone(),
        package: export.package().clone(),
        suspended: false,
        provisioned_before: false,
    }
}
