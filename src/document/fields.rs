//! One JSON object, taken apart key by key; what is left over at the end is refused by name.

use crate::error::Error;
use crate::foreign::quoted;
use serde_json::{Map, Number, Value};
use std::rc::Rc;

/// The keys of an object that have not been taken yet.
pub struct Fields {
    map: Map<String, Value>,
    /// `service.` in messages, where the object is the value of `service`.
    prefix: Rc<str>,
}

impl Fields {
    pub fn new(map: Map<String, Value>, prefix: &str) -> Fields {
        Fields { map, prefix: prefix.into() }
    }

    /// A text that must be there; it may be empty. Null is an empty text: Perl's undef, SQL's NULL.
    pub fn needed_text(&mut self, key: &str) -> Result<String, Error> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// A text; a number is read as its digits. None: the key is missing.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Error> {
        let Some(value) = self.map.remove(key) else { return Ok(None) };
        text_of(value).map(Some).ok_or_else(|| self.wrong(key, "a text"))
    }

    /// A text that may be left out, or null; then it has `default`. An empty one is empty.
    pub fn text_or(&mut self, key: &str, default: &str) -> Result<String, Error> {
        match self.map.get(key) {
            None | Some(Value::Null) => {
                self.map.remove(key);
                Ok(default.to_owned())
            }
            Some(_) => self.needed_text(key),
        }
    }

    /// A checkbox: on when 1, "1" or true; off when 0, "0", "", false, null or missing.
    pub fn flag(&mut self, key: &str) -> Result<bool, Error> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(Value::String(text)) if text == "1" => Ok(true),
            Some(Value::String(text)) if text.is_empty() || text == "0" => Ok(false),
            Some(Value::Number(number)) if number.as_u64() == Some(1) => Ok(true),
            Some(Value::Number(number)) if number.as_u64() == Some(0) => Ok(false),
            Some(_) => Err(self.wrong(key, "0 or 1")),
        }
    }

    /// A whole number that is not negative, as a number or a text.
    pub fn needed_number(&mut self, key: &str) -> Result<u64, Error> {
        let text = self.needed_text(key)?;
        text.parse().map_err(|_| self.wrong(key, "a whole number"))
    }

    pub fn needed_object(&mut self, key: &str) -> Result<Fields, Error> {
        self.object(key)?.ok_or_else(|| self.missing(key))
    }

    pub fn object(&mut self, key: &str) -> Result<Option<Fields>, Error> {
        match self.map.remove(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields::new(map, &format!("{}{key}.", self.prefix)))),
            Some(_) => Err(self.wrong(key, "an object")),
        }
    }

    /// The items of a list, none where the key is missing.
    pub fn list(&mut self, key: &str) -> Result<Vec<Value>, Error> {
        match self.map.remove(key) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(key, "a list")),
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// A list of services, of each its number, user name and domain.
    pub fn services(&mut self, key: &str) -> Result<Vec<(u64, String, String)>, Error> {
        let service = |item| {
            let Value::Array(items) = item else { return None };
            let texts: Option<Vec<String>> = items.into_iter().map(text_of).collect();
            let [svcnum, username, domain] = <[String; 3]>::try_from(texts?).ok()?;
            Some((svcnum.parse().ok()?, username, domain))
        };
        let services: Option<_> = self.list(key)?.into_iter().map(service).collect();
        services.ok_or_else(|| self.wrong(key, "a list of [svcnum, username, domain]"))
    }

    /// A list of numbers, each with a text.
    pub fn pairs(&mut self, key: &str) -> Result<Vec<(u64, String)>, Error> {
        let pair = |item| {
            let Value::Array(items) = item else { return None };
            let texts: Option<Vec<String>> = items.into_iter().map(text_of).collect();
            let [number, text] = <[String; 2]>::try_from(texts?).ok()?;
            Some((number.parse().ok()?, text))
        };
        let pairs: Option<_> = self.list(key)?.into_iter().map(pair).collect();
        pairs.ok_or_else(|| self.wrong(key, "a list of [number, text]"))
    }

    pub fn objects(&mut self, key: &str) -> Result<Vec<Fields>, Error> {
        let prefix: Rc<str> = format!("{}{key}.", self.prefix).into();
        self.list(key)?
            .into_iter()
            .map(|item| match item {
                Value::Object(map) => Ok(Fields { map, prefix: Rc::clone(&prefix) }),
                _ => Err(self.wrong(key, "a list of objects")),
            })
            .collect()
    }

    pub fn texts(&mut self, key: &str) -> Result<Vec<String>, Error> {
        self.list(key)?
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                Value::Number(number) => Ok(digits(&number)),
                _ => Err(self.wrong(key, "a list of texts")),
            })
            .collect()
    }

    /// All keys that were not taken, with their texts; a boolean is `true` or `false`, as the API has it.
    pub fn rest(self) -> Result<Vec<(String, String)>, Error> {
        let mut rest = Vec::new();
        for (key, value) in self.map {
            let text = match value {
                Value::Bool(on) => Some(on.to_string()),
                value => text_of(value),
            };
            let wrong = || Error::argument(format!("key {}{} must be a text", self.prefix, quoted(&key, 60)));
            rest.push((key.clone(), text.ok_or_else(wrong)?));
        }
        Ok(rest)
    }

    /// Refuses what was not taken, by name.
    pub fn finish(self) -> Result<(), Error> {
        match self.map.keys().next() {
            None => Ok(()),
            Some(key) => Err(Error::argument(format!("unknown key {}{}", self.prefix, quoted(key, 60)))),
        }
    }

    pub fn missing(&self, key: &str) -> Error {
        Error::argument(format!("missing key {}{key}", self.prefix))
    }

    fn wrong(&self, key: &str, wanted: &str) -> Error {
        Error::argument(format!("key {}{key} must be {wanted}", self.prefix))
    }
}

/// A text, or a number as its digits; null is an empty text. None: it is neither.
pub fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        Value::Number(number) => Some(digits(&number)),
        _ => None,
    }
}

/// A whole number has no point, though a caller may write one: Perl does once it has compared the number.
fn digits(number: &Number) -> String {
    let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < LARGEST_WHOLE);
    match whole.filter(|_| number.is_f64()) {
        Some(whole) => format!("{whole:.0}"),
        None => number.to_string(),
    }
}

/// Up to here a number with a point is exact.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;
