//! What is wrong with a server's certificates, said more exactly than the verifier does: it tells a key that is too
//! short from a wrong signature as little as a chain with a gap from a CA that nobody knows.
//!
//! Only what was refused comes here. Nothing is decided on it, so the certificates are read as far as words need it.

use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, Error, OtherError, RootCertStore};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The sizes of RSA keys whose signatures can be verified, in bits.
pub const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The server's own RSA key has as many bits.
    Key(usize),
    /// The RSA key of a CA of this name has as many bits.
    IssuerKey(String, usize),
    /// It signed itself, and is not trusted.
    SelfSigned,
    /// The chain ends at a certificate that signed itself, of this name; it is not trusted.
    Root(String),
    /// The chain ends before that: nobody sent or trusts a certificate of this name.
    Gap(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// The fault that `error` was made from.
    pub fn of(error: &CertificateError) -> Option<&Fault> {
        match error {
            CertificateError::Other(OtherError(inner)) => inner.downcast_ref(),
            _ => None,
        }
    }
}

/// The error of a chain that does not lead to one of `roots`, with its fault where one is found.
pub fn explain_chain(error: Error, leaf: &[u8], sent: &[CertificateDer<'_>], roots: &RootCertStore) -> Error {
    let error = if is_by_another_key(&error) { CertificateError::BadSignature.into() } else { error };
    let is_about_issuer = matches!(
        error,
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)
    );
    match Certificate::read(leaf).filter(|_| is_about_issuer) {
        Some(leaf) => with_fault(error, fault_of_chain(leaf, sent, roots)),
        None => error,
    }
}

/// A trusted CA of the same name has a key of another kind, one that could be used: it is another CA.
fn is_by_another_key(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
        public_key_algorithm_id: key,
        ..
    }) = error
    else {
        return false;
    };
    !contains(key, EC_PUBLIC_KEY) || contains(key, P_256) || contains(key, P_384)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The error of a signature that does not fit to the key of `leaf`.
pub fn explain_signature(error: Error, leaf: &[u8]) -> Error {
    let bits = Certificate::read(leaf).and_then(|leaf| leaf.rsa_bits);
    with_fault(error, bits.filter(|bits| !RSA_BITS.contains(bits)).map(Fault::Key))
}

fn with_fault(error: Error, fault: Option<Fault>) -> Error {
    fault.map_or(error, |fault| {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))
    })
}

