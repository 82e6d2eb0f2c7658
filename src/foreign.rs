//! Text of the server's inside a sentence of ours. It is marked where the sentence is made, and masked
//! where the sentence leaves: only there are the secrets known that a server may echo. Our own words are
//! never masked, for a password may well be one of them.

const OPEN: char = '\u{2}';
const CLOSE: char = '\u{3}';

/// `text`, marked as the server's.
pub fn foreign(text: &str) -> String {
    let bare: String = text.chars().filter(|c| !matches!(*c, OPEN | CLOSE)).collect();
    format!("{OPEN}{bare}{CLOSE}")
}

/// The sentence without its marks, each marked part as `change` makes it.
pub fn resolved(sentence: &str, change: impl Fn(&str) -> String) -> String {
    let mut whole = String::with_capacity(sentence.len());
    for (number, part) in sentence.split(OPEN).enumerate() {
        match part.split_once(CLOSE) {
            Some((theirs, ours)) if number > 0 => {
                whole.push_str(&change(theirs));
                whole.push_str(ours);
            }
            _ => whole.push_str(part),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_servers_is_changed() {
        let sentence = format!("user a is on {} and {}", foreign("a"), foreign("\u{3}b\u{2}"));
        assert_eq!(resolved(&sentence, |theirs| theirs.to_uppercase()), "user a is on A and B");
        assert_eq!(resolved("no marks", |_| String::new()), "no marks");
    }
}
