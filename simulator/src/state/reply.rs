//! What an operation gives, before anything is known of XML.

use crate::command::Thing;

/// A value, and whether it names a user (whose names the server may write in upper case).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    Text(String),
    UserName(String),
}

impl From<&str> for Field {
    fn from(text: &str) -> Field {
        Field::Text(text.to_owned())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub id: Field,
    /// Without the id, in the order in which they are written.
    pub fields: Vec<(&'static str, Field)>,
}

impl Record {
    /// The value of a field.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, field) = self.fields.iter().find(|(known, _)| *known == name)?;
        match field {
            Field::Text(text) | Field::UserName(text) => Some(text),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Record(Thing, Record),
    List(Thing, Vec<Record>),
    Nothing,
}
