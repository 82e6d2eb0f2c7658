//! The configuration of an export: Freeside's options, checked.

use super::{parse_object, Fields};
use crate::error::Error;
use crate::id::PackageName;
use crate::secret::Secret;
use std::path::PathBuf;
use std::time::Duration;

/// What `mm_export_new` is given.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub machine: String,
    pub port: u16,
    pub client_id: String,
    pub client_password: Secret,
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
    pub fn parse(text: &str) -> Result<Configuration, Error> {
        let mut fields = Fields::new(parse_object(text, "configuration")?, "");
        let configuration = Configuration {
            machine: machine(&mut fields)?,
            client_id: client_id(&mut fields)?,
            client_password: client_password(&mut fields)?,
            port: port(&mut fields)?,
            account_prefix: or_default(&mut fields, "account_prefix", "FREESIDE")?,
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

fn client_password(fields: &mut Fields) -> Result<Secret, Error> {
    let password = Secret::new(fields.needed_text("client_password")?);
    if password.is_empty() {
        return Err(Error::configuration("the export has no API Client Password (client_password)"));
    }
    Ok(password)
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
