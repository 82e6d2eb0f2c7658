//! Who was on an account before, from Freeside's history. An account is purged on the strength of this, so where the
//! history may not tell all of it nothing is known.

use super::account::{behind_prefix, Customers};
use super::exports::Exports;
use super::message::Trouble;
use crate::document::text_of;
use crate::id::{AccountId, UserName};
use serde_json::Value;
use std::collections::BTreeSet;

/// So many rows are read: the planner reads 50 former users at most, each of whom may have a few.
pub const MOST_ROWS: usize = 200;

/// The customers whom the accounts may be named after. None: not each account is named after one, and then the
/// history cannot be asked.
pub fn customers_of(accounts: &[&AccountId], exports: &Exports) -> Option<Customers> {
    let mut all = Customers::default();
    for account in accounts {
        let customers = Customers::named_in(account, exports);
        if customers.is_empty() {
            return None;
        }
        all.add(customers);
    }
    Some(all)
}

/// What Freeside's history says.
#[derive(Debug, Default)]
pub struct History {
    /// Of each service that ever was in one of these customers' packages: its user's first name, a later one, the
    /// present one. Without the first the history began later than the service.
    users: Vec<[Option<String>; 3]>,
    /// Account prefixes that exports ever had.
    prefixes: Vec<String>,
    was_by_agents: bool,
}

impl History {
    /// `[optionname, optionvalue, first, former, present]`: a row has an option, or names of a user.
    pub fn read(rows: Vec<Value>) -> Result<History, Trouble> {
        let mut history = History::default();
        for row in rows {
            let Value::Array(row) = row else { return Err("a row of the history is no list".to_owned()) };
            let texts: Vec<Option<String>> =
                row.into_iter().map(|value| text_of(value).filter(|text| !text.is_empty())).collect();
            let [option, value, first, former, present] = <[Option<String>; 5]>::try_from(texts)
                .map_err(|_| "a row of the history has not 5 columns".to_owned())?;
            match option.as_deref() {
                None => history.users.push([first, former, present]),
                Some("account_prefix") => history.prefixes.push(value.unwrap_or_default()),
                Some(_) => history.was_by_agents |= value.is_some_and(|value| is_on(&value)),
            }
        }
        Ok(history)
    }

    /// Everybody who was ever on one of the accounts, `user` among them. None: that is not known.
    pub fn former_users(
        &self,
        accounts: &[&AccountId],
        exports: &Exports,
        user: &UserName,
    ) -> Option<Vec<UserName>> {
        if self.users.len() > MOST_ROWS || self.users.iter().any(|names| names[0].is_none()) {
            return None;
        }
        if self.was_named_otherwise(accounts, exports) {
            return None;
        }
        let names = self.users.iter().flatten().flatten();
        let names: BTreeSet<UserName> = names.map(UserName::new).collect();
        names.contains(user).then(|| names.into_iter().collect())
    }

    /// Whether an export had options once by which an account was named after somebody else.
    fn was_named_otherwise(&self, accounts: &[&AccountId], exports: &Exports) -> bool {
        if self.was_by_agents && !exports.any_by_agents() {
            return true;
        }
        let is_present =
            |prefix: &str| exports.iter().any(|own| AccountId::new(&*own.prefix) == AccountId::new(prefix));
        let is_named = |account: &AccountId, prefix: &str| {
            let rest = behind_prefix(account, prefix).filter(|rest| !rest.is_empty());
            rest.is_some_and(|rest| self.was_by_agents || rest.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let gone = self.prefixes.iter().filter(|prefix| !is_present(prefix));
        gone.into_iter().any(|prefix| accounts.iter().any(|account| is_named(account, prefix)))
    }
}

/// As Perl has a checkbox.
fn is_on(text: &str) -> bool {
    !text.is_empty() && text != "0"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn former(rows: Value, account: &str) -> Option<Vec<String>> {
        let exports = Exports::read(vec![json!({ "exportnum": 1 })]).expect("exports");
        let history = History::read(rows.as_array().cloned().unwrap_or_default()).expect("rows");
        let account = AccountId::new(account);
        let users = history.former_users(&[&account], &exports, &UserName::new("jane"))?;
        Some(users.iter().map(UserName::to_string).collect())
    }

    #[test]
    fn everybody_whom_the_history_knows_is_named() {
        let rows = json!([
            [null, null, "jane", "janet", "jane"],
            [null, null, "zoe", null, null],
            ["account_prefix", "FREESIDE", null, null, null],
        ]);
        assert_eq!(
            former(rows, "FREESIDE4"),
            Some(vec!["jane".to_owned(), "janet".to_owned(), "zoe".to_owned()])
        );
    }

    #[test]
    fn where_the_history_may_not_tell_all_nobody_is_known() {
        let jane = json!([null, null, "jane", null, "jane"]);
        let cases = [
            (json!([[null, null, "zoe", null, null]]), "FREESIDE4"),
            (json!([jane, [null, null, null, null, "old"]]), "FREESIDE4"),
            (
                json!([
                    jane,
                    ["account_prefix", "FREE", null, null, null],
                    ["use_agent_custid", "1", null, null, null]
                ]),
                "FREESIDE4",
            ),
            (json!([jane, ["account_prefix", "X", null, null, null]]), "X4"),
            (json!([jane, ["use_agent_custid", "1", null, null, null]]), "FREESIDE4"),
        ];
        for (rows, account) in cases {
            assert_eq!(former(rows.clone(), account), None, "{rows}");
        }
        let many = (0..=MOST_ROWS).map(|n| json!([null, null, format!("u{n}"), null, "jane"]));
        assert_eq!(former(Value::Array(many.collect()), "FREESIDE4"), None);
    }
}
