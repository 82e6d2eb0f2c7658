//! A case: a scene, a variant of the server, what that lies about, and which faults strike which requests. Its id says
//! it all: `provision.new-customer/mixed/3:hang_after+7:status_503`, `suspend.active/mixed~maintenance@lists/`.

use crate::scenes::Scene;
use crate::variants::{self, Variant};
use magicmail_simulator::{Fault, Kind, Lie, ScopedLie};
use std::fmt;

/// The faults of one request. What the client does about one of them may meet the next.
pub const KINDS: [&str; 31] = [
    "refused",
    "close_idle",
    "drop_before",
    "drop_after",
    "cut_short",
    "garbage",
    "garbage_after",
    "status_401",
    "status_403",
    "status_429",
    "status_500",
    "status_502",
    "status_503",
    "status_504",
    "status_500_after",
    "status_502_after",
    "error_document",
    "error_document_after",
    "empty_body",
    "empty_body_before",
    "hang",
    "hang_after",
    "drip",
    "endless",
    "redirect",
    "web_page",
    "no_record",
    "slow",
    "length_too_long",
    "length_too_short",
    "tickets",
];

/// Lies that strike one request.
pub const LIES: [&str; 35] = [
    "list_paged",
    "list_cut",
    "list_stale",
    "list_of_another",
    "list_of_another_unnamed",
    "list_of_all",
    "list_without_suspended",
    "list_of_other_elements",
    "error_root",
    "error_root_done",
    "deep_error",
    "deep_error_done",
    "soap_fault",
    "soap_fault_done",
    "status_fail",
    "status_fail_done",
    "maintenance",
    "maintenance_done",
    "empty_root",
    "empty_root_done",
    "other_name",
    "other_record",
    "fields_twice",
    "status_contradicts",
    "account_contradicts",
    "master_contradicts",
    "user_contradicts",
    "status_empty",
    "status_unknown",
    "status_missing",
    "control_characters",
    "bad_character",
    "refused_done",
    "sent_twice",
    "success_undone",
];

/// Lies that the server tells as long as the hook runs.
pub const LASTING_LIES: [&str; 41] = [
    "list_paged",
    "list_cut",
    "list_stale",
    "list_of_another",
    "list_of_another_unnamed",
    "list_of_all",
    "list_without_suspended",
    "list_of_other_elements",
    "error_root@lists",
    "deep_error@lists",
    "soap_fault@lists",
    "status_fail@lists",
    "maintenance@lists",
    "empty_root@lists",
    "error_root@purges",
    "deep_error@purges",
    "status_fail_done@purges",
    "maintenance@purges",
    "maintenance@records",
    "empty_root@records",
    "soap_fault_done@writes",
    "deep_error_done@writes",
    "empty_root_done@writes",
    "other_name@records",
    "other_name@writes",
    "other_record@records",
    "other_record@writes",
    "path_decoded",
    "fields_twice",
    "status_contradicts",
    "account_contradicts",
    "master_contradicts",
    "user_contradicts",
    "status_empty",
    "status_unknown",
    "status_missing",
    "many_equals",
    "control_characters",
    "refused_done",
    "sent_twice",
    "success_undone@purges",
];

/// The server goes away for good.
pub const GONE: &str = "gone";

/// Of a pair: one fault of each way that a client has to tell apart, those that cost no waiting twice.
pub const PAIRED: [&str; 19] = [
    "refused",
    "close_idle",
    "drop_before",
    "drop_after",
    "cut_short",
    "garbage",
    "garbage_after",
    "status_401",
    "status_500",
    "status_503",
    "status_500_after",
    "error_document",
    "error_document_after",
    "empty_body",
    "empty_body_before",
    "hang",
    "hang_after",
    "web_page",
    "no_record",
];

/// For so long nobody answers: shorter than the pause after which a client tries again.
const REFUSED_FOR_MS: u64 = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blow {
    /// The request that it strikes, by arrival, from 1.
    pub on: u64,
    pub kind: &'static str,
}

