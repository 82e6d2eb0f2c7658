//! What is found of each service: its mailbox, the mailbox's state, its address.

use super::finding::{each, Finding, Kind, Mend};
use super::scene::{Provisioned, Scene};
use crate::evidence::Known;
use crate::foreign::foreign;
use crate::id::{AccountId, Address};
use crate::names::{self, Names};
use crate::record::{Status, User};
use crate::step::Step;

pub fn compare(scene: &Scene, findings: &mut Vec<Finding>) {
    for service in &scene.services {
        let user = service.user;
        match scene.seen.user(user) {
            Known::Present(found) if !scene.world.is_on_account(found) => {
                findings.push(elsewhere(scene, service, found));
            }
            Known::Present(found) if found.is_deleted() => {
                let says = format!("user {user} is marked deleted");
                findings.push(scene.about(Kind::Deleted, service, says, scene.provision(service)));
            }
            Known::Present(found) => {
                findings.extend(state(scene, service, found));
                addresses(scene, service, findings);
                findings.extend(names(scene, service, found));
            }
            _ => {
                let says = format!("there is no user {user}");
                findings.push(scene.about(Kind::NoMailbox, service, says, scene.provision(service)));
            }
        }
    }
}

fn elsewhere(scene: &Scene, service: &Provisioned, found: &User) -> Finding {
    let (user, svcnum) = (service.user, service.svcnum);
    let says = format!("user {user} is on account {}", their(found.account.as_ref()));
    let configured = service.of.standing.configured_id.as_ref();
    let by_hand = if configured.is_some() && configured == found.account.as_ref() {
        format!("the export's options name that account: export service {svcnum} again, and it is recorded")
    } else {
        "another customer may have it: nobody moves a mailbox; unprovision one of the two, or set the account of the service in Freeside right".to_owned()
    };
    let mut finding = scene.about(Kind::OtherAccount, service, says, Mend::ByHand(by_hand));
    finding.freeside = format!("{}, account {}", service.told(), scene.world.account_id);
    finding
}

fn state(scene: &Scene, service: &Provisioned, found: &User) -> Option<Finding> {
    if scene.has_mailbox_of(service).is_some() {
        return None;
    }
    let (kind, status) = match (service.wants_suspended()?, &found.status) {
        (false, Status::Suspended) => (Kind::Suspended, Status::Active),
        (true, Status::Active) => (Kind::NotSuspended, Status::Suspended),
        _ => return None,
    };
    let user = service.user.clone();
    let says = format!("user {user} is {}", found.status.as_str());
    let step = Step::SetUserStatus { user, status, before: found.status.clone() };
    Some(scene.about(kind, service, says, each([step])))
}

/// Services of one user name share the user; the oldest one names it.
fn names(scene: &Scene, service: &Provisioned, found: &User) -> Option<Finding> {
    let wanted = service.of.standing.names.as_ref()?;
    let shown = found.names.as_ref().filter(|_| found.shows_names)?;
    let is_oldest = scene.of_user(service.user).first().is_some_and(|first| first.svcnum == service.svcnum);
    if !is_oldest || names::are_same(shown, wanted) {
        return None;
    }
    let step = Step::UpdateUser {
        user: service.user.clone(),
        names: wanted.clone(),
        password: None,
        before: Some(shown.clone()),
        old_password: None,
    };
    let says = format!("user {} is called {}", service.user, theirs(shown));
    let mut finding = scene.about(Kind::UserName, service, says, each([step]));
    finding.freeside = format!("{}, name {}", service.told(), ours(wanted));
    Some(finding)
}

/// A name of Freeside's in a sentence.
pub fn ours(names: &Names) -> String {
    format!("\"{}\"", names::whole(names))
}

/// A name of the server's in a sentence.
pub fn theirs(names: &Names) -> String {
    format!("\"{}\"", foreign(&names::whole(names)))
}

fn addresses(scene: &Scene, service: &Provisioned, findings: &mut Vec<Finding>) {
    let user = service.user;
    let Some(held) = scene.world.addresses.get(user) else { return };
    let address = service.address();
    let missing = (!scene.world.owns_address(user, &address)).then(|| missing(scene, service, &address));
    // Services of one user name in several domains share the user; the oldest is told of what is too much.
    let same_user = scene.of_user(user);
    let is_oldest = same_user.first().is_some_and(|first| first.svcnum == service.svcnum);
    let is_ours = |held: &Address| same_user.iter().any(|other| other.address() == *held);
    for old in held.iter().filter(|held| is_oldest && is_of(held, service) && !is_ours(held)) {
        let says = format!("user {user} has the address {}", foreign(old.as_str()));
        let remove = Step::RemoveAddress { address: old.clone(), user: user.clone() };
        // Without the new one the mailbox would have none.
        let mend = match missing.as_ref().map(|missing| &missing.mend) {
            Some(Mend::ByHand(text)) => Mend::ByHand(text.clone()),
            Some(_) => each([Step::AddAddress { address: address.clone(), user: user.clone() }, remove]),
            None => each([remove]),
        };
        let mut finding = scene.about(Kind::AddressOld, service, says, mend);
        finding.key = format!("{}/{}", finding.key, old.domain());
        findings.push(finding);
    }
    findings.extend(missing);
}

/// Whether the address is the mailbox's own name in some domain; any other one is an alias, no concern of
/// Freeside's.
fn is_of(address: &Address, service: &Provisioned) -> bool {
    Address::of(service.user, address.domain()) == *address
}

fn missing(scene: &Scene, service: &Provisioned, address: &Address) -> Finding {
    let user = service.user;
    let (says, mend) = match scene.world.owners.get(address).and_then(Option::as_ref) {
        Some(owner) if owner != user => {
            let owner = foreign(owner.as_str());
            (
                format!("the address {address} is on user {owner}"),
                Mend::ByHand(format!("remove the address {address} from user {owner} first")),
            )
        }
        _ => (
            format!("user {user} does not have the address {address}"),
            match scene.has_mailbox_of(service) {
                Some(other) => Mend::ByHand(format!(
                    "user {user} is the mailbox of service {} ({}); unprovision this one, and provision it again under another user name",
                    other.svcnum,
                    other.address()
                )),
                None => each([Step::AddAddress { address: address.clone(), user: user.clone() }]),
            },
        ),
    };
    scene.about(Kind::AddressMissing, service, says, mend)
}

/// An account as the server names it, in a sentence.
fn their(account: Option<&AccountId>) -> String {
    account.map_or_else(|| "an account that is not named".to_owned(), |id| foreign(id.as_str()))
}
