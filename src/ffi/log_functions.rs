//! The caller's log function of one handle: set at any time, read by every call when it begins.
//!
//! Lock-free, so that neither a thread nor a fork at a bad moment leaves a lock behind: function and userdata
//! are one node, which is published by one pointer and lives as long as the handle. Setting a pair again
//! finds its node, so that a caller who turns the log on and off takes no memory.

use super::boundary::c_text;
use super::mm_log_fn;
use crate::log::{Level, Sink};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A log function and its userdata, as one call uses them from its beginning to its end.
#[derive(Clone, Copy)]
pub struct LogFunction {
    function: mm_log_fn,
    userdata: *mut c_void,
}

impl LogFunction {
    fn is(&self, other: &LogFunction) -> bool {
        let same_function = match (self.function, other.function) {
            (Some(one), Some(another)) => ptr::fn_addr_eq(one, another),
            (None, None) => true,
            _ => false,
        };
        same_function && self.userdata == other.userdata
    }
}

impl Sink for LogFunction {
    fn write(&self, level: Level, line: &str) {
        if let Some(function) = self.function {
            let line = c_text(line);
            // SAFETY: the caller vouched for the function and its userdata in `mm_export_set_log`; the line
            // lives until it returns.
            unsafe { function(self.userdata, level as i32, line.as_ptr()) }
        }
    }
}

struct Node {
    pair: LogFunction,
    next: *mut Node,
}

/// All pairs that were ever set on a handle, and the present one.
#[derive(Default)]
pub struct LogFunctions {
    present: AtomicPtr<Node>,
    newest: AtomicPtr<Node>,
}

impl LogFunctions {
    pub fn set(&self, function: mm_log_fn, userdata: *mut c_void) {
        let pair = LogFunction { function, userdata };
        let node = self.find(&pair).unwrap_or_else(|| self.add(pair));
        self.present.store(node, Ordering::Release);
    }

    pub fn present(&self) -> LogFunction {
        // SAFETY: a published node is never changed, and freed only with the handle.
        match unsafe { self.present.load(Ordering::Acquire).as_ref() } {
            Some(node) => node.pair,
            None => LogFunction { function: None, userdata: ptr::null_mut() },
        }
    }

    fn find(&self, pair: &LogFunction) -> Option<*mut Node> {
        let mut at = self.newest.load(Ordering::Acquire);
        // SAFETY: as in `present`.
        while let Some(node) = unsafe { at.as_ref() } {
            if node.pair.is(pair) {
                return Some(at);
            }
            at = node.next;
        }
        None
    }

    fn add(&self, pair: LogFunction) -> *mut Node {
        let node = Box::into_raw(Box::new(Node { pair, next: ptr::null_mut() }));
        let mut newest = self.newest.load(Ordering::Acquire);
        loop {
            // SAFETY: nobody else knows the node before it is published in the next line.
            unsafe { (*node).next = newest };
            match self.newest.compare_exchange_weak(newest, node, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return node,
                Err(other) => newest = other,
            }
        }
    }
}

impl Drop for LogFunctions {
    fn drop(&mut self) {
        let mut at = *self.newest.get_mut();
        while !at.is_null() {
            // SAFETY: each node came from a box in `add` and is on this list once; nobody uses a handle that
            // is being freed.
            at = unsafe { Box::from_raw(at) }.next;
        }
    }
}
