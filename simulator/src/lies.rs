//! Lies: answers that are well formed and not true, or not about what was asked. Each is one habit of a server, a
//! proxy or a cache; as a mode it lasts, as a fault it strikes one request.
//!
//! What a lie does to the request is in `redirect`, to the reply in `bend`, to the document in `render` (fields) and in
//! `document` (another document in the place of the answer).

mod bend;
mod document;
pub mod redirect;

use crate::command::{Action, Command, Thing};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lie {
    // Lists.
    /// Only the first `page_size` entries.
    ListPaged,
    /// The entry `cut_entry` (counted from 0, modulo the length) is missing.
    ListCut,
    /// As it was `stale_writes` writes ago.
    ListStale,
    /// Of the first other account (or user) that has entries, as a cache gives it that ignores `account=`.
    ListOfAnother,
    /// The same, and its entries do not say whose they are.
    ListOfAnotherUnnamed,
    /// Of all accounts (or users), as a server gives it that ignores `account=`.
    ListOfAll,
    /// Without the users that are suspended.
    ListWithoutSuspended,
    /// The entries are elements of another name.
    ListOfOtherElements,

    // Another document in the place of the answer, with status 200. The request is not carried out; `…Done`: it is.
    ErrorRoot,
    ErrorRootDone,
    /// An `error` below a child of the root.
    DeepError,
    DeepErrorDone,
    SoapFault,
    SoapFaultDone,
    /// `<response status="fail"/>`
    StatusFail,
    StatusFailDone,
    /// `<maintenance until="…"/>`
    Maintenance,
    MaintenanceDone,
    /// `<response/>`
    EmptyRoot,
    EmptyRootDone,

    // Records about something else.
    /// The record names another thing of its kind.
    OtherName,
    /// The whole record is another thing's. A write is carried out all the same.
    OtherRecord,
    /// A proxy decodes the path once more: `x/../jane` is jane.
    PathDecoded,

    // Fields.
    /// Each field comes twice, as attribute and as child, with the same value.
    FieldsTwice,
    /// The field comes twice, with different values.
    StatusContradicts,
    AccountContradicts,
    MasterContradicts,
    /// The `user` of an address.
    UserContradicts,
    StatusEmpty,
    StatusUnknown,
    StatusMissing,
    /// Records and errors have a text with 300 `=` in it.
    ManyEquals,
    /// Records and errors have a text with control characters that XML allows.
    ControlCharacters,
    /// The document has one character that XML does not allow.
    BadCharacter,

    // Writes.
    /// It is done, and refused.
    RefusedDone,
    /// A proxy sends it twice, and gives the second answer.
    SentTwice,
    /// It is answered as done, and is not.
    SuccessUndone,
}

impl Lie {
    pub const ALL: [Lie; 37] = [
        Lie::ListPaged,
        Lie::ListCut,
        Lie::ListStale,
        Lie::ListOfAnother,
        Lie::ListOfAnotherUnnamed,
        Lie::ListOfAll,
        Lie::ListWithoutSuspended,
        Lie::ListOfOtherElements,
        Lie::ErrorRoot,
        Lie::ErrorRootDone,
        Lie::DeepError,
        Lie::DeepErrorDone,
        Lie::SoapFault,
        Lie::SoapFaultDone,
        Lie::StatusFail,
        Lie::StatusFailDone,
        Lie::Maintenance,
        Lie::MaintenanceDone,
        Lie::EmptyRoot,
        Lie::EmptyRootDone,
        Lie::OtherName,
        Lie::OtherRecord,
        Lie::PathDecoded,
        Lie::FieldsTwice,
        Lie::StatusContradicts,
        Lie::AccountContradicts,
        Lie::MasterContradicts,
        Lie::UserContradicts,
        Lie::StatusEmpty,
        Lie::StatusUnknown,
        Lie::StatusMissing,
        Lie::ManyEquals,
        Lie::ControlCharacters,
        Lie::BadCharacter,
        Lie::RefusedDone,
        Lie::SentTwice,
        Lie::SuccessUndone,
    ];

