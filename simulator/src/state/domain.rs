//! The operations on domains. A system domain is the administrator's: no account's, and not to be removed.

use super::{is_denied, permission_denied, taken, Domain, Key, Record, Reply, State};
use crate::command::{Command, Refusal, Thing};
use crate::modes::Modes;
use std::sync::Arc;

impl Domain {
    fn record(&self) -> Record {
        let account = self.account.iter().map(|id| ("account", id.as_str().into()));
        Record { id: self.name.as_str().into(), fields: account.collect() }
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::Record(Thing::Domain, self.record())
    }
}

impl State {
    pub(super) fn domain(&self, name: &str, modes: &Modes) -> Result<&Domain, Refusal> {
        if is_denied(name, modes) {
            return Err(permission_denied());
        }
        self.domains.get(&Key::of(name)).ok_or_else(permission_denied)
    }

    pub(super) fn domains_of<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a Domain> {
        let of_account = move |id: &str| id.eq_ignore_ascii_case(account);
        self.domains.values().filter(move |domain| domain.account.as_deref().is_some_and(of_account))
    }

    pub(super) fn list_domains(&self, command: &Command<'_>) -> Result<Reply, Refusal> {
        let account = self.account(command.needed("account"))?;
        Ok(Reply::List(Thing::Domain, self.domains_of(&account.id).map(Domain::record).collect()))
    }

    pub(super) fn add_domain(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let account = self.account(command.needed("account"))?.id.clone();
        if is_denied(command.name, modes) {
            return Err(permission_denied());
        }
        if let Ok(domain) = self.domain(command.name, modes) {
            return Err(taken("Domain", &domain.name, modes));
        }
        let domain = Domain { name: command.name.to_owned(), account: Some(account) };
        let reply = domain.reply();
        Arc::make_mut(&mut self.domains).insert(Key::of(command.name), domain);
        Ok(reply)
    }

    pub(super) fn remove_domain(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        if self.domain(command.name, modes)?.account.is_none() {
            return Err(permission_denied());
        }
        self.drop_domain(&Key::of(command.name));
        Ok(Reply::Nothing)
    }

    /// Its addresses go with it.
    pub(super) fn drop_domain(&mut self, key: &Key) {
        Arc::make_mut(&mut self.domains).remove(key);
        let within = |address: &Key| address.0.rsplit_once('@').is_some_and(|(_, domain)| domain == key.0);
        Arc::make_mut(&mut self.addresses).retain(|address, _| !within(address));
    }
}
