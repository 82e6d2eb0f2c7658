//! Reads what MagicMail has, as far as the plan asks for it; never changes anything there.

use crate::api::{Api, Call, CallError, Cause, Reply, CONSISTENCY_DELAYS};
use crate::error::Error;
use crate::evidence::{Known, UserList};
use crate::foreign::foreign;
use crate::id::{AccountId, Address, PackageName, UserName};
use crate::plan::{missing_facts, Fact};
use crate::record::{Account, Record, User};
use crate::world::{Hook, Task, World};

/// What was needed and could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// In words: `the packages of user jane`.
    pub what: String,
    pub error: CallError,
}

impl Unreadable {
    /// What could not be done: `could not read the packages of user jane`.
    pub fn failed(&self) -> String {
        format!("could not read {}", self.what)
    }

    pub fn text(&self) -> String {
        format!("{}: {}", self.failed(), self.error.text)
    }

    /// For people: what the server said is made harmless.
    pub fn to_error(&self, api: &Api) -> Error {
        let code = self.error.code().map(str::to_owned);
        Error { code, ..Error::new(self.error.status(), api.clean(&self.text())) }
    }
}

/// Reads until a plan can be made: round after round, what one round asks for side by side.
pub fn observe(api: &Api, task: &Task, world: &mut World) -> Result<(), Unreadable> {
    for lag in CONSISTENCY_DELAYS {
        let ended = observe_once(api, task, world);
        if !is_not_shown_yet(world, &ended) {
            return ended;
        }
        if world.user == Known::Absent {
            world.user = Known::NotAsked;
        }
        api.pause(lag);
    }
    observe_once(api, task, world)
}

/// A server that lags does not know yet the user whom this hook has made.
fn is_not_shown_yet(world: &World, ended: &Result<(), Unreadable>) -> bool {
    let is_refused = |unreadable: &Unreadable| matches!(unreadable.error.cause, Cause::Refused(_));
    world.progress.made_user && (world.user == Known::Absent || ended.as_ref().is_err_and(is_refused))
}

fn observe_once(api: &Api, task: &Task, world: &mut World) -> Result<(), Unreadable> {
    let mut readings = [Reading::new(task, std::mem::replace(world, World::new(&task.request)))];
    observe_each(api, &mut readings);
    let [Reading { world: read, unreadable, .. }] = readings;
    *world = read;
    unreadable.map_or(Ok(()), Err)
}

/// What is read for one task.
pub struct Reading<'a> {
    pub task: &'a Task,
    pub world: World,
    /// Why no plan can be made.
    pub unreadable: Option<Unreadable>,
}

impl Reading<'_> {
    pub fn new(task: &Task, world: World) -> Reading<'_> {
        Reading { task, world, unreadable: None }
    }

    /// What the next round asks for; nothing where the reading has ended.
    fn wants(&self) -> Vec<Fact> {
        if self.unreadable.is_some() {
            return Vec::new();
        }
        missing_facts(self.task, &self.world)
    }
}

/// The same for several tasks, which go through their rounds together. What cannot be read of one is no
/// reason to give up another.
pub fn observe_each(api: &Api, readings: &mut [Reading]) {
    loop {
        let rounds: Vec<Vec<Fact>> = readings.iter().map(Reading::wants).collect();
        let calls: Vec<Call> = readings
            .iter()
            .zip(&rounds)
            .flat_map(|(reading, facts)| {
                facts.iter().map(|fact| call(fact, &reading.world.account_id, reading.task))
            })
            .collect();
        if calls.is_empty() {
            return;
        }
        let mut replies = api.read(&calls).into_iter();
        for (reading, facts) in readings.iter_mut().zip(rounds) {
            let replies = replies.by_ref().take(facts.len()).collect();
            take_in_round(reading, facts, replies);
        }
    }
}