impl Blow {
    pub fn fault(&self, slow_ms: u64) -> Fault {
        if let Some(lie) = self.lie() {
            return Fault { on: self.on, lie: Some(lie), ..Fault::new(Kind::Lie) };
        }
        let kind: Kind = serde_json::from_value(self.kind.into()).expect("a kind of the simulator's");
        let ms = (kind == Kind::Slow).then_some(slow_ms);
        let for_ms = (kind == Kind::Refused).then_some(REFUSED_FOR_MS);
        Fault { on: self.on, ms, for_ms, ..Fault::new(kind) }
    }

    pub fn lie(&self) -> Option<Lie> {
        LIES.contains(&self.kind).then(|| self.kind.parse().expect("a lie of the simulator's"))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Single,
    Gone,
    Pair,
    Lie,
    /// A lie, and a fault besides.
    LieAndFault,
}

#[derive(Clone)]
pub struct Case<'a> {
    pub scene: &'a Scene,
    pub variant: &'static Variant,
    /// That last as long as the hook runs.
    pub lies: Vec<&'static str>,
    pub blows: Vec<Blow>,
}

impl<'a> Case<'a> {
    pub fn sort(&self) -> Sort {
        if self.is_lied_to() {
            let is_lie_alone = self.lies.len() + self.blows.len() == 1;
            return if is_lie_alone { Sort::Lie } else { Sort::LieAndFault };
        }
        match self.blows.as_slice() {
            [blow] if blow.kind == GONE => Sort::Gone,
            [_] | [] => Sort::Single,
            _ => Sort::Pair,
        }
    }

    pub fn is_lied_to(&self) -> bool {
        !self.lies.is_empty() || self.blows.iter().any(|blow| blow.lie().is_some())
    }

    /// All lies that are told in it.
    pub fn all_lies(&self) -> impl Iterator<Item = Lie> + '_ {
        self.scoped_lies().into_iter().map(|lie| lie.lie).chain(self.blows.iter().filter_map(Blow::lie))
    }

    pub fn scoped_lies(&self) -> Vec<ScopedLie> {
        self.lies.iter().map(|lie| lie.parse().expect("a lie of the simulator's")).collect()
    }

    /// Reads an id.
    pub fn parse(id: &str, scenes: &'a [Scene]) -> Result<Case<'a>, String> {
        let [scene, variant, blows] = id.split('/').collect::<Vec<_>>()[..] else {
            return Err(format!("{id}: not SCENE/VARIANT[~LIE…]/[REQUEST:FAULT[+REQUEST:FAULT]]"));
        };
        let mut names = variant.split('~');
        let variant = names.next().unwrap_or_default();
        let lies = names.map(parse_lasting_lie).collect::<Result<_, _>>()?;
        let scene = scenes.iter().find(|known| known.id() == scene).ok_or(format!("no scene {scene}"))?;
        let variant = variants::named(variant).ok_or(format!("no variant {variant}"))?;
        let blows =
            blows.split('+').filter(|blow| !blow.is_empty()).map(parse_blow).collect::<Result<_, _>>()?;
        Ok(Case { scene, variant, lies, blows })
    }
}

fn parse_lasting_lie(text: &str) -> Result<&'static str, String> {
    LASTING_LIES.into_iter().find(|lie| *lie == text).ok_or(format!("{text}: no such lie"))
}

fn parse_blow(text: &str) -> Result<Blow, String> {
    let (on, kind) = text.split_once(':').ok_or(format!("{text}: not REQUEST:FAULT"))?;
    let on = on.parse().map_err(|_| format!("{on}: not the number of a request"))?;
    let kind = KINDS.iter().chain(&LIES).chain([&GONE]).find(|known| **known == kind);
    Ok(Blow { on, kind: kind.ok_or(format!("{text}: no such fault"))? })
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.scene.id(), self.variant.name)?;
        self.lies.iter().try_for_each(|lie| write!(f, "~{lie}"))?;
        f.write_str("/")?;
        for (i, blow) in self.blows.iter().enumerate() {
            write!(f, "{}{}:{}", if i > 0 { "+" } else { "" }, blow.on, blow.kind)?;
        }
        Ok(())
    }
}
