//! Binding, accepting, draining.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use chat_protocol::message::{Bye, ByeCode};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::accept::Door;
use crate::access::Access;
use crate::accounts::{Accounts, Authenticator, Gate};
use crate::book::Book;
use crate::config::{Config, Storage};
use crate::control::Control;
use crate::conversations::Conversations;
use crate::directory::Directory;
use crate::hub::{Connections, Hub};
use crate::limits::BACKLOG;
use crate::log::{Log, Memory, OpenError, Reader, Sqlite, Store};
use crate::marks::{Mark, Marks};
use crate::metrics::{Endpoint, Metrics, Surroundings};
use crate::moderation::{InMemory, Order};
use crate::quotas::Quotas;
use crate::rooms::Rooms;
use crate::secret::{hex, random};
use crate::speakers::Speakers;
use crate::tend::tend;
use crate::tls::{Tls, TlsConfig, TlsError};
use crate::trust::Proxies;
use crate::web::{Gateway, WebConfig};
use crate::written::Addresses;

/// How long everybody together may take to leave when the server stops.
const STOP_DEADLINE: Duration = Duration::from_secs(4);

/// How long stopping takes at most, the closing of the log included.
const STOPPED_DEADLINE: Duration = Duration::from_millis(4800);

/// A server whose addresses are bound and whose log is open, and which serves nobody yet.
#[derive(Debug)]
pub struct Server {
    doors: Vec<Arc<Door>>,
    tls: Option<Tls>,
    gateway: Option<Gateway>,
    endpoint: Endpoint,
    hub: Arc<Hub>,
    /// Other processes may change accounts and bans.
    shared: bool,
    log_ended: oneshot::Receiver<()>,
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address can't be listened on.
    #[error("can't listen on {address}: {}", explain(source))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The metrics can't be set up.
    #[error("can't set up the metrics: {0}")]
    Metrics(String),
    /// The certificate can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Accounts and bans can't be read.
    #[error("can't open the accounts: {0}")]
    Accounts(String),
    /// The log can't be opened.
    #[error("can't open the log: {0}")]
    Log(String),
    /// The log in the data folder can't be opened.
    #[error(transparent)]
    Data(#[from] OpenError),
}

/// Why a server ended that wasn't asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The log can't be written any more; nobody was answered whose message may not be kept.
    #[error("the log can't be written any more: {0}; what was acknowledged is kept")]
    Log(String),
}

