//! What became of a case: the server's whole state against the one before and the one that an undisturbed
//! run gives, and whether what the hook told is true.

mod lied_to;

use crate::caller::{Hook, Told};
use crate::cases::{Case, Sort as CaseSort};
use crate::difference::{between, names, Difference, Sort};
use crate::secrets;
use crate::site::{normal, Clean, Story};
use crate::start::{ACCOUNT, OWN};
use magicmail_simulator::{Entry, Kind};
use serde_json::Value;
use std::time::Duration;

/// How much later than six times the timeout a call may return, on a machine that does much else.
const SLACK: Duration = Duration::from_millis(250);
/// The longest text for people, in characters.
const LONGEST_TEXT: usize = 1_500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything wanted is there.
    Complete,
    /// Nothing was changed, or all of it was undone.
    AsBefore,
    /// What is left is named, and the hook failed.
    Leftover,
    /// What is unfinished is named in warnings, and a repeat finished it.
    Unfinished,
    /// The server did not do, or does not have, what it says, in an answer that cannot be told from a true one.
    Lie,
    Wrong(String),
    /// It failed where it should have got over the fault, as a machine too busy would make it.
    Slow(String),
}

impl End {
    /// Why it is a failure of the sweep.
    pub fn wrong(&self) -> Option<&str> {
        match self {
            End::Wrong(why) | End::Slow(why) => Some(why),
            _ => None,
        }
    }
}

/// Judges `story`, whose own `end` is not looked at.
pub fn judge(case: &Case, clean: &Clean, story: &Story, timeout: Duration) -> End {
    if let Some(violation) = story.violations.first() {
        return End::Wrong(violation.clone());
    }
    if let Some(wrong) = wrong_in_any_case(story, timeout) {
        return End::Wrong(wrong);
    }
    if case.is_lied_to() {
        return lied_to::judge(case, clean, story);
    }
    let healed_end = end(case, clean, story).and_then(|end| healed(case, clean, story, &end).map(|()| end));
    match healed_end {
        Ok(end) if has_got_over(case, clean, story, &end) => end,
        _ if is_lie(story) => End::Lie,
        Ok(_) => {
            End::Slow(format!("the fault can be got over: status {} {}", story.told.status, story.told.text))
        }
        Err(wrong) => End::Wrong(wrong),
    }
}

/// One fault that passes does not even make the hook fail: a read is tried again, and a write whose outcome is
/// unknown is looked up and tried once more.
fn has_got_over(case: &Case, clean: &Clean, story: &Story, end: &End) -> bool {
    let [blow] = case.blows.as_slice() else { return true };
    let struck = story.log.iter().find(|entry| entry.fault.is_some());
    let method = struck.map_or("", |entry| entry.method.as_str());
    if blow.kind == "tickets" && ends_by_closing(case) {
        return true;
    }
    let is_well = match end {
        End::Complete => true,
        End::AsBefore => clean.scene.refused && story.told.status == clean.status,
        End::Leftover => may_have_been_there(story),
        _ => false,
    };
    is_well || !passes(blow.kind, method)
}

/// Where the end of the connection is the end of the answer, an answer that goes on with tickets does not end.
fn ends_by_closing(case: &Case) -> bool {
    (case.variant.modes)()["body"] == "close"
}

/// `method`: of the request that was struck; empty where none came.
fn passes(kind: &str, method: &str) -> bool {
    match kind {
        "refused" | "close_idle" | "slow" | "tickets" => true,
        "drop_before" | "drop_after" | "cut_short" | "status_502" | "status_503" | "status_504"
        | "status_502_after" => !method.is_empty(),
        "gone" | "status_401" | "status_403" | "error_document" => false,
        _ => method == "POST",
    }
}

/// "After a purge that answers with nothing, nothing is looked up: an empty answer is its success." A list
/// without an entry is an empty list. And whether a password was set cannot be looked up: where two answers
/// say nothing true, the second one is believed.
fn is_lie(story: &Story) -> bool {
    story.log.iter().any(|entry| match entry.fault {
        Some(Kind::EmptyBodyBefore) => {
            let says = |action: &str| entry.parameters.get("action").is_some_and(|said| said == action);
            let struck = story.log.iter().filter(|entry| entry.fault.is_some()).count();
            let sets_password = says("update") && entry.parameters.contains_key("password");
            says("purge") || sets_password && struck > 1 || is_list(entry)
        }
        Some(Kind::NoRecord | Kind::EmptyBody) => is_list(entry),
        _ => false,
    })
}

