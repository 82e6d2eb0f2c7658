//! A case: a scene, a variant of the server, and which faults strike which requests. Its id says it all:
//! `provision.new-customer/mixed/3:hang_after+7:status_503`.

use crate::scenes::Scene;
use crate::variants::{self, Variant};
use magicmail_simulator::{Fault, Kind};
use std::fmt;

/// The faults of one request. What the client does about one of them may meet the next.
pub const KINDS: [&str; 30] = [
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
        let kind: Kind = serde_json::from_value(self.kind.into()).expect("a kind of the simulator's");
        let ms = (kind == Kind::Slow).then_some(slow_ms);
        let for_ms = (kind == Kind::Refused).then_some(REFUSED_FOR_MS);
        Fault { on: self.on, ms, for_ms, ..Fault::new(kind) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    Single,
    Gone,
    Pair,
}

#[derive(Clone)]
pub struct Case<'a> {
    pub scene: &'a Scene,
    pub variant: &'static Variant,
    pub blows: Vec<Blow>,
}

impl<'a> Case<'a> {
    pub fn sort(&self) -> Sort {
        match self.blows.as_slice() {
            [blow] if blow.kind == GONE => Sort::Gone,
            [_] | [] => Sort::Single,
            _ => Sort::Pair,
        }
    }

    /// Reads an id.
    pub fn parse(id: &str, scenes: &'a [Scene]) -> Result<Case<'a>, String> {
        let [scene, variant, blows] = id.split('/').collect::<Vec<_>>()[..] else {
            return Err(format!("{id}: not SCENE/VARIANT/REQUEST:FAULT[+REQUEST:FAULT]"));
        };
        let scene = scenes.iter().find(|known| known.id() == scene).ok_or(format!("no scene {scene}"))?;
        let variant = variants::named(variant).ok_or(format!("no variant {variant}"))?;
        let blows =
            blows.split('+').filter(|blow| !blow.is_empty()).map(parse_blow).collect::<Result<_, _>>()?;
        Ok(Case { scene, variant, blows })
    }
}

fn parse_blow(text: &str) -> Result<Blow, String> {
    let (on, kind) = text.split_once(':').ok_or(format!("{text}: not REQUEST:FAULT"))?;
    let on = on.parse().map_err(|_| format!("{on}: not the number of a request"))?;
    let kind = KINDS.iter().chain([&GONE]).find(|known| **known == kind);
    Ok(Blow { on, kind: kind.ok_or(format!("{text}: no such fault"))? })
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.scene.id(), self.variant.name)?;
        for (i, blow) in self.blows.iter().enumerate() {
            write!(f, "{}{}:{}", if i > 0 { "+" } else { "" }, blow.on, blow.kind)?;
        }
        Ok(())
    }
}
