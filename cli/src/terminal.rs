//! Questions to whoever sits at the terminal, also where standard input is a file.

use crate::show::reason;
use magicmail::error::Error;
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

const TERMINAL: &str = "/dev/tty";

/// Somebody is there who sees questions and can answer.
pub fn is_there() -> bool {
    io::stderr().is_terminal() && OpenOptions::new().read(true).write(true).open(TERMINAL).is_ok()
}

/// A password, typed without an echo.
pub fn secret(question: &str) -> Result<String, Error> {
    let typed = rpassword::prompt_password(question).map_err(|error| {
        Error::configuration(format!("no password could be asked for: {}", reason(&error)))
    })?;
    if typed.is_empty() {
        return Err(Error::configuration("no password was typed"));
    }
    Ok(typed)
}

/// Asks before `what` is done: `purge user jane on mail.example.net`.
pub fn confirm(what: &str) -> Result<(), Error> {
    if !is_there() {
        return Err(Error::refused(format!(
            "{what}: wants a yes, and there is no terminal to ask on; give --yes"
        )));
    }
    match asked(&format!("{what}? [y/N] ")) {
        Ok(answer) if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") => Ok(()),
        Ok(_) => Err(Error::refused(format!("{what}: was not confirmed; nothing was changed"))),
        Err(error) => Err(Error::refused(format!("{what}: could not be asked about: {}", reason(&error)))),
    }
}

fn asked(question: &str) -> io::Result<String> {
    let mut terminal = OpenOptions::new().read(true).write(true).open(TERMINAL)?;
    terminal.write_all(question.as_bytes())?;
    let mut answer = String::new();
    BufReader::new(terminal).read_line(&mut answer)?;
    Ok(answer)
}