/// It reads a list, of which an empty answer says that there is nothing in it.
fn is_list(entry: &Entry) -> bool {
    let is_path = |list: &str| entry.path == list;
    let is_of_packages = entry.path.starts_with("/user_package/");
    entry.method == "GET" && (is_path("/user") || is_path("/emailaddress") || is_of_packages)
}

fn wrong_in_any_case(story: &Story, timeout: Duration) -> Option<String> {
    for told in [&story.told, &story.again] {
        if told.took > timeout * 6 + SLACK {
            return Some(format!("it took {:?}", told.took));
        }
        if told.text.chars().count() > LONGEST_TEXT || told.text.contains(char::is_control) {
            return Some(format!("its text is no line for people: {}", told.text));
        }
        if told.status != 0 && (told.text.is_empty() || told.status == 7) {
            return Some(format!("status {}: {}", told.status, told.text));
        }
    }
    if let Some(entry) = story.log.iter().chain(&story.log_again).find(|entry| !entry.authorized) {
        return Some(format!("{} {} came without the right credentials", entry.method, entry.path));
    }
    secrets::shown(story)
}

fn end(case: &Case, clean: &Clean, story: &Story) -> Result<End, String> {
    let told = &story.told;
    let before = normal(&clean.scene.before);
    if told.status == 0 {
        return succeeded(clean, story);
    }
    if story.again.status != clean.status && !clean.scene.refused {
        return Err(format!("the same hook again, undisturbed: {}", story.again.text));
    }
    let left = between(&story.after, &before);
    let leftovers = told.leftovers();
    if left.is_empty() && leftovers.is_empty() {
        return if told.status == 6 {
            Err(format!("in doubt, and nothing named: {}", told.text))
        } else {
            Ok(End::AsBefore)
        };
    }
    let texts: Vec<String> = leftovers.iter().chain(purged(clean, story)).cloned().collect();
    named(&not_taken_by_job(clean, &left), &texts, "leftovers")?;
    if leftovers.is_empty() {
        return Ok(End::Unfinished);
    }
    if let Some(untold) = leftovers.iter().find(|leftover| !told.text.contains(*leftover)) {
        return Err(format!("the text does not say: {untold}"));
    }
    if told.status != 6 {
        return Err(format!(
            "something is left ({}), and the status is {}",
            leftovers.join(", "),
            told.status
        ));
    }
    if case.sort() == CaseSort::Single && !is_irrevocable(&left, &leftovers) && !may_have_been_there(story) {
        return Err(format!("left, though the server was there for the undo: {}", leftovers.join(", ")));
    }
    Ok(End::Leftover)
}

/// What a job has purged is no leftover: its text says it.
fn purged<'a>(clean: &Clean, story: &'a Story) -> Option<&'a String> {
    (clean.scene.hook == Hook::Purge).then_some(&story.told.text)
}

/// Without the addresses that a job has taken from the user whom it purges: a repeat purges the user, too.
fn not_taken_by_job(clean: &Clean, left: &[Difference]) -> Vec<Difference> {
    let before = &clean.scene.before["addresses"];
    let is_taken = |difference: &&Difference| {
        clean.scene.hook == Hook::Purge && difference.address().is_some_and(|address| before[address] == OWN)
    };
    left.iter().filter(|difference| !is_taken(difference)).cloned().collect()
}

/// What the server refused to add, and has all the same, may have been there before: nobody takes it away.
fn may_have_been_there(story: &Story) -> bool {
    let leftovers = story.told.leftovers();
    if !leftovers.is_empty() && leftovers.iter().all(|left| left.ends_with("(was there already)")) {
        return true;
    }
    let adds = |entry: &Entry| entry.method == "POST" && !entry.parameters.contains_key("action");
    story.log.iter().any(|entry| entry.fault == Some(Kind::ErrorDocumentAfter) && adds(entry))
}

