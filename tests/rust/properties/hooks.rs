//! A whole hook against a server that answers as it pleases: it ends in time, what people read is harmless, and
//! what it says of its end is true as far as the server can be believed.

use super::network::{Network, Script, Seen};
use super::scenes::{Scene, ACCOUNT, ADDRESS, USER};
use super::{evidence, export_over, for_people, harmless, holds, texts_of, Checked, Lines, Secrets};
use super::{OLD_PASSWORD, PASSWORD, SECRET, TIMEOUT};
use magicmail::error::{Error, Status};
use magicmail::wire::{Carrier, Method};
use magicmail::world::Hook;
use magicmail_simulator::State;
use serde_json::Value;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub scene: Scene,
    pub autopurge: bool,
    pub dry_run: bool,
    pub script: Script,
}

/// What a hook came to.
struct Story {
    told: Result<Value, Error>,
    before: State,
    after: State,
    seen: Vec<Seen>,
}

/// How a hook may fail that reached the network.
const ENDS: [Status; 4] = [Status::Refused, Status::Server, Status::NotReached, Status::Doubt];

pub fn check(case: &Case) -> Checked {
    let network = Network::new(case.scene.state(), case.script.clone());
    let story = run(case, &network)?;
    in_its_bounds(&story.seen)?;
    let is_truthful = !story.seen.iter().any(|seen| seen.may_be_lie);
    if case.dry_run {
        return holds(story.seen.iter().all(|seen| seen.request.method == Method::Get), || {
            "a dry run wrote something".to_owned()
        });
    }
    if story.told.is_ok() {
        evidence::of_success(case.scene, &story.seen)?;
    }
    if is_truthful {
        others_are_as_before(&story)?;
        is_true(case, &story)?;
    }
    Ok(())
}

/// Whether the hook ended as it does on a network where all is well.
pub fn gets_over(case: &Case) -> Checked {
    let network = Network::new(case.scene.state(), case.script.clone());
    let told = run(case, &network)?.told;
    holds(told.is_ok(), || format!("{}: {}", case.scene.name(), told.unwrap_err().text))?;
    check(case)
}

fn run(case: &Case, network: &Network) -> Result<Story, String> {
    let before = network.state();
    let began = network.now();
    let export = export_over(network.clone(), case.autopurge);
    let lines = Lines::default();
    let secrets: Secrets = match case.scene.hook() {
        Hook::Replace => &[SECRET, PASSWORD, OLD_PASSWORD],
        _ => &[SECRET, PASSWORD],
    };
    let request = case.scene.request(case.dry_run).to_string();
    let told = export.hook(case.scene.hook(), &request, &lines);
    let took = network.now() - began;
    holds(took <= Duration::from_secs(6 * TIMEOUT), || format!("it took {took:?}"))?;
    lines.check(secrets)?;
    let told = told.map(|reply| serde_json::from_str::<Value>(&reply).expect("a reply is JSON"));
    match &told {
        Ok(reply) => texts_of(reply).into_iter().try_for_each(|text| for_people(text, secrets))?,
        Err(error) => harmless(error, &ENDS, secrets)?,
    }
    Ok(Story { told, before, after: network.state(), seen: network.seen() })
}

/// Nothing but what belongs to the customer is written to: what Freeside says, whom the server has listed on the
/// customer's account, and which addresses it has listed of the service's user.
fn in_its_bounds(seen: &[Seen]) -> Checked {
    for (number, Seen { request, .. }) in seen.iter().enumerate() {
        let path = &request.path;
        let name = path.get(1).map_or("", String::as_str);
        let is_the_customers = match path[0].as_str() {
            "account" => name.eq_ignore_ascii_case(ACCOUNT),
            "emailaddress" => {
                [ADDRESS, "jane@example.com"].contains(&name) || evidence::of_address(name, &seen[..number])
            }
            _ => [USER, "ann"].contains(&name) || evidence::of_membership(name, &seen[..number]),
        };
        let is_plain = path.iter().all(|segment| !segment.is_empty() && segment != "." && segment != "..");
        let is_in_bounds = (request.method == Method::Get || is_the_customers) && is_plain;
        holds(is_in_bounds, || format!("{} {}", request.method.as_str(), path.join("/")))?;
    }
    Ok(())
}

fn document(state: &State) -> Value {
    serde_json::to_value(state).expect("a document")
}

fn others_are_as_before(story: &Story) -> Checked {
    let (before, after) = (document(&story.before), document(&story.after));
    let of_zoe = |state: &Value| {
        (
            state["accounts"]["FREESIDE7"].clone(),
            state["users"]["zoe"].clone(),
            state["addresses"]["zoe@example.net"].clone(),
        )
    };
    holds(of_zoe(&before) == of_zoe(&after), || "another customer's mailbox is another one".to_owned())
}

/// With a server that told no lie: a success is one, and a failure that names nothing left changed nothing.
fn is_true(case: &Case, story: &Story) -> Checked {
    match &story.told {
        Ok(reply) => succeeded(case, story, reply),
        Err(error) if error.status == Status::Doubt => {
            holds(!error.leftovers.is_empty(), || format!("in doubt, and nothing named: {}", error.text))
        }
        Err(error) => holds(story.after == story.before, || {
            format!(
                "{}; but before {:?}, after {:?}",
                error.text,
                document(&story.before),
                document(&story.after)
            )
        }),
    }
}

fn succeeded(case: &Case, story: &Story, reply: &Value) -> Checked {
    let well = Network::new(case.scene.state(), Script::honest());
    let clean = run(&Case { script: Script::honest(), ..case.clone() }, &well)?;
    holds(clean.told.is_ok(), || format!("it succeeds where it must refuse: {reply}"))?;
    let (wanted, found) = (document(&clean.after), document(&story.after));
    let jane = |state: &Value| {
        let user = &state["users"][USER];
        (user["account"].clone(), user["status"].clone(), user["password"].clone(), user["last_name"].clone())
    };
    if case.scene.hook() == Hook::Unprovision {
        // From the mark on, what is unfinished is warned about.
        let user = &found["users"][USER];
        return holds(user.is_null() || user["status"] == "deleted", || format!("{user} is there: {reply}"));
    }
    let addresses = |state: &Value| state["addresses"].clone();
    holds(jane(&wanted) == jane(&found) && addresses(&wanted) == addresses(&found), || {
        format!("a success ({reply}), but wanted {wanted}, found {found}")
    })
}
