//! Writes replies as XML documents, in whatever form the modes ask for.

use crate::command::{Refusal, Thing};
use crate::lies::{Lie, Lies};
use crate::modes::{EmptyFields, EmptyLists, Encoding, Fields, ListId, Modes, UserNames};
use crate::state::{Field, Record, Reply};
use std::fmt::Write as _;

const END: &str = "</response>";

pub fn reply(reply: &Reply, modes: &Modes, lies: &Lies) -> String {
    let mut xml = head(modes);
    match reply {
        Reply::Nothing => xml.push_str("<response/>"),
        Reply::Record(thing, record) => {
            xml.push_str("<response>");
            write_record(&mut xml, names(*thing).1, "id", record, &Form { modes, lies, position: 0 });
            xml.push_str("</response>");
        }
        Reply::List(thing, records) => write_list(&mut xml, names(*thing), records, modes, lies),
    }
    if lies.has(Lie::BadCharacter) && xml.ends_with(END) {
        xml.insert_str(xml.len() - END.len(), "<memo>\u{1}</memo>");
    }
    xml.push('\n');
    xml
}

pub fn refusal(refusal: &Refusal, modes: &Modes) -> String {
    let (code, message) = (escaped(&refusal.code), escaped(&refusal.message));
    let error = match modes.fields {
        Fields::Attributes | Fields::Children => {
            format!("<error><code>{code}</code><message>{message}</message></error>")
        }
        Fields::Mixed => format!(r#"<error code="{code}"><message>{message}</message></error>"#),
    };
    format!("{}<response>{error}</response>\n", head(modes))
}

/// The document's bytes in the encoding that its head declares.
pub fn encoded(xml: &str, modes: &Modes) -> Vec<u8> {
    match modes.encoding {
        Encoding::Utf8 => xml.as_bytes().to_vec(),
        Encoding::Latin1 => {
            let mut bytes = Vec::with_capacity(xml.len());
            for c in xml.chars() {
                match u8::try_from(u32::from(c)) {
                    Ok(byte) => bytes.push(byte),
                    Err(_) => bytes.extend(format!("&#{};", u32::from(c)).bytes()),
                }
            }
            bytes
        }
    }
}

/// What each document begins with.
pub fn head(modes: &Modes) -> String {
    match modes.encoding {
        Encoding::Utf8 => r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned() + "\n",
        Encoding::Latin1 => r#"<?xml version="1.0" encoding="ISO-8859-1"?>"#.to_owned() + "\n",
    }
}

/// The names of the elements: of a list, and of one record.
fn names(thing: Thing) -> (&'static str, &'static str) {
    match thing {
        Thing::Account => ("accounts", "account"),
        Thing::User => ("users", "user"),
        Thing::Package => ("packages", "package"),
        Thing::Domain => ("domains", "domain"),
        Thing::Address => ("emailaddresses", "emailaddress"),
    }
}

fn write_list(
    xml: &mut String,
    (outer, inner): (&str, &str),
    records: &[Record],
    modes: &Modes,
    lies: &Lies,
) {
    let id = match modes.list_id {
        ListId::Id => "id",
        ListId::Key => "key",
        ListId::Name => "name",
    };
    if records.is_empty() {
        xml.push_str(match modes.empty_lists {
            EmptyLists::Missing => "<response/>",
            EmptyLists::Element => return *xml += &format!("<response><{outer}/></response>"),
        });
        return;
    }
    let inner = if lies.has(Lie::ListOfOtherElements) { capitalized(inner) } else { inner.to_owned() };
    let _ = write!(xml, "<response><{outer}>");
    for (position, record) in records.iter().enumerate() {
        write_record(xml, &inner, id, record, &Form { modes, lies, position });
    }
    let _ = write!(xml, "</{outer}></response>");
}

fn capitalized(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// How a record is written. `position` is the record's in its list: in the mixed form each record mixes differently.
struct Form<'a> {
    modes: &'a Modes,
    lies: &'a Lies,
    position: usize,
}

impl Form<'_> {
    fn is_attribute(&self, n: usize) -> bool {
        match self.modes.fields {
            Fields::Attributes => true,
            Fields::Children => false,
            Fields::Mixed => (n + self.position) % 2 == 0,
        }
    }

    /// What a field is given as in the other form, where it comes twice.
    fn second_value(&self, name: &str, value: &str) -> Option<String> {
        let (lie, other) = match name {
            "status" if value == "active" => (Lie::StatusContradicts, "suspended"),
            "status" => (Lie::StatusContradicts, "active"),
            "account" => (Lie::AccountContradicts, "ANOTHER"),
            "master_user" if value == "Y" => (Lie::MasterContradicts, "N"),
            "master_user" => (Lie::MasterContradicts, "Y"),
            "user" => (Lie::UserContradicts, "ANOTHER"),
            _ => (Lie::FieldsTwice, value),
        };
        if self.lies.has(lie) {
            return Some(other.to_owned());
        }
        self.lies.has(Lie::FieldsTwice).then(|| value.to_owned())
    }
}

fn write_record(xml: &mut String, element: &str, id: &str, record: &Record, form: &Form<'_>) {
    let mut children = String::new();
    let _ = write!(xml, "<{element}");
    for (n, (name, value)) in written_fields(id, record, form).iter().enumerate() {
        let second = form.second_value(name, value).map(|second| escaped(&second));
        let value = escaped(value);
        let (attribute, child) = match (form.is_attribute(n), second) {
            (true, second) => (Some(value), second),
            (false, second) => (second, Some(value)),
        };
        if let Some(attribute) = attribute {
            let _ = write!(xml, r#" {name}="{attribute}""#);
        }
        let _ = match child.as_deref() {
            None => Ok(()),
            Some("") => write!(children, "<{name}/>"),
            Some(child) => write!(children, "<{name}>{child}</{name}>"),
        };
    }
    let _ = match children.as_str() {
        "" => write!(xml, "/>"),
        children => write!(xml, ">{children}</{element}>"),
    };
}

/// The fields that the record shows, the id first.
fn written_fields<'a>(id: &'a str, record: &'a Record, form: &Form<'_>) -> Vec<(&'a str, String)> {
    let modes = form.modes;
    let mut fields = vec![(id, text(&record.id, modes))];
    let values = record.fields.iter().map(|(name, field)| (*name, text(field, modes)));
    fields.extend(values.filter(|(_, value)| !value.is_empty() || modes.empty_fields == EmptyFields::Shown));
    if modes.extra_fields {
        fields.push(("revision", "7".to_owned()));
        fields.push(("created", "2015-04-01T12:00:00".to_owned()));
    }
    for (name, value) in &mut fields {
        if *name == "status" && form.lies.has(Lie::StatusEmpty) {
            value.clear();
        } else if *name == "status" && form.lies.has(Lie::StatusUnknown) {
            "locked".clone_into(value);
        }
    }
    fields.retain(|(name, _)| *name != "status" || !form.lies.has(Lie::StatusMissing));
    fields
}

fn text(field: &Field, modes: &Modes) -> String {
    match field {
        Field::UserName(name) if modes.user_names == UserNames::Upper => name.to_ascii_uppercase(),
        Field::Text(text) | Field::UserName(text) => text.clone(),
    }
}

/// Fit for a text and for an attribute alike. What XML cannot hold at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\'' => xml.push_str("&apos;"),
            // An attribute's value would have them turned into spaces.
            '\t' | '\n' | '\r' => {
                let _ = write!(xml, "&#{};", u32::from(c));
            }
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            _ => xml.push(c),
        }
    }
    xml
}
