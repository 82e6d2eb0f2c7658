//! The C functions as a program calls them: one handle, its log kept, and what each call told.

use magicmail::ffi::{
    mm_call, mm_export, mm_export_free, mm_export_new, mm_export_set_log, mm_last_error,
    mm_last_error_detail, mm_provision, mm_replace, mm_string_free, mm_suspend, mm_unprovision, mm_unsuspend,
};
use serde_json::Value;
use std::ffi::{c_char, c_void, CStr, CString};
use std::fmt;
use std::ptr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    Provision,
    Unprovision,
    Replace,
    Suspend,
    Unsuspend,
    /// A job of the queue, as the next one.
    Purge,
    Synchronise,
}

type Function = unsafe extern "C" fn(*const mm_export, *const c_char, *mut *mut c_char) -> i32;

impl Hook {
    pub const ALL: [Hook; 7] = [
        Hook::Provision,
        Hook::Unprovision,
        Hook::Replace,
        Hook::Suspend,
        Hook::Unsuspend,
        Hook::Purge,
        Hook::Synchronise,
    ];

    /// The function of the ABI, or the operation of `mm_call`.
    fn function(self) -> Result<Function, &'static CStr> {
        match self {
            Hook::Provision => Ok(mm_provision),
            Hook::Unprovision => Ok(mm_unprovision),
            Hook::Replace => Ok(mm_replace),
            Hook::Suspend => Ok(mm_suspend),
            Hook::Unsuspend => Ok(mm_unsuspend),
            Hook::Purge => Err(c"purge_deleted"),
            Hook::Synchronise => Err(c"sync"),
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Hook::Provision => "provision",
            Hook::Unprovision => "unprovision",
            Hook::Replace => "replace",
            Hook::Suspend => "suspend",
            Hook::Unsuspend => "unsuspend",
            Hook::Purge => "purge",
            Hook::Synchronise => "synchronise",
        })
    }
}

/// Everything that a caller has in hand after a call.
pub struct Told {
    pub status: i32,
    /// Of `mm_last_error`.
    pub text: String,
    /// Of `mm_last_error_detail`.
    pub detail: Value,
    /// Null after a failure.
    pub reply: Value,
    pub took: Duration,
}

impl Told {
    /// A list of texts in the reply or in the detail.
    fn texts(document: &Value, key: &str) -> Vec<String> {
        let list = document[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    pub fn warnings(&self) -> Vec<String> {
        Told::texts(&self.reply, "warnings")
    }

    pub fn leftovers(&self) -> Vec<String> {
        Told::texts(&self.detail, "leftovers")
    }
}

/// A handle, freed with this.
pub struct Caller {
    handle: *mut mm_export,
    /// Boxed, for the library has its address.
    lines: Box<Mutex<Vec<String>>>,
}

impl Caller {
    pub fn new(configuration: &Value) -> Caller {
        let text = CString::new(configuration.to_string()).expect("no NUL");
        let lines = Box::new(Mutex::new(Vec::new()));
        // SAFETY: a C text; the handle gets an address that lives as long as it.
        let handle = unsafe {
            let handle = mm_export_new(text.as_ptr());
            assert!(!handle.is_null(), "the configuration is good: {}", last_error());
            mm_export_set_log(handle, Some(keep), ptr::from_ref(&*lines).cast_mut().cast());
            handle
        };
        Caller { handle, lines }
    }

    pub fn hook(&self, hook: Hook, request: &Value) -> Told {
        let function = match hook.function() {
            Ok(function) => function,
            Err(operation) => return self.call(operation, request),
        };
        let request = CString::new(request.to_string()).expect("no NUL");
        // SAFETY: a living handle, a C text, a place for the reply.
        told(|reply| unsafe { function(self.handle, request.as_ptr(), reply) })
    }

    pub fn call(&self, operation: &CStr, arguments: &Value) -> Told {
        let arguments = CString::new(arguments.to_string()).expect("no NUL");
        // SAFETY: as above.
        told(|reply| unsafe { mm_call(self.handle, operation.as_ptr(), arguments.as_ptr(), reply) })
    }

    /// The lines of the log so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        // SAFETY: made in `new`, freed once.
        unsafe { mm_export_free(self.handle) }
    }
}

unsafe extern "C" fn keep(lines: *mut c_void, level: i32, line: *const c_char) {
    // SAFETY: the address that `Caller::new` gave, and a C text of the library's.
    let (lines, line) = unsafe { (&*lines.cast::<Mutex<Vec<String>>>(), CStr::from_ptr(line)) };
    let line = format!("{level} {}", line.to_string_lossy());
    lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
}

fn told(call: impl FnOnce(*mut *mut c_char) -> i32) -> Told {
    let mut reply: *mut c_char = ptr::null_mut();
    let started = Instant::now();
    let status = call(&mut reply);
    let took = started.elapsed();
    let document = if reply.is_null() {
        Value::Null
    } else {
        // SAFETY: ours, and a C text.
        let text = unsafe { CStr::from_ptr(reply) };
        let document = serde_json::from_slice(text.to_bytes()).expect("the reply is JSON");
        // SAFETY: freed once.
        unsafe { mm_string_free(reply) };
        document
    };
    // SAFETY: never NULL, and valid until this thread's next call.
    let detail = unsafe { CStr::from_ptr(mm_last_error_detail()) };
    let detail = serde_json::from_slice(detail.to_bytes()).expect("the detail is JSON");
    Told { status, text: last_error(), detail, reply: document, took }
}

fn last_error() -> String {
    // SAFETY: as above.
    unsafe { CStr::from_ptr(mm_last_error()) }.to_str().expect("the error is UTF-8").to_owned()
}
