//! The table of ends: a line for each hook and fault, and the totals.

use crate::caller::Hook;
use crate::cases::{Case, Sort, GONE, KINDS, LASTING_LIES, LIES};
use crate::judge::End;
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many cases ended how.
#[derive(Clone, Copy, Default)]
pub struct Counts([usize; 6]);

impl Counts {
    pub fn add(&mut self, end: &End) {
        self.0[match end {
            End::Complete => 0,
            End::AsBefore => 1,
            End::Leftover => 2,
            End::Unfinished => 3,
            End::Lie => 4,
            End::Wrong(_) | End::Slow(_) => 5,
        }] += 1;
    }

    pub fn all(&self) -> usize {
        self.0.iter().sum()
    }

    pub fn wrong(&self) -> usize {
        self.0[5]
    }

    /// The share of cases that nobody can decide, in percent.
    pub fn undecided_share(&self) -> f64 {
        100.0 * self.0[4] as f64 / self.all().max(1) as f64
    }

    fn plus(&self, other: &Counts) -> Counts {
        Counts(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

/// The ends of cases, by hook and fault; pairs under one name.
#[derive(Default)]
pub struct Table(BTreeMap<(Hook, Sort, usize), Counts>);

const PAIR: &str = "two faults";

impl Table {
    pub fn add(&mut self, case: &Case, end: &End) {
        let sort = case.sort();
        let place = match (sort, case.blows.first(), case.lies.first()) {
            (Sort::Single, Some(blow), _) => place_in(&KINDS, blow.kind),
            (Sort::Lie, Some(blow), _) => place_in(&LIES, blow.kind),
            (Sort::Lie | Sort::LieAndFault, _, Some(lie)) => LIES.len() + place_in(&LASTING_LIES, lie),
            _ => 0,
        };
        self.0.entry((case.scene.hook, sort, place)).or_default().add(end);
    }

    fn total(&self, counts: impl Fn(Hook, Sort) -> bool) -> Counts {
        let chosen = self.0.iter().filter(|((hook, sort, _), _)| counts(*hook, *sort));
        chosen.fold(Counts::default(), |sum, (_, counts)| sum.plus(counts))
    }

    /// A line for each hook and fault, then the summary.
    pub fn full(&self) -> String {
        let mut text = String::new();
        for hook in Hook::ALL {
            let _ = writeln!(text, "{}", head(&hook.to_string()));
            for ((of, sort, place), counts) in &self.0 {
                if *of == hook {
                    let fault = match sort {
                        Sort::Single => KINDS[*place],
                        Sort::Gone => "gone from there on",
                        Sort::Pair => PAIR,
                        Sort::Lie | Sort::LieAndFault => lie_at(*place),
                    };
                    let more = if *sort == Sort::LieAndFault { " + a fault" } else { "" };
                    let _ = writeln!(text, "{}", line(&format!("  {fault}{more}"), counts));
                }
            }
            let _ = writeln!(text);
        }
        text + &self.summary()
    }

    /// A line for each hook and sort of case.
    pub fn summary(&self) -> String {
        let mut text = format!("{}\n", head("hook, faults"));
        let sorts = [
            (Sort::Single, "one"),
            (Sort::Gone, GONE),
            (Sort::Pair, "two"),
            (Sort::Lie, "a lie"),
            (Sort::LieAndFault, "a lie and one"),
        ];
        for (sort, name) in sorts {
            for hook in Hook::ALL {
                let counts = self.total(|of, as_| (of, as_) == (hook, sort));
                if counts.all() > 0 {
                    let _ = writeln!(text, "{}", line(&format!("{hook}, {name}"), &counts));
                }
            }
        }
        for (sort, name) in sorts {
            let _ = writeln!(text, "{}", line(&format!("all, {name}"), &self.total(|_, of| of == sort)));
        }
        let _ = writeln!(text, "{}", line("all", &self.all()));
        text
    }

    pub fn all(&self) -> Counts {
        self.total(|_, _| true)
    }
}

fn place_in(names: &[&str], name: &str) -> usize {
    names.iter().position(|known| *known == name).unwrap_or(0)
}

fn lie_at(place: usize) -> &'static str {
    LIES.iter().chain(&LASTING_LIES).nth(place).copied().unwrap_or_default()
}

fn head(first: &str) -> String {
    format!(
        "{first:<34}{:>7}{:>10}{:>11}{:>10}{:>12}{:>10}{:>6}",
        "cases", "complete", "as before", "leftover", "unfinished", "undecided", "WRONG"
    )
}

fn line(first: &str, counts: &Counts) -> String {
    let Counts([complete, as_before, leftover, unfinished, lie, wrong]) = counts;
    let all = counts.all();
    format!(
        "{first:<34}{all:>7}{complete:>10}{as_before:>11}{leftover:>10}{unfinished:>12}{lie:>10}{wrong:>6}"
    )
}
