//! From an outcome on the wire to what the server said: a reply, or an error that knows what it leaves open.

use super::document::{self, Element};
use super::operations::{Call, Operation, Shape};
use crate::error::Status;
use crate::foreign::{foreign, quoted};
use crate::id::UserName;
use crate::record::Record;
use crate::wire::{has_document, Answer, FailureKind, Outcome};

/// No user has more packages or addresses; a list of more would be compared entry by entry, and each entry removed.
const MOST_OF_A_USER: usize = 1_000;

/// The longest code and the longest words of the server that a message repeats, in characters.
const LONGEST_CODE: usize = 100;
const LONGEST_MESSAGE: usize = 400;

/// What the server said to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Record(Record),
    /// The records with the names by which they are known, in the server's order.
    List(Vec<(String, Record)>),
    /// It says that it has no such thing.
    Absent,
    /// It has none, or one that this API client may not see: it does not say which.
    NotShown,
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

/// Reads an outcome as the answer to `call`.
pub fn read(call: &Call, outcome: Outcome) -> Result<Reply, CallError> {
    match outcome {
        Outcome::NotSent(failure) => {
            Err(CallError { cause: Cause::NoAnswer(failure.kind), doubt: false, text: failure.text })
        }
        Outcome::InDoubt(failure) => {
            Err(CallError { cause: Cause::NoAnswer(failure.kind), doubt: true, text: failure.text })
        }
        Outcome::Answered(answer) => read_answer(call, &answer),
    }
}

fn read_answer(call: &Call, answer: &Answer) -> Result<Reply, CallError> {
    let operation = call.operation;
    let Some(root) = parse(answer)? else { return empty_body(operation, answer.status) };
    match error_of(&root) {
        Some((code, _)) if operation.absent.contains(&code.as_str()) => Ok(Reply::Absent),
        Some((code, _)) if operation.not_shown.contains(&code.as_str()) => Ok(Reply::NotShown),
        Some((code, message)) => Err(refused(code, &message)),
        None if answer.status != 200 => Err(unusable(
            answer.status,
            format!("the server answered with status {} and no error in it", answer.status),
        )),
        None => shaped(call, &root).map_err(|text| unusable(answer.status, text)),
    }
}

/// A success that says nothing; of a list, that it is empty. Any other read wants to know something.
fn empty_body(operation: &Operation, status: u16) -> Result<Reply, CallError> {
    match operation.answer {
        Shape::List { .. } if operation.is_read() => Ok(Reply::List(Vec::new())),
        _ if operation.is_read() => {
            Err(unusable(status, "the server answered with an empty body".to_owned()))
        }
        _ => Ok(Reply::Silent),
    }
}

/// The document of an answer whose status lets one be read; None for an empty body.
pub fn parse(answer: &Answer) -> Result<Option<Element>, CallError> {
    if !has_document(answer.status) {
        return Err(by_status(answer.status, answer.location.as_deref()));
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
                quoted(location.unwrap_or("nowhere"), LONGEST_MESSAGE)
            ),
        ),
        429 => unusable(status, "the server is asked too often (status 429)".to_owned()),
        502..=504 => unusable(status, format!("the server is not available (status {status})")),
        _ => unusable(status, format!("the server answered with status {status}")),
    }
}

/// 403 to one request, although the server took others of the same client: it did nothing.
pub fn blocked() -> CallError {
    let text = "a firewall before the server, or the server itself, refused this request, but not the ones before it (status 403); look into the log of its web application firewall".to_owned();
    CallError { cause: Cause::Unusable(403), doubt: false, text }
}

fn unusable(status: u16, text: String) -> CallError {
    CallError { cause: Cause::Unusable(status), doubt: true, text }
}

