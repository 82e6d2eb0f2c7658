//! Any bytes as the answer to one operation of the API: from XML to records, or to an error that says so.
#![no_main]

// Each target uses a part of it.
#[allow(dead_code)]
#[path = "../../tests/rust/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;
use properties::{answers, written};

fuzz_target!(|bytes: &[u8]| {
    let (operation, answer) = written::operation_and_answer(bytes);
    answers::check(operation, &answer).unwrap_or_else(|why| panic!("{why}"));
});
