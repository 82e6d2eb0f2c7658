//! Freeside's side of a task: which of its rows are needed, which accounts and customers to lock, which account a
//! service has, who else is on it, what to record, queue and log.
//!
//! A task is a conversation of documents with the shim, which runs the named queries and commands and decides
//! nothing (docs/dialogue.md). Everything is asked for before the first request to MagicMail, but for one read that
//! tells whether a record is older than the mailbox.

mod account;
mod begin;
mod exports;
mod former;
mod hook;
mod known;
mod left;
mod message;
mod own;
mod queries;
mod services;

pub use begin::Begin;
pub use message::{Answers, Ask, Turn};

use crate::apply::Done;
use crate::error::Error;
use crate::id::AccountId;
use crate::log::{Redactor, Sink};
use crate::operation::Export;
use hook::HookTask;
use left::LeftTask;

/// The longest document of answers that is read, in bytes: the services of a customer of some 50,000 mailboxes.
pub const LONGEST_ANSWERS: usize = 16 * 1024 * 1024;

/// What was done in MagicMail, and on which account where that is known; or why it could not be done.
pub struct Outcome<'a> {
    pub account: Option<&'a AccountId>,
    pub ended: Result<&'a Done, &'a Error>,
}

/// One task, from what Freeside gave the hook or the job to what it returns.
pub struct Task {
    kind: Kind,
    has_ended: bool,
}

enum Kind {
    Hook(Box<HookTask>),
    Left(Box<LeftTask>),
}

impl Task {
    /// Reads what Freeside gave.
    pub fn begin(text: &str) -> Result<Task, Error> {
        // It belongs to no export yet, so there is no secret to mask, but the marks of a caller's words go.
        let begin = Begin::parse(text).map_err(|error| error.redacted(&Redactor::default()))?;
        let kind = match begin.left {
            None => Kind::Hook(Box::new(HookTask::new(begin))),
            Some(left) => Kind::Left(Box::new(LeftTask::new(begin, left))),
        };
        Ok(Task { kind, has_ended: false })
    }

    /// How the run that reaches MagicMail ended, once it has: for callers in Rust.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        match &self.kind {
            Kind::Hook(task) => task.outcome(),
            Kind::Left(task) => task.outcome(),
        }
    }

    /// Takes the answers to what was asked for last, none at first, and returns what comes next, as a document: what
    /// the shim is to ask or do (`ask`), or how it ended (`done`).
    pub fn next(&mut self, export: &Export, answers: &str, sink: &dyn Sink) -> Result<String, Error> {
        if self.has_ended {
            return Err(Error::argument("the task has ended"));
        }
        let answers = Answers::parse(answers)?;
        // Also where it panics.
        self.has_ended = true;
        let turn = match &mut self.kind {
            Kind::Hook(task) => task.next(export, answers, sink)?,
            Kind::Left(task) => task.next(export, answers, sink)?,
        };
        self.has_ended = matches!(turn, Turn::Done(_));
        Ok(turn.document().to_string())
    }
}
