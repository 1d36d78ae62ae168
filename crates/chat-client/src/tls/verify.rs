//! Who the server is. What is refused is refused with a sentence that says what is wrong and what helps.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use sha2::{Digest as _, Sha256};

use super::Fingerprint;

/// A server that didn't prove who it is; the display is for a person.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Untrusted(String);

impl Untrusted {
    /// What a failed handshake says about the certificate, if it failed for that.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        match error.get_ref()?.downcast_ref()? {
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => other.downcast_ref(),
            _ => None,
        }
    }
}

/// Asks another verifier, or for one certificate.
#[derive(Debug)]
pub(super) enum Verifier {
    Other(Arc<dyn ServerCertVerifier>),
    One(Fingerprint, WebPkiSupportedAlgorithms),
}

impl Verifier {
    pub(super) const fn one(fingerprint: Fingerprint, provider: &CryptoProvider) -> Self {
        Self::One(fingerprint, provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Fingerprint(Sha256::digest(end_entity).into());
        match self {
            Self::One(wanted, _) if *wanted == shown => Ok(ServerCertVerified::assertion()),
            Self::One(wanted, _) => Err(refuse(another(*wanted, shown))),
            Self::Other(verifier) => verifier
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| match error {
                    Error::InvalidCertificate(why) => refuse(explain(&why, server_name, shown)),
                    other => other,
                }),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Self::Other(verifier) => verifier.verify_tls12_signature(message, certificate, signature),
            Self::One(_, algorithms) => verify_tls12_signature(message, certificate, signature, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self {
            Self::Other(verifier) => verifier.verify_tls13_signature(message, certificate, signature),
            Self::One(_, algorithms) => verify_tls13_signature(message, certificate, signature, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        match self {
            Self::Other(verifier) => verifier.supported_verify_schemes(),
            Self::One(_, algorithms) => algorithms.supported_schemes(),
        }
    }
}

fn refuse(sentence: String) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Untrusted(sentence)))))
}

fn another(wanted: Fingerprint, shown: Fingerprint) -> String {
    format!(
        "its certificate is not the one that you asked for, but {shown}; either it has a new one, or somebody is in \
         between: ask whoever runs the server, and don't go on before (you asked for {wanted})"
    )
}

fn explain(why: &CertificateError, name: &ServerName<'_>, shown: Fingerprint) -> String {
    let name = name.to_str();
    match why {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("its certificate has expired; whoever runs the server has to renew it (it shows {shown})")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("its certificate is not valid yet; is this machine's clock right? (it shows {shown})")
        }
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let names: Vec<_> = presented.iter().map(|presented| plain_name(presented)).collect();
            let names = names.join(", ");
            let names = chat_protocol::clean::clean_line(&names);
            format!(
                "its certificate is not for {name}, but for {names}; connect by a name that it has (it shows {shown})"
            )
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("its certificate is not for {name}; connect by a name that it has (it shows {shown})")
        }
        // The signature is bad where a trusted one only has the name of the one that made it, as two self-signed ones do.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "nobody whom you trust vouches for its certificate; if it is self-signed, and only if whoever runs the \
             server tells you this same fingerprint, connect with --fingerprint {shown}"
        ),
        CertificateError::Revoked => format!("its certificate was revoked; don't use it (it shows {shown})"),
        // Those of rustls have no words for people, but tell what it is.
        other => format!("its certificate can't be verified: {other} (it shows {shown})"),
    }
}

/// `DnsName("chat.example")` is how rustls tells a name; `chat.example` is what a person calls it.
fn plain_name(presented: &str) -> &str {
    presented.split('"').nth(1).unwrap_or(presented)
}