impl Server {
    /// Binds the addresses and opens the log.
    ///
    /// # Errors
    ///
    /// [`StartError`], naming what is in the way.
    #[allow(clippy::unused_async, reason = "opening a log may have to wait for a disk")]
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let mut doors = Vec::new();
        for listener in listen_all(config.listen.clone())? {
            warn_if_public(&listener);
            doors.push(Arc::new(Door::new(listener, None, config.proxy_protocol)));
        }
        let (store, reader) = open(config.storage.clone()).await?;
        Self::over(store, reader, doors, config).await
    }

    /// A server whose log is open.
    pub(crate) async fn over(
        store: Box<dyn Store>,
        reader: Arc<dyn Reader>,
        mut doors: Vec<Arc<Door>>,
        config: Config,
    ) -> Result<Self, StartError> {
        // A certificate may be kept in the log's folder, which is another server's until the log is open.
        let data = match &config.storage {
            Storage::Memory { .. } => None,
            Storage::Sqlite(durable) => Some(durable.data.clone()),
        };
        let tls = match config.tls {
            Some(tls) => Some(open_tls(tls, config.web.as_ref(), config.proxy_protocol, &mut doors)?),
            None => None,
        };
        let gateway = match config.web {
            Some(web) => Gateway::bind(web, tls.clone())?,
            None => None,
        };
        let endpoint = Endpoint::bind(config.metrics, data.as_deref())?;
        let surroundings = Surroundings::new(data.clone(), tls.clone());
        let metrics = Metrics::new(&surroundings).map_err(|error| StartError::Metrics(error.to_string()))?;
        let kept = reader.rooms().map_err(|error| StartError::Log(error.to_string()))?;
        let shared = data.is_some() || config.authenticator.is_some();
        let Opened { authenticator, order, book, marks } = open_book(data, config.authenticator).await?;
        let directory = Arc::new(Directory::new(Arc::clone(&authenticator)));
        let conversations = Conversations::new(&kept, Arc::clone(&directory), Arc::clone(&authenticator));
        let access = Access::default();
        if let Some(book) = book {
            access.keep_in(book, &kept).map_err(StartError::Accounts)?;
        }
        if let Some(marks) = marks {
            conversations.keep_marks(marks);
        }
        let rooms = Arc::new(Rooms::new(kept, &config.lobby, config.limits.max_roster, conversations, access));
        let (log, log_ended) = Log::start(store, reader, Arc::clone(&rooms), config.clock.clone(), metrics.clone())
            .map_err(|error| StartError::Log(error.to_string()))?;
        let reads = Arc::new(Semaphore::new(config.limits.max_reads));
        let hub = Hub {
            limits: RwLock::new(Arc::new(config.limits)),
            require_account: config.require_account,
            addresses: Addresses { written: config.log_addresses },
            proxies: Proxies::new(config.trusted_proxies),
            lobby: config.lobby,
            page: gateway.as_ref().and_then(Gateway::url),
            clock: config.clock,
            rooms,
            log,
            directory,
            accounts: Gate::new(authenticator),
            order,
            connections: Connections::default(),
            speakers: Speakers::default(),
            quotas: Quotas::default(),
            reads,
            backlog: AtomicUsize::new(0),
            metrics,
            surroundings,
        };
        Ok(Self { doors, tls, gateway, endpoint, hub: Arc::new(hub), shared, log_ended })
    }

    pub(crate) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// What can be changed while it runs.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::new(&self.hub, self.tls.clone())
    }

    #[cfg(test)]
    pub(crate) const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The addresses of plain TCP, ports filled in.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().filter(|door| !door.is_tls()).filter_map(|door| door.address()).collect()
    }

    /// The addresses of TLS, ports filled in.
    #[must_use]
    pub fn tls_addresses(&self) -> Vec<SocketAddr> {
        self.doors.iter().filter(|door| door.is_tls()).filter_map(|door| door.address()).collect()
    }

    /// The SHA-256 of the certificate that the server made for itself, as `AB:CD:…`: what its clients have to be told.
    #[must_use]
    pub fn own_fingerprint(&self) -> Option<String> {
        self.tls.as_ref().and_then(Tls::own_fingerprint)
    }

    /// Whether the page is served by http or https.
    #[must_use]
    pub fn web_scheme(&self) -> Option<&'static str> {
        self.gateway.as_ref().map(Gateway::scheme)
    }

    /// The address of the page, its port filled in.
    #[must_use]
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().and_then(Gateway::address)
    }

    /// The address of the metrics, its port filled in.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.endpoint.address()
    }

    /// Serves until `shutdown` resolves, then drains: nobody new is let in, whole lines already received are stored and
    /// acked, everybody is told `bye`, and the log is closed. That takes 5 s at most.
    ///
    /// # Errors
    ///
    /// [`ServeError`] where the log failed. Everybody was told so.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { doors, tls, gateway, endpoint, hub, shared, log_ended } = self;
        let tasks = TaskTracker::new();
        let accepting = TaskTracker::new();
        let (stop, _) = tokio::sync::watch::channel(());
        for door in doors {
            let (hub, tasks, mut stopped) = (Arc::clone(&hub), tasks.clone(), stop.subscribe());
            accepting.spawn(async move {
                tokio::select! {
                    () = door.accept(&hub, &tasks) => {}
                    _ = stopped.changed() => {}
                }
            });
        }
        if let Some(tls) = tls {
            let mut stopped = stop.subscribe();
            accepting.spawn(async move {
                tokio::select! {
                    () = tls.watch() => {}
                    _ = stopped.changed() => {}
                }
            });
        }
        if shared {
            let (hub, mut stopped) = (Arc::clone(&hub), stop.subscribe());
            accepting.spawn(async move {
                tokio::select! {
                    () = tend(hub) => {}
                    _ = stopped.changed() => {}
                }
            });
        }
        if let Some(gateway) = gateway {
            accepting.spawn(gateway.serve(Arc::clone(&hub), tasks.clone(), stop.subscribe()));
        }
        // Asked until the end: that it drains is what it has to tell then.
        let endpoint = AbortOnDrop(tokio::spawn(endpoint.serve(Arc::clone(&hub))));
        let failure = Arc::clone(hub.log.failure());
        let (bye, result) = tokio::select! {
            () = shutdown => {
                (Bye::new(ByeCode::Shutdown, "the server is shutting down").retry_after_ms(1000), Ok(()))
            }
            why = failure.wait() => {
                (Bye::new(ByeCode::Storage, "the server can't keep messages any more"), Err(ServeError::Log(why.to_owned())))
            }
        };
        drop(stop);
        accepting.close();
        accepting.wait().await;
        info!(reason = %bye.reason, "stopping");
        let stopped = tokio::time::Instant::now() + STOPPED_DEADLINE;
        hub.connections.end_all(&bye);
        tasks.close();
        if tokio::time::timeout(STOP_DEADLINE, tasks.wait()).await.is_err() {
            warn!(connections = tasks.len(), "some connections didn't end in time");
        }
        drop(endpoint);
        let saved = Arc::clone(&hub.rooms);
        if let Ok(Err(why)) = tokio::task::spawn_blocking(move || saved.conversations.save()).await {
            warn!(%why, "how far people have read can't be kept");
        }
        drop(hub);
        let _ = tokio::time::timeout_at(stopped, log_ended).await;
        result
    }
}

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn open(storage: Storage) -> Result<(Box<dyn Store>, Arc<dyn Reader>), StartError> {
    match storage {
        Storage::Memory { bytes } => {
            let name = random::<16>().map_err(|error| StartError::Log(error.to_string()))?;
            let memory = Memory::new(&hex(&name), bytes);
            Ok((Box::new(memory.clone()), Arc::new(memory)))
        }
        Storage::Sqlite(durable) => {
            let open = move || {
                let (store, reader) = Sqlite::open(&durable)?;
                let mark = Book::open(&durable.data).and_then(|book| book.mark()).map_err(StartError::Accounts)?;
                store.belongs_to(&mark)?;
                Ok::<_, StartError>((store, reader))
            };
            let opened = tokio::task::spawn_blocking(open).await;
            let (store, reader) = opened.map_err(|error| StartError::Log(error.to_string()))??;
            Ok((Box::new(store), Arc::new(reader)))
        }
    }
}

