//! What must never happen, whatever goes wrong and whatever the server says: no mailbox in use is purged; nothing is
//! marked deleted, purged or removed but by the hook that made it, or that was asked to be rid of it; nobody sends force.
//! Checked when each request is sent and after each that is carried out, by the server's own state.

use crate::ask::Ask;
use crate::mail::Flight;
use crate::site::Site;
use magicmail::world::Hook;
use magicmail_simulator::{losses, ApiRequest, Loss, LossKind, State};

/// What a hook may take away besides what it made.
pub struct Rights {
    hook: Hook,
    svcnum: u64,
    username: String,
    accounts: [String; 2],
    /// Of the service, and the one before a change.
    addresses: [String; 2],
    autopurge: bool,
    /// Another service of the account has the same mailbox.
    is_shared: bool,
    /// The server as it was when the hook began.
    start: State,
}

impl Rights {
    pub fn new(ask: &Ask, start: State) -> Rights {
        let username = ask.service.username.clone();
        let old = ask.old.as_ref().map(crate::ask::Asked::address).unwrap_or_default();
        let is_same = |other: &&crate::books::OnAccount| other.username.eq_ignore_ascii_case(&username);
        Rights {
            hook: ask.hook,
            svcnum: ask.service.svcnum,
            accounts: [ask.account.clone(), ask.configured.clone()],
            addresses: [ask.service.address(), old],
            autopurge: ask.autopurge,
            is_shared: ask.others_on(&ask.account).any(|other| is_same(&other)),
            username,
            start,
        }
    }

    /// The hook was asked to, or puts back a mark that it had found.
    fn include(&self, loss: &Loss) -> bool {
        let was = match loss.kind {
            LossKind::UserDeleted => self.start.mailbox(&loss.name).map(|user| user.status),
            LossKind::AccountDeleted => self.start.account_status(&loss.name),
            _ => None,
        };
        was == Some("deleted") || self.includes_for_task(loss)
    }

    fn includes_for_task(&self, loss: &Loss) -> bool {
        let takes_away = matches!(self.hook, Hook::Unprovision | Hook::Purge);
        let is_own = |name: &str| name.eq_ignore_ascii_case(&self.username);
        let is_account = |id: &str| self.accounts.iter().any(|account| account.eq_ignore_ascii_case(id));
        match loss.kind {
            LossKind::UserDeleted => {
                self.hook == Hook::Unprovision
                    && !self.is_shared
                    && is_own(&loss.name)
                    && is_account(&loss.owner)
            }
            LossKind::UserPurged => {
                takes_away
                    && self.autopurge
                    && !self.is_shared
                    && is_own(&loss.name)
                    && is_account(&loss.owner)
            }
            LossKind::AccountDeleted => takes_away && is_account(&loss.name),
            LossKind::AccountPurged => takes_away && self.autopurge && is_account(&loss.name),
            LossKind::AddressRemoved => {
                let is_address = self.addresses.iter().any(|own| own.eq_ignore_ascii_case(&loss.name));
                let takes_all = takes_away && self.autopurge && !self.is_shared;
                let may_remove = takes_away || self.hook == Hook::Replace;
                is_own(&loss.owner) && may_remove && (is_address || takes_all)
            }
        }
    }
}

/// In the makers' table users, accounts and addresses have different names.
fn maker_key(thing: &str, name: &str) -> String {
    format!("{thing} {}", name.to_ascii_lowercase())
}

fn thing_of(kind: LossKind) -> &'static str {
    match kind {
        LossKind::UserDeleted | LossKind::UserPurged => "user",
        LossKind::AccountDeleted | LossKind::AccountPurged => "account",
        LossKind::AddressRemoved => "address",
    }
}

impl Site {
    /// Before a request is sent, whatever becomes of it.
    pub fn guard_request(&mut self, request: &ApiRequest) {
        if request.parameters.iter().any(|(name, _)| name == "force") {
            self.is_wrong(format!("force was sent: {}", request.describe()));
        }
    }

    /// After a request was carried out. `is_ghost`: its hook had ended.
    pub fn guard(&mut self, flight: &Flight, before: &State, is_ghost: bool) {
        let after = self.mail.server.state().clone();
        let is_late = is_ghost || self.now > flight.given_up;
        for old in before.mailboxes() {
            let is_moved = |now: &str| !now.eq_ignore_ascii_case(old.account);
            if after.mailbox(old.name).is_some_and(|now| is_moved(now.account)) {
                self.is_wrong(format!("user {} changed its account", old.name));
            }
        }
        for loss in losses(before, &after) {
            let by = flight.request.describe();
            if loss.is_of_active_mailbox() && !self.went_with_its_account(flight.hook, &loss) {
                self.is_wrong(format!("a mailbox in use: {loss}, by {by}"));
            } else if is_late && self.was_made_by(flight.hook, &loss) {
                self.excuse(&loss.name);
                self.excuse(&loss.owner);
            } else if !self.may_lose(flight.hook, &loss) {
                self.is_wrong(format!("nobody asked for it: {loss}, by {by}"));
            } else if loss.kind == LossKind::UserPurged {
                self.purged(flight.hook, &loss, is_ghost);
            }
        }
        self.note_makers((!is_ghost).then_some(flight.hook), before, &after);
    }

