//! What Freeside's export does for one mailbox, from a document as the C ABI takes it.

use crate::arguments::HookArguments;
use crate::run::Manner;
use crate::settings::Settings;
use crate::show::{self, ToStandardError};
use crate::{files, interrupt, terminal};
use magicmail::document::{parse_object, Fields, LONGEST};
use magicmail::error::Error;
use magicmail::world::Hook;
use serde_json::{Map, Value};
use std::path::Path;

pub fn run(hook: Hook, arguments: &HookArguments, settings: &Settings, manner: Manner) -> Result<(), Error> {
    let server = settings.server(&[("package", &arguments.package), ("autopurge", &arguments.autopurge)])?;
    let mut request = parse_object(&text(arguments.file.as_deref())?, "request")?;
    let given = request.remove_entry("dry_run").into_iter().collect();
    let changes = !(Fields::new(given, "").flag("dry_run")? || arguments.dry_run);
    request.insert("dry_run".to_owned(), Value::Bool(!changes));
    if changes {
        if hook == Hook::Unprovision && !manner.yes {
            let machine = &server.configuration.machine;
            let for_good = if server.configuration.autopurge { " (for good: its mail is lost)" } else { "" };
            terminal::confirm(&format!("unprovision {}{for_good} on {machine}", mailbox(&request)))?;
        }
        interrupt::hold_off();
    }
    let reply = server.export.hook(hook, &Value::Object(request).to_string(), &ToStandardError)?;
    let reply = show::document(&reply)?;
    if manner.json {
        show::json(&reply);
    } else {
        in_words(&reply, changes);
    }
    Ok(())
}

fn text(file: Option<&Path>) -> Result<String, Error> {
    let file = file.unwrap_or(Path::new("-"));
    files::text(file, LONGEST)
        .map_err(|why| Error::argument(format!("the request cannot be used: {} {why}", files::name_of(file))))
}

/// `mailbox jane@example.net`, as far as the request says.
fn mailbox(request: &Map<String, Value>) -> String {
    let of = |key: &str| request.get("service").and_then(|service| service.get(key)?.as_str());
    match (of("username"), of("domain")) {
        (Some(user), Some(domain)) => {
            format!("mailbox {}", magicmail::error::one_line(&format!("{user}@{domain}"), 200))
        }
        _ => "the mailbox".to_owned(),
    }
}

fn in_words(reply: &Value, changes: bool) {
    let texts = |key: &str| -> Vec<&str> {
        reply[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let steps = texts("steps");
    for step in &steps {
        show::line(&if changes { (*step).to_owned() } else { format!("would {step}") });
    }
    for warning in texts("warnings") {
        show::warning(warning);
    }
    let account = reply["account_id"].as_str().unwrap_or_default();
    let nothing = if steps.is_empty() { "nothing to do; " } else { "" };
    let requests = if reply["requests"] == 1 { "request" } else { "requests" };
    show::remark(&format!(
        "{nothing}account {account}, {} {requests}, {} ms",
        reply["requests"], reply["elapsed_ms"]
    ));
}
