//! The shim of a worker: what Freeside gives to a hook or a job goes to the library as a task, and what that asks for
//! is answered from the tables. It decides nothing.

use crate::ask::{Ask, Expected};
use crate::books::{
    account_of_customer, customer_in, package_of, Books, Change, Export, Job, Mailbox, Work, DEFINITIONS,
    PREFIX,
};
use crate::judge;
use crate::locks::Row;
use crate::mail::{CLIENT_ID, CLIENT_PASSWORD};
use crate::network::Line;
use crate::transaction::Transaction;
use magicmail::freeside::Task;
use magicmail::log::NoSink;
use magicmail::operation::Export as Library;
use magicmail::world::Hook;
use serde_json::{json, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The record of a service as a hook is given it.
#[derive(Clone, Debug)]
pub struct Given {
    pub svcnum: u64,
    pub svcpart: u64,
    pub mailbox: Mailbox,
}

/// One run of a hook, or of a job.
pub struct Run<'a> {
    pub export: &'a Export,
    pub hook: Hook,
    pub service: &'a Given,
    pub old: Option<&'a Mailbox>,
    pub job: Option<&'a Job>,
}

impl Run<'_> {
    pub fn run(&self, transaction: &mut Transaction) -> Result<(), String> {
        let library = self.library(transaction)?;
        let mut task = Task::begin(&self.begin().to_string()).map_err(|error| error.text)?;
        let mut answers = Vec::new();
        let mut is_judged = false;
        loop {
            let ask = self.expected(&transaction.books());
            let before = judge::before_turn(transaction, &ask);
            let turn = task.next(&library, &Value::Array(answers).to_string(), &NoSink);
            judge::after_turn(transaction, &ask, &before, task.outcome().filter(|_| !is_judged));
            is_judged = task.outcome().is_some();
            let turn: Value = serde_json::from_str(&turn.map_err(|error| error.text)?).unwrap_or_default();
            if let Some(done) = turn.get("done") {
                return done["error"].as_str().map_or(Ok(()), |error| Err(error.to_owned()));
            }
            answers = Vec::new();
            for asked in turn["ask"].as_array().into_iter().flatten() {
                let name = asked["name"].as_str().unwrap_or_default();
                let answer = self.answer(transaction, name, &asked["with"]);
                answers.push(answer.unwrap_or_else(|error| json!({ "error": error })));
            }
        }
    }

    fn library(&self, transaction: &Transaction) -> Result<Library, String> {
        let line = Line { stage: Arc::clone(&transaction.stage), worker: transaction.worker };
        let configuration = json!({
            "machine": "mail.example.net", "client_id": CLIENT_ID, "client_password": CLIENT_PASSWORD,
            "package": package_of(self.export.exportnum), "autopurge": self.export.autopurge,
        });
        Library::over(&configuration.to_string(), Box::new(line)).map_err(|error| error.text)
    }

    fn begin(&self) -> Value {
        let task = match (self.job.map(|job| &job.work), self.hook) {
            (Some(Work::Unprovision), _) => "unprovision_job",
            (Some(Work::Purge), _) => "purge_job",
            (Some(Work::Finish(_)), _) => "finish_job",
            (_, Hook::Provision) => "provision",
            (_, Hook::Unprovision) => "unprovision",
            (_, Hook::Replace) => "replace",
            (_, Hook::Unsuspend) => "unsuspend",
            _ => "suspend",
        };
        let mut begin = json!({
            "task": task,
            "export": { "exportnum": self.export.exportnum, "no_suspend": self.export.no_suspend,
                        "purge_after_commit": self.export.purge_after_commit },
            "service": self.given(&self.service.mailbox),
            "context": { "keeps_records": true },
        });
        if let Some(old) = self.old {
            begin["old"] = self.given(old);
        }
        if let Some(job) = self.job {
            begin["context"]["job"] = json!({});
            if job.work != Work::Suspend {
                begin["context"]["job"] = json!({ "domain": job.domain, "account": job.account });
            }
            if let Work::Finish(purge) = job.work {
                begin["purge"] = json!(purge);
            }
        }
        begin
    }

    fn given(&self, mailbox: &Mailbox) -> Value {
        json!({
            "svcnum": self.service.svcnum, "svcpart": self.service.svcpart, "username": mailbox.username,
            "finger": mailbox.finger, "password": mailbox.password, "password_encoding": "plain",
        })
    }

    /// What the task should bring about if it reaches the server now.
    fn expected(&self, books: &Books) -> Ask {
        let account = self.job.filter(|job| job.work != Work::Suspend).map(|job| job.account.as_str());
        match self.job.map(|job| &job.work) {
            Some(Work::Unprovision)
                if books.services_of_user(&self.service.mailbox.username).contains(&self.service.svcnum) =>
            {
                Ask::of_account(books, self.export, self.service.svcnum)
            }
            Some(Work::Purge) => {
                Ask::of_left(books, self.export, self.service, account.unwrap_or_default(), Hook::Purge)
            }
            Some(Work::Finish(purge)) => {
                let account = account.unwrap_or_default();
                let ask = Ask::of_left(books, self.export, self.service, account, Hook::Unprovision);
                Ask { autopurge: *purge && self.export.autopurge, finishes: true, ..ask }
            }
            _ => {
                let (hook, service, old) = (self.hook, self.service, self.old);
                Ask::of_hook(books, self.export, &Expected { hook, service, old, account })
            }
        }
    }

    // The queries and commands.

    fn answer(&self, transaction: &mut Transaction, name: &str, with: &Value) -> Result<Value, String> {
        match name {
            "exports" => Ok(json!({ "rows": exports() })),
            "owner" | "service" => Ok(json!({ "row": self.row(&transaction.books()) })),
            "services" => Ok(json!({ "rows": services(&transaction.books(), with) })),
            "namesakes" => {
                let name = with["username"].as_str().unwrap_or_default();
                let rows = transaction.books().rows(|_, mailbox| mailbox.username.eq_ignore_ascii_case(name));
                Ok(json!({ "rows": rows }))
            }
            "lock" => lock(transaction, with),
            "record_account" => {
                let account = with["account"].as_str().unwrap_or_default().to_owned();
                transaction.change(Change::Record(self.export.exportnum, self.service.svcnum, account));
                Ok(json!({}))
            }
            "queue" => self.queue(transaction, with),
            _ => Err(format!("no {name} is played")),
        }
    }

    fn row(&self, books: &Books) -> Value {
        let svcnum = self.service.svcnum;
        let facts = books.facts(svcnum, self.export.exportnum);
        let name = &self.service.mailbox.username;
        let mut row = json!({
            "custnum": facts.custnum,
            "svcpart": books.services.get(&svcnum).map(|service| service.svcpart),
            "susp": facts.is_suspended.then_some(1),
            "domain": self.service.mailbox.domain,
            "old_domain": self.old.map(|old| &old.domain),
            "records": books.records_of(svcnum),
            "has_row": facts.has_row,
            "has_namesake": books.services_of_user(name).iter().any(|other| *other != svcnum),
        });
        if let Some(custnum) = facts.custnum {
            row["first_name"] = json!("Customer");
            row["last_name"] = json!(format!("No{custnum}"));
        }
        row
    }

    fn queue(&self, transaction: &mut Transaction, with: &Value) -> Result<Value, String> {
        let arguments: Vec<&str> =
            with["arguments"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let given = |key: &str| {
            let at = arguments.iter().position(|argument| *argument == key);
            at.and_then(|at| arguments.get(at + 1)).map_or(String::new(), |text| (*text).to_owned())
        };
        let work = match with["job"].as_str() {
            Some("unprovision_job") => Work::Unprovision,
            Some("purge_job") => Work::Purge,
            Some("finish_job") => Work::Finish(given("purge") == "1"),
            Some("suspend_job") => Work::Suspend,
            other => return Err(format!("no job {other:?} is played")),
        };
        if work == Work::Unprovision {
            // The service only moves to another definition. Its mailbox may come back for another domain.
            transaction.stage.site().excuse(&format!("{}@{}", given("username"), given("domain")));
        }
        let jobnum = transaction.stage.site().mail.number();
        transaction.change(Change::Job(Job {
            jobnum,
            work,
            exportnum: self.export.exportnum,
            svcnum: self.service.svcnum,
            username: self.service.mailbox.username.clone(),
            domain: self.service.mailbox.domain.clone(),
            account: given("account"),
            has_failed: false,
        }));
        Ok(json!({}))
    }
}

