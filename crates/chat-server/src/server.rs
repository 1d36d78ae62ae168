//! Binding, accepting, draining.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chat_protocol::message::{Bye, ByeCode};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::config::{Config, Storage};
use crate::directory::Directory;
use crate::full;
use crate::hub::{Connections, Hub};
use crate::limits::{ACCEPT_PAUSE, BACKLOG, FULL_AT_ONCE, KEEPALIVE, KEEPALIVE_RETRIES, USER_TIMEOUT};
use crate::log::{Log, Memory, OpenError, Reader, Sqlite, Store};
use crate::metrics::{Endpoint, Metrics};
use crate::rooms::Rooms;
use crate::secret::{hex, random};
use crate::session::{Opening, Session};
use crate::web::Gateway;

/// How long everybody together may take to leave when the server stops.
const STOP_DEADLINE: Duration = Duration::from_millis(4500);

/// A server whose addresses are bound and whose log is open, and which serves nobody yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    gateway: Option<Gateway>,
    endpoint: Option<Endpoint>,
    hub: Arc<Hub>,
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
        let mut listeners = Vec::new();
        for address in config.listen {
            listeners.push(listen(address).map_err(|source| StartError::Listen { address, source })?);
        }
        let gateway = match config.web {
            Some(web) => Gateway::bind(web)?,
            None => None,
        };
        let endpoint = config.metrics.map(Endpoint::bind).transpose()?;
        let metrics = Metrics::new().map_err(|error| StartError::Metrics(error.to_string()))?;
        let (store, reader) = open(config.storage).await?;
        let kept = reader.rooms().map_err(|error| StartError::Log(error.to_string()))?;
        let rooms = Arc::new(Rooms::new(kept, &config.lobby, config.limits.max_roster));
        let (log, log_ended) = Log::start(store, reader, Arc::clone(&rooms), config.clock.clone(), metrics.clone())
            .map_err(|error| StartError::Log(error.to_string()))?;
        let hub = Hub {
            limits: config.limits,
            lobby: config.lobby,
            clock: config.clock,
            rooms,
            log,
            directory: Directory::default(),
            connections: Connections::default(),
            metrics,
        };
        Ok(Self { listeners, gateway, endpoint, hub: Arc::new(hub), log_ended })
    }

    #[cfg(test)]
    pub(crate) const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The addresses that are listened on, ports filled in.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// The address of the page, its port filled in.
    #[must_use]
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.gateway.as_ref().and_then(Gateway::address)
    }

    /// The address of the metrics, its port filled in.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.endpoint.as_ref().and_then(Endpoint::address)
    }

    /// Serves until `shutdown` resolves, then drains: nobody new is let in, whole lines already received are stored and
    /// acked, everybody is told `bye`, and the log is closed. That takes 5 s at most.
    ///
    /// # Errors
    ///
    /// [`ServeError`] where the log failed. Everybody was told so.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { listeners, gateway, endpoint, hub, log_ended } = self;
        let tasks = TaskTracker::new();
        let accepting = TaskTracker::new();
        let (stop, _) = tokio::sync::watch::channel(());
        for listener in listeners {
            let (hub, tasks, mut stopped) = (Arc::clone(&hub), tasks.clone(), stop.subscribe());
            accepting.spawn(async move {
                tokio::select! {
                    () = accept(&listener, &hub, &tasks) => {}
                    _ = stopped.changed() => {}
                }
            });
        }
        if let Some(gateway) = gateway {
            accepting.spawn(gateway.serve(Arc::clone(&hub), tasks.clone(), stop.subscribe()));
        }
        // Asked until the end: that it drains is what it has to tell then.
        let endpoint = endpoint.map(|endpoint| AbortOnDrop(tokio::spawn(endpoint.serve(Arc::clone(&hub)))));
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
        hub.connections.end_all(&bye);
        tasks.close();
        if tokio::time::timeout(STOP_DEADLINE, tasks.wait()).await.is_err() {
            warn!(connections = tasks.len(), "some connections didn't end in time");
        }
        drop(endpoint);
        drop(hub);
        let _ = tokio::time::timeout(Duration::from_millis(400), log_ended).await;
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
            let opened = tokio::task::spawn_blocking(move || Sqlite::open(&durable)).await;
            let (store, reader) = opened.map_err(|error| StartError::Log(error.to_string()))??;
            Ok((Box::new(store), Arc::new(reader)))
        }
    }
}

/// Accepts for as long as it is polled. No error ends it: one that stays, such as having no descriptor left, only slows it.
async fn accept(listener: &TcpListener, hub: &Arc<Hub>, tasks: &TaskTracker) {
    let turned_away = Arc::new(Semaphore::new(FULL_AT_ONCE));
    let mut pause = Duration::ZERO;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                pause = Duration::ZERO;
                admit(stream, address, hub, tasks, &turned_away);
            }
            Err(error) => {
                pause = (pause * 2).clamp(Duration::from_millis(10), ACCEPT_PAUSE);
                warn!(%error, pause_ms = pause.as_millis(), "can't accept a connection");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn admit(stream: TcpStream, address: SocketAddr, hub: &Arc<Hub>, tasks: &TaskTracker, turned_away: &Arc<Semaphore>) {
    if let Err(error) = prepare(&stream) {
        // A peer that has hung up already makes this fail; the session will notice.
        debug!(%address, %error, "a socket option can't be set");
    }
    match hub.register(Some(canonical(address))) {
        Ok(peer) => {
            debug!(connection = peer.id.0, %address, "connected");
            let mut session = Session::new(Arc::clone(hub), peer, stream, Opening::Tcp);
            tasks.spawn(async move { session.run().await });
        }
        Err(refused) => {
            info!(%address, ?refused, "turned away");
            if let Ok(permit) = Arc::clone(turned_away).try_acquire_owned() {
                tasks.spawn(async move {
                    full::turn_away(stream, refused).await;
                    drop(permit);
                });
            }
        }
    }
}

pub(crate) fn canonical(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // On Windows this option would let another program take the port over.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// No delay, as the session writes once per wake; and a vanished peer is noticed within a minute, in a quiet room (by
/// keep-alive) and in a talking one (by unacknowledged data).
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    #[cfg(not(target_os = "windows"))]
    let keepalive = keepalive.with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    // What a telnet client sends as urgent stays at its place in the stream, where its command is recognised.
    socket.set_out_of_band_inline(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the address is in use; is a server running there already?".to_owned(),
        io::ErrorKind::PermissionDenied => "that needs more rights; ports below 1024 are reserved".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine doesn't have that address".to_owned(),
        _ => error.to_string(),
    }
}
