//! What can go wrong, in the terms of the C ABI: a status, a sentence for people, and the details.

use crate::foreign::is_mark;
use crate::log::Redactor;
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
    /// One sentence, lower case, without a full stop, on one line. Words of the caller's are marked (`foreign`)
    /// until it is redacted.
    pub text: String,
    /// The server's own code, where it gave one.
    pub code: Option<String>,
    /// The step that failed, in the words of the plan.
    pub step: Option<String>,
    /// What was done and then undone, last first.
    pub undone: Vec<String>,
    /// What is, or may be, left on the server and wants a person to look at it.
    pub leftovers: Vec<String>,
    /// What `text` is made of, where that is more than one sentence.
    pub parts: Option<Box<FailureText>>,
}

/// The longest text that is given to people, in characters: Freeside carries it in a URL.
const LONGEST_TEXT: usize = 1_400;

impl Error {
    pub fn new(status: Status, text: impl Into<String>) -> Error {
        Error {
            status,
            text: line(&text.into(), LONGEST_TEXT, true),
            code: None,
            step: None,
            undone: Vec::new(),
            leftovers: Vec::new(),
            parts: None,
        }
    }

    /// An error whose text names each leftover, however much else there is to say.
    pub fn of_failure(status: Status, failure: FailureText) -> Error {
        Error {
            leftovers: failure.leftovers.clone(),
            parts: Some(Box::new(failure.clone())),
            ..Error::new(status, failure.within(LONGEST_TEXT))
        }
    }

    /// The same, told from what could not be done: `cannot provision mailbox jane@example.net: …`.
    #[must_use]
    pub fn about(self, subject: &str) -> Error {
        let Some(mut parts) = self.parts else {
            return Error { text: line(&format!("{subject}: {}", self.text), LONGEST_TEXT, true), ..self };
        };
        parts.what = format!("{subject}: {}", parts.what);
        Error { text: parts.within(LONGEST_TEXT), parts: Some(parts), ..self }
    }

    /// The same, fit to be shown: words of the caller's that are a secret are masked.
    #[must_use]
    pub fn redacted(self, redactor: &Redactor) -> Error {
        Error { text: one_line(&redactor.resolve(&self.text), LONGEST_TEXT), ..self }
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

/// The message about a failure that may have left something on the server. It names what was to be done and each
/// thing that is left; only then comes why, which a server may have made as long as it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureText {
    /// What could not be done: `could not add address jane@example.net to user jane`.
    pub what: String,
    /// What is, or may be, left on the server.
    pub leftovers: Vec<String>,
    /// Something was done before, and undone.
    pub was_undone: bool,
    /// Why it could not be done, the server's own words last; it is cut where there is no room for all of it.
    pub why: String,
}

/// A word that is longer is shortened where not everything fits: to the first of these lengths that will do.
const LENGTHS_OF_WORDS: [usize; 4] = [80, 56, 36, 20];
/// As much room is kept for why it could not be done, as long as words can be shortened.
const ROOM_FOR_WHY: usize = 160;

impl FailureText {
    /// The sentence, of fewer than `longest` characters.
    pub fn within(&self, longest: usize) -> String {
        let longest = longest.saturating_sub(1);
        let why = one_line(&self.why, longest);
        let room = longest.saturating_sub(ROOM_FOR_WHY.min(why.chars().count() + 2));
        let ways = std::iter::once((usize::MAX, usize::MAX))
            .chain(LENGTHS_OF_WORDS.map(|length| (length, usize::MAX)))
            .chain(LENGTHS_OF_WORDS.map(|length| (length, length)));
        let mut head = String::new();
        for (of_what, of_leftovers) in ways {
            let leftovers = self.leftovers.iter().map(|left| shortened(left, of_leftovers)).collect();
            head = self.head(&shortened(&self.what, of_what), leftovers, room);
            if head.chars().count() <= room {
                break;
            }
        }
        let (separator, end) = match (self.leftovers.is_empty(), self.was_undone) {
            (true, true) => (": ", "; what was done before it was undone"),
            (true, false) => (": ", ""),
            (false, _) => ("; ", ""),
        };
        let left = longest.saturating_sub((head.chars().count() + separator.len() + end.len()).min(longest));
        let why = one_line(&why, left);
        let separator = if why.is_empty() { "" } else { separator };
        one_line(&format!("{head}{separator}{why}{end}"), longest + 1)
    }

