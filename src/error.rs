//! What can go wrong, in the terms of the C ABI: a status, a sentence for people, and the details.

use serde::Serialize;

/// The kind of a failure; its number is the status of the C ABI (a number is never used anew).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// The caller's mistake: NULL, no JSON, a missing or unknown key.
    Argument = 1,
    /// An option of the export cannot be used.
    Configuration = 2,
    /// It must not be done; nothing was changed.
    Refused = 3,
    /// The server said no, and what was done before was undone.
    Server = 4,
    /// The server was not reached; nothing is left.
    NotReached = 5,
    /// Something may be left on the server.
    Doubt = 6,
    /// A defect of this library.
    Internal = 7,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Status::Argument => "argument",
            Status::Configuration => "configuration",
            Status::Refused => "refused",
            Status::Server => "server",
            Status::NotReached => "not_reached",
            Status::Doubt => "in_doubt",
            Status::Internal => "internal",
        }
    }
}

/// A failure as it crosses the ABI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Error {
    pub status: Status,
    /// One sentence, lower case, without a full stop, on one line.
    pub text: String,
    /// The server's own code, where it gave one.
    pub code: Option<String>,
    /// The step that failed, in the words of the plan.
    pub step: Option<String>,
    /// What was done and then undone, last first.
    pub undone: Vec<String>,
    /// What is, or may be, left on the server and wants a person to look at it.
    pub leftovers: Vec<String>,
}

/// The longest text that is given to people, in characters: Freeside carries it in a URL.
const LONGEST_TEXT: usize = 1_400;

impl Error {
    pub fn new(status: Status, text: impl Into<String>) -> Error {
        Error {
            status,
            text: one_line(&text.into(), LONGEST_TEXT),
            code: None,
            step: None,
            undone: Vec::new(),
            leftovers: Vec::new(),
        }
    }

    /// The same, told from what could not be done: `cannot provision mailbox jane@example.net: …`.
    #[must_use]
    pub fn about(self, subject: &str) -> Error {
        Error { text: one_line(&format!("{subject}: {}", self.text), LONGEST_TEXT), ..self }
    }

    pub fn argument(text: impl Into<String>) -> Error {
        Error::new(Status::Argument, text)
    }

    pub fn configuration(text: impl Into<String>) -> Error {
        Error::new(Status::Configuration, text)
    }

    pub fn refused(text: impl Into<String>) -> Error {
        Error::new(Status::Refused, text)
    }

    /// The details as JSON, for `mm_last_error_detail`.
    pub fn detail(&self) -> String {
        #[derive(Serialize)]
        struct Detail<'a> {
            status: i32,
            kind: &'a str,
            code: &'a Option<String>,
            step: &'a Option<String>,
            undone: &'a [String],
            leftovers: &'a [String],
        }
        let detail = Detail {
            status: self.status as i32,
            kind: self.status.word(),
            code: &self.code,
            step: &self.step,
            undone: &self.undone,
            leftovers: &self.leftovers,
        };
        serde_json::to_string(&detail).unwrap_or_default()
    }
}

/// `text` on one line: control characters and runs of white space become single spaces, and a text longer
/// than `longest` characters is cut, with an ellipsis.
pub fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::with_capacity(text.len().min(longest.saturating_mul(4)));
    let mut count = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || is_invisible(c)) {
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if count + 1 >= longest {
                line.push('…');
                return line;
            }
            line.push(c);
            count += 1;
        }
    }
    line
}

/// Characters that turn or hide the text around them where it is shown.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_for_people_is_one_line_of_bounded_length() {
        assert_eq!(one_line("  a\n\tb\u{7}c\u{202e}d ", 100), "a b c d");
        assert_eq!(one_line("a\u{61c}b\u{ad}c\u{180e}d\u{fffa}e\u{e0041}f", 100), "a b c d e f");
        assert_eq!(one_line(&"x".repeat(5_000), 10).chars().count(), 10);
        let error = Error::refused("y ".repeat(5_000));
        assert!(error.text.chars().count() <= 1_500);
    }
}
