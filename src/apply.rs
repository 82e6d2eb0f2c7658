//! Runs a plan: step after step, each one known as done, not done, or in doubt; when a fatal one fails,
//! what was done is undone, last first. Nothing else changes anything in MagicMail.
//!
//! After each step the plan is made anew from what is known then, so that what the server did otherwise
//! than foretold is met by the planner and not by guesses here.

mod calls;
mod learn;
mod look_up;
mod settle;
mod undo;
mod verdict;

use crate::api::{Api, CallError, Cause, Reply};
use crate::error::{Error, Status};
use crate::observe::observe;
use crate::plan::{plan, Plan, Planned, Refusal, Weight};
use crate::record::{Account, Status as UserStatus};
use crate::step::Step;
use crate::world::{Hook, Known, Task, World};
use learn::learn;
use settle::Settled;

/// What a hook did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub steps: Vec<String>,
    pub warnings: Vec<String>,
}

/// A step that took effect, or may have.
struct Entry {
    step: Step,
    effect: Effect,
}

impl Entry {
    /// This hook did it, or may have: what the server refused, and has, is never taken back.
    fn is_ours(&self) -> bool {
        matches!(self.effect, Effect::Done | Effect::InDoubt)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Done,
    /// The server refused it, and it is so: it was so before, or the server did it all the same.
    Already,
    /// The server refused it; whether it is so all the same is asked where that matters.
    Refused,
    InDoubt,
}

/// Why a hook stops.
struct Failure {
    /// The step that failed; none where it is not a step's fault.
    step: Option<Step>,
    status: Status,
    code: Option<String>,
    /// What could not be done, to follow "cannot provision mailbox jane@example.net: ".
    what: String,
    /// Why; empty if `what` says it.
    why: String,
}

impl Failure {
    fn text(&self) -> String {
        if self.why.is_empty() {
            self.what.clone()
        } else {
            format!("{}: {}", self.what, self.why)
        }
    }
}

struct Run<'a> {
    api: &'a Api<'a>,
    task: &'a Task,
    world: World,
    journal: Vec<Entry>,
    warnings: Vec<String>,
}

/// Brings about what `task` wants. `world` is what is known already.
pub fn apply(api: &Api, task: &Task, world: World) -> Result<(Done, World), Error> {
    let mut run = Run { api, task, world, journal: Vec::new(), warnings: Vec::new() };
    match run.bring_about() {
        Ok(()) => {
            let done = run.journal.iter().filter(|entry| entry.effect == Effect::Done);
            let steps = done.map(|entry| entry.step.text()).collect();
            Ok((Done { steps, warnings: run.warnings }, run.world))
        }
        Err(failure) => Err(run.undone(failure)),
    }
}