    /// What could not be done and what is left; if there are too many things for the room, how many more.
    fn head(&self, what: &str, mut leftovers: Vec<String>, room: usize) -> String {
        let what = one_line(what, usize::MAX);
        if leftovers.is_empty() {
            return what;
        }
        let all = leftovers.len();
        loop {
            let more = all - leftovers.len();
            let and_more = if more > 0 { format!(", and {more} more") } else { String::new() };
            let named = one_line(&leftovers.join(", "), usize::MAX);
            let head = format!("{what}; left in MagicMail, to be put right by hand: {named}{and_more}");
            // Only where the shortest names are too long.
            let is_short =
                leftovers.iter().all(|left| left.split(' ').all(|word| word.chars().count() <= 20));
            if !is_short || leftovers.len() == 1 || head.chars().count() <= room {
                return head;
            }
            leftovers.pop();
        }
    }
}

/// `text` with the middle left out of each word that is longer than `longest` characters.
fn shortened(text: &str, longest: usize) -> String {
    let short = |word: &str| {
        let length = word.chars().count();
        if length <= longest {
            return word.to_owned();
        }
        let (head, tail) = (longest / 2, longest - longest / 2 - 1);
        let head: String = word.chars().take(head).collect();
        let tail: String = word.chars().skip(length - tail).collect();
        format!("{head}\u{2026}{tail}")
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// `text` on one line: control characters and runs of white space become single spaces, and a text longer
/// than `longest` characters is cut, with an ellipsis.
pub fn one_line(text: &str, longest: usize) -> String {
    line(text, longest, false)
}

/// The same; marks of what is not ours stay if they are wanted, and do not count.
fn line(text: &str, longest: usize, with_marks: bool) -> String {
    let is_kept = |c: char| with_marks && is_mark(c);
    let mut line = String::with_capacity(text.len().min(longest.saturating_mul(4)));
    let mut count = 0;
    for word in text.split(|c: char| is_blank(c) && !is_kept(c)) {
        if word.is_empty() {
            continue;
        }
        if count > 0 {
            line.push(' ');
            count += 1;
        }
        for c in word.chars() {
            if is_kept(c) {
                line.push(c);
                continue;
            }
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

/// What a text on one line shows as a space, or not at all.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || is_invisible(c)
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

    fn named(length: usize) -> FailureText {
        let name = |c: &str| format!("{}{c}", "n".repeat(length - 1));
        let (user, account, domain) = (name("u"), name("a"), name("d"));
        FailureText {
            what: format!("could not add address {user}@{domain} to user {user}"),
            leftovers: vec![
                format!("user {user} on account {account} (new)"),
                format!("account {account} (new)"),
                format!("possibly: address {user}@{domain} on user {user} (remove it)"),
            ],
            was_undone: true,
            why: format!("the server refused it with x.y: {}", "words ".repeat(400)),
        }
    }

    #[test]
    fn each_leftover_stands_before_the_words_of_the_server() {
        let error =
            Error::of_failure(Status::Doubt, named(5)).about("cannot provision mailbox jane@example.net");
        let start =
            "cannot provision mailbox jane@example.net: could not add address nnnnu@nnnnd to user nnnnu; \
                     left in MagicMail, to be put right by hand: user nnnnu on account nnnna (new), \
                     account nnnna (new), possibly: address nnnnu@nnnnd on user nnnnu (remove it); \
                     the server refused it with x.y: words words";
        assert!(error.text.starts_with(start), "{}", error.text);
        assert!(error.text.ends_with('…') && error.text.chars().count() <= 1_500, "{}", error.text);
        assert_eq!(error.leftovers, named(5).leftovers);
    }

    #[test]
    fn each_leftover_is_named_however_long_the_names_are() {
        let subject = format!("cannot provision mailbox {}@{}", "n".repeat(255), "n".repeat(255));
        for length in 2..=255 {
            let error = Error::of_failure(Status::Doubt, named(length)).about(&subject);
            let text = &error.text;
            assert!(text.chars().count() <= 1_500, "{length}: {text}");
            let (_, left) =
                text.split_once("left in MagicMail, to be put right by hand: ").expect("leftovers");
            let (left, why) = left.split_once("; the server refused it with x.y: words").expect("why");
            assert!(!why.is_empty());
            let left: Vec<&str> = left.split(", ").collect();
            assert_eq!(left.len(), 3, "{length}: {text}");
            for (left, (start, end)) in left.iter().zip([
                ("user n", "a (new)"),
                ("account n", "a (new)"),
                ("possibly: address n", "u (remove it)"),
            ]) {
                assert!(left.starts_with(start) && left.ends_with(end), "{length}: {text}");
            }
        }
    }

    #[test]
    fn a_name_that_has_room_is_not_shortened() {
        let failure = named(60);
        let error = Error::of_failure(Status::Doubt, failure.clone());
        failure.leftovers.iter().for_each(|left| assert!(error.text.contains(left), "{}", error.text));
    }

    #[test]
    fn of_more_things_than_have_room_the_number_is_told() {
        let leftovers = (0..200).map(|n| format!("package P{n} on user jane (remove it)")).collect();
        let failure = FailureText { what: "could not".to_owned(), leftovers, ..FailureText::default() };
        let text = Error::of_failure(Status::Doubt, failure).text;
        assert!(text.chars().count() <= 1_500 && text.ends_with(" more"), "{text}");
    }

    #[test]
    fn without_leftovers_it_is_told_how_it_ended() {
        let failure = FailureText { leftovers: Vec::new(), ..named(5) };
        let text = Error::of_failure(Status::Server, failure.clone()).text;
        let start = "could not add address nnnnu@nnnnd to user nnnnu: the server refused it with x.y: words";
        assert!(text.starts_with(start) && text.ends_with("…; what was done before it was undone"), "{text}");
        let failure = FailureText { why: String::new(), was_undone: false, ..failure };
        assert_eq!(failure.within(100), failure.what);
    }

    #[test]
    fn only_the_words_of_the_caller_are_redacted() {
        let redactor = Redactor::new("freeside", &crate::secret::Secret::new("service"));
        let key = crate::foreign::foreign("the service key");
        let error = Error::argument(format!("unknown key service.{key} of a service")).about("the service");
        assert_eq!(
            error.redacted(&redactor).text,
            "the service: unknown key service.the ******** key of a service"
        );
    }
}
