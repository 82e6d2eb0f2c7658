//! What is written to the caller's log, and the masking of secrets in what came from the server.

use crate::error::is_blank;
use crate::foreign::resolved;
use crate::secret::{Secret, MASK};
use crate::unescape::Mapped;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use base64::Engine;
use std::ops::Range;
use zeroize::Zeroizing;

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

/// How many layers of escapes are taken off a text: JSON in XML in a query is three.
const MOST_LAYERS: usize = 6;
/// The longest escape that a cut may fall into, in characters.
const LONGEST_ESCAPE: usize = 12;
/// A secret that is shorter is masked only as a word of its own: within words it would mask every second one, and
/// what is left would show it.
const SHORT: usize = 4;
/// An API client's password that is shorter may well be somebody's name.
const UNMISTAKABLE: usize = 8;

/// Knows the secrets of a call and masks them in a server's text, in whatever encoding a server may echo them.
#[derive(Default)]
pub struct Redactor {
    needles: Vec<Needle>,
    /// Of secrets that have nothing but blanks and `+` in them.
    blanks: Vec<Blanks>,
    /// Of these, those that are the API client's password or its credentials.
    of_client: usize,
}

impl Redactor {
    pub fn new(client_id: &str, client_password: &Secret) -> Redactor {
        let mut redactor = Redactor::default();
        if !client_password.is_empty() {
            let pair = Zeroizing::new(format!("{client_id}:{}", client_password.reveal()));
            redactor.add_base64(&pair);
        }
        redactor.add(client_password);
        redactor.of_client = redactor.needles.len();
        redactor
    }

    /// Masks `secret` too, from now on.
    pub fn add(&mut self, secret: &Secret) {
        let text = secret.reveal();
        self.add_layers(text);
        if !text.is_empty() && text.chars().all(is_gap) {
            self.blanks.push(Blanks { length: text.chars().count(), has_plus: text.contains('+') });
        }
        self.add_base64(text);
        if !text.is_ascii() {
            // UTF-8 that a server takes for Latin-1.
            let misread: Zeroizing<String> = Zeroizing::new(text.bytes().map(char::from).collect());
            self.add_layers(&misread);
        }
    }

    fn add_base64(&mut self, text: &str) {
        let padded = Zeroizing::new(STANDARD.encode(text));
        self.add_layers(&padded);
        // Of a short text it could be any word.
        if padded.len() >= 2 * SHORT {
            self.add_layers(&Zeroizing::new(STANDARD_NO_PAD.encode(text)));
            self.add_layers(&Zeroizing::new(URL_SAFE_NO_PAD.encode(text)));
        }
    }

    /// The text, and what it reads as where it happens to have an escape in it: a server that escapes only some
    /// characters makes no difference between the two.
    fn add_layers(&mut self, text: &str) {
        for layer in layers(text.trim_matches(is_blank)) {
            let needle = Needle::new(&layer.folded().chars);
            if !needle.is_nothing() && !self.needles.contains(&needle) {
                self.needles.push(needle);
            }
        }
    }

    /// `sentence` without its marks, and with every secret masked in what is the server's.
    pub fn resolve(&self, sentence: &str) -> String {
        resolved(sentence, |theirs| self.mask(theirs))
    }

    /// `text` of the server's with every secret masked, whole however long it is.
    pub fn mask(&self, text: &str) -> String {
        masked(text, &self.needles, &self.blanks)
    }

    /// A name that a caller gave, to be shown as ours. It may be like a mailbox's password, but that it is like the
    /// API client's is a mistake that must not be shown.
    pub fn name(&self, name: &str) -> String {
        let of_client = self.needles.iter().take(self.of_client);
        let unmistakable: Vec<&Needle> =
            of_client.filter(|needle| needle.chars.len() >= UNMISTAKABLE).collect();
        masked(name, unmistakable, &[])
    }
}

/// What a text reads as, one layer of escapes after the other taken off.
fn layers(text: &str) -> impl Iterator<Item = Mapped> {
    std::iter::successors(Some(Mapped::new(text)), Mapped::unescaped).take(MOST_LAYERS)
}

