//! What each hook brings about.

use super::Case;
use crate::ask::Asked;
use crate::books::names_of;
use magicmail::world::Hook;
use magicmail_simulator::modes::DeletedUsers;
use magicmail_simulator::{Mailbox, Modes, State};

const ADDITIONAL: &str = "ADDITIONAL NOCOST MAILBOX";

pub fn check(case: &Case) -> Result<(), String> {
    match case.ask.hook {
        // It may have found the mailbox in use again, and left it alone.
        _ if case.ask.finishes => Ok(()),
        Hook::Provision => provision(case),
        Hook::Unprovision => unprovision(case),
        Hook::Replace => replace(case),
        Hook::Suspend => has_status(case, "suspended"),
        Hook::Unsuspend => has_status(case, "active"),
        Hook::Purge => purge(case),
        Hook::Sync => sync(case),
        Hook::Rename => Err("a renamed customer is not played".to_owned()),
        Hook::Mend => Err("an audit is not played".to_owned()),
    }
}

/// The users of an account that are marked as its master.
pub fn masters<'a>(state: &'a State, account: &str) -> Vec<Mailbox<'a>> {
    let of_account = |user: &Mailbox| user.account.eq_ignore_ascii_case(account);
    state.mailboxes().filter(|user| of_account(user) && user.master && !user.is_deleted()).collect()
}

/// Each once, in any order.
pub fn is_same_packages(held: &[&str], wanted: &[&str]) -> bool {
    held.iter().all(|package| wanted.contains(package)) && wanted.iter().all(|package| held.contains(package))
}

/// The mailbox that a service should have; the error says what it is not like.
pub fn mailbox<'a>(
    state: &'a State,
    account: &str,
    service: &Asked,
    modes: &Modes,
) -> Result<Mailbox<'a>, String> {
    let name = &service.username;
    let Some(found) = state.mailbox(name) else { return Err(format!("there is no user {name}")) };
    if !found.account.eq_ignore_ascii_case(account) {
        return Err(format!("user {name} is on account {}, not {account}", found.account));
    }
    let (first, last) = names_of(&service.finger);
    // Such a server keeps a name that is to be emptied.
    let is_name = |held: &str, wanted: &str| held == wanted || wanted.is_empty() && !modes.empty_clears;
    if !is_name(found.first_name, first) || !is_name(found.last_name, last) {
        return Err(format!(
            "user {name} is named {} {}, not {first} {last}",
            found.first_name, found.last_name
        ));
    }
    if found.password != service.password || found.password_type != "plain" {
        return Err(format!("user {name} has password {}, not {}", found.password, service.password));
    }
    Ok(found)
}

pub fn has_address(state: &State, service: &Asked) -> Result<(), String> {
    let (name, address) = (&service.username, service.address());
    match state.owner(&address) {
        Some(owner) if owner.eq_ignore_ascii_case(name) => Ok(()),
        owner => Err(format!("user {name} has no address {address}: it is on {owner:?}")),
    }
}

fn provision(case: &Case) -> Result<(), String> {
    let service = &case.ask.service;
    if case.after.account_status(case.account) != Some("active") {
        return Err(format!("account {} is {:?}", case.account, case.after.account_status(case.account)));
    }
    let own = mailbox(case.after, case.account, service, case.modes)?;
    has_address(case.after, service)?;
    if !stays_suspended(case) {
        has_status(case, if service.is_suspended { "suspended" } else { "active" })?;
    }
    let masters = masters(case.after, case.account);
    if !masters.iter().any(|master| master.packages.contains(&service.package)) {
        return Err(format!("no master of account {} has package {}", case.account, service.package));
    }
    if case.is_troubled {
        return Ok(());
    }
    let wanted = wanted_packages(case);
    if !masters.iter().any(|master| is_same_packages(&master.packages, &wanted)) {
        return Err(format!("no master of account {} has exactly {wanted:?}: {masters:?}", case.account));
    }
    is_additional_or_master(&own, &wanted)
}

/// A mailbox that was provisioned before and is suspended in MagicMail is not opened by a provision, which says so.
fn stays_suspended(case: &Case) -> bool {
    let service = &case.ask.service;
    let was = case.before.mailbox(&service.username);
    !service.is_suspended && case.is_troubled && was.is_some_and(|was| was.status == "suspended")
}

