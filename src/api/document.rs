//! The server's bytes as an XML tree: decoded, bounded, and refused where it is not whole.

use super::syntax::{fault, place_of, without_doctype};
use crate::markup::excess;
use encoding_rs::{Encoding, UTF_8};
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::{Map, Value};

/// Deeper than this is no answer of the API; the tree is walked by recursion.
const DEEPEST: usize = 64;
/// More elements and texts than this in one document are no answer of the API: the longest list that is read has
/// 20,000 users of a dozen fields each.
const MOST_NODES: u32 = 400_000;

/// The tree of `body`, or why it is none. `content_type` may name the encoding.
pub fn parse(body: &[u8], content_type: Option<&str>) -> Result<Element, String> {
    let text = decode(body, content_type)?;
    let text = without_start(&text);
    if text.is_empty() {
        return Err("an empty document".to_owned());
    }
    let text = without_doctype(text)?;
    if let Some(what) = excess(&text) {
        return Err(what.to_owned());
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, options).map_err(|error| fault(&error, &text))?;
    let root = Element::from_node(document.root_element(), 0)?;
    if root.name.eq_ignore_ascii_case("html") {
        return Err("a web page".to_owned());
    }
    Ok(root)
}

/// White space before a declaration is no XML, but does no harm.
fn without_start(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim_start()
}

/// The text of `body` for a person, whatever it is.
pub fn readable(body: &[u8], content_type: Option<&str>) -> String {
    encoding(body, content_type).unwrap_or(UTF_8).decode(body).0.into_owned()
}

/// None: one is named, and it is not known.
fn encoding(body: &[u8], content_type: Option<&str>) -> Option<&'static Encoding> {
    if let Some((encoding, _)) = Encoding::for_bom(body) {
        return Some(encoding);
    }
    match content_type.and_then(charset).or_else(|| declared(body)) {
        Some(label) => Encoding::for_label(label.as_bytes()),
        None => Some(UTF_8),
    }
}

fn decode(body: &[u8], content_type: Option<&str>) -> Result<String, String> {
    let encoding =
        encoding(body, content_type).ok_or("a document in an encoding that is not known".to_owned())?;
    let (text, _, malformed) = encoding.decode(body);
    if malformed {
        let name = encoding.name();
        let place = if encoding == UTF_8 { format!(" ({})", place_of_fault(body)) } else { String::new() };
        return Err(format!("a document that is not valid {name}{place}"));
    }
    Ok(text.into_owned())
}

/// Where a text stops being UTF-8.
fn place_of_fault(body: &[u8]) -> String {
    let valid = std::str::from_utf8(body).map_or_else(|error| error.valid_up_to(), str::len);
    let text = String::from_utf8_lossy(&body[..valid]);
    let text = without_start(&text);
    place_of(text, text.len())
}

fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// The encoding of `<?xml … encoding="…"?>`.
fn declared(body: &[u8]) -> Option<String> {
    let head = body.get(..body.len().min(200))?;
    let end = head.windows(2).position(|two| two == b"?>")?;
    let declaration = std::str::from_utf8(&head[..end]).ok()?;
    let (start, rest) = declaration.split_once("encoding")?;
    if !start.trim_start().starts_with("<?xml") {
        return None;
    }
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let label = value[1..].split(quote).next()?;
    // The text was readable as ASCII, so a declared UTF-16 would be a lie.
    (!label.to_ascii_lowercase().starts_with("utf-16")).then(|| label.to_owned())
}

/// An element, its attributes and children in the order of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// All its own text, without the white space around it.
    pub text: String,
}

