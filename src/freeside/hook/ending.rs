//! What follows the run of a hook: what is to be recorded and queued, what is written down and returned.

use super::{HookTask, Wanted};
use crate::error::{one_line, Error};
use crate::freeside::known::LONGEST;
use crate::freeside::message::{Ask, Ending, Line, Turn};
use crate::id::AccountId;
use crate::operation::{Export, HookReply};
use crate::world::Hook;
use serde_json::json;

impl HookTask {
    /// What is left to record or to queue, asked for once.
    pub(super) fn follow_up(&mut self, export: &Export) -> Option<Vec<(Wanted, Ask)>> {
        if std::mem::replace(&mut self.is_followed_up, true) {
            return None;
        }
        let asks = match self.ran.as_ref()? {
            Err(_) => self.after_failure(),
            Ok(reply) if self.begin.hook == Hook::Unprovision => {
                let purges = self.purges(export);
                self.left_to_job(reply, purges).into_iter().collect()
            }
            Ok(reply) => {
                let account = reply.account_id.clone();
                let is_refused = self.refused.as_ref() == Some(&account);
                let is_to_record = !is_refused && self.is_unrecorded(&account);
                let late = is_to_record.then(|| self.record(&account, true));
                late.map(|ask| (Wanted::RecordLate(account), ask)).into_iter().collect()
            }
        };
        (!asks.is_empty()).then_some(asks)
    }

    /// What it could not do after the mark, or a purge. One job does both: without the user, its place could not be
    /// handed over.
    pub(super) fn left_to_job(&self, reply: &HookReply, purges: bool) -> Option<(Wanted, Ask)> {
        let account = &reply.account_id;
        if !reply.done.unfinished.is_empty() {
            let purge = if purges { "1" } else { "0" };
            return Some((Wanted::Finish, self.job("finish_job", account, &["purge", purge], true)));
        }
        (purges && self.begin.export.purge_after_commit)
            .then(|| (Wanted::Purge, self.job("purge_job", account, &[], true)))
    }

    /// Freeside 4 throws the error of a suspend hook away: without the job the mailbox would stay open.
    pub(super) fn after_failure(&self) -> Vec<(Wanted, Ask)> {
        if self.begin.hook != Hook::Suspend || self.begin.context.job.is_some() {
            return Vec::new();
        }
        let mut asks = Vec::new();
        if self.begin.context.own_transaction {
            asks.push((Wanted::Rollback, Ask::new("rollback", json!({}))));
        }
        let numbers = [self.begin.export.exportnum, self.begin.service.svcnum];
        let with = json!({ "job": "suspend_job", "arguments": numbers, "optional": true });
        asks.push((Wanted::SuspendJob, Ask::new("queue", with)));
        asks
    }

    /// Freeside has another account on record for this export and service, or none.
    pub(super) fn is_unrecorded(&self, account: &AccountId) -> bool {
        let of_export = self.own.as_ref().and_then(|own| own.records.get(&self.begin.export.exportnum));
        let present = self.recorded.as_ref().map(AccountId::as_str).or(of_export.map(String::as_str));
        self.begin.context.keeps_records && present != Some(account.as_str()) && !account.as_str().is_empty()
    }

    pub(super) fn record(&self, account: &AccountId, optional: bool) -> Ask {
        Ask::new("record_account", json!({ "account": account.as_str(), "optional": optional }))
    }

    /// A job about the mailbox. No password is among its arguments.
    pub(super) fn job(&self, job: &str, account: &AccountId, more: &[&str], optional: bool) -> Ask {
        let service = &self.begin.service;
        let (exportnum, svcnum) = (self.begin.export.exportnum.to_string(), service.svcnum.to_string());
        let domain = self.domain();
        let mut arguments = vec!["exportnum", &exportnum, "svcnum", &svcnum];
        arguments.extend(["username", service.username.as_str(), "domain", &domain]);
        arguments.extend(["account", account.as_str()]);
        arguments.extend(more);
        Ask::new("queue", json!({ "job": job, "arguments": arguments, "optional": optional }))
    }

    pub(super) fn failed(&mut self, error: Error, export: &Export) -> Turn {
        self.ran = Some(Err(error));
        self.conclude(export)
    }

    /// What follows, and then the end.
    pub(super) fn conclude(&mut self, export: &Export) -> Turn {
        match self.follow_up(export) {
            Some(asks) => self.ask(asks),
            None => self.done(),
        }
    }

    pub(super) fn done(&mut self) -> Turn {
        let mut ending = Ending {
            subject: self.subject(),
            custnum: self.own.as_ref().map_or(0, |own| own.owner.custnum),
            has_row: self.own.as_ref().is_none_or(|own| own.has_row),
            ..Ending::default()
        };
        ending.log = std::mem::take(&mut self.log);
        match &self.ran {
            None => {}
            Some(Ok(reply)) => ending.log.extend(self.lines_of_success(reply)),
            Some(Err(error)) => {
                let text = one_line(&error.text, LONGEST);
                let at = ending.log.iter().position(|line| line.level == "error").unwrap_or(ending.log.len());
                ending.log.insert(at, Line { level: "error", text: text.clone() });
                ending.status = error.status as i32;
                ending.error = Some(if self.is_for_customer() { self.for_customer() } else { text });
            }
        }
        Turn::Done(ending)
    }

    pub(super) fn lines_of_success(&self, reply: &HookReply) -> Vec<Line> {
        let done = match self.begin.hook {
            Hook::Provision => "provisioned",
            Hook::Unprovision => "unprovisioned",
            Hook::Suspend => "suspended",
            Hook::Unsuspend => "unsuspended",
            _ => "changed",
        };
        let mailbox = self.mailbox();
        let mut lines = Vec::new();
        if !reply.done.steps.is_empty() {
            let text = format!(
                "{done} mailbox {mailbox}, account {}: {} ({} requests, {} ms)",
                reply.account_id,
                reply.done.steps.join("; "),
                reply.requests,
                reply.elapsed_ms
            );
            lines.push(Line { level: "info", text });
        }
        let mut warnings: Vec<&str> = reply.done.warnings.iter().map(String::as_str).collect();
        warnings.extend(self.warnings.iter().map(String::as_str));
        if !warnings.is_empty() {
            let text = format!("{done} mailbox {mailbox}: {}", warnings.join("; "));
            lines.push(Line { level: "warning", text });
        }
        lines
    }

    pub(super) fn is_for_customer(&self) -> bool {
        self.begin.context.for_customer && self.begin.context.job.is_none()
    }

    /// The whole of it is in the log.
    pub(super) fn for_customer(&self) -> String {
        let what = match self.begin.hook {
            Hook::Provision => "set up",
            Hook::Unprovision => "removed",
            Hook::Suspend => "suspended",
            Hook::Unsuspend => "reactivated",
            _ => "changed",
        };
        format!("the mailbox could not be {what} now; please contact support")
    }
}
