//! Whether an XML text can be given to the parser: it compares each attribute of a tag with each other one, and
//! carries every namespace into every element below, so a hostile text could make it work for hours. And each attribute
//! takes many times its length in memory.

use std::collections::BTreeSet;

/// More attributes than this in one tag are no answer of the API.
const MOST_ATTRIBUTES: usize = 256;
/// More attributes than this in one document are no answer of the API: the longest list that is read has 50,000 users.
const MOST_ATTRIBUTES_IN_ALL: usize = 400_000;
/// More prefixes than this in one document are no answer of the API; most have none.
const MOST_NAMESPACES: usize = 32;

/// What makes `text` too much work, as in "the server answered with …"; None: nothing does. The text need not be
/// XML, or whole.
pub fn excess(text: &str) -> Option<&'static str> {
    let mut namespaces = BTreeSet::new();
    let mut in_all = 0;
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (tag, behind) = cut(&rest[at..]);
        let mut attributes = 0;
        for name in attribute_names(tag) {
            attributes += 1;
            if name.starts_with("xmlns") {
                namespaces.insert(name);
            }
            if attributes > MOST_ATTRIBUTES {
                return Some("a document with too many attributes in one tag");
            }
            if namespaces.len() > MOST_NAMESPACES {
                return Some("a document with too many namespaces");
            }
        }
        in_all += attributes;
        if in_all > MOST_ATTRIBUTES_IN_ALL {
            return Some("a document with too many attributes");
        }
        rest = behind;
    }
    None
}

/// The tag at the start of `text`, and what follows it. What is no tag though it begins like one is left out.
fn cut(text: &str) -> (&str, &str) {
    for (open, close) in [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")] {
        if let Some(inner) = text.strip_prefix(open) {
            return ("", inner.split_once(close).map_or("", |(_, behind)| behind));
        }
    }
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return text.split_at(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    (text, "")
}

/// What stands before each `=` that is in no value.
fn attribute_names(tag: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    tag.bytes().enumerate().filter_map(move |(at, byte)| {
        match (quote, byte) {
            (None, b'=') => {
                let before = tag[..at].trim_end();
                let is_end = |c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '<');
                return Some(before.rsplit(is_end).next().unwrap_or_default());
            }
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_have_as_many_equals_signs_as_it_likes() {
        let many = "a=b ".repeat(300);
        for text in [
            format!("<r>{many}</r>"),
            format!("<r memo=\"{many}\"/>"),
            format!("<!-- {many} --><r/>"),
            format!("<r><![CDATA[<x {many}>]]></r>"),
            format!("<r>{}</r>", "<u xmlns='urn:x' a='1'/>".repeat(300)),
            "<r a='1' b=\"<\">".to_owned(),
            "<".to_owned(),
            "<!--".to_owned(),
        ] {
            assert_eq!(excess(&text), None, "{text:.60}");
        }
    }

    #[test]
    fn what_the_parser_would_compare_for_hours_is_refused() {
        let attributes: String = (0..300).map(|n| format!(" a{n} = '1'")).collect();
        for text in [
            format!("<r{attributes}/>"),
            format!("<!-- it's --><r{attributes}"),
            format!("<r>\"</r><?x '?><![CDATA['<r>]]><r{attributes}>"),
        ] {
            assert_eq!(excess(&text), Some("a document with too many attributes in one tag"));
        }
        let nested: String = (0..40).map(|n| format!("<a xmlns:n{n}='urn:{n}'>")).collect();
        assert_eq!(excess(&nested), Some("a document with too many namespaces"));
        let many = "<b a='' c='' d='' e=''/>".repeat(100_001);
        assert_eq!(excess(&format!("<r>{many}</r>")), Some("a document with too many attributes"));
    }

    #[test]
    fn the_look_takes_time_in_proportion_to_the_text() {
        for piece in ["<a ", "<a =", "<!--", "<![CDATA[", "'\"=<", "<a x = ", "=    "] {
            assert!(excess(&piece.repeat(2 * 1024 * 1024 / piece.len())).is_none_or(|why| !why.is_empty()));
        }
    }
}