fn exports() -> Vec<Value> {
    let of = |exportnum: u64| {
        let on = DEFINITIONS.iter().filter(|(_, exports)| exports.contains(&exportnum));
        let definitions: Vec<u64> = on.map(|(svcpart, _)| *svcpart).collect();
        json!({ "exportnum": exportnum, "account_prefix": PREFIX, "package": package_of(exportnum),
                "definitions": definitions })
    };
    vec![of(1), of(2)]
}

/// Of these customers, and those that have one of the accounts on record.
fn services(books: &Books, with: &Value) -> Vec<Value> {
    let custnums: BTreeSet<u64> =
        with["custnums"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    let accounts: Vec<&str> =
        with["accounts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    books.rows(|service, _| {
        let is_recorded = |(_, account): &(u64, &String)| {
            accounts.iter().any(|wanted| wanted.eq_ignore_ascii_case(account))
        };
        books.customer_of(service).is_some_and(|custnum| custnums.contains(&custnum))
            || books.records_of(service.svcnum).iter().any(is_recorded)
    })
}

/// In one order, which keeps two from waiting for each other.
fn lock(transaction: &mut Transaction, with: &Value) -> Result<Value, String> {
    let texts = with["accounts"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let accounts: BTreeSet<u64> = texts.filter_map(customer_in).collect();
    let custnums: BTreeSet<u64> =
        with["custnums"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
    let has_advisory_locks = transaction.stage.site().setup.has_advisory_locks;
    let rows: Vec<Row> = if has_advisory_locks {
        let mailbox = with["svcnum"].as_u64().map(Row::Mailbox);
        accounts.into_iter().map(Row::Account).chain(mailbox).collect()
    } else {
        custnums.into_iter().map(Row::Customer).collect()
    };
    rows.into_iter().try_for_each(|row| transaction.lock(row))?;
    Ok(json!({}))
}

/// A job of the queue. One that fails stays, for staff to retry.
pub fn run_job(transaction: &mut Transaction, jobnum: u64) -> Result<(), String> {
    transaction.lock(Row::Job(jobnum))?;
    let books = transaction.books();
    let Some(job) = books.jobs.get(&jobnum).cloned() else { return Ok(()) };
    let export = transaction.stage.site().setup.export(job.exportnum).clone();
    transaction.stage.site().tell(transaction.worker, || format!("{job:?}"));
    if let Some((hook, service)) = work_of(&books, &job) {
        Run { export: &export, hook, service: &service, old: None, job: Some(&job) }.run(transaction)?;
    }
    transaction.change(Change::NoJob(jobnum));
    Ok(())
}

/// None: a suspend of a service that is gone.
fn work_of(books: &Books, job: &Job) -> Option<(Hook, Given)> {
    if job.work == Work::Suspend {
        let service = books.services.get(&job.svcnum)?;
        let mailbox = service.mailbox.clone()?;
        return Some((Hook::Suspend, Given { svcnum: job.svcnum, svcpart: service.svcpart, mailbox }));
    }
    let mailbox = Mailbox {
        username: job.username.clone(),
        domain: job.domain.clone(),
        finger: String::new(),
        password: String::new(),
    };
    Some((Hook::Unprovision, Given { svcnum: job.svcnum, svcpart: 0, mailbox }))
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
