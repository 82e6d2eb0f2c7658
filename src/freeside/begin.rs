//! What Freeside gave a hook.

use crate::document::{parse_object, Fields};
use crate::error::Error;
use crate::foreign::quoted;
use crate::id::{AccountId, UserName};
use crate::secret::Secret;
use crate::world::Hook;

/// The document that a task begins with.
pub struct Begin {
    /// The hook that runs, or, of a job, the one that it finishes.
    pub hook: Hook,
    /// A job about a mailbox that an unprovision left behind.
    pub left: Option<Left>,
    pub export: OwnExport,
    pub service: Given,
    /// In a change: the service as it was.
    pub old: Option<Given>,
    pub context: Context,
}

/// What is left to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// All of it: the service changed its definition. Nothing is ever purged.
    Unprovision,
    /// The purge.
    Purge,
    /// What could not be done after the mark, and the purge if the unprovision would have purged.
    Finish { purge: bool },
}

/// What only the export's own record says.
pub struct OwnExport {
    pub exportnum: u64,
    /// Its services are not suspended in MagicMail.
    pub no_suspend: bool,
    /// The purge is left to a job, which exists only if the transaction commits.
    pub purge_after_commit: bool,
}

/// A row of `svc_acct`, or what is left of it.
pub struct Given {
    pub svcnum: u64,
    /// Of `cust_svc`, where the record has it.
    pub svcpart: Option<u64>,
    pub username: UserName,
    /// The number of its domain.
    pub domsvc: Option<u64>,
    pub finger: String,
    pub password: Secret,
    pub password_encoding: String,
}

/// How the hook was called.
pub struct Context {
    /// Outside of a transaction, so that the shim made one: only `freeside-reexport` does that.
    pub own_transaction: bool,
    /// By a job of the queue.
    pub job: Option<Job>,
    /// The text that is returned is shown to a customer.
    pub for_customer: bool,
    /// This Freeside has a place for the account of a service.
    pub keeps_records: bool,
    /// It has history tables.
    pub keeps_history: bool,
    /// A subclass names accounts in its own way.
    pub names_accounts: bool,
}

/// What a job was given when it was queued; a suspend job has neither.
#[derive(Default)]
pub struct Job {
    pub domain: Option<String>,
    pub account: Option<AccountId>,
}

impl Begin {
    pub fn parse(text: &str) -> Result<Begin, Error> {
        let mut fields = Fields::new(parse_object(text, "task")?, "");
        let (hook, left) = task(&fields.needed_text("task")?, &mut fields)?;
        let begin = Begin {
            hook,
            left,
            export: own_export(fields.needed_object("export")?)?,
            service: given(fields.needed_object("service")?)?,
            old: fields.object("old")?.map(given).transpose()?,
            context: context(fields.needed_object("context")?)?,
        };
        fields.finish()?;
        if (begin.hook == Hook::Replace) != begin.old.is_some() {
            return Err(Error::argument("key old belongs to a change, and only to it"));
        }
        let job = begin.context.job.as_ref();
        if begin.left.is_some() && job.is_none_or(|job| job.account.is_none() || job.domain.is_none()) {
            return Err(Error::argument(
                "key context.job must have the domain and the account of the mailbox",
            ));
        }
        Ok(begin)
    }
}

fn task(name: &str, fields: &mut Fields) -> Result<(Hook, Option<Left>), Error> {
    Ok(match name {
        "provision" => (Hook::Provision, None),
        "unprovision" => (Hook::Unprovision, None),
        "replace" => (Hook::Replace, None),
        "suspend" => (Hook::Suspend, None),
        "unsuspend" => (Hook::Unsuspend, None),
        "unprovision_job" => (Hook::Unprovision, Some(Left::Unprovision)),
        "purge_job" => (Hook::Unprovision, Some(Left::Purge)),
        "finish_job" => (Hook::Unprovision, Some(Left::Finish { purge: fields.flag("purge")? })),
        _ => return Err(Error::argument(format!("unknown task {}", quoted(name, 60)))),
    })
}

fn own_export(mut fields: Fields) -> Result<OwnExport, Error> {
    let export = OwnExport {
        exportnum: fields.needed_number("exportnum")?,
        no_suspend: fields.flag("no_suspend")?,
        purge_after_commit: fields.flag("purge_after_commit")?,
    };
    fields.finish()?;
    Ok(export)
}

fn given(mut fields: Fields) -> Result<Given, Error> {
    let given = Given {
        svcnum: fields.needed_number("svcnum")?,
        svcpart: number(&mut fields, "svcpart")?,
        username: UserName::new(fields.needed_text("username")?),
        domsvc: number(&mut fields, "domsvc")?,
        finger: fields.text("finger")?.unwrap_or_default(),
        password: Secret::new(fields.text("password")?.unwrap_or_default()),
        password_encoding: fields.text("password_encoding")?.unwrap_or_default(),
    };
    fields.finish()?;
    Ok(given)
}

/// A number that may be missing, empty or 0.
pub fn number(fields: &mut Fields, key: &str) -> Result<Option<u64>, Error> {
    let text = fields.text(key)?.unwrap_or_default();
    let number = if text.is_empty() { Some(0) } else { text.parse().ok() };
    number
        .map(|number| Some(number).filter(|number| *number > 0))
        .ok_or_else(|| Error::argument(format!("key {key} must be a whole number")))
}

fn context(mut fields: Fields) -> Result<Context, Error> {
    let context = Context {
        own_transaction: fields.flag("own_transaction")?,
        job: fields.object("job")?.map(job).transpose()?,
        for_customer: fields.flag("for_customer")?,
        keeps_records: fields.flag("keeps_records")?,
        keeps_history: fields.flag("keeps_history")?,
        names_accounts: fields.flag("names_accounts")?,
    };
    fields.finish()?;
    Ok(context)
}

fn job(mut fields: Fields) -> Result<Job, Error> {
    let job = Job {
        domain: fields.text("domain")?,
        account: fields.text("account")?.filter(|id| !id.is_empty()).map(AccountId::new),
    };
    fields.finish()?;
    Ok(job)
}
