//! The server as an export names it: where it is, how it is addressed, what proves that it is the one.

use super::trust::{Trust, TrustedFile};
use super::Endpoint;
use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use percent_encoding::{utf8_percent_encode, AsciiSet, NON_ALPHANUMERIC};
use rustls::pki_types::ServerName;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderValue, Uri};
use zeroize::Zeroizing;

/// Everything but what RFC 3986 calls unreserved: what is encoded stands for itself, wherever it stands.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub struct Server {
    /// Without the brackets of an IPv6 address: what is looked up, and what people are told.
    pub host: String,
    pub port: u16,
    /// `host:port`, for people.
    pub place: String,
    /// `https://host:port/api/v2`, without a port where it is the one of https.
    base: String,
    pub name: ServerName<'static>,
    pub authorization: HeaderValue,
    pub trust: Arc<Trust>,
    pub connect_limit: Duration,
    pub body_limit: u64,
}

impl Server {
    /// Reads what an endpoint says, and its `ca_file`. The error is a sentence for people.
    pub fn new(endpoint: &Endpoint) -> Result<Server, String> {
        let machine = endpoint.machine.trim();
        let inner = machine.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let host = inner.unwrap_or(machine).to_owned();
        let ip = host.parse::<IpAddr>().ok();
        let name = ServerName::try_from(host.clone())
            .ok()
            .filter(|_| inner.is_none() || host.parse::<Ipv6Addr>().is_ok())
            .ok_or_else(|| {
                format!(
                    "the export's Hostname or IP Address (machine) is no host name: {machine} (one with letters beyond ASCII is given in its xn-- form)"
                )
            })?;
        let written = if matches!(ip, Some(IpAddr::V6(_))) { format!("[{host}]") } else { host.clone() };
        let place = format!("{written}:{}", endpoint.port);
        let authority = if endpoint.port == 443 { &written } else { &place };
        Ok(Server {
            base: format!("https://{authority}/api/v2"),
            host,
            port: endpoint.port,
            place,
            name,
            authorization: authorization(endpoint)?,
            trust: Arc::new(trust(endpoint)?),
            connect_limit: endpoint.connect_limit,
            body_limit: endpoint.body_limit,
        })
    }

    /// The URL of a path below `/api/v2`; a segment stays one segment, whatever is in it.
    pub fn url(&self, path: &[String], query: Option<&str>) -> Result<Uri, String> {
        let mut url = self.base.clone();
        for segment in path {
            url.push('/');
            url.extend(utf8_percent_encode(segment, ENCODED));
        }
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            url.push('?');
            url.push_str(query);
        }
        Uri::try_from(url).map_err(|error| format!("the request makes no URL ({error})"))
    }
}

/// `name=value&name=value`, for a query and for the body of a form alike: a space is `%20` in both.
pub fn form<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Zeroizing<String> {
    // Long enough for all of it: a text that grows would leave copies of passwords behind.
    let longest = parameters.clone().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = Zeroizing::new(String::with_capacity(longest));
    for (name, value) in parameters {
        let separator = if form.is_empty() { "" } else { "&" };
        // Writing to a String cannot fail.
        let _ = write!(
            *form,
            "{separator}{}={}",
            utf8_percent_encode(name, ENCODED),
            utf8_percent_encode(value, ENCODED)
        );
    }
    form
}

/// Read in any case: a `ca_file` that is wrong is told even where `tls_insecure` does not need it.
fn trust(endpoint: &Endpoint) -> Result<Trust, String> {
    let file = endpoint.ca_file.as_deref().map(TrustedFile::read).transpose()?;
    Ok(match file {
        _ if endpoint.tls_insecure => Trust::Anything,
        Some(file) => Trust::File(file),
        None => Trust::System,
    })
}

fn authorization(endpoint: &Endpoint) -> Result<HeaderValue, String> {
    let pair = Zeroizing::new(format!("{}:{}", endpoint.client_id, endpoint.client_password.reveal()));
    let text = Zeroizing::new(format!("Basic {}", *Zeroizing::new(STANDARD.encode(&*pair))));
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| "the API client's id and password make no header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn url(machine: &str, port: u16) -> String {
        let server = Server::new(&Endpoint {
            machine: machine.to_owned(),
            port,
            client_id: String::new(),
            client_password: Secret::default(),
            ca_file: None,
            tls_insecure: false,
            connect_limit: Duration::ZERO,
            body_limit: 0,
        });
        server.unwrap().url(&["user".to_owned()], Some("a=b")).unwrap().to_string()
    }

    #[test]
    fn the_url_has_a_port_where_it_is_not_the_one_of_https() {
        assert_eq!(url("mail.example.net", 443), "https://mail.example.net/api/v2/user?a=b");
        assert_eq!(url(" mail.example.net ", 8443), "https://mail.example.net:8443/api/v2/user?a=b");
        assert_eq!(url("::1", 443), "https://[::1]/api/v2/user?a=b");
        assert_eq!(url("[2001:db8::1]", 8443), "https://[2001:db8::1]:8443/api/v2/user?a=b");
    }
}
