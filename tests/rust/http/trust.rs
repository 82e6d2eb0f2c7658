//! Whom the client believes, and what it says to those whom it does not.

use super::alone::alone;
use super::certificates::{by_ca, local, names, self_signed, server, Identity, Trusted};
use super::*;
use magicmail::wire::FailureKind;
use rcgen::{date_time_ymd, BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use std::io::{Read, Write};
use std::sync::Arc;

fn ca_true(mut params: CertificateParams) -> CertificateParams {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2019, 1, 1);
    params.not_after = date_time_ymd(2020, 1, 1);
    params
}

fn not_yet(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2200, 1, 1);
    params.not_after = date_time_ymd(2201, 1, 1);
    params
}

/// Asks a server that shows `identity`, trusting `trusted`, by the name `machine`.
fn asked(identity: &Identity, trusted: Option<&Trusted>, machine: &str) -> Asked {
    let peer = Peer::tls(identity.server(), |mut line| line.answer_all("<response/>"));
    ask(&peer, trusted, machine, false)
}

fn ask(peer: &Peer, trusted: Option<&Trusted>, machine: &str, tls_insecure: bool) -> Asked {
    let https = Https::new(Endpoint {
        machine: machine.to_owned(),
        tls_insecure,
        connect_limit: Duration::from_secs(2),
        ..endpoint(peer, trusted)
    })
    .unwrap();
    let outcome = one(&https, &post(&["user", "jane"], &[]), LIMIT);
    Asked { outcome, requests: peer.seen().len() }
}

struct Asked {
    outcome: Outcome,
    requests: usize,
}

impl Asked {
    #[track_caller]
    fn expect_answer(self) {
        answered(self.outcome);
        assert_eq!(self.requests, 1);
    }

    /// Nothing but the handshake was sent.
    #[track_caller]
    fn expect_refusal(self, words: &[&str]) {
        let failure = not_sent(self.outcome);
        assert_eq!(failure.kind, FailureKind::Certificate, "{}", failure.text);
        for word in words {
            assert!(failure.text.contains(word), "no {word:?} in: {}", failure.text);
        }
        assert_eq!(self.requests, 0);
    }
}

#[test]
fn a_server_whose_ca_is_in_ca_file_is_believed_by_name_and_by_address() {
    let identity = by_ca(&local());
    for machine in ["localhost", "LOCALHOST", "127.0.0.1"] {
        asked(&identity, Some(&identity.trusted()), machine).expect_answer();
    }
}

#[test]
fn a_self_signed_server_is_believed_where_its_certificate_is_in_ca_file() {
    for identity in [self_signed(local()), self_signed(ca_true(local()))] {
        for machine in ["localhost", "127.0.0.1"] {
            asked(&identity, Some(&identity.trusted()), machine).expect_answer();
        }
    }
}

