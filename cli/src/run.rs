//! One command, from the command line to what is printed.

use crate::arguments::{Arguments, Command};
use crate::operations::{Invocation, PasswordSource};
use crate::settings::Settings;
use crate::show::{self, ToStandardError};
use crate::{check, files, hooks, interrupt, manual, terminal};
use clap::CommandFactory;
use magicmail::error::{Error, Status};
use magicmail::secret::Secret;
use magicmail::world::Hook;
use serde_json::{Map, Value};

/// How a command talks: in JSON, and whether it asks.
#[derive(Clone, Copy)]
pub struct Manner {
    pub json: bool,
    pub yes: bool,
}

/// Returns the status of the C ABI that a finding has, where the command itself could be carried out.
pub fn run(arguments: Arguments) -> Result<Option<Status>, Error> {
    let Arguments { settings, json, yes, command } = arguments;
    let manner = Manner { json, yes };
    let hook = |hook, arguments| hooks::run(hook, &arguments, &settings, manner);
    match command {
        Command::Operation(invocation) => operation(invocation, &settings, manner),
        Command::Provision(arguments) => hook(Hook::Provision, arguments),
        Command::Unprovision(arguments) => hook(Hook::Unprovision, arguments),
        Command::Change(arguments) => hook(Hook::Replace, arguments),
        Command::Suspend(arguments) => hook(Hook::Suspend, arguments),
        Command::Unsuspend(arguments) => hook(Hook::Unsuspend, arguments),
        Command::Check(arguments) => return check::run(&arguments, &settings, manner),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "magicmail", &mut script);
            show::bytes(&script);
            Ok(())
        }
        Command::Man => manual::page().map(|page| show::bytes(&page)),
    }
    .map(|()| None)
}

fn operation(mut invocation: Invocation, settings: &Settings, manner: Manner) -> Result<(), Error> {
    let server = settings.server(&[])?;
    let given: Vec<String> =
        invocation.arguments.values().filter_map(Value::as_str).map(str::to_owned).collect();
    let mut redactor = server.configuration.redactor();
    if let Some(source) = &invocation.password {
        let password = match source {
            PasswordSource::File(file) => files::password(file)?,
            PasswordSource::Terminal => terminal::secret("The mailbox's password: ")?,
        };
        redactor.add(&Secret::new(&*password));
        invocation.arguments.insert("password".to_owned(), Value::String(password));
        invocation.arguments.entry("password_type").or_insert_with(|| "plain".into());
    }
    if invocation.is_destructive() && !manner.yes {
        terminal::confirm(&format!("{} on {}", invocation.in_words(), server.configuration.machine))?;
    }
    if !invocation.operation.is_read() {
        interrupt::hold_off();
    }
    let Invocation { operation, arguments, .. } = &invocation;
    let arguments = Value::Object(arguments.clone()).to_string();
    let reply = server.export.call(operation.name, &arguments, &ToStandardError)?;
    let mut reply = show::document(&reply)?;
    show::mask_passwords(&mut reply);
    // What the caller gave is no secret, even if it is like one: a user called as its password is.
    let is_given = |text: &str| given.iter().any(|given| given.eq_ignore_ascii_case(text));
    show::mask_echoes(&mut reply, &|text| if is_given(text) { text.to_owned() } else { redactor.mask(text) });
    if manner.json {
        show::json(&reply);
    } else {
        in_words(&reply, &invocation);
    }
    Ok(())
}

fn in_words(reply: &Value, invocation: &Invocation) {
    match reply {
        Value::Null if invocation.operation.key.is_some() => {
            let key = invocation.operation.key.and_then(|name| invocation.arguments.get(name)?.as_str());
            show::remark(&format!("there is no {} {}", invocation.noun(), key.unwrap_or_default()));
        }
        Value::Object(list) if is_list(invocation) => show::list(invocation.noun(), list),
        Value::Object(record) if !record.is_empty() => show::record(record),
        _ if invocation.operation.is_read() => show::list(invocation.noun(), &Map::new()),
        _ => show::remark("done"),
    }
}

fn is_list(invocation: &Invocation) -> bool {
    matches!(invocation.operation.answer, magicmail::api::Shape::List { .. })
}
