//! From an outcome on the wire to what the server said: a reply, or an error that knows what it leaves open.

use super::document::{self, Element};
use super::operations::{Operation, Shape};
use crate::error::Status;
use crate::foreign::foreign;
use crate::record::Record;
use crate::wire::{Answer, FailureKind, Outcome};

/// No user holds more packages; a list of more would be compared entry by entry, and each entry removed.
const MOST_PACKAGES: usize = 1_000;

/// What the server said to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Record(Record),
    /// The records with the names by which they are known, in the server's order.
    List(Vec<(String, Record)>),
    /// It says that it has no such thing.
    Absent,
    /// A success that says nothing.
    Silent,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No answer.
    NoAnswer(FailureKind),
    /// The time of the hook is over; nothing was sent.
    NoTime,
    /// 401 or 403.
    Credentials,
    /// The server's `error`, with its code.
    Refused(String),
    /// An answer that is not what the operation gives; the HTTP status.
    Unusable(u16),
}

/// A call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    pub cause: Cause,
    /// It may have done its work all the same.
    pub doubt: bool,
    /// A clause for people; may hold text of the server's, so it is redacted before it is shown.
    pub text: String,
}

impl CallError {
    pub fn code(&self) -> Option<&str> {
        match &self.cause {
            Cause::Refused(code) => Some(code),
            _ => None,
        }
    }

    /// As it crosses the ABI, where nothing is left in doubt.
    pub fn status(&self) -> Status {
        if self.was_answered() {
            Status::Server
        } else {
            Status::NotReached
        }
    }

    /// The server was reached, whatever it said.
    pub fn was_answered(&self) -> bool {
        !matches!(self.cause, Cause::NoAnswer(_) | Cause::NoTime)
    }
}

/// Reads an outcome as the answer to `operation`.
pub fn read(operation: &Operation, outcome: Outcome) -> Result<Reply, CallError> {
    match outcome {
        Outcome::NotSent(failure) => {
            Err(CallError { cause: Cause::NoAnswer(failure.kind), doubt: false, text: failure.text })
        }
        Outcome::InDoubt(failure) => {
            Err(CallError { cause: Cause::NoAnswer(failure.kind), doubt: true, text: failure.text })
        }
        Outcome::Answered(answer) => read_answer(operation, &answer),
    }
}

fn read_answer(operation: &Operation, answer: &Answer) -> Result<Reply, CallError> {
    match parse(answer)? {
        None if operation.is_read() => {
            Err(unusable(answer.status, "the server answered with an empty body".to_owned()))
        }
        None => Ok(Reply::Silent),
        Some(root) => match error_of(&root) {
            Some((code, _)) if operation.absent.contains(&code.as_str()) => Ok(Reply::Absent),
            Some((code, message)) => Err(refused(code, &message)),
            None if answer.status != 200 => Err(unusable(
                answer.status,
                format!("the server answered with status {} and no error in it", answer.status),
            )),
            None => shaped(operation, &root, answer.status),
        },
    }
}

/// The document of an answer whose status lets one be read; None for an empty body.
pub fn parse(answer: &Answer) -> Result<Option<Element>, CallError> {
    match answer.status {
        200 | 400 | 500 => {}
        status => return Err(by_status(status, answer.location.as_deref())),
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        if answer.status == 200 {
            return Ok(None);
        }
        let text = format!("the server answered with status {} and an empty body", answer.status);
        return Err(unusable(answer.status, text));
    }
    let root = document::parse(&answer.body, answer.content_type.as_deref()).map_err(|what| {
        unusable(answer.status, format!("the server answered with {what} (status {})", answer.status))
    })?;
    Ok(Some(root))
}

fn by_status(status: u16, location: Option<&str>) -> CallError {
    match status {
        401 | 403 => CallError {
            cause: Cause::Credentials,
            doubt: false,
            text: format!(
                "the server refused the API client's id or password, or this address (status {status}); check the export's API Client ID and API Client Password"
            ),
        },
        300..=399 => unusable(
            status,
            format!(
                "the server answered with a redirect to {} (status {status}); check the export's Hostname and Port",
                foreign(location.unwrap_or("nowhere"))
            ),
        ),
        429 => unusable(status, "the server is asked too often (status 429)".to_owned()),
        502..=504 => unusable(status, format!("the server is not available (status {status})")),
        _ => unusable(status, format!("the server answered with status {status}")),
    }
}

fn unusable(status: u16, text: String) -> CallError {
    CallError { cause: Cause::Unusable(status), doubt: true, text }
}

fn refused(code: String, message: &str) -> CallError {
    let (told_code, told) = (foreign(&code), foreign(message));
    let text = match (code.is_empty(), message.is_empty()) {
        (false, false) => format!("the server refused it with {told_code}: {told}"),
        (false, true) => format!("the server refused it with {told_code}"),
        (true, _) => format!("the server refused it: {told}"),
    };
    CallError { cause: Cause::Refused(code), doubt: false, text }
}

/// The failure that an answer to a request of the caller's own holds.
pub fn refusal_in(root: &Element, answer: &Answer) -> Option<CallError> {
    match error_of(root) {
        Some((code, message)) => Some(refused(code, &message)),
        None if answer.status != 200 => Some(unusable(
            answer.status,
            format!("the server answered with status {} and no error in it", answer.status),
        )),
        None => None,
    }
}

