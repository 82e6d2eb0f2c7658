//! Which certificates are trusted: the system's CAs, what is in `ca_file`, or anything at all.

use super::words;
use crate::wire::{Failure, FailureKind};
use once_cell::race::OnceBox;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::CertificateDer;
use rustls::RootCertStore;
use rustls_native_certs::ErrorKind;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The bundle of all public CAs has some 200 kB.
const LONGEST_CA_FILE: u64 = 8 * 1024 * 1024;

#[derive(Debug)]
pub enum Trust {
    /// The CAs of the system, read when they are first needed.
    System,
    File(TrustedFile),
    /// The option `tls_insecure`.
    Anything,
}

/// What is in `ca_file`.
#[derive(Debug)]
pub struct TrustedFile {
    pub path: PathBuf,
    /// Each certificate as a CA.
    pub roots: Arc<RootCertStore>,
    /// Each certificate as the server's own.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl TrustedFile {
    /// Reads `ca_file`. The error is a sentence for people that names the option.
    pub fn read(path: &Path) -> Result<TrustedFile, String> {
        let why = |what: &str| format!("the option ca_file cannot be used: {} {what}", path.display());
        let pem = read_some(path).map_err(|what| why(&what))?;
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<_, _>>()
            .map_err(|error| why(&format!("is not well-formed PEM ({error})")))?;
        if certificates.is_empty() {
            let convert = "a DER file is converted by `openssl x509 -inform der`";
            return Err(why(&format!(
                "has no certificate in PEM form (-----BEGIN CERTIFICATE-----); {convert}"
            )));
        }
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if usable == 0 {
            return Err(why("has no X.509 certificate that can be read"));
        }
        Ok(TrustedFile { path: path.to_owned(), roots: Arc::new(roots), certificates })
    }

    /// Whether `certificate` is, byte for byte, one of the file's.
    pub fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        self.certificates.iter().any(|own| own.as_ref() == certificate.as_ref())
    }
}

/// A regular file (a pipe would block, a device never end), of bounded length.
fn read_some(path: &Path) -> Result<Vec<u8>, String> {
    let file = match std::fs::metadata(path) {
        Ok(about) if !about.is_file() => return Err("is not a file".to_owned()),
        Ok(about) if about.len() > LONGEST_CA_FILE => return Err("is too long".to_owned()),
        Ok(_) => File::open(path),
        Err(error) => Err(error),
    };
    let mut content = Vec::new();
    file.and_then(|file| file.take(LONGEST_CA_FILE).read_to_end(&mut content))
        .map_err(|error| format!("cannot be read: {}", words::of_io(&error)))?;
    Ok(content)
}

/// The system's CAs, read once per process. Lock-free, so that a fork at any moment leaves nothing locked in
/// the child: threads that come at once may each read them, and the first one's count.
pub fn system_roots() -> Result<Arc<RootCertStore>, Failure> {
    static ROOTS: OnceBox<Arc<RootCertStore>> = OnceBox::new();
    ROOTS.get_or_try_init(|| load_system_roots().map(|roots| Box::new(Arc::new(roots)))).cloned()
}

/// As for OpenSSL, these name what is read in place of the system's own CAs.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

fn load_system_roots() -> Result<RootCertStore, Failure> {
    let found = rustls_native_certs::load_native_certs();
    // Not even where some could be read: these would count from then on.
    let lack = found.errors.iter().find_map(|error| match &error.kind {
        ErrorKind::Io { inner, .. } => words::of_own_limit(inner, "to read the system's CA certificates"),
        _ => None,
    });
    if let Some(failure) = lack {
        return Err(failure);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
    let named: Vec<&str> = VARIABLES.into_iter().filter(|name| std::env::var_os(name).is_some()).collect();
    let what_to_do = match named.is_empty() {
        true => "install ca-certificates, or set the option ca_file".to_owned(),
        false => format!(
            "look at {} in the environment of this process, which names them, or set the option ca_file",
            named.join(" and ")
        ),
    };
    let text = format!("this machine has no CA certificates to verify the server with{why}; {what_to_do}");
    Err(Failure { kind: FailureKind::Certificate, text })
}
