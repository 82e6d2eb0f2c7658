//! The simulation: made-up histories of a Freeside with up to three workers and of its mail server, each from one
//! seed. Requests and answers get lost or come late, the server errs, lies or lags behind itself, Freeside rolls back
//! after a success, a process is killed between two requests. What is destroyed is checked after each request
//! (`rights`), each hook when it ends (`judge`), both sides at the end (`ending`). A seed plays its history again, exactly:
//!
//!     make simulate HISTORIES=1 SEED=780526

mod acts;
mod arguments;
mod ask;
mod books;
mod ending;
mod freeside;
mod history;
mod judge;
mod locks;
mod mail;
mod network;
mod random;
mod rights;
mod site;
mod stage;
mod story;
mod tally;
mod transaction;
mod weather;
mod worker;

use arguments::Arguments;
use history::Players;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;
use tally::Tally;

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(arguments)) if play(&arguments) => ExitCode::SUCCESS,
        Ok(Some(_)) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the histories; whether nothing is wrong.
fn play(arguments: &Arguments) -> bool {
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let results: Mutex<(Tally, Vec<u64>)> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                let players = Players::start();
                let mut tally = Tally::default();
                let mut wrong = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    if nth >= arguments.histories {
                        break;
                    }
                    let seed = arguments.seed.wrapping_add(nth);
                    let ended = players.play(seed, arguments.story);
                    tally.add(&ended.tally);
                    if arguments.story {
                        println!("{}", ended.told());
                    }
                    if let Some(why) = &ended.wrong {
                        wrong.push(seed);
                        is_over.store(!arguments.all, Ordering::Relaxed);
                        if arguments.all {
                            println!("WRONG {seed} {why}");
                        }
                    }
                }
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.0.add(&tally);
                results.1.append(&mut wrong);
            });
        }
    });
    let (tally, wrong) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{}", tally.told());
    println!("seeds from {}, in {:.1?}", arguments.seed, started.elapsed());
    let Some(seed) = wrong.into_iter().min() else { return true };
    println!("{}", Players::start().play(seed, true).told());
    println!("WRONG, seed {seed}; once more: make simulate HISTORIES=1 SEED={seed}");
    false
}
