//! The JSON documents that cross the C ABI: read here, once, into types; nothing below reads JSON text.
//!
//! Every message of this module names a key and never shows its value, which may be a secret.

mod audit;
mod configuration;
mod fields;
mod request;

pub use audit::{audited_account, audited_services, SeenUser};
pub use configuration::Configuration;
pub use fields::{text_of, Fields};
pub use request::{
    check_segment, former_users, name_of_person, namesakes_of, needed_segment, AccountWanted, Neighbour,
    Request, Service, Shape, Standing,
};

use crate::error::Error;
use serde_json::{Map, Value};

/// The longest document that is read, in bytes: a customer of some 50,000 mailboxes.
pub const LONGEST: usize = 8 * 1024 * 1024;

/// Reads `text` as one JSON object; `what` names the document in a message.
pub fn parse_object(text: &str, what: &str) -> Result<Map<String, Value>, Error> {
    if text.len() > LONGEST {
        return Err(Error::argument(format!(
            "the {what} is {} bytes long, and at most {LONGEST} are read",
            text.len()
        )));
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Error::argument(format!("the {what} is JSON, but not an object"))),
        Err(error) => Err(Error::argument(format!(
            "the {what} is not valid JSON (line {}, column {})",
            error.line(),
            error.column()
        ))),
    }
}
