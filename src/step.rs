//! One change of MagicMail: its words, what takes it back, and what it does to the world. Pure.

mod effect;

use crate::foreign::foreign;
use crate::id::{AccountId, Address, PackageName, UserName};
use crate::names::Names;
use crate::password::Password;
use crate::record::Status;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    CreateAccount {
        id: AccountId,
        names: (String, String),
    },
    /// `before` is what the undo puts back.
    SetAccountStatus {
        id: AccountId,
        status: Status,
        before: Status,
    },
    /// `before` is what the undo puts back; None: not known.
    UpdateAccount {
        id: AccountId,
        names: Names,
        before: Option<Names>,
    },
    /// Of an account that is marked deleted; without force, which nobody here sends.
    PurgeAccount {
        id: AccountId,
    },
    CreateUser {
        user: UserName,
        account: AccountId,
        names: (String, String),
        password: Password,
    },
    SetUserStatus {
        user: UserName,
        status: Status,
        before: Status,
    },
    /// `before` (None: not known) and `old_password` are what the undo puts back.
    UpdateUser {
        user: UserName,
        names: (String, String),
        password: Option<Password>,
        before: Option<(String, String)>,
        old_password: Option<Password>,
    },
    MakeMaster {
        user: UserName,
    },
    /// Of a user that is marked deleted; without force, which nobody here sends.
    PurgeUser {
        user: UserName,
        account: AccountId,
    },
    AssignPackage {
        user: UserName,
        package: PackageName,
    },
    RemovePackage {
        user: UserName,
        package: PackageName,
    },
    AddAddress {
        address: Address,
        user: UserName,
    },
    RemoveAddress {
        address: Address,
        user: UserName,
    },
}

/// What takes a step back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    By(Step),
    /// It went with something else that is undone, or changed nothing that stays.
    Needless,
    /// This call made the user: it is marked deleted, loses its addresses, and is purged.
    RemoveUser,
    /// This call made the account: it is marked deleted and purged, if nobody is on it.
    RemoveAccount,
    /// It cannot be taken back; what stays, in words.
    Impossible(String),
}

impl Step {
    /// The step in words, an order: `create user jane on account FREESIDE42`.
    pub fn text(&self) -> String {
        match self {
            Step::CreateAccount { id, .. } => format!("create account {id}"),
            Step::SetAccountStatus { id, status, .. } => match status {
                Status::Active => format!("activate account {id}"),
                Status::Suspended => format!("suspend account {id}"),
                _ => format!("mark account {id} {}", status.as_str()),
            },
            Step::UpdateAccount { id, .. } => format!("set names of account {id}"),
            Step::PurgeAccount { id, .. } => format!("purge account {id}"),
            Step::CreateUser { user, account, .. } => format!("create user {user} on account {account}"),
            Step::SetUserStatus { user, status, .. } => match status {
                Status::Active => format!("activate user {user}"),
                Status::Suspended => format!("suspend user {user}"),
                _ => format!("mark user {user} {}", status.as_str()),
            },
            Step::UpdateUser { user, password: Some(_), .. } => {
                format!("set names and password of user {user}")
            }
            Step::UpdateUser { user, password: None, .. } => format!("set names of user {user}"),
            Step::MakeMaster { user } => format!("make user {user} the master"),
            Step::PurgeUser { user, .. } => format!("purge user {user}"),
            Step::AssignPackage { user, package } => format!("assign package {package} to user {user}"),
            // What is unexpected there is the server's text.
            Step::RemovePackage { user, package } => {
                format!("remove package {} from user {user}", foreign(package.as_str()))
            }
            Step::AddAddress { address, user } => {
                format!("add address {} to user {user}", shown(address, user))
            }
            Step::RemoveAddress { address, user } => {
                format!("remove address {} from user {user}", shown(address, user))
            }
        }
    }

    /// What this step adds, by its name: `user jane on account FREESIDE42`.
    pub fn thing(&self) -> String {
        match self {
            Step::CreateAccount { id, .. } => format!("account {id}"),
            Step::CreateUser { user, account, .. } => format!("user {user} on account {account}"),
            Step::AssignPackage { user, package } => format!("package {package} on user {user}"),
            Step::AddAddress { address, user } => format!("address {} on user {user}", shown(address, user)),
            step => step.trace(),
        }
    }

    /// What stays in MagicMail if this step could not be undone.
    pub fn trace(&self) -> String {
        match self {
            Step::CreateAccount { id, .. } => format!("account {id} (new)"),
            Step::SetAccountStatus { id, status, before } => {
                format!("account {id} is {}, was {}", status.as_str(), before.as_str())
            }
            Step::UpdateAccount { id, .. } => format!("names of account {id} are the new ones"),
            Step::PurgeAccount { id, .. } => format!("account {id} is purged"),
            Step::CreateUser { user, account, .. } => {
                format!("user {user} on account {account} (new)")
            }
            Step::SetUserStatus { user, status, before } => {
                format!("user {user} is {}, was {}", status.as_str(), before.as_str())
            }
            Step::UpdateUser { user, password: Some(_), .. } => {
                format!("names and password of user {user} are the new ones")
            }
            Step::UpdateUser { user, .. } => format!("names of user {user} are the new ones"),
            Step::MakeMaster { user } => format!("user {user} is marked as a master"),
            Step::PurgeUser { user, .. } => format!("user {user} is purged"),
            Step::AssignPackage { user, package } => format!("package {package} on user {user} (remove it)"),
            Step::RemovePackage { user, package } => {
                format!("package {} is missing on user {user} (assign it)", foreign(package.as_str()))
            }
            Step::AddAddress { address, user } => {
                format!("address {} on user {user} (remove it)", shown(address, user))
            }
            Step::RemoveAddress { address, user } => {
                format!("address {} is missing on user {user} (add it)", shown(address, user))
            }
        }
    }

