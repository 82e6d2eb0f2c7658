//! Freeside's tables, as far as a mailbox needs them, and what the Perl module asks of them.

use crate::random::Random;
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};

pub const PREFIX: &str = "FREESIDE";
pub const CUSTOMERS: u64 = 3;

/// What is configured: two exports to the one server, and the service definitions.
pub struct Setup {
    pub exports: [Export; 2],
    /// The database has advisory locks, as PostgreSQL has; else customers' rows are locked, as on MySQL.
    pub has_advisory_locks: bool,
}

#[derive(Clone, Debug)]
pub struct Export {
    pub exportnum: u64,
    pub autopurge: bool,
    pub purge_after_commit: bool,
    pub no_suspend: bool,
}

/// The definitions of services, and the exports of each.
pub const DEFINITIONS: [(u64, &[u64]); 4] = [(1, &[1]), (2, &[2]), (3, &[1, 2]), (4, &[])];

/// What Freeside's one field for a name holds, and the first and the last name in it.
pub const FINGERS: [(&str, &str, &str); 5] = [
    ("Jane Roe", "Jane", "Roe"),
    ("  Jan  van der Berg ", "Jan  van der", "Berg"),
    ("Cher", "Cher", ""),
    ("Ann Lee", "Ann", "Lee"),
    ("", "", ""),
];

pub fn names_of(finger: &str) -> (&'static str, &'static str) {
    let found = FINGERS.iter().find(|(known, ..)| *known == finger);
    found.map_or(("", ""), |(_, first, last)| (first, last))
}

pub fn package_of(exportnum: u64) -> &'static str {
    if exportnum == 1 {
        "EMAIL"
    } else {
        "PRO"
    }
}

pub fn packages_of(svcpart: u64) -> impl Iterator<Item = &'static str> {
    exports_of(svcpart).iter().map(|exportnum| package_of(*exportnum))
}

pub fn exports_of(svcpart: u64) -> &'static [u64] {
    DEFINITIONS.iter().find(|(known, _)| *known == svcpart).map_or(&[], |(_, exports)| exports)
}

impl Setup {
    pub fn draw(random: &mut Random) -> Setup {
        let (autopurge, purge_after_commit) =
            random.weighted(&[(2, (false, false)), (2, (true, false)), (2, (true, true))]);
        let no_suspend = random.chance(100);
        let export = |exportnum| Export { exportnum, autopurge, purge_after_commit, no_suspend };
        Setup { exports: [export(1), export(2)], has_advisory_locks: !random.chance(300) }
    }

    pub fn export(&self, exportnum: u64) -> &Export {
        &self.exports[exportnum as usize - 1]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub pkgnum: u64,
    pub custnum: u64,
    pub is_suspended: bool,
}

/// A row of `cust_svc`, and the one of `svc_acct`, which goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub svcnum: u64,
    pub svcpart: u64,
    pub pkgnum: u64,
    pub mailbox: Option<Mailbox>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub username: String,
    pub domain: String,
    pub finger: String,
    pub password: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    Unprovision,
    Purge,
    /// Whether the unprovision would have purged.
    Finish(bool),
    Suspend,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub jobnum: u64,
    pub work: Work,
    pub exportnum: u64,
    pub svcnum: u64,
    pub username: String,
    pub domain: String,
    pub account: String,
    pub has_failed: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Books {
    pub packages: BTreeMap<u64, Package>,
    pub services: BTreeMap<u64, Service>,
    /// `export_cust_svc`: the account that an export has on record for a service.
    pub records: BTreeMap<(u64, u64), String>,
    pub jobs: BTreeMap<u64, Job>,
}

/// One change of the tables, which others see once it is committed.
#[derive(Clone, Debug)]
pub enum Change {
    Package(Package),
    Service(Service),
    NoService(u64),
    Record(u64, u64, String),
    Job(Job),
    NoJob(u64),
}

/// What the Perl module asks for first.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub custnum: Option<u64>,
    pub is_suspended: bool,
    pub has_row: bool,
    /// By which export, and the account.
    pub on_record: Option<(u64, String)>,
}

/// A provisioned service of an account, once for each of its exports.
#[derive(Clone, Debug)]
pub struct OnAccount {
    pub svcnum: u64,
    pub username: String,
    pub package: &'static str,
    pub account: String,
}

pub fn account_of_customer(custnum: u64) -> String {
    format!("{PREFIX}{custnum}")
}

/// The customer whom an account is named after.
pub fn customer_in(account: &str) -> Option<u64> {
    account.strip_prefix(PREFIX)?.parse().ok()
}

