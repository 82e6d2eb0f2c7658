//! Text of the server's inside a sentence of ours. It is marked where the sentence is made, and masked
//! where the sentence leaves: only there are the secrets known that a server may echo. Our own words are
//! never masked, for a password may well be one of them.

use crate::error::one_line;

const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';

/// More of a text of the server's, in characters, is never shown, nor looked at.
const LONGEST: usize = 4_096;

/// `text`, marked as the server's.
pub fn foreign(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let bare = text[..end].replace(is_mark, " ");
    let ellipsis = if end < text.len() { "\u{2026}" } else { "" };
    format!("{OPEN}{bare}{ellipsis}{CLOSE}")
}

/// Words of a caller's that may be a secret in the wrong place, on one line and cut where they are long.
pub fn quoted(words: &str, longest: usize) -> String {
    foreign(&one_line(words, longest))
}

/// The character is one of those that `foreign` puts around a text.
pub fn is_mark(c: char) -> bool {
    matches!(c, OPEN | CLOSE)
}

/// The sentence without its marks, each marked part as `change` makes it. A part whose end was cut off ends with
/// the sentence.
pub fn resolved(sentence: &str, change: impl Fn(&str) -> String) -> String {
    let mut whole = String::with_capacity(sentence.len());
    for (number, part) in sentence.split(OPEN).enumerate() {
        let (theirs, ours) = match part.split_once(CLOSE) {
            _ if number == 0 => ("", part),
            Some((theirs, ours)) => (theirs, ours),
            None => (part, ""),
        };
        if !theirs.is_empty() {
            whole.push_str(&change(theirs));
        }
        whole.push_str(ours);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_servers_is_changed() {
        let sentence = format!("user a is on {} and {}", foreign("a"), foreign("\u{3}b\u{2}"));
        assert_eq!(resolved(&sentence, |theirs| theirs.to_uppercase()), "user a is on A and  B ");
        assert_eq!(resolved("no marks", |_| String::new()), "no marks");
    }

    #[test]
    fn what_was_cut_is_still_the_servers() {
        let sentence = format!("user a is on {}", foreign("abc"));
        let cut: String = sentence.chars().take(15).collect();
        assert_eq!(resolved(&cut, |theirs| theirs.to_uppercase()), "user a is on A");
        let long = resolved(&foreign(&"é".repeat(20_000)), str::to_owned);
        assert_eq!(long.chars().count(), LONGEST + 1);
        assert!(long.ends_with("é\u{2026}"));
    }
}