    /// `list_paged`
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(Value::String(name)) => name,
            _ => String::new(),
        }
    }

    /// Whether this lie means anything for such a command.
    fn concerns(self, command: &Command<'_>) -> bool {
        let is_list = command.gives_list();
        match self {
            Lie::ListPaged | Lie::ListCut | Lie::ListStale | Lie::ListOfOtherElements => is_list,
            Lie::ListOfAnother | Lie::ListOfAnotherUnnamed | Lie::ListOfAll => {
                command.action == Action::List && command.thing != Thing::Account
            }
            Lie::ListWithoutSuspended => command.action == Action::List && command.thing == Thing::User,
            Lie::OtherName | Lie::OtherRecord => !is_list && command.thing != Thing::Package,
            Lie::RefusedDone | Lie::SentTwice | Lie::SuccessUndone => command.is_write(),
            _ => true,
        }
    }

    /// Whether the request is not carried out.
    fn withholds(self) -> bool {
        matches!(
            self,
            Lie::ErrorRoot
                | Lie::DeepError
                | Lie::SoapFault
                | Lie::StatusFail
                | Lie::Maintenance
                | Lie::EmptyRoot
                | Lie::SuccessUndone
        )
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Lie {
    type Err = String;

    fn from_str(text: &str) -> Result<Lie, String> {
        serde_json::from_value(Value::String(text.to_owned())).map_err(|_| format!("{text}: no such lie"))
    }
}

/// Which requests are lied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    Reads,
    Lists,
    /// Reads of one thing.
    Records,
    Writes,
    Purges,
}

impl Scope {
    fn includes(self, command: &Command<'_>) -> bool {
        match self {
            Scope::Reads => !command.is_write(),
            Scope::Lists => command.gives_list() && !command.is_write(),
            Scope::Records => !command.gives_list() && !command.is_write(),
            Scope::Writes => command.is_write(),
            Scope::Purges => command.action == Action::Purge,
        }
    }
}

/// A lie of some requests: `maintenance@lists`; without a scope it is told to all that it concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopedLie {
    pub lie: Lie,
    pub scope: Option<Scope>,
}

impl ScopedLie {
    fn is_told_to(self, command: &Command<'_>) -> bool {
        self.lie.concerns(command) && self.scope.is_none_or(|scope| scope.includes(command))
    }
}

impl From<Lie> for ScopedLie {
    fn from(lie: Lie) -> ScopedLie {
        ScopedLie { lie, scope: None }
    }
}

impl fmt::Display for ScopedLie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.scope.and_then(|scope| serde_json::to_value(scope).ok());
        match scope.as_ref().and_then(Value::as_str) {
            Some(scope) => write!(f, "{}@{scope}", self.lie),
            None => write!(f, "{}", self.lie),
        }
    }
}

impl FromStr for ScopedLie {
    type Err = String;

    fn from_str(text: &str) -> Result<ScopedLie, String> {
        let Some((lie, scope)) = text.split_once('@') else { return text.parse().map(Lie::into) };
        let named = serde_json::from_value(Value::String(scope.to_owned()));
        let scope = named.map_err(|_| format!("{scope}: no such scope of a lie"))?;
        Ok(ScopedLie { lie: lie.parse()?, scope: Some(scope) })
    }
}

impl Serialize for ScopedLie {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopedLie {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ScopedLie, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The lies that are told to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lies(Vec<Lie>);

impl Lies {
    /// Of `modes` and `once`, those that concern the command.
    pub fn told_to(command: &Command<'_>, modes: &[ScopedLie], once: Option<Lie>) -> Lies {
        let all = modes.iter().copied().chain(once.map(Lie::into));
        Lies(all.filter(|lie| lie.is_told_to(command)).map(|lie| lie.lie).collect())
    }

    pub fn has(&self, lie: Lie) -> bool {
        self.0.contains(&lie)
    }

    /// Whether the request is not carried out.
    pub fn withhold(&self) -> bool {
        self.0.iter().any(|lie| lie.withholds())
    }

    /// The document in the place of the answer, if there is to be another.
    pub fn document(&self) -> Option<&'static str> {
        self.0.iter().find_map(|lie| document::of(*lie))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lie_has_a_name_that_finds_it_and_is_listed_once() {
        for (n, lie) in Lie::ALL.into_iter().enumerate() {
            assert_eq!(lie.name().parse(), Ok(lie));
            assert!(!Lie::ALL[..n].contains(&lie), "{lie} is listed twice");
        }
        // The last one of the enumeration.
        assert_eq!(Lie::SuccessUndone as usize + 1, Lie::ALL.len());
    }

    #[test]
    fn a_lie_and_its_scope_are_one_text() {
        let lie = ScopedLie { lie: Lie::Maintenance, scope: Some(Scope::Lists) };
        assert_eq!(lie.to_string(), "maintenance@lists");
        assert_eq!("maintenance@lists".parse(), Ok(lie));
        assert_eq!("list_cut".parse(), Ok(ScopedLie::from(Lie::ListCut)));
        for wrong in ["", "truth", "list_cut@", "list_cut@mondays"] {
            assert!(wrong.parse::<ScopedLie>().is_err(), "{wrong}");
        }
    }
}
