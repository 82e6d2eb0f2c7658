//! What went wrong, in words for people: a clause that names the server, the reason, and the option that helps.

use super::chain::{Fault, RSA_BITS};
use super::line::Excess;
use super::resolve::Unresolved;
use super::server::Server;
use super::trust::Trust;
use crate::foreign::quoted;
use crate::wire::{Failure, FailureKind};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible, PeerMisbehaved};
use std::io::{self, ErrorKind};
use std::time::Duration;

fn failure(kind: FailureKind, text: String) -> Failure {
    Failure { kind, text }
}

/// `20 seconds`, `1 second`, `0.3 seconds`.
pub fn seconds(time: Duration) -> String {
    let tenths = time.as_millis().div_ceil(100);
    let fraction = if tenths % 10 == 0 { String::new() } else { format!(".{}", tenths % 10) };
    format!("{}{fraction} second{}", tenths / 10, if tenths == 10 { "" } else { "s" })
}

/// The system's reason, without its number.
pub fn of_io(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        ErrorKind::NetworkUnreachable => "the network is unreachable".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::TimedOut => "no reply".to_owned(),
        _ => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            text.strip_prefix("failed to lookup address information: ").unwrap_or(text).to_owned()
        }
    }
}

/// Neither this process nor this machine can open another file or connection.
pub fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// What keeps this machine from trying, whoever it is to reach; `what` is what it is wanted for.
pub fn of_own_limit(error: &io::Error, what: &str) -> Option<Failure> {
    let text = match error.raw_os_error()? {
        libc::EMFILE => format!(
            "this process has no file descriptor left {what}; raise its limit (ulimit -n), or restart it if it leaks them"
        ),
        libc::ENFILE => format!("this machine has no file descriptor left {what}; raise fs.file-max"),
        libc::ENOBUFS | libc::ENOMEM => format!("this machine has no memory left {what}"),
        _ => return None,
    };
    Some(failure(FailureKind::Local, text))
}

/// The server's name has no address.
pub fn of_look_up(why: &Unresolved, server: &Server, limit: Duration) -> Failure {
    let host = &server.host;
    let text = match why {
        Unresolved::Failed(error) => match of_own_limit(error, &format!("to look up {host}")) {
            Some(failure) => return failure,
            None => format!("the host name {host} has no address ({}); check the option machine", of_io(error)),
        },
        // Longer than this attempt lasted: an earlier one began it.
        Unresolved::Timeout(since) if *since > limit + Duration::from_secs(1) => format!(
            "the address of {host} is still being looked up, for {} by now; check this machine's name servers",
            seconds(Duration::from_secs(since.as_secs()))
        ),
        Unresolved::Timeout(_) => {
            format!(
                "the address of {host} could not be looked up within {}; check this machine's name servers",
                seconds(limit)
            )
        }
        Unresolved::NoThread(error) => {
            let text = format!(
                "no thread could be started to look up {host} ({}); raise the limit of processes (ulimit -u, or the service's TasksMax)",
                of_io(error)
            );
            return failure(FailureKind::Local, text);
        }
    };
    failure(FailureKind::Name, text)
}

/// No TCP connection could be made.
pub fn of_connecting(error: &io::Error, server: &Server, addresses: usize, limit: Duration) -> Failure {
    let place = &server.place;
    if let Some(failure) = of_own_limit(error, &format!("for a connection to {place}")) {
        return failure;
    }
    let text = match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            format!("no connection to {place} within {}; check the options machine and port", seconds(limit))
        }
        _ if addresses > 1 => {
            format!("nobody answers at {place} ({addresses} addresses tried, the last one: {})", of_io(error))
        }
        _ => format!("nobody answers at {place} ({})", of_io(error)),
    };
    failure(FailureKind::Connect, text)
}

/// TCP was there, TLS did not come about.
pub fn of_handshake(error: &io::Error, server: &Server, limit: Duration) -> Failure {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return of_tls(error, server);
    }
    let place = &server.place;
    match error.kind() {
        ErrorKind::TimedOut => failure(
            FailureKind::Connect,
            format!(
                "{place} takes connections, but began no TLS within {}; check the option port",
                seconds(limit)
            ),
        ),
        _ => failure(
            FailureKind::Closed,
            format!("{place} closed the connection before TLS was agreed on; perhaps it speaks no TLS: check the options machine and port"),
        ),
    }
}

