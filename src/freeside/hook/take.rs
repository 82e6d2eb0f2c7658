//! The answers of Freeside's, taken in.

use super::{HookTask, Wanted};
use crate::error::one_line;
use crate::freeside::known::LONGEST;
use crate::freeside::message::{Answer, Line, Trouble};
use crate::freeside::own::{own, Own};
use crate::id::AccountId;
use crate::world::Hook;

impl HookTask {
    pub(super) fn take_in(&mut self, wanted: Wanted, answer: Answer) -> Result<(), Trouble> {
        match wanted {
            Wanted::Known(query) => self.known.take_in(query, answer, &mut self.log)?,
            Wanted::Owner => self.owner = Some(self.read_own(answer)?),
            Wanted::Own => self.own = Some(self.read_own(answer)?),
            Wanted::Lock(names) => {
                answer.done()?;
                self.locked.extend(names);
            }
            Wanted::Record(account) => self.take_record(&account, answer)?,
            Wanted::RecordLate(account) => {
                if let Err(trouble) = self.take_record(&account, answer) {
                    self.warn(&trouble);
                }
            }
            Wanted::UnprovisionJob => {
                answer.done().map_err(|trouble| format!("its job could not be queued: {trouble}"))?;
            }
            Wanted::Finish => match answer.done() {
                Ok(()) => self.warnings.push("a job in Freeside's queue does the rest".to_owned()),
                Err(trouble) => self.warn(&format!("the rest could not be queued: {trouble}")),
            },
            Wanted::Purge => {
                if let Err(trouble) = answer.done() {
                    self.warn(&format!("the purge could not be queued: {trouble}"));
                }
            }
            Wanted::SuspendJob => {
                if let Err(trouble) = answer.done() {
                    let text = self.cannot(&format!("no job tries it again: {trouble}"));
                    self.log.push(Line { level: "error", text });
                }
            }
            Wanted::Rollback => answer.done()?,
        }
        Ok(())
    }

    pub(super) fn warn(&mut self, text: &str) {
        self.warnings.push(one_line(text, LONGEST));
    }

    pub(super) fn read_own(&self, answer: Answer) -> Result<Own, Trouble> {
        let mut row = answer.row()?;
        let own = own(&mut row, self.known.exports.as_ref()).map_err(|error| error.text)?;
        row.finish().map_err(|error| error.text)?;
        Ok(own)
    }

    pub(super) fn take_record(&mut self, account: &AccountId, answer: Answer) -> Result<(), Trouble> {
        let accepted = answer
            .was_accepted()
            .map_err(|trouble| format!("its account could not be recorded: {trouble}"))?;
        if accepted {
            self.recorded = Some(account.clone());
            return Ok(());
        }
        self.refused = Some(account.clone());
        if self.begin.hook == Hook::Provision {
            self.warnings.push(format!(
                "account {account} cannot be put on record: Freeside refuses a character of its name"
            ));
        }
        Ok(())
    }
}