impl Run<'_> {
    fn bring_about(&mut self) -> Result<(), Failure> {
        loop {
            let plan = match self.next_plan() {
                Ok(plan) => plan,
                // The service is gone already: what is unfinished is only warned about.
                Err(failure) if self.is_past_the_mark() => {
                    self.warn(failure.text());
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            for warning in plan.warnings {
                self.warn(warning);
            }
            let stage = first_stage(plan.steps);
            if stage.is_empty() {
                return Ok(());
            }
            if let Some(again) = stage.iter().find(|planned| self.has_done(&planned.step)) {
                let text = format!("the server does not keep what it was told: {}", again.step.text());
                if self.is_past_the_mark() {
                    self.warn(text);
                    return Ok(());
                }
                let step = Some(again.step.clone());
                let why = String::new();
                return Err(Failure { step, status: Status::Server, code: None, what: text, why });
            }
            self.run_stage(stage)?;
        }
    }

    fn next_plan(&mut self) -> Result<Plan, Failure> {
        observe(self.api, self.task, &mut self.world).map_err(|unreadable| Failure {
            step: None,
            status: unreadable.error.status(),
            code: unreadable.error.code().map(str::to_owned),
            what: unreadable.failed(),
            why: unreadable.error.text,
        })?;
        plan(self.task, &self.world).map_err(|Refusal { status, text }| Failure {
            step: None,
            status,
            code: None,
            what: self.api.clean(&text),
            why: String::new(),
        })
    }

    /// The steps of a stage are sent side by side, then settled one by one.
    fn run_stage(&mut self, stage: Vec<Planned>) -> Result<(), Failure> {
        let calls: Vec<_> = stage.iter().map(|planned| calls::call(&planned.step)).collect();
        let replies = match self.api.begin_step() {
            Ok(()) => self.api.write(&calls),
            Err(error) => calls.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut fatal = None;
        for (planned, reply) in stage.into_iter().zip(replies) {
            let step = planned.step;
            match settle::settle(self.api, &step, reply) {
                Settled::Done(reply) => self.take_in(step, reply.as_ref(), Effect::Done),
                // It is there all the same, and who is on it is to be asked.
                Settled::Already(Reply::Record(record)) if matches!(&step, Step::CreateAccount { .. }) => {
                    self.world.account = Known::There(Account::of(&record, &self.world.account_id));
                    self.journal.push(Entry { step, effect: Effect::Already });
                }
                Settled::Already(reply) => self.take_in(step, Some(&reply), Effect::Already),
                // The name may be taken, or be there all the same: ask whose it is, and plan anew. What the
                // server refused to make is not counted as made.
                Settled::Failed { error, certain: true }
                    if matches!(step, Step::CreateUser { .. })
                        && matches!(error.cause, Cause::Refused(_))
                        && !self.world.name_refused =>
                {
                    self.world.user = Known::Unknown;
                    self.world.name_refused = true;
                    self.journal.push(Entry { step, effect: Effect::Refused });
                }
                Settled::Failed { error, certain } => {
                    let effect = (!certain).then_some(Effect::InDoubt);
                    let failure = self.failed(step, &error, effect, planned.weight);
                    fatal = fatal.or(failure);
                }
                Settled::Refused(error) => {
                    let failure = self.failed(step, &error, Some(Effect::Refused), planned.weight);
                    fatal = fatal.or(failure);
                }
            }
        }
        fatal.map_or(Ok(()), Err)
    }

    /// `effect`: which the step may have had; none where it certainly had none. Returns the failure of the hook,
    /// where the step is one that the hook cannot do without.
    fn failed(
        &mut self,
        step: Step,
        error: &CallError,
        effect: Option<Effect>,
        weight: Weight,
    ) -> Option<Failure> {
        let failure = self.failure_of(&step, error, effect.is_none());
        self.journal.extend(effect.map(|effect| Entry { step: step.clone(), effect }));
        if weight == Weight::Fatal {
            return Some(failure);
        }
        self.warn(failure.text());
        self.world.given_up.push(step);
        None
    }

    fn take_in(&mut self, step: Step, reply: Option<&Reply>, effect: Effect) {
        step.take_effect(&mut self.world);
        learn(&step, reply, &mut self.world);
        self.journal.push(Entry { step, effect });
    }

    fn has_done(&self, step: &Step) -> bool {
        let is_done = |entry: &Entry| matches!(entry.effect, Effect::Done | Effect::Already);
        self.journal.iter().any(|entry| is_done(entry) && entry.step == *step)
    }

    fn is_past_the_mark(&self) -> bool {
        let is_mark = |entry: &Entry| matches!(&entry.step, Step::SetUserStatus { status, .. } if *status == UserStatus::Deleted);
        self.task.hook == Hook::Unprovision && self.journal.iter().any(is_mark)
    }

    fn failure_of(&self, step: &Step, error: &CallError, certain: bool) -> Failure {
        let doubt = if certain { "" } else { "; it cannot be told whether it was done all the same" };
        Failure {
            step: Some(step.clone()),
            status: error.status(),
            code: error.code().map(str::to_owned),
            what: self.api.clean(&format!("could not {}", step.text())),
            why: self.api.clean(&format!("{}{doubt}", error.text)),
        }
    }

    fn warn(&mut self, text: String) {
        let text = self.api.clean(&text);
        if !self.warnings.contains(&text) {
            self.warnings.push(text);
        }
    }
}

/// The first step, and those that may run side by side with it.
fn first_stage(steps: Vec<Planned>) -> Vec<Planned> {
    let mut rest = steps.into_iter();
    let mut stage: Vec<Planned> = rest.next().into_iter().collect();
    stage.extend(rest.take_while(|planned| planned.beside));
    stage
}
