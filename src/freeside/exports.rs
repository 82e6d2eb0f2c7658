//! The magicmail exports of one server, and the service definitions that they are on.

use super::begin::number;
use super::message::Trouble;
use crate::document::Fields;
use crate::id::PackageName;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// By their numbers.
#[derive(Debug, Default)]
pub struct Exports(BTreeMap<u64, Options>);

/// What the other exports' options matter for: accounts and packages.
#[derive(Clone, Debug)]
pub struct Options {
    /// What an account's id begins with, as it was typed; it may be empty.
    pub prefix: String,
    /// An agent's own number of a customer takes the place of Freeside's.
    pub use_agent_custid: bool,
    pub package: PackageName,
    pub definitions: BTreeSet<u64>,
}

impl Exports {
    /// `{exportnum, account_prefix, package, use_agent_custid, definitions: [svcpart, …]}` of each; an option that is
    /// not there, or null, has its default.
    pub fn read(rows: Vec<Value>) -> Result<Exports, Trouble> {
        let mut exports = BTreeMap::new();
        for row in rows {
            let Value::Object(row) = row else { return Err("an export is no object".to_owned()) };
            let (exportnum, options) = one(Fields::new(row, "exports.")).map_err(|error| error.text)?;
            exports.insert(exportnum, options);
        }
        Ok(Exports(exports))
    }

    pub fn get(&self, exportnum: u64) -> Option<&Options> {
        self.0.get(&exportnum)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Options> {
        self.0.values()
    }

    /// Those on a definition, in the order of their numbers.
    pub fn on_definition(&self, svcpart: u64) -> impl Iterator<Item = (u64, &Options)> {
        let all = self.0.iter().map(|(exportnum, options)| (*exportnum, options));
        all.filter(move |(_, options)| options.definitions.contains(&svcpart))
    }

    /// All definitions of any of them.
    pub fn definitions(&self) -> BTreeSet<u64> {
        self.iter().flat_map(|options| options.definitions.iter().copied()).collect()
    }

    pub fn any_by_agents(&self) -> bool {
        self.iter().any(|options| options.use_agent_custid)
    }
}

fn one(mut fields: Fields) -> Result<(u64, Options), crate::error::Error> {
    let exportnum = fields.needed_number("exportnum")?;
    let package = fields.text("package")?.filter(|package| !package.trim().is_empty());
    let mut definitions = BTreeSet::new();
    for svcpart in fields.texts("definitions")? {
        definitions.extend(svcpart.parse::<u64>().ok());
    }
    let options = Options {
        prefix: fields.text_or("account_prefix", "FREESIDE")?,
        use_agent_custid: number(&mut fields, "use_agent_custid")?.is_some(),
        package: PackageName::new(package.as_deref().unwrap_or("EMAIL").trim()),
        definitions,
    };
    fields.finish()?;
    Ok((exportnum, options))
}
