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

/// An answer of the server's as the log shows it: what stands in a field named password is masked, be it a
/// password that the call knows or another one.
pub fn without_passwords(document: &str) -> String {
    const FIELD: &str = "password";
    let lower = document.to_ascii_lowercase();
    let mut shown = String::with_capacity(document.len());
    let mut from = 0;
    while let Some(at) = lower[from..].find(FIELD) {
        let name_end = from + at + FIELD.len();
        let before = &document[..from + at];
        let tag = before.rfind('<').map_or("", |open| &before[open..]);
        let is_element = tag == "<" || tag.ends_with(':') && !tag.contains(['/', ' ']);
        let (start, end) = value_after(&document[name_end..], is_element);
        shown.push_str(&document[from..name_end + start]);
        if start < end {
            shown.push_str(MASK);
        }
        from = name_end + end;
    }
    shown.push_str(&document[from..]);
    shown
}

/// Where the value of a field is in what follows its name; to the end, where it is not closed.
fn value_after(rest: &str, is_element: bool) -> (usize, usize) {
    let to = |start: usize, end: &str| (start, rest[start..].find(end).map_or(rest.len(), |at| start + at));
    let unspaced = rest.trim_start();
    if let Some(quoted) = unspaced.strip_prefix('=').map(str::trim_start) {
        if let Some(quote) = ["\"", "'"].into_iter().find(|quote| quoted.starts_with(quote)) {
            return to(rest.len() - quoted.len() + 1, quote);
        }
    }
    let is_whole_name = unspaced.len() < rest.len() || rest.starts_with('>');
    match rest.find('>') {
        Some(close) if is_element && is_whole_name && !rest[..close].ends_with('/') => to(close + 1, "</"),
        _ => (0, 0),
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
    fn a_password_in_an_answer_is_masked_whosever_it_is() {
        for (told, shown) in [
            (r#"<user password="a>b" id="J"/>"#, r#"<user password="***" id="J"/>"#),
            (r#"<user password = 'x"y' PASSWORD=''/>"#, r#"<user password = '***' PASSWORD=''/>"#),
            ("<password>p&amp;q</password><memo>m</memo>", "<password>***</password><memo>m</memo>"),
            ("<m:password kind='a'><![CDATA[x<y]]></m:password>", "<m:password kind='a'>***</m:password>"),
            ("<password/><memo>m</memo>", "<password/><memo>m</memo>"),
            ("<password>cut sho", "<password>***"),
            (r#"<user password="cut sho"#, r#"<user password="***"#),
            (
                "<message>An empty password is not allowed</message>",
                "<message>An empty password is not allowed</message>",
            ),
        ] {
            let told = without_passwords(told);
            assert_eq!(told, shown.replace("***", MASK));
        }
    }

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
