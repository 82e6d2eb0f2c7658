//! What is read: passwords, the configuration, requests. Each of bounded length, for the file may be anything by
//! mistake; and what is secret, or decides where secrets are sent, is looked at for who else can get at it.

use crate::show;
use magicmail::error::{one_line, Error};
use magicmail::password_file;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// More of a line is never a password; `password_file` says so.
const LONGEST_LINE: u64 = 8_192;

/// The first line of `file`, without its end; `-` is standard input, of which only that line is taken.
pub fn password(file: &Path) -> Result<String, Error> {
    let wrong = |why: &str| Error::configuration(format!("no password in {}: it {why}", name_of(file)));
    let line = if is_standard_input(file) {
        // Long enough for all of it: one that grows would leave copies behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST_LINE as usize));
        let read = io::stdin().lock().take(LONGEST_LINE).read_until(b'\n', &mut line);
        read.map_err(|error| wrong(&cannot_be_read(&error)))?;
        password_file::first_line(&line[..])
    } else {
        let opened = File::open(file).map_err(|error| wrong(&cannot_be_read(&error)))?;
        warn_of_mode(file, Content::Password);
        password_file::first_line(opened)
    };
    line.map(|secret| secret.reveal().to_owned()).map_err(|why| wrong(&why))
}

/// All of `file`, which may have at most `longest` bytes; `-` is standard input. The error follows its name.
pub fn text(file: &Path, longest: usize) -> Result<String, String> {
    if is_standard_input(file) {
        return bounded(io::stdin(), longest);
    }
    bounded(File::open(file).map_err(|error| cannot_be_read(&error))?, longest)
}

fn bounded(input: impl Read, longest: usize) -> Result<String, String> {
    let mut bytes = Vec::new();
    input.take(longest as u64 + 1).read_to_end(&mut bytes).map_err(|error| cannot_be_read(&error))?;
    if bytes.len() > longest {
        return Err(format!("is too long: at most {} kB are read", longest / 1024));
    }
    String::from_utf8(bytes).map_err(|_| "is not valid UTF-8".to_owned())
}

fn cannot_be_read(error: &io::Error) -> String {
    format!("cannot be read: {}", show::reason(error))
}

/// A file as a message names it.
pub fn name_of(file: &Path) -> String {
    if is_standard_input(file) {
        "standard input".to_owned()
    } else {
        one_line(&file.to_string_lossy(), 200)
    }
}

fn is_standard_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// What a file holds that others should not get at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// It may be read by anybody, but decides where passwords are sent.
    Settings,
    Password,
}

/// Warns of a file that others than its owner can read or change.
pub fn warn_of_mode(file: &Path, content: Content) {
    let Ok(data) = file.metadata() else { return };
    // A pipe (`<(pass show mail)`) is nobody's but the shell's.
    if !data.is_file() {
        return;
    }
    let mode = data.permissions().mode();
    let who = |of_group: u32, of_others: u32| match (mode & of_group != 0, mode & of_others != 0) {
        (false, false) => None,
        (true, false) => Some("its group"),
        (false, true) => Some("others than its owner and group"),
        (true, true) => Some("everybody"),
    };
    let name = name_of(file);
    if let Some(who) = who(0o020, 0o002) {
        show::warning(&format!("{name} can be changed by {who}: chmod go-w it"));
    }
    if let Some(who) = who(0o040, 0o004).filter(|_| content == Content::Password) {
        show::warning(&format!("{name} has a password and can be read by {who}: chmod go= it"));
    }
}
