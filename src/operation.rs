//! The operations of the C ABI, from document to document: a hook of Freeside (observe, plan, apply,
//! reply), and calls by name.

mod audit;
mod call;
mod check;
mod inspect;
mod purge;
mod rename;
mod repair;
mod sync;

pub use purge::{finish, purge};
pub use sync::synchronise;

use crate::api::{Api, Limits};
use crate::apply::{apply, Done};
use crate::document::{Configuration, Request, Service, Shape};
use crate::error::{Error, Status};
use crate::http::{Endpoint, Https};
use crate::id::{AccountId, PackageName};
use crate::log::{Level, Redactor, Sink};
use crate::observe::observe;
use crate::password::{to_send, NotSendable, Password};
use crate::plan::plan;
use crate::wire::Carrier;
use crate::world::{Hook, Task, World};
use serde_json::{json, Value};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// What a hook did, and on which account.
pub struct HookReply {
    pub done: Done,
    pub requests: usize,
    pub elapsed_ms: u64,
    pub account_id: AccountId,
}

impl HookReply {
    fn document(&self, hook: Hook) -> Value {
        let mut reply = json!({
            "steps": self.done.steps,
            "warnings": self.done.warnings,
            "requests": self.requests,
            "elapsed_ms": self.elapsed_ms,
            "account_id": self.account_id.as_str(),
        });
        // Any other hook ends complete or as before.
        if let (Hook::Unprovision, Value::Object(reply)) = (hook, &mut reply) {
            reply.insert("unfinished".to_owned(), json!(self.done.unfinished));
        }
        reply
    }
}

/// What was done by a task that is no hook, and with how many requests.
pub struct AccountDone {
    pub done: Done,
    pub requests: usize,
}

impl AccountDone {
    fn document(&self) -> Value {
        json!({ "steps": self.done.steps, "warnings": self.done.warnings, "requests": self.requests })
    }
}

/// One configured export: what `mm_export_new` makes. Calls on it may run side by side.
pub struct Export {
    configuration: Configuration,
    carrier: Box<dyn Carrier>,
}

impl Export {
    /// Reads and checks a configuration, offline.
    pub fn new(configuration: &str) -> Result<Export, Error> {
        let configuration = Configuration::parse(configuration)?;
        let https = Https::new(endpoint(&configuration))
            .map_err(|text| Error::configuration(configuration.redactor().name(&text)))?;
        Ok(Export { configuration, carrier: Box::new(https) })
    }

    /// An export whose requests go over `carrier`: a simulated network, in tests.
    pub fn over(configuration: &str, carrier: Box<dyn Carrier>) -> Result<Export, Error> {
        Ok(Export { configuration: Configuration::parse(configuration)?, carrier })
    }

    /// Runs a hook on its request document; returns its reply document.
    pub fn hook(&self, hook: Hook, request: &str, sink: &dyn Sink) -> Result<String, Error> {
        let request = Request::parse(request, hook.shape(), &self.configuration)
            .map_err(|error| about_the_mailbox(self.redacted(error), hook))?;
        let reply = self.run(hook, request, self.configuration.autopurge, sink)?;
        Ok(reply.document(hook).to_string())
    }

