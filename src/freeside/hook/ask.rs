//! What a hook asks of Freeside, and when.

use super::{HookTask, Wanted};
use crate::freeside::account::{customer_in, on_record};
use crate::freeside::known::Query;
use crate::freeside::message::Ask;
use crate::freeside::own::Own;
use crate::freeside::queries;
use crate::id::AccountId;
use crate::operation::Export;
use crate::world::Hook;
use serde_json::json;
use std::collections::BTreeSet;

impl HookTask {
    pub(super) fn missing_before_locks(&self, export: &Export) -> Option<Vec<(Wanted, Ask)>> {
        let service = &self.begin.service;
        let Some(latest) = self.own.as_ref().or(self.owner.as_ref()) else {
            let owner = json!({ "svcnum": service.svcnum, "domsvc": service.domsvc });
            return Some(vec![
                (Wanted::Known(Query::Exports), queries::exports()),
                (Wanted::Owner, Ask::new("owner", owner)),
            ]);
        };
        if let Some((query, ask)) = self.known.unknown_names([latest.owner.custnum].into()) {
            return Some(vec![(Wanted::Known(query), ask)]);
        }
        let (lock, names) = self.lock(latest, export);
        if self.own.is_some() && names.is_subset(&self.locked) {
            return None;
        }
        let with = json!({
            "svcnum": service.svcnum,
            "username": service.username.as_str(),
            "domsvc": service.domsvc,
            "old_domsvc": self.begin.old.as_ref().and_then(|old| old.domsvc),
        });
        Some(vec![(Wanted::Lock(names), lock), (Wanted::Own, Ask::new("service", with))])
    }

    /// What to lock for a service of that owner, and names of all of it. The service in any case: a suspend must not
    /// revive a mailbox that is being unprovisioned. The accounts before it, where the hook concerns others on them. And
    /// the customers, whose rows are locked where a database has no other locks.
    pub(super) fn lock(&self, own: &Own, export: &Export) -> (Ask, BTreeSet<String>) {
        let present = self.given_account().or_else(|| on_record(&own.records, self.begin.export.exportnum));
        let named_after = present.as_ref().and_then(|id| customer_in(id, export.account_prefix()));
        let custnums: BTreeSet<u64> = [Some(own.owner.custnum), named_after]
            .into_iter()
            .flatten()
            .filter(|custnum| *custnum > 0)
            .collect();
        let accounts: Vec<AccountId> = present.into_iter().chain(self.configured(own)).collect();
        let mut names: BTreeSet<String> =
            custnums.iter().map(|custnum| format!("customer {custnum}")).collect();
        let accounts = if self.concerns_account() { accounts } else { Vec::new() };
        names.extend(accounts.iter().map(|account| format!("account {}", account.key())));
        (queries::lock(&accounts, Some(self.begin.service.svcnum), &custnums), names)
    }

    pub(super) fn concerns_account(&self) -> bool {
        matches!(self.begin.hook, Hook::Provision | Hook::Unprovision)
    }

    pub(super) fn missing_before_run(&self, export: &Export) -> Option<Vec<(Wanted, Ask)>> {
        let own = self.own.as_ref()?;
        let mut asks = Vec::new();
        if let Some(account) = self.account.as_ref().filter(|_| self.begin.hook == Hook::Provision) {
            if self.refused.is_none() && self.is_unrecorded(account) {
                asks.push((Wanted::Record(account.clone()), self.record(account, false)));
            }
        }
        let (exports, username) = (self.known.exports.as_ref()?, &self.begin.service.username);
        if self.known.services.is_none() && self.concerns_account() {
            let query = queries::services(exports, &self.accounts(), own.owner.custnum);
            asks.extend(query.map(|ask| (Wanted::Known(Query::Services), ask)));
        }
        if self.known.namesakes.is_none() && own.has_namesake {
            asks.push((Wanted::Known(Query::Namesakes), queries::namesakes(exports, username)));
        }
        if !asks.is_empty() {
            return Some(asks);
        }
        let last = self.known.unknown_names_of_services().or_else(|| self.history_query(export));
        last.map(|(query, ask)| vec![(Wanted::Known(query), ask)])
    }

    /// Both accounts, the one that counts and the one that the options name.
    pub(super) fn accounts(&self) -> Vec<AccountId> {
        let configured = self.own.as_ref().and_then(|own| self.configured(own));
        let mut accounts: Vec<AccountId> = self.account.clone().into_iter().chain(configured).collect();
        accounts.dedup();
        accounts
    }

    /// Who was on the account before is of interest where it may be purged: this service is the last one there.
    pub(super) fn history_query(&self, export: &Export) -> Option<(Query, Ask)> {
        let context = &self.begin.context;
        let may_purge = self.begin.hook == Hook::Unprovision && self.purges_at_once(export);
        if !may_purge || self.known.history.is_some() || !context.keeps_history || context.names_accounts {
            return None;
        }
        let accounts = self.accounts();
        if self.others().iter().any(|other| accounts.contains(&other.account_id)) {
            return None;
        }
        let custnum = self.own.as_ref()?.owner.custnum;
        let ask = queries::history(self.known.exports.as_ref()?, &accounts, custnum)?;
        Some((Query::History(accounts), ask))
    }

    /// What a hook of Freeside's purges itself, if its export is on the definition; a job never does.
    pub(super) fn purges(&self, export: &Export) -> bool {
        export.autopurge() && self.is_on_definition() && self.begin.context.job.is_none()
    }

    pub(super) fn purges_at_once(&self, export: &Export) -> bool {
        self.purges(export) && !self.begin.export.purge_after_commit
    }
}
