//! The gateway for browsers: the page, and a WebSocket as one more transport of the same sessions.
//!
//! A request is looked at in this order: whose it is ([`origin`]), what it wants (a file of the page, or the socket), and,
//! for the socket, whether there is a place for one more connection. From there on a session runs over [`socket`] as over TCP.

mod assets;
mod door;
mod origin;
mod proxy;
mod socket;
mod upgrade;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::hub::Hub;
use crate::limits::FULL_AT_ONCE;
use crate::reach::reachable;
use crate::server::{StartError, listen};
use crate::tls::Tls;

use self::door::Door;
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
            let door = Door { hub, tls, router: router(shared), stopped: stopped.clone() };
            tokio::select! {
                () = door.accept(&listener, &tasks) => {}
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

#[cfg(test)]
mod tests;