pub fn of_tls(error: &Error, server: &Server) -> Failure {
    let place = &server.place;
    let text = match error {
        Error::InvalidCertificate(why) => of_certificate(why, server),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            format!("what answers at {place} does not speak TLS; check the options machine and port")
        }
        Error::AlertReceived(AlertDescription::ProtocolVersion) | Error::PeerIncompatible(_)
            if is_about_version(error) =>
        {
            format!(
                "{place} speaks no TLS newer than 1.1, and 1.2 is the oldest that is safe; bring the server up to date, or set machine and port to a proxy before it"
            )
        }
        // The last one: of a kind of key that TLS 1.2 has no name for.
        Error::AlertReceived(AlertDescription::HandshakeFailure)
        | Error::PeerIncompatible(_)
        | Error::PeerMisbehaved(PeerMisbehaved::SignedKxWithWrongAlgorithm) => {
            format!(
                "{place} has no TLS version, cipher and certificate that can be used: TLS 1.2 or 1.3 is needed, and a certificate whose key is RSA (not RSA-PSS), P-256, P-384 or Ed25519; bring the server up to date, or give it such a certificate"
            )
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            format!("{place} does not know the name {}; check the option machine", server.host)
        }
        other => format!("TLS with {place} failed ({})", plain(&other.to_string())),
    };
    failure(FailureKind::Certificate, text)
}

fn is_about_version(error: &Error) -> bool {
    matches!(
        error,
        Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                    | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                    | PeerIncompatible::Tls12NotOfferedOrEnabled
            )
    )
}

const INSECURE: &str = "the option tls_insecure goes on without verifying it";

/// What to do about a certificate that nobody trusted has signed.
fn advice(server: &Server) -> String {
    match &*server.trust {
        Trust::File(file) => format!(
            "put its CA's certificate, or its own, into {} (option ca_file)",
            file.path.display()
        ),
        _ => "set the option ca_file to its CA's certificate, or to its own (tls_insecure goes on without verifying it)"
            .to_owned(),
    }
}

