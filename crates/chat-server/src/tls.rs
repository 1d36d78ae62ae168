//! TLS: the same sessions over an encrypted connection.
//!
//! The handshake runs in the connection's task, under a deadline, so that a slow one costs nobody else anything. TLS 1.2 and
//! 1.3 with the provider's suites, all of them forward secret and authenticated; there is nothing to configure, so
//! nothing to configure badly.

mod own;
mod pair;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{info, warn};

use crate::hub::Hub;
use crate::limits::{BYE_DEADLINE, CERTIFICATE_POLL};
use crate::metrics::Limit;
use crate::stranger::{self, Look, Stranger};
use crate::written::Written;

use self::pair::{Current, Stamp};

/// Where TLS is spoken, and with which certificate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TlsConfig {
    /// Addresses; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Who the server proves to be.
    pub identity: Identity,
}

impl TlsConfig {
    /// TLS at these addresses.
    #[must_use]
    pub const fn new(listen: Vec<SocketAddr>, identity: Identity) -> Self {
        Self { listen, identity }
    }

    /// Whether the certificate's files can be used. One that the server makes is not made by this.
    ///
    /// # Errors
    ///
    /// [`TlsError`], naming the file.
    pub fn check(&self) -> Result<(), TlsError> {
        match &self.identity {
            Identity::Files { certificate, key } => pair::load(certificate, key, &provider()).map(drop),
            Identity::SelfSigned { .. } => Ok(()),
        }
    }
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// From PEM files, which are read again when they change.
    Files {
        /// The certificate, followed by those that lead to a root.
        certificate: PathBuf,
        /// Its private key, not encrypted.
        key: PathBuf,
    },
    /// One that the server makes for itself.
    SelfSigned {
        /// Where it is kept for the next start; `None`: only in memory.
        folder: Option<PathBuf>,
    },
}

/// Why TLS can't be spoken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read.
    #[error("can't read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file holds no certificate.
    #[error("{} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no key that can be used.
    #[error("{} holds no private key in PEM form; one with a passphrase has to be decrypted first", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The two files are of different pairs.
    #[error("the key in {} doesn't belong to the certificate in {}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The pair is of a kind that can't be used.
    #[error("the certificate in {} can't be used: {source}", certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// No certificate can be made.
    #[error("can't make a self-signed certificate: {0}")]
    Make(String),
    /// The certificate that was made can't be kept.
    #[error("can't keep the self-signed certificate as {}: {source}", path.display())]
    Keep {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The provider can't be used.
    #[error("TLS can't be started: {0}")]
    Provider(rustls::Error),
}

/// A certificate in use, and what it takes to greet with it. Clones share the certificate.
#[derive(Clone)]
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
    identity: Arc<Identity>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Tls {
    /// Loads the certificate, or makes one for the addresses `bound`.
    pub(crate) fn new(identity: Identity, bound: &[SocketAddr]) -> Result<Self, TlsError> {
        let provider = provider();
        let pair = match &identity {
            Identity::Files { certificate, key } => pair::load(certificate, key, &provider)?,
            Identity::SelfSigned { folder } => own::load_or_make(folder.as_deref(), bound, &provider)?,
        };
        let current = Arc::new(Current::new(pair));
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Provider)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as _);
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), current, identity: Arc::new(identity) })
    }

    /// The SHA-256 of the certificate, where it is one that the server made for itself: what a client has to be told.
    pub(crate) fn own_fingerprint(&self) -> Option<String> {
        matches!(*self.identity, Identity::SelfSigned { .. }).then(|| self.current.fingerprint())
    }

    /// When the certificate in use ends, in seconds of Unix time.
    pub(crate) fn expiry(&self) -> Option<i64> {
        self.current.expiry()
    }

    /// Greets a client within the time that `hub` gives; `None` where that doesn't come to an end that is a connection.
    pub(crate) async fn accept(
        &self,
        stream: TcpStream,
        address: Written<SocketAddr>,
        hub: &Hub,
    ) -> Option<TlsStream<TcpStream>> {
        let most = hub.limits().tls_handshake;
        match self.greet(stream, Instant::now() + most).await {
            Ok(stream) => return Some(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                hub.metrics.limit_met(Limit::TlsHandshake);
                info!(%address, seconds = most.as_secs(), "a TLS handshake took too long");
            }
            Err(error) => info!(%address, %error, "no TLS connection came about"),
        }
        None
    }

    async fn greet(&self, stream: TcpStream, until: Instant) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0; 16];
        let seen = match timeout_at(until, stream.peek(&mut first)).await {
            Ok(seen) => seen?,
            // Whoever says nothing is a person perhaps, who waits to be asked.
            Err(late) => {
                say_that_this_is_tls(stream, &[]).await;
                return Err(late.into());
            }
        };
        if seen > 0 && first[0] != HANDSHAKE_RECORD {
            say_that_this_is_tls(stream, &first[..seen]).await;
            return Err(io::Error::other("it doesn't speak TLS"));
        }
        timeout_at(until, self.acceptor.accept(stream)).await?
    }

    /// Reads the certificate's files again. One that can't be used leaves the old one in use.
    pub(crate) fn reload(&self) {
        let Identity::Files { certificate, key } = &*self.identity else { return };
        match pair::load(certificate, key, &provider()) {
            Ok(pair) => {
                if self.current.swap(pair) {
                    info!(fingerprint = self.current.fingerprint(), "new connections get the new certificate");
                }
            }
            Err(error) => warn!(%error, "the certificate that was in use stays in use"),
        }
    }

    /// Reloads when the files have changed and stay as they are for the time between two looks: whoever replaces two
    /// files is seldom met between the two. Never ends; cancel-safe.
    pub(crate) async fn watch(self) {
        let Identity::Files { certificate, key } = &*self.identity else { return std::future::pending().await };
        let look = || (Stamp::of(certificate), Stamp::of(key));
        let (mut loaded, mut seen) = (look(), look());
        loop {
            tokio::time::sleep(CERTIFICATE_POLL).await;
            let now = look();
            if now != loaded && now == seen {
                loaded = now.clone();
                self.reload();
            }
            seen = now;
        }
    }
}

/// The first byte of a client that speaks TLS.
const HANDSHAKE_RECORD: u8 = 0x16;

/// For a person with netcat at the wrong port, or a browser that was sent to `http:`.
async fn say_that_this_is_tls(mut stream: TcpStream, first: &[u8]) {
    let words = match stranger::look(first) {
        Look::Stranger(Stranger::Http) => {
            stranger::bad_request("This port speaks TLS; its address begins with https://\n")
        }
        _ => b"!!! this port speaks TLS; join with chat-client ALIAS --server HOST:PORT --tls, \
            or with openssl s_client -quiet -connect HOST:PORT\n"
            .to_vec(),
    };
    let _ = timeout(BYE_DEADLINE, async {
        stream.write_all(&words).await?;
        stream.shutdown().await
    })
    .await;
    crate::full::linger(&mut stream).await;
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[cfg(test)]
mod tests;
