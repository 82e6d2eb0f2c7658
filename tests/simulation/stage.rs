//! Who runs when. Each worker has a thread, and one of them has the turn: the others stand still. Whoever waits
//! lets the clock go on to the next event and hands the turn to whom that wakes. So the order of everything
//! follows from the events' times, which follow from the seed.

use crate::site::Site;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

pub const MOST_WORKERS: usize = 3;

pub struct Stage {
    site: Mutex<Site>,
    turn: AtomicUsize,
    threads: Vec<Thread>,
}

impl Stage {
    /// `threads`: of the workers; the first is the caller's own, and has the turn.
    pub fn new(site: Site, threads: Vec<Thread>) -> Arc<Stage> {
        Arc::new(Stage { site: Mutex::new(site), turn: AtomicUsize::new(0), threads })
    }

    /// Never held over a wait.
    pub fn site(&self) -> MutexGuard<'_, Site> {
        self.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn wait_until(&self, worker: usize, time: Duration) {
        self.site().wake(worker, time);
        self.wait(worker);
    }

    pub fn wait_for(&self, worker: usize, time: Duration) {
        let until = self.site().now + time;
        self.wait_until(worker, until);
    }

    /// Until something wakes this worker.
    pub fn wait(&self, worker: usize) {
        let next = self.site().next_awake();
        if next != worker {
            self.hand_over(next);
            self.await_turn(worker);
        }
    }

    /// The worker has nothing more to do.
    pub fn leave(&self) {
        let next = {
            let mut site = self.site();
            site.leaves();
            site.next_awake()
        };
        self.hand_over(next);
    }

    /// The first worker has nothing more to do, and waits until that is so of all.
    pub fn await_others(&self) {
        if self.site().first_is_done() {
            self.wait(0);
        }
    }

    fn hand_over(&self, to: usize) {
        self.turn.store(to, Ordering::Release);
        self.threads[to].unpark();
    }

    pub fn await_turn(&self, worker: usize) {
        while self.turn.load(Ordering::Acquire) != worker {
            thread::park();
        }
    }
}
