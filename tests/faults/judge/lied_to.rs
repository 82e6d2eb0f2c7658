//! What may become of a hook that was lied to: all that is wanted is there; or it failed, and all is as before or what is
//! left is named; or it succeeded, and what is unfinished is in its warnings. Only where an answer cannot be told from
//! a true one may it believe in something that is not so.

use super::{
    healed, is_kept_account, is_lie, is_marked, named, named_in_warnings, not_taken_by_job, purged, told, End,
};
use crate::caller::Hook;
use crate::cases::Case;
use crate::difference::{between, Difference, Sort};
use crate::site::{normal, Clean, Story};
use crate::start::OWN;
use magicmail_simulator::{Entry, Kind, Lie};

pub fn judge(case: &Case, clean: &Clean, story: &Story) -> End {
    let end = end(case, clean, story).and_then(|end| {
        let stays = clean.scene.refused && end == End::Leftover;
        if stays {
            return Ok(end);
        }
        healed(case, clean, story, &end).map(|()| end)
    });
    match end {
        Ok(end) => end,
        Err(_) if is_undecidable(case, clean, story) || is_lie(story) || is_unseen(case, story) => End::Lie,
        Err(why) => End::Wrong(why),
    }
}

fn end(case: &Case, clean: &Clean, story: &Story) -> Result<End, String> {
    if story.told.status == 0 {
        return succeeded(case, clean, story);
    }
    let left = between(&story.after, &normal(&case.scene.before));
    let leftovers = story.told.leftovers();
    if left.is_empty() && leftovers.is_empty() {
        return Ok(End::AsBefore);
    }
    let texts: Vec<String> = leftovers.iter().chain(purged(clean, story)).cloned().collect();
    named(&not_taken_by_job(clean, &left), &texts, "leftovers")?;
    match leftovers.iter().find(|leftover| !story.told.text.contains(*leftover)) {
        Some(untold) => Err(format!("the text does not say: {untold}")),
        None if story.told.status != 6 && case.scene.hook != Hook::Purge => {
            Err(format!("something is left, and the status is {}", story.told.status))
        }
        None => Ok(End::Leftover),
    }
}

fn succeeded(case: &Case, clean: &Clean, story: &Story) -> Result<End, String> {
    let missing = between(&story.after, &clean.after);
    if missing.is_empty() {
        // The one who asks for nothing is not lied to in what counts.
        let may_succeed = clean.status == 0;
        return may_succeed.then_some(End::Complete).ok_or("it succeeded where it must refuse".to_owned());
    }
    let is_packages = || missing.iter().all(|difference| difference.sort == Sort::Package);
    let is_main_done = match case.scene.hook {
        Hook::Unprovision => is_marked(&story.after) || is_packages(),
        Hook::Purge | Hook::Synchronise => true,
        Hook::Provision => is_packages(),
        _ => false,
    };
    if !is_main_done {
        return Err(format!("a success, but {}", told(&missing)));
    }
    named_in_warnings(story, &missing)?;
    Ok(End::Unfinished)
}

/// A write got an empty answer, and what tells whether it was done is lied about.
fn is_unseen(case: &Case, story: &Story) -> bool {
    let is_write = |entry: &Entry| entry.method == "POST" && entry.fault == Some(Kind::EmptyBodyBefore);
    !case.lies.is_empty() && story.log.iter().any(is_write)
}

/// Whether all that is not as it should be follows from answers that cannot be told from true ones.
fn is_undecidable(case: &Case, clean: &Clean, story: &Story) -> bool {
    let wanted = if story.told.status == 0 { clean.after.clone() } else { normal(&case.scene.before) };
    let mut differences = between(&story.after, &wanted);
    differences.retain(|difference| !is_kept_account(difference) || story.told.status != 0);
    case.all_lies().any(|lie| differences.iter().all(|difference| hides(lie, difference)))
}

/// Whether this lie may make anybody believe that there is no such difference.
fn hides(lie: Lie, difference: &Difference) -> bool {
    let is_package = difference.sort == Sort::Package;
    let is_address = difference.address().is_some();
    let is_account = is_kept_account(difference);
    let is_own = difference.phrases == [format!("user {OWN}")];
    match lie {
        // A success of a write, in full form.
        Lie::SuccessUndone => true,
        // The success of a purge or a removal; a list without entries.
        Lie::EmptyRoot => is_package || is_address || is_own || is_account,
        // What a list of packages or addresses does not have is not there; and they need not say whose they are.
        Lie::ListPaged | Lie::ListCut | Lie::ListStale | Lie::ListOfAnotherUnnamed => {
            is_package || is_address
        }
        Lie::EmptyRootDone => is_package || is_address,
        Lie::ListOfAnother | Lie::ListOfAll => is_package,
        // Nobody can look a password up.
        Lie::RefusedDone => difference.sort == Sort::Password,
        // What has no status may be set to any.
        Lie::StatusMissing => is_own || is_account,
        _ => false,
    }
}
