//! Asks the server whether a step took effect.

use super::calls;
use super::verdict::{verdict, Verdict};
use crate::api::{Api, Reply, CONSISTENCY_DELAYS};
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
pub enum Consistency {
    /// At once.
    Immediate,
    /// If it says so last: the step puts something back, and an eventually consistent server may still show what
    /// was there before this call changed it.
    Eventual,
}

/// Asks again after pauses if the step did not take effect: an eventually consistent server may not show it yet.
pub fn look_up(api: &Api, step: &Step) -> Found {
    ask(api, step, Consistency::Immediate, &CONSISTENCY_DELAYS)
}

/// The same with one short pause: after a refusal, which nearly always means that nothing was done, and after the
/// second try of a write.
pub fn look_up_briefly(api: &Api, step: &Step, consistency: Consistency) -> Found {
    ask(api, step, consistency, &CONSISTENCY_DELAYS[..1])
}

fn ask(api: &Api, step: &Step, consistency: Consistency, delays: &[Duration]) -> Found {
    if !step.can_be_seen() {
        return Found::Unknown;
    }
    let mut found = Found::Unreadable;
    let mut unreadable = 0;
    for delay in std::iter::once(Duration::ZERO).chain(delays.iter().copied()) {
        if !delay.is_zero() {
            api.pause(delay);
        }
        found = match api.read_once(&calls::probe(step)).map(|reply| (verdict(step, &reply), reply)) {
            Ok((Verdict::TookEffect, reply)) => Found::TookEffect(reply),
            Ok((Verdict::DidNot, reply)) => Found::DidNot(reply),
            Ok((Verdict::Unknown, _)) => Found::Unknown,
            Err(_) => Found::Unreadable,
        };
        unreadable += usize::from(matches!(found, Found::Unreadable));
        let is_trusted = consistency == Consistency::Immediate && matches!(found, Found::TookEffect(_));
        if is_trusted || matches!(found, Found::Unknown) || unreadable == MOST_UNREADABLE {
            break;
        }
    }
    found
}
