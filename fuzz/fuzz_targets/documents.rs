//! Any text as a configuration, as the request of a hook, as the arguments of a call by name.
#![no_main]

// Each target uses a part of it.
#[allow(dead_code)]
#[path = "../../tests/rust/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;
use properties::{documents, written};

fuzz_target!(|bytes: &[u8]| {
    let (what, document) = written::head_and_body(bytes);
    documents::check(&what, &String::from_utf8_lossy(document)).unwrap_or_else(|why| panic!("{why}"));
});
