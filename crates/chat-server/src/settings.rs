//! What the typed means: defaults filled in, values checked.

mod limits;
mod storage;
mod units;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread::available_parallelism;

use chat_server::{Config, Identity, Storage, TlsConfig, WebConfig};

use crate::args::{Args, LogFormat, address};

use self::limits::limits;
pub(crate) use self::storage::{data_folder, lobby, selection};
use self::storage::{durable, ephemeral};
pub(crate) use self::units::duration;

/// More than there are cores in any machine that needs a chat.
const MAX_THREADS: usize = 1024;

/// All that the program needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) server: Config,
    pub(crate) log_format: LogFormat,
    /// Threads of the runtime.
    pub(crate) threads: usize,
}

impl Settings {
    /// # Errors
    ///
    /// One sentence that names the flag and the value.
    pub(crate) fn new(args: Args) -> Result<Self, String> {
        let default = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5555);
        let mut server = Config::ephemeral(default);
        if let Some(listen) = args.listen.clone().filter(|listen| !listen.is_empty()) {
            server.listen = listen;
        }
        server.lobby = lobby(&args)?;
        server.web = web(&args)?;
        server.metrics = args.metrics;
        server.tls = tls(&args)?;
        server.proxy_protocol = args.proxy_protocol.unwrap_or_default();
        server.require_account = args.require_account.unwrap_or_default();
        if server.require_account && args.ephemeral.unwrap_or_default() {
            let words = "--require-account: --ephemeral keeps no accounts, so that nobody could come in; leave one of the two out";
            return Err(words.to_owned());
        }
        for cidr in args.trusted_proxy.iter().flatten() {
            server.trusted_proxies.push(cidr.parse().map_err(|error| format!("--trusted-proxy {cidr:?}: {error}"))?);
        }
        server.log_addresses = args.log_addresses.unwrap_or(true);
        server.limits = limits(&args)?;
        if args.ephemeral.unwrap_or_default() {
            ephemeral(&args)?;
        } else {
            server.storage = Storage::Sqlite(durable(&args)?);
        }
        Ok(Self { server, log_format: args.log_format.unwrap_or_default(), threads: threads(&args)? })
    }
}

/// One core is left to the log's thread. Were the runtime's threads to compete with it for theirs, those who wait for an
/// ack would wait for the scheduler's next slice; PERFORMANCE.md has what that costs.
fn threads(args: &Args) -> Result<usize, String> {
    match args.threads {
        None => Ok(available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1))),
        Some(threads) if (1..=MAX_THREADS).contains(&threads) => Ok(threads),
        Some(threads) => Err(format!("--threads {threads}: it has to be from 1 to {MAX_THREADS}")),
    }
}

fn web(args: &Args) -> Result<Option<WebConfig>, String> {
    let mut web = match args.web.as_deref() {
        Some("off") => return Ok(None),
        Some(text) => WebConfig::new(
            address(text)
                .map_err(|_| format!("--web {text:?}: give an address with a port, such as 127.0.0.1:5580, or off"))?,
        ),
        None => WebConfig::new(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5580)).optional(),
    };
    for url in args.web_origin.iter().flatten() {
        web.origins.push(url.parse().map_err(|error| format!("--web-origin {url:?}: {error}"))?);
    }
    Ok(Some(web))
}

/// Where TLS is spoken, and whose certificate is shown.
fn tls(args: &Args) -> Result<Option<TlsConfig>, String> {
    let own = args.tls_self_signed.unwrap_or_default();
    let identity = match (&args.tls_cert, &args.tls_key) {
        (Some(_), _) | (_, Some(_)) if own => {
            return Err("--tls-self-signed and --tls-cert are two certificates; give one of them".to_owned());
        }
        (Some(certificate), Some(key)) => Some(Identity::Files { certificate: certificate.clone(), key: key.clone() }),
        (Some(_), None) => return Err("--tls-cert needs --tls-key FILE, the certificate's private key".to_owned()),
        (None, Some(_)) => return Err("--tls-key needs --tls-cert FILE, the certificate".to_owned()),
        (None, None) if own => {
            let ephemeral = args.ephemeral.unwrap_or_default();
            let folder = if ephemeral { None } else { Some(data_folder(args)?) };
            Some(Identity::SelfSigned { folder })
        }
        (None, None) => None,
    };
    let listen = args.tls_listen.clone().unwrap_or_default();
    match identity {
        Some(identity) => Ok(Some(TlsConfig::new(listen, identity))),
        None if listen.is_empty() => Ok(None),
        None => Err("--tls-listen needs --tls-cert FILE and --tls-key FILE, or --tls-self-signed".to_owned()),
    }
}
