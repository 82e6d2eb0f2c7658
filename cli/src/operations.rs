//! MagicMail's operations as commands, made from the library's table of them: `get_users` is
//! `magicmail user list ACCOUNT`. What the path and the request need are arguments, what may be given are
//! options. A password is neither: it comes from a file or is asked for.

use clap::error::{Error, ErrorKind};
use clap::{value_parser, Arg, ArgAction, ArgGroup, ArgMatches, Command, FromArgMatches, Subcommand};
use magicmail::api::{Operation, Shape, OPERATIONS};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// What operations are about: their path's first segment, the command, the word in their names, and the
/// thing in words (one, several).
struct Thing {
    segment: &'static str,
    command: &'static str,
    word: &'static str,
    one: &'static str,
    several: &'static str,
}

const THINGS: [Thing; 5] = [
    thing("account", "account", "account", "an account", "accounts"),
    thing("user", "user", "user", "a user", "users"),
    thing("user_package", "package", "package", "a package", "packages"),
    thing("domain", "domain", "domain", "a domain", "domains"),
    thing("emailaddress", "address", "email_address", "an e-mail address", "e-mail addresses"),
];

const fn thing(
    segment: &'static str,
    command: &'static str,
    word: &'static str,
    one: &'static str,
    several: &'static str,
) -> Thing {
    Thing { segment, command, word, one, several }
}

impl Thing {
    fn operations(&self) -> impl Iterator<Item = &'static Operation> + '_ {
        OPERATIONS.iter().filter(|operation| operation.thing == self.segment)
    }

    /// `get_users` → `list`, `make_master_user` → `make-master`.
    fn verb(&self, operation: &Operation) -> String {
        if operation.is_read() && matches!(operation.answer, Shape::List { .. }) {
            return "list".to_owned();
        }
        let name = operation.name;
        name.strip_suffix(self.word).unwrap_or(name).trim_end_matches('_').replace('_', "-")
    }

    fn command(&self) -> Command {
        Command::new(self.command)
            .about(format!("The operations on {}", self.several))
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommands(self.operations().map(|operation| self.subcommand(operation)))
    }

    fn subcommand(&self, operation: &'static Operation) -> Command {
        let options = operation.optional.iter().filter(|name| **name != "password");
        let mut command = Command::new(self.verb(operation))
            .about(self.about(operation))
            .after_help(in_c(operation))
            .args(operation.key.map(|name| argument(name, if name == "id" { self.command } else { name })))
            .args(operation.needed.iter().map(|name| argument(name, name)))
            .args(options.clone().map(|name| option(name)));
        let mut changes: Vec<&str> = options.copied().filter(|name| *name != PASSWORD_TYPE).collect();
        if operation.takes("password") {
            let password = ArgGroup::new("password").args(PASSWORD_OPTIONS);
            command = command.args(password_options()).group(password);
            changes.extend(PASSWORD_OPTIONS);
        }
        // An update of nothing is a mistake.
        if operation.name.starts_with("update_") {
            let usage = usage_of_update(&command, self, operation, &changes);
            let what = ArgGroup::new("what").required(true).multiple(true).args(changes);
            command = command.group(what).override_usage(usage);
        }
        command
    }

    fn about(&self, operation: &Operation) -> String {
        let Thing { one, several, .. } = self;
        let of_whom = match (operation.key, operation.needed) {
            (Some("user"), _) | (None, ["user"]) => " of a user",
            (None, ["account"]) => " of an account",
            _ => "",
        };
        let to_whom = match operation.needed {
            ["user"] => " to a user",
            ["account"] => " to an account",
            _ => "",
        };
        match self.verb(operation).as_str() {
            "list" => format!("List the {several}{of_whom}"),
            "get" => format!("Show {one}"),
            "add" => format!("Add {one}{to_whom}"),
            "update" => format!("Change {one}: only what is given"),
            "suspend" => format!("Suspend {one}"),
            "activate" => format!("Make {one} active again that is suspended or marked deleted"),
            "delete" => format!("Mark {one} deleted; until it is purged it can be made active again"),
            "purge" => format!("Remove {one} for good"),
            "make-master" => format!("Make {one} the master of its account"),
            "assign" => format!("Give a user {one}"),
            "remove" if operation.key == Some("user") => format!("Take {one} from a user"),
            "remove" => format!("Remove {one} for good"),
            other => format!("{other} {one}"),
        }
    }
}

/// `magicmail user update [OPTIONS] <USER> {--memo <TEXT>|…}...`: by itself clap shows what is required as a choice of
/// one, before the arguments.
fn usage_of_update(command: &Command, thing: &Thing, operation: &Operation, changes: &[&str]) -> String {
    let named = |name: &&str| command.get_arguments().find(|argument| argument.get_id() == *name);
    let as_shown = |argument: &Arg| {
        let value = argument.get_value_names().unwrap_or_default().first();
        match (argument.get_long(), value) {
            (Some(long), Some(value)) => format!("--{long} <{value}>"),
            (Some(long), None) => format!("--{long}"),
            (None, value) => format!("<{}>", value.map_or_else(String::new, ToString::to_string)),
        }
    };
    let required: Vec<String> = command.get_positionals().map(as_shown).collect();
    let changes: Vec<String> = changes.iter().filter_map(named).map(as_shown).collect();
    let (thing, verb) = (thing.command, thing.verb(operation));
    format!("magicmail {thing} {verb} [OPTIONS] {} {{{}}}...", required.join(" "), changes.join("|"))
}

fn argument(name: &'static str, value_name: &str) -> Arg {
    Arg::new(name).required(true).value_name(value_name.to_uppercase())
}