/// Takes in what could be read. What failed may not be needed any more: a guess, or the list of an account
/// that is not there.
fn take_in_round(reading: &mut Reading, facts: Vec<Fact>, answers: Vec<Result<Reply, CallError>>) {
    let (task, world) = (reading.task, &mut reading.world);
    let account = world.account_id.clone();
    let mut failed = Vec::new();
    let mut learned: Vec<(Fact, Learned)> = Vec::new();
    for (fact, reply) in facts.into_iter().zip(answers) {
        match reply.and_then(|reply| plausible(&fact, reply, &account)) {
            Ok(what) => learned.push((fact, what)),
            Err(_) if may_stay_unknown(&fact, task, world) => leave_unknown(&fact, world),
            Err(error) => failed.push((fact, error)),
        }
    }
    // The user may show that another account counts; what was read of the first one is then of no use.
    learned.sort_by_key(|(fact, _)| *fact != Fact::User);
    for (fact, what) in learned {
        let of_account = matches!(fact, Fact::Account | Fact::Users | Fact::UsersAfterMark | Fact::Peer(_));
        if !of_account || world.account_id == account {
            take_in(&fact, what, task, world);
        }
    }
    if failed.is_empty() {
        return;
    }
    let needed = missing_facts(task, world);
    if let Some((fact, error)) = failed.into_iter().find(|(fact, _)| needed.contains(fact)) {
        let what = in_words(&fact, &world.account_id, task);
        reading.unreadable = Some(Unreadable { what, error });
    }
}

fn call(fact: &Fact, account: &AccountId, task: &Task) -> Call {
    match fact {
        Fact::Account => Call::get_account(account),
        Fact::User => Call::get_user(task.user()),
        Fact::Users if task.hook == Hook::Mend => Call::get_users(account).long(),
        Fact::Users | Fact::UsersAfterMark => Call::get_users(account),
        Fact::Peer(user) | Fact::FormerUser(user) => Call::get_user(user),
        Fact::Packages(user) => Call::get_packages(user),
        Fact::Owner(address) => Call::get_email_address(address),
        Fact::Addresses(user) => Call::get_email_addresses(user),
    }
}

fn in_words(fact: &Fact, account: &AccountId, task: &Task) -> String {
    match fact {
        Fact::Account => format!("account {account}"),
        Fact::User => format!("user {}", task.user()),
        Fact::Users | Fact::UsersAfterMark => format!("the users of account {account}"),
        Fact::Peer(user) | Fact::FormerUser(user) => format!("user {user}"),
        Fact::Packages(user) => format!("the packages of user {user}"),
        Fact::Owner(address) => format!("address {}", foreign(address.as_str())),
        Fact::Addresses(user) => format!("the addresses of user {user}"),
    }
}

/// Whether less is done without it, and nothing fails. An unprovision asks for the account only to leave out what is
/// done already.
fn may_stay_unknown(fact: &Fact, task: &Task, world: &World) -> bool {
    match fact {
        Fact::UsersAfterMark | Fact::FormerUser(_) => true,
        Fact::Account => task.hook == Hook::Unprovision && world.user.present().is_some(),
        _ => false,
    }
}

fn leave_unknown(fact: &Fact, world: &mut World) {
    match fact {
        Fact::Account => world.account = Known::Unknown,
        Fact::UsersAfterMark => world.users_after_mark = Known::Unknown,
        Fact::FormerUser(user) => {
            world.peers.insert(user.clone(), Known::Unknown);
        }
        _ => {}
    }
}

/// Takes in the answer to one fact, as a round does; what is wrong with it, if it is rejected.
pub fn take_in_answer(fact: &Fact, reply: Reply, task: &Task, world: &mut World) -> Result<(), CallError> {
    let learned = plausible(fact, reply, &world.account_id)?;
    take_in(fact, learned, task, world);
    Ok(())
}

/// What a plausible answer says.
enum Learned {
    Users(UserList),
    Reply(Reply),
}

