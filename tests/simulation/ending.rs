//! The end of a history: the network is healthy again, whatever is on its way arrives, and each service's
//! change hook (or provision, for what the server lacks) runs once more. Then both sides agree.

use crate::acts::run_each;
use crate::ask::Asked;
use crate::books::{exports_of, package_of, Books, Job, Mailbox, Service, Work};
use crate::freeside::{run_job, Given};
use crate::judge;
use crate::site::Site;
use crate::stage::Stage;
use crate::transaction::Transaction;
use crate::worker::in_transaction;
use magicmail::world::Hook;
use magicmail_simulator::State;
use std::sync::Arc;

const WORKER: usize = 0;

pub fn heal(stage: &Arc<Stage>) {
    {
        let mut site = stage.site();
        site.settle();
        site.weather.calm = true;
        site.tell(WORKER, || "the network is healthy again; all services anew".to_owned());
    }
    each_service(stage, mend);
    let pending: Vec<Job> = stage.site().books.jobs.values().cloned().collect();
    let put_off = run_jobs(stage, pending, Some(NO_MASTER));
    agree(stage, Site::mailboxes_agree);
    each_service(stage, |transaction, given, exports| {
        run_each(transaction, exports, Hook::Provision, given, None)
    });
    run_jobs(stage, put_off, None);
    agree(stage, Site::mailboxes_agree);
    agree(stage, Site::accounts_agree);
    agree(stage, Site::nothing_is_left);
}

fn is_wrong(stage: &Arc<Stage>) -> bool {
    stage.site().wrong.is_some()
}

fn agree(stage: &Arc<Stage>, check: impl Fn(&Site) -> Result<(), String>) {
    let mut site = stage.site();
    if site.wrong.is_some() {
        return;
    }
    if let Err(why) = check(&site) {
        site.is_wrong(format!("at the end: {why}"));
    }
}

/// In a transaction of its own, which must succeed.
fn each_service(stage: &Arc<Stage>, what: impl Fn(&mut Transaction, &Given, &[u64]) -> Result<(), String>) {
    let services: Vec<Service> = stage.site().books.services.values().cloned().collect();
    for service in services {
        let Some(mailbox) = service.mailbox.clone() else { continue };
        if is_wrong(stage) || exports_of(service.svcpart).is_empty() {
            continue;
        }
        let given = Given { svcnum: service.svcnum, svcpart: service.svcpart, mailbox };
        let ended = anew(stage, &given, &what);
        must(stage, ended, &format!("service {} anew", given.svcnum), given.svcnum);
    }
}

fn anew(
    stage: &Arc<Stage>,
    given: &Given,
    what: impl Fn(&mut Transaction, &Given, &[u64]) -> Result<(), String>,
) -> Option<Result<(), String>> {
    let exports = exports_of(given.svcpart);
    in_transaction(stage, WORKER, |transaction| what(transaction, given, exports))
}

fn failed_for(reason: &str, ended: Option<&Result<(), String>>) -> bool {
    matches!(ended, Some(Err(why)) if why.contains(reason))
}

fn must(stage: &Arc<Stage>, ended: Option<Result<(), String>>, what: &str, svcnum: u64) {
    let Some(Err(why)) = ended else { return };
    let mut site = stage.site();
    if !site.is_among_the_lost(svcnum) {
        site.is_wrong(format!("at the end, {what}: {why}"));
    }
}

/// The change hook, with nothing changed; where the server has no such mailbox, or only a deleted one, a
/// provision. Whether the mailbox is suspended only the hooks for that bring about.
fn mend(transaction: &mut Transaction, given: &Given, exports: &[u64]) -> Result<(), String> {
    let is_there = {
        let site = transaction.stage.site();
        let found = site.mail.server.state().mailbox(&given.mailbox.username);
        found.is_some_and(|user| !user.is_deleted())
    };
    let hook = if is_there { Hook::Replace } else { Hook::Provision };
    run_each(transaction, exports, hook, given, Some(&given.mailbox).filter(|_| is_there))?;
    for exportnum in exports {
        let export = transaction.stage.site().setup.export(*exportnum).clone();
        let is_suspended = transaction.books().facts(given.svcnum, *exportnum).is_suspended;
        let hook = if is_suspended { Hook::Suspend } else { Hook::Unsuspend };
        if !export.no_suspend {
            run_each(transaction, &[*exportnum], hook, given, None)?;
        }
    }
    Ok(())
}