impl Element {
    fn from_node(node: Node<'_, '_>, depth: usize) -> Result<Element, String> {
        if depth > DEEPEST {
            return Err("a document that is nested too deep".to_owned());
        }
        let attributes = node.attributes().map(|a| (a.name().to_owned(), a.value().to_owned())).collect();
        let children = node
            .children()
            .filter(Node::is_element)
            .map(|child| Element::from_node(child, depth + 1))
            .collect::<Result<_, _>>()?;
        // A comment splits a text into several nodes.
        let text: String = node.children().filter(Node::is_text).filter_map(|child| child.text()).collect();
        let name = node.tag_name().name().to_owned();
        Ok(Element { name, attributes, children, text: text.trim().to_owned() })
    }

    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The fields of a record: attributes and child elements alike.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, value) in &self.attributes {
            add(&mut fields, name, Value::String(value.clone()));
        }
        for child in &self.children {
            let is_text = child.attributes.is_empty() || !child.text.is_empty();
            let value = if is_text && child.children.is_empty() {
                Value::String(child.text.clone())
            } else {
                Value::Object(child.fields())
            };
            add(&mut fields, &child.name, value);
        }
        if !self.text.is_empty() && fields.is_empty() {
            fields.insert("id".to_owned(), Value::String(self.text.clone()));
        }
        fields
    }
}

