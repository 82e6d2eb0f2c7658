//! `magicmail`: the provisioning API by hand, without Freeside, for administrators and C programmers.
//!
//! The way of a call: `arguments` reads the command line (`operations` its part that comes from the
//! library's own table), `settings` finds the configuration, `run` does it through the library, `show`
//! prints what came. It sends nothing itself and decides nothing about MagicMail.

#![deny(unsafe_code)]

mod arguments;
mod check;
mod files;
mod hooks;
mod interrupt;
mod manual;
mod operations;
mod run;
mod settings;
mod show;
mod terminal;

use arguments::Arguments;
use clap::error::ErrorKind;
use clap::Parser;
use magicmail::error::Status;
use std::io::Write;
use std::process::ExitCode;

/// The exit status if all was done but the output could not be written; the C ABI knows no output.
const OUTPUT_FAILED: u8 = 8;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let output = if error.use_stderr() { "standard error" } else { "standard output" };
            show::record_failure(output, error.print().and_then(|()| std::io::stdout().flush()));
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => success(),
                _ => exit_code(Status::Argument),
            };
        }
    };
    let json = arguments.json;
    match magicmail::panics::guard(|| run::run(arguments)) {
        Ok(None) => success(),
        Ok(Some(status)) => exit_code(status),
        Err(error) => {
            show::failure(&error, json);
            exit_code(error.status)
        }
    }
}

/// What was asked for is done; whether the output could be written, too, is another question.
fn success() -> ExitCode {
    if show::has_failed() {
        ExitCode::from(OUTPUT_FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

/// The exit status is the status of the C ABI.
fn exit_code(status: Status) -> ExitCode {
    ExitCode::from(u8::try_from(status as i32).unwrap_or(u8::MAX))
}
