//! A whole answer as one JSON value, for callers that talk to the API themselves: elements and attributes
//! are keys, lists are folded by `name`, `key` or `id`.

use super::document::Element;
use crate::record::Record;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The children and attributes of `root` as an object, its text as `content`. An element named in
/// `always_list` is a list even where there is one of it.
pub fn fold(root: &Element, always_list: &[String]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in &root.attributes {
        object.insert(name.clone(), Value::String(value.clone()));
    }
    let mut by_element: BTreeMap<&str, Vec<&Element>> = BTreeMap::new();
    for child in &root.children {
        by_element.entry(&child.name).or_default().push(child);
    }
    for (name, same) in by_element {
        object.insert(name.to_owned(), group(&same, always_list.iter().any(|n| n == name), always_list));
    }
    if !root.text.is_empty() {
        object.insert("content".to_owned(), Value::String(root.text.clone()));
    }
    object
}

/// An element below the root: one without children and attributes is its text. One that is empty may be a
/// text or a list: null is fit for both.
fn folded(element: &Element, always_list: &[String]) -> Value {
    let object = fold(element, always_list);
    if !element.attributes.is_empty() || !element.children.is_empty() {
        return Value::Object(object);
    }
    object.into_iter().next().map_or(Value::Null, |(_, text)| text)
}

/// Elements of one name: one alone as itself, several (or one that is always a list) by their names.
fn group(elements: &[&Element], always: bool, always_list: &[String]) -> Value {
    if let ([single], false) = (elements, always) {
        return folded(single, always_list);
    }
    let folded: Vec<Value> = elements.iter().map(|element| folded(element, always_list)).collect();
    by_name(&folded).unwrap_or(Value::Array(folded))
}

/// The records by their names, each without the field that names it; None where one has no name.
fn by_name(folded: &[Value]) -> Option<Value> {
    let mut object = Map::new();
    for value in folded {
        let Value::Object(fields) = value else { return None };
        let record = Record(fields.clone());
        let id = record.list_id()?.to_owned();
        let key = ["name", "key", "id"].into_iter().find(|key| record.get(key) == Some(&id))?;
        let mut fields = record.0;
        fields.remove(key);
        object.insert(id, Value::Object(fields));
    }
    Some(Value::Object(object))
}
