//! A whole hook against a server that answers any bytes, and a network that loses what it carries.
#![no_main]

// Each target uses a part of it.
#[allow(dead_code)]
#[path = "../../tests/rust/properties/mod.rs"]
mod properties;

use libfuzzer_sys::fuzz_target;
use properties::{hooks, written};

fuzz_target!(|bytes: &[u8]| {
    hooks::check(&written::case(bytes)).unwrap_or_else(|why| panic!("{why}"));
});
