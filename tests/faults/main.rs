//! The fault sweep: each hook, in each state of the server that it may find, with each fault and each lie at each of its
//! requests; then with the server gone from each request on; then with a server that lies all the time, and a fault
//! besides; then with two faults. It goes through the C functions, over TLS, to the simulator, whose guard watches each
//! write, and judges by the server's whole state.
//!
//! `scenes` says what is asked of which server (`start`, `variants`), `selection` which `cases` are run,
//! `site` runs one, `judge` says what became of it, `table` counts, `report` tells one in full.

mod arguments;
mod caller;
mod cases;
mod difference;
mod judge;
mod report;
mod scenes;
mod secrets;
mod selection;
mod site;
mod start;
mod table;
mod variants;
mod workers;

use arguments::Arguments;
use cases::Case;
use judge::End;
use scenes::Scene;
use selection::Selection;
use site::{Clean, Place};
use std::process::ExitCode;
use std::time::Instant;
use table::Table;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => return ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::FAILURE;
        }
    };
    let scenes = scenes::all();
    let ended =
        if arguments.cases.is_empty() { sweep(&arguments, &scenes) } else { one_by_one(&arguments, &scenes) };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing is wrong.
fn sweep(arguments: &Arguments, scenes: &[Scene]) -> Result<bool, String> {
    let started = Instant::now();
    let cleans = undisturbed(arguments, scenes)?;
    let selection = Selection { every_variant: arguments.full, pairs: arguments.pairs, seed: arguments.seed };
    let mut cases = selection.cases(&cleans);
    cases.retain(|case| case.to_string().contains(&arguments.only));
    let ends = ends(arguments, &cleans, &cases);
    let mut table = Table::default();
    for (case, end) in cases.iter().zip(&ends) {
        if let Some(why) = end.wrong() {
            println!("WRONG {case} {why}");
        } else if arguments.verbose {
            println!("{case} {}", report::in_words(end));
        }
        table.add(case, end);
    }
    print!("{}", if arguments.full { table.full() } else { table.summary() });
    let all = table.all();
    println!(
        "{} cases in {:.0?}, {} wrong; could not be judged: {:.2} %",
        all.all(),
        started.elapsed(),
        all.wrong(),
        all.undecided_share()
    );
    if all.wrong() > 0 {
        println!("one of them in full: cargo test --test faults -- --case ID");
    }
    Ok(all.wrong() == 0)
}

/// How often what may be the fault of a busy machine is tried in quiet, and how many such cases.
const QUIET_TRIES: usize = 3;
const MOST_QUIET: usize = 200;

/// How each case ends: in a crowd first, and in quiet where the crowd may be why it ended badly.
fn ends(arguments: &Arguments, cleans: &[Clean], cases: &[Case]) -> Vec<End> {
    let run = |place: &mut Place, case: &Case| {
        let story = site::run_case(place, case, clean_of(cleans, case), arguments.settings);
        (story.may_be_starved(arguments.settings), story.end)
    };
    // A machine that is too busy for the first, undisturbed call makes a panic too; a true one comes again.
    let panicked = |panic: String| (true, End::Wrong(format!("a panic: {panic}")));
    let ended = workers::each(cases, arguments.jobs, run);
    let mut ended: Vec<(bool, End)> = ended.into_iter().map(|end| end.unwrap_or_else(panicked)).collect();
    for _ in 0..QUIET_TRIES {
        let again: Vec<usize> = (0..cases.len()).filter(|&i| ended[i].0).take(MOST_QUIET).collect();
        let ends = workers::each(&again, QUIET, |place, &i| run(place, &cases[i]));
        for (i, end) in again.into_iter().zip(ends) {
            ended[i] = end.unwrap_or_else(panicked);
        }
    }
    ended.into_iter().map(|(_, end)| end).collect()
}

/// So few threads leave each call undisturbed by the others.
const QUIET: usize = 2;

/// Each scene in each variant, without a fault.
fn undisturbed<'a>(arguments: &Arguments, scenes: &'a [Scene]) -> Result<Vec<Clean<'a>>, String> {
    let pairs: Vec<_> =
        scenes.iter().flat_map(|scene| variants::ALL.iter().map(move |variant| (scene, variant))).collect();
    let cleans = workers::each(&pairs, QUIET, |place, (scene, variant)| {
        site::run_clean(place, scene, variant, arguments.settings)
    });
    cleans.into_iter().map(|clean| clean.and_then(|clean| clean)).collect()
}

fn clean_of<'a, 'b>(cleans: &'b [Clean<'a>], case: &Case) -> &'b Clean<'a> {
    cleans
        .iter()
        .find(|clean| clean.scene.id() == case.scene.id() && clean.variant.name == case.variant.name)
        .expect("each scene was run in each variant")
}

/// The cases that were asked for, each told in full.
fn one_by_one(arguments: &Arguments, scenes: &[Scene]) -> Result<bool, String> {
    let mut well = true;
    for id in &arguments.cases {
        let case = Case::parse(id, scenes)?;
        let place = &mut Place::default();
        let clean = site::run_clean(place, case.scene, case.variant, arguments.settings)?;
        let story = site::run_case(place, &case, &clean, arguments.settings);
        print!("{}", report::in_full(&case, &clean, &story));
        well &= story.end.wrong().is_none();
    }
    Ok(well)
}
