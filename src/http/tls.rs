//! How TLS is spoken: versions, the verifier, sessions to resume.

use super::chain::{explain_chain, explain_signature};
use super::trust::{system_roots, Trust};
use crate::wire::{Failure, FailureKind};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// TLS 1.2 and 1.3, with sessions kept for resumption.
///
/// One is made per process: the memory of its sessions has a lock, which a fork could leave locked.
pub fn client_config(trust: &Arc<Trust>) -> Result<Arc<ClientConfig>, Failure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match &**trust {
        Trust::System => Arc::new(OfCas::new(system_roots()?, trust, &provider).map_err(unusable)?),
        Trust::File(file) => Arc::new(OfCas::new(file.roots.clone(), trust, &provider).map_err(unusable)?),
        Trust::Anything => Arc::new(OfAnything(provider.clone())),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(format!("TLS cannot be set up ({error})")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn unusable(text: String) -> Failure {
    Failure { kind: FailureKind::Certificate, text }
}

/// Trusts what CAs signed, and with `ca_file` the very certificates in it; says exactly what is wrong with anything
/// else.
#[derive(Debug)]
struct OfCas {
    verifier: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    trust: Arc<Trust>,
}

impl OfCas {
    fn new(
        roots: Arc<RootCertStore>,
        trust: &Arc<Trust>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<OfCas, String> {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| format!("the trusted certificates cannot be used ({error})"))?;
        Ok(OfCas { verifier, roots, trust: trust.clone() })
    }

    fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        matches!(&*self.trust, Trust::File(file) if file.holds(certificate))
    }
}

impl ServerCertVerifier for OfCas {
    /// Appliances have certificates that name no host, or that are marked as a CA's (what `openssl req -x509`
    /// makes), which the rules for servers refuse. Whoever put that very certificate into `ca_file` has said
    /// whose it is, so only its dates count then.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| explain_chain(error, end_entity, intermediates, &self.roots))
            .or_else(|error| match error {
                Error::InvalidCertificate(why) if !is_about_dates(&why) && self.names(end_entity) => {
                    Ok(ServerCertVerified::assertion())
                }
                other => Err(other),
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signed)
            .map_err(|error| explain_signature(error, certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signed)
            .map_err(|error| explain_signature(error, certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

fn is_about_dates(why: &CertificateError) -> bool {
    matches!(
        why,
        CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
    )
}

/// `rsa_pss_pss_sha256` and its kin (RFC 8446): signatures by a key that is for RSA-PSS alone.
const RSA_PSS_KEYS: [u16; 3] = [0x0809, 0x080a, 0x080b];

/// The option `tls_insecure`: whoever answers is believed. Signatures are not looked at either: with any
/// certificate accepted they prove nothing, and those of an X.509 v1 certificate cannot be checked.
#[derive(Debug)]
struct OfAnything(Arc<CryptoProvider>);

impl ServerCertVerifier for OfAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // What is not looked at may be of any kind.
        let mut schemes = self.0.signature_verification_algorithms.supported_schemes();
        schemes.extend([SignatureScheme::ECDSA_NISTP521_SHA512, SignatureScheme::ED448]);
        schemes.extend(RSA_PSS_KEYS.map(SignatureScheme::Unknown));
        schemes
    }
}
