//! The operations on e-mail addresses.

use super::{is_denied, permission_denied, taken, Address, Field, Key, Record, Reply, State};
use crate::command::{Command, Refusal, Thing};
use crate::modes::Modes;
use std::sync::Arc;

impl Address {
    fn record(&self) -> Record {
        Record {
            id: self.address.as_str().into(),
            fields: vec![("user", Field::UserName(self.user.clone()))],
        }
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::Record(Thing::Address, self.record())
    }
}

impl State {
    pub(super) fn address(&self, address: &str, modes: &Modes) -> Result<&Address, Refusal> {
        if address.rsplit_once('@').is_some_and(|(_, domain)| is_denied(domain, modes)) {
            return Err(permission_denied());
        }
        self.addresses.get(&Key::of(address)).ok_or_else(permission_denied)
    }

    pub(super) fn list_addresses(&self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let user = self.user(command.needed("user"), modes)?;
        let records = self.addresses_of(&user.name).into_iter().map(Address::record).collect();
        Ok(Reply::List(Thing::Address, records))
    }

    pub(super) fn add_address(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        match command.name.rsplit_once('@') {
            Some((local, domain)) if !local.is_empty() => self.domain(domain, modes)?,
            _ => {
                let text = format!("{} is no e-mail address", command.name);
                return Err(Refusal::new("emailaddress.error.invalid", text));
            }
        };
        let user = self.user(command.needed("user"), modes)?.name.clone();
        if let Ok(address) = self.address(command.name, modes) {
            return Err(taken("Emailaddress", &address.address, modes));
        }
        let address = Address { address: command.name.to_owned(), user };
        let reply = address.reply();
        Arc::make_mut(&mut self.addresses).insert(Key::of(command.name), address);
        Ok(reply)
    }

    pub(super) fn remove_address(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        self.address(command.name, modes)?;
        Arc::make_mut(&mut self.addresses).remove(&Key::of(command.name));
        Ok(Reply::Nothing)
    }

    pub(super) fn drop_addresses_of(&mut self, user: &str) {
        if self.addresses.values().any(|address| address.user.eq_ignore_ascii_case(user)) {
            Arc::make_mut(&mut self.addresses).retain(|_, address| !address.user.eq_ignore_ascii_case(user));
        }
    }
}
