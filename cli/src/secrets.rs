//! Passwords from files: never from the command line, which every user of the machine can read.

use magicmail::error::Error;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line that is taken for a password, in bytes.
const LONGEST: u64 = 4096;

/// The first line of `file`, without its end; `-` is standard input.
pub fn first_line(file: &Path) -> Result<String, Error> {
    let wrong = |why: String| Error::configuration(format!("no password in {}: {why}", file.display()));
    let reader: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(file).map_err(|error| wrong(error.to_string()))?)
    };
    let mut line = String::new();
    BufReader::new(reader.take(LONGEST)).read_line(&mut line).map_err(|error| wrong(error.to_string()))?;
    let password = line.strip_suffix('\n').unwrap_or(&line);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(wrong("its first line is empty".to_owned()));
    }
    Ok(password.to_owned())
}
