//! The history as people read it: a line for each thing that happened. Kept only where it will be read.

use std::time::Duration;

pub struct Story {
    lines: Option<Vec<String>>,
}

impl Story {
    pub fn new(is_kept: bool) -> Story {
        Story { lines: is_kept.then(Vec::new) }
    }

    /// `who`: 0 is the server, else the worker's number.
    pub fn tell(&mut self, at: Duration, who: &str, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:9.3} s  {who:<9} {}", at.as_secs_f64(), what()));
        }
    }

    pub fn lines(self) -> Vec<String> {
        self.lines.unwrap_or_default()
    }
}