    fn note_makers(&mut self, maker: Option<u64>, before: &State, after: &State) {
        let users = after.mailboxes().filter(|new| before.mailbox(new.name).is_none());
        let accounts = after.account_statuses().filter(|(id, _)| before.account_status(id).is_none());
        let addresses = after.owners().filter(|(address, _)| before.owner(address).is_none());
        let new = (users.map(|user| maker_key("user", user.name)))
            .chain(accounts.map(|(id, _)| maker_key("account", id)))
            .chain(addresses.map(|(address, _)| maker_key("address", address)));
        let new: Vec<String> = new.collect();
        self.mail.ever_made.extend(new.iter().filter_map(|key| Some((maker?, key.clone()))));
        self.mail.makers.extend(new.into_iter().map(|key| (key, maker)));
    }

    /// The request comes late: its hook had made such a thing, or was to mark it, and meanwhile another hook has made it anew. Nobody can
    /// call it back; only a mailbox that is not marked deleted is out of its reach.
    fn was_made_by(&self, hook: u64, loss: &Loss) -> bool {
        let rights = self.mail.rights.get(&hook);
        let is_its_mark = loss.kind == LossKind::UserDeleted
            && rights.is_some_and(|rights| {
                rights.hook == Hook::Unprovision && rights.username.eq_ignore_ascii_case(&loss.name)
            });
        is_its_mark || self.mail.ever_made.contains(&(hook, maker_key(thing_of(loss.kind), &loss.name)))
    }

    fn may_lose(&self, hook: u64, loss: &Loss) -> bool {
        self.is_made_by(hook, loss)
            || self.is_of_user_made_by(hook, loss)
            || self.puts_back_late_mark(hook, loss)
            || self.mail.rights.get(&hook).is_some_and(|rights| rights.include(loss))
    }

    /// What this hook made active again was marked deleted since it began, by the late request of one that had ended.
    fn puts_back_late_mark(&self, hook: u64, loss: &Loss) -> bool {
        let is_mark = matches!(loss.kind, LossKind::UserDeleted | LossKind::AccountDeleted);
        let mut running = self.mail.running.iter().flatten().filter(|running| running.id == hook);
        let is_about = |ghost: &String| ghost.eq_ignore_ascii_case(&loss.name);
        is_mark && running.any(|running| running.ghosts.iter().any(is_about))
    }

    /// A mailbox that no service has, made by the late request of a hook that had ended: on an account that this hook
    /// made (a list may leave it out, and an undo takes the account back that nobody else can have been on), or since
    /// this hook began (it may have read the list of users before).
    fn went_with_its_account(&self, hook: u64, loss: &Loss) -> bool {
        let maker = |thing: &str, name: &str| self.mail.makers.get(&maker_key(thing, name)).copied();
        let rights = self.mail.rights.get(&hook);
        let came_since = rights.is_some_and(|rights| rights.start.mailbox(&loss.name).is_none());
        maker("user", &loss.name) == Some(None)
            && (came_since || maker("account", &loss.owner) == Some(Some(hook)))
            && self.books.services_of_mailbox(&loss.name, &loss.owner).next().is_none()
    }

    /// An address of a user that this hook made and takes back: it may have been on that name before, left of a mailbox
    /// that is gone.
    fn is_of_user_made_by(&self, hook: u64, loss: &Loss) -> bool {
        let maker = self.mail.makers.get(&maker_key("user", &loss.owner)).copied().flatten();
        loss.kind == LossKind::AddressRemoved && maker == Some(hook)
    }

    /// By this hook, or since it began by the late request of one that had ended: no telling that from its own.
    fn is_made_by(&self, hook: u64, loss: &Loss) -> bool {
        match self.mail.makers.get(&maker_key(thing_of(loss.kind), &loss.name)) {
            Some(Some(maker)) => *maker == hook,
            Some(None) => self.mail.rights.get(&hook).is_some_and(|rights| match loss.kind {
                LossKind::UserDeleted | LossKind::UserPurged => rights.start.mailbox(&loss.name).is_none(),
                LossKind::AccountDeleted | LossKind::AccountPurged => {
                    rights.start.account_status(&loss.name).is_none()
                }
                LossKind::AddressRemoved => rights.start.owner(&loss.name).is_none(),
            }),
            None => false,
        }
    }

    /// A mailbox that was marked deleted is gone. With autopurge, and without purge_after_commit, that is what was asked
    /// for, even if Freeside rolls back then. A purge that comes late may find the mark of a later hook.
    fn purged(&mut self, hook: u64, loss: &Loss, is_ghost: bool) {
        let of_services: Vec<u64> = self.books.services_of_mailbox(&loss.name, &loss.owner).collect();
        if is_ghost {
            self.tally.ghost_purges += of_services.len() as u64;
            self.lost.extend(of_services);
            self.excuse(&loss.name);
            self.excuse(&loss.owner);
            return;
        }
        if self.is_made_by(hook, loss) {
            return;
        }
        let rights = self.mail.rights.get(&hook);
        let leaving = rights.filter(|rights| rights.hook == Hook::Unprovision).map(|rights| rights.svcnum);
        for svcnum in of_services {
            if leaving == Some(svcnum) {
                self.lost.insert(svcnum);
            } else {
                self.is_wrong(format!("the mailbox {} of service {svcnum} was purged", loss.name));
            }
        }
    }
}
