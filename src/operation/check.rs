//! `check`: whether the server can be reached and used as the export is configured, one line each.

use super::inspect::within;
use super::Export;
use crate::api::{Api, Call, CallError, Cause, Limits, Reply};
use crate::document::{check_segment, Fields};
use crate::error::Error;
use crate::id::AccountId;
use crate::log::Sink;
use crate::wire::FailureKind;
use serde_json::{json, Map, Value};
use std::net::IpAddr;

/// As many are asked for side by side.
const AT_ONCE: usize = 4;

/// `{domains, within}` → `{name, reached, certificate, credentials, domains: {…}}`, each `{ok, text}`; `ok` is
/// null where it could not be told.
pub fn check(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let domains = fields.texts("domains")?;
    domains.iter().try_for_each(|domain| check_domain(domain))?;
    let within = within(&mut fields, export)?;
    fields.finish()?;
    let api = export.api(sink, export.redactor(), Limits::within(within));
    // No customer has this number, so that the answer is short; which one it is does not matter.
    let account = AccountId::new(format!("{}0", export.configuration.account_prefix));
    let asked = api.read_one(&Call::get_account(&account));
    let server = format!("{}:{}", export.configuration.machine, export.configuration.port);
    let checked = if is_usable(&asked) { check_domains(&api, &domains) } else { unknown_domains(&domains) };
    Ok(json!({
        "name": name(&asked, &export.configuration.machine),
        "reached": reached(&asked, &server),
        "certificate": certificate(export, &asked),
        "credentials": credentials(export, &asked),
        "domains": checked,
    }))
}

fn check_domain(domain: &str) -> Result<(), Error> {
    if domain.is_empty() {
        return Err(Error::refused("a domain among the domains is empty"));
    }
    check_segment(domain, "domain")
}

type Asked = Result<Reply, CallError>;

fn line(ok: impl Into<Value>, text: impl Into<String>) -> Value {
    json!({ "ok": ok.into(), "text": text.into() })
}

fn is_usable(asked: &Asked) -> bool {
    !asked.as_ref().is_err_and(|error| !error.was_answered() || error.cause == Cause::Credentials)
}

fn name(asked: &Asked, host: &str) -> Value {
    match asked {
        Err(CallError { cause: Cause::NoAnswer(FailureKind::Name), text, .. }) => line(false, text),
        Err(CallError { cause: Cause::NoAnswer(FailureKind::Local), text, .. }) => line(Value::Null, &**text),
        Err(CallError { cause: Cause::NoTime, .. }) => line(Value::Null, "not known: there was no time left"),
        _ if host.parse::<IpAddr>().is_ok() => line(true, format!("{host} is an address")),
        _ => line(true, format!("{host} has an address")),
    }
}

fn reached(asked: &Asked, server: &str) -> Value {
    match asked {
        Err(CallError { cause: Cause::NoAnswer(FailureKind::Certificate), .. }) => {
            line(true, format!("{server} answers"))
        }
        Err(error) if !error.was_answered() => line(false, &*error.text),
        _ => line(true, format!("{server} answers")),
    }
}

fn certificate(export: &Export, asked: &Asked) -> Value {
    match asked {
        Err(CallError { cause: Cause::NoAnswer(FailureKind::Certificate), text, .. }) => line(false, text),
        Err(error) if !error.was_answered() => line(Value::Null, "not known: the server was not reached"),
        _ if export.configuration.tls_insecure => {
            line(false, "not verified: the option tls_insecure is on; better set ca_file")
        }
        _ => line(true, "the server's certificate verifies"),
    }
}

fn credentials(export: &Export, asked: &Asked) -> Value {
    match asked {
        Err(error) if error.cause == Cause::Credentials => line(false, &*error.text),
        Err(error) if !error.was_answered() => line(Value::Null, "not known: the server was not reached"),
        Err(error) => line(false, &*error.text),
        Ok(_) => line(true, format!("the server accepts the API client {}", export.configuration.client_id)),
    }
}

fn check_domains(api: &Api, domains: &[String]) -> Map<String, Value> {
    let mut checked = Map::new();
    for some in domains.chunks(AT_ONCE) {
        let calls: Vec<Call> = some.iter().map(|domain| Call::get_domain(domain)).collect();
        for (domain, reply) in some.iter().zip(api.read(&calls)) {
            let told = match reply {
                Ok(Reply::Absent | Reply::NotShown) => line(
                    Value::Null,
                    format!("not known: the server shows no domain {domain}, or does not let the API client see it; if mailboxes of it are refused, set it up in MagicMail as a system domain"),
                ),
                Ok(_) => line(true, format!("the API client may use {domain}")),
                Err(error) => line(Value::Null, error.text),
            };
            checked.insert(domain.clone(), told);
        }
    }
    checked
}

fn unknown_domains(domains: &[String]) -> Map<String, Value> {
    let unknown = || line(Value::Null, "not known: the server could not be asked");
    domains.iter().map(|domain| (domain.clone(), unknown())).collect()
}
