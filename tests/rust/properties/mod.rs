//! What holds for every answer, every document and every server: stated once, tried with made-up input by
//! proptest (`hostile::arbitrary`, `hostile::carrier`) and with sought-out input by the fuzz targets (`fuzz/`).
//!
//! Each property is a function from bytes, or from what they are taken for, to `Err` with what was violated. A
//! panic of the library's is a violation too, and so is a call that never ends; those who call see to both.
//!
//! The fuzz targets take this module in by its path, which is why it is a `mod.rs`.

pub mod answers;
pub mod deeds;
pub mod documents;
pub mod evidence;
pub mod hooks;
pub mod liars;
pub mod network;
pub mod scenes;
pub mod written;

use magicmail::error::{Error, Status};
use magicmail::log::{Level, Sink};
use magicmail::operation::Export;
use magicmail::wire::Carrier;
use serde_json::{json, Value};
use std::cell::RefCell;

/// The API client's password, which may be seen nowhere.
pub const SECRET: &str = "k3y-0f-the-c1ient";
/// Passwords of mailboxes: those that a call was given may be seen nowhere.
pub const PASSWORD: &str = "Tr0ub4dor&3";
pub const OLD_PASSWORD: &str = "0ld-horse+battery";
/// The longest text that is given to people, and the longest line of a debug log, in characters.
const LONGEST_TEXT: usize = 1_500;
const LONGEST_LINE: usize = 2_100;
/// The configured `timeout`, in seconds of the simulated network's clock.
pub const TIMEOUT: u64 = 1;

pub type Checked = Result<(), String>;

/// What a call was given to hide.
pub type Secrets<'a> = &'a [&'a str];

/// `Err(why)` where it does not hold.
pub fn holds(it: bool, why: impl FnOnce() -> String) -> Checked {
    if it {
        Ok(())
    } else {
        Err(why())
    }
}

/// An export over a network, with the debug log on.
pub fn export_over(carrier: impl Carrier + 'static, autopurge: bool) -> Export {
    let configuration = json!({
        "machine": "mail.example.net", "client_id": "freeside", "client_password": SECRET,
        "timeout": TIMEOUT, "debug": true, "autopurge": autopurge,
    });
    Export::over(&configuration.to_string(), Box::new(carrier)).expect("a good configuration")
}

/// A log that keeps its lines.
#[derive(Default)]
pub struct Lines(RefCell<Vec<String>>);

impl Sink for Lines {
    fn write(&self, _: Level, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
}

impl Lines {
    pub fn check(&self, secrets: Secrets) -> Checked {
        self.0.borrow().iter().try_for_each(|line| one_safe_line(line, LONGEST_LINE, secrets))
    }
}

/// What people read is one line of bounded length that hides nothing and has no secret in it.
pub fn for_people(text: &str, secrets: Secrets) -> Checked {
    one_safe_line(text, LONGEST_TEXT, secrets)
}

fn one_safe_line(text: &str, longest: usize, secrets: Secrets) -> Checked {
    let shown = || text.chars().take(200).collect::<String>();
    holds(text.chars().count() <= longest, || format!("a text is too long: {}", shown()))?;
    if let Some(c) = text.chars().find(|&c| is_treacherous(c)) {
        return Err(format!("{c:?} in {}", shown()));
    }
    secrets.iter().try_for_each(|secret| holds(!text.contains(secret), || format!("a secret in {}", shown())))
}

/// An error as a caller may get it from a call that reached the network: of one of these statuses.
pub fn harmless(error: &Error, statuses: &[Status], secrets: Secrets) -> Checked {
    holds(statuses.contains(&error.status), || format!("{:?}: {}", error.status, error.text))?;
    holds(!error.text.is_empty(), || "an error without a text".to_owned())?;
    for_people(&error.text, secrets)?;
    let detail: Value = serde_json::from_str(&error.detail()).map_err(|why| why.to_string())?;
    texts_of(&detail).into_iter().try_for_each(|text| for_people(text, secrets))
}

/// Every text in a document, whatever it is in.
pub fn texts_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts_of).collect(),
        Value::Object(fields) => fields.values().flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}

/// Controls, what turns the direction of text, and what is not seen: by Unicode's own lists, not the
/// library's.
pub fn is_treacherous(c: char) -> bool {
    const BIDI: [char; 12] = [
        '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
        '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}',
    ];
    const UNSEEN: [char; 9] = [
        '\u{ad}', '\u{180e}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2028}', '\u{2029}', '\u{2060}',
        '\u{feff}',
    ];
    c.is_control()
        || BIDI.contains(&c)
        || UNSEEN.contains(&c)
        || ('\u{fff9}'..='\u{fffb}').contains(&c)
        || ('\u{e0000}'..='\u{e007f}').contains(&c)
}
