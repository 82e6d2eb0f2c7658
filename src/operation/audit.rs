//! `audit` and `orphans`: where Freeside and MagicMail differ. Both only read; the planner says what differs and
//! what mends it.

use super::Export;
use crate::api::{Api, Call, Limits, Reply};
use crate::document::{audited_account, check_segment, Fields, Neighbour, SeenUser};
use crate::error::{Error, Status};
use crate::foreign::foreign;
use crate::id::AccountId;
use crate::log::{Redactor, Sink};
use crate::observe::{observe_each, Reading};
use crate::plan::audit::{audit as compare, orphan_account, orphan_user, Finding, Mend};
use crate::record::Account;
use crate::world::{Hook, Task, World};
use serde_json::{json, Value};
use std::collections::BTreeSet;
use std::time::Duration;

/// What an account costs beside the time for one request, at most.
const TIME_FOR_AN_ACCOUNT: Duration = Duration::from_secs(1);

/// `{accounts: [{id, services: […]}], within}` → `{findings, unread, left_out, strangers, accounts, requests}`.
///
/// `unread`: the accounts that could not be read or believed, of which nothing is said else; `left_out`: services
/// that cannot be mailboxes; `strangers`: users that none of their account's services has, for `orphans`.
pub fn audit(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let accounts =
        fields.objects("accounts")?.into_iter().map(audited_account).collect::<Result<Vec<_>, _>>()?;
    let limits = limits(export, &mut fields, accounts.len())?;
    fields.finish()?;
    let mut report = Report::default();
    let tasks: Vec<Task> =
        accounts.into_iter().map(|(id, services)| task(&id, report.usable(services), None)).collect();
    let api = export.api(sink, export.redactor(), limits);
    let mut readings: Vec<Reading> =
        tasks.iter().map(|task| Reading::new(task, World::new(&task.request))).collect();
    observe_each(&api, &mut readings);
    for reading in &readings {
        report.add(&api, reading);
    }
    Ok(json!({
        "findings": report.findings, "unread": report.unread, "left_out": report.left_out,
        "strangers": report.strangers, "accounts": report.accounts, "requests": api.requests(),
    }))
}

/// Of the request's own, within what a batch may take, so that a server that hangs ends it.
fn limits(export: &Export, fields: &mut Fields, accounts: usize) -> Result<Limits, Error> {
    let request = export.configuration.timeout;
    let count = u32::try_from(accounts).unwrap_or(u32::MAX);
    let whole = match fields.text("within")?.filter(|text| !text.is_empty()) {
        None => request * 3 + TIME_FOR_AN_ACCOUNT.saturating_mul(count),
        Some(text) => match text.parse::<f64>() {
            Ok(seconds) if seconds > 0.0 && seconds <= 3_600.0 => Duration::from_secs_f64(seconds),
            _ => return Err(Error::argument("key within must be a number of seconds")),
        },
    };
    Ok(Limits { request: request.min(whole), ..Limits::within(whole) })
}

/// An account to be looked at as a whole, and what is to be mended there.
pub fn task(account: &AccountId, services: Vec<Neighbour>, finding: Option<String>) -> Task {
    Task { finding, ..Task::of_account(Hook::Mend, account, services) }
}

/// Why a service cannot be a mailbox, if so.
pub fn fault_of(service: &Neighbour) -> Option<String> {
    if service.username.as_str().trim().is_empty() {
        return Some("it has no user name".to_owned());
    }
    if service.domain.trim().is_empty() {
        return Some("it has no domain".to_owned());
    }
    let checked = check_segment(service.username.as_str(), "user name");
    checked
        .and_then(|()| check_segment(&service.domain, "domain"))
        .err()
        .map(|error| error.redacted(&Redactor::default()).text)
}

#[derive(Default)]
struct Report {
    findings: Vec<Value>,
    unread: Vec<Value>,
    left_out: Vec<Value>,
    strangers: Vec<Value>,
    accounts: usize,
}