/// Whoever is marked as a master may be an additional user all the same: nothing takes the mark away.
pub fn is_additional_or_master(user: &Mailbox, of_master: &[&str]) -> Result<(), String> {
    let is_master = user.master && is_same_packages(&user.packages, of_master);
    if is_master || is_same_packages(&user.packages, &[ADDITIONAL]) {
        return Ok(());
    }
    Err(format!("user {} is neither the master nor an additional user: {:?}", user.name, user.packages))
}

/// Of all the account's services.
fn wanted_packages<'a>(case: &'a Case) -> Vec<&'a str> {
    // A service is on an account, too, if the server shows its user there.
    let is_shown = |name: &str| {
        let user = case.before.mailbox(name);
        !name.eq_ignore_ascii_case(&case.ask.service.username)
            && user.is_some_and(|user| user.account.eq_ignore_ascii_case(case.account))
    };
    let others = case.ask.others.iter().filter(|other| other.svcnum != case.ask.service.svcnum);
    let others = others
        .filter(|other| other.account.eq_ignore_ascii_case(case.account) || is_shown(&other.username))
        .map(|other| other.package);
    if case.ask.hook != Hook::Provision {
        return others.collect();
    }
    let own = case.ask.others.iter().filter(|other| other.svcnum == case.ask.service.svcnum);
    others.chain(own.map(|own| own.package)).chain([case.ask.service.package]).collect()
}

fn has_status(case: &Case, wanted: &str) -> Result<(), String> {
    let name = &case.ask.service.username;
    match case.after.mailbox(name) {
        Some(found) if found.status == wanted => Ok(()),
        found => Err(format!("user {name} is not {wanted}: {found:?}")),
    }
}

fn replace(case: &Case) -> Result<(), String> {
    let service = &case.ask.service;
    let found = mailbox(case.after, case.account, service, case.modes)?;
    if found.is_deleted() {
        return Err(format!("user {} is deleted", found.name));
    }
    let old = case.ask.old.as_ref().ok_or("a change of nothing")?;
    let moved_from = Some(old.address()).filter(|old| *old != service.address());
    // The address is looked at where it changes, and where nothing does.
    if moved_from.is_some() || *old == *service {
        has_address(case.after, service)?;
    }
    match moved_from.and_then(|old| Some((case.after.owner(&old)?.to_owned(), old))) {
        Some((owner, old)) if owner.eq_ignore_ascii_case(found.name) => {
            Err(format!("address {old} is still on user {owner}"))
        }
        _ => Ok(()),
    }
}

fn unprovision(case: &Case) -> Result<(), String> {
    let name = &case.ask.service.username;
    // The name may be on another account by now: that mailbox is none of this service's.
    let is_here = |user: &Mailbox| user.account.eq_ignore_ascii_case(case.account);
    let (was, is) = (case.before.mailbox(name).filter(is_here), on_account(case));
    if case.ask.others_on(case.account).any(|other| other.username.eq_ignore_ascii_case(name)) {
        return kept_for_its_namesake(case);
    }
    if is.as_ref().is_some_and(|user| !user.is_deleted()) {
        return Err(format!("user {name} is neither gone nor deleted"));
    }
    if !case.ask.autopurge && was.is_some() && is.is_none() {
        return Err(format!("user {name} was purged without being asked for"));
    }
    if case.is_troubled {
        return Ok(());
    }
    if case.ask.autopurge {
        if is.is_some() {
            return Err(format!("user {name} was not purged"));
        }
        let address = case.ask.service.address();
        if case.after.owner(&address).is_some_and(|owner| owner.eq_ignore_ascii_case(name)) {
            return Err(format!("address {address} stayed"));
        }
    }
    was.map_or(Ok(()), |was| handed_over(case, &was).and_then(|()| emptied(case, &was)))
}

