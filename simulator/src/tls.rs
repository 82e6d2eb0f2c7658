//! Certificates of every kind that a client may meet, made afresh at each start, and the TLS configuration.

use clap::ValueEnum;
use rcgen::{
    date_time_ymd, BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, SupportedProtocolVersion};
use std::error::Error;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertificateKind {
    /// Signed by a CA of its own.
    Ca,
    /// Self-signed, CA:FALSE.
    SelfSigned,
    /// Self-signed, CA:TRUE, as `openssl req -x509` makes it.
    SelfSignedCa,
    /// For another host.
    WrongName,
    Expired,
    /// Without subject alternative names.
    CnOnly,
    /// Signed by another CA than the one that is written down.
    UnknownIssuer,
    /// No TLS at all: plain HTTP.
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum HighestTls {
    #[value(name = "1.2")]
    V12,
    #[default]
    #[value(name = "1.3")]
    V13,
}

static ONLY_TLS12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

impl HighestTls {
    fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            HighestTls::V12 => ONLY_TLS12,
            HighestTls::V13 => rustls::ALL_VERSIONS,
        }
    }
}

/// A server's identity: what it shows, its key, and what a client is to trust.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    pem: String,
    /// The certificate that a client is given as its `ca_file`.
    pub trusted_pem: String,
}

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

impl Identity {
    /// `hosts`: the names (or addresses) that the certificate is for.
    pub fn make(kind: CertificateKind, hosts: &[String]) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let leaf = leaf(kind, hosts)?;
        if matches!(kind, CertificateKind::SelfSigned | CertificateKind::SelfSignedCa) {
            let certificate = leaf.self_signed(&key)?;
            return Ok(Identity {
                trusted_pem: certificate.pem(),
                pem: certificate.pem(),
                chain: vec![certificate.der().clone()],
                key: private(&key),
            });
        }
        let (issuer, trusted_pem) = authority("MagicMail simulator CA")?;
        let issuer = match kind {
            CertificateKind::UnknownIssuer => authority("Another CA")?.0,
            _ => issuer,
        };
        let certificate = leaf.signed_by(&key, &issuer)?;
        Ok(Identity {
            trusted_pem,
            pem: certificate.pem(),
            chain: vec![certificate.der().clone()],
            key: private(&key),
        })
    }

    /// The server's own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Sessions are resumed, by tickets and by ids.
    pub fn configuration(self, highest: HighestTls) -> Result<Arc<ServerConfig>> {
        let mut configuration = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(highest.versions())?
            .with_no_client_auth()
            .with_single_cert(self.chain, self.key)?;
        configuration.ticketer = ring::Ticketer::new()?;
        // For `tickets`.
        configuration.enable_secret_extraction = true;
        Ok(Arc::new(configuration))
    }
}

fn private(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()))
}

fn authority(name: &str) -> Result<(Issuer<'static, KeyPair>, String)> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.distinguished_name = named(name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pem = parameters.self_signed(&key)?.pem();
    Ok((Issuer::new(parameters, key), pem))
}

fn leaf(kind: CertificateKind, hosts: &[String]) -> Result<CertificateParams> {
    let names = match kind {
        CertificateKind::WrongName => vec!["mail.wrong-name.example".to_owned()],
        CertificateKind::CnOnly => Vec::new(),
        _ => hosts.to_vec(),
    };
    let common_name = names.first().or(hosts.first()).map_or("localhost", String::as_str);
    let mut parameters = CertificateParams::new(names.clone())?;
    parameters.distinguished_name = named(common_name);
    parameters.is_ca = match kind {
        CertificateKind::SelfSignedCa => IsCa::Ca(BasicConstraints::Unconstrained),
        _ => IsCa::ExplicitNoCa,
    };
    if kind != CertificateKind::SelfSignedCa {
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    }
    if kind == CertificateKind::Expired {
        parameters.not_before = date_time_ymd(2014, 1, 1);
        parameters.not_after = date_time_ymd(2015, 1, 1);
    }
    Ok(parameters)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}
