//! A certificate that the server makes for itself. Clients are told its fingerprint, so it stays the same over restarts.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use tracing::info;

use super::{TlsError, pair};
use crate::reach::reachable;

/// The file in the data folder: key and certificate, so that there is no moment at which one of them is another's.
const FILE: &str = "self-signed.pem";

/// Whoever trusts it was told its fingerprint; nobody would tell them another one in time.
const YEARS: i16 = 10;

/// The kept one, or a new one.
pub(super) fn load_or_make(
    folder: Option<&Path>,
    bound: &[SocketAddr],
    provider: &CryptoProvider,
) -> Result<CertifiedKey, TlsError> {
    let path = folder.unwrap_or_else(|| Path::new("")).join(FILE);
    if folder.is_some() && path.exists() {
        let pem = pair::read(&path)?;
        return pair::parse(&pem, &pem, (&path, &path), provider);
    }
    let names = names(bound);
    let pem = make(&names)?;
    if let Some(folder) = folder {
        keep(folder, &path, &pem).map_err(|source| TlsError::Keep { path: path.clone(), source })?;
    }
    info!(?names, "made a self-signed certificate");
    pair::parse(pem.as_bytes(), pem.as_bytes(), (&path, &path), provider)
}

/// What the server is called by those who connect to it.
fn names(bound: &[SocketAddr]) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    // A name that is no DNS name can't be in a certificate, and nobody could connect to it.
    names.extend(
        gethostname::gethostname().into_string().ok().filter(|name| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        }),
    );
    names.extend(bound.iter().flat_map(|address| reachable(*address)).map(|address| address.ip().to_string()));
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn make(names: &[String]) -> Result<String, TlsError> {
    let failed = |error: rcgen::Error| TlsError::Make(error.to_string());
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, "chat-server, self-signed");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let date = |year: i16, day: i8| rcgen::date_time_ymd(year.into(), today.month().unsigned_abs(), day.unsigned_abs());
    // Clocks differ, and the 29th of February doesn't come every year.
    let day = today.day().min(28);
    params.not_before = date(today.year(), 1);
    params.not_after = date(today.year() + YEARS, day);
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok(format!("{}{}", key.serialize_pem(), certificate.pem()))
}

/// Written whole or not at all, and for nobody else to read.
fn keep(folder: &Path, path: &Path, pem: &str) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(pem.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}
