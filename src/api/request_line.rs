//! A request as a debug log shows it. Its path and the names of its parameters are our own words and stay as they
//! are, whatever the passwords are; values are the caller's, and marked as such.

use super::operations::{Operation, OPERATIONS};
use crate::foreign::foreign;
use crate::log::Redactor;
use crate::wire::{Request, Value};

/// `POST /user/jane client_type=FREESIDE action=update`; to be resolved before it is shown.
pub fn request_line(request: &Request, redactor: &Redactor) -> String {
    let mut line = format!("{} /{}", request.method.as_str(), described_path(&request.path, redactor));
    for (name, value) in &request.parameters {
        let shown = match value {
            Value::Plain(text) if is_fixed(name, text) => text.clone(),
            Value::Plain(text) => foreign(text),
            Value::Secret(secret) => secret.to_string(),
        };
        line.push_str(&format!(" {}={shown}", ours_if(is_parameter(name), name)));
    }
    line
}

/// A thing of the API and its name; any other path came from the caller.
/// To be resolved before it is shown.
pub fn described_path(segments: &[String], redactor: &Redactor) -> String {
    let is_thing = |segment: &str| OPERATIONS.iter().any(|operation| operation.thing == segment);
    match segments {
        [thing] if is_thing(thing) => thing.clone(),
        [thing, name] if is_thing(thing) => format!("{thing}/{}", redactor.name(name)),
        segments => {
            let shown: Vec<String> =
                segments.iter().map(|segment| ours_if(is_thing(segment), segment)).collect();
            shown.join("/")
        }
    }
}

fn ours_if(it_is: bool, text: &str) -> String {
    if it_is {
        text.to_owned()
    } else {
        foreign(text)
    }
}

fn is_parameter(name: &str) -> bool {
    let has =
        |operation: &Operation| operation.takes(name) || operation.fixed.iter().any(|fixed| fixed.0 == name);
    name == "client_type" || OPERATIONS.iter().any(has)
}

/// A value that no caller chose.
fn is_fixed(name: &str, value: &str) -> bool {
    (name, value) == ("client_type", "FREESIDE")
        || OPERATIONS.iter().any(|operation| operation.fixed.contains(&(name, value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, MASK};
    use crate::wire::Method;

    fn line(password: &str, path: &[&str], parameters: &[(&str, &str)]) -> String {
        let redactor = Redactor::new("freeside", &Secret::new(password));
        let parameter =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Value::Plain((*value).to_owned()));
        let request = Request {
            method: Method::Post,
            path: path.iter().map(|segment| (*segment).to_owned()).collect(),
            parameters: parameters.iter().map(parameter).collect(),
            body_limit: None,
        };
        redactor.resolve(&request_line(&request, &redactor))
    }

    #[test]
    fn a_password_that_is_one_of_our_words_masks_none_of_them() {
        let parameters = [("client_type", "FREESIDE"), ("status", "active"), ("account", "A1")];
        for password in ["user", "jane", "account", "freeside", "status", "active"] {
            assert_eq!(
                line(password, &["user", "jane"], &parameters),
                "POST /user/jane client_type=FREESIDE status=active account=A1"
            );
        }
    }

    #[test]
    fn what_a_caller_put_in_the_wrong_place_is_masked() {
        let secret = "k3y-0f-the-c1ient";
        assert_eq!(
            line(secret, &["user", secret], &[("memo", secret)]),
            format!("POST /user/{MASK} memo={MASK}")
        );
        assert_eq!(
            line(secret, &["x", secret, "user"], &[(secret, "")]),
            format!("POST /x/{MASK}/user {MASK}=")
        );
    }
}
