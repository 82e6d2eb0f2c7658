//! Certificates for the tests, made anew at each run, and servers that show them.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::Arc;

/// A certificate with its key, and the PEM text to trust.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub trusted: String,
}

pub fn names(names: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::new(names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "the mail server");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What most tests use: `localhost` and 127.0.0.1.
pub fn local() -> CertificateParams {
    let mut params = names(&["localhost"]);
    params.subject_alt_names.push(SanType::IpAddress("127.0.0.1".parse().unwrap()));
    params.subject_alt_names.push(SanType::IpAddress("::1".parse().unwrap()));
    params
}

/// Signed by a CA made for it; the CA is what is to be trusted.
pub fn by_ca(params: &CertificateParams) -> Identity {
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name.push(DnType::CommonName, "the CA of the tests");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &ca).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        trusted: ca.pem(),
    }
}

/// Signed by itself; it is what is to be trusted.
pub fn self_signed(params: CertificateParams) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Identity {
        chain: vec![certificate.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        trusted: certificate.pem(),
    }
}

impl Identity {
    pub fn server(&self) -> ServerConfig {
        server(&[&rustls::version::TLS12, &rustls::version::TLS13])
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .unwrap()
    }

    /// A file to give as `ca_file`; it is removed with the `Trusted`.
    pub fn trusted(&self) -> Trusted {
        Trusted::write(&self.trusted)
    }
}

pub fn server(
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert> {
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
}

/// A file of this test alone.
pub struct Trusted(PathBuf);

impl Trusted {
    pub fn write(content: impl AsRef<[u8]>) -> Trusted {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("magicmail-{}-{}.pem", std::process::id(), COUNT.fetch_add(1, SeqCst));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, content).unwrap();
        Trusted(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Trusted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
