//! What lies do to a reply: entries that are missing or do not say whose they are, a record of another name.

use super::redirect::{other_name, owner_parameter};
use super::{Lie, Lies};
use crate::command::{Command, Thing};
use crate::modes::Modes;
use crate::state::{Field, Record, Reply, State};

/// The text of `ManyEquals`: more `=` than any client may want to count.
const EQUALS: usize = 300;
/// The text of `ControlCharacters`: C1 controls, DEL, what ends a line, and what turns the direction of a text.
const CONTROLS: &str = "a\u{85}b\u{9b}31m\u{7f}c\r\nd\u{202e}e";

impl Lies {
    /// The reply as it is told.
    pub fn bend(&self, reply: Reply, command: &Command<'_>, state: &State, modes: &Modes) -> Reply {
        match reply {
            Reply::List(thing, records) => Reply::List(thing, self.bend_list(command, records, modes)),
            Reply::Record(thing, record) => Reply::Record(thing, self.bend_record(record, command, state)),
            Reply::Nothing => Reply::Nothing,
        }
    }

    fn bend_list(&self, command: &Command<'_>, mut records: Vec<Record>, modes: &Modes) -> Vec<Record> {
        if self.has(Lie::ListWithoutSuspended) {
            records.retain(|record| record.text("status") != Some("suspended"));
        }
        if self.has(Lie::ListOfAnotherUnnamed) {
            let owner = owner_parameter(command.thing);
            records.iter_mut().for_each(|record| record.fields.retain(|(name, _)| *name != owner));
        }
        if self.has(Lie::ListCut) && !records.is_empty() {
            records.remove(modes.cut_entry % records.len());
        }
        if self.has(Lie::ListPaged) {
            records.truncate(modes.page_size);
        }
        records.into_iter().map(|record| self.with_texts(record)).collect()
    }

    fn bend_record(&self, mut record: Record, command: &Command<'_>, state: &State) -> Record {
        if self.has(Lie::OtherName) {
            let other = other_name(command, state).unwrap_or_else(|| another(command));
            record.id = match record.id {
                Field::UserName(_) => Field::UserName(other),
                Field::Text(_) => Field::Text(other),
            };
        }
        self.with_texts(record)
    }

    /// With the odd texts that a lie puts in.
    fn with_texts(&self, mut record: Record) -> Record {
        if let Some(text) = self.odd_text() {
            record.fields.retain(|(name, _)| *name != "memo");
            record.fields.push(("memo", Field::Text(text)));
        }
        record
    }

    /// A text that is hard to read, if this is about one.
    pub fn odd_text(&self) -> Option<String> {
        if self.has(Lie::ManyEquals) {
            return Some(format!("x {}", "a=\"b\" c=d ".repeat(EQUALS / 2)));
        }
        self.has(Lie::ControlCharacters).then(|| CONTROLS.to_owned())
    }
}

/// A name that nothing has.
fn another(command: &Command<'_>) -> String {
    match command.thing {
        Thing::Address => format!("not-{}", command.name),
        Thing::Domain => format!("not.{}", command.name),
        _ => format!("{}-NOT", command.name),
    }
}
