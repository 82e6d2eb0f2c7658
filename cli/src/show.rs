//! What is printed: tables and sentences for people, JSON for programs. Replies go to standard output,
//! everything that is said about them to standard error. What came from the server is made harmless for a
//! terminal.

use comfy_table::{presets, Cell, ContentArrangement, Table};
use magicmail::error::{one_line, Error, Status};
use magicmail::log::{Level, Sink};
use magicmail::secret::MASK;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

/// The fields that a list shows, in this order; what else there is `--json` shows.
const COLUMNS: [&str; 9] =
    ["status", "master_user", "account", "user", "domain", "first_name", "last_name", "phone", "memo"];

/// The longest text of one cell, in characters.
const LONGEST: usize = 2_000;

/// Of a terminal that does not say how wide it is.
const USUAL_WIDTH: u16 = 80;

/// The log of a call: warnings, and with `debug` everything.
pub struct ToStandardError;

impl Sink for ToStandardError {
    fn write(&self, level: Level, line: &str) {
        match level {
            Level::Debug => remark(&format!("debug: {line}")),
            Level::Info => {}
            Level::Warning => warning(line),
            Level::Error => remark(line),
        }
    }
}

/// A document of the library's own.
pub fn document(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text)
        .map_err(|error| Error::new(Status::Internal, format!("the library's reply is no JSON: {error}")))
}

pub fn bytes(bytes: &[u8]) {
    record_failure("standard output", io::stdout().write_all(bytes).and_then(|()| io::stdout().flush()));
}

/// The first output that could not be written, and why.
static FAILURE: OnceLock<String> = OnceLock::new();

/// Nothing that cannot be written ends a command: what it began, it finishes. If whoever reads has gone away, as
/// `head` does, that is no failure; anything else is one in the end.
pub fn record_failure(what: &str, written: io::Result<()>) {
    if let Err(error) = written {
        if error.kind() != io::ErrorKind::BrokenPipe {
            let _ = FAILURE.set(format!("{what} could not be written: {}", reason(&error)));
        }
    }
}

/// The system's words, without its number.
pub fn reason(error: &io::Error) -> String {
    error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
}

/// Says which output could not be written, if one could not.
pub fn has_failed() -> bool {
    let failure = FAILURE.get();
    if let Some(text) = failure {
        remark(text);
    }
    failure.is_some()
}

pub fn line(text: &str) {
    bytes(format!("{text}\n").as_bytes());
}

pub fn remark(text: &str) {
    // In one piece: a line of another thread's does not come between.
    let line = format!("magicmail: {text}\n");
    record_failure("standard error", io::stderr().write_all(line.as_bytes()));
}

pub fn warning(text: &str) {
    remark(&format!("warning: {text}"));
}

pub fn failure(error: &Error, as_json: bool) {
    if as_json {
        let detail = serde_json::from_str(&error.detail()).unwrap_or_default();
        let mut detail: Map<String, Value> = detail;
        detail.insert("error".to_owned(), error.text.as_str().into());
        json(&Value::Object(detail));
    }
    remark(&error.text);
    for text in &error.undone {
        remark(&format!("undone: {text}"));
    }
    for text in &error.leftovers {
        remark(&format!("left on the server: {text}"));
    }
}

/// Pretty JSON. Characters that a terminal may obey are written as their numbers.
pub fn json(value: &Value) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        // What a sentence would not keep.
        let is_obeyed = c != '\n' && c != ' ' && one_line(c.encode_utf8(&mut [0; 4]), 2).is_empty();
        match is_obeyed {
            true => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| safe.push_str(&format!("\\u{unit:04x}")))
            }
            false => safe.push(c),
        }
    }
    line(&safe);
}

/// A server may echo a password: its value is never shown.
pub fn mask_passwords(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                let name = name.to_ascii_lowercase();
                if name.contains("password") && name != "password_type" && !value.is_null() {
                    *value = MASK.into();
                } else {
                    mask_passwords(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_passwords),
        _ => {}
    }
}

/// A server may echo a password in any other field: each text becomes what `mask` makes of it.
pub fn mask_echoes(value: &mut Value, mask: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = mask(text),
        Value::Object(map) => map.values_mut().for_each(|value| mask_echoes(value, mask)),
        Value::Array(items) => items.iter_mut().for_each(|value| mask_echoes(value, mask)),
        _ => {}
    }
}

/// One record: its fields below each other.
pub fn record(record: &Map<String, Value>) {
    let mut table = table();
    let mut names: Vec<&String> = record.keys().collect();
    names.sort_by_key(|name| (place(name), (*name).clone()));
    for name in names {
        table.add_row([cell(&Value::String(name.clone())), cell(&record[name])]);
    }
    print(&table);
}

/// The id first, then what is known of people and mailboxes, then the rest.
fn place(name: &str) -> usize {
    match name {
        "id" | "name" | "key" => 0,
        name => 1 + COLUMNS.iter().position(|column| *column == name).unwrap_or(COLUMNS.len()),
    }
}

/// Records by their ids: a table of the fields that they have.
pub fn list(noun: &str, records: &Map<String, Value>) {
    if records.is_empty() {
        remark(&format!("there is no {noun}"));
        return;
    }
    let has = |column: &str| {
        records
            .values()
            .any(|record| record.get(column).is_some_and(|value| *value != "" && !value.is_null()))
    };
    let columns: Vec<&str> = COLUMNS.into_iter().filter(|column| has(column)).collect();
    let mut table = table();
    let headings = std::iter::once(noun).chain(columns.iter().copied());
    table.set_header(headings.map(|heading| heading.to_uppercase().replace('_', " ")));
    for (id, record) in records {
        let fields = columns.iter().map(|column| record.get(*column).map_or_else(|| Cell::new(""), cell));
        table.add_row(std::iter::once(cell(&Value::String(id.clone()))).chain(fields));
    }
    print(&table);
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width() {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    table
}

/// The terminal's width; None where the output is no terminal, so that a line stays a line.
fn width() -> Option<u16> {
    let terminal = io::stdout();
    if !terminal.is_terminal() {
        return None;
    }
    let width = terminal_size::terminal_size_of(terminal).map_or(0, |(width, _)| width.0);
    Some(if width == 0 { USUAL_WIDTH } else { width })
}

fn print(table: &Table) {
    for row in table.lines() {
        line(row.trim_end().strip_prefix(' ').unwrap_or(row.trim_end()));
    }
}

fn cell(value: &Value) -> Cell {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    Cell::new(one_line(&text, LONGEST))
}

/// `text` behind `label`, its further lines indented as far, where the terminal's width asks for them.
pub fn hanging(label: &str, text: &str) -> String {
    let indent = label.chars().count();
    let Some(room) = width().map(usize::from).and_then(|width| width.checked_sub(indent + 1)) else {
        return format!("{label}{text}");
    };
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last().map_or(0, |line| line.chars().count());
        if last > 0 && last + 1 + word.chars().count() > room.max(20) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    format!("{label}{}", lines.join(&format!("\n{}", " ".repeat(indent))))
}
