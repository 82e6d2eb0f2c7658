//! A password that a file keeps: its first line. It is read with care, for the file may be anything by mistake.

use crate::secret::Secret;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// The longest line that is taken for a password, in bytes.
const LONGEST: usize = 4096;

/// The first line of the regular file at `path`. The error follows the path in a sentence.
pub fn read(path: &Path) -> Result<Secret, String> {
    // A pipe that nobody writes to is opened without waiting, and refused.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let file = opened.map_err(|error| why(&error))?;
    let is_file = file.metadata().map_err(|error| why(&error))?.is_file();
    if !is_file {
        return Err("is not a file".to_owned());
    }
    first_line(file)
}

/// The same of a file that is open already, whatever it is.
pub fn first_line(file: impl Read) -> Result<Secret, String> {
    let longest = LONGEST + 2;
    // Long enough for all of it: one that grows would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest));
    let mut file = file.take(longest as u64);
    let mut part = Zeroizing::new([0; LONGEST]);
    while !bytes.contains(&b'\n') {
        match file.read(part.as_mut_slice()) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(why(&error)),
        }
    }
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > LONGEST {
        return Err(format!("has a first line of more than {LONGEST} bytes"));
    }
    match std::str::from_utf8(line) {
        Ok("") => Err("has an empty first line".to_owned()),
        Ok(line) => Ok(Secret::new(line)),
        Err(_) => Err("is not valid UTF-8".to_owned()),
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        io::ErrorKind::PermissionDenied => "cannot be read by this process".to_owned(),
        _ => {
            let text = error.to_string();
            format!("cannot be read: {}", text.split(" (os error").next().unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Result<String, String> {
        first_line(text).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_password_is_the_first_line_without_its_end() {
        assert_eq!(line(b"sesame"), Ok("sesame".to_owned()));
        assert_eq!(line(" open sésame \r\nmore\n".as_bytes()), Ok(" open sésame ".to_owned()));
        assert_eq!(line(&[b"x".repeat(LONGEST), b"\r\nmore".to_vec()].concat()), Ok("x".repeat(LONGEST)));
    }

    #[test]
    fn what_is_no_password_is_refused_with_the_reason() {
        assert_eq!(line(b""), Err("has an empty first line".to_owned()));
        assert_eq!(line(b"\r\nsesame"), Err("has an empty first line".to_owned()));
        assert_eq!(line(b"\xff"), Err("is not valid UTF-8".to_owned()));
        let long = Err("has a first line of more than 4096 bytes".to_owned());
        assert_eq!(line(&b"x".repeat(LONGEST + 1)), long);
        assert_eq!(first_line(io::repeat(b'x')).map(drop), long.map(drop));
    }

    #[test]
    fn only_a_regular_file_is_read() {
        for (path, why) in
            [("/dev/zero", "is not a file"), ("/", "is not a file"), ("/nonexistent/x", "is not there")]
        {
            assert_eq!(read(Path::new(path)).map(drop), Err(why.to_owned()), "{path}");
        }
    }
}
