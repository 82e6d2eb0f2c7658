//! The command line: our own options, and those that `cargo test` passes to every test program.

use crate::site::Settings;
use std::time::Duration;

const USAGE: &str = "options: --full (every case in every variant, many pairs, the whole table)
  --case SCENE/VARIANT/REQUEST:FAULT[+REQUEST:FAULT] (only this one, told in full; again for more)
  --only TEXT (cases whose id has it)  --verbose (how each ended)
  --latency MS  --timeout MS  --pairs N (of each scene)  --seed N  --jobs N";

/// By this name `cargo test` may ask for this program alone.
const NAME: &str = "fault_sweep";

pub struct Arguments {
    pub full: bool,
    pub cases: Vec<String>,
    /// Empty: all.
    pub only: String,
    /// Tell how each case ended.
    pub verbose: bool,
    pub settings: Settings,
    pub pairs: usize,
    pub seed: u64,
    pub jobs: usize,
}

impl Arguments {
    /// None: other tests are meant.
    pub fn parse(mut given: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
        let mut arguments = Arguments {
            full: false,
            cases: Vec::new(),
            only: String::new(),
            verbose: false,
            settings: Settings { timeout: Duration::from_millis(500), latency_ms: 0 },
            pairs: 0,
            seed: 1,
            jobs: 32,
        };
        let mut pairs = None;
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or(format!("{argument} wants a value\n{USAGE}"));
            match argument.as_str() {
                "--full" => arguments.full = true,
                "--case" => arguments.cases.push(value()?),
                "--only" => arguments.only = value()?,
                "--verbose" => arguments.verbose = true,
                "--latency" => arguments.settings.latency_ms = number(&value()?)?,
                "--timeout" => arguments.settings.timeout = Duration::from_millis(number(&value()?)?),
                "--pairs" => pairs = Some(number(&value()?)?),
                "--seed" => arguments.seed = number(&value()?)?,
                "--jobs" => arguments.jobs = number(&value()?)?,
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
        arguments.pairs = pairs.unwrap_or(if arguments.full { 200 } else { 8 });
        Ok(Some(arguments))
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text} is not a number\n{USAGE}"))
}
