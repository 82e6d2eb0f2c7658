//! The command line; also what `cargo test` passes to every test program.

use std::thread;

const USAGE: &str = "options: --histories N (300)  --seed S (1; the first of N)  --jobs J
  --story (tell each history in full, also where nothing is wrong)  --all (play on after a wrong one)";

/// By this name `cargo test` may ask for this program alone.
const NAME: &str = "simulation";

pub struct Arguments {
    pub histories: u64,
    pub seed: u64,
    pub jobs: usize,
    pub story: bool,
    pub all: bool,
}

impl Arguments {
    /// None: other tests are meant.
    pub fn parse(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
        let jobs = thread::available_parallelism().map_or(1, usize::from);
        let mut arguments = Arguments { histories: 300, seed: 1, jobs, story: false, all: false };
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or(format!("{argument} wants a value\n{USAGE}"));
            match argument.as_str() {
                "--histories" => arguments.histories = number(&value()?)?,
                "--seed" => arguments.seed = number(&value()?)?,
                "--jobs" => arguments.jobs = number(&value()?)?,
                "--story" => arguments.story = true,
                "--all" => arguments.all = true,
                "--help" => return Err(USAGE.to_owned()),
                "--list" => {
                    println!("{NAME}: test");
                    return Ok(None);
                }
                // The harness's own.
                "--test-threads" | "--format" | "--color" | "--skip" => drop(value()?),
                "--ignored" => return Ok(None),
                other if other.starts_with('-') => {}
                filter if NAME.contains(filter) => {}
                _ => return Ok(None),
            }
        }
        Ok(Some(arguments))
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a number\n{USAGE}"))
}