impl Books {
    /// Customers with two packages each.
    pub fn start() -> Books {
        let package = |pkgnum| Package { pkgnum, custnum: 1 + pkgnum % CUSTOMERS, is_suspended: false };
        Books {
            packages: (1..=CUSTOMERS * 2).map(|pkgnum| (pkgnum, package(pkgnum))).collect(),
            ..Books::default()
        }
    }

    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Package(package) => drop(self.packages.insert(package.pkgnum, package)),
            Change::Service(service) => drop(self.services.insert(service.svcnum, service)),
            Change::NoService(svcnum) => {
                self.services.remove(&svcnum);
                self.records.retain(|(_, of), _| *of != svcnum);
            }
            Change::Record(exportnum, svcnum, account) => {
                self.records.insert((exportnum, svcnum), account);
            }
            Change::Job(job) => drop(self.jobs.insert(job.jobnum, job)),
            Change::NoJob(jobnum) => drop(self.jobs.remove(&jobnum)),
        }
    }

    /// A record of this export's counts before another one's.
    pub fn facts(&self, svcnum: u64, exportnum: u64) -> Facts {
        let service = self.services.get(&svcnum);
        let package = service.and_then(|service| self.packages.get(&service.pkgnum));
        let own = self.records.get(&(exportnum, svcnum)).map(|account| (exportnum, account.clone()));
        let any = || {
            let found = self.records.iter().find(|((_, of), _)| *of == svcnum);
            found.map(|((by, _), account)| (*by, account.clone()))
        };
        Facts {
            custnum: package.map(|package| package.custnum),
            is_suspended: package.is_some_and(|package| package.is_suspended),
            has_row: service.is_some_and(|service| service.mailbox.is_some()),
            on_record: own.or_else(any),
        }
    }

    /// The account of a service: the one on record, else the one that the options name.
    pub fn account_of(&self, service: &Service, exportnum: u64) -> String {
        match self.facts(service.svcnum, exportnum) {
            Facts { on_record: Some((_, account)), .. } => account,
            Facts { custnum: Some(custnum), .. } => account_of_customer(custnum),
            _ => String::new(),
        }
    }

    fn provisioned(&self) -> impl Iterator<Item = (&Service, &Mailbox)> {
        self.services
            .values()
            .filter(|service| !exports_of(service.svcpart).is_empty())
            .filter_map(|service| Some((service, service.mailbox.as_ref()?)))
    }

    /// The services that are on one of the accounts, or are this customer's.
    pub fn on_accounts(&self, accounts: &[String], custnum: Option<u64>) -> Vec<OnAccount> {
        let mut found = Vec::new();
        for (service, mailbox) in self.provisioned() {
            let owner = self.packages.get(&service.pkgnum).map(|package| package.custnum);
            let is_own = custnum.is_some() && owner == custnum;
            for exportnum in exports_of(service.svcpart) {
                let account = self.account_of(service, *exportnum);
                if is_own || accounts.contains(&account) {
                    found.push(OnAccount {
                        svcnum: service.svcnum,
                        username: mailbox.username.clone(),
                        package: package_of(*exportnum),
                        account,
                    });
                }
            }
        }
        found
    }

    /// The provisioned services that `is_meant`, as the shim gives them to the library: once for each record.
    pub fn rows(&self, is_meant: impl Fn(&Service, &Mailbox) -> bool) -> Vec<Value> {
        let mut rows = Vec::new();
        for (service, mailbox) in self.provisioned().filter(|(service, mailbox)| is_meant(service, mailbox)) {
            let custnum = self.customer_of(service).unwrap_or_default();
            let row = |exportnum: u64, account: &str| {
                json!([
                    service.svcnum,
                    mailbox.username,
                    mailbox.domain,
                    service.svcpart,
                    custnum,
                    "",
                    exportnum,
                    account
                ])
            };
            let records = self.records_of(service.svcnum);
            if records.is_empty() {
                rows.push(row(0, ""));
            }
            rows.extend(records.iter().map(|(exportnum, account)| row(*exportnum, account)));
        }
        rows
    }

    pub fn customer_of(&self, service: &Service) -> Option<u64> {
        self.packages.get(&service.pkgnum).map(|package| package.custnum)
    }

    /// What exports have on record for a service.
    pub fn records_of(&self, svcnum: u64) -> Vec<(u64, &String)> {
        let own = self.records.iter().filter(|((_, of), _)| *of == svcnum);
        own.map(|((exportnum, _), account)| (*exportnum, account)).collect()
    }

    /// Whether another service has this address.
    pub fn has_address(&self, username: &str, domain: &str, but: u64) -> bool {
        self.services.values().filter(|service| service.svcnum != but).any(|service| {
            service.mailbox.as_ref().is_some_and(|mailbox| {
                mailbox.username.eq_ignore_ascii_case(username) && mailbox.domain == domain
            })
        })
    }

    pub fn services_of_user(&self, username: &str) -> BTreeSet<u64> {
        self.provisioned()
            .filter(|(_, mailbox)| mailbox.username.eq_ignore_ascii_case(username))
            .map(|(service, _)| service.svcnum)
            .collect()
    }

    /// Those that have this user of this account.
    pub fn services_of_mailbox<'a>(
        &'a self,
        name: &'a str,
        account: &'a str,
    ) -> impl Iterator<Item = u64> + 'a {
        self.provisioned()
            .filter(|(_, mailbox)| mailbox.username.eq_ignore_ascii_case(name))
            .filter(|(service, _)| {
                let mut exports = exports_of(service.svcpart).iter();
                exports.any(|exportnum| self.account_of(service, *exportnum).eq_ignore_ascii_case(account))
            })
            .map(|(service, _)| service.svcnum)
    }
}
