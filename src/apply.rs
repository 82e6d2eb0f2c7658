//! Runs a plan: step after step, each one known as done, not done, or in doubt; when a fatal one fails,
//! what was done is undone, last first. Nothing else changes anything in MagicMail.
//!
//! After each step the plan is recomputed from what is known then: the server may have done otherwise than expected.

mod calls;
mod learn;
mod look_up;
mod settle;
mod undo;
mod verdict;

use crate::api::{Api, CallError, Cause, Reply};
use crate::error::{Error, Status};
use crate::evidence::Known;
use crate::observe::observe;
use crate::plan::{plan, Plan, Planned, Refusal, Weight};
use crate::record::{Account, Status as UserStatus};
use crate::step::Step;
use crate::world::{Hook, Task, World};
use learn::record_answer;
use settle::StepOutcome;
use std::collections::BTreeMap;

/// What a hook did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub steps: Vec<String>,
    pub warnings: Vec<String>,
    /// What an unprovision could not finish after its mark; a repeat, or a job, finishes it.
    pub unfinished: Vec<String>,
}

/// A step that took effect, or may have.
struct Entry {
    step: Step,
    effect: Effect,
}

impl Entry {
    /// This call did it, or may have: what the server refused, and has, is never taken back.
    fn is_ours(&self) -> bool {
        matches!(self.effect, Effect::Done | Effect::Unproven | Effect::InDoubt)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Done,
    /// The server says so, but what it shows of that name may have been there before.
    Unproven,
    /// The server refused it, and it is so: it was so before, or the server did it all the same.
    Already,
    /// The server refused it; whether it is so all the same is asked where that matters.
    Refused,
    InDoubt,
}

/// Why a hook stops.
struct Failure {
    /// The step that failed; none if no step is to blame.
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
    unfinished: Vec<String>,
}

/// Brings about what `task` wants. `world` is what is known already.
pub fn apply(api: &Api, task: &Task, world: World) -> Result<(Done, World), Error> {
    let mut run = Run { api, task, world, journal: Vec::new(), warnings: Vec::new(), unfinished: Vec::new() };
    match run.bring_about() {
        Ok(()) => {
            let is_done = |entry: &&Entry| matches!(entry.effect, Effect::Done | Effect::Unproven);
            let done = run.journal.iter().filter(is_done);
            let steps = done.map(|entry| api.clean(&entry.step.text())).collect();
            Ok((Done { steps, warnings: run.warnings, unfinished: named(run.unfinished) }, run.world))
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
                    self.leave_unfinished(failure.text());
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            for warning in plan.warnings {
                self.warn(warning);
            }
            let stage = first_stage(plan.steps);
            if stage.is_empty() {
                self.name_left_out(plan.unfinished);
                return Ok(());
            }
            if let Some(again) = stage.iter().find(|planned| self.has_done(&planned.step)) {
                let text = format!("the server reported success, but nothing changed: {}", again.step.text());
                if self.is_past_the_mark() {
                    self.leave_unfinished(text);
                    return Ok(());
                }
                let step = Some(again.step.clone());
                return Err(Failure {
                    step,
                    status: Status::Server,
                    code: None,
                    what: self.api.clean(&text),
                    why: String::new(),
                });
            }
            self.run_stage(stage)?;
        }
    }

    fn next_plan(&mut self) -> Result<Plan, Failure> {
        observe(self.api, self.task, &mut self.world).map_err(|unreadable| Failure {
            step: None,
            status: unreadable.error.status(),
            code: unreadable.error.code().map(str::to_owned),
            what: self.api.clean(&unreadable.failed()),
            why: self.api.clean(&unreadable.error.text),
        })?;
        plan(self.task, &self.world).map_err(|Refusal { status, text }| Failure {
            step: None,
            status,
            code: None,
            what: self.api.clean(&text),
            why: String::new(),
        })
    }

    /// The steps of a stage are sent concurrently, then resolved one by one.
    fn run_stage(&mut self, stage: Vec<Planned>) -> Result<(), Failure> {
        let mut only_warned_about = Vec::new();
        let calls: Vec<_> = stage.iter().map(|planned| calls::call(&planned.step)).collect();
        let replies = match self.api.begin_step() {
            Ok(()) => self.api.write(&calls),
            Err(error) => calls.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut fatal = None;
        for (planned, reply) in stage.into_iter().zip(replies) {
            let step = planned.step;
            match settle::resolve(self.api, &step, reply) {
                StepOutcome::Done(reply) => self.record(step, reply.as_ref(), Effect::Done),
                StepOutcome::Unproven(reply) => self.record(step, reply.as_ref(), Effect::Unproven),
                // It is there all the same, and who is on it is to be asked.
                StepOutcome::Already(Reply::Record(record))
                    if matches!(&step, Step::CreateAccount { .. }) =>
                {
                    self.world.account =
                        Known::Present(Account::from_record(&record, &self.world.account_id));
                    self.journal.push(Entry { step, effect: Effect::Already });
                }
                StepOutcome::Already(reply) => self.record(step, Some(&reply), Effect::Already),
                // The name may be taken, or be there all the same: ask whose it is, and plan again. What the
                // server refused to make does not count as made.
                StepOutcome::Failed { error, certain: true }
                    if matches!(step, Step::CreateUser { .. })
                        && matches!(error.cause, Cause::Refused(_))
                        && !self.world.progress.creation_refused =>
                {
                    self.world.user = Known::NotAsked;
                    self.world.progress.creation_refused = true;
                    self.journal.push(Entry { step, effect: Effect::Refused });
                }
                StepOutcome::Failed { error, certain } => {
                    let effect = (!certain).then_some(Effect::InDoubt);
                    let failure = self.failed(&step, &error, effect);
                    if is_fatal(planned.weight, &error) {
                        fatal = fatal.or(Some(failure));
                    } else {
                        only_warned_about.push((step, failure));
                    }
                }
                StepOutcome::Refused(error) => {
                    let failure = self.failed(&step, &error, Some(Effect::Refused));
                    if is_fatal(planned.weight, &error) {
                        fatal = fatal.or(Some(failure));
                    } else {
                        only_warned_about.push((step, failure));
                    }
                }
            }
        }
        self.give_up(only_warned_about);
        fatal.map_or(Ok(()), Err)
    }

    /// `effect`: which the step may have had; none if it certainly had none.
    fn failed(&mut self, step: &Step, error: &CallError, effect: Option<Effect>) -> Failure {
        self.journal.extend(effect.map(|effect| Entry { step: step.clone(), effect }));
        self.failure_of(step, error, effect.is_none())
    }

    /// Steps that the hook can do without. Many that failed for one reason are one warning: a user may hold a
    /// thousand packages too many.
    fn give_up(&mut self, failed: Vec<(Step, Failure)>) {
        let mut count_of: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, failure) in &failed {
            *count_of.entry(&failure.why).or_default() += 1;
        }
        let mut warned: BTreeMap<&str, usize> = BTreeMap::new();
        let mut warnings = Vec::new();
        for (_, failure) in &failed {
            let count = count_of[failure.why.as_str()];
            let seen = warned.entry(&failure.why).or_default();
            *seen += 1;
            if count <= MOST_NAMED {
                warnings.push(failure.text());
            } else if *seen == 1 {
                let rest = format!("{}; {} more steps failed in the same way", failure.text(), count - 1);
                warnings.push(rest);
            }
        }
        warnings.into_iter().for_each(|warning| self.warn(warning));
        for (step, _) in failed {
            self.unfinished.push(self.api.clean(&step.text()));
            self.world.progress.given_up.push(step);
        }
    }

    fn record(&mut self, step: Step, reply: Option<&Reply>, effect: Effect) {
        step.take_effect(&mut self.world);
        record_answer(&step, reply, &mut self.world);
        self.journal.push(Entry { step, effect });
    }

    fn has_done(&self, step: &Step) -> bool {
        let is_done =
            |entry: &Entry| matches!(entry.effect, Effect::Done | Effect::Unproven | Effect::Already);
        self.journal.iter().any(|entry| is_done(entry) && entry.step == *step)
    }

    fn is_past_the_mark(&self) -> bool {
        let is_mark = |entry: &Entry| matches!(&entry.step, Step::SetUserStatus { status, .. } if *status == UserStatus::Deleted);
        self.task.hook == Hook::Unprovision && self.journal.iter().any(is_mark)
    }

    fn failure_of(&self, step: &Step, error: &CallError, certain: bool) -> Failure {
        let doubt = match (certain, step.sets_password()) {
            (true, _) => "",
            (false, true) => "; it is not known whether the password was changed",
            (false, false) => "; it is not known whether it was done all the same",
        };
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

    fn leave_unfinished(&mut self, text: String) {
        self.unfinished.push(self.api.clean(&text));
        self.warn(text);
    }

    /// What is not tried because of a failure belongs to that failure's warning.
    fn name_left_out(&mut self, left_out: Vec<String>) {
        if left_out.is_empty() {
            return;
        }
        let left_out: Vec<String> = left_out.iter().map(|text| self.api.clean(text)).collect();
        let text = format!("not done because of that: {}", named(left_out.clone()).join(", "));
        match self.warnings.last_mut() {
            Some(warning) => *warning = format!("{warning}; {text}"),
            None => self.warnings.push(text),
        }
        self.unfinished.extend(left_out);
    }
}

/// So many steps are named each; of more, the first ones, and how many more there are.
const MOST_NAMED: usize = 8;

fn named(mut steps: Vec<String>) -> Vec<String> {
    if steps.len() > MOST_NAMED {
        let more = steps.len() - (MOST_NAMED - 1);
        steps.truncate(MOST_NAMED - 1);
        steps.push(format!("{more} more steps"));
    }
    steps
}

fn is_fatal(weight: Weight, error: &CallError) -> bool {
    match weight {
        Weight::Fatal => true,
        Weight::FatalUnlessForbidden => !settle::is_forbidden(error),
        Weight::Warn | Weight::WarnIfAllWell => false,
    }
}

/// The first step, and those that may run concurrently with it.
fn first_stage(steps: Vec<Planned>) -> Vec<Planned> {
    let mut rest = steps.into_iter();
    let mut stage: Vec<Planned> = rest.next().into_iter().collect();
    stage.extend(rest.take_while(|planned| planned.beside));
    stage
}
