//! The jobs of Freeside's queue. Each looks again before it acts. One that fails stays, for staff to retry.

use crate::ask::{Ask, Asked};
use crate::books::{account_of_customer, customer_in, exports_of, Books, Change, Export, Job, Mailbox, Work};
use crate::export::{Caller, Given, Run};
use crate::judge;
use crate::locks::Row;
use crate::transaction::Transaction;
use magicmail::world::Hook;

pub fn run(transaction: &mut Transaction, jobnum: u64) -> Result<(), String> {
    transaction.lock(Row::Job(jobnum))?;
    let books = transaction.books();
    let Some(job) = books.jobs.get(&jobnum).cloned() else { return Ok(()) };
    let export = transaction.stage.site().setup.export(job.exportnum).clone();
    transaction.stage.site().tell(transaction.worker, || format!("{job:?}"));
    match job.work {
        Work::Unprovision => unprovision(transaction, &job, &export),
        Work::Purge => purge(transaction, &job, &export),
        Work::Suspend => suspend(transaction, &job, &export),
    }?;
    transaction.change(Change::NoJob(jobnum));
    Ok(())
}

fn lock_customer(transaction: &mut Transaction, job: &Job) -> Result<Books, String> {
    if let Some(custnum) = customer_in(&job.account) {
        transaction.lock(Row::Customer(custnum))?;
    }
    Ok(transaction.books())
}

/// Unprovisions the user where no service uses it any more; where this one still does, by another export, the
/// packages are brought in line.
fn unprovision(transaction: &mut Transaction, job: &Job, export: &Export) -> Result<(), String> {
    let books = lock_customer(transaction, job)?;
    let users = books.services_of_user(&job.username);
    if users.contains(&job.svcnum) {
        return sync(transaction, &books, job.svcnum, export);
    }
    if !users.is_empty() {
        return Ok(());
    }
    let mailbox = Mailbox {
        username: job.username.clone(),
        domain: job.domain.clone(),
        finger: String::new(),
        password: String::new(),
    };
    let service = Given { svcnum: job.svcnum, svcpart: 0, mailbox };
    let caller = Caller::Job(Some(&job.account));
    Run { export, hook: Hook::Unprovision, service: &service, old: None, caller }.run(transaction)
}

/// The packages of the account of a service.
pub fn sync(
    transaction: &mut Transaction,
    books: &Books,
    svcnum: u64,
    export: &Export,
) -> Result<(), String> {
    let facts = books.facts(svcnum, export.exportnum);
    let account = match (facts.on_record, facts.custnum) {
        (Some((_, account)), _) => account,
        (None, Some(custnum)) => account_of_customer(custnum),
        (None, None) => return Ok(()),
    };
    let mut services = books.on_accounts(std::slice::from_ref(&account), facts.custnum);
    services.retain(|service| service.account == account);
    let ask = Ask {
        hook: Hook::Sync,
        custnum: facts.custnum,
        account,
        configured: String::new(),
        service: Asked::default(),
        old: None,
        others: services,
        autopurge: false,
    };
    let told = judge::ask(transaction, &ask, export)?;
    if told.warnings.is_empty() {
        return Ok(());
    }
    Err(told.warnings.join("; "))
}

/// Purges what is still marked deleted and used by no service.
fn purge(transaction: &mut Transaction, job: &Job, export: &Export) -> Result<(), String> {
    let books = lock_customer(transaction, job)?;
    if !export.autopurge || !books.services_of_user(&job.username).is_empty() {
        return Ok(());
    }
    let ask = Ask {
        hook: Hook::Purge,
        custnum: customer_in(&job.account),
        account: job.account.clone(),
        configured: String::new(),
        service: Asked { username: job.username.clone(), domain: job.domain.clone(), ..Asked::default() },
        old: None,
        others: books.on_accounts(std::slice::from_ref(&job.account), None),
        autopurge: true,
    };
    judge::ask(transaction, &ask, export).map(drop)
}

/// Tries a suspend again, while the package is suspended.
fn suspend(transaction: &mut Transaction, job: &Job, export: &Export) -> Result<(), String> {
    let books = transaction.books();
    let Some(service) = books.services.get(&job.svcnum) else { return Ok(()) };
    let Some(mailbox) = service.mailbox.clone() else { return Ok(()) };
    let is_suspended = books.facts(job.svcnum, export.exportnum).is_suspended;
    if export.no_suspend || !is_suspended || !exports_of(service.svcpart).contains(&export.exportnum) {
        return Ok(());
    }
    let service = Given { svcnum: job.svcnum, svcpart: service.svcpart, mailbox };
    Run { export, hook: Hook::Suspend, service: &service, old: None, caller: Caller::Job(None) }
        .run(transaction)
}
