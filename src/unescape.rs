//! A text as it reads without its escapes, with the place of each character in the original.
//!
//! A server may echo what it was sent as it came (percent-encoded), as its answer's format wants it (XML, JSON), as
//! its database quotes it, or as one of these inside another. Whoever looks for a word in such a text looks at every
//! layer, and by the places finds what to take out of the original. The work is linear in the text's length.

use crate::error::is_blank;
use std::ops::Range;
use zeroize::Zeroizing;

/// The longest entity that is looked for, in characters: `&#x0000010FFFF;`.
const LONGEST_ENTITY: usize = 16;

/// Characters, and the byte of the original at which each begins; one place more at the end. They may be a secret's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    pub chars: Zeroizing<Vec<char>>,
    starts: Vec<usize>,
}

impl Mapped {
    pub fn new(text: &str) -> Mapped {
        let mut mapped = Mapped::with_capacity(text.len());
        for (at, c) in text.char_indices() {
            mapped.push(c, at);
        }
        mapped.starts.push(text.len());
        mapped
    }

    fn with_capacity(length: usize) -> Mapped {
        Mapped { chars: Vec::with_capacity(length).into(), starts: Vec::with_capacity(length + 1) }
    }

    fn push(&mut self, c: char, start: usize) {
        self.chars.push(c);
        self.starts.push(start);
    }

    fn end(&self) -> usize {
        self.starts.last().copied().unwrap_or_default()
    }

    /// The bytes of the original that the characters `from..to` stand for.
    pub fn span(&self, from: usize, to: usize) -> Range<usize> {
        self.starts[from]..self.starts[to]
    }

    /// The same with one layer of escapes less; None if it has none.
    pub fn unescaped(&self) -> Option<Mapped> {
        let mut plain = Mapped::with_capacity(self.chars.len());
        let mut at = 0;
        while let Some(&c) = self.chars.get(at) {
            let (c, length) = escape(&self.chars[at..]).unwrap_or((c, 1));
            plain.push(c, self.starts[at]);
            at += length;
        }
        plain.starts.push(self.end());
        (plain.chars.len() < self.chars.len()).then_some(plain)
    }

    /// The same for a comparison in which ASCII case does not count, nor which white space it is, nor how much: a
    /// form writes a space as `+`.
    pub fn folded(&self) -> Mapped {
        let mut folded = Mapped::with_capacity(self.chars.len());
        let mut was_blank = false;
        for (&c, &start) in self.chars.iter().zip(&self.starts) {
            let is_blank = c == '+' || is_blank(c);
            if !is_blank {
                folded.push(c.to_ascii_lowercase(), start);
            } else if !was_blank {
                folded.push(' ', start);
            }
            was_blank = is_blank;
        }
        folded.starts.push(self.end());
        folded
    }
}

/// The character that the escape at the start of `text` stands for, and how many characters the escape has.
fn escape(text: &[char]) -> Option<(char, usize)> {
    match text {
        ['%', 'u' | 'U', ..] => utf16(text),
        ['%', ..] => bytes(text, 1),
        ['&', ..] => entity(text),
        ['\\', 'u', ..] => utf16(text).or(Some(('u', 2))),
        ['\\', 'x', ..] => bytes(text, 2).or(Some(('x', 2))),
        ['\\', 'n' | 'r' | 't' | 'b' | 'f' | 'v' | '0', ..] => Some((' ', 2)),
        // Quoted with a backslash, or by doubling it.
        ['\\', c, ..] => Some((*c, 2)),
        ['"', '"', ..] | ['\'', '\'', ..] => Some((text[0], 2)),
        _ => None,
    }
}

/// A character of UTF-8 whose bytes stand there in hex, each behind a mark (`%`, `\x`) of that length; a byte that
/// is no UTF-8 is a character of Latin-1.
fn bytes(text: &[char], mark: usize) -> Option<(char, usize)> {
    let size = mark + 2;
    let byte = |number: usize| {
        let one = text.get(number * size..(number + 1) * size)?;
        (one[..mark] == text[..mark])
            .then(|| hex(&one[mark..]))
            .flatten()
            .and_then(|byte| u8::try_from(byte).ok())
    };
    let first = byte(0)?;
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let all: Option<Vec<u8>> = (0..length).map(byte).collect();
    let text = all.and_then(|bytes| String::from_utf8(bytes).ok());
    match text.and_then(|text| text.chars().next()) {
        Some(c) => Some((c, length * size)),
        None => Some((char::from(first), size)),
    }
}

