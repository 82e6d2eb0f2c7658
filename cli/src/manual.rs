//! The manual page, from the command line's own description.

use crate::arguments::Arguments;
use clap::{Arg, ArgGroup, Command, CommandFactory};
use clap_mangen::roff::{bold, italic, roman, Inline, Roff};
use clap_mangen::Man;
use magicmail::error::{Error, Status};
use std::io;

pub fn page() -> Result<Vec<u8>, Error> {
    let mut page = Vec::new();
    write(&mut page).map_err(|error| Error::new(Status::Internal, format!("the page failed: {error}")))?;
    Ok(page)
}

fn write(page: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let man = Man::new(command.clone()).section("1").source(concat!("magicmail ", env!("CARGO_PKG_VERSION")));
    man.render_title(page)?;
    man.render_name_section(page)?;
    synopsis().to_writer(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    commands(&command).to_writer(page)?;
    configuration().to_writer(page)?;
    environment(&command).to_writer(page)?;
    endings().to_writer(page)
}

fn synopsis() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([
        bold("magicmail"),
        roman(" ["),
        italic("OPTIONS"),
        roman("] "),
        italic("COMMAND"),
        roman(" ["),
        italic("ARGUMENTS"),
        roman("]"),
    ]);
    roff
}

/// Every command that does something, with its arguments and options.
fn commands(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let below: Vec<&Command> =
            command.get_subcommands().filter(|command| command.get_name() != "help").collect();
        if below.is_empty() {
            one(&mut roff, command.get_name(), command);
        }
        for leaf in below {
            one(&mut roff, &format!("{} {}", command.get_name(), leaf.get_name()), leaf);
        }
    }
    roff
}

fn one(roff: &mut Roff, name: &str, command: &Command) {
    roff.control("TP", []);
    let mut words = vec![bold(format!("magicmail {name}"))];
    for argument in command.get_positionals() {
        let value = argument.get_value_names().unwrap_or_default().join(" ");
        words.push(roman(" "));
        words.push(italic(if argument.is_required_set() { value } else { format!("[{value}]") }));
    }
    if command.get_groups().any(ArgGroup::is_required_set) {
        words.push(roman(" "));
        words.push(italic("OPTION..."));
    }
    roff.text(words);
    roff.text([roman(told(command.get_about()))]);
    let own = |option: &&Arg| !option.is_global_set() && !option.is_positional() && option.get_id() != "help";
    for option in command.get_arguments().filter(own) {
        let mut words: Vec<Inline> = vec![bold(format!("--{}", option.get_long().unwrap_or_default()))];
        if option.get_action().takes_values() {
            let value = option.get_value_names().unwrap_or_default().join(" ");
            let is_optional = option.get_num_args().is_some_and(|count| count.min_values() == 0);
            words.push(roman(if is_optional { "[=" } else { " " }));
            words.push(italic(value));
            words.push(roman(if is_optional { "]" } else { "" }));
        }
        if let Some(help) = option.get_help() {
            words.push(roman(format!(": {help}")));
        }
        roff.control("br", []);
        roff.text(words);
    }
}

fn told(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn configuration() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["CONFIGURATION"]);
    roff.text([
        roman("A JSON object as "),
        bold("magicmail"),
        roman("(3) describes it. It may hold \"client_password\" where only those who may know it can read the file."),
    ]);
    roff.control("PP", []);
    roff.control("nf", []);
    roff.text([roman(
        r#"{ "machine": "mail.example.net", "client_id": "freeside", "client_password": "..." }"#,
    )]);
    roff.control("fi", []);
    roff.control("PP", []);
    roff.text([roman("A setting of the command line is taken before one of the environment, and that before one of the file.")]);
    roff
}

/// The variables that stand for options, and the one that no option stands for.
fn environment(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    let mut told = std::collections::BTreeSet::new();
    for argument in std::iter::once(command).chain(command.get_subcommands()).flat_map(Command::get_arguments)
    {
        let variable = argument.get_env().and_then(std::ffi::OsStr::to_str);
        if let Some((variable, option)) = variable.zip(argument.get_long()) {
            if told.insert(variable) {
                roff.control("TP", []);
                roff.text([bold(variable)]);
                roff.text([roman("is as "), bold(format!("--{option}"))]);
            }
        }
    }
    roff.control("TP", []);
    roff.text([bold("MAGICMAIL_CLIENT_PASSWORD")]);
    roff.text([roman("The API client's password, which no option takes")]);
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        roff.control("TP", []);
        roff.text([bold(variable)]);
        roff.text([
            roman("as for OpenSSL, where CAs are read in place of the system's own; not with "),
            bold("--ca-file"),
        ]);
    }
    roff
}

fn endings() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("That of the C library: 0 done (also where the server has no such thing: \"there is no user jane\", or null with "), bold("--json"), roman(")."),]);
    for (status, meaning) in [
        ("1", "a mistake in the command line or the request"),
        ("2", "a setting cannot be used"),
        ("3", "it must not be done, or was not confirmed; nothing was changed"),
        ("4", "the server said no; what was done before was undone"),
        ("5", "the server was not reached, or its certificate does not verify"),
        ("6", "the outcome is in doubt: something may be left on the server"),
        ("7", "a defect of the program"),
        ("8", "all was done, but the output could not be written (a full disk; not a reader that went away)"),
    ] {
        roff.control("TP", ["4"]);
        roff.text([bold(status)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for example in [
        "magicmail check --domain example.net",
        "magicmail user list FREESIDE42",
        "magicmail user update jane --ask-password",
        "magicmail provision --dry-run < request.json",
    ] {
        roff.control("PP", []);
        roff.text([bold(example)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("magicmail"), roman("(3)")]);
    roff
}
