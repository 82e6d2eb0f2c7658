//! From what Freeside wants and what MagicMail has to the steps between them. Pure: no I/O, no clock, no
//! log, no environment. The hooks, a dry run and the audit all decide here.
//!
//! [`missing_facts`] says what has to be known before [`plan`] can be asked; planning again on the
//! world that a plan leads to gives no steps.

pub mod audit;
mod facts;
mod master;
mod namesake;
mod packages;
mod provision;
mod purge;
mod replace;
mod suspend;
mod sync;
mod unprovision;

pub use facts::{missing_facts, Fact};

use crate::error::Status;
use crate::record::User;
use crate::step::Step;
use crate::world::{Hook, Task, World};

/// What follows when a step fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The hook fails, and what was done is undone.
    Fatal,
    /// The same, but only a warning if the server forbids it (`error.permission_denied`): it cannot be done at all.
    FatalUnlessForbidden,
    /// A warning.
    Warn,
    /// A warning; and it is left out where a step before it was warned about.
    WarnIfAllWell,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub step: Step,
    pub weight: Weight,
    /// It does not depend on the step before it, and may run side by side with it.
    pub beside: bool,
}

/// Steps in their order, and what staff should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub steps: Vec<Planned>,
    pub warnings: Vec<String>,
    /// What is left out because of a failure before it; with that, a repeat or a job finishes it.
    pub unfinished: Vec<String>,
}

/// Why there is no plan; nothing must be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: Status,
    pub text: String,
}

impl Refusal {
    fn because(text: String) -> Refusal {
        Refusal { status: Status::Refused, text }
    }

    /// What the server says cannot be right.
    fn not_believed(text: String) -> Refusal {
        Refusal { status: Status::Server, text }
    }
}

impl Plan {
    fn push(&mut self, step: Step, weight: Weight) {
        self.steps.push(Planned { step, weight, beside: false });
    }

    /// `beside`: it may run side by side with the one before it.
    fn push_each(&mut self, step: Step, weight: Weight, beside: bool) {
        self.steps.push(Planned { step, weight, beside });
    }

    fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }
}

/// The users of the account that are marked as masters, and the one of them that counts, of the account's services
/// that `task` names. One whose account `world` does not show must be read directly first.
pub fn masters<'a>(task: &Task, world: &'a World) -> (Vec<&'a User>, Option<&'a User>) {
    (master::candidates(world), master::of(task, world).user)
}

/// The steps that bring about what `task` wants in `world`.
pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let mut plan = match task.hook {
        Hook::Provision => provision::plan(task, world),
        Hook::Unprovision => unprovision::plan(task, world),
        Hook::Replace => replace::plan(task, world),
        Hook::Suspend | Hook::Unsuspend => suspend::plan(task, world),
        Hook::Purge => Ok(purge::plan(task, world)),
        Hook::Sync => sync::plan(task, world),
        Hook::Rename => Ok(audit::rename(task, world)),
        Hook::Mend => audit::plan(task, world),
    }?;
    let all_well = world.progress.given_up.is_empty();
    let (kept, left_out): (Vec<_>, Vec<_>) = plan
        .steps
        .into_iter()
        .filter(|planned| !world.progress.given_up.contains(&planned.step))
        .partition(|planned| all_well || planned.weight != Weight::WarnIfAllWell);
    plan.steps = kept;
    plan.unfinished.extend(left_out.iter().map(|planned| planned.step.text()));
    Ok(plan)
}
