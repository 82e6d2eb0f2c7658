//! One case told in full, for whoever looks into it.

use crate::caller::Told;
use crate::cases::Case;
use crate::difference::between;
use crate::judge::End;
use crate::site::{normal, Clean, Story};
use magicmail_simulator::Entry;
use std::fmt::Write;

pub fn in_full(case: &Case, clean: &Clean, story: &Story) -> String {
    let mut text = format!("{case}\nends: {}\n", in_words(&story.end));
    for violation in &story.violations {
        let _ = writeln!(text, "  VIOLATION: {violation}");
    }
    call(&mut text, "the hook", &story.told, &story.log);
    for difference in between(&story.after, &normal(&case.scene.before)) {
        let _ = writeln!(text, "  unlike before: {}", difference.told);
    }
    for difference in between(&story.after, &clean.after) {
        let _ = writeln!(text, "  unlike wanted: {}", difference.told);
    }
    call(&mut text, "again, undisturbed", &story.again, &story.log_again);
    for difference in between(&story.after_again, &clean.after) {
        let _ = writeln!(text, "  unlike wanted: {}", difference.told);
    }
    text
}

pub fn in_words(end: &End) -> String {
    match end {
        End::Complete => "complete".to_owned(),
        End::AsBefore => "as before".to_owned(),
        End::Leftover => "named leftover".to_owned(),
        End::Unfinished => "unfinished, named, and finished by a repeat".to_owned(),
        End::Lie => "the server lied, in an answer that cannot be told from a true one".to_owned(),
        End::Wrong(why) | End::Slow(why) => format!("WRONG: {why}"),
    }
}

fn call(text: &mut String, name: &str, told: &Told, log: &[Entry]) {
    let _ = writeln!(text, "{name}: status {}, {:.0?}", told.status, told.took);
    for entry in log {
        let parameters: Vec<String> = entry
            .parameters
            .iter()
            .filter(|(name, _)| *name != "client_type")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let _ = writeln!(
            text,
            "  {:>2} on {} at {} ms: {} {} {} -> {}{}{}",
            entry.n,
            entry.connection,
            entry.at_ms,
            entry.method,
            entry.path,
            parameters.join(" "),
            entry.status.map_or("nothing".to_owned(), |status| status.to_string()),
            if entry.applied { ", applied" } else { "" },
            match (entry.lie, entry.fault) {
                (Some(lie), _) => format!(", {lie}"),
                (None, Some(kind)) => format!(", {kind:?}"),
                (None, None) => String::new(),
            },
        );
    }
    if told.status == 0 {
        let _ = writeln!(text, "  reply: {}", told.reply);
    } else {
        let _ = writeln!(text, "  text: {}\n  detail: {}", told.text, told.detail);
    }
}
