//! What Freeside's staff and daemons do, each in one transaction, with the rows and hooks in Freeside's order.

use crate::books::{exports_of, Books, Change, Mailbox, Package, Service, CUSTOMERS, FINGERS};
use crate::freeside::{keep_account, run_job, Given, Run};
use crate::locks::Row;
use crate::random::Random;
use crate::site::Site;
use crate::transaction::Transaction;
use magicmail::world::Hook;

const USERNAMES: [&str; 5] = ["jane", "ann", "bob", "cid", "Dan"];

#[derive(Clone, Debug)]
pub enum Act {
    /// A new service in a package.
    Insert {
        pkgnum: u64,
        svcpart: u64,
        mailbox: Mailbox,
    },
    Delete {
        svcnum: u64,
    },
    /// The service with something changed; or as it is, as an export anew does it.
    Replace {
        svcnum: u64,
        change: Option<Edit>,
    },
    Definition {
        svcnum: u64,
        svcpart: u64,
    },
    Suspend {
        pkgnum: u64,
    },
    Unsuspend {
        pkgnum: u64,
    },
    /// A package changes to another customer, with its services.
    Move {
        pkgnum: u64,
        custnum: u64,
    },
    Job {
        jobnum: u64,
    },
}

#[derive(Clone, Debug)]
pub enum Edit {
    Username(String),
    Domain(String),
    Finger(String),
    Password(String),
}

impl Site {
    /// The next thing that somebody does; None: the history is over.
    pub fn draw_act(&mut self) -> Option<Act> {
        if self.acts_left == 0 || self.wrong.is_some() {
            return None;
        }
        self.acts_left -= 1;
        self.weather.calm = self.calm_acts > 0;
        self.calm_acts = self.calm_acts.saturating_sub(1);
        let (books, random) = (&self.books, &mut self.random);
        // What there is nothing for becomes a new service.
        Some(draw(books, random).unwrap_or_else(|| insert(books, random)))
    }
}

fn draw(books: &Books, random: &mut Random) -> Option<Act> {
    match random.below(20) {
        0..=5 => None,
        6..=8 => Some(Act::Delete { svcnum: any_service(books, random)? }),
        9..=11 => {
            let svcnum = any_service(books, random)?;
            Some(Act::Replace { svcnum, change: edit(random) })
        }
        12 => {
            let (svcnum, svcpart) = (any_service(books, random)?, 1 + random.below(4));
            Some(Act::Definition { svcnum, svcpart })
        }
        13..=16 => {
            let pkgnum = any_full_package(books, random)?;
            let is_suspended = books.packages.get(&pkgnum)?.is_suspended;
            Some(if is_suspended { Act::Unsuspend { pkgnum } } else { Act::Suspend { pkgnum } })
        }
        17 => {
            let (pkgnum, custnum) = (any_full_package(books, random)?, 1 + random.below(CUSTOMERS));
            Some(Act::Move { pkgnum, custnum })
        }
        _ => {
            let jobs: Vec<u64> = books.jobs.keys().copied().collect();
            Some(Act::Job { jobnum: *random.pick(&jobs)? })
        }
    }
}

fn insert(books: &Books, random: &mut Random) -> Act {
    let packages: Vec<u64> = books.packages.keys().copied().collect();
    let mailbox = Mailbox {
        username: random.pick(&USERNAMES).map_or(String::new(), |name| (*name).to_owned()),
        domain: domain(random),
        finger: finger(random),
        password: password(random),
    };
    Act::Insert {
        pkgnum: random.pick(&packages).copied().unwrap_or_default(),
        svcpart: random.weighted(&[(5, 1), (4, 2), (1, 3), (1, 4)]),
        mailbox,
    }
}

fn any_service(books: &Books, random: &mut Random) -> Option<u64> {
    let services: Vec<u64> = books.services.keys().copied().collect();
    random.pick(&services).copied()
}

/// A package that has services.
fn any_full_package(books: &Books, random: &mut Random) -> Option<u64> {
    let service = any_service(books, random)?;
    books.services.get(&service).map(|service| service.pkgnum)
}

/// The last is none that the server serves.
fn domain(random: &mut Random) -> String {
    random.weighted(&[(14, "example.net"), (5, "example.com"), (1, "example.org")]).to_owned()
}

fn finger(random: &mut Random) -> String {
    random.pick(&FINGERS).map_or(String::new(), |(finger, ..)| (*finger).to_owned())
}

