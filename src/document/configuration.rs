//! The configuration of an export: Freeside's options, checked.

use super::{parse_object, Fields};
use crate::error::Error;
use crate::id::PackageName;
use crate::log::Redactor;
use crate::password_file;
use crate::secret::Secret;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `mm_export_new` is given.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub machine: String,
    pub port: u16,
    pub client_id: String,
    pub client_password: Secret,
    /// As it was typed; it may be empty.
    pub account_prefix: String,
    /// For a service that names no package of its own.
    pub package: PackageName,
    pub autopurge: bool,
    pub ca_file: Option<PathBuf>,
    pub tls_insecure: bool,
    /// For one request, its connection included.
    pub timeout: Duration,
    pub debug: bool,
}

/// The longest `timeout`: a hook may take six times as long, and Freeside waits for it.
const LONGEST_TIMEOUT: f64 = 3_600.0;

impl Configuration {
    /// Reads and checks a configuration, and the file with the password if it names one. No error shows the password.
    pub fn parse(text: &str) -> Result<Configuration, Error> {
        let document = parse_object(text, "configuration")?;
        let given = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
        let redactor = Redactor::new(given("client_id"), &Secret::new(given("client_password")));
        Configuration::read(document).map_err(|error| error.redacted(&redactor))
    }

    /// Knows the API client's password.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(&self.client_id, &self.client_password)
    }

    fn read(document: Map<String, Value>) -> Result<Configuration, Error> {
        let mut fields = Fields::new(document, "");
        let configuration = Configuration {
            machine: machine(&mut fields)?,
            client_id: client_id(&mut fields)?,
            client_password: client_password(&mut fields)?,
            port: port(&mut fields)?,
            account_prefix: fields.text_or("account_prefix", "FREESIDE")?,
            package: PackageName::new(or_default(&mut fields, "package", "EMAIL")?),
            autopurge: fields.flag("autopurge")?,
            ca_file: fields.text("ca_file")?.filter(|path| !path.is_empty()).map(PathBuf::from),
            tls_insecure: fields.flag("tls_insecure")?,
            timeout: timeout(&mut fields)?,
            debug: fields.flag("debug")?,
        };
        fields.finish()?;
        Ok(configuration)
    }
}

/// The text of `key`, trimmed; its default where it is missing or empty.
fn or_default(fields: &mut Fields, key: &str, default: &str) -> Result<String, Error> {
    let text = fields.text(key)?.unwrap_or_default();
    let text = text.trim();
    Ok(if text.is_empty() { default } else { text }.to_owned())
}

fn machine(fields: &mut Fields) -> Result<String, Error> {
    let machine = fields.needed_text("machine")?.trim().to_owned();
    if machine.is_empty() {
        return Err(Error::configuration("the export has no machine: set its Hostname or IP Address"));
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || "/@?#\\\"<>".contains(c);
    if machine.contains(odd) {
        return Err(Error::configuration(
            "the export's Hostname or IP Address (machine) is no host name: give the name or address alone, without https:// or a path",
        ));
    }
    Ok(machine)
}

fn client_id(fields: &mut Fields) -> Result<String, Error> {
    let client_id = fields.needed_text("client_id")?;
    if client_id.is_empty() {
        return Err(Error::configuration("the export has no API Client ID (client_id)"));
    }
    if client_id.contains(':') {
        return Err(Error::configuration(
            "the export's API Client ID (client_id) has a colon, which HTTP Basic authentication cannot carry",
        ));
    }
    Ok(client_id)
}

/// The password itself, or what a file has: one of the two.
fn client_password(fields: &mut Fields) -> Result<Secret, Error> {
    let file = fields.text("client_password_file")?;
    let password = match (fields.text("client_password")?, &file) {
        (None, None) => return Err(fields.missing("client_password")),
        (password, _) => Secret::new(password.unwrap_or_default()),
    };
    match file.filter(|path| !path.is_empty()) {
        None if password.is_empty() => Err(Error::configuration(
            "the export has no API Client Password (client_password), nor a file with it (client_password_file)",
        )),
        None => Ok(password),
        Some(_) if !password.is_empty() => Err(Error::configuration(
            "the export has both an API Client Password (client_password) and a file with it (client_password_file): leave one of them empty",
        )),
        Some(path) => password_file::read(Path::new(&path)).map_err(|why| {
            Error::configuration(format!("the option client_password_file cannot be used: {path} {why}"))
        }),
    }
}

fn port(fields: &mut Fields) -> Result<u16, Error> {
    let text = or_default(fields, "port", "443")?;
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Error::configuration("the export's Port (port) is not a number from 1 to 65535")),
    }
}

fn timeout(fields: &mut Fields) -> Result<Duration, Error> {
    let text = or_default(fields, "timeout", "20")?;
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_TIMEOUT => {
            Ok(Duration::from_secs_f64(seconds).max(Duration::from_millis(1)))
        }
        _ => Err(Error::configuration(
            "the export's timeout (seconds to wait for one request) is not a number above 0 and up to 3600",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parsed(more: Value) -> Result<Configuration, Error> {
        let mut document = json!({ "machine": "m", "client_id": "freeside", "client_password": "sesame" });
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            document[key] = value;
        }
        Configuration::parse(&document.to_string())
    }

    #[test]
    fn the_account_prefix_is_as_it_was_typed_and_missing_it_is_freeside() {
        let prefix = |value: Value| parsed(value).map(|configuration| configuration.account_prefix);
        assert_eq!(prefix(json!({})), Ok("FREESIDE".to_owned()));
        assert_eq!(prefix(json!({ "account_prefix": null })), Ok("FREESIDE".to_owned()));
        for typed in ["", " ", " ISP ", "isp-"] {
            assert_eq!(prefix(json!({ "account_prefix": typed })), Ok(typed.to_owned()));
        }
    }

    #[test]
    fn the_password_may_stand_in_a_file_of_its_own() {
        let path = std::env::temp_dir().join(format!("magicmail-password-{}", std::process::id()));
        std::fs::write(&path, "open sesame\n").expect("written");
        let read = |password: &str, file: &Path| {
            parsed(json!({ "client_password": password, "client_password_file": file }))
        };
        assert_eq!(
            read("", &path).map(|read| read.client_password.reveal().to_owned()),
            Ok("open sesame".to_owned())
        );
        assert_eq!(
            read("sesame", Path::new("")).map(|read| read.client_password.reveal().to_owned()),
            Ok("sesame".to_owned())
        );
        for (password, file, says) in [
            ("sesame", &*path, "has both an API Client Password"),
            ("", Path::new(""), "nor a file with it (client_password_file)"),
            (
                "",
                Path::new("/nonexistent/x"),
                "client_password_file cannot be used: /nonexistent/x is not there",
            ),
        ] {
            let error = read(password, file).expect_err(says);
            assert_eq!(error.status, crate::error::Status::Configuration);
            assert!(error.text.contains(says) && !error.text.contains("sesame"), "{error}");
        }
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_password_in_the_wrong_place_is_masked_and_our_own_words_are_not() {
        let error = parsed(json!({ "client_password": "k3y-0f", "K3Y-0f": 1 })).expect_err("an unknown key");
        assert_eq!(error.text, "unknown key ********");
        let error = parsed(json!({ "client_password": "key", "colour": 1 })).expect_err("an unknown key");
        assert_eq!(error.text, "unknown key colour");
    }
}
