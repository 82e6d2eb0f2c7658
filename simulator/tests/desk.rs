//! A mail server without sockets, and short ways to ask it.

use magicmail_simulator::{Answer, ApiRequest, Credentials, MailServer, Method, Modes, State};
use serde_json::{json, Value};
use std::time::Duration;

pub struct Desk {
    pub server: MailServer,
    /// The clock.
    pub now: Duration,
}

/// The parameters that a request has besides `client_type`.
pub type Parameters<'a> = &'a [(&'a str, &'a str)];

pub fn client() -> Credentials {
    Credentials::new("freeside", "secret")
}

/// What a refusal with this code says.
pub fn code(text: &str) -> Result<String, String> {
    Err(text.to_owned())
}

impl Desk {
    pub fn new() -> Desk {
        Desk::with(&json!({}))
    }

    /// With these modes besides the defaults.
    pub fn with(modes: &Value) -> Desk {
        let modes = Modes::default().changed(modes).expect("modes");
        let state = State::with_domains(&["example.net"]);
        Desk { server: MailServer::new(client(), state, modes), now: Duration::ZERO }
    }

    pub fn answer(&mut self, method: &str, path: &str, parameters: Parameters<'_>) -> Answer {
        self.answer_to(method, path.split('/').map(str::to_owned).collect(), parameters)
    }

    /// A read of these segments, which may have slashes in them.
    pub fn answer_path(&mut self, path: Vec<String>) -> Answer {
        self.answer_to("GET", path, &[])
    }

    fn answer_to(&mut self, method: &str, path: Vec<String>, parameters: Parameters<'_>) -> Answer {
        let mut all = vec![("client_type".to_owned(), "FREESIDE".to_owned())];
        all.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request =
            ApiRequest { method: Method::of(method), path, parameters: all, credentials: Some(client()) };
        self.server.answer(self.now, &request)
    }

    fn said(&mut self, method: &str, path: &str, parameters: Parameters<'_>) -> Result<String, String> {
        let answer = self.answer(method, path, parameters);
        let body = String::from_utf8(answer.body).expect("UTF-8");
        let between = |start, end| body.split_once(start).and_then(|(_, rest)| rest.split_once(end));
        match (answer.status, between("<code>", "</code>")) {
            (_, Some((code, _))) => Err(code.to_owned()),
            (200, None) => Ok(body.split_once("?>\n").map_or("", |(_, rest)| rest).trim_end().to_owned()),
            (status, None) => Err(status.to_string()),
        }
    }

    /// The document after its first line, or the error's code, or the status of an answer that is neither.
    pub fn get(&mut self, path: &str, parameters: Parameters<'_>) -> Result<String, String> {
        self.said("GET", path, parameters)
    }

    pub fn post(&mut self, path: &str, parameters: Parameters<'_>) -> Result<String, String> {
        self.said("POST", path, parameters)
    }

    /// A post that must succeed.
    pub fn done(&mut self, path: &str, parameters: Parameters<'_>) {
        let said = self.post(path, parameters);
        assert!(said.is_ok(), "POST {path} {parameters:?}: {said:?}");
    }

    pub fn state(&self) -> Value {
        serde_json::to_value(self.server.state()).expect("a document")
    }

    /// An account with its master, an additional user, and an address on each.
    pub fn furnish(&mut self) {
        self.done("account/F1", &[("first_name", "Ann"), ("last_name", "Lee")]);
        self.done("user/ann", &[("account", "F1"), ("password", "pw")]);
        self.done("user/Bob", &[("account", "f1")]);
        self.done("emailaddress/ann@example.net", &[("user", "ann")]);
        self.done("emailaddress/bob@example.net", &[("user", "BOB")]);
    }
}