/// What is kept beside the log.
struct Opened {
    authenticator: Arc<dyn Authenticator>,
    order: Arc<Order>,
    /// Whose rooms are.
    book: Option<Book>,
    /// How far people have read.
    marks: Option<(Marks, Vec<Mark>)>,
}

/// Opens what is kept of accounts and bans: in `data`, where there is such a folder, which the log has taken by then.
async fn open_book(data: Option<PathBuf>, own: Option<Arc<dyn Authenticator>>) -> Result<Opened, StartError> {
    let open = move || {
        let Some(data) = data else {
            let authenticator = own.unwrap_or_else(|| Arc::new(Accounts::default()));
            let order = Arc::new(Order::open(Box::new(InMemory::default()))?);
            return Ok(Opened { authenticator, order, book: None, marks: None });
        };
        let accounts = Accounts::in_folder(&data).map_err(|error| error.to_string())?;
        Ok(Opened {
            authenticator: own.unwrap_or_else(|| Arc::new(accounts)),
            order: Arc::new(Order::open(Box::new(Book::open(&data)?))?),
            book: Some(Book::open(&data)?),
            marks: Some(Marks::open(&data)?),
        })
    };
    let opened = tokio::task::spawn_blocking(open).await;
    opened.unwrap_or_else(|error| Err(error.to_string())).map_err(StartError::Accounts)
}

/// A certificate that is made is for the page's address as well.
fn open_tls(
    config: TlsConfig,
    web: Option<&WebConfig>,
    proxied: bool,
    doors: &mut Vec<Arc<Door>>,
) -> Result<Tls, StartError> {
    let listeners = listen_all(config.listen)?;
    let bound = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    let bound: Vec<_> = bound.chain(web.map(|web| web.address)).collect();
    let tls = Tls::new(config.identity, &bound)?;
    doors.extend(listeners.into_iter().map(|listener| Arc::new(Door::new(listener, Some(tls.clone()), proxied))));
    Ok(tls)
}

fn warn_if_public(listener: &TcpListener) {
    if let Ok(address) = listener.local_addr()
        && !address.ip().to_canonical().is_loopback()
    {
        warn!(%address, "listening without TLS: everybody on the way can read and change what is said here; --tls-listen ADDR offers TLS");
    }
}

fn listen_all(addresses: Vec<SocketAddr>) -> Result<Vec<TcpListener>, StartError> {
    addresses
        .into_iter()
        .map(|address| listen(address).map_err(|source| StartError::Listen { address, source }))
        .collect()
}

pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Windows this option would let another program take the port over.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the address is in use; is a server running there already?".to_owned(),
        io::ErrorKind::PermissionDenied => "that needs more rights; ports below 1024 are reserved".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine doesn't have that address".to_owned(),
        _ => error.to_string(),
    }
}
