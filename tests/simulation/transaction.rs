//! One transaction of Freeside's database: what it changes is seen by others once it is committed; the rows that
//! it locks are locked until its end.

use crate::books::{Books, Change};
use crate::locks::{Lock, Row};
use crate::stage::Stage;
use std::sync::Arc;

pub struct Transaction {
    pub stage: Arc<Stage>,
    pub worker: usize,
    changes: Vec<Change>,
    /// The database refused something: nothing can be committed any more.
    is_broken: bool,
    /// What each hook that succeeded was about: user name and accounts. A rollback leaves that in MagicMail.
    pub done: Vec<String>,
}

impl Transaction {
    pub fn new(stage: &Arc<Stage>, worker: usize) -> Transaction {
        Transaction {
            stage: Arc::clone(stage),
            worker,
            changes: Vec::new(),
            is_broken: false,
            done: Vec::new(),
        }
    }

    /// The tables as this transaction sees them now.
    pub fn books(&self) -> Books {
        let mut books = self.stage.site().books.clone();
        for change in &self.changes {
            books.apply(change.clone());
        }
        books
    }

    pub fn change(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Waits until the row is this transaction's.
    pub fn lock(&mut self, row: Row) -> Result<(), String> {
        if self.is_broken {
            return Err("the transaction is aborted".to_owned());
        }
        let answer = self.stage.site().locks.ask(self.worker, row);
        match answer {
            Lock::Got => {}
            Lock::Wait => {
                self.stage.site().tell(self.worker, || format!("waits for the row of {row:?}"));
                self.stage.wait(self.worker);
            }
            Lock::Deadlock => {
                self.is_broken = true;
                return Err("deadlock detected".to_owned());
            }
        }
        Ok(())
    }

    /// The error is Freeside's, or the hook's.
    pub fn end(mut self, ended: Result<(), String>) {
        let mut site = self.stage.site();
        let ended =
            if self.is_broken { ended.and(Err("the transaction is aborted".to_owned())) } else { ended };
        let chance = site.weather.rollback;
        match ended {
            Ok(()) if !site.weather.calm && site.random.chance(chance) => {
                site.tally.rolled_back += 1;
                site.tell(self.worker, || "Freeside fails after all hooks, and rolls back".to_owned());
                self.done.iter().for_each(|name| site.excuse(name));
            }
            Ok(()) => {
                site.tally.committed += 1;
                site.tell(self.worker, || "commits".to_owned());
                for change in std::mem::take(&mut self.changes) {
                    site.books.apply(change);
                }
            }
            Err(why) => {
                site.tally.rolled_back += 1;
                site.tell(self.worker, || format!("rolls back: {why}"));
                self.done.iter().for_each(|name| site.excuse(name));
            }
        }
        drop(site);
        self.unlock();
    }

    /// The process is gone: the database rolls back.
    pub fn killed(self) {
        let mut site = self.stage.site();
        site.tally.killed += 1;
        site.tell(self.worker, || "is gone; the database rolls back".to_owned());
        let about = site.mail.running[self.worker].take().map(|running| running.about);
        self.done.iter().chain(about.iter().flatten()).for_each(|name| site.excuse(name));
        drop(site);
        self.unlock();
    }

    fn unlock(&self) {
        let mut site = self.stage.site();
        let now = site.now;
        for worker in site.locks.release(self.worker) {
            site.wake(worker, now);
        }
    }
}