/// Follows the issuers' names as far as they lead.
fn fault_of_chain(leaf: Certificate, sent: &[CertificateDer<'_>], roots: &RootCertStore) -> Option<Fault> {
    let sent: Vec<Certificate> = sent.iter().filter_map(|der| Certificate::read(der)).collect();
    let mut seen = BTreeSet::new();
    let mut last = &leaf;
    while seen.insert(last.subject) {
        let trusted = roots.roots.iter().find(|root| last.issuer == &*root.subject);
        let bits = match trusted {
            Some(root) => rsa_bits(Der(&root.subject_public_key_info)),
            None => sent.iter().find(|one| one.subject == last.issuer).and_then(|one| one.rsa_bits),
        };
        if let Some(bits) = bits.filter(|bits| !RSA_BITS.contains(bits)) {
            return Some(Fault::IssuerKey(describe_name(last.issuer), bits));
        }
        if trusted.is_some() {
            // By a CA of that name, but not by that one.
            return None;
        }
        if last.issuer == last.subject {
            let is_leaf = last.subject == leaf.subject;
            return Some(if is_leaf { Fault::SelfSigned } else { Fault::Root(describe_name(last.subject)) });
        }
        match sent.iter().find(|one| one.subject == last.issuer) {
            Some(next) => last = next,
            None => return Some(Fault::Gap(describe_name(last.issuer))),
        }
    }
    None
}

struct Certificate<'a> {
    /// Both as the certificate has them, without the outermost tag.
    subject: &'a [u8],
    issuer: &'a [u8],
    rsa_bits: Option<usize>,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT_ID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P_384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// Attributes of a name: what people call it, and whose it is.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];

impl<'a> Certificate<'a> {
    fn read(der: &'a [u8]) -> Option<Certificate<'a>> {
        let mut certificate = Der(Der(der).take(SEQUENCE)?);
        let mut fields = Der(certificate.take(SEQUENCE)?);
        if fields.0.first() == Some(&VERSION) {
            fields.take(VERSION)?;
        }
        let _serial = fields.take(INTEGER)?;
        let _signature = fields.take(SEQUENCE)?;
        let issuer = fields.take(SEQUENCE)?;
        let _validity = fields.take(SEQUENCE)?;
        let subject = fields.take(SEQUENCE)?;
        let rsa_bits = rsa_bits(Der(fields.take(SEQUENCE)?));
        Some(Certificate { subject, issuer, rsa_bits })
    }
}

/// The size of the key that `key`, a SubjectPublicKeyInfo without its tag, has; None: it is not for RSA.
fn rsa_bits(mut key: Der) -> Option<usize> {
    let mut algorithm = Der(key.take(SEQUENCE)?);
    if algorithm.take(OBJECT_ID)? != RSA_ENCRYPTION {
        return None;
    }
    // Its first byte says how many bits of the last one are not used: none.
    let bits = key.take(BIT_STRING)?.get(1..)?;
    let modulus = Der(Der(bits).take(SEQUENCE)?).take(INTEGER)?;
    let first = modulus.iter().position(|&byte| byte != 0)?;
    let whole = (modulus.len() - first) * 8;
    Some(whole - modulus[first].leading_zeros() as usize)
}

/// The common name in `name`, else its organisation.
fn describe_name(name: &[u8]) -> String {
    let text = attribute(name, COMMON_NAME).or_else(|| attribute(name, ORGANIZATION));
    text.map_or_else(|| "a CA without a name".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
}

fn attribute<'a>(name: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut sets = Der(name);
    while let Some(set) = sets.take(SET) {
        let mut pair = Der(Der(set).take(SEQUENCE)?);
        if pair.take(OBJECT_ID)? == wanted {
            return pair.take_any();
        }
    }
    None
}

/// The rest of an encoding that is taken apart field by field.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next field, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        (self.0.first() == Some(&tag)).then(|| self.take_any()).flatten()
    }

    fn take_any(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.get(1..)?.split_first()?;
        let (length, rest) = if length < 0x80 {
            (usize::from(length), rest)
        } else {
            // So many bytes of length follow.
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f).min(5))?;
            let long = bytes
                .iter()
                .try_fold(0_usize, |long, &byte| Some(long.checked_mul(256)? + usize::from(byte)))?;
            (long, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;

    fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().expect("certificates")
    }

    #[test]
    fn names_and_sizes_of_keys_are_read_from_a_certificate() {
        let pems = [
            include_str!("../../tests/rust/http/certificates/rsa1024.pem"),
            include_str!("../../tests/rust/http/certificates/by_rsa1024.pem"),
            include_str!("../../tests/rust/http/certificates/by_sha1.pem"),
            include_str!("../../tests/rust/http/version1.pem"),
        ];
        let read = |der: &CertificateDer| {
            let read = Certificate::read(der).expect("a certificate");
            (describe_name(read.issuer), describe_name(read.subject), read.rsa_bits)
        };
        let all: Vec<_> = pems.iter().flat_map(|pem| certificates(pem)).map(|der| read(&der)).collect();
        let expected = [
            ("the CA", "the mail server", Some(1024)),
            ("the CA", "the CA", None),
            ("the weak CA", "the mail server", None),
            ("the weak CA", "the weak CA", Some(1024)),
            ("the CA", "the mail server", None),
            ("the CA", "the CA", Some(2048)),
            ("localhost", "localhost", None),
        ];
        assert_eq!(
            all,
            expected.map(|(issuer, subject, bits)| (issuer.to_owned(), subject.to_owned(), bits))
        );
    }

    #[test]
    fn a_certificate_that_is_broken_anywhere_does_no_harm() {
        let whole = certificates(include_str!("../../tests/rust/http/certificates/rsa1024.pem"));
        let roots = RootCertStore::empty();
        for at in 0..whole[0].len() {
            for byte in [0, 0x7f, 0x80, 0x84, 0x89, 0xff] {
                let mut broken = whole[0].to_vec();
                broken[at] = byte;
                let sent = [CertificateDer::from(broken.clone()), whole[1].clone()];
                explain_chain(CertificateError::UnknownIssuer.into(), &whole[0], &sent, &roots);
                explain_chain(CertificateError::UnknownIssuer.into(), &broken, &sent, &roots);
                explain_signature(CertificateError::BadSignature.into(), &broken[..at]);
            }
        }
    }

    #[test]
    fn certificates_that_issue_each_other_are_followed_once() {
        let [leaf, ca] = &certificates(include_str!("../../tests/rust/http/certificates/by_sha1.pem"))[..]
        else {
            panic!("two certificates");
        };
        let sent = vec![ca.clone(); 1_000];
        let explained =
            explain_chain(CertificateError::UnknownIssuer.into(), leaf, &sent, &RootCertStore::empty());
        let Error::InvalidCertificate(why) = explained else { panic!("{explained}") };
        assert_eq!(Fault::of(&why), Some(&Fault::Root("the CA".to_owned())));
    }
}