fn refused(code: String, message: &str) -> CallError {
    // What is said after the server's words must not be cut off by them.
    let (told_code, told) = (quoted(&code, LONGEST_CODE), quoted(message, LONGEST_MESSAGE));
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

/// The `error` that the root is, or that is among its children: its code and message.
fn error_of(root: &Element) -> Option<(String, String)> {
    let is_root = root.name == "error";
    let error = if is_root { root } else { root.child("error")? };
    let record = Record(error.fields());
    let field = |name: &str| record.get(name).unwrap_or_default().to_owned();
    let (code, mut message) = (field("code"), field("message"));
    if message.is_empty() {
        message.clone_from(&error.text);
    }
    if code.is_empty() && message.is_empty() {
        // Something is wrong, and the server keeps it to itself; an empty child alone is an empty value.
        let is_error = is_root || !record.0.is_empty();
        return is_error.then(|| (String::new(), "no code and no message".to_owned()));
    }
    Some((code, message))
}

/// The reply that a document without an error holds; else what is wrong with it.
fn shaped(call: &Call, root: &Element) -> Result<Reply, String> {
    if let Some(word) = outcome_words(root).find(|word| FAILURES.contains(&word.as_str())) {
        return Err(format!("the server answered with {} and no error in it", foreign(&word)));
    }
    match call.operation.answer {
        Shape::Nothing if says_nothing(root) => Ok(Reply::Silent),
        Shape::Nothing => Err("the server's answer is not the empty one that means success".to_owned()),
        Shape::Record(name) => {
            let record = record(root, name)?;
            check_identity(call, &record)?;
            Ok(Reply::Record(record))
        }
        Shape::List { outer, inner } => list(root, outer, inner).map(Reply::List),
    }
}

const FAILURES: [&str; 6] = ["fail", "failed", "failure", "error", "false", "no"];
const SUCCESSES: [&str; 4] = ["ok", "success", "true", "0"];

/// What the root itself says of the outcome, in lower case.
fn outcome_words(root: &Element) -> impl Iterator<Item = String> + '_ {
    let says_outcome =
        |name: &str| name.eq_ignore_ascii_case("status") || name.eq_ignore_ascii_case("result");
    let attributes = root.attributes.iter();
    attributes.filter(move |(name, _)| says_outcome(name)).map(|(_, value)| value.trim().to_ascii_lowercase())
}

/// An empty root that has no attributes but those of a success.
fn says_nothing(root: &Element) -> bool {
    let words: Vec<String> = outcome_words(root).collect();
    let says_success = words.iter().all(|word| SUCCESSES.contains(&word.as_str()));
    root.children.is_empty() && root.text.is_empty() && words.len() == root.attributes.len() && says_success
}

fn record(root: &Element, name: &str) -> Result<Record, String> {
    let mut found = root.children.iter().filter(|child| child.name == name);
    let record = found.next().map(|element| Record(element.fields())).filter(|record| !record.0.is_empty());
    match (record, found.next()) {
        (Some(_), Some(_)) => Err(format!("the server's answer has several {name} records in it")),
        (Some(record), None) if record.0.get("error").is_some_and(|error| error != "") => {
            Err(format!("the server's answer has an error in its {name} record"))
        }
        (Some(record), None) => Ok(record),
        (None, _) => Err(format!("the server's answer has no {name} in it")),
    }
}

/// A record that names itself must name what was asked for. Of addresses and domains only a value of that shape
/// is a name: their id may be a number.
fn check_identity(call: &Call, record: &Record) -> Result<(), String> {
    let Some(asked) = &call.key else { return Ok(()) };
    let can_name = |text: &str| match call.operation.thing {
        "emailaddress" => text.contains('@'),
        "domain" => text.contains('.'),
        _ => true,
    };
    let asked_for = UserName::new(asked);
    let Some(other) = record.other_name(can_name, |text| UserName::new(text) == asked_for) else {
        return Ok(());
    };
    let noun = call.operation.noun();
    Err(format!("asked for {noun} {asked}, the server answered about {}", foreign(&other)))
}

/// The entries of a list. What is not understood is not an empty list.
fn list(root: &Element, outer: &str, inner: &str) -> Result<Vec<(String, Record)>, String> {
    let mut holders = root.children.iter().filter(|child| child.name == outer);
    let (holder, second) = (holders.next(), holders.next());
    if second.is_some() {
        return Err(format!("the server's answer has several lists of {outer} in it"));
    }
    let entries = entries(holder.unwrap_or(root), outer, inner)?;
    if holder.is_none() && entries.is_empty() && !says_nothing(root) {
        return Err(format!("the server's answer has no list of {outer} in it"));
    }
    Ok(entries)
}

fn entries(holder: &Element, outer: &str, inner: &str) -> Result<Vec<(String, Record)>, String> {
    let mut entries = Vec::new();
    let mut others = holder.children.iter().filter(|child| child.name != inner);
    for element in holder.children.iter().filter(|child| child.name == inner) {
        let record = Record(element.fields());
        // An empty element is an empty value: no entry at all.
        if !record.0.is_empty() {
            let id = record
                .list_id()
                .ok_or_else(|| format!("the server's list has an entry of type {inner} without a name"))?;
            entries.push((id.to_owned(), record));
        }
    }
    let is_unreadable = if entries.is_empty() {
        !holder.text.is_empty() || others.next().is_some()
    } else {
        others.any(|child| child.name == "error")
    };
    if is_unreadable {
        return Err(format!("the server's list of {inner} entries has something else in it"));
    }
    if entries.len() > most_of(inner) {
        return Err(format!("the server's list of {outer} has more than {} entries", most_of(inner)));
    }
    Ok(entries)
}