#[test]
fn a_certificate_without_or_with_other_names_is_believed_where_it_is_in_ca_file() {
    for params in [names(&[]), names(&["mail.example.net"]), ca_true(names(&[]))] {
        let identity = self_signed(params);
        asked(&identity, Some(&identity.trusted()), "127.0.0.1").expect_answer();
    }
    // Signed by a CA that nobody knows, but known itself.
    let leaf = by_ca(&names(&["mail.example.net"]));
    let pem = pem_of(&leaf.chain[0]);
    asked(&leaf, Some(&Trusted::write(pem)), "localhost").expect_answer();
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

#[test]
fn one_of_several_certificates_in_ca_file_suffices() {
    let (first, second) = (by_ca(&local()), self_signed(ca_true(local())));
    let both = Trusted::write(format!("# ours\n{}\n{}", first.trusted, second.trusted));
    asked(&first, Some(&both), "localhost").expect_answer();
    asked(&second, Some(&both), "localhost").expect_answer();
}

#[test]
fn an_unknown_issuer_is_refused_and_ca_file_named() {
    let other = by_ca(&local()).trusted();
    for identity in [by_ca(&local()), self_signed(local())] {
        let path = other.path().display().to_string();
        let words = ["the certificate of localhost is not signed by the CA in", &path, "option ca_file"];
        asked(&identity, Some(&other), "localhost").expect_refusal(&words);
    }
    // The same names and the same issuer's name do not make the same certificate.
    let (shown, known) = (self_signed(ca_true(local())), self_signed(ca_true(local())));
    asked(&shown, Some(&known.trusted()), "localhost").expect_refusal(&["localhost is marked as a CA's"]);
}

#[test]
fn without_ca_file_the_systems_cas_count() {
    asked(&by_ca(&local()), None, "localhost").expect_refusal(&[
        "not signed by a CA that this machine trusts",
        "ca_file",
        "tls_insecure",
    ]);
    asked(&self_signed(ca_true(local())), None, "localhost").expect_refusal(&["marked as a CA's", "ca_file"]);
}

#[test]
fn a_wrong_name_is_refused_and_the_right_ones_are_told() {
    let identity =
        by_ca(&names(&["mail.example.net", "*.example.org", "c.example", "d.example", "e.example"]));
    let trusted = identity.trusted();
    asked(&identity, Some(&trusted), "localhost").expect_refusal(&[
        "the certificate of localhost is for mail.example.net, *.example.org, c.example, d.example, others, not for localhost;",
        "option machine",
        "ca_file",
    ]);
    asked(&identity, Some(&trusted), "127.0.0.1").expect_refusal(&["not for 127.0.0.1"]);
    let nameless = by_ca(&names(&[]));
    asked(&nameless, Some(&nameless.trusted()), "localhost")
        .expect_refusal(&["for no host at all", "machine"]);
}

#[test]
fn an_expired_certificate_is_refused_even_where_it_is_in_ca_file() {
    for identity in [
        by_ca(&expired(local())),
        self_signed(expired(local())),
        self_signed(ca_true(expired(local()))),
        self_signed(ca_true(expired(names(&[])))),
    ] {
        let words = ["the certificate of localhost has expired (", " days ago)", "tls_insecure", "clock"];
        asked(&identity, Some(&identity.trusted()), "localhost").expect_refusal(&words);
    }
}

#[test]
fn a_certificate_of_the_future_is_refused() {
    for identity in [by_ca(&not_yet(local())), self_signed(ca_true(not_yet(local())))] {
        let words = ["the certificate of localhost is not valid yet (for ", " more)", "tls_insecure"];
        asked(&identity, Some(&identity.trusted()), "localhost").expect_refusal(&words);
    }
}

/// Shows a certificate without looking at it.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// `openssl x509 -req` without extensions makes such a certificate; rcgen cannot. The key is worth nothing.
const VERSION_1: &str = include_str!("version1.pem");

fn version_1() -> Peer {
    let certificate = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
    let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
    let shows = Shows(Arc::new(CertifiedKey::new(vec![certificate], key)));
    let config = server(rustls::ALL_VERSIONS).with_cert_resolver(Arc::new(shows));
    Peer::tls(config, |mut line| line.answer_all(""))
}

#[test]
fn a_certificate_of_x509_version_1_is_refused_clearly() {
    let peer = version_1();
    for trusted in [Some(Trusted::write(VERSION_1)), None] {
        ask(&peer, trusted.as_ref(), "localhost", false)
            .expect_refusal(&["localhost is of the old form X.509 v1", "tls_insecure"]);
    }
    ask(&peer, None, "localhost", true).expect_answer();
}

/// A key of a kind that servers have and this library does not: it signs when such a signature was asked for, and
/// what it signs is worth nothing.
#[derive(Clone, Copy, Debug)]
struct Pretends(SignatureScheme);

impl SigningKey for Pretends {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.0).then(|| Box::new(*self) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Pretends {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![0; 64])
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

/// A server that shows the first certificate of `pem`, and its CA's, the second one, to be trusted. Made with
/// `openssl genpkey`, `req -x509` and `x509 -req -days 36500`; their keys are nowhere.
fn shows(pem: &str, scheme: SignatureScheme) -> (Peer, Trusted) {
    let all: Vec<CertificateDer> =
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    let [leaf, ca] = &all[..] else { panic!("{} certificates", all.len()) };
    let key = CertifiedKey::new(vec![leaf.clone()], Arc::new(Pretends(scheme)));
    let config = server(&[&rustls::version::TLS13]).with_cert_resolver(Arc::new(Shows(Arc::new(key))));
    (Peer::tls(config, |mut line| line.answer_all("")), Trusted::write(pem_of(ca)))
}

const INSECURE: &str = "(the option tls_insecure goes on without verifying it)";

#[test]
fn a_key_or_signature_that_cannot_be_verified_is_named_in_one_sentence() {
    let p256 = SignatureScheme::ECDSA_NISTP256_SHA256;
    for (pem, scheme, says) in [
        (
            include_str!("certificates/rsa1024.pem"),
            SignatureScheme::RSA_PSS_SHA256,
            "the certificate of localhost has an RSA key of 1024 bits, and 2048 to 8192 are needed; have it issued anew with such a key",
        ),
        (
            include_str!("certificates/by_rsa1024.pem"),
            p256,
            "the certificate of localhost is signed by a CA (\u{2}the weak CA\u{3}) that has an RSA key of 1024 bits, and 2048 to 8192 are needed; have both made anew with such keys",
        ),
        (
            include_str!("certificates/by_sha1.pem"),
            p256,
            "the certificate of localhost, or one of its CAs, is signed with SHA-1, which is not safe any more; have it issued anew, signed with SHA-256 and an RSA, P-256 or P-384 key",
        ),
        (
            include_str!("certificates/by_pss.pem"),
            p256,
            "the certificate of localhost, or one of its CAs, is signed with RSA-PSS of an unusual form; have it issued anew, signed with SHA-256 and an RSA, P-256 or P-384 key",
        ),
        (
            include_str!("certificates/by_p521.pem"),
            p256,
            "the certificate of localhost, or one of its CAs, is signed by a key on a curve that cannot be used, such as P-521; have it issued anew, signed with SHA-256 and an RSA, P-256 or P-384 key",
        ),
    ] {
        let (peer, ca) = shows(pem, scheme);
        let asked = ask(&peer, Some(&ca), "localhost", false);
        let text = not_sent(asked.outcome).text;
        assert_eq!(text, format!("{says} {INSECURE}"));
        ask(&peer, None, "localhost", true).expect_answer();
    }
}

#[test]
fn a_server_whose_key_is_of_a_kind_that_is_not_known_here_is_refused_clearly() {
    for scheme in [SignatureScheme::ECDSA_NISTP521_SHA512, SignatureScheme::Unknown(0x0809)] {
        let (peer, ca) = shows(include_str!("certificates/p521.pem"), scheme);
        ask(&peer, Some(&ca), "localhost", false).expect_refusal(&[
            "has no TLS version, cipher and certificate that can be used",
            "a certificate whose key is RSA (not RSA-PSS), P-256, P-384 or Ed25519",
            "give it such a certificate",
        ]);
        ask(&peer, None, "localhost", true).expect_answer();
    }
}

#[test]
fn an_intermediate_ca_that_the_server_does_not_send_is_named() {
    let ca = |name: &str| {
        let mut params = ca_true(CertificateParams::new(Vec::new()).unwrap());
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params
    };
    let key = || rcgen::KeyPair::generate().unwrap();
    let root = CertifiedIssuer::self_signed(ca("the root"), key()).unwrap();
    let between = CertifiedIssuer::signed_by(ca("the intermediate"), key(), &root).unwrap();
    let own_key = key();
    let own = local().signed_by(&own_key, &between).unwrap();
    let chain = |more: &[&rcgen::Certificate]| Identity {
        chain: std::iter::once(&own).chain(more.iter().copied()).map(|one| one.der().clone()).collect(),
        key: PrivateKeyDer::try_from(own_key.serialize_der()).unwrap(),
        trusted: root.pem(),
    };
    let trusted = Trusted::write(root.pem());
    asked(&chain(&[between.as_ref()]), Some(&trusted), "localhost").expect_answer();
    asked(&chain(&[]), Some(&Trusted::write(between.pem())), "localhost").expect_answer();
    asked(&chain(&[]), Some(&trusted), "localhost").expect_refusal(&[
        "is not signed by the CA in",
        "but by \u{2}the intermediate\u{3}, whose own certificate the server does not send",
        "let the server send its whole chain, else put its CA's certificate",
    ]);
    asked(&chain(&[]), None, "localhost").expect_refusal(&[
        "is not signed by a CA that this machine trusts, but by \u{2}the intermediate\u{3}, whose own",
        "else set the option ca_file",
    ]);
    asked(&chain(&[between.as_ref()]), None, "localhost")
        .expect_refusal(&["but by \u{2}the root\u{3}, whose own"]);
    asked(&chain(&[between.as_ref(), root.as_ref()]), None, "localhost").expect_refusal(&[
        "not signed by a CA that this machine trusts, but by \u{2}the root\u{3}; set the option ca_file",
    ]);
    asked(&self_signed(local()), None, "localhost")
        .expect_refusal(&["trusts, but by itself; set the option"]);
}

#[test]
fn a_ca_of_the_same_name_with_a_key_of_another_kind_is_another_ca() {
    let mut ca = ca_true(CertificateParams::new(Vec::new()).unwrap());
    ca.distinguished_name.push(rcgen::DnType::CommonName, "the CA");
    let ca = CertifiedIssuer::self_signed(ca, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let identity = Identity {
        chain: vec![local().signed_by(&key, &ca).unwrap().der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        trusted: ca.pem(),
    };
    // Its key is for RSA.
    let namesake = include_str!("certificates/by_sha1.pem").rsplit_once("-----BEGIN").unwrap().1;
    asked(&identity, Some(&Trusted::write(format!("-----BEGIN{namesake}"))), "localhost")
        .expect_refusal(&["is not signed by the CA in", "nor is it in that file; put its CA's certificate"]);
}

#[test]
fn a_certificate_that_is_not_for_servers_is_refused_and_its_use_named() {
    let mut params = local();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let identity = by_ca(&params);
    asked(&identity, Some(&identity.trusted()), "localhost")
        .expect_refusal(&["is not one for servers (its extended key usage lacks serverAuth)"]);
}

#[test]
fn tls_insecure_believes_whoever_answers() {
    for identity in [by_ca(&expired(names(&["elsewhere.example"]))), self_signed(ca_true(local()))] {
        for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
            let config =
                server(versions).with_single_cert(identity.chain.clone(), identity.key.clone_key()).unwrap();
            let peer = Peer::tls(config, |mut line| line.answer_all(""));
            ask(&peer, None, "localhost", true).expect_answer();
            answered(ask(&peer, Some(&by_ca(&local()).trusted()), "127.0.0.1", true).outcome);
        }
    }
}

#[test]
fn tls_1_2_and_1_3_are_spoken() {
    let identity = by_ca(&local());
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let config =
            server(versions).with_single_cert(identity.chain.clone(), identity.key.clone_key()).unwrap();
        let peer = Peer::tls(config, |mut line| line.answer_all(""));
        ask(&peer, Some(&identity.trusted()), "localhost", false).expect_answer();
    }
}

/// A server that answers the client's greeting with `bytes`.
fn greets(bytes: &'static [u8]) -> Peer {
    Peer::plain(move |mut stream| {
        let mut hello = [0; 4_096];
        let _ = stream.read(&mut hello);
        let _ = stream.write_all(bytes);
        let _ = stream.read(&mut hello);
    })
}

#[test]
fn a_server_that_speaks_only_an_old_tls_is_refused() {
    let alert_protocol_version = b"\x15\x03\x02\x00\x02\x02\x46";
    // A ServerHello that chooses TLS 1.1.
    let hello_1_1 =
        b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x020123456789abcdef0123456789abcdef\x00\x00\x2f\x00";
    for bytes in [&alert_protocol_version[..], &hello_1_1[..]] {
        ask(&greets(bytes), None, "localhost", false).expect_refusal(&[
            "speaks no TLS newer than 1.1",
            "bring the server up to date",
            "machine and port",
        ]);
    }
    let alert_handshake_failure = b"\x15\x03\x03\x00\x02\x02\x28";
    ask(&greets(alert_handshake_failure), None, "localhost", true)
        .expect_refusal(&["no TLS version, cipher and certificate that can be used"]);
}

#[test]
fn what_speaks_no_tls_is_refused_and_machine_and_port_are_named() {
    for greeting in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"220 mail.example.net ESMTP\r\n",
        b"* OK IMAP4rev1\r\n",
    ] {
        for insecure in [false, true] {
            let peer = greets(greeting);
            let place = format!("what answers at localhost:{} does not speak TLS", peer.port());
            ask(&peer, None, "localhost", insecure).expect_refusal(&[&place, "machine and port"]);
        }
    }
}

#[test]
fn a_ca_file_that_cannot_be_used_is_told_before_any_request() {
    let peer = Peer::plain(drop);
    let cut = by_ca(&local()).trusted.replace("-----END CERTIFICATE-----", "");
    let key = VERSION_1.split_once("-----BEGIN PRIVATE").unwrap().1;
    let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (content, why) in [
        ("", "has no certificate in PEM form"),
        ("hello", "has no certificate in PEM form"),
        (&*format!("-----BEGIN PRIVATE{key}"), "has no certificate in PEM form"),
        (&*cut, "is not well-formed PEM"),
        (no_certificate, "has no X.509 certificate that can be read"),
    ] {
        let file = Trusted::write(content);
        for tls_insecure in [false, true] {
            let error = Https::new(Endpoint { tls_insecure, ..endpoint(&peer, Some(&file)) }).err().unwrap();
            let start = format!("the option ca_file cannot be used: {} {why}", file.path().display());
            assert!(error.starts_with(&start), "{error}");
        }
    }
    for (path, why) in [
        ("/nonexistent/ca.pem", "cannot be read: there is no such file"),
        ("/", "is not a file"),
        ("/dev/zero", "is not a file"),
    ] {
        let endpoint = Endpoint { ca_file: Some(path.into()), ..endpoint(&peer, None) };
        assert_eq!(
            Https::new(endpoint).err().unwrap(),
            format!("the option ca_file cannot be used: {path} {why}")
        );
    }
    assert_eq!(peer.accepted(), 0);
}

#[test]
fn the_systems_cas_are_those_that_ssl_cert_file_and_dir_name() {
    let file = Trusted::write("");
    let variables = [("SSL_CERT_FILE", file.path().as_os_str()), ("SSL_CERT_DIR", "/nonexistent".as_ref())];
    if !alone("http::trust::the_systems_cas_are_those_that_ssl_cert_file_and_dir_name", &variables) {
        return;
    }
    let system = std::env::var_os("SSL_CERT_FILE").unwrap();
    let identity = by_ca(&local());
    asked(&identity, None, "localhost").expect_refusal(&[
        "this machine has no CA certificates",
        "look at SSL_CERT_FILE and SSL_CERT_DIR in the environment",
        "ca_file",
    ]);
    // That there were none is not remembered; which they are, is.
    std::fs::write(&system, &identity.trusted).unwrap();
    let other = by_ca(&local());
    asked(&identity, Some(&other.trusted()), "localhost").expect_refusal(&["is not signed by the CA in"]);
    asked(&identity, None, "localhost").expect_answer();
    std::fs::write(&system, "").unwrap();
    asked(&identity, None, "127.0.0.1").expect_answer();
}
