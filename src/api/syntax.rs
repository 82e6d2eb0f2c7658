//! What the XML parser does not do: a DOCTYPE that declares nothing is skipped, and if the parser gives up, the
//! message says what is wrong with the text, and in which line and column.

use crate::foreign::quoted;
use roxmltree::Error;
use std::borrow::Cow;

/// The longest name of the server's that a message repeats, in characters.
const LONGEST_NAME: usize = 60;

/// `text` with spaces in place of a DOCTYPE without an internal subset, so that everything keeps its place. With one
/// it is refused: it declares entities, which only make an answer larger. The error follows "answered with ".
pub fn without_doctype(text: &str) -> Result<Cow<'_, str>, String> {
    let start = prolog_end(text);
    const DOCTYPE: &str = "<!DOCTYPE";
    let is_doctype = |head: &str| head.eq_ignore_ascii_case(DOCTYPE);
    let Some(declaration) = text[start..].get(..DOCTYPE.len()).filter(|head| is_doctype(head)) else {
        return Ok(text.into());
    };
    let is_exact = declaration == DOCTYPE;
    let declaration = &text[start + DOCTYPE.len()..];
    if declaration.trim_start().get(..4).is_some_and(|name| name.eq_ignore_ascii_case("html")) {
        return Err("a web page".to_owned());
    }
    // XML knows it in capitals only.
    if !is_exact {
        return Ok(text.into());
    }
    let mut quote = None;
    for (at, c) in declaration.char_indices() {
        match (quote, c) {
            (None, '>') => {
                let end = text.len() - declaration.len() + at + 1;
                let blank = text[start..end].chars().map(|c| if c == '\n' { c } else { ' ' });
                return Ok(format!("{}{}{}", &text[..start], blank.collect::<String>(), &text[end..]).into());
            }
            (None, '[') => {
                let place = place_of(text, text.len() - declaration.len() + at);
                return Err(format!("a document whose DOCTYPE has declarations in it ({place})"));
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    Ok(text.into())
}

/// Behind the declaration, the comments and the instructions that a document may begin with.
fn prolog_end(text: &str) -> usize {
    let mut rest = text.trim_start();
    loop {
        let behind = [("<?", "?>"), ("<!--", "-->")]
            .into_iter()
            .find_map(|(open, close)| rest.strip_prefix(open)?.split_once(close).map(|(_, behind)| behind));
        match behind {
            Some(behind) => rest = behind.trim_start(),
            None => return text.len() - rest.len(),
        }
    }
}

/// What is wrong with `text`, of which the parser could make nothing. It follows "answered with ".
pub fn fault(error: &Error, text: &str) -> String {
    if matches!(error, Error::NodesLimitReached) {
        return "a document with too many elements".to_owned();
    }
    let root = text[prolog_end(text)..].trim_start();
    if !root.starts_with('<') {
        return if root.is_empty() {
            "a document without an element".to_owned()
        } else {
            "a body that is not XML".to_owned()
        };
    }
    if root.get(1..5).is_some_and(|name| name.eq_ignore_ascii_case("html")) {
        return "a web page".to_owned();
    }
    let whole = text.trim_end();
    let ends_in_a_tag = whole.rsplit('<').next().is_some_and(|last| !last.contains('>'));
    let is_open = matches!(error, Error::UnclosedRootNode | Error::UnexpectedEndOfStream | Error::NoRootNode);
    if is_open || ends_in_a_tag {
        return format!("a document that is not whole: it ends in {}", place_of(whole, whole.len()));
    }
    let at = error.pos();
    let place = format!("line {}, column {}", at.row, at.col);
    let name = |name: &str| quoted(name, LONGEST_NAME);
    match error {
        Error::NonXmlChar(c, _) => {
            format!("a document with a character that XML does not allow (U+{:04X}, {place})", u32::from(*c))
        }
        Error::UnknownNamespace(prefix, _) => {
            format!("a document with a prefix that it does not declare ({}, {place})", name(prefix))
        }
        Error::UnknownEntityReference(entity, _) => {
            format!("a document with an entity that XML does not have (&{};, {place})", name(entity))
        }
        Error::MalformedEntityReference(_) => {
            format!("a document with an & that begins no character ({place})")
        }
        Error::DuplicatedAttribute(attribute, _) => {
            format!("a document with an attribute given twice ({}, {place})", name(attribute))
        }
        Error::UnexpectedCloseTag(open, close, _) => {
            format!("a document with </{}> where <{}> is open ({place})", name(close), name(open))
        }
        _ => format!("a document that is not well-formed XML ({place})"),
    }
}

/// `line 1, column 7`, counted as people do.
pub fn place_of(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}
