//! Connections over TLS, to a server that proves who it is. There is no way to do without that.

mod verify;

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::connection::{Connector, Tcp};

use self::verify::Verifier;

pub(crate) use self::verify::Untrusted;

/// How a server proves who it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trust {
    /// By a certificate for its name from somebody whom this system trusts.
    System,
    /// By a certificate for its name from this one: one certificate or several, in PEM.
    Ca(Vec<u8>),
    /// By this certificate, whatever it says.
    Fingerprint(Fingerprint),
}

impl Trust {
    /// By a certificate from the one in this file.
    ///
    /// # Errors
    ///
    /// Those of reading the file.
    pub fn ca_file(path: &Path) -> io::Result<Self> {
        std::fs::read(path).map(Self::Ca)
    }
}

/// The SHA-256 of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// This is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fingerprint is 64 digits from 0 to 9 and A to F, with or without colons, as the server says it at its start"
)]
pub struct BadFingerprint;

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    /// With or without colons, in either case.
    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let bytes: Vec<u8> = match &digits.ok_or(BadFingerprint)?[..] {
            digits if digits.len() == 64 => digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect(),
            _ => return Err(BadFingerprint),
        };
        bytes.try_into().map(Self).map_err(|_| BadFingerprint)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        f.write_str(&bytes.join(":"))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Why TLS can't be spoken to a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The server's address has no host that could be proved.
    #[error("{0:?} is no host name or address that a certificate could be for")]
    BadHost(String),
    /// What should be a CA isn't one.
    #[error("no certificate in PEM form is there (-----BEGIN CERTIFICATE-----)")]
    BadCa,
    /// The system has no roots that could be used.
    #[error("this system's trusted certificates can't be used ({0}); name the server's CA or fingerprint instead")]
    System(rustls::Error),
    /// TLS can't be set up.
    #[error("TLS can't be started: {0}")]
    Other(String),
}

/// Connects over TLS.
#[derive(Clone)]
pub struct Tls {
    tcp: Tcp,
    name: ServerName<'static>,
    connector: TlsConnector,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("tcp", &self.tcp).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Tls {
    /// To `address`, a host name or number and a port, which has to prove itself as `trust` asks for.
    ///
    /// # Errors
    ///
    /// [`TlsError`]: nothing was sent to anybody.
    pub fn new(address: impl Into<String>, trust: Trust) -> Result<Self, TlsError> {
        let address = address.into();
        let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::BadHost(host.to_owned()))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Other(error.to_string()))?
            // `dangerous` is how rustls calls any verifier that isn't its own; ours ask one of its own, or for one certificate.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier(trust, provider)?))
            .with_no_client_auth();
        Ok(Self { tcp: Tcp::new(address), name, connector: TlsConnector::from(Arc::new(config)) })
    }
}

fn verifier(trust: Trust, provider: Arc<CryptoProvider>) -> Result<Verifier, TlsError> {
    match trust {
        Trust::Fingerprint(fingerprint) => Ok(Verifier::one(fingerprint, &provider)),
        Trust::System => {
            let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(TlsError::System)?;
            Ok(Verifier::Other(Arc::new(verifier)))
        }
        Trust::Ca(pem) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                roots.add(certificate.map_err(|_| TlsError::BadCa)?).map_err(|_| TlsError::BadCa)?;
            }
            let verifier =
                rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
            // Without any root.
            Ok(Verifier::Other(verifier.map_err(|_| TlsError::BadCa)?))
        }
    }
}

impl Connector for Tls {
    type Stream = TlsStream<TcpStream>;

    async fn connect(&mut self) -> io::Result<Self::Stream> {
        let stream = self.tcp.connect().await?;
        self.connector.connect(self.name.clone(), stream).await.map_err(|error| {
            let plain = error.get_ref().and_then(|inner| inner.downcast_ref());
            if matches!(plain, Some(rustls::Error::InvalidMessage(_))) {
                io::Error::new(io::ErrorKind::InvalidData, "what answers there doesn't speak TLS; try it without --tls")
            } else {
                error
            }
        })
    }

    fn server(&self) -> String {
        self.tcp.server()
    }
}

#[cfg(test)]
mod tests;
