//! The C ABI: every function that is exported, in the header's order, and nothing else; `boundary` does the
//! work of crossing over.
//!
//! The comments below become those of `include/magicmail.h`: they speak to the C programmer.

// The header's names, and its comments, which tell what is safe in C's terms.
#![allow(unsafe_code, non_camel_case_types, clippy::missing_safety_doc)]

mod boundary;
mod last_error;
mod log_functions;

use crate::error::Status;
use crate::freeside::Task;
use crate::log::Level;
use crate::operation::Export;
use crate::world::Hook;
use boundary::text;
use log_functions::LogFunctions;
use std::ffi::{c_char, c_void};

/// The version of this interface. A library of another one has another soname; mm_abi_version() says what
/// was loaded.
pub const MM_ABI_VERSION: u32 = 1;

/// The call succeeded.
pub const MM_OK: i32 = 0;
/// The caller's mistake: a NULL, no UTF-8, no JSON, a missing or unknown key, an unknown operation.
pub const MM_ARGUMENT: i32 = 1;
/// An option of the configuration cannot be used.
pub const MM_CONFIGURATION: i32 = 2;
/// It must not be done, or cannot be; nothing was changed.
pub const MM_REFUSED: i32 = 3;
/// The server said no; what was done before was undone.
pub const MM_SERVER: i32 = 4;
/// The server was not reached, or its certificate does not verify; nothing is left.
pub const MM_NOT_REACHED: i32 = 5;
/// The outcome is in doubt: something may be left on the server; mm_last_error_detail() lists it.
pub const MM_IN_DOUBT: i32 = 6;
/// A defect of the library.
pub const MM_INTERNAL: i32 = 7;

/// A request and its answer; only where the configuration has "debug".
pub const MM_LOG_DEBUG: i32 = 0;
/// A change that was made.
pub const MM_LOG_INFO: i32 = 1;
/// Something that a person should know, though the call may succeed.
pub const MM_LOG_WARNING: i32 = 2;
/// Something that went wrong.
pub const MM_LOG_ERROR: i32 = 3;

/// The numbers above are those of the types inside: this does not compile when they part.
const _: () = {
    assert!(Status::Argument as i32 == MM_ARGUMENT);
    assert!(Status::Configuration as i32 == MM_CONFIGURATION);
    assert!(Status::Refused as i32 == MM_REFUSED);
    assert!(Status::Server as i32 == MM_SERVER);
    assert!(Status::NotReached as i32 == MM_NOT_REACHED);
    assert!(Status::Doubt as i32 == MM_IN_DOUBT);
    assert!(Status::Internal as i32 == MM_INTERNAL);
    assert!(Level::Debug as i32 == MM_LOG_DEBUG);
    assert!(Level::Info as i32 == MM_LOG_INFO);
    assert!(Level::Warning as i32 == MM_LOG_WARNING);
    assert!(Level::Error as i32 == MM_LOG_ERROR);
};

/// One configured export: a MagicMail server and how to use it. Made by mm_export_new(), freed by
/// mm_export_free(). Calls that take it as const may run side by side in any number of threads. A handle
/// that was made before a fork may be used on both sides of it: the child makes connections of its own.
pub struct mm_export {
    export: Export,
    log: LogFunctions,
}

/// For Rust programs: a handle of an export that they made themselves.
impl From<Export> for mm_export {
    fn from(export: Export) -> mm_export {
        mm_export { export, log: LogFunctions::default() }
    }
}

/// One task of Freeside's, which the library and a shim carry out in a conversation (docs/dialogue.md). Made by
/// mm_task_new(), freed by mm_task_free(). One thread at a time may use it.
pub struct mm_task {
    task: Task,
}

/// Is given each line of the log: `userdata` as it was set, one of MM_LOG_* as `level`, and `line`, which is
/// UTF-8 on one line and lives until the function returns. It holds no secret.
///
/// It is called on the thread that called the library, while that call runs, and with no lock held: it may
/// fork, and it may call the functions of this library, but must not free the handle that logs. It must
/// return: no longjmp, no C++ exception. Where threads share a handle, it is called from each of them.
pub type mm_log_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, level: i32, line: *const c_char)>;

/// The interface's version in the loaded library: compare it with MM_ABI_VERSION before anything else where
/// the library was loaded by name. Never fails.
#[no_mangle]
pub extern "C" fn mm_abi_version() -> u32 {
    MM_ABI_VERSION
}