/// What nothing takes back: a mark as master, a password that nobody knows.
fn is_irrevocable(left: &[Difference], leftovers: &[String]) -> bool {
    let is_named_by = |leftover: &String| left.iter().any(|difference| names(leftover, difference));
    left.iter().all(|difference| matches!(difference.sort, Sort::MasterMark | Sort::Password))
        && leftovers.iter().all(is_named_by)
}

fn succeeded(clean: &Clean, story: &Story) -> Result<End, String> {
    let missing = between(&story.after, &clean.after);
    if missing.is_empty() {
        return if clean.status == 0 {
            Ok(End::Complete)
        } else {
            Err("it succeeded where it must refuse".to_owned())
        };
    }
    let may_be_unfinished = match clean.scene.hook {
        Hook::Unprovision if is_marked(&story.after) => true,
        Hook::Purge | Hook::Synchronise => true,
        Hook::Provision | Hook::Unprovision => {
            missing.iter().all(|difference| difference.sort == Sort::Package)
        }
        _ => false,
    };
    if !may_be_unfinished {
        return Err(format!("a success, but {}", told(&missing)));
    }
    named_in_warnings(story, &missing)?;
    Ok(End::Unfinished)
}

/// What is missing is in the warnings. An address is named with the user that it is on, if that is to be purged; the
/// packages and the master, with the list that was not trusted. An account that is kept is no warning.
fn named_in_warnings(story: &Story, missing: &[Difference]) -> Result<(), String> {
    let warnings = story.told.warnings();
    let is_unnamed = |difference: &&Difference| {
        let goes_with_user =
            difference.address().and_then(|address| story.after["addresses"][address].as_str());
        let user = goes_with_user.map(|user| format!("user {user}"));
        let is_of_account = matches!(difference.sort, Sort::Package | Sort::MasterMark);
        !(is_kept_account(difference)
            || user.is_some_and(|user| missing.iter().any(|other| other.phrases == [user.clone()]))
            || is_of_account && warns_of_list(story))
    };
    let unnamed: Vec<Difference> = missing.iter().filter(is_unnamed).cloned().collect();
    named(&unnamed, &warnings, "warnings")
}

fn is_kept_account(difference: &Difference) -> bool {
    difference.phrases == [format!("account {ACCOUNT}")]
}

/// Nothing was decided by the list of the account's users.
fn warns_of_list(story: &Story) -> bool {
    let account = format!("account {ACCOUNT}");
    story.told.warnings().iter().any(|text| text.contains("list") && text.contains(&account))
}

/// The service's user is gone, or at least marked deleted.
fn is_marked(state: &Value) -> bool {
    let user = &state["users"][OWN];
    user.is_null() || user["status"] == "deleted"
}

/// Each difference in one of `texts`.
fn named(differences: &[Difference], texts: &[String], where_: &str) -> Result<(), String> {
    let unnamed: Vec<Difference> = differences
        .iter()
        .filter(|difference| !texts.iter().any(|text| names(text, difference)))
        .cloned()
        .collect();
    if unnamed.is_empty() {
        return Ok(());
    }
    Err(format!("not named in the {where_} ({}): {}", texts.join(" | "), told(&unnamed)))
}

fn told(differences: &[Difference]) -> String {
    differences.iter().map(|difference| difference.told.as_str()).collect::<Vec<_>>().join("; ")
}

/// The same hook again, undisturbed, must bring about what an undisturbed run does.
fn healed(case: &Case, clean: &Clean, story: &Story, end: &End) -> Result<(), String> {
    // What was left stays, where the hook refuses.
    if clean.scene.refused && *end == End::Leftover {
        return Ok(());
    }
    let Told { status, text, .. } = &story.again;
    if *status != clean.status {
        return Err(format!("the same hook again ends with status {status}: {text}"));
    }
    let mut missing = between(&story.after_again, &clean.after);
    // Once its user is gone, only Freeside's history tells whether nobody is left on an account.
    let is_unknown = clean.scene.request["former_users"].is_null();
    let may_stay = is_unknown || warns_of_list(story) || case.is_lied_to();
    missing.retain(|difference| !(may_stay && is_kept_account(difference)));
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("the same hook again does not heal it: {}", told(&missing)))
}
