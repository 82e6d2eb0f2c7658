//! `mm_call`: an operation of the API by its name, or one of this library's own.

use super::{audit, check, inspect, purge, rename, repair, sync, Export};
use crate::api::{self, fold, parameter_for, Api, Call, CallError, Limits, Operation, Reply};
use crate::document::{check_segment, needed_segment, parse_object, Fields};
use crate::error::{one_line, Error, Status};
use crate::foreign::quoted;
use crate::log::{Redactor, Sink};
use crate::password::{to_send, NotSendable};
use crate::secret::Secret;
use crate::wire::{Method, Request, Value as Sent};
use serde_json::{json, Map, Value};

pub fn call(export: &Export, name: &str, arguments: &str, sink: &dyn Sink) -> Result<String, Error> {
    let fields = Fields::new(parse_object(arguments, "arguments document")?, "");
    let reply = match name {
        "audit" => audit::audit(export, fields, sink),
        "check" => check::check(export, fields, sink),
        "encoding" => encoding(fields),
        "finish_unprovision" => purge::finish_unprovision(export, fields, sink),
        "inspect" => inspect::inspect(export, fields, sink),
        "orphans" => audit::orphans(export, fields, sink),
        "purge_deleted" => purge::purge_deleted(export, fields, sink),
        "rename_account" => rename::rename_account(export, fields, sink),
        "repair" => repair::repair(export, fields, sink),
        "request" => request(export, fields, sink),
        "sync" => sync::sync(export, fields, sink),
        name => match Operation::named(name) {
            Some(operation) => by_name(export, operation, fields, sink),
            None => Err(Error::argument(format!("unknown operation {}", quoted(name, 60)))),
        },
    }?;
    Ok(reply.to_string())
}

/// One operation of the API's table: its record or its list by id; null where the server has none.
fn by_name(
    export: &Export,
    operation: &'static Operation,
    mut fields: Fields,
    sink: &dyn Sink,
) -> Result<Value, Error> {
    let mut parameters = Vec::new();
    let key = match operation.key {
        Some(key) => Some(needed_segment(&mut fields, key)?),
        None => None,
    };
    if operation.takes("force") && fields.flag("force")? {
        parameters.push(parameter_for("force", "true".to_owned()));
    }
    for name in operation.needed.iter().chain(operation.optional) {
        match fields.text(name)? {
            Some(value) if *name == "password_type" && !matches!(&*value, "plain" | "encrypted") => {
                return Err(Error::argument("key password_type must be plain or encrypted"));
            }
            Some(value) => parameters.push(parameter_for(name, value)),
            None if operation.needed.contains(name) => return Err(fields.missing(name)),
            None => {}
        }
    }
    fields.finish()?;
    let redactor = redactor_of(export, &parameters);
    let what = described(operation, key.as_deref(), &redactor);
    let api = export.api(sink, redactor, Limits::of_hook(export.configuration.timeout));
    let call = Call::new(operation, key.as_deref(), parameters);
    let reply = if operation.is_read() { api.read_one(&call) } else { api.write_one(&call) };
    match reply {
        Ok(Reply::Record(record)) => Ok(Value::Object(record.0)),
        Ok(Reply::List(list)) => {
            Ok(list.into_iter().map(|(id, record)| (id, Value::Object(record.0))).collect())
        }
        Ok(Reply::Silent) => Ok(Value::Object(Map::new())),
        Ok(Reply::Absent | Reply::NotShown) => Ok(Value::Null),
        Err(error) => Err(failed(&error, &what, operation.is_read())),
    }
}

/// Knows the passwords among `parameters`.
fn redactor_of(export: &Export, parameters: &[(String, Sent)]) -> Redactor {
    let mut redactor = export.redactor();
    for (_, value) in parameters {
        if let Sent::Secret(secret) = value {
            redactor.add(secret);
        }
    }
    redactor
}

/// `purge_user jane`.
fn described(operation: &Operation, key: Option<&str>, redactor: &Redactor) -> String {
    match key {
        Some(key) => format!("{} {}", operation.name, redactor.name(key)),
        None => operation.name.to_owned(),
    }
}

/// A write that got no readable answer may have done its work; a read has none to do.
fn failed(error: &CallError, what: &str, is_read: bool) -> Error {
    let status = if error.doubt && !is_read { Status::Doubt } else { error.status() };
    let code = error.code().map(str::to_owned);
    Error { code, ..Error::new(status, format!("{what} failed: {}", error.text)) }
}

/// `{password, password_encoding}` → `{sendable, text}`, without a request.
fn encoding(mut fields: Fields) -> Result<Value, Error> {
    let password = Secret::new(fields.needed_text("password")?);
    let encoding = fields.needed_text("password_encoding")?;
    fields.finish()?;
    Ok(match to_send(password.reveal(), &encoding) {
        Ok(password) => json!({ "sendable": true, "text": format!("sent as {}", password.kind()) }),
        Err(NotSendable(text)) => json!({ "sendable": false, "text": text }),
    })
}

/// `{method, path, parameters, force_array}` → the answer, whatever it is, as one value.
fn request(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let method = match fields.needed_text("method")?.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        _ => return Err(Error::argument("key method must be GET or POST")),
    };
    let path = fields.needed_text("path")?;
    let always_list = fields.texts("force_array")?;
    let mut parameters = vec![parameter_for("client_type", "FREESIDE".to_owned())];
    if let Some(given) = fields.object("parameters")? {
        parameters.extend(
            given
                .rest()?
                .into_iter()
                .filter(|(name, _)| name != "client_type")
                .map(|(name, value)| parameter_for(&name, value)),
        );
    }
    fields.finish()?;
    let redactor = redactor_of(export, &parameters);
    let request = Request { method, path: segments(&path)?, parameters, body_limit: None };
    let what = format!("{} /{}", method.as_str(), api::described_path(&request.path, &redactor));
    let what = one_line(&redactor.resolve(&what), 200);
    let api = export.api(sink, redactor, Limits::of_hook(export.configuration.timeout));
    ask(&api, &request, &always_list)
        .map_err(|error| failed(&api.cleaned(error), &what, method == Method::Get))
}

/// The path's segments; a percent-encoded one is decoded, for it is encoded anew when it is sent.
fn segments(path: &str) -> Result<Vec<String>, Error> {
    if path.contains(['?', '#']) {
        return Err(Error::argument("key path must not have a query: give parameters instead"));
    }
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| {
            let decoded = percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned();
            check_segment(&decoded, "path")?;
            Ok(decoded)
        })
        .collect()
}

fn ask(api: &Api, request: &Request, always_list: &[String]) -> Result<Value, CallError> {
    let answer = api.raw(request)?;
    let Some(root) = api::parse(&answer)? else { return Ok(Value::Object(Map::new())) };
    api::refusal_in(&root, &answer).map_or_else(|| Ok(Value::Object(fold(&root, always_list))), Err)
}