impl Report {
    /// Leaves out what cannot be a mailbox.
    fn usable(&mut self, services: Vec<Neighbour>) -> Vec<Neighbour> {
        let mut usable = Vec::with_capacity(services.len());
        for service in services {
            match fault_of(&service) {
                None => usable.push(service),
                Some(text) => self.left_out.push(json!({
                    "svcnum": service.svcnum, "customer": service.standing.customer, "text": text,
                })),
            }
        }
        usable
    }

    fn add(&mut self, api: &Api, reading: &Reading) {
        let account = reading.world.account_id.as_str();
        let why = match &reading.unreadable {
            Some(unreadable) => unreadable.text(),
            None => match compare(reading.task, &reading.world) {
                Err(refusal) => refusal.text,
                Ok(audit) => {
                    self.accounts += 1;
                    self.findings.extend(audit.findings.iter().map(|finding| as_json(finding, api)));
                    self.strangers.extend(audit.strangers.iter().map(|user| {
                        json!({ "account": account, "user": user.name.as_str(), "master": user.master })
                    }));
                    return;
                }
            },
        };
        self.unread.push(json!({ "account": account, "text": api.clean(&why) }));
    }
}

pub fn as_json(finding: &Finding, api: &Api) -> Value {
    let steps: Vec<String> =
        finding.mend.steps().iter().map(|planned| api.clean(&planned.step.text())).collect();
    let hint = match &finding.mend {
        Mend::ByHand(text) => api.clean(text),
        _ => String::new(),
    };
    json!({
        "key": api.clean(&foreign(&finding.key)), "kind": finding.kind.word(), "title": finding.kind.title(),
        "customer": finding.customer, "svcnum": finding.svcnum, "mailbox": finding.mailbox.as_ref().map(|text| api.clean(text)),
        "account": api.clean(finding.account.as_str()), "freeside": api.clean(&finding.freeside),
        "magicmail": api.clean(&finding.magicmail), "mend": finding.mend.word(), "steps": steps, "hint": hint,
    })
}

/// `{known: [account ids], prefixes, strangers: [{account, user, master, services}]}` → `{findings, requests}`.
///
/// `known` are all accounts on which Freeside has services; `strangers` users that an audit saw, each with the
/// services that have its name elsewhere.
pub fn orphans(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let known: BTreeSet<AccountId> = fields.texts("known")?.into_iter().map(AccountId::new).collect();
    let prefixes: Vec<AccountId> = fields.texts("prefixes")?.into_iter().map(AccountId::new).collect();
    let strangers =
        fields.objects("strangers")?.into_iter().map(SeenUser::from_fields).collect::<Result<Vec<_>, _>>()?;
    let limits = limits(export, &mut fields, 0)?;
    fields.finish()?;
    let api = export.api(sink, export.redactor(), limits);
    let listed = api.read_one(&Call::get_accounts());
    let list = match listed {
        Ok(Reply::List(list)) if !list.is_empty() || known.is_empty() => list,
        Ok(_) => {
            let text =
                "the server lists no accounts, but Freeside knows some; nothing is decided on such a list";
            return Err(Error::new(Status::Server, text));
        }
        Err(error) => {
            let text = format!("could not read the list of accounts: {}", error.text);
            return Err(Error::new(error.status(), text));
        }
    };
    let mut findings = Vec::new();
    for (id, record) in list {
        let account = Account::from_record(&record, &AccountId::new(id));
        let ours = prefixes.iter().any(|prefix| account.id.key().starts_with(prefix.key()));
        if ours && !known.contains(&account.id) {
            findings.extend(orphan_account(&account));
        }
    }
    let users = strangers.iter().filter(|seen| seen.services.is_empty());
    findings.extend(users.map(|seen| orphan_user(&seen.account, &seen.user, seen.master)));
    let findings: Vec<Value> = findings.iter().map(|finding| as_json(finding, &api)).collect();
    Ok(json!({ "findings": findings, "requests": api.requests() }))
}