/// Adds a field; another value of the same name makes a list, the same value again does not.
fn add(fields: &mut Map<String, Value>, name: &str, value: Value) {
    match fields.get_mut(name) {
        None => {
            fields.insert(name.to_owned(), value);
        }
        Some(first) if *first == value => {}
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(body: &str) -> Vec<(String, String)> {
        let root = parse(body.as_bytes(), None).expect("a document");
        let fields = root.children[0].fields();
        fields.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap_or("").to_owned())).collect()
    }

    #[test]
    fn attributes_and_child_elements_are_the_same_fields() {
        let wanted = vec![("id".to_owned(), "A".to_owned()), ("status".to_owned(), "active".to_owned())];
        assert_eq!(names(r#"<r><account id="A" status="active"/></r>"#), wanted);
        assert_eq!(names("<r><account><id>A</id><status>act<!-- x -->ive</status></account></r>"), wanted);
        assert_eq!(names(r#"<r><account id="A"><status> active </status></account></r>"#), wanted);
        assert_eq!(names(r#"<r><account id="A"><status since="1">active</status></account></r>"#), wanted);
        assert_eq!(names(r#"<r><account id="A" status="active"><id>A</id></account></r>"#), wanted);
    }

    #[test]
    fn what_is_not_a_whole_plain_document_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let crowded: String = (0..100_000).map(|n| format!(" a{n}='1'")).collect();
        for body in [
            "<html><body>Oops</body></html>",
            "<r><account id='A'>",
            "<!DOCTYPE r [<!ENTITY x 'y'>]><r>&x;</r>",
            "oops",
            "",
            &deep,
            &format!("<r{crowded}/>"),
        ] {
            assert!(parse(body.as_bytes(), None).is_err(), "{}", &body[..body.len().min(40)]);
        }
        for (body, place) in [
            (&b"<r>\xff</r>"[..], "line 1, column 4"),
            (b"<r>\n\xc3\xa9\xe9</r>", "line 2, column 2"),
            (b"\xff", "line 1, column 1"),
        ] {
            let says = format!("a document that is not valid UTF-8 ({place})");
            assert_eq!(parse(body, None), Err(says));
        }
        assert_eq!(
            parse(b"<r>\xff</r>", Some("text/xml; charset=euc-kr")),
            Err("a document that is not valid EUC-KR".to_owned())
        );
    }

    #[test]
    fn a_document_of_more_elements_than_any_answer_has_is_refused() {
        let of = |count: usize| format!("<r>{}</r>", "<b/>x".repeat(count));
        assert!(parse(of(190_000).as_bytes(), None).is_ok());
        assert_eq!(parse(of(800_000).as_bytes(), None), Err("a document with too many elements".to_owned()));
    }

    fn fault_of(body: &str) -> String {
        let fault = parse(body.as_bytes(), None).expect_err(body);
        crate::foreign::resolved(&fault, str::to_owned)
    }

    #[test]
    fn what_is_wrong_with_a_document_is_said_with_its_place() {
        for (body, says) in [
            (
                "<r>\n <a>x\u{7}y</a></r>",
                "a document with a character that XML does not allow (U+0007, line 2, column 6)",
            ),
            (
                "<r a='\u{1}'/>",
                "a document with a character that XML does not allow (U+0001, line 1, column 7)",
            ),
            ("<r><x:a/></r>", "a document with a prefix that it does not declare (x, line 1, column 5)"),
            (
                "<r>a &nbsp; b</r>",
                "a document with an entity that XML does not have (&nbsp;, line 1, column 6)",
            ),
            ("<r>a & b</r>", "a document with an & that begins no character (line 1, column 6)"),
            ("<r a='1' a='2'/>", "a document with an attribute given twice (a, line 1, column 10)"),
            ("<r><a></b></r>", "a document with </b> where <a> is open (line 1, column 7)"),
            ("<r/>oops", "a document that is not well-formed XML (line 1, column 5)"),
            ("<r/>\n<r/>", "a document that is not well-formed XML (line 2, column 1)"),
            ("<r a=1/>", "a document that is not well-formed XML (line 1, column 6)"),
            (
                "<?xml version='1.0'?>\n<!DOCTYPE r [<!ENTITY x 'y'>]><r/>",
                "a document whose DOCTYPE has declarations in it (line 2, column 13)",
            ),
            ("<r>\n<account id='A'>", "a document that is not whole: it ends in line 2, column 17"),
            ("<r>\n<account id='A", "a document that is not whole: it ends in line 2, column 15"),
            ("<r><!-- ", "a document that is not whole: it ends in line 1, column 8"),
            ("<?xml version='1.0'?><!-- x -->", "a document without an element"),
            ("oops", "a body that is not XML"),
            ("<!DOCTYPE html>\n<html><br></html>", "a web page"),
            ("<!doctype html>\n<html><br></html>", "a web page"),
            ("<!-- -->\n<!doctype HTML PUBLIC \"x\">", "a web page"),
            ("<!doctype r><r/>", "a document that is not well-formed XML (line 1, column 2)"),
            ("<HTML><br></HTML>", "a web page"),
            ("<html/>", "a web page"),
        ] {
            assert_eq!(fault_of(body), says, "{body}");
        }
    }

    #[test]
    fn a_doctype_that_declares_nothing_is_passed_over() {
        for doctype in [
            "<!DOCTYPE response>",
            "<!DOCTYPE response SYSTEM \"a[b>c.dtd\">",
            "<!DOCTYPE response\n PUBLIC '-//X//Y' 'http://x/y.dtd' >",
        ] {
            let body = format!("\n<?xml version='1.0'?><!-- < -->\n{doctype}<r><account id='A'/></r>");
            assert_eq!(names(&body), [("id".to_owned(), "A".to_owned())], "{doctype}");
        }
        assert_eq!(
            fault_of("<!DOCTYPE r\n ><r>\u{7}</r>"),
            "a document with a character that XML does not allow (U+0007, line 2, column 6)"
        );
    }

    #[test]
    fn the_encoding_is_taken_from_bom_header_or_declaration() {
        let text = |body: &[u8], content_type| parse(body, content_type).map(|root| root.text);
        assert_eq!(text(b"<r>\xe9</r>", Some("text/xml; charset=ISO-8859-1")), Ok("é".to_owned()));
        assert_eq!(text(b"<?xml version='1.0' encoding='iso-8859-1'?><r>\xe9</r>", None), Ok("é".to_owned()));
        assert_eq!(text("\u{feff}<r>é</r>".as_bytes(), None), Ok("é".to_owned()));
        let utf16: Vec<u8> = "\u{feff}<r>é</r>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&utf16, None), Ok("é".to_owned()));
    }
}
