//! The C functions as a C program calls them, wrapped just so far that a test reads well.

use magicmail::ffi::*;
use magicmail::operation::Export;
use magicmail::wire::{Answer, Carrier, Exchange, Outcome, Request};
use std::ffi::{c_char, CStr, CString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const PASSWORD: &str = "Tr0ub4dor&3";

/// A function of the five hooks.
pub type HookFunction = unsafe extern "C" fn(*const mm_export, *const c_char, *mut *mut c_char) -> i32;

pub const HOOKS: [(&str, HookFunction); 5] = [
    ("mm_provision", mm_provision),
    ("mm_unprovision", mm_unprovision),
    ("mm_replace", mm_replace),
    ("mm_suspend", mm_suspend),
    ("mm_unsuspend", mm_unsuspend),
];

/// What a caller has in hand after a failure.
#[derive(Debug)]
pub struct Failure {
    pub status: i32,
    pub text: String,
    pub detail: serde_json::Value,
}

impl Failure {
    pub fn last(status: i32) -> Failure {
        Failure { status, text: last_error(), detail: last_detail() }
    }
}

pub fn last_error() -> String {
    // SAFETY: never NULL, and valid until this thread's next call.
    unsafe { CStr::from_ptr(mm_last_error()) }.to_str().expect("the error is UTF-8").to_owned()
}

pub fn last_detail() -> serde_json::Value {
    // SAFETY: as above.
    let detail = unsafe { CStr::from_ptr(mm_last_error_detail()) };
    serde_json::from_slice(detail.to_bytes()).expect("the detail is JSON")
}

/// A handle that is freed when the test ends.
pub struct Handle(pub *mut mm_export);

// SAFETY: that calls may run side by side on one handle is what the header says, and what is tested.
unsafe impl Sync for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made below, and freed once.
        unsafe { mm_export_free(self.0) }
    }
}

impl Handle {
    pub fn new(config: &[u8]) -> Result<Handle, Failure> {
        let config = CString::new(config).expect("no NUL");
        // SAFETY: a C text.
        let handle = unsafe { mm_export_new(config.as_ptr()) };
        if handle.is_null() {
            return Err(Failure::last(status_in_detail()));
        }
        Ok(Handle(handle))
    }

    pub fn over(config: &str, carrier: impl Carrier + 'static) -> Handle {
        let export = Export::over(config, Box::new(carrier)).expect("a good configuration");
        Handle(Box::into_raw(Box::new(mm_export::from(export))))
    }

    pub fn hook(&self, hook: HookFunction, request: &[u8]) -> Result<String, Failure> {
        let request = CString::new(request).expect("no NUL");
        // SAFETY: a living handle, a C text, a place for the reply.
        outcome(|reply| unsafe { hook(self.0, request.as_ptr(), reply) })
    }

    pub fn call(&self, operation: &[u8], arguments: &[u8]) -> Result<String, Failure> {
        let operation = CString::new(operation).expect("no NUL");
        let arguments = CString::new(arguments).expect("no NUL");
        // SAFETY: as above.
        outcome(|reply| unsafe { mm_call(self.0, operation.as_ptr(), arguments.as_ptr(), reply) })
    }
}

fn status_in_detail() -> i32 {
    last_detail()["status"]
        .as_i64()
        .and_then(|status| status.try_into().ok())
        .expect("the detail has a status")
}

/// Calls with a place for the reply that holds something, checks what holds of every call, and takes the
/// reply over.
pub fn outcome(call: impl FnOnce(*mut *mut c_char) -> i32) -> Result<String, Failure> {
    let mut reply: *mut c_char = std::ptr::dangling_mut();
    let status = call(&mut reply);
    if status == MM_OK {
        assert!(!reply.is_null(), "a success has a reply");
        assert_eq!(last_error(), "");
        assert_eq!(last_detail(), serde_json::json!({}));
        // SAFETY: ours, until it is freed in the line after.
        let text = unsafe { CStr::from_ptr(reply) }.to_str().expect("the reply is UTF-8").to_owned();
        // SAFETY: freed once.
        unsafe { mm_string_free(reply) };
        return Ok(text);
    }
    assert!(reply.is_null(), "a failure has no reply");
    assert_eq!(status_in_detail(), status);
    Err(Failure::last(status))
}

pub fn config() -> serde_json::Value {
    serde_json::json!({ "machine": "127.0.0.1", "client_id": "freeside", "client_password": "secret" })
}

pub fn request() -> serde_json::Value {
    let service = serde_json::json!({
        "svcnum": 17, "username": "jane", "domain": "example.net", "finger": "Jane Roe",
        "password": PASSWORD, "password_encoding": "plain", "package": "EMAIL",
    });
    serde_json::json!({
        "account": { "id": "FREESIDE42", "first_name": "Ann", "last_name": "Lee" },
        "service": service, "others": [],
    })
}

/// The request that `hook` takes.
pub fn request_of(hook: &str) -> serde_json::Value {
    let mut request = request();
    if hook == "mm_replace" {
        request["old"] = request["service"].clone();
    }
    request
}

/// A carrier that answers by a function, counts, and never waits.
pub struct Answering<F> {
    answer: F,
    counted: Arc<AtomicUsize>,
    started: Instant,
}

impl<F: Fn(&Request) -> String + Send + Sync> Answering<F> {
    /// The function gives the body of an answer of status 200.
    pub fn new(answer: F) -> (Answering<F>, Arc<AtomicUsize>) {
        let counted = Arc::new(AtomicUsize::new(0));
        (Answering { answer, counted: counted.clone(), started: Instant::now() }, counted)
    }
}

impl<F: Fn(&Request) -> String + Send + Sync> Carrier for Answering<F> {
    fn carry(&self, requests: &[Request], _limit: Duration, _deadline: Duration) -> Vec<Exchange> {
        let answered = requests.iter().map(|request| {
            self.counted.fetch_add(1, Ordering::SeqCst);
            let answer = Answer {
                status: 200,
                content_type: Some("text/xml".to_owned()),
                location: None,
                body: (self.answer)(request).into_bytes(),
            };
            Exchange { outcome: Outcome::Answered(answer), elapsed: Duration::ZERO }
        });
        answered.collect()
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn pause(&self, _time: Duration) {}
}

/// The answer to a question about an account that is there.
pub fn account_record(request: &Request) -> String {
    let id = request.path.last().map_or("", String::as_str);
    format!("<response><account id=\"{id}\" status=\"active\"/></response>")
}
