//! Asks the server whether a step took effect.

use super::calls;
use super::verdict::{verdict, Verdict};
use crate::api::{Api, Reply, LAGS};
use crate::step::Step;
use std::time::Duration;

/// A server that could not be asked so often is not asked again.
const MOST_UNREADABLE: usize = 2;

/// What a look-up found.
pub enum Found {
    TookEffect(Reply),
    DidNot(Reply),
    /// The server was asked, and its answer does not tell.
    CannotTell,
    /// It could not be asked.
    Unreadable,
}

/// When a server is believed that says that a step took effect.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// At once.
    Ready,
    /// When it says so last: the step puts something back, and a server that lags may still show what was
    /// before this hook changed it.
    Slow,
}

/// Asks again after short pauses where the step did not take effect. That it did not counts only where it was
/// said last: before, the server may have lagged.
pub fn look_up(api: &Api, step: &Step, belief: Belief) -> Found {
    ask(api, step, belief, &LAGS)
}

/// The same of a step that the server refused, which most often means that it did nothing: only once more.
pub fn look_up_refused(api: &Api, step: &Step) -> Found {
    ask(api, step, Belief::Ready, &LAGS[..1])
}

fn ask(api: &Api, step: &Step, belief: Belief, lags: &[Duration]) -> Found {
    let mut found = Found::Unreadable;
    let mut unreadable = 0;
    let mut pauses = std::iter::once(Duration::ZERO).chain(lags.iter().copied());
    let mut last = Duration::ZERO;
    // A look-up that could not be made is made up for at the end.
    while let Some(pause) = pauses.next().or(matches!(found, Found::Unreadable).then_some(last)) {
        last = pause;
        if !pause.is_zero() {
            api.pause(pause);
        }
        found = match api.read_one(&calls::probe(step)).map(|reply| (verdict(step, &reply), reply)) {
            Ok((Verdict::TookEffect, reply)) => Found::TookEffect(reply),
            Ok((Verdict::DidNot, reply)) => Found::DidNot(reply),
            Ok((Verdict::CannotTell, _)) => Found::CannotTell,
            // Each read has had its own tries already.
            Err(_) => Found::Unreadable,
        };
        unreadable += usize::from(matches!(found, Found::Unreadable));
        let is_believed = belief == Belief::Ready && matches!(found, Found::TookEffect(_));
        if is_believed || unreadable == MOST_UNREADABLE {
            break;
        }
    }
    found
}
