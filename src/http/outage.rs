//! Which servers were found gone or silent, as one process knows it, whichever export it asked through.

use super::process::PerProcess;
use once_cell::race::OnceBox;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// By `host:port`, on the clock that begins at `origin`.
type Outages = BTreeMap<String, Duration>;

fn outages() -> MutexGuard<'static, Outages> {
    static OUTAGES: PerProcess<Mutex<Outages>> = PerProcess::new();
    OUTAGES.get_or_make(|_| Mutex::default()).lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn of(place: &str) -> Option<Duration> {
    outages().get(&place.to_ascii_lowercase()).copied()
}

/// None: the server has answered.
pub fn set(place: &str, at: Option<Duration>) {
    let place = place.to_ascii_lowercase();
    match at {
        Some(at) => outages().insert(place, at),
        None => outages().remove(&place),
    };
}

/// Where every carrier's clock begins, so that they can tell each other a time.
pub fn origin() -> Instant {
    static ORIGIN: OnceBox<Instant> = OnceBox::new();
    *ORIGIN.get_or_init(|| Box::new(Instant::now()))
}
