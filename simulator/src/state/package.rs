//! The operations on the packages of a user.

use super::{Key, Record, Reply, State, User};
use crate::command::{Command, Refusal, Thing};
use crate::modes::{Modes, PackageAgain};
use std::sync::Arc;

impl User {
    pub(super) fn package_list(&self) -> Reply {
        let record = |name: &String| Record { id: name.as_str().into(), fields: Vec::new() };
        Reply::List(Thing::Package, self.packages.values().map(record).collect())
    }
}

impl State {
    pub(super) fn assign_package(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let package = command.needed("package");
        let user = self.user(command.name, modes)?;
        let known = &modes.known_packages;
        if !known.is_empty() && !known.iter().any(|name| name.eq_ignore_ascii_case(package)) {
            return Err(Refusal::new("package.error.not_found", format!("There is no package {package}")));
        }
        if user.packages.contains_key(&Key::of(package)) {
            if modes.package_again == PackageAgain::Accepted {
                return Ok(user.package_list());
            }
            let text = format!("User {} has package {package}", user.name);
            return Err(Refusal::new("package.error.exists", text));
        }
        let mut user = user.clone();
        user.packages.insert(Key::of(package), package.to_owned());
        let reply = user.package_list();
        Arc::make_mut(&mut self.users).insert(Key::of(command.name), user);
        Ok(reply)
    }

    pub(super) fn remove_package(&mut self, command: &Command<'_>, modes: &Modes) -> Result<Reply, Refusal> {
        let package = command.needed("package");
        let mut user = self.user(command.name, modes)?.clone();
        if user.packages.remove(&Key::of(package)).is_none() {
            let text = format!("User {} has no package {package}", user.name);
            return Err(Refusal::new("package.error.not_found", text));
        }
        Arc::make_mut(&mut self.users).insert(Key::of(command.name), user);
        Ok(Reply::Nothing)
    }
}
