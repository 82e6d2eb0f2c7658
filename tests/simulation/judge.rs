//! What must hold when a hook has ended: a success means that all that is wanted is there; a failure that names
//! nothing left means that all is as before; and in any case nothing of others was touched.
//!
//! Three things nobody can know, and a hook that met one of them is not judged by all of this:
//!
//! - A request is carried out after the hook that sent it last looked at that thing, or after that hook has
//!   ended (its process was killed, or it gave up on an answer). Later hooks are not judged for what such a
//!   request does while they run; a hook that fails must still leave all else as before.
//! - What a hook reads may be older than a write of the hook before it, where a server lags. So a hook starts
//!   once that lag has passed.
//! - Another customer's hook does what it could not have done without this one (it takes a name that this one
//!   has just set free): as before cannot be told then.

mod untouched;
mod wanted;

use crate::ask::{Ask, Told};
use crate::mail::Running;
use crate::site::Site;
use crate::transaction::Transaction;
use magicmail::error::{Error, Status};
use magicmail::freeside::Outcome;
use magicmail::world::Hook;
use magicmail_simulator::{Lie, Mailbox, Modes, State};
use untouched::Difference;

pub use wanted::{has_address, is_additional_or_master, mailbox, masters};

/// What a hook found and left.
pub struct Case<'a> {
    pub ask: &'a Ask,
    /// The account that counts.
    pub account: &'a str,
    /// As it was when the hook began; and as it would be now without it.
    pub before: &'a State,
    pub without: &'a State,
    pub after: &'a State,
    pub modes: &'a Modes,
    /// Something went wrong that was only warned about.
    pub is_troubled: bool,
    /// The server lied about the account or about users.
    pub is_lied_to: bool,
    /// What requests of hooks that have ended were about, which were carried out meanwhile.
    pub ghosts: &'a [String],
}

impl Case<'_> {
    /// Whether a late request of a hook that has ended was about this user, account or address.
    pub fn is_haunted(&self, name: &str) -> bool {
        self.ghosts.iter().any(|ghost| ghost.eq_ignore_ascii_case(name))
    }
}

/// A turn of a task may reach the server: what it is to bring about is noted, and the server as it is.
pub fn before_turn(transaction: &Transaction, ask: &Ask) -> State {
    let (stage, worker) = (&transaction.stage, transaction.worker);
    loop {
        let until = stage.site().lags_until();
        let Some(until) = until else { break };
        stage.wait_until(worker, until);
    }
    let mut site = stage.site();
    site.tell(worker, || ask.words());
    site.mail.start(worker, ask);
    site.mail.server.state().clone()
}

/// After that turn. None: it only asked Freeside.
pub fn after_turn(transaction: &mut Transaction, ask: &Ask, before: &State, outcome: Option<Outcome>) {
    let (stage, worker) = (transaction.stage.clone(), transaction.worker);
    let mut site = stage.site();
    let Some(running) = site.mail.running[worker].take() else { return };
    let Some(outcome) = outcome else { return };
    let ended = Told::of(ask, &outcome);
    site.tally.hooks += 1;
    site.tell(worker, || in_words(&ended));
    site.judge(ask, &ended, before, running);
    if let Ok(told) = ended {
        transaction.done.extend([ask.service.username.clone(), told.account]);
    }
}

fn in_words(ended: &Result<Told, Error>) -> String {
    match ended {
        Ok(told) => format!("succeeds: [{}] warnings [{}]", told.steps.join("; "), told.warnings.join("; ")),
        Err(error) => format!("fails ({:?}): {}", error.status, error.text),
    }
}

impl Site {
    /// Until when reads may show what was before the last write.
    fn lags_until(&self) -> Option<std::time::Duration> {
        let shown = self.mail.last_write? + self.mail.lag();
        (shown > self.now).then_some(shown)
    }