/// The longest list that is trusted.
fn most_of(inner: &str) -> usize {
    match inner {
        "package" | "emailaddress" => MOST_OF_A_USER,
        _ => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(operation: &str, status: u16, body: &str) -> Result<Reply, CallError> {
        said_of("jane", operation, status, body)
    }

    fn said_of(key: &str, operation: &str, status: u16, body: &str) -> Result<Reply, CallError> {
        let operation = Operation::named(operation).expect("an operation");
        let call = Call::new(operation, operation.key.map(|_| key), Vec::new());
        let answer = Answer { status, content_type: None, location: None, body: body.as_bytes().to_vec() };
        read(&call, Outcome::Answered(answer))
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
        assert_eq!(said("get_domain", 400, denied), Ok(Reply::NotShown));
        assert_eq!(said("get_email_address", 400, denied), Ok(Reply::NotShown));
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
        assert!(listed("get_packages", MOST_OF_A_USER).is_ok());
        for operation in ["get_packages", "assign_package"] {
            assert!(listed(operation, MOST_OF_A_USER + 1).expect_err("too many").doubt);
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
        for empty in [
            "",
            "<r/>",
            "<r status='OK' result='0'/>",
            "<r><users/></r>",
            "<r at='1'><page/><users/></r>",
            "<r><users><user/></users></r>",
        ] {
            assert!(names(empty).is_empty(), "{empty}");
        }
        for nameless in ["<user status='active'/>", "<user id='..'/>", "<user name='.' id='A'/>"] {
            assert!(said("get_users", 200, &format!("<r><users>{nameless}</users></r>")).is_err());
        }
    }

    #[test]
    fn what_is_not_understood_is_not_an_empty_list() {
        for body in [
            "<r status='fail'/>",
            "<r status='error'><users/></r>",
            "<r at='1'/>",
            "<r>none</r>",
            "<r><users>none</users></r>",
            "<r><user/></r>",
            "<r><users><User id='A'/></users></r>",
            "<r><Users/></r>",
            "<r><accounts/></r>",
            "<r><maintenance until='5'/></r>",
            "<r><body><error><code>x</code></error></body></r>",
            "<r><users><user id='A'/><error/></users></r>",
            "<r><users/><users><user id='A'/></users></r>",
            "<e:Envelope xmlns:e='urn:e'><e:Body><e:Fault/></e:Body></e:Envelope>",
        ] {
            assert!(said("get_users", 200, body).is_err(), "{body}");
        }
        assert_eq!(
            said("get_users", 200, "<error><code>x.y</code></error>").unwrap_err().code(),
            Some("x.y")
        );
        assert!(said("get_users", 200, "<error/>").is_err());
    }

    #[test]
    fn a_removal_succeeds_only_by_an_answer_that_says_nothing() {
        for body in ["", " ", "<r/>", "<r status='ok'/>", "<r result='TRUE'></r>"] {
            assert_eq!(said("purge_user", 200, body), Ok(Reply::Silent), "{body}");
        }
        for body in [
            "<r status='fail'/>",
            "<r x='1'/>",
            "<r><maintenance/></r>",
            "<r>no</r>",
            "<r><a><error/></a></r>",
        ] {
            assert!(said("purge_user", 200, body).unwrap_err().doubt, "{body}");
        }
        assert!(!said("purge_user", 200, "<error><code>x</code></error>").unwrap_err().doubt);
    }

    #[test]
    fn a_record_that_names_itself_names_what_was_asked_for() {
        for body in [
            "<r><user id='JANE'/></r>",
            "<r><user status='x'/></r>",
            "<r><user name='Jane Lee' id='jane'/></r>",
        ] {
            assert!(said("get_user", 200, body).is_ok(), "{body}");
        }
        for (operation, key, body) in [
            ("get_user", "jane", "<r><user id='JOHN'/></r>"),
            ("add_user", "jane", "<r><user name='john'/></r>"),
            ("get_user", "x/../jane", "<r><user id='JANE'/></r>"),
            ("get_user", "jane", "<r><user id='JANE'><id>JOHN</id></user></r>"),
            ("get_user", "jane", "<r><user id='JANE'/><user id='JOHN'/></r>"),
            ("get_account", "F1", "<r><account id='F2'/></r>"),
            ("get_email_address", "a@b.c", "<r><emailaddress id='x@b.c' user='A'/></r>"),
            ("get_domain", "b.c", "<r><domain name='d.e'/></r>"),
        ] {
            assert!(said_of(key, operation, 200, body).is_err(), "{body}");
        }
        let text = said("get_user", 200, "<r><user id='JOHN'/></r>").unwrap_err().text;
        assert_eq!(
            crate::foreign::resolved(&text, str::to_owned),
            "asked for user jane, the server answered about JOHN"
        );
        for (operation, key, body) in [
            ("get_email_address", "a@b.c", "<r><emailaddress id='17' user='A'/></r>"),
            ("get_email_address", "a@b.c", "<r><emailaddress id='17' name='A@B.C'/></r>"),
            ("get_domain", "b.c", "<r><domain id='17'/></r>"),
        ] {
            assert!(said_of(key, operation, 200, body).is_ok(), "{body}");
        }
    }
}
