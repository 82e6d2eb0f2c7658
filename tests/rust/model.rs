//! A MagicMail server as the planner's tests need it: a few maps, and what each step does to them. It is
//! written from the API's description, apart from the library's own idea of what steps do.

use magicmail::evidence::{Known, UserList};
use magicmail::id::{AccountId, Address, PackageName, UserName};
use magicmail::plan::{missing_facts, plan, Fact, Plan, Refusal, Weight};
use magicmail::record::{Account, Status, User};
use magicmail::step::Step;
use magicmail::world::{Task, World};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    pub accounts: BTreeMap<AccountId, Status>,
    pub users: BTreeMap<UserName, Mailbox>,
    pub addresses: BTreeMap<Address, UserName>,
    /// What the accounts are called that show it.
    pub account_names: BTreeMap<AccountId, (String, String)>,
    /// Records of users have no names.
    pub hides_names: bool,
    /// Deleted users are left out of an account's list.
    pub hides_deleted: bool,
    /// Users that are left out of lists against the truth.
    pub hides: Vec<UserName>,
    /// Users whose status lists give twice.
    pub unclear: Vec<UserName>,
    /// Lists of addresses are empty, against the truth.
    pub hides_addresses: bool,
    /// Every fact that the planner asked for.
    pub asked: Vec<Fact>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub account: AccountId,
    pub master: bool,
    pub status: Status,
    pub names: (String, String),
    pub packages: Vec<PackageName>,
}

impl Model {
    pub fn account(mut self, id: &str, status: Status) -> Model {
        self.accounts.insert(AccountId::new(id), status);
        self
    }

    /// `how`: words of `master`, `suspended`, `deleted`.
    pub fn user(mut self, name: &str, account: &str, how: &str, packages: &[&str]) -> Model {
        let status = match how {
            how if how.contains("suspended") => Status::Suspended,
            how if how.contains("deleted") => Status::Deleted,
            _ => Status::Active,
        };
        let mailbox = Mailbox {
            account: AccountId::new(account),
            master: how.contains("master"),
            status,
            names: ("Old".to_owned(), "Name".to_owned()),
            packages: packages.iter().map(|package| PackageName::new(*package)).collect(),
        };
        self.users.insert(UserName::new(name), mailbox);
        self
    }

    pub fn address(mut self, address: &str, user: &str) -> Model {
        self.addresses.insert(Address::new(address), UserName::new(user));
        self
    }

    /// Reads until a plan can be made, then makes it.
    pub fn planned(&mut self, task: &Task) -> (World, Result<Plan, Refusal>) {
        let mut world = World::new(&task.request);
        self.observe(task, &mut world);
        let planned = plan(task, &world);
        (world, planned)
    }

    /// What can be known for the task.
    pub fn observed(&mut self, task: &Task) -> World {
        let mut world = World::new(&task.request);
        self.observe(task, &mut world);
        world
    }

    fn observe(&mut self, task: &Task, world: &mut World) {
        for _ in 0..8 {
            let facts = missing_facts(task, world);
            if facts.is_empty() {
                return;
            }
            for fact in facts {
                self.tell(&fact, task, world);
                self.asked.push(fact);
            }
        }
        panic!("the planner never stops asking: {:?}", missing_facts(task, world));
    }

    fn tell(&self, fact: &Fact, task: &Task, world: &mut World) {
        let account = world.account_id.clone();
        match fact {
            Fact::Account => {
                world.account = match self.accounts.get(&account) {
                    Some(status) => {
                        let names = self.account_names.get(&account).cloned();
                        Known::Present(Account { id: account, status: status.clone(), names })
                    }
                    None => Known::Absent,
                }
            }
            Fact::User => {
                let user = self.found(task.user());
                world.set_user(user, task);
            }
            Fact::Peer(name) | Fact::FormerUser(name) => {
                world.peers.insert(name.clone(), self.found(name));
            }
            Fact::Users | Fact::UsersAfterMark => {
                let listed = self.users.iter().filter(|(_, mailbox)| mailbox.account == account);
                let listed = listed.map(|(name, mailbox)| record(name, mailbox));
                let listed = listed.filter(|user| !(self.hides_deleted && user.is_deleted()));
                let mut list = UserList::default();
                for mut user in listed.filter(|user| !self.hides.contains(&user.name)) {
                    user.shows_names = !self.hides_names;
                    if self.unclear.contains(&user.name) {
                        user.status = Status::Unknown("several at once".to_owned());
                    }
                    list.add(user);
                }
                if *fact == Fact::Users {
                    world.set_users(list, task);
                } else {
                    world.users_after_mark = Known::Present(list);
                }
            }
            Fact::Packages(name) => {
                if let Some(mailbox) = self.users.get(name) {
                    world.packages.insert(name.clone(), mailbox.packages.clone());
                } else {
                    world.packages.insert(name.clone(), Vec::new());
                }
            }
            Fact::Addresses(name) => {
                let held = self.addresses.iter().filter(|(_, owner)| *owner == name && !self.hides_addresses);
                let held = held.map(|(address, _)| address.clone()).collect();
                world.set_addresses(name, held, task);
            }
            Fact::Owner(address) => {
                world.owners.insert(address.clone(), self.addresses.get(address).cloned());
            }
        }
    }

