//! Nothing of others was touched.

use super::Case;
use magicmail::world::Hook;
use magicmail_simulator::{Mailbox, State};

/// Where two states of the server differ.
pub struct Difference {
    pub told: String,
    /// Whose text names it: the name of a user, an account or an address.
    name: String,
    /// The user of an address that is gone.
    user: Option<String>,
}

impl Difference {
    fn new(name: &str, told: String) -> Difference {
        Difference { told, name: name.to_ascii_lowercase(), user: None }
    }

    pub fn is_haunted(&self, case: &Case) -> bool {
        case.is_haunted(&self.name)
    }

    pub fn is_about_the_same(&self, other: &Difference) -> bool {
        self.name == other.name
    }

    pub fn is_named_in(&self, text: &str) -> bool {
        let user = self.user.as_ref().filter(|_| text.contains("look at its addresses too"));
        is_name_in(text, &self.name) || user.is_some_and(|user| is_name_in(text, user))
    }
}

fn is_name_in(text: &str, name: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let goes_on = |c: char| c.is_alphanumeric() || c == '@';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

pub fn differences(without: &State, after: &State) -> Vec<Difference> {
    let mut found = Vec::new();
    if without == after {
        return found;
    }
    for (name, was, is) in users(without, after).filter(|(_, was, is)| was != is) {
        // A deleted one that went with its account, or came with it.
        let account = was.as_ref().or(is.as_ref()).map_or("", |user| user.account);
        let goes_along = without.account_status(account).is_some() != after.account_status(account).is_some();
        let name = if goes_along && was.is_some() { account } else { name };
        found.push(Difference::new(name, format!("user {name}: {is:?}, was {was:?}")));
    }
    for (id, was) in without.account_statuses() {
        let is = after.account_status(id);
        if is != Some(was) {
            found.push(Difference::new(id, format!("account {id}: {is:?}, was {was}")));
        }
    }
    for (id, is) in after.account_statuses().filter(|(id, _)| without.account_status(id).is_none()) {
        found.push(Difference::new(id, format!("account {id}: {is}, was not there")));
    }
    found.extend(addresses(without, after));
    // One of a user who is not there does nobody any good.
    let has_less_strays = lost(without, after).any(|(_, user)| without.mailbox(user).is_none());
    if found.is_empty() && !has_less_strays {
        found.push(Difference::new("\0", "a field of an account".to_owned()));
    }
    found
}

fn addresses<'a>(without: &'a State, after: &'a State) -> impl Iterator<Item = Difference> + 'a {
    let lost = lost(without, after).filter(|(_, user)| without.mailbox(user).is_some());
    let new = after.owners().filter(|(address, user)| without.owner(address) != Some(user));
    let lost = lost.map(|(address, user)| {
        let is_along = after.mailbox(user).is_none();
        let told = format!("address {address} of {user} is gone");
        Difference {
            user: Some(user.to_ascii_lowercase()),
            ..Difference::new(if is_along { user } else { address }, told)
        }
    });
    lost.chain(new.map(|(address, user)| Difference::new(address, format!("address {address} is on {user}"))))
}

fn lost<'a>(without: &'a State, after: &'a State) -> impl Iterator<Item = (&'a str, &'a str)> {
    without.owners().filter(|(address, _)| after.owner(address).is_none())
}

/// The users on either side.
fn users<'a>(
    without: &'a State,
    after: &'a State,
) -> impl Iterator<Item = (&'a str, Option<Mailbox<'a>>, Option<Mailbox<'a>>)> {
    let was = without.mailboxes().map(|user| (user.name, Some(user.clone()), after.mailbox(user.name)));
    let new = after.mailboxes().filter(|user| without.mailbox(user.name).is_none());
    was.chain(new.map(|user| (user.name, None, Some(user.clone()))))
}

