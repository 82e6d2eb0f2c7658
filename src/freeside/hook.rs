//! A hook as a task: what is still to be asked of Freeside, and, when nothing is, the run of the hook and what is left
//! to record, queue and log.
//!
//! | in this order | because |
//! | --- | --- |
//! | the server's exports; whose the service is | they say what to lock |
//! | the locks, then the service once more | whoever was waited for may have changed it |
//! | in a change of definition: a job, and the end | the mailbox may come back for the new definition |
//! | at a provision: the account put on record | a hook that commits never leaves an account unknown |
//! | who else is on the account, or has the user name | the plan needs them |
//! | the history, where an account is to be purged | nobody whom Freeside ever had there may be lost |
//! | the hook itself | |
//! | the account put on record, or a job queued | only now it is known which, and what is left |

mod ask;
mod ending;
mod request;
mod take;

use super::account::on_record;
use super::begin::Begin;
use super::known::{Known, Query};
use super::message::{Answers, Ask, Line, Turn};
use super::own::Own;
use super::Outcome;
use crate::error::{Error, Status};
use crate::id::AccountId;
use crate::log::Sink;
use crate::operation::{Export, HookReply};
use crate::world::Hook;
use serde_json::{json, Value};
use std::collections::BTreeSet;

/// What was asked for, and how its answer is taken in.
enum Wanted {
    Known(Query),
    Owner,
    Lock(BTreeSet<String>),
    Own,
    /// Before the hook: without it the hook must not run.
    Record(AccountId),
    /// After it: what fails is warned about.
    RecordLate(AccountId),
    /// The job that takes an unprovision's place; without it the mailbox would be forgotten.
    UnprovisionJob,
    /// What an unprovision leaves to a job.
    Finish,
    Purge,
    /// Tries a suspend again.
    SuspendJob,
    Rollback,
}

pub struct HookTask {
    begin: Begin,
    wanted: Vec<Wanted>,
    known: Known,
    /// The service's own rows, before anything was locked.
    owner: Option<Own>,
    /// The same since the last lock.
    own: Option<Own>,
    locked: BTreeSet<String>,
    /// The account of the service; None: it has none.
    account: Option<AccountId>,
    is_account_settled: bool,
    /// What this task put on record.
    recorded: Option<AccountId>,
    /// What Freeside refused to put on record.
    refused: Option<AccountId>,
    /// How the hook itself ended.
    ran: Option<Result<HookReply, Error>>,
    /// What follows it was asked for.
    is_followed_up: bool,
    warnings: Vec<String>,
    log: Vec<Line>,
}

impl HookTask {
    pub fn new(begin: Begin) -> HookTask {
        HookTask {
            known: Known::new(begin.context.names_accounts),
            owner: None,
            own: None,
            begin,
            wanted: Vec::new(),
            locked: BTreeSet::new(),
            account: None,
            is_account_settled: false,
            recorded: None,
            refused: None,
            ran: None,
            is_followed_up: false,
            warnings: Vec::new(),
            log: Vec::new(),
        }
    }