    fn found(&self, name: &UserName) -> Known<User> {
        match self.users.get_key_value(name) {
            Some((name, mailbox)) => Known::Present(record(name, mailbox)),
            None => Known::Absent,
        }
    }

    /// Does a step as a server does; false where it refuses.
    pub fn does(&mut self, step: &Step) -> bool {
        match step {
            Step::CreateAccount { id, .. } => self.accounts.insert(id.clone(), Status::Active).is_none(),
            Step::SetAccountStatus { id, status, .. } => {
                self.accounts.get_mut(id).map(|held| *held = status.clone()).is_some()
            }
            Step::UpdateAccount { id, names, .. } => {
                self.account_names.insert(id.clone(), names.clone());
                self.accounts.contains_key(id)
            }
            Step::PurgeAccount { id, .. } => {
                self.users.retain(|_, mailbox| mailbox.account != *id);
                self.accounts.remove(id).is_some()
            }
            Step::CreateUser { user, account, names, .. } => self.adds(user, account, names),
            Step::PurgeUser { user, .. } => {
                self.addresses.retain(|_, owner| owner != user);
                self.users.remove(user).is_some()
            }
            Step::SetUserStatus { user, status, .. } => self.changes(user, |m| m.status = status.clone()),
            Step::UpdateUser { user, names, .. } => self.changes(user, |m| m.names = names.clone()),
            Step::MakeMaster { user } => self.changes(user, |m| m.master = true),
            Step::AssignPackage { user, package } => self.changes(user, |m| {
                if !m.packages.contains(package) {
                    m.packages.push(package.clone());
                }
            }),
            Step::RemovePackage { user, package } => {
                self.changes(user, |m| m.packages.retain(|held| held != package))
            }
            Step::AddAddress { address, user } => {
                let is_free = !self.addresses.contains_key(address) && self.users.contains_key(user);
                is_free && self.addresses.insert(address.clone(), user.clone()).is_none()
            }
            Step::RemoveAddress { address, .. } => self.addresses.remove(address).is_some(),
        }
    }

    fn adds(&mut self, user: &UserName, account: &AccountId, names: &(String, String)) -> bool {
        if self.users.contains_key(user) || self.accounts.get(account) != Some(&Status::Active) {
            return false;
        }
        let master =
            !self.users.values().any(|m| m.account == *account && m.master && m.status != Status::Deleted);
        let packages = if master { Vec::new() } else { vec![PackageName::additional()] };
        let (account, names) = (account.clone(), names.clone());
        let mailbox = Mailbox { account, master, status: Status::Active, names, packages };
        self.users.insert(user.clone(), mailbox).is_none()
    }

    fn changes(&mut self, user: &UserName, change: impl Fn(&mut Mailbox)) -> bool {
        self.users.get_mut(user).map(change).is_some()
    }

    /// Runs the hook to its end on this server; None where it was refused.
    pub fn hook(&mut self, task: &Task) -> Option<Vec<String>> {
        let (mut world, mut planned) = self.planned(task);
        let mut texts = Vec::new();
        for _ in 0..40 {
            let Ok(plan) = &planned else { return None };
            let Some(first) = plan.steps.first() else { return Some(texts) };
            let step = first.step.clone();
            if self.does(&step) {
                step.take_effect(&mut world);
                world.progress.shown_deleted |=
                    matches!(&step, Step::SetUserStatus { status: Status::Deleted, .. });
                texts.push(plain(&step.text()));
            } else if matches!(step, Step::CreateUser { .. }) && world.user.is_not_asked() {
                world.progress.creation_refused = true;
            } else if first.weight == Weight::Fatal {
                return None;
            } else {
                world.progress.given_up.push(step);
            }
            self.observe(task, &mut world);
            planned = plan_again(task, &world);
        }
        panic!("the hook never ends: {texts:?}");
    }
}

fn plan_again(task: &Task, world: &World) -> Result<Plan, Refusal> {
    plan(task, world)
}

fn record(name: &UserName, mailbox: &Mailbox) -> User {
    User {
        name: UserName::new(name.as_str().to_uppercase()),
        account: Some(mailbox.account.clone()),
        master: mailbox.master,
        status: mailbox.status.clone(),
        names: Some(mailbox.names.clone()),
        shows_names: true,
        contradicts: false,
    }
}

/// A plan as text, a step a line: `!` fatal, `*` fatal unless it is forbidden, `~` a warning when it fails, `?` the same and left out after
/// another failure; `&` beside the step before it.
pub fn told(plan: &Result<Plan, Refusal>) -> String {
    let plan = match plan {
        Ok(plan) => plan,
        Err(refusal) => return format!("refused: {}\n", plain(&refusal.text)),
    };
    let mut text = String::new();
    for planned in &plan.steps {
        let weight = match planned.weight {
            Weight::Fatal => '!',
            Weight::FatalUnlessForbidden => '*',
            Weight::Warn => '~',
            Weight::WarnIfAllWell => '?',
        };
        let beside = if planned.beside { '&' } else { ' ' };
        text += &format!("{weight}{beside} {}\n", plain(&planned.step.text()));
    }
    for left_out in &plan.unfinished {
        text += &format!("unfinished: {}\n", plain(left_out));
    }
    for warning in &plan.warnings {
        text += &format!("warning: {}\n", plain(warning));
    }
    text
}

fn plain(text: &str) -> String {
    magicmail::foreign::resolved(text, str::to_owned)
}