/// An unprovision may have left an account without a master, and warned of it. Only a provision makes one, so a job
/// that brings the packages in line fails until then, and staff see it in the queue; it is tried again after that.
const NO_MASTER: &str = "has no master in MagicMail";

/// Runs jobs, which must succeed; returns those that failed for the reason that is excused.
fn run_jobs(stage: &Arc<Stage>, jobs: Vec<Job>, excused: Option<&str>) -> Vec<Job> {
    let mut put_off = Vec::new();
    for job in jobs {
        if is_wrong(stage) {
            break;
        }
        let ended = in_transaction(stage, WORKER, |transaction| run_job(transaction, job.jobnum));
        if stage.site().is_about_anothers(&job) {
            continue;
        }
        if excused.is_some_and(|reason| failed_for(reason, ended.as_ref())) {
            put_off.push(job);
        } else {
            must(stage, ended, &format!("job {} of the queue", job.jobnum), job.svcnum);
        }
    }
    put_off
}

impl Site {
    /// The name is another account's by now: an unprovision is refused, and staff see that its job is of no use.
    fn is_about_anothers(&self, job: &Job) -> bool {
        let owner = self.mail.server.state().mailbox(&job.username);
        job.work == Work::Unprovision
            && owner.is_some_and(|owner| !owner.account.eq_ignore_ascii_case(&job.account))
    }

    /// An unprovision with autopurge and without purge_after_commit set the name free, and was rolled back;
    /// then somebody else took it, or another service that is on the same account by now, which has lost it too
    /// where nobody has it.
    fn has_lost_its_name(&self, svcnum: u64) -> bool {
        if !self.lost.contains(&svcnum) {
            return false;
        }
        let Some(service) = self.books.services.get(&svcnum) else { return false };
        let Some(mailbox) = &service.mailbox else { return false };
        let state = self.mail.server.state();
        let Some(owner) = state.mailbox(&mailbox.username) else {
            return self.books.services_of_user(&mailbox.username).len() > 1;
        };
        let mut exports = exports_of(service.svcpart).iter();
        let is_elsewhere = exports
            .all(|export| !self.books.account_of(service, *export).eq_ignore_ascii_case(owner.account));
        let bearer = state.owner(&format!("{}@{}", mailbox.username, mailbox.domain));
        let is_a_namesakes = !bearer.is_some_and(|name| name.eq_ignore_ascii_case(owner.name))
            && self.books.services_of_mailbox(owner.name, owner.account).any(|other| other != svcnum);
        is_elsewhere || is_a_namesakes
    }

    /// It, or another service of its user name, has lost that.
    fn is_among_the_lost(&self, svcnum: u64) -> bool {
        let name_of = |svcnum: u64| Some(&self.books.services.get(&svcnum)?.mailbox.as_ref()?.username);
        let mut namesakes = self.lost.iter().filter(|lost| name_of(**lost) == name_of(svcnum));
        namesakes.any(|lost| self.has_lost_its_name(*lost))
    }

    /// Each service that an export provisions.
    fn provisioned(&self) -> Vec<(&Service, &Mailbox)> {
        let services = self.books.services.values().filter(|service| !exports_of(service.svcpart).is_empty());
        services.filter_map(|service| Some((service, service.mailbox.as_ref()?))).collect()
    }

    fn mailboxes_agree(&self) -> Result<(), String> {
        let state = self.mail.server.state();
        for (service, mailbox) in self.provisioned() {
            let is_double = self.books.has_address(&mailbox.username, &mailbox.domain, service.svcnum);
            if self.is_among_the_lost(service.svcnum) || is_double {
                continue;
            }
            self.mailbox_agrees(state, service, mailbox)
                .map_err(|why| format!("service {}: {why}", service.svcnum))?;
        }
        Ok(())
    }

