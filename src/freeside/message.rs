//! What goes to the shim, and comes back from it.

use super::LONGEST_ANSWERS;
use crate::document::Fields;
use crate::error::Error;
use serde_json::{json, Map, Value};
use std::collections::VecDeque;

/// A named query, or a command, with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub name: &'static str,
    pub with: Value,
}

impl Ask {
    pub fn new(name: &'static str, with: Value) -> Ask {
        Ask { name, with }
    }
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Turn {
    Ask(Vec<Ask>),
    Done(Ending),
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// What the hook returns: for staff, or for a customer. None: it succeeded.
    pub error: Option<String>,
    /// The status of the C ABI that belongs to the error.
    pub status: i32,
    /// "cannot provision mailbox jane@example.net", should the shim fail after this.
    pub subject: String,
    /// What the lines are about: whether the row of `svc_acct` is there, and the customer's number, or 0.
    pub has_row: bool,
    pub custnum: u64,
    pub log: Vec<Line>,
}

/// A line for Freeside's own log.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// `info`, `warning` or `error`.
    pub level: &'static str,
    pub text: String,
}

impl Turn {
    pub fn document(&self) -> Value {
        match self {
            Turn::Ask(asks) => {
                let asks = asks.iter().map(|ask| json!({ "name": ask.name, "with": ask.with }));
                json!({ "ask": asks.collect::<Vec<_>>() })
            }
            Turn::Done(ending) => {
                let log = ending.log.iter().map(|line| json!({ "level": line.level, "text": line.text }));
                json!({ "done": {
                    "error": ending.error,
                    "status": ending.status,
                    "subject": ending.subject,
                    "has_row": ending.has_row,
                    "custnum": ending.custnum,
                    "log": log.collect::<Vec<_>>(),
                } })
            }
        }
    }
}

/// The answers to what was asked for, in the same order.
pub struct Answers(VecDeque<Value>);

impl Answers {
    pub fn parse(text: &str) -> Result<Answers, Error> {
        if text.len() > LONGEST_ANSWERS {
            return Err(Error::argument(format!(
                "the answers are {} bytes long, and at most {LONGEST_ANSWERS} are read",
                text.len()
            )));
        }
        match serde_json::from_str(text) {
            Ok(Value::Array(answers)) => Ok(Answers(answers.into())),
            Ok(_) => Err(Error::argument("the answers are JSON, but not a list")),
            Err(error) => Err(Error::argument(format!(
                "the answers are not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ))),
        }
    }

    /// To nothing.
    pub fn none() -> Answers {
        Answers(VecDeque::new())
    }

    /// The next answer.
    pub fn take(&mut self) -> Result<Answer, Error> {
        match self.0.pop_front() {
            Some(Value::Object(map)) => Ok(Answer(map)),
            Some(_) => Err(Error::argument("an answer is no object")),
            None => Err(Error::argument("an answer is missing")),
        }
    }
}

/// `{"row": {…}}`, `{"rows": […]}`, `{}` of a command that was carried out, or `{"error": text}`.
pub struct Answer(Map<String, Value>);

/// Why Freeside could not answer or do it, in its own words.
pub type Trouble = String;

impl Answer {
    /// Fails with Freeside's words.
    fn checked(mut self) -> Result<Map<String, Value>, Trouble> {
        match self.0.remove("error") {
            None | Some(Value::Null) => Ok(self.0),
            Some(Value::String(text)) => Err(text),
            Some(other) => Err(other.to_string()),
        }
    }

    /// The one row.
    pub fn row(self) -> Result<Fields, Trouble> {
        match self.checked()?.remove("row") {
            Some(Value::Object(row)) => Ok(Fields::new(row, "")),
            _ => Err("the shim's answer has no row".to_owned()),
        }
    }

    pub fn rows(self) -> Result<Vec<Value>, Trouble> {
        match self.checked()?.remove("rows") {
            Some(Value::Array(rows)) => Ok(rows),
            _ => Err("the shim's answer has no rows".to_owned()),
        }
    }

    /// Of a command.
    pub fn done(self) -> Result<(), Trouble> {
        self.checked().map(|_| ())
    }

    /// Of a command that Freeside may refuse for good: whether it was carried out.
    pub fn was_accepted(self) -> Result<bool, Trouble> {
        Ok(self.checked()?.get("refused").and_then(Value::as_bool) != Some(true))
    }
}
