//! The plan of a suspended or unsuspended service.
//!
//! | the user | what is done |
//! | --- | --- |
//! | absent, marked deleted, on another account, another service's mailbox | refused |
//! | its status is a word that the API does not name, or several | refused |
//! | its status is not shown | the status is sent; the answer is the evidence |
//! | as wanted already | nothing |

use super::provision::unknown_status;
use super::{namesake, Plan, Refusal, Weight};
use crate::foreign::foreign;
use crate::record::{Status, User};
use crate::step::Step;
use crate::world::{Hook, Task, World};

pub fn plan(task: &Task, world: &World) -> Result<Plan, Refusal> {
    let found = own_user(task, world)?;
    if let Status::Unknown(_) = &found.status {
        return Err(unknown_status(task, found));
    }
    let status = if task.hook == Hook::Suspend { Status::Suspended } else { Status::Active };
    let mut plan = Plan::default();
    if found.status != status {
        let user = task.user().clone();
        let before = found.status.clone();
        plan.push(Step::SetUserStatus { user, status, before }, Weight::Fatal);
    }
    Ok(plan)
}

/// The service's user, there, on its account and not deleted.
pub fn own_user<'a>(task: &Task, world: &'a World) -> Result<&'a User, Refusal> {
    let user = task.user();
    let Some(found) = world.user.present() else {
        return Err(Refusal::because(format!(
            "there is no user {user} in MagicMail; provision the service again to make it"
        )));
    };
    on_account(task, world, found)?;
    namesake::refuse_its_mailbox(task, world, found)?;
    if found.is_deleted() {
        return Err(Refusal::because(format!(
            "user {user} is marked deleted in MagicMail; provision the service again to bring the mailbox back"
        )));
    }
    Ok(found)
}

/// Refuses a user that is on another account than the service's.
pub fn on_account(task: &Task, world: &World, found: &User) -> Result<(), Refusal> {
    let user = task.user();
    match &found.account {
        None => Err(Refusal::not_believed(format!(
            "the server does not say to which account user {user} belongs"
        ))),
        Some(account) if *account != world.account_id => Err(Refusal::because(format!(
            "user {user} belongs to account {}, not {}; it is another customer's mailbox and was left alone",
            foreign(account.as_str()),
            world.account_id
        ))),
        Some(_) => Ok(()),
    }
}
