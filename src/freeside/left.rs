//! The jobs about a mailbox that an unprovision left behind. They run later and as somebody else: each looks again
//! before it acts.
//!
//! | the job | nothing is done where | else |
//! | --- | --- | --- |
//! | unprovision | a service of the same address has the user | it is unprovisioned, and never purged |
//! | the same | the service itself has it, by another export | the account's packages are synchronised |
//! | purge | the export purges no more; a service of the account has the user name | it is purged, if it is still marked deleted |
//! | finish | a service of the account has the user name | what is left is done, and it is purged if it would have been |

use super::account::customer_in;
use super::begin::{Begin, Left};
use super::exports::Exports;
use super::hook::HookTask;
use super::known::{Known, Query, LONGEST};
use super::message::{Answer, Answers, Ask, Ending, Line, Trouble, Turn};
use super::queries;
use super::services::{namesakes, on_accounts, Service};
use super::Outcome;
use crate::apply::Done;
use crate::document::{Neighbour, Request};
use crate::error::{one_line, Error};
use crate::id::{AccountId, Address};
use crate::log::Sink;
use crate::operation::{finish, purge, synchronise, AccountDone, Export};
use std::collections::BTreeSet;

enum Wanted {
    Known(Query),
    Lock,
}

pub struct LeftTask {
    /// None: it was handed on.
    begin: Option<Begin>,
    left: Left,
    account: AccountId,
    /// The unprovision itself, once it is known that nobody has the mailbox.
    hook: Option<HookTask>,
    /// The customer whom the account is named after, as far as its id tells.
    customer: Option<u64>,
    wanted: Vec<Wanted>,
    known: Known,
    is_locked: bool,
    /// How the run that reaches MagicMail ended.
    ran: Option<Result<Done, Error>>,
    log: Vec<Line>,
}

impl LeftTask {
    pub fn new(begin: Begin, left: Left) -> LeftTask {
        let account = begin.context.job.as_ref().and_then(|job| job.account.clone());
        LeftTask {
            known: Known::new(begin.context.names_accounts),
            account: account.unwrap_or_else(|| AccountId::new("")),
            begin: Some(begin),
            left,
            hook: None,
            customer: None,
            wanted: Vec::new(),
            is_locked: false,
            ran: None,
            log: Vec::new(),
        }
    }