    fn judge(&mut self, ask: &Ask, ended: &Result<Told, Error>, before: &State, running: Running) {
        match ended {
            Ok(_) => self.tally.succeeded += 1,
            Err(error) if error.leftovers.is_empty() => self.tally.as_before += 1,
            Err(_) => self.tally.leftovers += 1,
        }
        if ask.hook == Hook::Unprovision && ended.is_ok() {
            // It stays on the deleted user, who may be taken over for another domain.
            self.excuse(&ask.service.address());
        }
        let lags = !self.mail.lag().is_zero();
        let believed = running.lies.iter().any(|(lie, thing)| is_believed(*lie, thing, lags, ask.hook));
        if !running.lies.is_empty() {
            self.tally.lied_to += 1;
            // It may be kept for somebody whom the server only says to be on it.
            running.about[1..].iter().for_each(|account| self.excuse(account));
        }
        if believed {
            // A name that this service only seems to have may be another's.
            self.lost.extend((ask.hook == Hook::Provision).then_some(ask.service.svcnum));
            let old = ask.old.as_ref().map(crate::ask::Asked::address);
            [Some(ask.service.address()), old]
                .into_iter()
                .flatten()
                .for_each(|address| self.excuse(&address));
        }
        let is_haunted = running.is_haunted(self.mail.lag());
        let is_troubled = ended.as_ref().is_ok_and(|told| told.warnings.iter().any(|text| is_trouble(text)));
        if is_haunted || is_troubled || ended.as_ref().is_err_and(|error| !error.leftovers.is_empty()) {
            running.about.iter().for_each(|name| self.excuse(name));
        }
        if is_haunted {
            self.tally.haunted += 1;
            return;
        }
        if running.is_entangled {
            self.tally.entangled += 1;
            return;
        }
        let after = self.mail.server.state().clone();
        let modes = self.mail.modes().clone();
        let account = ended.as_ref().map_or(&ask.account, |told| &told.account);
        let without = running.without.state();
        let case = Case {
            ask,
            account,
            before,
            without,
            after: &after,
            modes: &modes,
            is_troubled,
            is_lied_to: running.lies.iter().any(|(_, thing)| thing == "user" || thing == "account"),
            ghosts: &running.ghosts,
        };
        let verdict = match ended {
            Ok(_) if !running.ghosts.is_empty() => {
                self.tally.haunted += 1;
                untouched::check(&case)
            }
            Ok(_) => untouched::check(&case).and_then(|()| wanted::check(&case)),
            Err(error) => failed(&case, error),
        };
        let Err(why) = verdict else { return };
        // What is destroyed or others' is judged by `rights` in any case.
        if believed {
            self.tally.undecided += 1;
            running.about.iter().for_each(|name| self.excuse(name));
            return;
        }
        self.is_wrong(format!("{}: {why}", ask.words()));
    }
}

/// Whether the lie cannot be told from a true answer: a success of a write in full form, the success of a purge or the
/// list without entries that an empty root is, what a list of packages or addresses does not have.
fn is_believed(lie: Lie, thing: &str, lags: bool, hook: Hook) -> bool {
    let sets_password = matches!(hook, Hook::Replace | Hook::Provision) && thing == "user";
    match lie {
        // What is marked deleted is taken for what is in use, and a list for what was so.
        Lie::SuccessUndone | Lie::EmptyRoot | Lie::EmptyRootDone | Lie::StatusMissing | Lie::ListStale => {
            true
        }
        // A refusal is believed once a read shows that the server does not have it; a password cannot be read.
        Lie::RefusedDone | Lie::ErrorRootDone | Lie::SentTwice => lags || sets_password,
        // A change does not ask for the status; and who is not said to be deleted may be the master.
        Lie::StatusEmpty | Lie::StatusUnknown | Lie::StatusContradicts => {
            !matches!(hook, Hook::Suspend | Hook::Unsuspend)
        }
        Lie::ListPaged | Lie::ListCut | Lie::ListOfAnotherUnnamed => thing != "user",
        _ => false,
    }
}

/// Whether a warning tells of something that went wrong, and not only of something odd.
fn is_trouble(warning: &str) -> bool {
    let odd = [
        "was taken over (existing mail kept)",
        "is still marked as a master of account",
        "the one of the oldest service counts",
        "nothing was left to unprovision",
        "any more; it was not purged",
    ];
    let says_mailbox =
        warning.contains("is the mailbox of service") && warning.ends_with("; it was not purged");
    !says_mailbox && !odd.iter().any(|text| warning.contains(text))
}

fn failed(case: &Case, error: &Error) -> Result<(), String> {
    if (error.status == Status::Doubt) == error.leftovers.is_empty() {
        return Err(format!("status {:?} with leftovers {:?}", error.status, error.leftovers));
    }
    if error.status == Status::Internal || error.status == Status::Argument {
        return Err(format!("status {:?}: {}", error.status, error.text));
    }
    if is_freesides_password(case) {
        return Ok(());
    }
    let left = untouched::differences(case.without, case.after);
    let since = untouched::differences(case.before, case.after);
    // Somebody's late request did meanwhile what this hook did too: it puts back what it had found.
    let is_put_back = |difference: &Difference| {
        difference.is_haunted(case) && !since.iter().any(|other| other.is_about_the_same(difference))
    };
    // What a job has purged, or may have, is no leftover: its text says it.
    let purged = (case.ask.hook == Hook::Purge).then_some(&error.text);
    let told: Vec<&String> = error.leftovers.iter().chain(purged).collect();
    let unnamed: Vec<String> = left
        .into_iter()
        .filter(|difference| !is_put_back(difference))
        .filter(|difference| !told.iter().any(|text| difference.is_named_in(text)))
        .map(|difference| difference.told)
        .collect();
    if unnamed.is_empty() {
        return Ok(());
    }
    Err(format!("failed, and left without naming it: {} ({})", unnamed.join(", "), error.text))
}

/// A change that is undone puts back the password that Freeside had before the transaction. Where another
/// export's hook has changed it in this transaction, that is what the rollback goes back to as well.
fn is_freesides_password(case: &Case) -> bool {
    let Some(old) = &case.ask.old else { return false };
    let name = &case.ask.service.username;
    let (was, is) = (case.without.mailbox(name), case.after.mailbox(name));
    was.zip(is).is_some_and(|(was, is)| Mailbox { password: &old.password, ..was } == is)
}
