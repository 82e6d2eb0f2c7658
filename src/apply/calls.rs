//! A step as calls of the API: the one that does it, and the one that finds out whether it took effect.

use crate::api::Call;
use crate::id::Address;
use crate::record::Status;
use crate::step::Step;

/// The call that does `step`.
pub fn call(step: &Step) -> Call {
    match step {
        Step::CreateAccount { id, names } => Call::add_account(id, &names.0, &names.1),
        Step::SetAccountStatus { id, status: Status::Active, .. } => Call::activate_account(id),
        Step::SetAccountStatus { id, status: Status::Suspended, .. } => Call::suspend_account(id),
        Step::SetAccountStatus { id, .. } => Call::delete_account(id),
        Step::UpdateAccount { id, names, .. } => Call::update_account(id, names),
        Step::PurgeAccount { id } => Call::purge_account(id),
        Step::CreateUser { user, account, names, password } => Call::add_user(user, account, names, password),
        Step::SetUserStatus { user, status: Status::Active, .. } => Call::activate_user(user),
        Step::SetUserStatus { user, status: Status::Suspended, .. } => Call::suspend_user(user),
        Step::SetUserStatus { user, .. } => Call::delete_user(user),
        Step::UpdateUser { user, names, password, .. } => Call::update_user(user, names, password.as_ref()),
        Step::MakeMaster { user } => Call::make_master_user(user),
        Step::PurgeUser { user, .. } => Call::purge_user(user),
        Step::AssignPackage { user, package } => Call::assign_package(user, package),
        Step::RemovePackage { user, package } => Call::remove_package(user, package),
        Step::AddAddress { address, user } => Call::add_email_address(address, user),
        Step::RemoveAddress { address, .. } => Call::remove_email_address(address),
    }
}

/// The read whose answer tells whether `step` took effect.
pub fn probe(step: &Step) -> Call {
    match step {
        Step::CreateAccount { id, .. }
        | Step::SetAccountStatus { id, .. }
        | Step::UpdateAccount { id, .. }
        | Step::PurgeAccount { id, .. } => Call::get_account(id),
        Step::CreateUser { user, .. }
        | Step::SetUserStatus { user, .. }
        | Step::UpdateUser { user, .. }
        | Step::MakeMaster { user }
        | Step::PurgeUser { user, .. } => Call::get_user(user),
        Step::AssignPackage { user, .. } | Step::RemovePackage { user, .. } => Call::get_packages(user),
        // Of an address its own record may say "none, or not ours", which proves nothing.
        Step::AddAddress { user, .. } | Step::RemoveAddress { user, .. } => Call::get_email_addresses(user),
    }
}

/// The read that tells on which user an address is.
pub fn owner(address: &Address) -> Call {
    Call::get_email_address(address)
}