    pub fn outcome(&self) -> Option<Outcome<'_>> {
        if let Some(hook) = &self.hook {
            return hook.outcome();
        }
        let ended = self.ran.as_ref()?.as_ref();
        Some(Outcome { account: None, ended })
    }

    pub fn next(&mut self, export: &Export, mut answers: Answers, sink: &dyn Sink) -> Result<Turn, Error> {
        if let Some(hook) = &mut self.hook {
            return hook.next(export, answers, sink);
        }
        for wanted in std::mem::take(&mut self.wanted) {
            let answer = answers.take()?;
            if let Err(trouble) = self.take_in(wanted, answer) {
                return Ok(self.done(Some(Error::refused(trouble))));
            }
        }
        match self.turn(export, sink) {
            Ok(Some(turn)) => Ok(turn),
            Ok(None) => Ok(self.done(None)),
            Err(error) => Ok(self.done(Some(error))),
        }
    }

    fn ask(&mut self, asks: Vec<(Wanted, Ask)>) -> Turn {
        let (wanted, asks) = asks.into_iter().unzip();
        self.wanted = wanted;
        Turn::Ask(asks)
    }

    /// None: it has ended well.
    fn turn(&mut self, export: &Export, sink: &dyn Sink) -> Result<Option<Turn>, Error> {
        self.customer = customer_in(&self.account, export.account_prefix());
        if let Some(asks) = self.missing(export) {
            return Ok(Some(self.ask(asks)));
        }
        match self.left {
            Left::Unprovision => self.unprovision(export, sink),
            Left::Purge | Left::Finish { .. } => self.finish(export, sink),
        }
    }

    // What is asked for.

    fn missing(&self, export: &Export) -> Option<Vec<(Wanted, Ask)>> {
        let Some(exports) = &self.known.exports else {
            return Some(vec![(Wanted::Known(Query::Exports), queries::exports())]);
        };
        let username = &self.begin.as_ref()?.service.username;
        if !self.is_locked {
            let custnums: BTreeSet<u64> = self.customer.into_iter().collect();
            let accounts = std::slice::from_ref(&self.account);
            return Some(vec![
                (Wanted::Lock, queries::lock(accounts, None, &custnums)),
                (Wanted::Known(Query::Namesakes), queries::namesakes(exports, username)),
            ]);
        }
        let missing = self.known.unknown_names_of_services();
        let missing = missing.or_else(|| self.services_query(exports));
        let (query, ask) = missing.or_else(|| self.history_query(export, exports))?;
        Some(vec![(Wanted::Known(query), ask)])
    }

    fn services_query(&self, exports: &Exports) -> Option<(Query, Ask)> {
        if self.known.services.is_some() {
            return None;
        }
        Some((Query::Services, queries::services(exports, &[self.account_in_question()], 0)?))
    }

    fn history_query(&self, export: &Export, exports: &Exports) -> Option<(Query, Ask)> {
        let context = &self.begin.as_ref()?.context;
        let may_tell = context.keeps_history && !context.names_accounts;
        if !self.purges(export) || self.known.history.is_some() || !may_tell || !self.on_account().is_empty()
        {
            return None;
        }
        let accounts = vec![self.account.clone()];
        let ask = queries::history(exports, &accounts, 0)?;
        Some((Query::History(accounts), ask))
    }

    /// Whether the export purges still, and this job is to.
    fn purges(&self, export: &Export) -> bool {
        export.autopurge() && matches!(self.left, Left::Purge | Left::Finish { purge: true })
    }

    // The answers.

    fn take_in(&mut self, wanted: Wanted, answer: Answer) -> Result<(), Trouble> {
        match wanted {
            Wanted::Known(query) => self.known.take_in(query, answer, &mut self.log)?,
            Wanted::Lock => {
                answer.done()?;
                self.is_locked = true;
            }
        }
        Ok(())
    }

    // What is known.

    /// The service itself, where it is provisioned by some export of this server.
    fn own_service(&self) -> Option<&Service> {
        let svcnum = self.begin.as_ref()?.service.svcnum;
        self.known.namesakes.iter().flatten().find(|service| service.svcnum == svcnum)
    }

    fn account_of_service(&self) -> Option<AccountId> {
        let service = self.own_service().filter(|_| self.left == Left::Unprovision)?;
        let exportnum = self.begin.as_ref()?.export.exportnum;
        self.known.naming()?.account_of(&service.owner, &service.records, exportnum)
    }

    /// The account that the service is on now, if it is provisioned still; else the one that was left.
    fn account_in_question(&self) -> AccountId {
        self.account_of_service().unwrap_or_else(|| self.account.clone())
    }

    /// The services on it.
    fn on_account(&self) -> Vec<Neighbour> {
        let Some(naming) = self.known.naming() else { return Vec::new() };
        let read = self.known.services.as_deref().unwrap_or_default();
        on_accounts(read, &naming, &[&self.account_in_question()], 0, 0)
    }

    // What is done.

    /// None: nothing, or the packages.
    fn unprovision(&mut self, export: &Export, sink: &dyn Sink) -> Result<Option<Turn>, Error> {
        if self.own_service().is_some() {
            self.synchronise(export, sink)?;
            return Ok(None);
        }
        // A service of another domain may have nothing to do with this mailbox: the planner decides by its addresses.
        let domain = self.domain();
        let is_same = |service: &Service| service.domain.eq_ignore_ascii_case(&domain);
        if self.known.namesakes.iter().flatten().any(is_same) {
            return Ok(None);
        }
        let Some(begin) = self.begin.take() else { return Ok(None) };
        let mut hook = HookTask::new(begin);
        let turn = hook.next(export, Answers::none(), sink)?;
        self.hook = Some(hook);
        Ok(Some(turn))
    }

    fn synchronise(&mut self, export: &Export, sink: &dyn Sink) -> Result<(), Error> {
        let Some(account) = self.account_of_service() else { return Ok(()) };
        let done = self.noted(synchronise(export, &account, self.on_account(), sink))?.done;
        if done.warnings.is_empty() {
            return Ok(());
        }
        Err(Error::refused(done.warnings.join("; ")))
    }

    /// How the run ended is remembered.
    fn noted(&mut self, ended: Result<AccountDone, Error>) -> Result<AccountDone, Error> {
        self.ran = Some(ended.as_ref().map(|done| done.done.clone()).map_err(Clone::clone));
        ended
    }

    fn finish(&mut self, export: &Export, sink: &dyn Sink) -> Result<Option<Turn>, Error> {
        let Some(begin) = &self.begin else { return Ok(None) };
        let services = self.on_account();
        let is_used = services.iter().any(|service| service.username == begin.service.username);
        if is_used || self.left == Left::Purge && !export.autopurge() {
            return Ok(None);
        }
        let request = self.request(begin, services);
        request.check().map_err(|error| export.redacted(error))?;
        let address = request.service.address();
        if self.left == Left::Purge {
            let done = self.noted(purge(export, request, sink))?;
            self.note("purged", "purge of", &address, &done);
            return Ok(None);
        }
        let done = self.noted(finish(export, request, self.purges(export), sink))?;
        self.note("finished the unprovision of", "unprovision of", &address, &done);
        if done.done.unfinished.is_empty() {
            return Ok(None);
        }
        let mut parts = done.done.warnings;
        parts.push(format!("left to do: {}", done.done.unfinished.join(", ")));
        Err(Error::refused(format!(
            "cannot finish the unprovision of mailbox {address}: {}",
            parts.join("; ")
        )))
    }

    fn request(&self, begin: &Begin, services: Vec<Neighbour>) -> Request {
        let user = begin.service.username.clone();
        let mut request = Request::of_account(self.account.clone(), user.clone(), self.domain(), services);
        if let (Some(naming), Some(read)) = (self.known.naming(), &self.known.namesakes) {
            request.namesakes = namesakes(read, &naming, 0);
            let history = self.known.history.as_ref().and_then(Option::as_ref);
            request.former_users =
                history.and_then(|history| history.former_users(&[&self.account], naming.exports, &user));
        }
        request
    }

    fn domain(&self) -> String {
        let job = self.begin.as_ref().and_then(|begin| begin.context.job.as_ref());
        job.and_then(|job| job.domain.clone()).unwrap_or_default()
    }

    fn note(&mut self, what: &str, task: &str, address: &Address, done: &AccountDone) {
        if !done.done.steps.is_empty() {
            let text = format!("{what} mailbox {address}: {}", done.done.steps.join("; "));
            self.log.push(Line { level: "info", text });
        }
        let warnings = done.done.warnings.iter();
        self.log.extend(
            warnings.map(|warning| Line {
                level: "warning",
                text: format!("{task} mailbox {address}: {warning}"),
            }),
        );
    }

    fn done(&mut self, error: Option<Error>) -> Turn {
        let mut ending = Ending {
            has_row: self.own_service().is_some(),
            custnum: self.customer.unwrap_or_default(),
            log: std::mem::take(&mut self.log),
            ..Ending::default()
        };
        if let Some(error) = error {
            let text = one_line(&error.text, LONGEST);
            ending.status = error.status as i32;
            ending.log.push(Line { level: "error", text: text.clone() });
            ending.error = Some(text);
        }
        Turn::Done(ending)
    }
}
