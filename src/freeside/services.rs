//! The services that may be on an account, from their rows: those whose account it is, by what is on record or else
//! by the options of their exports, whoever's customer record they stand under.

use super::account::{on_record, Naming, Owner, Records};
use super::exports::Exports;
use super::message::Trouble;
use crate::document::{text_of, Neighbour, Standing};
use crate::id::{AccountId, PackageName, UserName};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A provisioned service.
#[derive(Clone, Debug)]
pub struct Service {
    pub svcnum: u64,
    pub username: String,
    pub domain: String,
    pub svcpart: u64,
    pub owner: Owner,
    pub records: Records,
}

/// `[svcnum, username, domain, svcpart, custnum, agent_custid, exportnum, remoteid]` of each, once for each of its
/// records, in any order; `exportnum` is 0 where it has none. Records of exports to other servers do not count.
pub fn read(rows: Vec<Value>, exports: &Exports) -> Result<Vec<Service>, Trouble> {
    let mut services: BTreeMap<u64, Service> = BTreeMap::new();
    for row in rows {
        let Value::Array(row) = row else { return Err("a service is no list".to_owned()) };
        let texts: Vec<String> = row.into_iter().map(|value| text_of(value).unwrap_or_default()).collect();
        let [svcnum, username, domain, svcpart, custnum, agent_custid, exportnum, remoteid] =
            <[String; 8]>::try_from(texts).map_err(|_| "a service has not 8 columns".to_owned())?;
        let svcnum = whole(&svcnum)?;
        let service = services.entry(svcnum).or_insert(Service {
            svcnum,
            username,
            domain,
            svcpart: whole(&svcpart)?,
            owner: Owner { custnum: whole(&custnum)?, agent_custid },
            records: Records::new(),
        });
        let exportnum = whole(&exportnum)?;
        if exports.get(exportnum).is_some() {
            service.records.insert(exportnum, remoteid);
        }
    }
    Ok(services.into_values().collect())
}

/// SQL's NULL is 0.
fn whole(text: &str) -> Result<u64, Trouble> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| "a number of a service is none".to_owned())
}

/// The customers whose names of accounts a subclass must be asked for.
pub fn unnamed(services: &[Service]) -> BTreeSet<u64> {
    let without = services.iter().filter(|service| service.records.is_empty());
    without.map(|service| service.owner.custnum).filter(|custnum| *custnum > 0).collect()
}

/// Where a service is by one of its exports.
#[derive(Clone)]
struct Place {
    account: AccountId,
    package: PackageName,
    on_record: bool,
}

/// The places of services, worked out once for those that are alike: a customer may have thousands.
struct Places<'a> {
    naming: &'a Naming<'a>,
    known: HashMap<(u64, Owner, Records), Vec<Place>>,
}

impl Places<'_> {
    fn of(&mut self, service: &Service) -> &[Place] {
        let key = (service.svcpart, service.owner.clone(), service.records.clone());
        let naming = self.naming;
        self.known.entry(key).or_insert_with(|| {
            let exports = naming.exports.on_definition(service.svcpart);
            let place = |(exportnum, options): (u64, &super::exports::Options)| {
                Some(Place {
                    account: naming.account_of(&service.owner, &service.records, exportnum)?,
                    package: options.package.clone(),
                    on_record: on_record(&service.records, exportnum).is_some(),
                })
            };
            exports.filter_map(place).collect()
        })
    }
}

/// The services that are on one of the accounts, and all of the customer's, but one; once for each of their exports.
pub fn on_accounts(
    services: &[Service],
    naming: &Naming,
    accounts: &[&AccountId],
    custnum: u64,
    but: u64,
) -> Vec<Neighbour> {
    let mut places = Places { naming, known: HashMap::new() };
    let mut found = Vec::new();
    for service in services.iter().filter(|service| service.svcnum != but) {
        let is_own = custnum != 0 && service.owner.custnum == custnum;
        for place in places.of(service) {
            if is_own || accounts.contains(&&place.account) {
                found.push(neighbour(service, place));
            }
        }
    }
    found.retain(Neighbour::can_be_a_mailbox);
    found
}

/// The accounts of the services of one user name, once for each.
pub fn namesakes(services: &[Service], naming: &Naming, but: u64) -> Vec<Neighbour> {
    let mut places = Places { naming, known: HashMap::new() };
    let mut found: Vec<Neighbour> = Vec::new();
    for service in services.iter().filter(|service| service.svcnum != but) {
        for place in places.of(service) {
            let is_known =
                |known: &Neighbour| known.svcnum == service.svcnum && known.account_id == place.account;
            if !found.iter().any(is_known) {
                found.push(neighbour(service, place));
            }
        }
    }
    found
}

fn neighbour(service: &Service, place: &Place) -> Neighbour {
    Neighbour {
        svcnum: service.svcnum,
        username: UserName::new(service.username.as_str()),
        domain: service.domain.clone(),
        package: place.package.clone(),
        account_id: place.account.clone(),
        on_record: place.on_record,
        standing: Standing::default(),
    }
}