    pub fn outcome(&self) -> Option<Outcome<'_>> {
        Some(match self.ran.as_ref()? {
            Ok(reply) => Outcome { account: Some(&reply.account_id), ended: Ok(&reply.done) },
            Err(error) => Outcome { account: None, ended: Err(error) },
        })
    }

    /// The next turn. Fails only where the shim's document is none.
    pub fn next(&mut self, export: &Export, mut answers: Answers, sink: &dyn Sink) -> Result<Turn, Error> {
        for wanted in std::mem::take(&mut self.wanted) {
            let answer = answers.take()?;
            if let Err(trouble) = self.take_in(wanted, answer) {
                return Ok(self.failed(Error::refused(self.cannot(&trouble)), export));
            }
        }
        Ok(match self.turn(export, sink) {
            Ok(turn) => turn,
            Err(error) => self.failed(error, export),
        })
    }

    fn ask(&mut self, asks: Vec<(Wanted, Ask)>) -> Turn {
        let (wanted, asks) = asks.into_iter().unzip();
        self.wanted = wanted;
        Turn::Ask(asks)
    }

    fn turn(&mut self, export: &Export, sink: &dyn Sink) -> Result<Turn, Error> {
        if let Some(asks) = self.missing_before_locks(export) {
            return Ok(self.ask(asks));
        }
        let Some(own) = self.own.clone() else {
            return Err(Error::new(Status::Internal, "a hook's facts are missing"));
        };
        if self.is_over_by_now(&own) {
            return Ok(self.done());
        }
        if !self.is_account_settled {
            self.account = self.named_account(&own);
            if self.moves_to_other_definition(&own) {
                return Ok(self.unprovision_later());
            }
            if !self.is_on_definition() {
                self.note_definition();
                if self.begin.hook == Hook::Provision {
                    return Ok(self.done());
                }
            }
            self.settle_account(export, sink)?;
        }
        if let Some(asks) = self.missing_before_run(export) {
            return Ok(self.ask(asks));
        }
        if self.ran.is_none() {
            let request = self.request(export, &own);
            let purges = self.purges_at_once(export);
            let checked = export.checked(self.begin.hook, &request);
            self.ran = Some(checked.and_then(|()| export.run(self.begin.hook, request, purges, sink)));
        }
        Ok(self.conclude(export))
    }

    /// A job that tries a suspend again looks once the service is locked: a customer who pays at the same moment is
    /// unsuspended by whoever holds the lock.
    fn is_over_by_now(&self, own: &Own) -> bool {
        if self.begin.hook != Hook::Suspend || self.begin.context.job.is_none() || self.is_account_settled {
            return false;
        }
        let options =
            self.known.exports.as_ref().and_then(|exports| exports.get(self.begin.export.exportnum));
        let is_on = |svcpart| options.is_some_and(|options| options.definitions.contains(&svcpart));
        !own.has_row || !own.is_suspended || self.begin.export.no_suspend || !own.svcpart.is_some_and(is_on)
    }

    // Which account, and whether this export has a say.

    fn given_account(&self) -> Option<AccountId> {
        self.begin.context.job.as_ref().and_then(|job| job.account.clone())
    }

    fn configured(&self, own: &Own) -> Option<AccountId> {
        self.known.naming()?.configured(&own.owner, self.begin.export.exportnum)
    }

    /// The one on record, else the one that the options name now. What is to be provisioned must have a customer.
    fn named_account(&self, own: &Own) -> Option<AccountId> {
        if let Some(given) = self.given_account() {
            return Some(given);
        }
        if self.begin.hook == Hook::Provision && own.owner.custnum == 0 {
            return None;
        }
        on_record(&own.records, self.begin.export.exportnum).or_else(|| self.configured(own))
    }

    /// A record may be older than the mailbox: the service was without an export while its mailbox was purged and its
    /// package went to another customer. So at a provision one that differs from what the options name counts only if
    /// the user is on that account; else the account that the options name is the service's.
    fn settle_account(&mut self, export: &Export, sink: &dyn Sink) -> Result<(), Error> {
        self.is_account_settled = true;
        let configured = self.own.as_ref().and_then(|own| self.configured(own));
        let (Hook::Provision, Some(recorded), Some(configured)) =
            (self.begin.hook, &self.account, configured)
        else {
            return Ok(());
        };
        if *recorded == configured {
            return Ok(());
        }
        let arguments = json!({ "id": self.begin.service.username.as_str() }).to_string();
        let user = export.call("get_user", &arguments, sink).map_err(|error| error.about(&self.subject()))?;
        let user: Value = serde_json::from_str(&user).unwrap_or_default();
        if user["account"].as_str().map(AccountId::new).as_ref() != Some(recorded) {
            self.account = Some(configured);
        }
        Ok(())
    }

    /// In a change of service definition the row of `svc_acct` is there all the time; outside of a transaction it is no
    /// such change.
    fn moves_to_other_definition(&self, own: &Own) -> bool {
        let context = &self.begin.context;
        self.begin.hook == Hook::Unprovision
            && context.job.is_none()
            && !context.own_transaction
            && own.has_row
    }

    /// A job, which exists only if the transaction commits, unprovisions the user where no service uses it by then.
    fn unprovision_later(&mut self) -> Turn {
        if self.is_followed_up {
            return self.done();
        }
        self.is_followed_up = true;
        match self.account.clone() {
            None => self.done(),
            Some(account) => {
                let job = self.job("unprovision_job", &account, &[], false);
                self.ask(vec![(Wanted::UnprovisionJob, job)])
            }
        }
    }

    /// Whether the export is on the definition of the service, as far as that is known: `freeside-reexport` calls all
    /// exports of a type, whatever they are on.
    fn is_on_definition(&self) -> bool {
        let Some(svcpart) = self.definition().filter(|_| self.begin.context.job.is_none()) else {
            return true;
        };
        let options =
            self.known.exports.as_ref().and_then(|exports| exports.get(self.begin.export.exportnum));
        options.is_none_or(|options| options.definitions.contains(&svcpart))
    }

    /// The definition of the service, the new one while it changes.
    fn definition(&self) -> Option<u64> {
        let known = self.own.as_ref().and_then(|own| own.svcpart);
        self.begin.service.svcpart.or(known)
    }

    fn note_definition(&mut self) {
        let what = match self.begin.hook {
            Hook::Provision => "nothing was provisioned",
            Hook::Unprovision => "nothing is purged",
            _ => return,
        };
        let text = format!(
            "mailbox {}: export {} is not on the definition of the service; {what} by it",
            self.mailbox(),
            self.begin.export.exportnum
        );
        self.log.push(Line { level: "warning", text });
    }

    fn domain(&self) -> String {
        let of_job = self.begin.context.job.as_ref().and_then(|job| job.domain.clone());
        let known = self.own.as_ref().or(self.owner.as_ref());
        of_job.unwrap_or_else(|| known.map(|own| own.domain.clone()).unwrap_or_default())
    }

    fn mailbox(&self) -> String {
        let (username, domain) = (&self.begin.service.username, self.domain());
        if domain.is_empty() {
            username.to_string()
        } else {
            format!("{username}@{domain}")
        }
    }

    fn subject(&self) -> String {
        format!("cannot {} mailbox {}", self.begin.hook.verb(), self.mailbox())
    }

    fn cannot(&self, why: &str) -> String {
        format!("{}: {why}", self.subject())
    }
}