/// `text` with a mask for every stretch that is, in whatever encoding, one of the needles, or the blanks.
fn masked<'a>(
    text: &str,
    needles: impl IntoIterator<Item = &'a Needle> + Clone,
    blanks: &[Blanks],
) -> String {
    let mut spans: Vec<Range<usize>> = Vec::new();
    for layer in layers(text) {
        let gaps = if blanks.is_empty() { Vec::new() } else { gaps(&layer.chars) };
        for gap in gaps {
            if blanks.iter().any(|blanks| blanks.may_be(&layer.chars, &gap)) {
                spans.push(layer.span(gap.start, gap.end));
            }
        }
        let folded = layer.folded();
        for needle in needles.clone() {
            let found = needle.found_in(&folded.chars);
            spans.extend(found.into_iter().map(|found| folded.span(found.start, found.end)));
        }
    }
    spans.sort_by_key(|span| span.start);
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans {
        // What touches the last stretch belongs to it.
        if span.start > from || shown.is_empty() {
            shown.push_str(&text[from..span.start]);
            shown.push_str(MASK);
        }
        from = from.max(span.end);
    }
    shown.push_str(&text[from..]);
    shown
}

/// A secret of blanks and `+` only: folded, it would be in every text.
struct Blanks {
    length: usize,
    has_plus: bool,
}

impl Blanks {
    /// Whether a gap in a text may be it. A form writes a blank as `+`.
    fn may_be(&self, text: &[char], gap: &Range<usize>) -> bool {
        gap.len() >= self.length
            && (!self.has_plus || text[gap.clone()].contains(&'+'))
            && (self.length >= SHORT || is_word(text, gap))
    }
}

fn is_gap(c: char) -> bool {
    c == '+' || is_blank(c)
}

/// The stretches of blanks and `+`, each as long as it is.
fn gaps(text: &[char]) -> Vec<Range<usize>> {
    let mut gaps: Vec<Range<usize>> = Vec::new();
    for at in (0..text.len()).filter(|&at| is_gap(text[at])) {
        match gaps.last_mut() {
            Some(gap) if gap.end == at => gap.end = at + 1,
            _ => gaps.push(at..at + 1),
        }
    }
    gaps
}

/// A secret as it is looked for: its folded characters, wiped when it is dropped.
#[derive(PartialEq, Eq)]
struct Needle {
    chars: Zeroizing<Vec<char>>,
    /// Of each beginning, how long the longest shorter one is that it ends with.
    borders: Vec<usize>,
}

impl Needle {
    fn new(folded: &[char]) -> Needle {
        Needle { chars: Zeroizing::new(folded.to_vec()), borders: borders(folded) }
    }

    /// Every text has it.
    fn is_nothing(&self) -> bool {
        self.chars.iter().all(|&c| c == ' ')
    }

    /// Where it is in `text`, also where one overlaps the next, or the text was cut within it. By Knuth, Morris and
    /// Pratt: in a time that is linear in the text's length, whatever the two are.
    fn found_in(&self, text: &[char]) -> Vec<Range<usize>> {
        let (needle, borders) = (&*self.chars, &self.borders);
        let cuts = places_of_cut(text);
        let mut found = Vec::new();
        let mut matched = 0;
        for (at, c) in text.iter().enumerate() {
            if cuts.contains(&at) && matched >= SHORT {
                found.push(at - matched..at);
            }
            while matched > 0 && needle.get(matched) != Some(c) {
                matched = borders[matched - 1];
            }
            if needle.get(matched) == Some(c) {
                matched += 1;
            }
            if matched == needle.len() {
                found.push(at + 1 - matched..at + 1);
            }
        }
        if needle.len() < SHORT {
            found.retain(|found| is_word(text, found));
        }
        found
    }
}