    /// Runs a hook; `autopurge`: whether an unprovision purges what it marked deleted.
    pub fn run(
        &self,
        hook: Hook,
        request: Request,
        autopurge: bool,
        sink: &dyn Sink,
    ) -> Result<HookReply, Error> {
        let redactor = self.redactor_for(&request);
        let subject = format!("cannot {} mailbox {}", hook.verb(), request.service.address());
        let (task, warning) = self.task(hook, request, autopurge).map_err(|error| error.about(&subject))?;
        let api = self.api(sink, redactor, Limits::of_hook(self.configuration.timeout));
        let world = World::new(&task.request);
        let ended =
            if task.request.dry_run { foretell(&api, &task, world) } else { apply(&api, &task, world) };
        let (mut done, world) = ended.map_err(|error| error.about(&subject))?;
        done.warnings.splice(0..0, warning);
        if !done.steps.is_empty() && !task.request.dry_run {
            let steps = done.steps.join("; ");
            let (address, requests) = (task.address(), api.requests());
            api.log(
                Level::Info,
                &format!("{} mailbox {address}: {steps} ({requests} requests)", hook.verb()),
            );
        }
        let elapsed_ms = u64::try_from(api.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(HookReply { done, requests: api.requests(), elapsed_ms, account_id: world.account_id })
    }

    /// Carries out a task that is no hook; `subject`: what could not be done, should it fail.
    fn carry_out(&self, task: &Task, subject: &str, sink: &dyn Sink) -> Result<AccountDone, Error> {
        let api = self.api(sink, self.redactor(), Limits::of_hook(self.configuration.timeout));
        let (done, _) = apply(&api, task, World::new(&task.request)).map_err(|error| error.about(subject))?;
        Ok(AccountDone { done, requests: api.requests() })
    }

    /// Refuses what no server could carry out, in the words of that hook.
    pub fn checked(&self, hook: Hook, request: &Request) -> Result<(), Error> {
        request.check().map_err(|error| about_the_mailbox(self.redacted(error), hook))
    }

    pub fn account_prefix(&self) -> &str {
        &self.configuration.account_prefix
    }

    /// The package of a service that names none.
    pub fn package(&self) -> &PackageName {
        &self.configuration.package
    }

    pub fn autopurge(&self) -> bool {
        self.configuration.autopurge
    }

    /// Runs an operation of the API, or one of this library's own, by its name.
    pub fn call(&self, operation: &str, arguments: &str, sink: &dyn Sink) -> Result<String, Error> {
        call::call(self, operation, arguments, sink).map_err(|error| self.redacted(error))
    }

    /// What a caller's document is refused for is told with words of its own, and those may be a secret in the wrong
    /// place.
    pub fn redacted(&self, error: Error) -> Error {
        error.redacted(&self.redactor())
    }

    fn api<'a>(&'a self, sink: &'a dyn Sink, redactor: Redactor, limits: Limits) -> Api<'a> {
        if self.configuration.tls_insecure && is_first_here(&self.configuration) {
            sink.write(
                Level::Warning,
                &format!(
                    "the certificate of {} is not verified (option tls_insecure): anybody between here and there can read the API password",
                    self.configuration.machine
                ),
            );
        }
        Api::new(&*self.carrier, sink, redactor, self.configuration.debug, limits)
    }

    fn redactor(&self) -> Redactor {
        self.configuration.redactor()
    }

    /// Knows the passwords of the request too, as they are stored and as they are sent.
    fn redactor_for(&self, request: &Request) -> Redactor {
        let mut redactor = self.redactor();
        for service in std::iter::once(&request.service).chain(&request.old) {
            redactor.add(&service.password);
            if let Ok(password) = password_of(service) {
                redactor.add(password.text());
            }
        }
        redactor
    }

    /// What is to be brought about, and what staff should know beforehand.
    fn task(&self, hook: Hook, request: Request, autopurge: bool) -> Result<(Task, Option<String>), Error> {
        let mut unsendable = None;
        let (password, warning) = match hook {
            Hook::Provision => match password_of(&request.service) {
                Ok(password) => Ok((Some(password), None)),
                // A mailbox that is there keeps its password; only one that is to be made needs it.
                Err(NotSendable(why)) if request.service.provisioned_before => {
                    unsendable = Some(why);
                    Ok((None, None))
                }
                Err(refusal) => Err(refusal),
            },
            Hook::Replace => new_password(&request),
            _ => Ok((None, None)),
        }
        .map_err(|NotSendable(why)| Error::refused(format!("its password cannot be sent: {why}")))?;
        let old_password = request.old.as_ref().and_then(|old| password_of(old).ok());
        Ok((Task { password, unsendable, old_password, autopurge, ..Task::of(hook, request) }, warning))
    }
}

/// At most this long for a connection, however long a request may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes: a list of some 20,000 users.
const LONGEST_ANSWER: u64 = 4 * 1024 * 1024;

fn endpoint(configuration: &Configuration) -> Endpoint {
    Endpoint {
        machine: configuration.machine.clone(),
        port: configuration.port,
        client_id: configuration.client_id.clone(),
        client_password: configuration.client_password.clone(),
        ca_file: configuration.ca_file.clone(),
        tls_insecure: configuration.tls_insecure,
        connect_limit: CONNECT_LIMIT,
        body_limit: LONGEST_ANSWER,
    }
}

/// Whether this process has not yet asked this for this export. A lock that a fork left locked is no
/// reason to wait: then the answer is yes.
fn is_first_here(configuration: &Configuration) -> bool {
    static SEEN: Mutex<BTreeSet<(u32, String, u16, String)>> = Mutex::new(BTreeSet::new());
    let key = (
        std::process::id(),
        configuration.machine.clone(),
        configuration.port,
        configuration.client_id.clone(),
    );
    SEEN.try_lock().map_or(true, |mut seen| seen.insert(key))
}

impl Hook {
    /// What the hook's request must hold.
    fn shape(self) -> Shape {
        match self {
            Hook::Provision => Shape::WithPassword,
            Hook::Replace => Shape::WithOld,
            Hook::Unprovision
            | Hook::Suspend
            | Hook::Unsuspend
            | Hook::Purge
            | Hook::Sync
            | Hook::Rename
            | Hook::Mend => Shape::Plain,
        }
    }

    pub fn verb(self) -> &'static str {
        match self {
            Hook::Provision => "provision",
            Hook::Unprovision => "unprovision",
            Hook::Replace => "change",
            Hook::Suspend => "suspend",
            Hook::Unsuspend => "unsuspend",
            Hook::Purge => "purge",
            Hook::Sync => "bring in line",
            Hook::Rename => "rename",
            Hook::Mend => "mend",
        }
    }
}

/// A service that cannot be a mailbox: the refusal names what it lacks, and this what cannot be done.
fn about_the_mailbox(error: Error, hook: Hook) -> Error {
    match error.status {
        Status::Refused => error.about(&format!("cannot {} the mailbox", hook.verb())),
        _ => error,
    }
}

fn password_of(service: &Service) -> Result<Password, NotSendable> {
    to_send(service.password.reveal(), &service.password_encoding)
}

/// A password that cannot be sent stops a change only where it changed.
fn new_password(request: &Request) -> Result<(Option<Password>, Option<String>), NotSendable> {
    let new = &request.service;
    let unchanged = request
        .old
        .as_ref()
        .is_some_and(|old| old.password == new.password && old.password_encoding == new.password_encoding);
    match password_of(new) {
        Ok(password) => Ok((Some(password), None)),
        Err(NotSendable(why)) if unchanged => {
            Ok((None, Some(format!("the password, which did not change, was not sent: {why}"))))
        }
        Err(refusal) => Err(refusal),
    }
}

/// A dry run: the whole plan, on what MagicMail has now.
fn foretell(api: &Api, task: &Task, mut world: World) -> Result<(Done, World), Error> {
    observe(api, task, &mut world).map_err(|unreadable| unreadable.to_error(api))?;
    let plan = plan(task, &world).map_err(|refusal| Error::new(refusal.status, api.clean(&refusal.text)))?;
    let steps = plan.steps.iter().map(|planned| api.clean(&planned.step.text())).collect();
    let warnings = plan.warnings.iter().map(|warning| api.clean(warning)).collect();
    Ok((Done { steps, warnings, unfinished: Vec::new() }, world))
}