/// The library's version, such as "1.0.0": a static text, never to be freed. Never fails.
#[no_mangle]
pub extern "C" fn mm_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Makes a handle from `config`, a JSON object in UTF-8, which is read and checked without a request and is
/// not needed afterwards. The handle is the caller's, to be given to mm_export_free().
///
///     { "machine": "mail.example.net", "client_id": "freeside", "client_password": "..." }
///
/// and, where the default will not do: "port" (443), "account_prefix" ("FREESIDE"), "package" ("EMAIL": of a
/// service that names none), "autopurge" (false), "ca_file" (the system's CAs), "tls_insecure" (false),
/// "timeout" (20: seconds to wait for one request), "debug" (false). Numbers may be texts; a checkbox is on
/// when it is 1, "1" or true; what is empty has its default; an unknown key is an error.
///
/// Returns NULL on a failure, which mm_last_error() tells: `config` is NULL or no such document
/// (MM_ARGUMENT in the detail), or an option cannot be used (MM_CONFIGURATION).
#[no_mangle]
pub unsafe extern "C" fn mm_export_new(config: *const c_char) -> *mut mm_export {
    boundary::make(|| Ok(mm_export::from(Export::new(text(config, "configuration")?)?)))
}

/// Frees `handle`; NULL is allowed. No other call on it may be running or follow, in this process; a child
/// that a fork gave a copy of the handle frees its own, or leaves it. Leaves mm_last_error() alone.
#[no_mangle]
pub unsafe extern "C" fn mm_export_free(handle: *mut mm_export) {
    boundary::free(handle);
}

/// Sets the function that is given the log of the calls on `handle`, and what it gets as `userdata`. NULL as
/// `log` turns the log off, as it is at first; NULL as `userdata` is passed on; NULL as `handle` does nothing.
///
/// May be called while other threads use the handle, and from the log function. A call that is under way
/// keeps the function and userdata that were set when it began: a userdata must live until those calls have
/// returned. The handle remembers each different pair (a few bytes) until it is freed. Never fails, and
/// leaves mm_last_error() alone.
#[no_mangle]
pub unsafe extern "C" fn mm_export_set_log(handle: *mut mm_export, log: mm_log_fn, userdata: *mut c_void) {
    boundary::set_log(handle, log, userdata);
}

/// Brings about what a service needs: the account, the user, its password, address and packages. `request`
/// is a JSON object in UTF-8:
///
///     { "account": { "id": "FREESIDE42", "first_name": "Ann", "last_name": "Lee" },
///       "service": { "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
///                    "password": "...", "password_encoding": "plain", "package": "EMAIL" },
///       "others":  [ { "svcnum": 12, "username": "ann", "domain": "example.net", "package": "EMAIL" } ] }
///
/// "others" are the account's other provisioned services. "service" may have "suspended": true; the request
/// may have "dry_run": true, which plans only and changes nothing. An unknown key is an error.
///
/// This, and each function below that returns a status: MM_OK, or another status and a failure (one that is
/// not known too), which mm_last_error() tells. No pointer but `reply` may be NULL (MM_ARGUMENT). If `reply`
/// is not NULL, `*reply` is set to NULL at once, and on MM_OK to a JSON text in UTF-8, which is the caller's,
/// to be given to mm_string_free():
///
///     { "steps": ["create account FREESIDE42"], "warnings": [], "requests": 6, "elapsed_ms": 31,
///       "account_id": "FREESIDE42" }
///
/// The texts given are not needed afterwards. Any number of threads may call on one handle at once. A call
/// blocks until it ends, six times the configuration's "timeout" at most.
#[no_mangle]
pub unsafe extern "C" fn mm_provision(
    handle: *const mm_export,
    request: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::hook(handle, Hook::Provision, request, reply)
}

/// Takes the service's user away: marks it deleted, makes another user the account's master where it was,
/// and with "autopurge" purges it. The request as for mm_provision(); the password is not needed. Once the user
/// is marked, the call succeeds, and the reply's "unfinished" names what it could not do. Statuses, NULLs,
/// ownership and threads as for mm_provision().
#[no_mangle]
pub unsafe extern "C" fn mm_unprovision(
    handle: *const mm_export,
    request: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::hook(handle, Hook::Unprovision, request, reply)
}

