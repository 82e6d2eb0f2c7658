//! What is written to the caller's log, and the masking of secrets in what came from the server.

use crate::error::one_line;
use crate::foreign::resolved;
use crate::secret::{Secret, MASK};
use base64::Engine;

/// The level of a line; its number crosses the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Debug = 0,
    Info = 1,
    Warning = 2,
    Error = 3,
}

/// Where lines go: on the calling thread, while a call runs.
pub trait Sink {
    fn write(&self, level: Level, line: &str);
}

/// A sink for callers that want no log.
pub struct NoSink;

impl Sink for NoSink {
    fn write(&self, _level: Level, _line: &str) {}
}

/// Knows the secrets of a call and masks them, in every form in which a server may echo them.
#[derive(Default)]
pub struct Redactor {
    needles: Vec<Secret>,
}

impl Redactor {
    pub fn new(client_id: &str, client_password: &Secret) -> Redactor {
        let mut redactor = Redactor::default();
        let credentials = format!("{client_id}:{}", client_password.reveal());
        let basic = base64::engine::general_purpose::STANDARD.encode(credentials);
        redactor.needles.push(Secret::new(basic));
        redactor.add(client_password);
        redactor
    }

    /// Masks `secret` too, from now on.
    pub fn add(&mut self, secret: &Secret) {
        let text = secret.reveal();
        if text.is_empty() {
            return;
        }
        let percent =
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let form: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let json = serde_json::to_string(text).unwrap_or_default();
        let forms = [
            text.to_owned(),
            percent,
            form,
            json.trim_matches('"').to_owned(),
            base64::engine::general_purpose::STANDARD.encode(text),
            escaped(text, "&quot;", "&apos;"),
            escaped(text, "&#34;", "&#39;"),
            escaped(text, "&quot;", "'"),
            escaped(text, "\"", "'"),
            one_line(text, usize::MAX),
        ];
        for form in forms {
            if !form.is_empty() && !self.needles.iter().any(|needle| needle.reveal() == form) {
                self.needles.push(Secret::new(form));
            }
        }
        // The longest first, so that no part of one form stays when a shorter one was masked.
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.reveal().len()));
    }

    /// `sentence` without its marks, and with every secret masked in what is the server's.
    pub fn resolve(&self, sentence: &str) -> String {
        resolved(sentence, |theirs| self.mask(theirs))
    }

    /// `text` with every secret masked, whatever its ASCII case.
    fn mask(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for needle in &self.needles {
            masked = replace(&masked, needle.reveal());
        }
        masked
    }
}

fn replace(text: &str, needle: &str) -> String {
    // ASCII lower case keeps every byte's place.
    let (lower, needle) = (text.to_ascii_lowercase(), needle.to_ascii_lowercase());
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find(&needle) {
        masked.push_str(&text[from..from + at]);
        masked.push_str(MASK);
        from += at + needle.len();
    }
    masked.push_str(&text[from..]);
    masked
}

/// As XML escapes it.
fn escaped(text: &str, quote: &str, apostrophe: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', quote)
        .replace('\'', apostrophe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form_in_which_a_server_may_echo_it() {
        let mut redactor = Redactor::new("freeside", &Secret::new("s&cret <1>"));
        redactor.add(&Secret::new("p\"w'é d"));
        for echoed in [
            "s&cret <1>",
            "S&CRET <1>",
            "s%26cret%20%3C1%3E",
            "s%26cret+%3C1%3E",
            "s&amp;cret &lt;1&gt;",
            "ZnJlZXNpZGU6cyZjcmV0IDwxPg==",
            "p\"w'é d",
            "p&quot;w&apos;é d",
            "p&#34;w&#39;é d",
            "p%22w%27%C3%A9%20d",
            r#"p\"w'é d"#,
        ] {
            assert_eq!(redactor.mask(&format!("a {echoed} b")), format!("a {MASK} b"), "{echoed}");
        }
    }
}