/// After a success: only the service's own mailbox, its account, and the packages of the account's master.
pub fn check(case: &Case) -> Result<(), String> {
    let own = &case.ask.service.username;
    for (name, was, is) in users(case.without, case.after) {
        let is_own =
            name.eq_ignore_ascii_case(own) && !was.as_ref().is_some_and(|was| is_anothers(case, was));
        if is_own || may_change(case, was.as_ref(), is.as_ref()) {
            continue;
        }
        return Err(format!("user {name} was touched: {is:?}, was {was:?}"));
    }
    for (id, was) in case.without.account_statuses().filter(|(id, _)| !id.eq_ignore_ascii_case(case.account))
    {
        if case.after.account_status(id) != Some(was) {
            return Err(format!("account {id} was touched"));
        }
    }
    for (id, _) in case.after.account_statuses().filter(|(id, _)| !id.eq_ignore_ascii_case(case.account)) {
        if case.without.account_status(id).is_none() {
            return Err(format!("account {id} was made"));
        }
    }
    check_addresses(case)
}

/// The name may be another customer's, and then the mailbox is.
fn is_anothers(case: &Case, user: &Mailbox) -> bool {
    !user.account.eq_ignore_ascii_case(case.account)
}

fn may_change(case: &Case, was: Option<&Mailbox>, is: Option<&Mailbox>) -> bool {
    let (Some(was), Some(is)) = (was, is) else {
        // One that the late request of a hook that has ended made on this hook's account may go with that.
        return was == is || is.is_none() && was.is_some_and(|was| goes_with_account(case, was));
    };
    // The late request of a hook that has ended made it meanwhile, on this hook's account: whether as its first
    // user, and so as master, depends on which of the two came first.
    let is_as_made = was.account.eq_ignore_ascii_case(is.account) && was.status == is.status;
    if is_late(case, was.name) && is_as_made {
        return true;
    }
    let is_ours = !is_anothers(case, was);
    let brings_packages = matches!(case.ask.hook, Hook::Provision | Hook::Unprovision | Hook::Sync);
    if !is_ours || !brings_packages {
        return was == is;
    }
    let is_made_master = is.master && !was.master;
    let alike = Mailbox { packages: is.packages.clone(), master: is.master, ..was.clone() } == *is;
    let may_be_made = case.ask.hook == Hook::Unprovision || !is_made_master;
    // Where it could not be made the master, that is in the warnings.
    let may_hold = is.master || case.is_troubled && case.ask.hook == Hook::Unprovision;
    alike && may_be_made && (may_hold || is.packages == was.packages)
}

fn goes_with_account(case: &Case, was: &Mailbox) -> bool {
    is_late(case, was.name) && !is_anothers(case, was) && case.after.account_status(case.account).is_none()
}

fn check_addresses(case: &Case) -> Result<(), String> {
    let own = &case.ask.service.username;
    let moved = case.ask.old.as_ref().map(super::super::ask::Asked::address).unwrap_or_default();
    let ours = [case.ask.service.address(), moved];
    let is_ours = |address: &str| ours.iter().any(|ours| ours.eq_ignore_ascii_case(address));
    for (address, user) in case.without.owners().filter(|(address, _)| !is_ours(address)) {
        let is = case.after.owner(address);
        let went_along = is.is_none()
            && match case.after.mailbox(user) {
                None => true,
                Some(user) => user.name.eq_ignore_ascii_case(own) && user.is_deleted(),
            };
        if is != Some(user) && !went_along {
            return Err(format!("address {address} of {user} was touched"));
        }
    }
    for (address, _) in case.after.owners().filter(|(address, _)| !is_ours(address)) {
        if case.without.owner(address).is_none() {
            return Err(format!("address {address} was made"));
        }
    }
    Ok(())
}

/// What the late request of a hook that has ended made while this one ran.
fn is_late(case: &Case, name: &str) -> bool {
    case.is_haunted(name) && case.before.mailbox(name).is_none()
}