fn option(name: &'static str) -> Arg {
    let option = Arg::new(name).long(name.replace('_', "-"));
    match name {
        "force" => option.action(ArgAction::SetTrue).help("Even where it was not marked deleted first"),
        PASSWORD_TYPE => option
            .value_name("KIND")
            .requires("password")
            .value_parser(["plain", "encrypted"])
            .help("Whether the password is as the user types it, or encrypted"),
        "first_name" => option.value_name("NAME"),
        "last_name" => option.value_name("NAME"),
        _ => option.value_name("TEXT"),
    }
}

/// Says how a password is kept; without one it is nothing.
const PASSWORD_TYPE: &str = "password_type";
const PASSWORD_OPTIONS: [&str; 2] = ["password_file", "ask_password"];

fn password_options() -> [Arg; 2] {
    let [file, ask] = PASSWORD_OPTIONS.map(|name| Arg::new(name).long(name.replace('_', "-")));
    [
        file.value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .conflicts_with(PASSWORD_OPTIONS[1])
            .help("The mailbox's password is the first line of this file (-: of standard input)"),
        ask.action(ArgAction::SetTrue).help("Ask for the mailbox's password on the terminal"),
    ]
}

/// The same in C, for who writes a program.
fn in_c(operation: &Operation) -> String {
    let names = operation.key.iter().chain(operation.needed).chain(operation.optional);
    let arguments: Vec<String> = names
        .map(|name| match *name {
            "force" => format!("\"{name}\": true"),
            name => format!("\"{name}\": …"),
        })
        .collect();
    format!("In C: mm_call, operation {}, arguments {{{}}}", operation.name, arguments.join(", "))
}

/// Where a mailbox's password is to come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    File(PathBuf),
    Terminal,
}

/// An operation, as the command line asks for it.
#[derive(Clone, Debug)]
pub struct Invocation {
    pub operation: &'static Operation,
    /// All arguments but the password.
    pub arguments: Map<String, Value>,
    pub password: Option<PasswordSource>,
}

impl Invocation {
    fn of(operation: &'static Operation, matches: &ArgMatches) -> Invocation {
        let mut arguments = Map::new();
        for name in operation.key.iter().chain(operation.needed).chain(operation.optional) {
            let value = match *name {
                "password" => None,
                "force" => matches.get_flag(name).then_some(Value::Bool(true)),
                name => matches.get_one::<String>(name).map(|text| Value::String(text.clone())),
            };
            if let Some(value) = value {
                arguments.insert((*name).to_owned(), value);
            }
        }
        let password = if !operation.takes("password") {
            None
        } else if matches.get_flag("ask_password") {
            Some(PasswordSource::Terminal)
        } else {
            matches.get_one::<PathBuf>("password_file").cloned().map(PasswordSource::File)
        };
        Invocation { operation, arguments, password }
    }

    /// It removes something, or marks it deleted.
    pub fn is_destructive(&self) -> bool {
        self.operation.fixed.iter().any(|pair| matches!(pair, ("action", "purge") | ("status", "deleted")))
    }

    /// `user` of `get_users`.
    pub fn noun(&self) -> &'static str {
        THINGS
            .iter()
            .find(|thing| thing.segment == self.operation.thing)
            .map_or(self.operation.thing, |thing| thing.command)
    }

    /// `purge user jane`, `remove package jane EMAIL`.
    pub fn in_words(&self) -> String {
        let thing = THINGS.iter().find(|thing| thing.segment == self.operation.thing);
        let verb = thing.map_or_else(String::new, |thing| thing.verb(self.operation));
        let names = self.operation.key.iter().chain(self.operation.needed);
        let values = names.filter_map(|name| self.arguments.get(*name)?.as_str());
        let values: Vec<&str> = values.collect();
        format!("{} {} {}", verb.replace('-', " "), self.noun(), values.join(" "))
    }
}

impl FromArgMatches for Invocation {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Invocation, Error> {
        let chosen = || {
            let (name, below) = matches.subcommand()?;
            let (verb, leaf) = below.subcommand()?;
            let thing = THINGS.iter().find(|thing| thing.command == name)?;
            let operation = thing.operations().find(|operation| thing.verb(operation) == verb)?;
            Some(Invocation::of(operation, leaf))
        };
        chosen().ok_or_else(|| Error::new(ErrorKind::MissingSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Invocation::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for Invocation {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommands(THINGS.iter().map(Thing::command))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Invocation::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        THINGS.iter().any(|thing| thing.command == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Arguments;
    use clap::CommandFactory;

    #[test]
    fn every_operation_of_the_library_has_a_command_of_its_own() {
        let mut commands = std::collections::BTreeSet::new();
        for operation in OPERATIONS {
            let thing = THINGS.iter().find(|thing| thing.segment == operation.thing).expect(operation.name);
            assert!(commands.insert((thing.command, thing.verb(operation))), "{} is hidden", operation.name);
        }
        assert_eq!(commands.len(), OPERATIONS.len());
        assert!(commands.contains(&("user", "make-master".to_owned())), "{commands:?}");
        assert!(commands.contains(&("address", "list".to_owned())), "{commands:?}");
    }

    #[test]
    fn the_command_line_is_consistent_and_no_option_takes_a_password() {
        let mut command = Arguments::command();
        command.build();
        command.clone().debug_assert();
        let mut waiting = vec![command];
        while let Some(command) = waiting.pop() {
            waiting.extend(command.get_subcommands().cloned());
            for argument in command.get_arguments().filter(|a| a.get_id().as_str().contains("password")) {
                let name = argument.get_id().as_str();
                let harmless = name.ends_with("_file") || name == "password_type" || name == "ask_password";
                assert!(harmless, "{} {name}", command.get_name());
            }
        }
    }
}