/// Changes the service's user from what "old" in the request says to what "service" says, two objects of the
/// same form. Statuses, NULLs, ownership and threads as for mm_provision().
#[no_mangle]
pub unsafe extern "C" fn mm_replace(
    handle: *const mm_export,
    request: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::hook(handle, Hook::Replace, request, reply)
}

/// Suspends the service's user. The request as for mm_provision(); the password is not needed.
/// Statuses, NULLs, ownership and threads as for mm_provision().
#[no_mangle]
pub unsafe extern "C" fn mm_suspend(
    handle: *const mm_export,
    request: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::hook(handle, Hook::Suspend, request, reply)
}

/// Makes the service's user active again. The request as for mm_provision(); the password is not needed.
/// Statuses, NULLs, ownership and threads as for mm_provision().
#[no_mangle]
pub unsafe extern "C" fn mm_unsuspend(
    handle: *const mm_export,
    request: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::hook(handle, Hook::Unsuspend, request, reply)
}

/// Calls one operation of MagicMail's API by its name, such as "get_user", with `arguments`, a JSON object in
/// UTF-8 such as {"id": "jane"}. The reply is the record, or the list as an object by id; null where the
/// server has none. An operation that is not known is MM_ARGUMENT. Statuses, NULLs, ownership and threads as
/// for mm_provision().
#[no_mangle]
pub unsafe extern "C" fn mm_call(
    handle: *const mm_export,
    operation: *const c_char,
    arguments: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::run(handle, reply, |export, sink| {
        export.call(text(operation, "operation")?, text(arguments, "arguments")?, sink)
    })
}

/// Begins a task of Freeside's from `begin`, a JSON object in UTF-8 that says what Freeside gave to a hook
/// (docs/dialogue.md), and is not needed afterwards. Nothing is sent. C programs that have no Freeside call
/// mm_provision() and its like, with everything in one document.
///
/// Returns NULL on a failure, which mm_last_error() tells: `begin` is NULL or no such document.
#[no_mangle]
pub unsafe extern "C" fn mm_task_new(begin: *const c_char) -> *mut mm_task {
    boundary::make(|| Ok(mm_task { task: Task::begin(text(begin, "task")?)? }))
}

/// Goes on with `task`, for the export `handle`, the same one each time. `answers` is a JSON list in UTF-8: the
/// answers to what the last reply asked for, in its order; [] at first. The reply is {"ask": [...]}, named queries
/// and commands that the shim is to carry out, or {"done": {...}}, after which the task has ended. A hook that
/// failed is MM_OK: "done" has its text. Other statuses, NULLs and ownership as for mm_provision(); `task` must not
/// be NULL, and no other call on it may run.
#[no_mangle]
pub unsafe extern "C" fn mm_task_next(
    handle: *const mm_export,
    task: *mut mm_task,
    answers: *const c_char,
    reply: *mut *mut c_char,
) -> i32 {
    boundary::run(handle, reply, |export, sink| {
        let mm_task { task } = boundary::exclusive(task, "task")?;
        task.next(export, text(answers, "answers")?, sink)
    })
}

/// Frees `task`, whether it has ended or not; NULL is allowed. Leaves mm_last_error() alone.
#[no_mangle]
pub unsafe extern "C" fn mm_task_free(task: *mut mm_task) {
    boundary::free(task);
}

/// What went wrong in this thread's last call that can fail (mm_export_new(), mm_task_new() and whatever returns
/// a status), in one sentence, UTF-8, on one line; "" after a success. Never NULL, not to be freed, and valid
/// until the thread's next such call, or its end. Other threads' calls do not touch it.
#[no_mangle]
pub extern "C" fn mm_last_error() -> *const c_char {
    last_error::text()
}

/// The same as a JSON object: "status" (a number, as returned), "kind" (the status in a word), "code" (the
/// server's, or null), "step" (the one that failed, or null), "undone" and "leftovers" (lists of texts: what
/// was done and then undone, and what may be left on the server). "{}" after a success. Never NULL, not to
/// be freed, and valid as long as mm_last_error().
#[no_mangle]
pub extern "C" fn mm_last_error_detail() -> *const c_char {
    last_error::detail()
}

/// Frees a reply, whichever thread got it; NULL is allowed. Only for what this library put into `*reply`.
/// Leaves mm_last_error() alone.
#[no_mangle]
pub unsafe extern "C" fn mm_string_free(reply: *mut c_char) {
    boundary::free_text(reply);
}