/// The `error` among the root's children: its code and message.
fn error_of(root: &Element) -> Option<(String, String)> {
    let error = root.children.iter().find(|child| child.name == "error")?;
    let record = Record(error.fields());
    let field = |name: &str| record.get(name).unwrap_or_default().to_owned();
    let (code, mut message) = (field("code"), field("message"));
    if message.is_empty() {
        message.clone_from(&error.text);
    }
    if code.is_empty() && message.is_empty() {
        // Something is wrong, and the server keeps it to itself; an empty element alone is an empty value.
        return (!record.0.is_empty()).then(|| (String::new(), "no code and no message".to_owned()));
    }
    Some((code, message))
}

fn shaped(operation: &Operation, root: &Element, status: u16) -> Result<Reply, CallError> {
    match operation.answer {
        Shape::Nothing => Ok(Reply::Silent),
        Shape::Record(name) => match root.child(name).map(Element::fields) {
            Some(fields) if !fields.is_empty() => Ok(Reply::Record(Record(fields))),
            _ => Err(unusable(status, format!("the server's answer has no {name} in it"))),
        },
        Shape::List { outer, inner } => match list(root, outer, inner) {
            Some(Reply::List(packages)) if inner == "package" && packages.len() > MOST_PACKAGES => {
                Err(unusable(
                    status,
                    format!("the server's list of packages has more than {MOST_PACKAGES} entries"),
                ))
            }
            Some(reply) => Ok(reply),
            None => {
                Err(unusable(status, format!("the server's list of {outer} has an entry without a name")))
            }
        },
    }
}

fn list(root: &Element, outer: &str, inner: &str) -> Option<Reply> {
    let holder = root.child(outer).unwrap_or(root);
    let mut records = Vec::new();
    for element in holder.children.iter().filter(|child| child.name == inner) {
        let record = Record(element.fields());
        // An empty element is an empty value: no entry at all.
        if !record.0.is_empty() {
            records.push((record.list_id()?.to_owned(), record));
        }
    }
    Some(Reply::List(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(operation: &str, status: u16, body: &str) -> Result<Reply, CallError> {
        let operation = Operation::named(operation).expect("an operation");
        let answer = Answer { status, content_type: None, location: None, body: body.as_bytes().to_vec() };
        read(operation, Outcome::Answered(answer))
    }

    #[test]
    fn an_error_in_the_document_is_a_failure_whatever_the_status() {
        let body = "<r><error><code>x.y</code><message>No</message></error></r>";
        for status in [200, 400, 500] {
            let error = said("add_user", status, body).expect_err("a failure");
            assert_eq!((error.code(), error.doubt), (Some("x.y"), false));
            assert_eq!(
                crate::foreign::resolved(&error.text, str::to_owned),
                "the server refused it with x.y: No"
            );
        }
        let attributes = said("add_user", 200, r#"<r><error code="x.y" message="No"/></r>"#);
        assert_eq!(attributes.expect_err("a failure").code(), Some("x.y"));
    }

    #[test]
    fn what_the_server_does_not_have_is_absent_only_by_the_codes_of_the_operation() {
        let not_found = "<r><error><code>account.error.not_found</code><message>x</message></error></r>";
        assert_eq!(said("get_user", 400, not_found), Ok(Reply::Absent));
        assert_eq!(said("get_account", 200, not_found), Ok(Reply::Absent));
        assert_eq!(said("get_users", 400, not_found), Ok(Reply::Absent));
        assert!(said("get_packages", 200, not_found).is_err());
        let denied = "<r><error><code>error.permission_denied</code></error></r>";
        assert_eq!(said("get_domain", 400, denied), Ok(Reply::Absent));
        assert!(said("get_user", 400, denied).is_err());
        assert!(said("get_user", 404, not_found).is_err());
    }

    #[test]
    fn an_answer_that_is_not_what_the_operation_gives_leaves_a_write_in_doubt() {
        for (status, body) in [
            (200, "<html>hello</html>"),
            (500, "<html>hello</html>"),
            (200, "<r/>"),
            (200, "<r><user/></r>"),
            (400, "<r><user id='a'/></r>"),
            (500, ""),
            (200, "<r><user id='a'"),
            (302, ""),
            (503, ""),
        ] {
            let error = said("add_user", status, body).expect_err(body);
            assert!(error.doubt, "{status} {body}");
        }
        assert_eq!(said("add_user", 200, " "), Ok(Reply::Silent));
        assert!(said("get_user", 200, "").is_err());
    }

    #[test]
    fn a_list_of_more_packages_than_anybody_holds_is_not_believed() {
        let listed = |operation: &str, count: usize| {
            let packages: String = (0..count).map(|n| format!("<package id='P{n}'/>")).collect();
            said(operation, 200, &format!("<r><packages>{packages}</packages></r>"))
        };
        assert!(listed("get_packages", MOST_PACKAGES).is_ok());
        for operation in ["get_packages", "assign_package"] {
            assert!(listed(operation, MOST_PACKAGES + 1).expect_err("too many").doubt);
        }
    }

    #[test]
    fn a_list_may_be_of_many_of_one_or_empty_in_any_form() {
        let names = |body: &str| match said("get_users", 200, body) {
            Ok(Reply::List(list)) => list.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(names("<r><users><user id='A'/><user><id>B</id></user></users></r>"), ["A", "B"]);
        assert_eq!(names("<r><users><user name='N' id='1'/></users></r>"), ["N"]);
        assert_eq!(names("<r><users><user key='K' id='1'/></users></r>"), ["K"]);
        assert_eq!(names("<r><user id='A'/></r>"), ["A"]);
        for empty in ["<r><users/></r>", "<r/>", "<r><users><user/></users></r>"] {
            assert!(names(empty).is_empty());
        }
        for nameless in ["<user status='active'/>", "<user id='..'/>", "<user name='.' id='A'/>"] {
            assert!(said("get_users", 200, &format!("<r><users>{nameless}</users></r>")).is_err());
        }
    }
}
