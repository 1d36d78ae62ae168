//! Where the figures are asked for: `/metrics`, `/healthz` and `/readyz`, on an address of their own.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::hub::Hub;
use crate::server::{StartError, listen};

/// The address of the metrics, bound.
#[derive(Debug)]
pub(crate) struct Endpoint(TcpListener);

impl Endpoint {
    /// # Errors
    ///
    /// [`StartError::Listen`].
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, StartError> {
        listen(address).map(Self).map_err(|source| StartError::Listen { address, source })
    }

    /// The address, its port filled in.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0.local_addr().ok()
    }

    /// Answers for as long as it is polled, also while the server drains.
    pub(crate) async fn serve(self, hub: Arc<Hub>) {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .with_state(hub);
        if let Err(error) = axum::serve(self.0, router).await {
            tracing::error!(%error, "the metrics aren't served any more");
        }
    }
}

async fn metrics(State(hub): State<Arc<Hub>>) -> impl IntoResponse {
    let text = hub.metrics.render(hub.now());
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
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use crate::{Config, Server};

    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn what_happens_is_counted_and_draining_is_not_ready() {
        let local = "127.0.0.1:0".parse().expect("an address");
        let mut config = Config::ephemeral(local);
        config.metrics = Some(local);
        let server = Server::bind(config).await.expect("a server");
        let (chat, metrics) = (server.addresses()[0], server.metrics_address().expect("an address"));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let running = tokio::spawn(server.run(async { drop(stopped.await) }));

        let mut person = TcpStream::connect(chat).await.expect("a connection");
        person.write_all(b"alice\nhello\n/nonsense\n/who\n").await.expect("written");
        let mut seen = String::new();
        while !seen.contains("1 in #lobby") {
            let mut buffer = [0; 1024];
            let n = person.read(&mut buffer).await.expect("lines");
            seen.push_str(std::str::from_utf8(&buffer[..n]).expect("UTF-8"));
        }
        assert!(get(metrics, "/healthz").await.ends_with("ok\n"));
        assert!(get(metrics, "/readyz").await.contains("200 OK"));
        loop {
            let shown = get(metrics, "/metrics").await;
            // The message is stored by another thread than the one that answers the line behind it.
            if shown.contains("chat_messages_total 1\n") {
                for line in [
                    "chat_connections 1",
                    "chat_connections_total 1",
                    "chat_sessions{dialect=\"text\",transport=\"tcp\"} 1",
                    "chat_refused_total{code=\"unknown_type\"} 1",
                    "chat_commit_seconds_count 1",
                    "chat_log_refusing 0",
                    "chat_draining 0",
                ] {
                    assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
                }
                break;
            }
        }
        drop(stop);
        running.await.expect("no panic").expect("a clean end");
    }
}
