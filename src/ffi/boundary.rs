//! The crossing: C texts become `&str`, results become C texts and statuses, panics and errors end here.
//!
//! Whoever calls these functions passes on what the C caller promised in the header: a pointer is NULL or
//! points to what its type says, texts end with a NUL, and nothing is freed twice or used afterwards.

use super::log_functions::LogFunction;
use super::{last_error, mm_export, mm_log_fn, MM_OK};
use crate::error::Error;
use crate::log::Sink;
use crate::operation::Export;
use crate::panics;
use crate::world::Hook;
use std::ffi::{c_char, c_void, CStr, CString};
use std::ptr;

/// A C text of the caller's; `what` names it in a message.
pub unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str, Error> {
    if pointer.is_null() {
        return Err(Error::argument(format!("the {what} must not be NULL")));
    }
    // SAFETY: the caller's text; it ends with a NUL and stays as it is while the call runs.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|error| {
        Error::argument(format!("the {what} must be UTF-8, which byte {} is not", error.valid_up_to() + 1))
    })
}

/// A text for C; a NUL inside, which would end it there, becomes a space.
pub fn c_text(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| CString::new(text.replace('\0', " ")).unwrap_or_default())
}

/// A new handle, or NULL.
pub fn make<T>(body: impl FnOnce() -> Result<T, Error>) -> *mut T {
    last_error::set(None);
    match panics::guard(|| body().map(Box::new)) {
        Ok(handle) => Box::into_raw(handle),
        Err(error) => {
            last_error::set(Some(&error));
            ptr::null_mut()
        }
    }
}

/// A handle that nobody else uses meanwhile.
pub unsafe fn exclusive<'a, T>(handle: *mut T, what: &str) -> Result<&'a mut T, Error> {
    // SAFETY: NULL, or a handle that lives, and that only this call uses.
    unsafe { handle.as_mut() }.ok_or_else(|| Error::argument(format!("the {what} must not be NULL")))
}

pub unsafe fn free<T>(handle: *mut T) {
    if handle.is_null() {
        return;
    }
    // A panic while it is taken down has nobody to be told to.
    let _ = panics::guard(|| {
        // SAFETY: it came from `make`, and is freed once.
        drop(unsafe { Box::from_raw(handle) });
        Ok(())
    });
}

pub unsafe fn set_log(handle: *const mm_export, function: mm_log_fn, userdata: *mut c_void) {
    // SAFETY: NULL, or a handle that lives.
    if let Some(handle) = unsafe { handle.as_ref() } {
        handle.log.set(function, userdata);
    }
}

/// One call that can fail: from a handle to a status and a reply.
pub unsafe fn run(
    handle: *const mm_export,
    reply: *mut *mut c_char,
    body: impl FnOnce(&Export, &dyn Sink) -> Result<String, Error>,
) -> i32 {
    // SAFETY: NULL, or the caller's place for the reply, whatever it holds.
    unsafe { fill(reply, ptr::null_mut()) };
    last_error::set(None);
    let ended = panics::guard(|| {
        // SAFETY: NULL, or a handle that lives until the call returns.
        let handle =
            unsafe { handle.as_ref() }.ok_or_else(|| Error::argument("the handle must not be NULL"))?;
        let log: LogFunction = handle.log.present();
        body(&handle.export, &log).map(|text| c_text(&text))
    });
    // The log function may have made calls of its own.
    last_error::set(ended.as_ref().err());
    match ended {
        Ok(text) => {
            if !reply.is_null() {
                // SAFETY: as above; the text becomes the caller's.
                unsafe { fill(reply, text.into_raw()) };
            }
            MM_OK
        }
        Err(error) => error.status as i32,
    }
}

/// Writes without reading: the caller's variable need not be initialised.
unsafe fn fill(reply: *mut *mut c_char, text: *mut c_char) {
    if !reply.is_null() {
        // SAFETY: the caller's place for a pointer.
        unsafe { reply.write(text) };
    }
}

/// A hook is a call with one document.
pub unsafe fn hook(
    handle: *const mm_export,
    hook: Hook,
    request: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    // SAFETY: what the caller promised is passed on.
    unsafe { run(handle, reply, |export, sink| export.hook(hook, text(request, "request")?, sink)) }
}

pub unsafe fn free_text(reply: *mut c_char) {
    if !reply.is_null() {
        // SAFETY: it came from `run`, and is freed once.
        drop(unsafe { CString::from_raw(reply) });
    }
}
