//! Which account a customer, or a service, has.
//!
//! | on record | customer | the service's account |
//! | --- | --- | --- |
//! | for this export | whoever | that one |
//! | for other exports of this server | whoever | that of the export with the lowest number |
//! | none | none | none |
//! | none | a customer | the one that the export's options name, or a subclass |

use super::exports::{Exports, Options};
use crate::id::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// The largest number of a customer: what Freeside's databases take.
const LARGEST: u64 = 2_147_483_647;

/// Whose a service is, as far as its account depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// 0: nobody's.
    pub custnum: u64,
    pub agent_custid: String,
}

/// What exports of this server have on record for a service, by their numbers.
pub type Records = BTreeMap<u64, String>;

/// The names of accounts by a subclass, by the number of the customer; None: the options name them.
pub type BySubclass = Option<BTreeMap<u64, String>>;

/// How accounts are named on this server.
pub struct Naming<'a> {
    pub exports: &'a Exports,
    pub by_subclass: &'a BySubclass,
}

impl Naming<'_> {
    pub fn account_of(&self, owner: &Owner, records: &Records, exportnum: u64) -> Option<AccountId> {
        match on_record(records, exportnum) {
            Some(account) => Some(account),
            None => self.configured(owner, exportnum),
        }
    }

    /// The account that the options, or a subclass, name for a customer, whatever is on record.
    pub fn configured(&self, owner: &Owner, exportnum: u64) -> Option<AccountId> {
        if owner.custnum == 0 {
            return None;
        }
        let name = match self.by_subclass {
            Some(names) => names.get(&owner.custnum).cloned().unwrap_or_default(),
            None => named_by(self.exports.get(exportnum)?, owner),
        };
        Some(AccountId::new(name)).filter(|account| !account.as_str().is_empty())
    }
}

fn named_by(options: &Options, owner: &Owner) -> String {
    let of_agent = options.use_agent_custid && !owner.agent_custid.trim().is_empty();
    if of_agent {
        format!("{}{}", options.prefix, owner.agent_custid)
    } else {
        format!("{}{}", options.prefix, owner.custnum)
    }
}

/// The account on record for this export, else for another one of the server.
pub fn on_record(records: &Records, exportnum: u64) -> Option<AccountId> {
    let account = records.get(&exportnum).or_else(|| records.values().next());
    account.filter(|account| !account.is_empty()).map(AccountId::new)
}

/// The customers whom accounts may be named after, by each export's options: their numbers, and their agents' own
/// numbers for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Customers {
    pub custnums: BTreeSet<u64>,
    pub agent_custids: BTreeSet<String>,
}

impl Customers {
    pub fn named_in(account: &AccountId, exports: &Exports) -> Customers {
        let mut customers = Customers::default();
        for options in exports.iter() {
            let Some(number) = behind_prefix(account, &options.prefix).filter(|number| !number.is_empty())
            else {
                continue;
            };
            customers.custnums.extend(custnum(&number));
            if options.use_agent_custid {
                customers.agent_custids.insert(number);
            }
        }
        customers
    }

    pub fn is_empty(&self) -> bool {
        self.custnums.is_empty() && self.agent_custids.is_empty()
    }

    pub fn add(&mut self, more: Customers) {
        self.custnums.extend(more.custnums);
        self.agent_custids.extend(more.agent_custids);
    }
}

/// The customer whom an account with this prefix is named after.
pub fn customer_in(account: &AccountId, prefix: &str) -> Option<u64> {
    behind_prefix(account, prefix).and_then(|number| custnum(&number))
}

/// What stands behind the prefix in an account's id, if it has that prefix.
pub fn behind_prefix(account: &AccountId, prefix: &str) -> Option<String> {
    let length = prefix.chars().count();
    let begin: String = account.as_str().chars().take(length).collect();
    (AccountId::new(begin) == AccountId::new(prefix)).then(|| account.as_str().chars().skip(length).collect())
}

/// As Freeside writes numbers of customers: without a zero in front.
fn custnum(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|number| is_plain && (1..=LARGEST).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freeside::exports::Exports;
    use serde_json::json;

    fn exports() -> Exports {
        Exports::read(vec![
            json!({ "exportnum": 1, "account_prefix": "FREESIDE", "definitions": [1] }),
            json!({ "exportnum": "2", "account_prefix": "ISP-", "use_agent_custid": "1", "package": " PRO " }),
        ])
        .expect("exports")
    }

    fn of(custnum: u64, agent_custid: &str) -> Owner {
        Owner { custnum, agent_custid: agent_custid.to_owned() }
    }

    #[test]
    fn an_account_is_named_by_the_record_then_by_the_options() {
        let exports = exports();
        let naming = Naming { exports: &exports, by_subclass: &None };
        let record = |exportnum, account: &str| Records::from([(exportnum, account.to_owned())]);
        let id = |account: &str| Some(AccountId::new(account));
        assert_eq!(naming.account_of(&of(7, "A1"), &Records::new(), 1), id("FREESIDE7"));
        assert_eq!(naming.account_of(&of(7, "A1"), &Records::new(), 2), id("ISP-A1"));
        assert_eq!(naming.account_of(&of(7, " "), &Records::new(), 2), id("ISP-7"));
        assert_eq!(naming.account_of(&of(0, ""), &Records::new(), 1), None);
        assert_eq!(naming.account_of(&of(7, ""), &record(2, "OLD"), 1), id("OLD"));
        assert_eq!(naming.account_of(&of(0, ""), &record(1, "OLD"), 1), id("OLD"));
    }

    #[test]
    fn a_subclass_names_each_customers_account() {
        let exports = exports();
        let by_subclass = Some(BTreeMap::from([(7, "kunde/7".to_owned())]));
        let naming = Naming { exports: &exports, by_subclass: &by_subclass };
        assert_eq!(naming.configured(&of(7, ""), 1), Some(AccountId::new("kunde/7")));
        assert_eq!(naming.configured(&of(8, ""), 1), None);
    }

    #[test]
    fn an_account_names_its_customer_where_a_number_follows_the_prefix() {
        for (account, expected) in [
            ("freeside42", Some(42)),
            ("FREESIDE042", None),
            ("FREESIDE", None),
            ("FREESIDE2147483648", None),
            ("FREESIDE4x", None),
            ("OTHER42", None),
        ] {
            assert_eq!(customer_in(&AccountId::new(account), "FREESIDE"), expected, "{account}");
        }
        let customers = Customers::named_in(&AccountId::new("isp-0815"), &exports());
        assert_eq!(customers.custnums, BTreeSet::new());
        assert_eq!(customers.agent_custids, BTreeSet::from(["0815".to_owned()]));
    }
}
