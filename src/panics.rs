//! A panic inside a call: it ends there, and is described by its place only.
//!
//! A panic's own message may quote what it stumbled over, a password among it. So while a call runs on a
//! thread, or work for it on another one, panics are not printed. In the shared library the hook below is the library's own, for the
//! Rust runtime is linked in; in a Rust program it leaves the panics of others as they were.

use crate::error::{Error, Status};
use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// How many calls, or parts of one, are under way on this thread: a log function may call again.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `body`; a panic in it becomes an error.
pub fn guard<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    note_places();
    // A handle is a configuration, which no call changes, and connections, which a panic leaves unused.
    caught(body).unwrap_or_else(|place| Err(defect(&place)))
}

/// Runs `body`; a panic in it ends here, and nothing is printed of it. The error is its place.
pub fn caught<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    let _ = DEPTH.try_with(|depth| depth.set(depth.get() + 1));
    let ended = catch_unwind(AssertUnwindSafe(body));
    let _ = DEPTH.try_with(|depth| depth.set(depth.get() - 1));
    ended.map_err(|_| PLACE.try_with(RefCell::take).unwrap_or_default())
}

fn defect(place: &str) -> Error {
    let place = if place.is_empty() { "at an unknown place" } else { place };
    let text = format!(
        "a defect in libmagicmail {} ({place}) ended the operation; what it had done by then was not undone: \
         look at the mailbox in MagicMail",
        env!("CARGO_PKG_VERSION")
    );
    Error::new(Status::Internal, text)
}

/// Once per process; no lock that a fork could leave locked.
fn note_places() {
    static DONE: AtomicBool = AtomicBool::new(false);
    // A Rust program may free a handle while it unwinds, when no hook can be set.
    if std::thread::panicking() || DONE.swap(true, Ordering::AcqRel) {
        return;
    }
    let print = take_hook();
    set_hook(Box::new(move |panic| {
        if DEPTH.try_with(Cell::get).unwrap_or(0) == 0 {
            print(panic);
        } else {
            note(panic);
        }
    }));
}

fn note(panic: &PanicHookInfo) {
    if let Some(location) = panic.location() {
        let place = format!("{}:{}", location.file(), location.line());
        let _ = PLACE.try_with(|slot| slot.replace(place));
    }
}
