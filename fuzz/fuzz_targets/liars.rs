//! A whole hook against a server that lies in good form: no mailbox is lost that nobody asked to be rid of.
#![no_main]

// Each target uses a part of it.
#[allow(dead_code)]
#[path = "../../tests/rust/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;
use properties::liars;

fuzz_target!(|bytes: &[u8]| {
    liars::check(bytes).unwrap_or_else(|why| panic!("{why}"));
});
