//! The hooks of the Perl module, as far as they decide what the library is asked: the row locks, the account on
//! record, what is left to the queue.

use crate::ask::{Ask, Asked, Told};
use crate::books::{
    account_of_customer, customer_in, package_of, packages_of, Books, Change, Export, Facts, Job, Mailbox,
    OnAccount, Work,
};
use crate::judge;
use crate::locks::Row;
use crate::transaction::Transaction;
use magicmail::world::Hook;

/// The record of a service as a hook is given it.
#[derive(Clone, Debug)]
pub struct Given {
    pub svcnum: u64,
    pub svcpart: u64,
    pub mailbox: Mailbox,
}

/// One run of a hook.
pub struct Run<'a> {
    pub export: &'a Export,
    pub hook: Hook,
    pub service: &'a Given,
    pub old: Option<&'a Mailbox>,
    pub caller: Caller<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    Freeside,
    /// A job of the queue; it may have been given the account.
    Job(Option<&'a str>),
}

impl Run<'_> {
    fn is_job(&self) -> bool {
        self.caller != Caller::Freeside
    }

    pub fn run(&self, transaction: &mut Transaction) -> Result<(), String> {
        let ended = self.work(transaction);
        if ended.is_err() && self.hook == Hook::Suspend && !self.is_job() {
            self.queue(transaction, Work::Suspend, "");
        }
        ended
    }

    fn work(&self, transaction: &mut Transaction) -> Result<(), String> {
        let (facts, known) = self.locked_facts(transaction)?;
        let configured = facts.custnum.map(account_of_customer).unwrap_or_default();
        let account = known.unwrap_or_else(|| configured.clone());
        if self.hook == Hook::Unprovision && !self.is_job() && facts.has_row {
            // The service only moves to another definition. Its mailbox may come back for another domain.
            let mailbox = &self.service.mailbox;
            transaction.stage.site().excuse(&format!("{}@{}", mailbox.username, mailbox.domain));
            if !account.is_empty() {
                self.queue(transaction, Work::Unprovision, &account);
            }
            return Ok(());
        }
        if self.hook == Hook::Provision {
            self.record(transaction, &facts, &account);
        }
        let ask = self.ask(&transaction.books(), &facts, account, configured);
        let told = judge::ask(transaction, &ask, self.export)?;
        self.finish(transaction, &facts, &told);
        Ok(())
    }

    /// What is known of the service, and its account where that is known, once the customers of both are locked:
    /// whoever was waited for may have changed it, so it is read until nobody else is to be waited for.
    fn locked_facts(&self, transaction: &mut Transaction) -> Result<(Facts, Option<String>), String> {
        let mut locked = None;
        loop {
            let facts = transaction.books().facts(self.service.svcnum, self.export.exportnum);
            let given = match self.caller {
                Caller::Job(given) => given.map(str::to_owned),
                Caller::Freeside => None,
            };
            let known = given.or_else(|| facts.on_record.as_ref().map(|(_, account)| account.clone()));
            let customers = customers(facts.custnum, known.as_deref());
            if locked.as_ref() == Some(&customers) {
                return Ok((facts, known));
            }
            customers.iter().try_for_each(|custnum| transaction.lock(Row::Customer(*custnum)))?;
            locked = Some(customers);
        }
    }

    fn ask(&self, books: &Books, facts: &Facts, account: String, configured: String) -> Ask {
        let mailbox = &self.service.mailbox;
        let suspended = self.hook == Hook::Provision && facts.is_suspended && !self.export.no_suspend;
        let is_needed = matches!(self.hook, Hook::Provision | Hook::Unprovision)
            || books.services_of_user(&mailbox.username).iter().any(|svcnum| *svcnum != self.service.svcnum);
        let others = if is_needed { self.others(books, facts, &[&account, &configured]) } else { Vec::new() };
        Ask {
            hook: self.hook,
            custnum: facts.custnum,
            service: self.asked(mailbox, suspended),
            old: self.old.map(|old| self.asked(old, false)),
            others,
            autopurge: self.export.autopurge && !self.export.purge_after_commit && !self.is_job(),
            account,
            configured,
        }
    }

    fn asked(&self, mailbox: &Mailbox, is_suspended: bool) -> Asked {
        Asked {
            svcnum: self.service.svcnum,
            username: mailbox.username.clone(),
            domain: mailbox.domain.clone(),
            finger: mailbox.finger.clone(),
            password: mailbox.password.clone(),
            package: package_of(self.export.exportnum),
            is_suspended,
        }
    }

    /// The account's other services, and what else this one brings.
    fn others(&self, books: &Books, facts: &Facts, accounts: &[&String]) -> Vec<OnAccount> {
        let accounts: Vec<String> =
            accounts.iter().filter(|account| !account.is_empty()).map(|a| (*a).clone()).collect();
        let mut others = books.on_accounts(&accounts, facts.custnum);
        others.retain(|other| other.svcnum != self.service.svcnum);
        if self.hook == Hook::Provision {
            others.extend(packages_of(self.service.svcpart).map(|package| OnAccount {
                svcnum: self.service.svcnum,
                username: self.service.mailbox.username.clone(),
                domain: self.service.mailbox.domain.clone(),
                package,
                account: accounts[0].clone(),
            }));
        }
        others
    }

    fn finish(&self, transaction: &mut Transaction, facts: &Facts, told: &Told) {
        if self.hook != Hook::Unprovision {
            self.record(transaction, facts, &told.account);
        } else if self.export.autopurge && self.export.purge_after_commit && !self.is_job() {
            self.queue(transaction, Work::Purge, &told.account);
        }
    }

    fn record(&self, transaction: &mut Transaction, facts: &Facts, account: &str) {
        let exportnum = self.export.exportnum;
        let is_known =
            facts.on_record.as_ref().is_some_and(|known| *known == (exportnum, account.to_owned()));
        if !account.is_empty() && !is_known {
            transaction.change(Change::Record(exportnum, self.service.svcnum, account.to_owned()));
        }
    }

    fn queue(&self, transaction: &mut Transaction, work: Work, account: &str) {
        let jobnum = transaction.stage.site().mail.number();
        transaction.change(Change::Job(Job {
            jobnum,
            work,
            exportnum: self.export.exportnum,
            svcnum: self.service.svcnum,
            username: self.service.mailbox.username.clone(),
            domain: self.service.mailbox.domain.clone(),
            account: account.to_owned(),
            has_failed: false,
        }));
    }
}

/// The service's customer, and the one whom its account is named after, in the one order.
fn customers(own: Option<u64>, account: Option<&str>) -> Vec<u64> {
    let mut customers: Vec<u64> = own.into_iter().chain(account.and_then(customer_in)).collect();
    customers.sort_unstable();
    customers.dedup();
    customers
}

/// `export_pkg_change`: the account of a service that moves to another customer stays, by being put on record.
pub fn keep_account(transaction: &mut Transaction, export: &Export, svcnum: u64, old_custnum: u64) {
    let facts = transaction.books().facts(svcnum, export.exportnum);
    let account = match facts.on_record {
        Some((exportnum, _)) if exportnum == export.exportnum => return,
        Some((_, account)) => account,
        None => account_of_customer(old_custnum),
    };
    transaction.change(Change::Record(export.exportnum, svcnum, account));
}