/// Rejects an answer that does not say what it was asked for, or contradicts itself.
fn plausible(fact: &Fact, reply: Reply, account: &AccountId) -> Result<Learned, CallError> {
    let rejected = |text| CallError { cause: Cause::Unusable(200), doubt: false, text };
    let problem = match (fact, &reply) {
        (Fact::Users | Fact::UsersAfterMark, Reply::List(list)) => {
            return UserList::from_entries(account, list).map(Learned::Users).map_err(rejected);
        }
        (Fact::Owner(_), Reply::Record(record)) if record.get("user").is_none_or(str::is_empty) => {
            Some("the server's answer does not say whose it is".to_owned())
        }
        (Fact::User | Fact::Peer(_) | Fact::FormerUser(_), Reply::Record(record)) => {
            let contradicts = User::from_record(record, &UserName::new("")).contradicts;
            contradicts.then(|| {
                "the server contradicts itself: its account or its mark as master is given twice, with different values".to_owned()
            })
        }
        (Fact::Addresses(user), Reply::List(list)) => anothers_address(user, list),
        _ => None,
    };
    problem.map_or(Ok(Learned::Reply(reply)), |text| Err(rejected(text)))
}

/// What is wrong with a list of a user's addresses that has one of another user.
fn anothers_address(user: &UserName, list: &[(String, Record)]) -> Option<String> {
    let owner = |record: &Record| record.get("user").filter(|owner| !owner.is_empty()).map(UserName::new);
    let other = list.iter().filter_map(|(_, record)| owner(record)).find(|owner| owner != user)?;
    Some(format!(
        "asked for the addresses of user {user}, the server listed one of {}",
        foreign(other.as_str())
    ))
}

fn take_in(fact: &Fact, learned: Learned, task: &Task, world: &mut World) {
    let reply = match learned {
        Learned::Users(users) if *fact == Fact::Users => return world.set_users(users, task),
        Learned::Users(users) => {
            world.users_after_mark = Known::Present(users);
            return;
        }
        Learned::Reply(reply) => reply,
    };
    match fact {
        Fact::Account => {
            world.account = known(&reply, |record| Account::from_record(record, &world.account_id))
        }
        Fact::User => {
            let user = known(&reply, |record| User::from_record(record, task.user()));
            world.set_user(user, task);
        }
        // There is no such account: it has no users.
        Fact::Users => world.set_users(UserList::default(), task),
        Fact::UsersAfterMark => world.users_after_mark = Known::Present(UserList::default()),
        Fact::Peer(user) | Fact::FormerUser(user) => {
            let peer = known(&reply, |record| User::from_record(record, user));
            world.peers.insert(user.clone(), peer);
        }
        Fact::Packages(user) => {
            let packages = listed(reply).into_iter().map(|(name, _)| PackageName::new(name)).collect();
            world.packages.insert(user.clone(), packages);
        }
        Fact::Addresses(user) => take_in_addresses(user, &listed(reply), task, world),
        Fact::Owner(address) => {
            let owner = match &reply {
                Reply::Record(record) => record.get("user").map(UserName::new),
                _ => None,
            };
            world.owners.insert(address.clone(), owner);
        }
    }
}

/// Entries that name their user say whose they are as the addresses' own records would.
fn take_in_addresses(user: &UserName, list: &[(String, Record)], task: &Task, world: &mut World) {
    for (address, record) in list {
        if record.get("user").is_some_and(|owner| !owner.is_empty()) {
            world.owners.insert(Address::new(address.as_str()), Some(user.clone()));
        }
    }
    let addresses = list.iter().map(|(address, _)| Address::new(address.as_str())).collect();
    world.set_addresses(user, addresses, task);
}

fn known<T>(reply: &Reply, read: impl Fn(&Record) -> T) -> Known<T> {
    match reply {
        Reply::Record(record) => Known::Present(read(record)),
        Reply::Absent => Known::Absent,
        _ => Known::Unknown,
    }
}

fn listed(reply: Reply) -> Vec<(String, Record)> {
    match reply {
        Reply::List(list) => list,
        _ => Vec::new(),
    }
}
