//! The operations on users, and what the server does by itself when one is added.

use super::{bad_status, not_deleted, set, taken, Field, Key, Password, Record, Reply, State, Status, User};
use crate::command::{Command, Refusal, Thing};
use crate::modes::{DeletedUsers, Modes, NoUser};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The package that the server gives to each user of an account beyond its master.
const ADDITIONAL: &str = "ADDITIONAL NOCOST MAILBOX";

impl User {
    fn record(&self, modes: &Modes) -> Record {
        let master = if self.master { "Y" } else { &modes.not_master };
        let mut fields: Vec<(&'static str, Field)> =
            vec![("account", self.account.as_str().into()), ("status", self.status.as_str().into())];
        if !master.is_empty() {
            fields.push(("master_user", master.into()));
        }
        fields.push(("first_name", self.first_name.as_str().into()));
        fields.push(("last_name", self.last_name.as_str().into()));
        fields.push(("memo", self.memo.as_str().into()));
        if modes.echo_password {
            fields.push(("password", self.password.text.as_str().into()));
        }
        Record { id: Field::UserName(self.name.clone()), fields }
    }

    pub(super) fn reply(&self, modes: &Modes) -> Reply {
        Reply::Record(Thing::User, self.record(modes))
    }
}

impl State {
    pub(super) fn user(&self, name: &str, modes: &Modes) -> Result<&User, Refusal> {
        self.users.get(&Key::of(name)).ok_or_else(|| not_found(modes))
    }

    pub(super) fn list_users(&self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let account = self.account(command.needed("account"))?;
        let listed =
            |user: &&User| modes.deleted_users == DeletedUsers::Listed || user.status != Status::Deleted;
        let mut records: Vec<Record> =
            self.users_of(&account.id).filter(listed).map(|user| user.record(modes)).collect();
        if !modes.account_in_lists {
            for record in &mut records {
                record.fields.retain(|(name, _)| *name != "account");
            }
        }
        Ok(Reply::List(Thing::User, records))
    }

    pub(super) fn add_user(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        if let Some(user) = self.users.get(&Key::of(command.name)) {
            return Err(taken("User", &user.name, modes));
        }
        let account = self.active_account(command.needed("account"))?;
        let password = password(command)?.unwrap_or_default();
        let first = self.users_of(&account).next().is_none();
        let mut packages = BTreeMap::new();
        if self.users_of(&account).any(|user| user.master) {
            packages.insert(Key::of(ADDITIONAL), ADDITIONAL.to_owned());
        }
        let text = |name| command.needed(name).to_owned();
        let user = User {
            name: command.name.to_owned(),
            account,
            first_name: text("first_name"),
            last_name: text("last_name"),
            memo: text("memo"),
            password,
            master: first,
            status: Status::Active,
            packages,
        };
        let reply = user.reply(modes);
        Arc::make_mut(&mut self.users).insert(Key::of(command.name), user);
        Ok(reply)
    }

    pub(super) fn update_user(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let before = self.user(command.name, modes)?;
        let mut user = before.clone();
        if let Some(text) = command.get("status") {
            user.status = Status::of(text).ok_or_else(|| bad_status(text))?;
        }
        match command.get("master_user") {
            None => {}
            Some("Y") => user.master = true,
            Some(_) => return Err(Refusal::new("error.bad_parameter", "master_user can only be set to Y")),
        }
        if let Some(id) = command.get("account") {
            let id = self.account(id)?.id.clone();
            if modes.update_moves && !id.eq_ignore_ascii_case(&user.account) {
                user.account = self.active_account(&id)?;
            }
        }
        if let Some(password) = password(command)? {
            user.password = password;
        }
        set(&mut user.first_name, command.get("first_name"), modes);
        set(&mut user.last_name, command.get("last_name"), modes);
        set(&mut user.memo, command.get("memo"), modes);
        if modes.addresses_follow_delete && user.status == Status::Deleted {
            self.drop_addresses_of(&user.name);
        }
        let reply = user.reply(modes);
        Arc::make_mut(&mut self.users).insert(Key::of(command.name), user);
        Ok(reply)
    }

    pub(super) fn purge_user(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let user = self.user(command.name, modes)?;
        if user.status != Status::Deleted && !command.forced() {
            return Err(not_deleted("User", &user.name));
        }
        self.drop_user(&Key::of(command.name), modes);
        Ok(Reply::Nothing)
    }

    pub(super) fn drop_user(&mut self, key: &Key, modes: &Modes) {
        let dropped = Arc::make_mut(&mut self.users).remove(key);
        if let Some(user) = dropped.filter(|_| modes.addresses_follow_purge) {
            self.drop_addresses_of(&user.name);
        }
    }

    /// The id of an account that may be given a user.
    fn active_account(&self, id: &str) -> Result<String, Refusal> {
        let account = self.account(id)?;
        if account.status != Status::Active {
            let text = format!("Account {} is {}", account.id, account.status.as_str());
            return Err(Refusal::new("account.error.not_active", text));
        }
        Ok(account.id.clone())
    }
}

/// The password that a command gives, if it gives one.
fn password(command: &Command<'_>) -> Result<Option<Password>, Refusal> {
    let kind = command.get("password_type").unwrap_or("plain");
    if kind != "plain" && kind != "encrypted" {
        return Err(Refusal::new("user.error.password_type", "password_type must be plain or encrypted"));
    }
    match (command.get("password"), command.get("password_type")) {
        (Some(""), _) => Err(Refusal::new("user.error.password", "An empty password is not allowed")),
        (Some(text), _) => Ok(Some(Password { text: text.to_owned(), kind: kind.to_owned() })),
        (None, Some(_)) => Err(Refusal::new("user.error.password", "password_type without a password")),
        (None, None) => Ok(None),
    }
}

fn not_found(modes: &Modes) -> Refusal {
    match modes.no_user {
        NoUser::Account => Refusal::new("account.error.not_found", "User not found"),
        NoUser::User => Refusal::new("user.error.not_found", "User not found"),
    }
}
