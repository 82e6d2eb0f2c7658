//! What is found of an account as a whole: its state, its master, the packages on it.

use super::finding::{each, Finding, Kind, Mend};
use super::scene::{Provisioned, Scene};
use super::services::{ours, theirs as their_name};
use crate::foreign::foreign;
use crate::id::{PackageName, UserName};
use crate::names::{self, Names};
use crate::plan::{master, packages};
use crate::record::{Account, Status, User};
use crate::step::Step;

pub fn compare(scene: &Scene, findings: &mut Vec<Finding>) {
    if scene.services.is_empty() {
        return;
    }
    findings.extend(state(scene));
    findings.extend(name(scene));
    let Some(chief) = Chief::of(scene) else { return };
    findings.extend(two_masters(scene));
    let wanted = packages::wanted_on_master(scene.task, scene.world);
    match &chief {
        Chief::Master(name) => on_master(scene, name, &wanted, findings),
        Chief::Heir { name, is_marked, present } => {
            findings.push(no_master(scene, name, *is_marked, present.as_ref(), &wanted));
        }
    }
    on_additional(scene, chief.name(), findings);
}

fn state(scene: &Scene) -> Option<Finding> {
    let account = scene.world.account.present()?;
    let active = scene.services.iter().filter(|service| service.wants_suspended() == Some(false));
    let (kind, count) = match account.status {
        Status::Suspended => (Kind::AccountSuspended, active.count()),
        Status::Deleted => (Kind::AccountDeleted, scene.services.len()),
        _ => return None,
    };
    if count == 0 {
        return None;
    }
    let freeside = match kind {
        Kind::AccountSuspended => format!("active services: {count}"),
        _ => format!("provisioned services: {count}"),
    };
    let says = format!("the account is {}", account.status.as_str());
    let step = Step::SetAccountStatus {
        id: scene.world.account_id.clone(),
        status: Status::Active,
        before: account.status.clone(),
    };
    Some(scene.of_account(kind, "", freeside, says, each([step])))
}

fn name(scene: &Scene) -> Option<Finding> {
    let account = scene.world.account.present()?;
    let (customer, wanted) = owner(&scene.services)?;
    let shown = account.names.as_ref()?;
    if names::are_same(shown, wanted) {
        return None;
    }
    let freeside = format!("customer {customer} is called {}", ours(wanted));
    let says = format!("the account is called {}", their_name(shown));
    let mend = each([rename(account, wanted)]);
    Some(scene.of_account(Kind::AccountName, "", freeside, says, mend))
}

/// The customer whom an account is called after, and the name: the one of the oldest service on it.
fn owner<'a>(services: &[Provisioned<'a>]) -> Option<(u64, &'a Names)> {
    let standing = &services.first()?.of.standing;
    Some((standing.customer, standing.customer_names.as_ref()?))
}

fn rename(account: &Account, names: &Names) -> Step {
    Step::UpdateAccount { id: account.id.clone(), names: names.clone(), before: account.names.clone() }
}

/// The step that gives an account the name of its customer; None where it has that name, or is not there. One that
/// does not show its name is renamed.
pub fn rename_step(scene: &Scene) -> Option<Step> {
    let account = scene.world.account.present()?;
    let (_, wanted) = owner(&scene.services)?;
    let is_so = account.names.as_ref().is_some_and(|shown| names::are_same(shown, wanted));
    (!is_so).then(|| rename(account, wanted))
}

/// Whether the account is called after this customer.
pub fn is_called_after(scene: &Scene, customer: u64) -> bool {
    owner(&scene.services).is_some_and(|(owner, _)| owner == customer)
}

/// Who holds the account's packages, or should.
enum Chief {
    Master(UserName),
    /// No service's user is the master that counts: the one who should become it.
    Heir {
        name: UserName,
        is_marked: bool,
        /// A master that no service has.
        present: Option<User>,
    },
}

impl Chief {
    /// None where no service has a mailbox here.
    fn of(scene: &Scene) -> Option<Chief> {
        let present = master::of(scene.task, scene.world).user;
        if let Some(master) = present.as_ref().filter(|master| scene.has_service(&master.name)) {
            return Some(Chief::Master(master::known_name(scene.task, scene.world, &master.name).clone()));
        }
        let live = scene.services.iter().filter_map(|service| Some((service, scene.live(service)?)));
        let (heir, user) = live.min_by_key(|(service, user)| (!user.master, service.svcnum))?;
        Some(Chief::Heir { name: heir.user.clone(), is_marked: user.master, present: present.cloned() })
    }