    /// It adds what may have been there before, for all that a refusal says.
    pub fn adds(&self) -> bool {
        matches!(
            self,
            Step::CreateAccount { .. }
                | Step::CreateUser { .. }
                | Step::AddAddress { .. }
                | Step::AssignPackage { .. }
        )
    }

    /// It sets what a record shows, and a server has no reason to refuse.
    pub fn sets_a_mark(&self) -> bool {
        matches!(self, Step::SetAccountStatus { .. } | Step::SetUserStatus { .. } | Step::MakeMaster { .. })
    }

    pub fn sets_password(&self) -> bool {
        matches!(self, Step::UpdateUser { password: Some(_), .. })
    }

    pub fn is_purge(&self) -> bool {
        matches!(self, Step::PurgeUser { .. } | Step::PurgeAccount { .. })
    }

    /// Sending it twice does what sending it once does, and its look-up may not be able to tell.
    pub fn is_repeatable(&self) -> bool {
        matches!(self, Step::UpdateUser { .. } | Step::UpdateAccount { .. })
    }

    /// Whether a read can tell that it took effect. A password cannot be read back, so names must have changed.
    pub fn can_be_seen(&self) -> bool {
        !matches!(self, Step::UpdateUser { names, before, .. } | Step::UpdateAccount { names, before, .. } if before.as_ref().is_none_or(|before| before == names))
    }

    /// What takes this step back. `made_user`: the service's user was made by this very hook and is purged.
    pub fn undo(&self, made_user: Option<&UserName>) -> Undo {
        match self {
            Step::CreateAccount { .. } => Undo::RemoveAccount,
            // A status that the API does not name cannot be set.
            Step::SetAccountStatus { before, .. } if !before.is_named() => Undo::Impossible(self.trace()),
            Step::SetAccountStatus { id, status, before } => Undo::By(Step::SetAccountStatus {
                id: id.clone(),
                status: before.clone(),
                before: status.clone(),
            }),
            Step::UpdateAccount { before: None, .. } => Undo::Impossible(self.trace()),
            Step::UpdateAccount { id, names, before: Some(before) } => Undo::By(Step::UpdateAccount {
                id: id.clone(),
                names: before.clone(),
                before: Some((kept(&names.0, &before.0), kept(&names.1, &before.1))),
            }),
            Step::CreateUser { .. } => Undo::RemoveUser,
            // These go with the user that this hook made, when it is purged.
            Step::SetUserStatus { user, .. }
            | Step::UpdateUser { user, .. }
            | Step::MakeMaster { user }
            | Step::AssignPackage { user, .. }
            | Step::RemovePackage { user, .. }
                if made_user == Some(user) =>
            {
                Undo::Needless
            }
            Step::SetUserStatus { before, .. } if !before.is_named() => Undo::Impossible(self.trace()),
            Step::SetUserStatus { user, status, before } => Undo::By(Step::SetUserStatus {
                user: user.clone(),
                status: before.clone(),
                before: status.clone(),
            }),
            Step::UpdateUser { before: None, .. } => Undo::Impossible(self.trace()),
            Step::UpdateUser { user, names, password, before: Some(before), old_password } => {
                Undo::By(Step::UpdateUser {
                    user: user.clone(),
                    names: before.clone(),
                    password: password.as_ref().and(old_password.clone()),
                    before: Some((kept(&names.0, &before.0), kept(&names.1, &before.1))),
                    old_password: None,
                })
            }
            Step::AssignPackage { user, package } => {
                Undo::By(Step::RemovePackage { user: user.clone(), package: package.clone() })
            }
            Step::RemovePackage { user, package } => {
                Undo::By(Step::AssignPackage { user: user.clone(), package: package.clone() })
            }
            Step::AddAddress { address, user } => {
                Undo::By(Step::RemoveAddress { address: address.clone(), user: user.clone() })
            }
            Step::RemoveAddress { address, user } => {
                Undo::By(Step::AddAddress { address: address.clone(), user: user.clone() })
            }
            Step::MakeMaster { .. } | Step::PurgeUser { .. } | Step::PurgeAccount { .. } => {
                Undo::Impossible(self.trace())
            }
        }
    }

    /// What the undo of this step cannot put back, where there is such a thing.
    pub fn lost_by_undo(&self) -> Option<String> {
        match self {
            Step::UpdateUser { user, password: Some(_), old_password: None, .. } => {
                Some(format!("password of user {user} (its old one cannot be known; set it again)"))
            }
            _ => None,
        }
    }
}

/// An address in a sentence. One of another name than its user's comes from the server.
fn shown(address: &Address, user: &UserName) -> String {
    if *address == Address::of(user, address.domain()) {
        address.to_string()
    } else {
        foreign(address.as_str())
    }
}

/// The name that a user has once `sent` was sent: some servers keep the one of `before` where an empty one was sent,
/// and then it does not tell whether anything took effect.
fn kept(sent: &str, before: &str) -> String {
    if sent.is_empty() { before } else { sent }.to_owned()
}
