//! Where two states of the server differ, and the words by which a text must name each difference.

use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// One text must hold all of these.
    pub phrases: Vec<String>,
    pub sort: Sort,
    /// For the report.
    pub told: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Package,
    Password,
    MasterMark,
    Other,
}

impl Difference {
    /// Of which address it is, if it is of one.
    pub fn address(&self) -> Option<&str> {
        self.phrases.first().and_then(|phrase| phrase.strip_prefix("address "))
    }
}

/// Whether `text` names `difference`.
pub fn names(text: &str, difference: &Difference) -> bool {
    let text = text.to_lowercase();
    difference.phrases.iter().all(|phrase| has_phrase(&text, &phrase.to_lowercase()))
}

/// `user jane` is not in `user janet`, nor in `user jane@example.net`.
fn has_phrase(text: &str, phrase: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "@-_".contains(c);
    text.match_indices(phrase).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + phrase.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

/// From `there` to `wanted`: both as the simulator writes them.
pub fn between(there: &Value, wanted: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    for (id, now, then) in pairs(there, wanted, "accounts") {
        if now != then {
            found.push(difference(Sort::Other, vec![format!("account {id}")], now, then));
        }
    }
    for (name, now, then) in pairs(there, wanted, "users") {
        of_user(&name, now, then, &mut found);
    }
    for (address, now, then) in pairs(there, wanted, "addresses") {
        if now != then {
            found.push(difference(Sort::Other, vec![format!("address {address}")], now, then));
        }
    }
    if there["domains"] != wanted["domains"] {
        found.push(difference(Sort::Other, vec!["domain".to_owned()], &there["domains"], &wanted["domains"]));
    }
    found
}

fn difference(sort: Sort, phrases: Vec<String>, now: &Value, then: &Value) -> Difference {
    let told = format!("{}: {now} instead of {then}", phrases.join(" "));
    Difference { phrases, sort, told }
}

/// The things of one kind on either side; Null where one is missing.
fn pairs<'a>(there: &'a Value, wanted: &'a Value, kind: &str) -> Vec<(String, &'a Value, &'a Value)> {
    let map = |state: &'a Value| -> &'a Map<String, Value> { state[kind].as_object().expect("an object") };
    let (there, wanted) = (map(there), map(wanted));
    let mut names: Vec<&String> = there.keys().chain(wanted.keys()).collect();
    names.sort();
    names.dedup();
    let get = |map: &'a Map<String, Value>, name: &String| map.get(name).unwrap_or(&Value::Null);
    names.into_iter().map(|name| (name.clone(), get(there, name), get(wanted, name))).collect()
}

fn of_user(name: &str, now: &Value, then: &Value, found: &mut Vec<Difference>) {
    let user = format!("user {name}");
    if now.is_null() || then.is_null() {
        // What it holds came or went with it.
        if now != then {
            found.push(difference(Sort::Other, vec![user], &now["status"], &then["status"]));
        }
        return;
    }
    for field in
        ["account", "status", "master_user", "memo", "password", "password_type", "first_name", "last_name"]
    {
        let (now, then) = (&now[field], &then[field]);
        if now == then {
            continue;
        }
        let (sort, word) = match field {
            "master_user" => (Sort::MasterMark, Some("master")),
            "password" | "password_type" => (Sort::Password, Some("password")),
            "first_name" | "last_name" => (Sort::Other, Some("names")),
            _ => (Sort::Other, None),
        };
        let phrases = std::iter::once(user.clone()).chain(word.map(str::to_owned)).collect();
        found.push(difference(sort, phrases, now, then));
    }
    for package in packages(now).iter().filter(|package| !packages(then).contains(package)) {
        found.push(of_package(&user, package, "too much"));
    }
    for package in packages(then).iter().filter(|package| !packages(now).contains(package)) {
        found.push(of_package(&user, package, "missing"));
    }
}

fn of_package(user: &str, package: &str, how: &str) -> Difference {
    let phrases = vec![format!("package {package}"), user.to_owned()];
    Difference { told: format!("{} {how}", phrases.join(" on ")), phrases, sort: Sort::Package }
}

fn packages(user: &Value) -> Vec<&str> {
    let list = user["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).collect()
}
