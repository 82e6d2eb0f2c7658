//! What Freeside has said of a server's exports and of services, to whatever task: asked for by its queries, taken in
//! here.

use super::account::{BySubclass, Naming};
use super::exports::Exports;
use super::former::History;
use super::message::{Answer, Ask, Line, Trouble};
use super::queries;
use super::services::{self, unnamed, Service};
use crate::id::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// The longest text that a task returns, in characters: Freeside carries it in a URL.
pub const LONGEST: usize = 1_500;

/// A query that any task may ask.
pub enum Query {
    Exports,
    /// The names of these customers' accounts.
    Names(BTreeSet<u64>),
    Services,
    Namesakes,
    /// Who was on these accounts.
    History(Vec<AccountId>),
}

#[derive(Default)]
pub struct Known {
    pub exports: Option<Exports>,
    pub by_subclass: BySubclass,
    pub services: Option<Vec<Service>>,
    pub namesakes: Option<Vec<Service>>,
    /// What the history says; it may not be known.
    pub history: Option<Option<History>>,
}

impl Known {
    /// `names_accounts`: a subclass does.
    pub fn new(names_accounts: bool) -> Known {
        Known { by_subclass: names_accounts.then(BTreeMap::new), ..Known::default() }
    }

    pub fn naming(&self) -> Option<Naming<'_>> {
        Some(Naming { exports: self.exports.as_ref()?, by_subclass: &self.by_subclass })
    }

    /// The names that a subclass must still be asked for, of these customers.
    pub fn unknown_names(&self, custnums: BTreeSet<u64>) -> Option<(Query, Ask)> {
        let (unknown, ask) = queries::account_names(&self.by_subclass, custnums)?;
        Some((Query::Names(unknown), ask))
    }

    /// The same of all services that were read.
    pub fn unknown_names_of_services(&self) -> Option<(Query, Ask)> {
        let read = self.services.iter().chain(&self.namesakes);
        self.unknown_names(read.flat_map(|services| unnamed(services)).collect())
    }

    /// A history that cannot be read is warned about in the log: it only keeps an account.
    pub fn take_in(&mut self, query: Query, answer: Answer, log: &mut Vec<Line>) -> Result<(), Trouble> {
        match query {
            Query::Exports => self.exports = Some(Exports::read(answer.rows()?)?),
            Query::Names(custnums) => queries::take_names(&mut self.by_subclass, &custnums, answer)?,
            Query::Services => self.services = Some(self.read_services(answer)?),
            Query::Namesakes => self.namesakes = Some(self.read_services(answer)?),
            Query::History(accounts) => {
                let read = answer.rows().and_then(History::read);
                if let Err(trouble) = &read {
                    let text = queries::no_history(&accounts, trouble);
                    log.push(Line { level: "warning", text });
                }
                self.history = Some(read.ok());
            }
        }
        Ok(())
    }

    fn read_services(&self, answer: Answer) -> Result<Vec<Service>, Trouble> {
        let exports = self.exports.as_ref().ok_or("the exports are not known")?;
        services::read(answer.rows()?, exports)
    }
}
