//! The database's locks, of rows and advisory ones: held until the transaction ends; who would wait for himself is refused.

use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    Customer(u64),
    /// An account, by the number in its id, and a mailbox, by its service: advisory locks.
    Account(u64),
    Mailbox(u64),
    Package(u64),
    Service(u64),
    Job(u64),
}

#[derive(Default)]
pub struct Locks {
    held: BTreeMap<Row, Held>,
}

struct Held {
    by: usize,
    waiting: VecDeque<usize>,
}

pub enum Lock {
    Got,
    /// It is given to the worker later.
    Wait,
    Deadlock,
}

impl Locks {
    pub fn ask(&mut self, worker: usize, row: Row) -> Lock {
        match self.held.get(&row) {
            None => {
                self.held.insert(row, Held { by: worker, waiting: VecDeque::new() });
                Lock::Got
            }
            Some(held) if held.by == worker => Lock::Got,
            Some(held) if self.waits_for(held.by, worker) => Lock::Deadlock,
            Some(_) => {
                if let Some(held) = self.held.get_mut(&row) {
                    held.waiting.push_back(worker);
                }
                Lock::Wait
            }
        }
    }

    /// Whether `one` waits for `other`, or for somebody who does.
    fn waits_for(&self, one: usize, other: usize) -> bool {
        let awaited = self.held.values().find(|held| held.waiting.contains(&one));
        awaited.is_some_and(|held| held.by == other || self.waits_for(held.by, other))
    }

    /// Gives up all that the worker holds; returns who got something.
    pub fn release(&mut self, worker: usize) -> Vec<usize> {
        let mut woken = Vec::new();
        self.held.retain(|_, held| {
            if held.by != worker {
                return true;
            }
            let next = held.waiting.pop_front();
            if let Some(next) = next {
                held.by = next;
                woken.push(next);
            }
            next.is_some()
        });
        woken
    }
}
