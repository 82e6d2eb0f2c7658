//! Everything that a history is played with: clock, events, network, server, Freeside's books.

use crate::books::{Books, Setup};
use crate::locks::Locks;
use crate::mail::{Flight, Mail};
use crate::random::Random;
use crate::stage::MOST_WORKERS;
use crate::story::Story;
use crate::tally::Tally;
use crate::weather::{self, Weather};
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

enum Happening {
    /// A request reaches the server.
    Arrival(Box<Flight>),
    Wake(usize),
}

struct Event {
    at: Duration,
    nth: u64,
    what: Happening,
}

impl Event {
    fn key(&self) -> (Duration, u64) {
        (self.at, self.nth)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Event) -> Ordering {
        self.key().cmp(&other.key())
    }
}

pub struct Site {
    pub random: Random,
    pub now: Duration,
    pub weather: Weather,
    pub setup: Setup,
    pub mail: Mail,
    /// As committed.
    pub books: Books,
    pub locks: Locks,
    pub story: Story,
    pub tally: Tally,
    /// The first thing that is wrong.
    pub wrong: Option<String>,
    /// Names of users and accounts that may be left in MagicMail without a service, for a reason that the
    /// library could not do anything about.
    pub excused: BTreeSet<String>,
    /// Services whose mailbox an unprovision purged before its transaction was committed.
    pub lost: BTreeSet<u64>,
    pub acts_left: u64,
    pub calm_acts: u64,
    workers: usize,
    is_first_done: bool,
    events: BinaryHeap<Reverse<Event>>,
    events_so_far: u64,
}

impl Site {
    pub fn new(seed: u64, is_told: bool) -> Site {
        let mut random = Random::new(seed);
        let weather = Weather::draw(&mut random);
        let modes = weather::modes(&mut random);
        let setup = Setup::draw(&mut random);
        Site {
            now: Duration::ZERO,
            weather,
            mail: Mail::new(modes),
            books: Books::start(),
            locks: Locks::default(),
            story: Story::new(is_told),
            tally: Tally::default(),
            wrong: None,
            excused: BTreeSet::new(),
            lost: BTreeSet::new(),
            acts_left: 4 + random.below(11),
            calm_acts: random.weighted(&[(1, 0), (1, 2), (2, 4)]),
            workers: 1 + random.below(MOST_WORKERS as u64) as usize,
            is_first_done: false,
            events: BinaryHeap::new(),
            events_so_far: 0,
            setup,
            random,
        }
    }

    pub fn workers(&self) -> usize {
        self.workers
    }

    fn post(&mut self, at: Duration, what: Happening) {
        self.events_so_far += 1;
        self.events.push(Reverse(Event { at, nth: self.events_so_far, what }));
    }

    pub fn wake(&mut self, worker: usize, at: Duration) {
        self.post(at.max(self.now), Happening::Wake(worker));
    }

    pub fn send(&mut self, flight: Flight) {
        self.post(flight.arrives, Happening::Arrival(Box::new(flight)));
    }

    /// A worker beyond the first has nothing more to do.
    pub fn leaves(&mut self) {
        self.workers -= 1;
        if self.workers == 1 && self.is_first_done {
            self.wake(0, self.now);
        }
    }

    /// The first has nothing more to do; whether others have.
    pub fn first_is_done(&mut self) -> bool {
        self.is_first_done = true;
        self.workers > 1
    }

    /// The clock goes on until somebody wakes.
    pub fn next_awake(&mut self) -> usize {
        loop {
            let Some(Reverse(event)) = self.events.pop() else {
                // Everybody waits for everybody: locks are given out wrongly.
                panic!("nobody ever wakes again");
            };
            self.now = self.now.max(event.at);
            match event.what {
                Happening::Wake(worker) => return worker,
                Happening::Arrival(flight) => self.arrive(*flight),
            }
        }
    }

    /// Until no request is on its way any more. For when nobody else works.
    pub fn settle(&mut self) {
        while let Some(Reverse(event)) = self.events.pop() {
            self.now = self.now.max(event.at);
            if let Happening::Arrival(flight) = event.what {
                self.arrive(*flight);
            }
        }
        self.now += Duration::from_millis(self.mail.modes().lag_ms);
    }

    /// Only the first thing that is wrong is kept: the rest may follow from it.
    pub fn is_wrong(&mut self, why: impl Into<String>) {
        let why = why.into();
        self.story.tell(self.now, "WRONG", || why.clone());
        self.wrong.get_or_insert(why);
    }

    pub fn excuse(&mut self, name: &str) {
        self.excused.insert(name.to_ascii_lowercase());
    }

    pub fn is_excused(&self, name: &str) -> bool {
        self.excused.contains(&name.to_ascii_lowercase())
    }
}
