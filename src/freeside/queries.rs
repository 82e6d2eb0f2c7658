//! The queries that several tasks ask, and their answers.

use super::account::{BySubclass, Customers};
use super::exports::Exports;
use super::former::{customers_of, MOST_ROWS};
use super::message::{Answer, Ask, Trouble};
use crate::id::{AccountId, UserName};
use serde_json::{json, Value};
use std::collections::{BTreeMap, BTreeSet};

pub fn exports() -> Ask {
    Ask::new("exports", json!({}))
}

/// The services that may be on one of the accounts, and those of a customer (0: of none). None: there can be none.
pub fn services(exports: &Exports, accounts: &[AccountId], custnum: u64) -> Option<Ask> {
    let mut customers = Customers::default();
    accounts.iter().for_each(|account| customers.add(Customers::named_in(account, exports)));
    customers.custnums.extend(Some(custnum).filter(|custnum| *custnum > 0));
    let accounts: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
    let is_nobodys = accounts.is_empty() && customers.is_empty();
    let with = json!({
        "custnums": customers.custnums, "agent_custids": customers.agent_custids, "accounts": accounts,
    });
    (!is_nobodys).then(|| rows_of("services", exports, with))
}

/// The services that have a user name, in whatever domain.
pub fn namesakes(exports: &Exports, username: &UserName) -> Ask {
    rows_of("namesakes", exports, json!({ "username": username.as_str() }))
}

/// Such a query says on which definitions services count, and whether agents' numbers are needed.
fn rows_of(name: &'static str, exports: &Exports, mut with: Value) -> Ask {
    with["definitions"] = json!(exports.definitions());
    with["by_agents"] = json!(exports.any_by_agents());
    Ask::new(name, with)
}

/// Who was ever on the accounts, and in packages of a customer (0: of none). None: the history cannot tell.
pub fn history(exports: &Exports, accounts: &[AccountId], custnum: u64) -> Option<Ask> {
    let accounts: Vec<&AccountId> = accounts.iter().collect();
    let mut customers = customers_of(&accounts, exports)?;
    customers.custnums.extend(Some(custnum).filter(|custnum| *custnum > 0));
    let with = json!({
        "custnums": customers.custnums,
        "agent_custids": customers.agent_custids,
        "limit": MOST_ROWS + 1,
    });
    Some(Ask::new("history", with))
}

/// What is warned about where the history cannot be read.
pub fn no_history(accounts: &[AccountId], trouble: &str) -> String {
    let accounts: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
    format!("who was on account {} before is not known, so it is not purged: {trouble}", accounts.join(", "))
}

/// The customers whose accounts a subclass has not named yet.
pub fn account_names(by_subclass: &BySubclass, custnums: BTreeSet<u64>) -> Option<(BTreeSet<u64>, Ask)> {
    let known = by_subclass.as_ref()?;
    let unknown: BTreeSet<u64> =
        custnums.into_iter().filter(|custnum| *custnum > 0 && !known.contains_key(custnum)).collect();
    let with = json!({ "custnums": unknown });
    (!unknown.is_empty()).then(|| (unknown, Ask::new("account_names", with)))
}

pub fn take_names(
    by_subclass: &mut BySubclass,
    custnums: &BTreeSet<u64>,
    answer: Answer,
) -> Result<(), Trouble> {
    let mut row = answer.row()?;
    let names = by_subclass.get_or_insert_with(BTreeMap::new);
    for custnum in custnums {
        let name = row.text(&custnum.to_string()).map_err(|error| error.text)?;
        names.insert(*custnum, name.unwrap_or_default());
    }
    Ok(())
}

/// The accounts, then the service, in this order, and the customers, whose rows are locked where a database has no
/// other locks.
pub fn lock(accounts: &[AccountId], svcnum: Option<u64>, custnums: &BTreeSet<u64>) -> Ask {
    let accounts: Vec<&str> = accounts.iter().map(AccountId::as_str).collect();
    Ask::new("lock", json!({ "accounts": accounts, "svcnum": svcnum, "custnums": custnums }))
}
