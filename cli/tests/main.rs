//! The tests of `magicmail`: the program as it is built, against the simulator over TLS.

mod check;
mod documents;
mod hooks;
mod operations;
mod outputs;
mod passwords;
mod program;
mod settings;
mod tables;
mod terminal;