    fn name(&self) -> &UserName {
        match self {
            Chief::Master(name) | Chief::Heir { name, .. } => name,
        }
    }
}

/// The mark comes last, since nothing takes it away: until then the finding stands, and with it the plan.
fn no_master(
    scene: &Scene,
    name: &UserName,
    is_marked: bool,
    present: Option<&User>,
    wanted: &[PackageName],
) -> Finding {
    let (kind, says) = match present {
        None => (Kind::NoMaster, "no user of the account is its master".to_owned()),
        Some(master) => (
            Kind::WrongMaster,
            format!("the master is {}, which no service has", foreign(master.name.as_str())),
        ),
    };
    let mut steps = to_hold(scene, name, wanted);
    if !is_marked {
        steps.push(Step::MakeMaster { user: name.clone() });
    }
    let freeside = format!("{name} has the oldest service, and the account's packages: {}", listed(wanted));
    scene.of_account(kind, "", freeside, says, each(steps))
}

fn two_masters(scene: &Scene) -> Option<Finding> {
    let is_master = |service: &&Provisioned| scene.live(service).is_some_and(|user| user.master);
    let mut names: Vec<String> =
        scene.services.iter().filter(is_master).map(|service| service.user.to_string()).collect();
    names.dedup();
    if names.len() < 2 {
        return None;
    }
    let says = format!("masters: {}", names.join(", "));
    let hand = "nothing takes the mark away by this API; the one of the oldest service counts. Take it from the others in MagicMail's own administration";
    let freeside = "an account has one master".to_owned();
    Some(scene.of_account(Kind::TwoMasters, "", freeside, says, Mend::ByHand(hand.to_owned())))
}

fn on_master(scene: &Scene, name: &UserName, wanted: &[PackageName], findings: &mut Vec<Finding>) {
    let Some(held) = scene.world.packages.get(name) else { return };
    let says = format!("the master {name} has: {}", theirs(held));
    let freeside = format!("the account's services bring: {}", listed(wanted));
    let lacks = wanted.iter().filter(|package| !held.contains(package));
    let assign: Vec<Step> = lacks
        .clone()
        .map(|package| Step::AssignPackage { user: name.clone(), package: package.clone() })
        .collect();
    for (package, step) in lacks.zip(&assign) {
        findings.push(scene.of_account(
            Kind::PackageMissing,
            package.as_str(),
            freeside.clone(),
            says.clone(),
            each([step.clone()]),
        ));
    }
    for package in held.iter().filter(|package| !wanted.contains(package)) {
        let remove = Step::RemovePackage { user: name.clone(), package: package.clone() };
        // Nothing is taken away before what lacks is there.
        let mend = each(assign.iter().cloned().chain([remove]));
        let thing = package.as_str();
        findings.push(scene.of_account(Kind::PackageExtra, thing, freeside.clone(), says.clone(), mend));
    }
}

fn on_additional(scene: &Scene, chief: &UserName, findings: &mut Vec<Finding>) {
    let additional = [PackageName::additional()];
    let mut told: Vec<&UserName> = vec![chief];
    for service in &scene.services {
        let user = service.user;
        let Some(held) = scene.world.packages.get(user).filter(|_| scene.live(service).is_some()) else {
            continue;
        };
        let steps = to_hold(scene, user, &additional);
        if told.contains(&user) || steps.is_empty() {
            continue;
        }
        told.push(user);
        let says = format!("the additional user {user} has: {}", theirs(held));
        findings.push(scene.about(Kind::AdditionalPackages, service, says, each(steps)));
    }
}

/// The steps after which `user` holds just these.
fn to_hold(scene: &Scene, user: &UserName, wanted: &[PackageName]) -> Vec<Step> {
    let Some(held) = scene.world.packages.get(user) else { return Vec::new() };
    let lacks = wanted.iter().filter(|package| !held.contains(package));
    let assign = lacks.map(|package| Step::AssignPackage { user: user.clone(), package: package.clone() });
    let extra = held.iter().filter(|package| !wanted.contains(package));
    let remove = extra.map(|package| Step::RemovePackage { user: user.clone(), package: package.clone() });
    assign.chain(remove).collect()
}

fn listed(packages: &[PackageName]) -> String {
    packages.iter().map(PackageName::as_str).collect::<Vec<_>>().join(", ")
}

fn theirs(packages: &[PackageName]) -> String {
    if packages.is_empty() {
        return "none".to_owned();
    }
    foreign(&listed(packages))
}
