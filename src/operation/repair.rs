//! `repair`: one finding of an audit mended, after another look.

use super::audit::{fault_of, task};
use super::Export;
use crate::api::Limits;
use crate::apply::apply;
use crate::document::{audited_account, Fields};
use crate::error::Error;
use crate::log::{Level, Sink};
use crate::observe::observe;
use crate::plan::audit::{audit, Mend};
use crate::world::World;
use serde_json::{json, Value};

/// `{account: {id, services: […]}, finding}` → `{state, steps, warnings, requests}`.
///
/// `state` is `mended`; `gone` where the two sides do not differ so any more; `provision` where the service's own
/// provision hook mends it, which the caller runs, with its password; `hand` where nothing here does.
pub fn repair(export: &Export, mut fields: Fields, sink: &dyn Sink) -> Result<Value, Error> {
    let key = fields.needed_text("finding")?;
    let (id, mut services) = audited_account(fields.needed_object("account")?)?;
    fields.finish()?;
    services.retain(|service| fault_of(service).is_none());
    let task = task(&id, services, Some(key.clone()));
    let api = export.api(sink, export.redactor(), Limits::of_hook(export.configuration.timeout));
    let subject = format!("cannot mend {key}");
    let mut world = World::new(&task.request);
    observe(&api, &task, &mut world).map_err(|unreadable| unreadable.to_error(&api).about(&subject))?;
    let found = audit(&task, &world)
        .map_err(|refusal| Error::new(refusal.status, api.clean(&refusal.text)).about(&subject))?
        .findings
        .into_iter()
        .find(|finding| finding.key == key);
    let ended = |state: &str, steps: &[String], warnings: &[String]| json!({ "state": state, "steps": steps, "warnings": warnings, "requests": api.requests() });
    match found.map(|finding| finding.mend) {
        None => Ok(ended("gone", &[], &[])),
        Some(Mend::Provision(_)) => Ok(ended("provision", &[], &[])),
        Some(Mend::ByHand(text)) => Ok(ended("hand", &[], &[api.clean(&text)])),
        Some(Mend::Steps(_)) => {
            let (done, _) = apply(&api, &task, world).map_err(|error| error.about(&subject))?;
            let steps = done.steps.join("; ");
            api.log(Level::Info, &format!("mended {key}: {steps} ({} requests)", api.requests()));
            Ok(ended("mended", &done.steps, &done.warnings))
        }
    }
}
