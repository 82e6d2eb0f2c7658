//! The configuration of a call: a JSON file as the C ABI describes it, the environment over it, the command
//! line over both. What the settings mean is the library's to say; here they are only put together.

use crate::files::{self, Content};
use crate::terminal;
use clap::Args;
use magicmail::document::{parse_object, Configuration};
use magicmail::error::{Error, Status};
use magicmail::operation::Export;
use serde::Serialize;
use serde_json::{Map, Value};
use std::env;
use std::path::{Path, PathBuf};

/// Settings that are missing here have the library's defaults.
#[derive(Args, Serialize)]
#[command(next_help_heading = "Server")]
pub struct Settings {
    /// The configuration [default: ~/.config/magicmail.json, else /etc/magicmail.json]
    #[arg(long, global = true, env = "MAGICMAIL_CONFIG", hide_env_values = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// The MagicMail server
    #[arg(long, global = true, env = "MAGICMAIL_MACHINE", hide_env_values = true, value_name = "HOST")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// [default: 443]
    #[arg(long, global = true, env = "MAGICMAIL_PORT", hide_env_values = true, value_name = "PORT")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The API client's id
    #[arg(long, global = true, env = "MAGICMAIL_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The API client's password is the first line of this file; else that of MAGICMAIL_CLIENT_PASSWORD,
    /// that of the configuration, or what is typed
    #[arg(
        long,
        global = true,
        env = "MAGICMAIL_CLIENT_PASSWORD_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    #[serde(skip)]
    pub client_password_file: Option<PathBuf>,
    /// Trust this CA, or this very certificate [default: the system's CAs]
    #[arg(long, global = true, env = "MAGICMAIL_CA_FILE", hide_env_values = true, value_name = "FILE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Do not verify the server's certificate
    #[arg(
        long,
        global = true,
        env = "MAGICMAIL_TLS_INSECURE",
        hide_env_values = true,
        value_name = "0|1",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_insecure: Option<String>,
    /// To wait for one request [default: 20]
    #[arg(long, global = true, env = "MAGICMAIL_TIMEOUT", hide_env_values = true, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// Show requests and answers on standard error
    #[arg(
        long,
        global = true,
        env = "MAGICMAIL_DEBUG",
        hide_env_values = true,
        value_name = "0|1",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debug: Option<String>,
}

/// The name of a file's or the environment's setting, and the setting.
pub type Setting<'a> = (&'a str, &'a Option<String>);

/// What a call needs to know of the server, and the way to it.
pub struct Server {
    pub export: Export,
    pub configuration: Configuration,
}

const PASSWORD: &str = "client_password";
const PASSWORD_FILE: &str = "client_password_file";
/// Nobody's configuration is longer, in bytes.
const LONGEST_CONFIGURATION: usize = 64 * 1024;
const PASSWORD_VARIABLE: &str = "MAGICMAIL_CLIENT_PASSWORD";

impl Settings {
    /// The server, with the settings that only some commands have.
    pub fn server(&self, more: &[Setting]) -> Result<Server, Error> {
        let (mut document, source) = self.of_file()?;
        if let Ok(Value::Object(given)) = serde_json::to_value(self) {
            document.extend(given);
        }
        for (name, text) in more {
            if let Some(text) = text {
                document.insert((*name).to_owned(), Value::String(text.clone()));
            }
        }
        for needed in ["machine", "client_id"] {
            if is_empty(&document, needed) {
                return Err(missing(needed, "", &source));
            }
        }
        self.add_password(&mut document, &source)?;
        let text = Value::Object(document).to_string();
        let in_file = |error: Error| Error { status: Status::Configuration, ..error };
        Ok(Server {
            export: Export::new(&text).map_err(in_file)?,
            configuration: Configuration::parse(&text).map_err(in_file)?,
        })
    }

    /// What the configuration file says, and its name; nothing where there is none.
    fn of_file(&self) -> Result<(Map<String, Value>, Option<PathBuf>), Error> {
        let Some(path) =
            self.config.clone().or_else(|| usual_places().into_iter().find(|path| path.exists()))
        else {
            return Ok((Map::new(), None));
        };
        let text = files::text(&path, LONGEST_CONFIGURATION)
            .map_err(|why| Error::configuration(format!("{} {why}", files::name_of(&path))))?;
        let document = parse_object(&text, "configuration").map_err(|error| {
            Error { status: Status::Configuration, ..error }.about(&path.to_string_lossy())
        })?;
        let content = if is_empty(&document, PASSWORD) { Content::Settings } else { Content::Password };
        files::warn_of_mode(&path, content);
        Ok((document, Some(path)))
    }

    fn add_password(&self, document: &mut Map<String, Value>, source: &Option<PathBuf>) -> Result<(), Error> {
        let named = document.get(PASSWORD_FILE).and_then(Value::as_str).filter(|file| !file.is_empty());
        let password = match (&self.client_password_file, env::var(PASSWORD_VARIABLE), named) {
            (Some(file), _, _) => files::password(file)?,
            (None, Ok(text), _) if !text.is_empty() => text,
            (None, Err(env::VarError::NotUnicode(_)), _) => {
                return Err(Error::configuration(format!("{PASSWORD_VARIABLE} is not valid UTF-8")));
            }
            // If both are given, or something else is wrong, the library says so.
            _ if !is_empty(document, PASSWORD) => return Ok(()),
            (_, _, Some(file)) => files::password(Path::new(file))?,
            _ if !is_empty(document, PASSWORD_FILE) => return Ok(()),
            _ if terminal::is_there() => terminal::secret("The API client's password: ")?,
            _ => return Err(missing(PASSWORD, "-file", source)),
        };
        document.insert(PASSWORD.to_owned(), Value::String(password));
        document.remove(PASSWORD_FILE);
        Ok(())
    }
}

fn usual_places() -> Vec<PathBuf> {
    let of_user = match env::var_os("XDG_CONFIG_HOME").filter(|folder| Path::new(folder).is_absolute()) {
        Some(folder) => Some(PathBuf::from(folder)),
        None => env::var_os("HOME").map(|home| Path::new(&home).join(".config")),
    };
    let folders = of_user.into_iter().chain([PathBuf::from("/etc")]);
    folders.map(|folder| folder.join("magicmail.json")).collect()
}

fn is_empty(document: &Map<String, Value>, name: &str) -> bool {
    matches!(document.get(name), None | Some(Value::Null)) || document.get(name).is_some_and(|v| v == "")
}

fn missing(name: &str, suffix: &str, source: &Option<PathBuf>) -> Error {
    let file = source.as_ref().map_or("~/.config/magicmail.json".into(), |path| path.to_string_lossy());
    Error::configuration(format!(
        "no {name} is configured: set it in {file}, in MAGICMAIL_{}, or by --{}{suffix}",
        name.to_uppercase(),
        name.replace('_', "-")
    ))
}
