//! The rows of the service itself.

use super::account::{Owner, Records};
use super::begin::number;
use super::exports::Exports;
use crate::document::Fields;
use crate::error::Error;

/// What is known of the service's own rows.
#[derive(Clone, Debug, Default)]
pub struct Own {
    pub owner: Owner,
    pub records: Records,
    pub domain: String,
    pub old_domain: String,
    pub first_name: String,
    pub last_name: String,
    pub svcpart: Option<u64>,
    pub is_suspended: bool,
    /// The row of `svc_acct` is there still, or already.
    pub has_row: bool,
    /// Another service has the user name.
    pub has_namesake: bool,
}

/// Of the queries `owner` and `service`; the first has only a part of it.
pub fn own(row: &mut Fields, exports: Option<&Exports>) -> Result<Own, Error> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let own = Own {
        owner: Owner {
            custnum: number(row, "custnum")?.unwrap_or_default(),
            agent_custid: text(row.text("agent_custid")?),
        },
        domain: text(row.text("domain")?),
        old_domain: text(row.text("old_domain")?),
        first_name: text(row.text("first_name")?),
        last_name: text(row.text("last_name")?),
        svcpart: number(row, "svcpart")?,
        is_suspended: number(row, "susp")?.is_some(),
        has_row: row.flag("has_row")?,
        has_namesake: row.flag("has_namesake")?,
        records: records(row, exports)?,
    };
    Ok(own)
}

/// `records: [[exportnum, account], …]`, of exports to this server.
fn records(row: &mut Fields, exports: Option<&Exports>) -> Result<Records, Error> {
    let mut records = Records::new();
    for (exportnum, account) in row.pairs("records")? {
        if exports.is_none_or(|exports| exports.get(exportnum).is_some()) {
            records.insert(exportnum, account);
        }
    }
    Ok(records)
}
