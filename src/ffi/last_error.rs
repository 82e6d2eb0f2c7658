//! What went wrong in this thread's last call that can fail, kept as C texts.

use super::boundary::c_text;
use crate::error::Error;
use std::cell::RefCell;
use std::ffi::{c_char, CString};

struct LastError {
    text: CString,
    detail: CString,
}

thread_local! {
    static LAST: RefCell<Option<LastError>> = const { RefCell::new(None) };
}

/// Only `boundary` calls this: it ends the life of what `text` and `detail` gave before.
pub fn set(error: Option<&Error>) {
    let last = error.map(|error| LastError { text: c_text(&error.text), detail: c_text(&error.detail()) });
    // A thread that ends has no slot any more: nobody can ask there either.
    let _ = LAST.try_with(|slot| slot.replace(last));
}

pub fn text() -> *const c_char {
    pointer(|last| &last.text, c"")
}

pub fn detail() -> *const c_char {
    pointer(|last| &last.detail, c"{}")
}

/// The text stays where it is until the slot is set anew, for nothing moves a `CString`'s bytes.
fn pointer(part: fn(&LastError) -> &CString, none: &'static std::ffi::CStr) -> *const c_char {
    LAST.try_with(|slot| slot.borrow().as_ref().map_or(none.as_ptr(), |last| part(last).as_ptr()))
        .unwrap_or(none.as_ptr())
}