    fn mailbox_agrees(&self, state: &State, service: &Service, mailbox: &Mailbox) -> Result<(), String> {
        let exportnum = exports_of(service.svcpart)[0];
        let account = self.books.account_of(service, exportnum);
        let wanted = Asked {
            username: mailbox.username.clone(),
            domain: mailbox.domain.clone(),
            finger: mailbox.finger.clone(),
            password: mailbox.password.clone(),
            ..Asked::default()
        };
        let found = judge::mailbox(state, &account, &wanted, self.mail.modes())?;
        judge::has_address(state, &wanted)?;
        let is_suspended = self.books.facts(service.svcnum, exportnum).is_suspended;
        let status = if is_suspended { "suspended" } else { "active" };
        if found.status != status && !self.setup.export(exportnum).no_suspend || found.is_deleted() {
            return Err(format!("user {} is {}, not {status}", found.name, found.status));
        }
        Ok(())
    }

    fn accounts_agree(&self) -> Result<(), String> {
        let state = self.mail.server.state();
        for (id, status) in state.account_statuses() {
            let services = self.services_on(&self.books, id);
            if services.is_empty() {
                continue;
            }
            // A service whose name is somebody else's by now cannot be provisioned, so nothing brings its package
            // back to what is left of its account; nor is it taken away there, while Freeside has the service.
            let (lost, kept): (Vec<_>, Vec<_>) =
                services.iter().partition(|(svcnum, ..)| self.has_lost_its_name(*svcnum));
            if kept.is_empty() {
                continue;
            }
            if status != "active" {
                return Err(format!("account {id} is {status}"));
            }
            let packages = |services: &[&(u64, &str, &'static str)]| -> Vec<&str> {
                services.iter().map(|(.., package)| *package).collect()
            };
            let (lost, wanted) = (packages(&lost), packages(&kept));
            let is_well = |held: &[&str]| {
                wanted.iter().all(|package| held.contains(package))
                    && held.iter().all(|package| wanted.contains(package) || lost.contains(package))
            };
            let masters = judge::masters(state, id);
            if !masters.iter().any(|master| is_well(&master.packages)) {
                return Err(format!("no master of account {id} has exactly {wanted:?}: {masters:?}"));
            }
            for (_, name, _) in &kept {
                let found = state.mailbox(name).filter(|user| user.account.eq_ignore_ascii_case(id));
                found
                    .filter(|user| !(user.master && is_well(&user.packages)))
                    .map_or(Ok(()), |user| judge::is_additional_or_master(&user, &wanted))?;
            }
        }
        Ok(())
    }

    /// Numbers, user names and packages.
    fn services_on<'a>(&self, books: &'a Books, account: &str) -> Vec<(u64, &'a str, &'static str)> {
        let mut found = Vec::new();
        for service in books.services.values() {
            let Some(mailbox) = &service.mailbox else { continue };
            for exportnum in exports_of(service.svcpart) {
                if books.account_of(service, *exportnum).eq_ignore_ascii_case(account) {
                    found.push((service.svcnum, mailbox.username.as_str(), package_of(*exportnum)));
                }
            }
        }
        found
    }

    /// What MagicMail has beyond the services, it has for a reason.
    fn nothing_is_left(&self) -> Result<(), String> {
        let state = self.mail.server.state();
        let is_service = |name: &str| {
            let mut services = self.provisioned().into_iter();
            services.any(|(_, mailbox)| mailbox.username.eq_ignore_ascii_case(name))
        };
        for user in state.mailboxes().filter(|user| !user.is_deleted()) {
            if !is_service(user.name) && !self.is_excused(user.name) {
                return Err(format!("user {} is left, and nothing explains it", user.name));
            }
        }
        for (address, user) in state.owners() {
            let is_wanted = self.provisioned().iter().any(|(_, mailbox)| {
                let wanted = format!("{}@{}", mailbox.username, mailbox.domain);
                wanted.eq_ignore_ascii_case(address)
            });
            let is_deleted = state.mailbox(user).is_some_and(|user| user.is_deleted());
            if !is_wanted && !is_deleted && !self.is_excused(user) && !self.is_excused(address) {
                return Err(format!("address {address} of {user} is left, and nothing explains it"));
            }
        }
        for (id, status) in state.account_statuses() {
            let is_used =
                state.mailboxes().any(|user| user.account.eq_ignore_ascii_case(id) && !user.is_deleted());
            if status == "active" && !is_used && !self.is_excused(id) {
                return Err(format!("account {id} is left without users, and nothing explains it"));
            }
        }
        Ok(())
    }
}