/// Another service means the same mailbox: only the address goes.
fn kept_for_its_namesake(case: &Case) -> Result<(), String> {
    let (name, address) = (&case.ask.service.username, case.ask.service.address());
    let (was, is) = (case.without.mailbox(name), case.after.mailbox(name));
    let is_kept = match (&was, &is) {
        (Some(was), Some(is)) => Mailbox { packages: is.packages.clone(), ..was.clone() } == *is,
        _ => was == is,
    };
    if !is_kept {
        return Err(format!("user {name} is another service's too, and was touched: {is:?}, was {was:?}"));
    }
    match case.after.owner(&address) {
        Some(owner) if owner.eq_ignore_ascii_case(name) => Err(format!("address {address} stayed")),
        _ => Ok(()),
    }
}

/// The service's mailbox; somebody else may have taken a name that has just become free.
fn on_account<'a>(case: &Case<'a>) -> Option<Mailbox<'a>> {
    let found = case.after.mailbox(&case.ask.service.username);
    found.filter(|user| user.account.eq_ignore_ascii_case(case.account))
}

/// What remains has a master, which has its packages.
fn handed_over(case: &Case, was: &Mailbox) -> Result<(), String> {
    let remains = |name: &str| {
        let found = case.after.mailbox(name);
        found.is_some_and(|user| user.account.eq_ignore_ascii_case(case.account) && !user.is_deleted())
    };
    let mut others = case.ask.others_on(case.account);
    if was.is_deleted() || !others.any(|other| remains(&other.username)) {
        return Ok(());
    }
    let (masters, wanted) = (masters(case.after, case.account), wanted_packages(case));
    if masters.iter().any(|master| is_same_packages(&master.packages, &wanted)) {
        return Ok(());
    }
    Err(format!("no master of account {} has exactly {wanted:?}: {masters:?}", case.account))
}

/// An account whose last mailbox went goes too.
fn emptied(case: &Case, was: &Mailbox) -> Result<(), String> {
    let of_account = |user: &Mailbox| user.account.eq_ignore_ascii_case(case.account);
    let left: Vec<Mailbox> = case.after.mailboxes().filter(of_account).collect();
    let is_used =
        left.iter().any(|user| !user.is_deleted()) || case.ask.others_on(case.account).next().is_some();
    if was.is_deleted() || is_used {
        return Ok(());
    }
    // The list that was read after the mark need not have shown it.
    let is_unknown = case.modes.deleted_users == DeletedUsers::Hidden || case.modes.lag_ms > 0;
    match case.after.account_status(case.account) {
        None if case.ask.autopurge => Ok(()),
        // Deleted mailboxes of others are in it, or nobody can know that there are none.
        Some("deleted") if !case.ask.autopurge || !left.is_empty() || is_unknown => Ok(()),
        // The account is kept for somebody else who may be on it.
        Some(_) if case.is_lied_to => Ok(()),
        status => Err(format!("the emptied account {} is {status:?}", case.account)),
    }
}

fn purge(case: &Case) -> Result<(), String> {
    let name = &case.ask.service.username;
    let is = on_account(case);
    match case.before.mailbox(name).filter(|user| user.account.eq_ignore_ascii_case(case.account)) {
        Some(was) if was.is_deleted() && is.is_some() && !case.is_troubled => {
            Err(format!("user {name} was not purged"))
        }
        Some(was) if !was.is_deleted() && is != Some(was.clone()) => {
            Err(format!("user {name} was touched, though it is not deleted any more: {is:?}, was {was:?}"))
        }
        Some(was) if !was.is_deleted() => keeps_addresses(case, &was),
        _ => Ok(()),
    }
}

fn keeps_addresses(case: &Case, user: &Mailbox) -> Result<(), String> {
    let of_user = |owner: &str| owner.eq_ignore_ascii_case(user.name);
    let mut held = case.without.owners().filter(|(_, owner)| of_user(owner));
    match held.find(|(address, _)| !case.after.owner(address).is_some_and(of_user)) {
        Some((address, _)) => {
            Err(format!("address {address} of {} was touched, though it is not deleted any more", user.name))
        }
        None => Ok(()),
    }
}

fn sync(case: &Case) -> Result<(), String> {
    let wanted: Vec<&str> = case.ask.others.iter().map(|other| other.package).collect();
    let masters = masters(case.after, case.account);
    let is_well = masters.iter().any(|master| is_same_packages(&master.packages, &wanted));
    if wanted.is_empty() || case.is_troubled || is_well {
        return Ok(());
    }
    Err(format!("no master of account {} has exactly {wanted:?}: {masters:?}", case.account))
}