fn password(random: &mut Random) -> String {
    format!("pw{}", random.below(1_000))
}

fn edit(random: &mut Random) -> Option<Edit> {
    match random.below(9) {
        0..=1 => None,
        2 => Some(Edit::Username("else".to_owned())),
        3..=5 => Some(Edit::Domain(domain(random))),
        6 => Some(Edit::Finger(finger(random))),
        _ => Some(Edit::Password(password(random))),
    }
}

impl Act {
    /// Freeside's or the hook's error rolls everything back.
    pub fn perform(&self, transaction: &mut Transaction) -> Result<(), String> {
        match self {
            Act::Insert { pkgnum, svcpart, mailbox } => add(transaction, *pkgnum, *svcpart, mailbox),
            Act::Delete { svcnum } => delete(transaction, *svcnum),
            Act::Replace { svcnum, change } => replace(transaction, *svcnum, change.as_ref()),
            Act::Definition { svcnum, svcpart } => redefine(transaction, *svcnum, *svcpart),
            Act::Suspend { pkgnum } => suspend(transaction, *pkgnum),
            Act::Unsuspend { pkgnum } => unsuspend(transaction, *pkgnum),
            Act::Move { pkgnum, custnum } => move_package(transaction, *pkgnum, *custnum),
            Act::Job { jobnum } => run_job(transaction, *jobnum),
        }
    }
}

/// The hook of each of these exports, until one fails.
pub fn run_each(
    transaction: &mut Transaction,
    exports: &[u64],
    hook: Hook,
    service: &Given,
    old: Option<&Mailbox>,
) -> Result<(), String> {
    for exportnum in exports {
        let export = transaction.stage.site().setup.export(*exportnum).clone();
        Run { export: &export, hook, service, old, job: None }.run(transaction)?;
    }
    Ok(())
}

fn add(transaction: &mut Transaction, pkgnum: u64, svcpart: u64, mailbox: &Mailbox) -> Result<(), String> {
    let books = transaction.books();
    if !books.packages.contains_key(&pkgnum) {
        return Err("there is no such package any more".to_owned());
    }
    if books.has_address(&mailbox.username, &mailbox.domain, 0) {
        return Err("Freeside itself refuses a second mailbox of that address".to_owned());
    }
    let svcnum = transaction.stage.site().mail.number();
    let mailbox = mailbox.clone();
    transaction.change(Change::Service(Service { svcnum, svcpart, pkgnum, mailbox: Some(mailbox.clone()) }));
    let service = Given { svcnum, svcpart, mailbox };
    run_each(transaction, exports_of(svcpart), Hook::Provision, &service, None)
}

/// The service as it is once its row is this transaction's.
fn locked(transaction: &mut Transaction, svcnum: u64) -> Result<(Service, Mailbox), String> {
    transaction.lock(Row::Service(svcnum))?;
    let found = transaction.books().services.get(&svcnum).cloned();
    let mailbox = found.as_ref().and_then(|service| service.mailbox.clone());
    found.zip(mailbox).ok_or_else(|| "the service is gone".to_owned())
}

fn delete(transaction: &mut Transaction, svcnum: u64) -> Result<(), String> {
    let (service, mailbox) = locked(transaction, svcnum)?;
    transaction.change(Change::Service(Service { mailbox: None, ..service.clone() }));
    let given = Given { svcnum, svcpart: service.svcpart, mailbox };
    run_each(transaction, exports_of(service.svcpart), Hook::Unprovision, &given, None)?;
    transaction.change(Change::NoService(svcnum));
    Ok(())
}

fn replace(transaction: &mut Transaction, svcnum: u64, edit: Option<&Edit>) -> Result<(), String> {
    let (service, old) = locked(transaction, svcnum)?;
    let mut new = old.clone();
    match edit {
        None => {}
        Some(Edit::Username(text)) => new.username.clone_from(text),
        Some(Edit::Domain(text)) => new.domain.clone_from(text),
        Some(Edit::Finger(text)) => new.finger.clone_from(text),
        Some(Edit::Password(text)) => new.password.clone_from(text),
    }
    if transaction.books().has_address(&new.username, &new.domain, svcnum) {
        return Err("Freeside itself refuses a second mailbox of that address".to_owned());
    }
    transaction.change(Change::Service(Service { mailbox: Some(new.clone()), ..service.clone() }));
    let given = Given { svcnum, svcpart: service.svcpart, mailbox: new };
    run_each(transaction, exports_of(service.svcpart), Hook::Replace, &given, Some(&old))
}