/// `\u0041` and `%u0041`, in pairs where UTF-16 wants two.
fn utf16(text: &[char]) -> Option<(char, usize)> {
    let unit = |number: usize| {
        let one = text.get(number * 6..(number + 1) * 6)?;
        let is_marked = one[0] == text[0] && one[1] == text[1];
        is_marked.then(|| hex(&one[2..])).flatten()
    };
    let first = unit(0)?;
    match (first, unit(1)) {
        (0xd800..=0xdbff, Some(second @ 0xdc00..=0xdfff)) => {
            Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00))?, 12))
        }
        _ => Some((char::from_u32(first)?, 6)),
    }
}

/// `&amp;`, `&#65;`, `&#x41;`.
fn entity(text: &[char]) -> Option<(char, usize)> {
    let end = text.iter().take(LONGEST_ENTITY).position(|&c| c == ';')?;
    let number = |digits: &[char], radix: u32| {
        let mut value: u32 = 0;
        for c in digits {
            value = value.checked_mul(radix)?.checked_add(c.to_digit(radix)?)?;
        }
        char::from_u32(value).filter(|_| !digits.is_empty())
    };
    let c = match &text[1..end] {
        ['#', 'x' | 'X', digits @ ..] => number(digits, 16)?,
        ['#', digits @ ..] => number(digits, 10)?,
        name => match name.iter().collect::<String>().to_ascii_lowercase().as_str() {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => ' ',
            _ => return None,
        },
    };
    Some((c, end + 1))
}

fn hex(digits: &[char]) -> Option<u32> {
    digits.iter().try_fold(0, |value, c| Some(value * 16 + c.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        Mapped::new(text).unescaped().map_or_else(|| text.to_owned(), |plain| plain.chars.iter().collect())
    }

    #[test]
    fn every_escape_of_one_layer_is_taken_off() {
        for (escaped, plain) in [
            ("a%20b%2dc%2Dd", "a b-c-d"),
            ("%c3%a9 %C3%A9 %e9 %F0%9F%98%80 %u00e9", "é é é \u{1f600} é"),
            ("&amp;&lt;&gt;&quot;&apos;&AMP;", "&<>\"'&"),
            ("&#111;&#x6f;&#X6F;&#0000111;&#x1F600;", "oooo\u{1f600}"),
            (r#"\u0041\u00e9\ud83d\ude00\"\\\/\'"#, "Aé\u{1f600}\"\\/'"),
            (r"a\nb\x41\xc3\xa9", "a bAé"),
            ("it''s a \"\"word\"\"", "it's a \"word\""),
        ] {
            assert_eq!(read(escaped), plain);
        }
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for text in [
            "100%",
            "%",
            "%4",
            "%zz",
            "%u12",
            "&",
            "&;",
            "&#;",
            "&#xd800;",
            "&nothing;",
            "a & b; c",
            "\\",
            "é",
        ] {
            assert_eq!(Mapped::new(text).unescaped(), None, "{text}");
        }
        assert_eq!(read(r"\ud83dx"), "ud83dx");
    }

    #[test]
    fn each_character_knows_its_place_in_the_original() {
        let text = "é&amp;%c3%a9+ x";
        let plain = Mapped::new(text).unescaped().expect("escapes");
        let places: Vec<&str> = (0..plain.chars.len()).map(|at| &text[plain.span(at, at + 1)]).collect();
        assert_eq!(places, ["é", "&amp;", "%c3%a9", "+", " ", "x"]);
        let folded = plain.folded();
        assert_eq!(folded.chars.iter().collect::<String>(), "é&é x");
        assert_eq!(&text[folded.span(3, 4)], "+ ");
    }
}
