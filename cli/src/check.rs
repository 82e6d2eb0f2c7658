//! `magicmail check`: from the server's name to its credentials, one line each; what is wrong comes with
//! what to do.

use crate::arguments::CheckArguments;
use crate::run::Manner;
use crate::settings::Settings;
use crate::show::{self, ToStandardError};
use magicmail::error::{Error, Status};
use serde_json::{json, Value};

/// How a line is told, and the status of the C ABI that its failure has.
struct Line<'a> {
    label: String,
    found: &'a Value,
    status: Status,
}

pub fn run(arguments: &CheckArguments, settings: &Settings, manner: Manner) -> Result<Option<Status>, Error> {
    let server = settings.server(&[("account_prefix", &arguments.account_prefix)])?;
    let asked = json!({ "domains": arguments.domains }).to_string();
    let mut reply = show::document(&server.export.call("check", &asked, &ToStandardError)?)?;
    if reply["name"]["ok"] == false {
        reply["reached"] = json!({ "ok": null, "text": "not known: the server has no address" });
    }
    let lines = lines(&reply);
    if manner.json {
        show::json(&reply);
    } else {
        let width = lines.iter().map(|line| line.label.chars().count()).max().unwrap_or_default();
        let insecure = server.configuration.tls_insecure;
        for line in &lines {
            let word = if insecure && line.label == "TLS" { line.word_or("note") } else { line.word() };
            let text = line.found["text"].as_str().unwrap_or_default();
            show::line(&show::hanging(&format!("{:width$}  {word:6}  ", line.label), text));
        }
    }
    // A certificate that is not verified on purpose is no failure.
    let is_failure = |line: &&Line| {
        line.found["ok"] != true && !(server.configuration.tls_insecure && line.label == "TLS")
    };
    Ok(lines.iter().find(is_failure).map(|line| line.status))
}

fn lines(reply: &Value) -> Vec<Line<'_>> {
    let parts = [
        ("DNS", "name", Status::NotReached),
        ("TCP", "reached", Status::NotReached),
        ("TLS", "certificate", Status::NotReached),
        ("credentials", "credentials", Status::Server),
    ];
    let mut lines: Vec<Line> = parts
        .into_iter()
        .map(|(label, key, status)| Line { label: label.to_owned(), found: &reply[key], status })
        .collect();
    for (domain, found) in reply["domains"].as_object().into_iter().flatten() {
        lines.push(Line { label: format!("domain {domain}"), found, status: Status::Server });
    }
    lines
}

impl Line<'_> {
    fn word(&self) -> &'static str {
        self.word_or("FAULT")
    }

    fn word_or(&self, fault: &'static str) -> &'static str {
        match self.found["ok"].as_bool() {
            Some(true) => "ok",
            Some(false) => fault,
            None => "?",
        }
    }
}
