//! One request to the API, as whoever carried it has taken it apart: nothing in it is percent-encoded any more.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Other(String),
}

impl Method {
    pub fn of(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => Method::Other(other.to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Other(name) => name,
        }
    }
}

/// The id and the password of an API client.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub id: String,
    pub password: String,
}

impl Credentials {
    pub fn new(id: &str, password: &str) -> Credentials {
        Credentials { id: id.to_owned(), password: password.to_owned() }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ***)", self.id)
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct ApiRequest {
    pub method: Method,
    /// The segments below `/api/v2`: `["user", "jane"]`.
    pub path: Vec<String>,
    /// Of the query and of the form body, in their order.
    pub parameters: Vec<(String, String)>,
    /// Of the Authorization header, where there was one to read.
    pub credentials: Option<Credentials>,
}

impl ApiRequest {
    /// `POST /user/jane action=purge`, without what every request has.
    pub fn describe(&self) -> String {
        let parameters = self.parameters.iter().filter(|(name, _)| name != "client_type");
        let parameters: Vec<String> = parameters.map(|(name, value)| format!(" {name}={value}")).collect();
        format!("{} /{}{}", self.method.as_str(), self.path.join("/"), parameters.concat())
    }
}
