//! Where Freeside and MagicMail differ on one account: the findings, each with what mends it. Pure, as all of
//! the planner: the same code says what an audit shows and what a repair does.

mod account;
mod finding;
mod scene;
mod services;

pub use finding::{orphan_account, orphan_user, Finding, Kind, Mend};
pub use scene::Seen;

use super::{Plan, Planned, Refusal, Weight};
use crate::record::User;
use crate::world::{Task, World};
use scene::Scene;

/// What an audit of one account gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    pub findings: Vec<Finding>,
    /// Users on the account, not deleted, that none of its services has. Whether another one has them, the
    /// account's own services do not tell.
    pub strangers: Vec<User>,
}

/// Compares. Refuses where what the server said contradicts itself: then nothing is found, and nothing mended.
pub fn audit(task: &Task, world: &World) -> Result<Audit, Refusal> {
    let scene = Scene::of(task, world);
    scene.believed()?;
    let mut findings = Vec::new();
    services::compare(&scene, &mut findings);
    account::compare(&scene, &mut findings);
    findings.sort_by_key(|one| (one.kind, one.svcnum));
    Ok(Audit { findings, strangers: scene.strangers() })
}

/// What differs of one service and of its account, on a world in which the other services may not have been looked at:
/// for the page of the service.
pub fn look(task: &Task, world: &World, svcnum: u64) -> Result<Vec<Finding>, Refusal> {
    let mut findings = audit(task, world)?.findings;
    findings.retain(|finding| finding.svcnum.is_none_or(|of| of == svcnum));
    Ok(findings)
}

/// The plan that gives an account its customer's name, if it is called after the customer whom the task names.
pub fn rename(task: &Task, world: &World) -> Plan {
    let scene = Scene::of(task, world);
    let is_theirs = task.renamed.is_some_and(|customer| account::is_called_after(&scene, customer));
    let step = account::rename_step(&scene).filter(|_| is_theirs);
    let planned = |step| Planned { step, weight: Weight::Fatal, beside: false };
    Plan { steps: step.map(planned).into_iter().collect(), ..Plan::default() }
}

/// The plan that mends the finding which the task names; no steps where it is not found any more.
pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let found = audit(task, world)?.findings;
    let key = task.finding.as_deref().unwrap_or_default();
    match found.into_iter().find(|finding| finding.key == key).map(|finding| finding.mend) {
        Some(Mend::Steps(steps)) => Ok(Plan { steps, ..Plan::default() }),
        Some(Mend::ByHand(text)) => Err(Refusal::because(text)),
        Some(Mend::Provision(_)) => Err(Refusal::because("the provision hook mends it".to_owned())),
        None => Ok(Plan::default()),
    }
}
