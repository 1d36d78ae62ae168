//! The gateway for browsers: the page, and a WebSocket as one more transport of the same sessions.
//!
//! A request is looked at in this order: whose it is ([`origin`]), what it wants (a file of the page, or the socket), and,
//! for the socket, whether there is a place for one more connection. From there on a session runs over [`socket`] as over TCP.

mod assets;
mod origin;
mod proxy;
mod socket;
mod upgrade;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::accept::{canonical, prepare};
use crate::hub::Hub;
use crate::limits::{ACCEPT_PAUSE, BYE_DEADLINE, FULL_AT_ONCE, HTTP_AT_ONCE, HTTP_HEAD_BYTES, HTTP_HEAD_DEADLINE};
use crate::reach::reachable;
use crate::server::{StartError, listen};
use crate::session::Transport;
use crate::tls::Tls;
use crate::written::Written;

pub use self::origin::{BadOrigin, Origin};

/// Where the page is served, and to whom.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebConfig {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// The server starts without the page where the address is in use.
    pub optional: bool,
    /// Origins that the page may have besides the address that it was asked for under.
    pub origins: Vec<Origin>,
}

impl WebConfig {
    /// The page at this address, for browsers that reach it directly.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self { address, optional: false, origins: Vec::new() }
    }

    /// Has the server start without the page where the address is in use.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// The page's address, bound.
#[derive(Debug)]
pub(crate) struct Gateway {
    listener: TcpListener,
    config: WebConfig,
    /// Where there is a certificate the page is served by https alone.
    tls: Option<Tls>,
}

/// What all requests share.
#[derive(Debug)]
struct Shared {
    hub: Arc<Hub>,
    /// Sessions that began here; the server waits for them when it stops.
    tasks: TaskTracker,
    origins: Vec<Origin>,
    /// Places for telling somebody that the server is full.
    turned_away: Arc<Semaphore>,
}

/// The two ends of a request's connection.
#[derive(Clone, Copy, Debug)]
struct Ends {
    peer: IpAddr,
    local: IpAddr,
}

impl Gateway {
    /// Binds the address; `None` where it is in use and the page is optional.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`].
    pub(crate) fn bind(config: WebConfig, tls: Option<Tls>) -> Result<Option<Self>, StartError> {
        let address = config.address;
        match listen(address) {
            Ok(listener) => Ok(Some(Self { listener, config, tls })),
            Err(error) if config.optional && error.kind() == std::io::ErrorKind::AddrInUse => {
                warn!(%address, "the page is not served, as its address is in use; --web chooses another");
                Ok(None)
            }
            Err(source) => Err(StartError::Listen { address, source }),
        }
    }

    /// The address, its port filled in.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// The page's URL, as others reach it.
    pub(crate) fn url(&self) -> Option<String> {
        let address = self.address()?;
        let reached = *reachable(address).first()?;
        Some(format!("{}://{reached}/", self.scheme()))
    }

    pub(crate) const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until `stopped` changes or its sender is gone. Sessions go on in `tasks`.
    pub(crate) fn serve(
        self,
        hub: Arc<Hub>,
        tasks: TaskTracker,
        mut stopped: watch::Receiver<()>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self { listener, config, tls } = self;
        let shared = Arc::new(Shared {
            hub,
            tasks: tasks.clone(),
            origins: config.origins,
            turned_away: Arc::new(Semaphore::new(FULL_AT_ONCE)),
        });
        async move {
            let hub = Arc::clone(&shared.hub);
            let (router, ended) = (router(shared), stopped.clone());
            tokio::select! {
                () = accept(&listener, &hub, tls.as_ref(), &router, &tasks, &ended) => {}
                _ = stopped.changed() => {}
            }
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    assets::ALL
        .iter()
        .fold(Router::new(), |router, asset| {
            router.route(asset.path, get(move |request: Request| async move { asset.answer(request.headers()) }))
        })
        .route("/ws", get(upgrade::upgrade))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is nothing here\n") })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), only_ours))
        .layer(middleware::map_response(harden))
        .with_state(shared)
}

/// Lets through what comes from the page or from no page at all.
async fn only_ours(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let loopback = request.extensions().get::<Ends>().is_some_and(|ends| ends.local.is_loopback());
    match origin::check(request.headers(), loopback, &shared.origins) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            info!(%refused, "a browser was refused");
            (StatusCode::FORBIDDEN, format!("{refused}\n")).into_response()
        }
    }
}

/// What a browser must not do with anything from here, mistakes of the page included.
const HEADERS: [(header::HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

async fn harden(mut response: Response) -> Response {
    for (name, value) in &HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Accepts for as long as it is polled; like the accept loop of TCP, no error ends it.
async fn accept(
    listener: &TcpListener,
    hub: &Arc<Hub>,
    tls: Option<&Tls>,
    router: &Router,
    tasks: &TaskTracker,
    stopped: &watch::Receiver<()>,
) {
    let places = Arc::new(Semaphore::new(HTTP_AT_ONCE));
    let mut pause = Duration::ZERO;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                pause = Duration::ZERO;
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    debug!(address = %hub.addresses.of(address), "too many HTTP connections at once");
                    continue;
                };
                let (hub, tls, router, stopped) = (Arc::clone(hub), tls.cloned(), router.clone(), stopped.clone());
                tasks.spawn(async move {
                    serve_connection(stream, address, &hub, tls, router, stopped).await;
                    drop(place);
                });
            }
            Err(error) => {
                pause = (pause * 2).clamp(Duration::from_millis(10), ACCEPT_PAUSE);
                warn!(%error, pause_ms = pause.as_millis(), "can't accept a connection");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Answers the requests of one connection until it ends, becomes a WebSocket, or the server stops.
async fn serve_connection(
    stream: TcpStream,
    address: SocketAddr,
    hub: &Hub,
    tls: Option<Tls>,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    let written = hub.addresses.of(address);
    if let Err(error) = prepare(&stream) {
        debug!(address = %written, %error, "a socket option can't be set");
    }
    let Ok(local) = stream.local_addr() else { return };
    let ends = Ends { peer: canonical(address), local: canonical(local) };
    match tls {
        None => serve_http(stream, ends, written, router, stopped).await,
        Some(tls) => {
            let stream = tokio::select! {
                stream = tls.accept(stream, written, hub) => stream,
                _ = stopped.changed() => None,
            };
            if let Some(stream) = stream {
                serve_http(stream, ends, written, router, stopped).await;
            }
        }
    }
}

async fn serve_http<S: Transport + 'static>(
    stream: S,
    ends: Ends,
    written: Written<SocketAddr>,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ends);
        router.call(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HTTP_HEAD_DEADLINE).max_buf_size(HTTP_HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(BYE_DEADLINE, connection).await {
                Ok(served) => served,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = served {
        debug!(address = %written, %error, "an HTTP connection broke");
    }
}

#[cfg(test)]
mod tests;
