//! Where the figures are asked for: `/metrics`, `/healthz` and `/readyz`, on an address of their own, and on a socket in
//! the data folder.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::hub::Hub;
use crate::server::{StartError, listen};

/// The socket in the data folder by which `chat-server status` finds a server that has no address for its metrics.
pub const STATUS_SOCKET: &str = "status.sock";

/// Where the metrics are served, bound.
#[derive(Debug)]
pub(crate) struct Endpoint {
    tcp: Option<TcpListener>,
    #[cfg(unix)]
    local: Option<local::Local>,
}

impl Endpoint {
    /// Binds `address`, and a socket in the folder `data` for who is on this machine and may read that folder.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] for the address. Without the socket the server starts all the same.
    pub(crate) fn bind(address: Option<SocketAddr>, data: Option<&Path>) -> Result<Self, StartError> {
        let bind = |address| listen(address).map_err(|source| StartError::Listen { address, source });
        #[cfg(not(unix))]
        let _ = data;
        Ok(Self {
            tcp: address.map(bind).transpose()?,
            #[cfg(unix)]
            local: data.and_then(local::Local::bind),
        })
    }

    /// The address, its port filled in.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref()?.local_addr().ok()
    }

    /// Answers for as long as it is polled, also while the server drains.
    pub(crate) async fn serve(self, hub: Arc<Hub>) {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .with_state(hub);
        let tcp = serve_on(self.tcp, router.clone());
        #[cfg(unix)]
        tokio::join!(tcp, serve_on(self.local, router));
        #[cfg(not(unix))]
        tcp.await;
    }
}

async fn serve_on<L>(listener: Option<L>, router: Router)
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    let Some(listener) = listener else { return };
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the metrics aren't served any more");
    }
}

#[cfg(unix)]
mod local {
    //! The socket in the data folder.

    use std::io;
    use std::path::{Path, PathBuf};

    use axum::serve::Listener;
    use tokio::net::unix::SocketAddr;
    use tokio::net::{UnixListener, UnixStream};

    /// A socket whose file goes with it.
    #[derive(Debug)]
    pub(super) struct Local(UnixListener, PathBuf);

    impl Local {
        /// The folder is this process's alone by now: a socket that is there already was left by one that was killed.
        pub(super) fn bind(data: &Path) -> Option<Self> {
            let path = data.join(super::STATUS_SOCKET);
            let _ = std::fs::remove_file(&path);
            match UnixListener::bind(&path) {
                Ok(listener) => Some(Self(listener, path)),
                Err(error) => {
                    // Paths of sockets are short, and not every file system has them.
                    tracing::info!(path = %path.display(), %error, "no socket for `chat-server status`; --metrics ADDR serves it, too");
                    None
                }
            }
        }
    }

    impl Drop for Local {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.1);
        }
    }

    impl Listener for Local {
        type Io = UnixStream;
        type Addr = SocketAddr;

        async fn accept(&mut self) -> (Self::Io, Self::Addr) {
            Listener::accept(&mut self.0).await
        }

        fn local_addr(&self) -> io::Result<Self::Addr> {
            self.0.local_addr()
        }
    }
}

async fn metrics(State(hub): State<Arc<Hub>>) -> impl IntoResponse {
    let rendered = tokio::task::spawn_blocking(move || hub.metrics.render(hub.now(), &hub.surroundings.look())).await;
    let text = rendered.unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

/// Whether new people should be sent here: not while it drains, nor while nothing can be stored.
async fn ready(State(hub): State<Arc<Hub>>) -> impl IntoResponse {
    match hub.not_ready() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

#[cfg(test)]
mod tests;
