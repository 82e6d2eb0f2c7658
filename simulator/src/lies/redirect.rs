//! Requests that are answered as if something else had been asked.

use super::{Lie, Lies};
use crate::command::{Action, Command, Thing};
use crate::request::ApiRequest;
use crate::state::State;

/// The request as a proxy passes it on that decodes the path once more, and resolves what it finds.
pub fn decoded(request: &ApiRequest) -> ApiRequest {
    let mut path: Vec<String> = Vec::new();
    for segment in request.path.iter().flat_map(|segment| segment.split('/')) {
        match segment {
            "" | "." => {}
            ".." => drop(path.pop()),
            name => path.push(name.to_owned()),
        }
    }
    ApiRequest { path, ..request.clone() }
}

impl Lies {
    /// The requests whose answers are given together in the place of this one's.
    pub fn asked_instead(
        &self,
        command: &Command<'_>,
        request: &ApiRequest,
        state: &State,
    ) -> Option<Vec<ApiRequest>> {
        if self.has(Lie::ListOfAll) {
            return Some(owners(command, state).map(|owner| with_owner(command, request, owner)).collect());
        }
        if self.has(Lie::ListOfAnother) || self.has(Lie::ListOfAnotherUnnamed) {
            let asked = command.needed(owner_parameter(command.thing));
            let mut others = owners(command, state).filter(|owner| !owner.eq_ignore_ascii_case(asked));
            let other = others.find(|owner| state.has_entries(command.thing, owner))?;
            return Some(vec![with_owner(command, request, other)]);
        }
        if self.has(Lie::OtherRecord) && command.action == Action::Get {
            let path = vec![request.path[0].clone(), other_name(command, state)?];
            return Some(vec![ApiRequest { path, ..request.clone() }]);
        }
        None
    }
}

/// The first thing of its kind that is not the command's own.
pub fn other_name(command: &Command<'_>, state: &State) -> Option<String> {
    let mut names = state.names(command.thing);
    names.find(|name| !name.eq_ignore_ascii_case(command.name)).map(str::to_owned)
}

/// By which parameter a list is asked for.
pub fn owner_parameter(thing: Thing) -> &'static str {
    match thing {
        Thing::Address => "user",
        _ => "account",
    }
}

/// Whose things the command could ask for.
fn owners<'a>(command: &Command<'_>, state: &'a State) -> Box<dyn Iterator<Item = &'a str> + 'a> {
    state.names(if command.thing == Thing::Address { Thing::User } else { Thing::Account })
}

fn with_owner(command: &Command<'_>, request: &ApiRequest, owner: &str) -> ApiRequest {
    let name = owner_parameter(command.thing);
    let parameters = request
        .parameters
        .iter()
        .map(|(known, value)| (known.clone(), if known == name { owner.to_owned() } else { value.clone() }));
    ApiRequest { parameters: parameters.collect(), ..request.clone() }
}
