//! A certificate with its key: from files, and the one in use.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsError;

/// The pair that new connections get.
#[derive(Debug)]
pub(super) struct Current(RwLock<Arc<CertifiedKey>>);

impl Current {
    pub(super) fn new(pair: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(pair)))
    }

    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is another certificate than before.
    pub(super) fn swap(&self, pair: CertifiedKey) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let other = current.cert != pair.cert;
        *current = Arc::new(pair);
        other
    }

    /// The SHA-256 of the certificate, in the form that other programs show: `AB:CD:…`.
    pub(super) fn fingerprint(&self) -> String {
        let pair = self.get();
        let Some(certificate) = pair.cert.first() else { return String::new() };
        let bytes: Vec<String> = Sha256::digest(certificate).iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }

    /// When it ends, in seconds of Unix time: the first of the chain, as nobody takes it any more then.
    pub(super) fn expiry(&self) -> Option<i64> {
        let pair = self.get();
        let (_, certificate) = X509Certificate::from_der(pair.cert.first()?).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

/// Reads a pair.
///
/// # Errors
///
/// [`TlsError`], naming the file.
pub(super) fn load(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    parse(&read(certificate)?, &read(key)?, (certificate, key), provider)
}

/// A pair from the contents of two files, which are named in errors.
pub(super) fn parse(
    certificate: &[u8],
    key: &[u8],
    paths: (&Path, &Path),
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .ok()
        .filter(|chain: &Vec<_>| !chain.is_empty())
        .ok_or_else(|| TlsError::NoCertificate { path: paths.0.into() })?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::NoKey { path: paths.1.into() })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::Mismatch { certificate: paths.0.into(), key: paths.1.into() },
        source => TlsError::Unusable { certificate: paths.0.into(), source },
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.into(), source })
}

/// What tells one version of a file from another; links are followed, as those who renew certificates move them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Option<(SystemTime, u64, u64)>);

impl Stamp {
    pub(super) fn of(path: &Path) -> Self {
        let stamp = std::fs::metadata(path).and_then(|meta| Ok((meta.modified()?, meta.len(), inode(&meta))));
        Self(stamp.ok())
    }
}

#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}
