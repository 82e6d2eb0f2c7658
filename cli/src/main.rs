//! `magicmail`: the provisioning API by hand, without Freeside, for administrators and C programmers.
//!
//! The way of a call: `arguments` reads the command line (`operations` its part that comes from the
//! library's own table), `settings` finds the configuration, `run` does it through the library, `show`
//! prints what came. It sends nothing itself and decides nothing about MagicMail.

#![deny(unsafe_code)]

mod arguments;
mod check;
mod hooks;
mod interrupt;
mod manual;
mod operations;
mod run;
mod secrets;
mod settings;
mod show;
mod terminal;

use arguments::Arguments;
use clap::error::ErrorKind;
use clap::Parser;
use magicmail::error::Status;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing can be done about an output that is closed.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => exit_code(Status::Argument),
            };
        }
    };
    let json = arguments.json;
    match run::run(arguments) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(status)) => exit_code(status),
        Err(error) => {
            show::failure(&error, json);
            exit_code(error.status)
        }
    }
}

/// The exit status is the status of the C ABI.
fn exit_code(status: Status) -> ExitCode {
    ExitCode::from(u8::try_from(status as i32).unwrap_or(u8::MAX))
}
