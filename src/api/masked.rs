//! An answer as a debug log may show it: no password of anybody's is in it. What a call sent is known and
//! masked by its value; what a server tells of other mailboxes is known only by its name.

use crate::secret::MASK;

const WORD: &str = "password";
/// Says how a password is kept, not what it is.
const HARMLESS: &str = "password_type";

/// `text` with the value of every attribute, element and key masked whose name has "password" in it. It need not be
/// XML, or whole: it may be JSON or a form, or XML escaped in either, and what is not closed is masked to the end.
/// Each byte is looked at a few times at most.
pub fn without_passwords(text: &str) -> String {
    // ASCII lower case keeps every byte's place.
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    // Behind the last tag that was looked through: in a tag no other one begins.
    let mut tag_end = 0;
    while let Some(found) = lower[from..].find(WORD) {
        let (start, end) = name_around(&lower, from + found);
        let name_end = end.max(from + found + WORD.len());
        let secret = match &lower[start..end] {
            HARMLESS => None,
            name => value_after(&lower, end).or_else(|| {
                let is_tag = start >= tag_end && lower[..start].ends_with('<');
                let content = is_tag.then(|| content_after(&lower, end, name, &mut tag_end)).flatten();
                content.or_else(|| escaped_content_after(&lower, start, end))
            }),
        };
        match secret {
            Some((begin, close)) if close > begin => {
                shown.push_str(&text[from..begin]);
                shown.push_str(MASK);
                from = close;
            }
            _ => {
                shown.push_str(&text[from..name_end]);
                from = name_end;
            }
        }
    }
    shown.push_str(&text[from..]);
    shown
}

/// The whole name that the place `at` is in.
fn name_around(text: &str, at: usize) -> (usize, usize) {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(byte);
    let start = at - text.as_bytes()[..at].iter().rev().take_while(|byte| is_part(byte)).count();
    let end = at + text.as_bytes()[at..].iter().take_while(|byte| is_part(byte)).count();
    // What ends a key is not a part of it.
    (start, start + text[start..end].trim_end_matches([':', '.', '-']).len())
}

const QUOTES: [&str; 10] = ["\"", "'", "\\\"", "\\u0022", "&quot;", "&apos;", "&#34;", "&#39;", "%22", "%27"];
const SEPARATORS: [&str; 5] = ["=", ":", "%3d", "%3a", "&#61;"];
/// With which an element begins that is a text in another document.
const ESCAPED_TAGS: [&str; 4] = ["&lt;", "&#60;", "%3c", "\\u003c"];

/// Where the value of the attribute or key is whose name ends at `end`: `password="…"`, `"password": "…"`,
/// `password=…&`.
fn value_after(text: &str, end: usize) -> Option<(usize, usize)> {
    let strip = |text: &'_ str, any: &[&str]| {
        any.iter().find(|start| text.starts_with(**start)).map(|start| start.len())
    };
    let mut rest = &text[end..];
    rest = &rest[strip(rest, &QUOTES).unwrap_or(0)..];
    rest = rest.trim_start();
    rest = &rest[strip(rest, &SEPARATORS)?..];
    rest = rest.trim_start();
    let quote = strip(rest, &QUOTES).map(|length| rest.split_at(length));
    let begin = text.len() - quote.map_or(rest, |(_, value)| value).len();
    let value = &text[begin..];
    let length = match quote {
        Some((quote, _)) => value.find(quote),
        None => value.find(|c: char| c.is_whitespace() || "&<>,;}])\"'".contains(c)),
    };
    Some((begin, begin + length.unwrap_or(value.len())))
}

/// Where the rest of the tag and the content of the escaped element is whose name is there.
fn escaped_content_after(text: &str, start: usize, end: usize) -> Option<(usize, usize)> {
    // What follows `%` and `\` could be the beginning of the name.
    let begins_name = |tag: &str| {
        let before = start.checked_sub(1).and_then(|before| text.get(before..));
        text[..start].ends_with(tag) || before.is_some_and(|before| before.starts_with(tag))
    };
    let tag = ESCAPED_TAGS.iter().find(|tag| begins_name(tag))?;
    let length = text[end..].find(tag).unwrap_or(text.len() - end);
    Some((end, end + length))
}

/// Where the content of the element is whose name ends at `end`; tells where its tag ends. A tag that does not
/// end is masked itself.
fn content_after(text: &str, end: usize, name: &str, tag_end: &mut usize) -> Option<(usize, usize)> {
    let Some(behind) = end_of_tag(text, end) else { return Some((end, text.len())) };
    *tag_end = behind;
    if text[..behind].ends_with("/>") {
        return None;
    }
    let length = text[behind..].find(&format!("</{name}")).unwrap_or(text.len() - behind);
    Some((behind, behind + length))
}

/// Behind the `>` of the tag that `from` is in; a `>` in a quoted value is none.
fn end_of_tag(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text[from..].char_indices() {
        match (quote, c) {
            (None, '>') => return Some(from + at + 1),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_masked_wherever_a_record_may_have_it() {
        for (told, shown) in [
            (
                r#"<user id="A" password="s3cret" status="x"/>"#,
                r#"<user id="A" password="********" status="x"/>"#,
            ),
            ("<user PASSWORD = 's3\"cret'/>", "<user PASSWORD = '********'/>"),
            (
                "<user><password>s3 &amp; cret</password><id>A</id></user>",
                "<user><password>********</password><id>A</id></user>",
            ),
            (
                "<Password kind='a>b'><![CDATA[s3<cret]]></Password>",
                "<Password kind='a>b'>********</Password>",
            ),
            ("<clear_password>s3cret</clear_password>", "<clear_password>********</clear_password>"),
            ("<a><password>s3cr", "<a><password>********"),
            ("<a><password s3cr <password s3cr", "<a><password********"),
            (r#"<a password="s3cr"#, r#"<a password="********"#),
            (
                r#"{"id":"A","password" : "s3 cret","password_type":"plain"}"#,
                r#"{"id":"A","password" : "********","password_type":"plain"}"#,
            ),
            (
                r#"{'clear_password':'s3cret', "password": null}"#,
                r#"{'clear_password':'********', "password": ********}"#,
            ),
            (
                r#"<m>{\"password\":\"s3\u0022cret\",\"id\":1}</m>"#,
                r#"<m>{\"password\":\"********\",\"id\":1}</m>"#,
            ),
            ("id=1&password=s3+cr%26et&x=2", "id=1&password=********&x=2"),
            ("password: s3cret, id: 1", "password: ********, id: 1"),
            (
                "<m>&lt;user password=&quot;s3 cret&quot; id=&quot;1&quot;/&gt;</m>",
                "<m>&lt;user password=&quot;********&quot; id=&quot;1&quot;/&gt;</m>",
            ),
            (
                "<m>&lt;password&gt;s3 cret&lt;/password&gt;</m>",
                "<m>&lt;password********&lt;/password&gt;</m>",
            ),
            (r"\u003cpassword\u003es3cret\u003c/password", r"\u003cpassword********\u003c/password"),
            ("x=%3Cpassword%3Es3cret%3C%2Fpassword%3E", "x=%3Cpassword********%3C%2Fpassword%3E"),
            ("é<password>é</password>é password", "é<password>********</password>é password"),
        ] {
            assert_eq!(without_passwords(told), shown);
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            r#"<user id="A" password_type="plain"><password/></user>"#,
            r#"<a password=""/><password></password><password a="b"/>"#,
            "the password is refused",
            "password",
            "",
        ] {
            assert_eq!(without_passwords(text), text);
        }
    }
}
