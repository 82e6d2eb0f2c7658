//! What a run of the library is expected to bring about, worked out from the tables on their own, and what it says.

use crate::books::{
    account_of_customer, customer_in, package_of, packages_of, Books, Export, Facts, Mailbox, OnAccount,
};
use crate::freeside::Given;
use magicmail::error::Error;
use magicmail::freeside::Outcome;
use magicmail::world::Hook;

/// What a run is for.
#[derive(Clone, Debug)]
pub struct Ask {
    pub hook: Hook,
    pub custnum: Option<u64>,
    pub account: String,
    /// The account that the options name; empty: none.
    pub configured: String,
    pub service: Asked,
    pub old: Option<Asked>,
    pub others: Vec<OnAccount>,
    /// Not the option's value where the queue purges.
    pub autopurge: bool,
    /// It finishes an unprovision, if the mailbox is still as that left it.
    pub finishes: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub svcnum: u64,
    pub username: String,
    pub domain: String,
    pub finger: String,
    pub password: String,
    pub package: &'static str,
    pub is_suspended: bool,
}

/// What the library says.
#[derive(Clone, Debug)]
pub struct Told {
    pub account: String,
    pub warnings: Vec<String>,
    pub steps: Vec<String>,
}

impl Asked {
    fn of(service: &Given, mailbox: &Mailbox, export: &Export, is_suspended: bool) -> Asked {
        Asked {
            svcnum: service.svcnum,
            username: mailbox.username.clone(),
            domain: mailbox.domain.clone(),
            finger: mailbox.finger.clone(),
            password: mailbox.password.clone(),
            package: package_of(export.exportnum),
            is_suspended,
        }
    }

    pub fn address(&self) -> String {
        format!("{}@{}", self.username, self.domain)
    }
}

impl Ask {
    pub fn words(&self) -> String {
        let customer = self.custnum.map_or("no customer".to_owned(), |custnum| format!("customer {custnum}"));
        let hook = format!("{:?}", self.hook).to_lowercase();
        let (service, account) = (&self.service, &self.account);
        let old = self.old.as_ref().map_or(String::new(), |old| format!(", was {}", old.address()));
        format!("{customer}, service {}: {hook} {} on {account}{old}", service.svcnum, service.address())
    }

    /// The services of an account, without this one.
    pub fn others_on<'a>(&'a self, account: &'a str) -> impl Iterator<Item = &'a OnAccount> {
        self.others.iter().filter(move |other| {
            other.svcnum != self.service.svcnum && other.account.eq_ignore_ascii_case(account)
        })
    }

    /// Of a hook, or of a job that was given the account.
    pub fn of_hook(books: &Books, export: &Export, of: &Expected) -> Ask {
        let facts = books.facts(of.service.svcnum, export.exportnum);
        let configured = facts.custnum.map(account_of_customer).unwrap_or_default();
        let on_record = facts.on_record.as_ref().map(|(_, account)| account.clone());
        let known = of.account.map(str::to_owned).or(on_record);
        let account = known.unwrap_or_else(|| configured.clone());
        let suspended = of.hook == Hook::Provision && facts.is_suspended && !export.no_suspend;
        Ask {
            hook: of.hook,
            custnum: facts.custnum,
            service: Asked::of(of.service, &of.service.mailbox, export, suspended),
            old: of.old.map(|old| Asked::of(of.service, old, export, false)),
            others: of.others(books, &facts, &[&account, &configured]),
            autopurge: export.autopurge && !export.purge_after_commit && of.account.is_none(),
            finishes: false,
            account,
            configured,
        }
    }

    /// Of a job about what an unprovision left on an account.
    pub fn of_left(books: &Books, export: &Export, service: &Given, account: &str, hook: Hook) -> Ask {
        Ask {
            hook,
            custnum: customer_in(account),
            account: account.to_owned(),
            configured: String::new(),
            service: Asked::of(service, &service.mailbox, export, false),
            old: None,
            others: books.on_accounts(&[account.to_owned()], None),
            autopurge: hook == Hook::Purge,
            finishes: false,
        }
    }

    /// The packages of the account of a service.
    pub fn of_account(books: &Books, export: &Export, svcnum: u64) -> Ask {
        let facts = books.facts(svcnum, export.exportnum);
        let on_record = facts.on_record.as_ref().map(|(_, account)| account.clone());
        let configured = facts.custnum.map(account_of_customer).unwrap_or_default();
        let account = on_record.unwrap_or(configured);
        let mut others = books.on_accounts(std::slice::from_ref(&account), facts.custnum);
        others.retain(|service| service.account == account);
        Ask {
            hook: Hook::Sync,
            custnum: facts.custnum,
            account,
            configured: String::new(),
            service: Asked::default(),
            old: None,
            others,
            autopurge: false,
            finishes: false,
        }
    }
}

/// What is expected of a hook.
pub struct Expected<'a> {
    pub hook: Hook,
    pub service: &'a Given,
    pub old: Option<&'a Mailbox>,
    /// A job was given it.
    pub account: Option<&'a str>,
}

impl Expected<'_> {
    /// The account's other services, and what else this one brings.
    fn others(&self, books: &Books, facts: &Facts, accounts: &[&String]) -> Vec<OnAccount> {
        let (service, mailbox) = (self.service, &self.service.mailbox);
        let is_needed = matches!(self.hook, Hook::Provision | Hook::Unprovision)
            || books.services_of_user(&mailbox.username).iter().any(|svcnum| *svcnum != service.svcnum);
        if !is_needed {
            return Vec::new();
        }
        let accounts: Vec<String> =
            accounts.iter().filter(|account| !account.is_empty()).map(|a| (*a).clone()).collect();
        let mut others = books.on_accounts(&accounts, facts.custnum);
        others.retain(|other| other.svcnum != service.svcnum);
        if self.hook == Hook::Provision {
            others.extend(packages_of(service.svcpart).map(|package| OnAccount {
                svcnum: service.svcnum,
                username: mailbox.username.clone(),
                package,
                account: accounts[0].clone(),
            }));
        }
        others
    }
}

impl Told {
    pub fn of(ask: &Ask, outcome: &Outcome) -> Result<Told, Error> {
        let done = outcome.ended.map_err(Clone::clone)?;
        Ok(Told {
            account: outcome.account.map_or_else(|| ask.account.clone(), ToString::to_string),
            warnings: done.warnings.clone(),
            steps: done.steps.clone(),
        })
    }
}
