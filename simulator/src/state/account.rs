//! The operations on accounts.

use super::{bad_status, not_deleted, set, taken, Account, Key, Record, Reply, State, Status};
use crate::command::{Command, Refusal, Thing};
use crate::modes::Modes;
use std::sync::Arc;

impl Account {
    fn record(&self) -> Record {
        let fields = [
            ("status", self.status.as_str()),
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("phone", &self.phone),
            ("memo", &self.memo),
        ];
        let fields = fields.into_iter().map(|(name, text)| (name, text.into())).collect();
        Record { id: self.id.as_str().into(), fields }
    }

    pub(super) fn reply(&self) -> Reply {
        Reply::Record(Thing::Account, self.record())
    }
}

impl State {
    pub(super) fn account(&self, id: &str) -> Result<&Account, Refusal> {
        self.accounts.get(&Key::of(id)).ok_or_else(not_found)
    }

    pub(super) fn list_accounts(&self) -> Reply {
        Reply::List(Thing::Account, self.accounts.values().map(Account::record).collect())
    }

    pub(super) fn add_account(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let key = Key::of(command.name);
        if let Some(account) = self.accounts.get(&key) {
            return Err(taken("Account", &account.id, modes));
        }
        let text = |name| command.needed(name).to_owned();
        let account = Account {
            id: command.name.to_owned(),
            first_name: text("first_name"),
            last_name: text("last_name"),
            phone: text("phone"),
            memo: text("memo"),
            status: Status::Active,
        };
        let reply = account.reply();
        Arc::make_mut(&mut self.accounts).insert(key, account);
        Ok(reply)
    }

    pub(super) fn update_account(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let status =
            command.get("status").map(|text| Status::of(text).ok_or_else(|| bad_status(text))).transpose()?;
        let account =
            Arc::make_mut(&mut self.accounts).get_mut(&Key::of(command.name)).ok_or_else(not_found)?;
        set(&mut account.first_name, command.get("first_name"), modes);
        set(&mut account.last_name, command.get("last_name"), modes);
        set(&mut account.phone, command.get("phone"), modes);
        set(&mut account.memo, command.get("memo"), modes);
        account.status = status.unwrap_or(account.status);
        Ok(account.reply())
    }

    /// Its users go with it, and what they have.
    pub(super) fn purge_account(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let account = self.account(command.name)?;
        if account.status != Status::Deleted && !command.forced() {
            return Err(not_deleted("Account", &account.id));
        }
        let key = Key::of(command.name);
        let users: Vec<Key> = self.users_of(command.name).map(|user| Key::of(&user.name)).collect();
        for user in users {
            self.drop_user(&user, modes);
        }
        let domains: Vec<Key> = self.domains_of(command.name).map(|domain| Key::of(&domain.name)).collect();
        for domain in domains {
            self.drop_domain(&domain);
        }
        Arc::make_mut(&mut self.accounts).remove(&key);
        Ok(Reply::Nothing)
    }
}

fn not_found() -> Refusal {
    Refusal::new("account.error.not_found", "Account not found")
}
