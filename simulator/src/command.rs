//! What a request asks for: its path and `action` as one of the operations, its parameters checked against
//! those that the operation takes. Nothing here knows what the server holds.

use crate::request::{ApiRequest, Method};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Account,
    User,
    Package,
    Domain,
    Address,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Get,
    List,
    Add,
    Update,
    Purge,
}

/// An error document in the making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub message: String,
}

impl Refusal {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal { code: code.into(), message: message.into() }
    }
}

/// Why a request is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCommand {
    /// Nothing is served under this path.
    Path,
    /// Only GET and POST are.
    Method,
    Refused(Refusal),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Command<'a> {
    pub thing: Thing,
    pub action: Action,
    /// The name in the path; empty in a List.
    pub name: &'a str,
    parameters: &'a [(String, String)],
}

/// Parameters that every request may have.
const ALWAYS: [&str; 2] = ["client_type", "action"];

impl<'a> Command<'a> {
    pub fn of(request: &'a ApiRequest) -> Result<Command<'a>, NoCommand> {
        let (thing, name) = place(&request.path)?;
        let refused = |code: &str, message: String| Err(NoCommand::Refused(Refusal::new(code, message)));
        let given = |name: &str| value(&request.parameters, name);
        for (n, (name, _)) in request.parameters.iter().enumerate() {
            if request.parameters[..n].iter().any(|(earlier, _)| earlier == name) {
                return refused("error.duplicate_parameter", format!("Parameter {name} was given twice"));
            }
        }
        if given("client_type") != Some("FREESIDE") {
            return refused("error.client_type", "Unknown or missing client_type".to_owned());
        }
        let action = match (&request.method, name, given("action")) {
            (Method::Other(_), ..) => return Err(NoCommand::Method),
            (Method::Get, None, None) if thing != Thing::Package => Action::List,
            (Method::Get, Some(_), None) => Action::Get,
            (Method::Post, Some(_), None) => Action::Add,
            (Method::Post, Some(_), Some("update")) if updates(thing) => Action::Update,
            (Method::Post, Some(_), Some("purge")) => Action::Purge,
            (_, _, Some(action)) => {
                return refused("error.unknown_action", format!("Unknown action {action}"));
            }
            _ => return Err(NoCommand::Path),
        };
        let command =
            Command { thing, action, name: name.unwrap_or_default(), parameters: &request.parameters };
        command.check_parameters().map_err(NoCommand::Refused)?;
        Ok(command)
    }

    pub fn is_write(&self) -> bool {
        !matches!(self.action, Action::Get | Action::List)
    }

    /// Whether its answer is a list: the packages of a user are one, too.
    pub fn gives_list(&self) -> bool {
        let is_packages = self.thing == Thing::Package && matches!(self.action, Action::Get | Action::Add);
        self.action == Action::List || is_packages
    }

    pub fn get(&self, parameter: &str) -> Option<&'a str> {
        value(self.parameters, parameter)
    }

    /// A parameter that `check_parameters` has seen to be there.
    pub fn needed(&self, parameter: &str) -> &'a str {
        self.get(parameter).unwrap_or_default()
    }

    pub fn forced(&self) -> bool {
        self.get("force") == Some("true")
    }

    fn check_parameters(&self) -> Result<(), Refusal> {
        let (needed, optional) = parameters(self.thing, self.action);
        for (name, _) in self.parameters {
            let name = name.as_str();
            if !ALWAYS.contains(&name) && !needed.contains(&name) && !optional.contains(&name) {
                return Err(Refusal::new("error.unknown_parameter", format!("Unknown parameter {name}")));
            }
        }
        for name in needed {
            if self.needed(name).is_empty() {
                return Err(Refusal::new("error.missing_parameter", format!("Parameter {name} is missing")));
            }
        }
        if self.get("force").is_some_and(|force| force != "true" && force != "false") {
            return Err(Refusal::new("error.bad_parameter", "force must be true or false"));
        }
        Ok(())
    }
}

fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn place(path: &[String]) -> Result<(Thing, Option<&str>), NoCommand> {
    let (thing, name) = match path {
        [thing] => (thing, None),
        [thing, name] if !name.is_empty() => (thing, Some(name.as_str())),
        _ => return Err(NoCommand::Path),
    };
    let thing = match thing.as_str() {
        "account" => Thing::Account,
        "user" => Thing::User,
        "user_package" => Thing::Package,
        "domain" => Thing::Domain,
        "emailaddress" => Thing::Address,
        _ => return Err(NoCommand::Path),
    };
    Ok((thing, name))
}

fn updates(thing: Thing) -> bool {
    matches!(thing, Thing::Account | Thing::User)
}

/// The parameters that an operation needs, and those that it takes besides.
fn parameters(thing: Thing, action: Action) -> (&'static [&'static str], &'static [&'static str]) {
    match (thing, action) {
        (Thing::Account, Action::Add) => (&[], &["first_name", "last_name", "phone", "memo"]),
        (Thing::Account, Action::Update) => (&[], &["first_name", "last_name", "phone", "memo", "status"]),
        (Thing::User, Action::Add) => {
            (&["account"], &["first_name", "last_name", "memo", "password", "password_type"])
        }
        (Thing::User, Action::Update) => (
            &[],
            &[
                "account",
                "first_name",
                "last_name",
                "memo",
                "password",
                "password_type",
                "master_user",
                "status",
            ],
        ),
        (Thing::Account | Thing::User, Action::Purge) => (&[], &["force"]),
        (Thing::User | Thing::Domain, Action::List) | (Thing::Domain, Action::Add) => (&["account"], &[]),
        (Thing::Package, Action::Add | Action::Purge) => (&["package"], &[]),
        (Thing::Address, Action::Add | Action::List) => (&["user"], &[]),
        _ => (&[], &[]),
    }
}
