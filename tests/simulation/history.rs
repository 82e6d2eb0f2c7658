//! One history, from its seed to its end.

use crate::ending;
use crate::site::Site;
use crate::stage::{Stage, MOST_WORKERS};
use crate::story::Story;
use crate::tally::Tally;
use crate::worker::work;
use std::sync::mpsc::{channel, Sender};
use std::sync::Arc;
use std::thread::{self, Thread};

/// The threads of the workers beyond the first, which is the caller's; they play one history after the other.
pub struct Players {
    threads: Vec<Thread>,
    stages: Vec<Sender<Arc<Stage>>>,
}

pub struct Ended {
    pub seed: u64,
    pub tally: Tally,
    pub wrong: Option<String>,
    pub lines: Vec<String>,
}

impl Ended {
    pub fn told(&self) -> String {
        let end = self.wrong.as_ref().map_or("well".to_owned(), |why| format!("WRONG: {why}"));
        format!("history {}\n{}\nends: {end}", self.seed, self.lines.join("\n"))
    }
}

impl Players {
    pub fn start() -> Players {
        let mut players = Players { threads: vec![thread::current()], stages: Vec::new() };
        for worker in 1..MOST_WORKERS {
            let (sender, stages) = channel::<Arc<Stage>>();
            let started = thread::spawn(move || {
                for stage in stages {
                    stage.await_turn(worker);
                    work(&stage, worker);
                    stage.leave();
                }
            });
            players.threads.push(started.thread().clone());
            players.stages.push(sender);
        }
        players
    }

    /// `is_told`: line by line.
    pub fn play(&self, seed: u64, is_told: bool) -> Ended {
        let site = Site::new(seed, is_told);
        let workers = site.workers();
        let stage = Stage::new(site, self.threads.clone());
        for worker in 1..workers {
            let now = stage.site().now;
            stage.site().wake(worker, now);
            self.stages[worker - 1].send(Arc::clone(&stage)).expect("its thread waits for it");
        }
        work(&stage, 0);
        stage.await_others();
        ending::heal(&stage);
        let mut site = stage.site();
        site.tally.histories = 1;
        Ended {
            seed,
            tally: site.tally.clone(),
            wrong: site.wrong.clone(),
            lines: std::mem::replace(&mut site.story, Story::new(false)).lines(),
        }
    }
}
