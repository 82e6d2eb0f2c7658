//! Asks the server whether a step took effect.

use super::calls;
use super::verdict::{verdict, Verdict};
use crate::api::{Api, CallError, Reply, CONSISTENCY_DELAYS};
use crate::step::Step;
use std::time::Duration;

/// A server that could not be asked so often is not asked again.
const MOST_UNREADABLE: usize = 2;

/// What a look-up found.
pub enum Found {
    TookEffect(Reply),
    DidNot(Reply),
    /// The server was asked, and its answer does not tell; or nothing that can be asked would tell.
    Unknown,
    /// It could not be asked.
    Unreadable,
}

/// When a server is trusted that says that a step took effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consistency {
    /// At once.
    Immediate,
    /// If it says so last: the step puts something back, and an eventually consistent server may still show what
    /// was there before this call changed it.
    Eventual,
}

/// Asks again after pauses if the step did not take effect: an eventually consistent server may not show it yet.
pub fn look_up(api: &Api, step: &Step) -> Found {
    let [short, long] = CONSISTENCY_DELAYS;
    ask(api, step, Consistency::Immediate, &[Duration::ZERO, short, long])
}

/// The same with one short pause: after a refusal, which nearly always means that nothing was done.
pub fn look_up_briefly(api: &Api, step: &Step) -> Found {
    ask(api, step, Consistency::Immediate, &[Duration::ZERO, CONSISTENCY_DELAYS[0]])
}

/// The same after the second try of a write: as patiently as after the first, but not at once.
pub fn look_up_again(api: &Api, step: &Step) -> Found {
    ask(api, step, Consistency::Immediate, &CONSISTENCY_DELAYS)
}

/// Asks to the end, and trusts the last answer: an eventually consistent server may still show what was so before this
/// call changed it.
pub fn look_up_last(api: &Api, step: &Step) -> Found {
    ask(api, step, Consistency::Eventual, &CONSISTENCY_DELAYS)
}

/// Asks once: a server that could not be asked before.
pub fn look_up_once(api: &Api, step: &Step) -> Found {
    ask(api, step, Consistency::Immediate, &[Duration::ZERO])
}

fn ask(api: &Api, step: &Step, consistency: Consistency, delays: &[Duration]) -> Found {
    if !step.can_be_seen() {
        return Found::Unknown;
    }
    let mut found = Found::Unreadable;
    let mut unreadable = 0;
    for delay in delays.iter().copied() {
        if !delay.is_zero() {
            api.pause(delay);
        }
        found = found_by(api.read_once(&calls::probe(step)), step);
        unreadable += usize::from(matches!(found, Found::Unreadable));
        let is_trusted = consistency == Consistency::Immediate && matches!(found, Found::TookEffect(_));
        if is_trusted || matches!(found, Found::Unknown) || unreadable == MOST_UNREADABLE {
            break;
        }
    }
    confirmed(api, step, found, delays.len() == 2)
}

fn found_by(reply: Result<Reply, CallError>, step: &Step) -> Found {
    match reply.map(|reply| (verdict(step, &reply), reply)) {
        Ok((Verdict::TookEffect, reply)) => Found::TookEffect(reply),
        Ok((Verdict::DidNot, reply)) => Found::DidNot(reply),
        Ok((Verdict::Unknown, _)) => Found::Unknown,
        Err(_) => Found::Unreadable,
    }
}

/// A list of addresses that does not say whose they are may be anybody's: the address's own record may contradict
/// it. `is_last`: that something was not done is not looked up again.
fn confirmed(api: &Api, step: &Step, found: Found, is_last: bool) -> Found {
    let (Step::AddAddress { address, .. } | Step::RemoveAddress { address, .. }) = step else { return found };
    let is_anonymous = |reply: &Reply| match reply {
        Reply::List(list) => !list.is_empty() && list.iter().all(|(_, record)| record.get("user").is_none()),
        _ => false,
    };
    let may_be_anothers = match &found {
        Found::TookEffect(reply) => is_anonymous(reply),
        Found::DidNot(reply) => is_last && is_anonymous(reply),
        Found::Unknown | Found::Unreadable => false,
    };
    if !may_be_anothers {
        return found;
    }
    match found_by(api.read_once(&calls::owner(address)), step) {
        Found::Unknown => found,
        by_its_record => by_its_record,
    }
}