fn of_certificate(why: &CertificateError, server: &Server) -> String {
    let host = &server.host;
    if let Some(fault) = Fault::of(why) {
        return of_fault(fault, server);
    }
    match why {
        // The second one: by a CA of the same name as a trusted one, say one that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("the certificate of {host} is not signed by {}; {}", trusted(server), advice(server))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "the certificate of {host} is {}; set the option machine to a name that it has, or ca_file to this very certificate",
                names(why)
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => format!(
            "the certificate of {host} has expired{}; renew it there, and check this machine's clock (the option tls_insecure goes on without verifying it)",
            days(why)
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => format!(
            "the certificate of {host} is not valid yet{}; check the clocks of both machines (the option tls_insecure goes on without verifying it)",
            days(why)
        ),
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: algorithm, .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id: algorithm,
            ..
        } => format!(
            "the certificate of {host}, or one of its CAs, is signed {}; have it issued anew, signed with SHA-256 and an RSA, P-256 or P-384 key ({INSECURE})",
            how_signed(algorithm)
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => format!(
            "the certificate of {host} is not one for servers (its extended key usage lacks serverAuth); have it issued anew, or set the option ca_file to this very certificate"
        ),
        CertificateError::Other(other) => of_odd_certificate(&other.0.to_string(), server),
        other => of_odd_certificate(&other.to_string(), server),
    }
}

/// What the verifier has no error of its own for; it is known by the name it gives.
fn of_odd_certificate(name: &str, server: &Server) -> String {
    let host = &server.host;
    if name.contains("UnsupportedCertVersion") {
        return format!(
            "the certificate of {host} is of the old form X.509 v1, which cannot be verified, not by ca_file either; give the server one of version 3 (the option tls_insecure goes on without verifying it)"
        );
    }
    if name.contains("CaUsedAsEndEntity") {
        return format!(
            "the certificate of {host} is marked as a CA's, so it counts only where it is known; set the option ca_file to this very certificate"
        );
    }
    format!("the certificate of {host} does not verify ({}); {}", plain(name), advice(server))
}

/// `BadEncoding` and what may follow it, as words: `bad encoding`.
fn plain(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut was_lower = false;
    for c in text.chars().take_while(|c| !matches!(c, '{' | '(' | '[')) {
        if c.is_ascii_uppercase() && was_lower {
            words.push(' ');
        }
        was_lower = c.is_ascii_lowercase();
        words.push(c.to_ascii_lowercase());
    }
    words.trim_end().to_owned()
}

/// With what a certificate is signed that cannot be verified: `algorithm` begins with its object identifier.
fn how_signed(algorithm: &[u8]) -> String {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    // Behind its tag and length.
    let rest = |start| algorithm.get(2..).and_then(|identifier| identifier.strip_prefix(start));
    let weak = |hash: &str| format!("with {hash}, which is not safe any more");
    match (rest(RSA), rest(ECDSA)) {
        (Some([4, ..]), _) => weak("MD5"),
        (Some([5, ..]), _) | (_, Some([1, ..])) => weak("SHA-1"),
        (Some([10, ..]), _) => "with RSA-PSS of an unusual form".to_owned(),
        (Some(_), _) => "with RSA in a way that cannot be verified".to_owned(),
        (_, Some(_)) => "by a key on a curve that cannot be used, such as P-521".to_owned(),
        _ => "in a way that cannot be verified".to_owned(),
    }
}

fn of_fault(fault: &Fault, server: &Server) -> String {
    let host = &server.host;
    let bits = |bits: &usize| {
        format!("has an RSA key of {bits} bits, and {} to {} are needed", RSA_BITS.start(), RSA_BITS.end())
    };
    let name = |name: &str| quoted(name, 60);
    let start = format!("the certificate of {host} is not signed by {}", trusted(server));
    match fault {
        Fault::Key(size) => {
            format!("the certificate of {host} {}; have it issued anew with such a key ({INSECURE})", bits(size))
        }
        Fault::IssuerKey(ca, size) => format!(
            "the certificate of {host} is signed by a CA ({}) that {}; have both made anew with such keys ({INSECURE})",
            name(ca),
            bits(size)
        ),
        Fault::SelfSigned => format!("{start}, but by itself; {}", advice(server)),
        Fault::Root(ca) => format!("{start}, but by {}; {}", name(ca), advice(server)),
        Fault::Gap(ca) => format!(
            "{start}, but by {}, whose own certificate the server does not send; if that is an intermediate CA, let the server send its whole chain, else {}",
            name(ca),
            advice(server)
        ),
    }
}

fn trusted(server: &Server) -> String {
    match &*server.trust {
        Trust::File(file) => format!("the CA in {}, nor is it in that file", file.path.display()),
        _ => "a CA that this machine trusts".to_owned(),
    }
}

/// `for a.example, b.example, not for c.example`.
fn names(why: &CertificateError) -> String {
    let CertificateError::NotValidForNameContext { expected, presented } = why else {
        return "for another name".to_owned();
    };
    let expected = expected.to_str();
    // The verifier gives them as `DnsName("a.example")`.
    let bare = |text: &String| {
        let inner = text.split_once('(').map_or(&**text, |(_, rest)| rest.trim_end_matches(')'));
        inner.trim_matches('"').to_owned()
    };
    let mut listed: Vec<String> = presented.iter().take(4).map(bare).collect();
    if presented.len() > listed.len() {
        listed.push("others".to_owned());
    }
    match listed.is_empty() {
        true => format!("for no host at all (it has no subject alternative name), so not for {expected}"),
        false => format!("for {}, not for {expected}", listed.join(", ")),
    }
}

/// ` (12 days ago)`, ` (for 2 more days)`.
fn days(why: &CertificateError) -> String {
    let between = |earlier: &UnixTime, later: &UnixTime| {
        let days = later.as_secs().saturating_sub(earlier.as_secs()) / 86_400;
        format!("{days} day{}", if days == 1 { "" } else { "s" })
    };
    match why {
        CertificateError::ExpiredContext { time, not_after } => {
            format!(" ({} ago)", between(not_after, time))
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            format!(" (for {} more)", between(time, not_before))
        }
        _ => String::new(),
    }
}

/// The request went out on a connection, or was about to, and no whole answer came.
pub fn of_exchange(error: &ureq::Error, server: &Server, heard: bool, within: Duration) -> Failure {
    let host = &server.host;
    match error {
        ureq::Error::Timeout(_) => no_answer(server, within),
        ureq::Error::Io(io) if is_close(io.kind()) => {
            let when = if heard { "in the middle of its answer" } else { "before it answered" };
            failure(FailureKind::Closed, format!("{host} closed the connection {when}"))
        }
        ureq::Error::Io(io) if io.get_ref().is_some_and(|inner| inner.is::<Error>()) => {
            failure(FailureKind::Protocol, format!("the TLS connection to {host} broke ({io})"))
        }
        ureq::Error::Io(io) => match io.get_ref().and_then(|inner| inner.downcast_ref::<Excess>()) {
            Some(Excess::Line) => {
                failure(FailureKind::Protocol, format!("the answer of {host} has a line that is too long"))
            }
            Some(Excess::Answer) => {
                failure(FailureKind::Protocol, format!("the answer of {host} has no end"))
            }
            None => failure(FailureKind::Closed, format!("the connection to {host} broke ({})", of_io(io))),
        },
        ureq::Error::BodyExceedsLimit(limit) => failure(
            FailureKind::Protocol,
            format!("the answer of {host} is longer than {} MB", limit / (1024 * 1024)),
        ),
        ureq::Error::LargeResponseHeader(..) => {
            failure(FailureKind::Protocol, format!("the answer of {host} has a head that is too long"))
        }
        ureq::Error::Protocol(why) => {
            failure(FailureKind::Protocol, format!("the answer of {host} is no HTTP ({why})"))
        }
        other => failure(FailureKind::Protocol, format!("the exchange with {host} failed ({other})")),
    }
}

pub fn no_answer(server: &Server, within: Duration) -> Failure {
    failure(FailureKind::Timeout, format!("{} did not answer within {}", server.host, seconds(within)))
}

/// This library is to blame.
pub fn defect(server: &Server) -> Failure {
    failure(
        FailureKind::Protocol,
        format!("the exchange with {} broke off by an internal error", server.host),
    )
}

/// Nothing was tried.
pub fn no_time(server: &Server) -> Failure {
    failure(FailureKind::Timeout, format!("there was no time left to ask {}", server.host))
}

/// The peer is gone, in one of the system's ways to say so.
fn is_close(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let endpoint = crate::http::Endpoint {
            machine: "mail.example.net".to_owned(),
            port: 443,
            client_id: String::new(),
            client_password: crate::secret::Secret::default(),
            ca_file: None,
            tls_insecure: false,
            connect_limit: Duration::ZERO,
            body_limit: 0,
        };
        Server::new(&endpoint).unwrap()
    }

    #[test]
    fn what_this_machine_lacks_is_not_told_of_the_server() {
        let server = server();
        let limit = Duration::from_secs(5);
        let error = |number| io::Error::from_raw_os_error(number);
        for (why, told) in [
            (Unresolved::NoThread(error(libc::EAGAIN)), "no thread could be started to look up"),
            (
                Unresolved::Failed(error(libc::EMFILE).into()),
                "this process has no file descriptor left to look up",
            ),
            (Unresolved::Timeout(limit), "could not be looked up within 5 seconds"),
            (Unresolved::Timeout(limit * 5), "is still being looked up, for 25 seconds by now"),
        ] {
            let text = of_look_up(&why, &server, limit).text;
            assert!(text.contains(told) && text.contains("mail.example.net"), "{text}");
        }
        let Failure { kind, text } = of_connecting(&error(libc::ENFILE), &server, 2, limit);
        assert_eq!(kind, FailureKind::Local);
        assert!(text.starts_with("this machine has no file descriptor left for a connection to"), "{text}");
    }

    #[test]
    fn no_reason_is_shown_as_a_program_writes_it() {
        let other = CertificateError::Other(rustls::OtherError(std::sync::Arc::new(io::Error::other(
            "PathLenConstraintViolated { limit: [1, 2] }",
        ))));
        let algorithm = |identifier: &[u8]| CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: identifier.to_vec(),
            supported_algorithms: rustls::crypto::ring::default_provider()
                .signature_verification_algorithms
                .all
                .iter()
                .map(|one| one.signature_alg_id())
                .collect(),
        };
        let mut errors: Vec<Error> = [
            (CertificateError::BadEncoding, "does not verify (bad encoding)"),
            (CertificateError::Revoked, "does not verify (revoked)"),
            (CertificateError::UnhandledCriticalExtension, "does not verify (unhandled critical extension)"),
            (CertificateError::ApplicationVerificationFailure, "does not verify (application verification"),
            (other, "does not verify (path len constraint violated)"),
            (algorithm(&[]), "is signed in a way that cannot be verified"),
            (algorithm(&[6, 3, 42, 3, 4]), "is signed in a way that cannot be verified"),
            (
                algorithm(&[6, 9, 42, 134, 72, 134, 247, 13, 1, 1, 4, 5, 0]),
                "is signed with MD5, which is not safe any more",
            ),
        ]
        .map(|(why, says)| {
            let text = of_tls(&Error::InvalidCertificate(why.clone()), &server()).text;
            assert!(text.contains(says), "{says}: {text}");
            Error::InvalidCertificate(why)
        })
        .into();
        errors.extend([
            Error::AlertReceived(AlertDescription::DecryptError),
            Error::PeerMisbehaved(PeerMisbehaved::TooManyEmptyFragments),
            Error::DecryptError,
        ]);
        for error in errors {
            let text = of_tls(&error, &server()).text;
            let is_camel =
                |word: &str| word.chars().skip(1).any(|c| c.is_ascii_uppercase()) && !word.contains('-');
            let odd: Vec<&str> = text
                .split(|c: char| !c.is_alphanumeric() && c != '-')
                .filter(|word| is_camel(word) && !["TLS", "CA", "CAs", "RSA", "MD5"].contains(word))
                .collect();
            assert!(odd.is_empty() && !text.contains(['{', '[']) && !text.contains("::"), "{odd:?}: {text}");
        }
    }

    #[test]
    fn a_time_is_told_in_seconds_rounded_up_to_a_tenth() {
        let told = |millis| seconds(Duration::from_millis(millis));
        assert_eq!(
            [20_000, 19_999, 1_000, 1_100, 1_101, 300, 1].map(told),
            [
                "20 seconds",
                "20 seconds",
                "1 second",
                "1.1 seconds",
                "1.2 seconds",
                "0.3 seconds",
                "0.1 seconds"
            ]
        );
    }
}