fn borders(needle: &[char]) -> Vec<usize> {
    let mut borders = vec![0; needle.len()];
    let mut matched = 0;
    for at in 1..needle.len() {
        while matched > 0 && needle[at] != needle[matched] {
            matched = borders[matched - 1];
        }
        if needle[at] == needle[matched] {
            matched += 1;
        }
        borders[at] = matched;
    }
    borders
}

/// Where the ellipsis begins with which a text ends that was cut; and before it, where an escape may begin that was
/// cut itself.
fn places_of_cut(text: &[char]) -> Vec<usize> {
    let dots = text.iter().rev().take_while(|&&c| c == '.' || c == '\u{2026}').count();
    let is_ellipsis = dots >= 3 || text.last() == Some(&'\u{2026}');
    if !is_ellipsis {
        return Vec::new();
    }
    let cut = text.len() - dots;
    let begins_escape = |at: &usize| matches!(text[*at], '%' | '&' | '\\');
    let escapes = (cut.saturating_sub(LONGEST_ESCAPE)..cut).filter(begins_escape);
    escapes.chain([cut]).collect()
}

/// Neither a letter nor a digit is next to it.
fn is_word(text: &[char], place: &Range<usize>) -> bool {
    let before = place.start.checked_sub(1).and_then(|at| text.get(at));
    let is_part = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
    !is_part(before) && !is_part(text.get(place.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foreign::foreign;

    fn shown(redactor: &Redactor, theirs: &str) -> String {
        redactor.resolve(&format!("user {} user", foreign(theirs)))
    }

    fn assert_masked(redactor: &Redactor, echoed: &str) {
        assert_eq!(shown(redactor, &format!("a {echoed} b")), format!("user a {MASK} b user"), "{echoed}");
    }

    fn redactor(passwords: &[&str]) -> Redactor {
        let mut redactor = Redactor::new("freeside", &Secret::new("s&cret <1>"));
        passwords.iter().for_each(|password| redactor.add(&Secret::new(*password)));
        redactor
    }

    #[test]
    fn a_secret_is_masked_in_every_form_in_which_a_server_may_echo_it() {
        let redactor = redactor(&["p\"w'é d", "pass word-1"]);
        for echoed in [
            "s&cret <1>",
            "S&CRET <1>",
            "s%26cret%20%3C1%3E",
            "s%26cret+%3c1%3e",
            "s&amp;cret &lt;1&gt;",
            "ZnJlZXNpZGU6cyZjcmV0IDwxPg==",
            "ZnJlZXNpZGU6cyZjcmV0IDwxPg",
            "ZnJlZXNpZGU6cyZjcmV0IDwxPg%3D%3d",
            "p\"w'é d",
            "p&quot;w&apos;é d",
            "p&#34;w&#39;é d",
            "p&#x22;w&#X27;&#xE9; d",
            "p%22w%27%C3%A9%20d",
            "p%22w%27%e9%20d",
            r#"p\"w'é d"#,
            r#"p\u0022w\u0027\u00e9 d"#,
            "p\"\"w''é d",
            "p\"w'Ã© d",
        ] {
            assert_masked(&redactor, echoed);
        }
    }

    #[test]
    fn a_secret_is_masked_as_it_is_sent_and_where_only_some_of_it_is_escaped() {
        let redactor = redactor(&["pass word-1", "per%41cent & more"]);
        for echoed in [
            "pass%20word-1",
            "pass%20word%2d1",
            "pass+word-1",
            "p%61ss w&#111;rd-1",
            "p\\u0061ss\t\n word%2D1",
            "per%41cent & more",
            "per%2541cent%20%26%20more",
            "per%41cent &amp; more",
        ] {
            assert_masked(&redactor, echoed);
        }
    }

    #[test]
    fn a_secret_is_masked_below_several_layers_of_escapes() {
        let redactor = redactor(&["pass word-1"]);
        for echoed in [
            "pass%2520word-1",
            "pass%252520word-1",
            "pass&amp;#32;word-1",
            "pass&amp;amp;#x20;word-1",
            "pass%26%2332%3Bword-1",
            r"pass\\u0020word-1",
            r"p\u0026#97;ss word-1",
        ] {
            assert_masked(&redactor, echoed);
        }
    }

    #[test]
    fn of_a_secret_that_was_cut_the_rest_is_masked() {
        let redactor = redactor(&["pass word-1"]);
        for cut in
            ["pass%2\u{2026}", "pass&#3\u{2026}", "pass\\u00\u{2026}", "pass%25\u{2026}", "pass%252\u{2026}"]
        {
            let shown = shown(&redactor, &format!("no {cut}"));
            assert!(shown.starts_with(&format!("user no {MASK}")) && !shown.contains("pass"), "{shown}");
        }
        for cut in ["pass wo\u{2026}", "pass wo...", "pass%20wo\u{2026}"] {
            let rest = cut.trim_start_matches(|c| c != '\u{2026}' && c != '.');
            assert_eq!(shown(&redactor, &format!("no {cut}")), format!("user no {MASK}{rest} user"));
        }
        assert_eq!(shown(&redactor, "no pas\u{2026}"), "user no pas\u{2026} user");
    }

    #[test]
    fn what_overlaps_or_touches_is_one_mask() {
        let redactor = redactor(&["abcab", "cabxy"]);
        for text in ["abcabcab", "abcabxy", "abcababcab"] {
            assert_eq!(shown(&redactor, text), format!("user {MASK} user"), "{text}");
        }
    }

    #[test]
    fn a_short_secret_is_masked_only_as_a_word() {
        let redactor = redactor(&["a", "no"]);
        assert_eq!(
            shown(&redactor, "an account; password 'a', %27no%27: not known"),
            format!("user an account; password '{MASK}', %27{MASK}%27: not known user")
        );
        let empty = self::redactor(&[""]);
        assert_eq!(shown(&empty, "a b + c, =="), "user a b + c, == user");
    }

    #[test]
    fn a_secret_of_blanks_is_masked_where_it_is_no_gap_between_words() {
        let plus = redactor(&["+"]);
        for (echoed, shown_as) in [
            ("bad password '+' of jane", format!("user bad password '{MASK}' of jane user")),
            ("bad password %27%2B%27", format!("user bad password %27{MASK}%27 user")),
            ("password=+&user=1+2", format!("user password={MASK}&user=1+2 user")),
        ] {
            assert_eq!(shown(&plus, echoed), shown_as);
        }
        let blanks = redactor(&["     "]);
        for echoed in ["'     '", "'%20%20%20%20%20'", "'+++++'", "'&#32;    '", "x     y"] {
            assert!(shown(&blanks, echoed).contains(MASK), "{echoed}");
        }
        assert_eq!(shown(&blanks, "user jane is taken"), "user user jane is taken user");
        let one = redactor(&[" "]);
        assert_eq!(
            shown(&one, "the password ' ' is too short"),
            format!("user the password '{MASK}' is too short user")
        );
    }

    #[test]
    fn our_own_words_are_never_masked() {
        let redactor = redactor(&["user", "no such"]);
        assert_eq!(
            redactor.resolve(&format!("user jane: {}", foreign("no%20such user"))),
            format!("user jane: {MASK} {MASK}")
        );
        let redactor = Redactor::new("freeside", &Secret::new("k3y-0f-the-c1ient"));
        assert_eq!(redactor.name("jane"), "jane");
        assert_eq!(redactor.name("K3Y-0f-the-c1ient"), MASK);
        assert_eq!(Redactor::new("freeside", &Secret::new("jane")).name("jane"), "jane");
    }

    #[test]
    fn the_work_is_linear_in_the_text() {
        let mut redactor = Redactor::default();
        redactor.add(&Secret::new(format!("{}b", "a".repeat(2_000))));
        // Compared place by place, this is 400 million steps.
        let text = "a".repeat(200_000);
        assert_eq!(redactor.mask(&text), text);
        let nested = format!("&{}", "amp;".repeat(20_000));
        assert_eq!(redactor.mask(&nested), nested);
    }
}