/// The exports of the old definition alone delete, those of both replace, those of the new one alone insert;
/// the row of `cust_svc` changes last.
fn redefine(transaction: &mut Transaction, svcnum: u64, svcpart: u64) -> Result<(), String> {
    let (service, mailbox) = locked(transaction, svcnum)?;
    let (before, after) = (exports_of(service.svcpart), exports_of(svcpart));
    let without = |exports: &[u64], others: &[u64]| -> Vec<u64> {
        exports.iter().copied().filter(|export| !others.contains(export)).collect()
    };
    let (gone, added) = (without(before, after), without(after, before));
    let kept = without(before, &gone);
    let old = Given { svcnum, svcpart: service.svcpart, mailbox: mailbox.clone() };
    let new = Given { svcnum, svcpart, mailbox: mailbox.clone() };
    if service.svcpart == svcpart {
        return Ok(());
    }
    run_each(transaction, &gone, Hook::Unprovision, &old, None)?;
    run_each(transaction, &kept, Hook::Replace, &new, Some(&mailbox))?;
    run_each(transaction, &added, Hook::Provision, &new, None)?;
    transaction.change(Change::Service(Service { svcpart, ..service }));
    Ok(())
}

fn services_in(transaction: &Transaction, pkgnum: u64) -> Vec<Given> {
    let books = transaction.books();
    let services = books.services.values().filter(|service| service.pkgnum == pkgnum);
    services
        .filter_map(|service| {
            let mailbox = service.mailbox.clone()?;
            Some(Given { svcnum: service.svcnum, svcpart: service.svcpart, mailbox })
        })
        .collect()
}

fn exports_that_suspend(transaction: &Transaction, svcpart: u64) -> Vec<u64> {
    let site = transaction.stage.site();
    exports_of(svcpart).iter().copied().filter(|export| !site.setup.export(*export).no_suspend).collect()
}

fn locked_package(transaction: &mut Transaction, pkgnum: u64) -> Result<Package, String> {
    transaction.lock(Row::Package(pkgnum))?;
    transaction.books().packages.get(&pkgnum).cloned().ok_or_else(|| "the package is gone".to_owned())
}

/// The row first, then the services; Freeside 4 does not look at what their hooks return.
fn suspend(transaction: &mut Transaction, pkgnum: u64) -> Result<(), String> {
    let package = locked_package(transaction, pkgnum)?;
    if package.is_suspended {
        return Ok(());
    }
    transaction.change(Change::Package(Package { is_suspended: true, ..package }));
    for service in services_in(transaction, pkgnum) {
        let exports = exports_that_suspend(transaction, service.svcpart);
        let _ = run_each(transaction, &exports, Hook::Suspend, &service, None);
    }
    Ok(())
}

/// The services first, then the row.
fn unsuspend(transaction: &mut Transaction, pkgnum: u64) -> Result<(), String> {
    let package = locked_package(transaction, pkgnum)?;
    if !package.is_suspended {
        return Ok(());
    }
    for service in services_in(transaction, pkgnum) {
        let exports = exports_that_suspend(transaction, service.svcpart);
        run_each(transaction, &exports, Hook::Unsuspend, &service, None)?;
    }
    transaction.change(Change::Package(Package { is_suspended: false, ..package }));
    Ok(())
}

/// A new package takes the services over, and the exports are told of each before its row changes.
fn move_package(transaction: &mut Transaction, pkgnum: u64, custnum: u64) -> Result<(), String> {
    let old = locked_package(transaction, pkgnum)?;
    if old.custnum == custnum {
        return Ok(());
    }
    let new = Package { pkgnum: transaction.stage.site().mail.number(), custnum, ..old };
    transaction.change(Change::Package(new.clone()));
    for given in services_in(transaction, pkgnum) {
        let Ok((service, _)) = locked(transaction, given.svcnum) else { continue };
        for exportnum in exports_of(service.svcpart) {
            let export = transaction.stage.site().setup.export(*exportnum).clone();
            keep_account(transaction, &export, given.svcnum, old.custnum);
        }
        transaction.change(Change::Service(Service { pkgnum: new.pkgnum, ..service }));
    }
    Ok(())
}
