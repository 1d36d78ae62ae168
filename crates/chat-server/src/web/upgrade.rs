//! From a request to a session.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chat_protocol::json;
use chat_protocol::message::{Bye, ServerMessage};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tracing::{debug, info, warn};

use super::socket::WebSocketIo;
use super::{Ends, Shared, proxy};
use crate::full::words;
use crate::hub::Hub;
use crate::limits::{BYE_DEADLINE, LINGER};
use crate::peer::{ConnId, Peer};
use crate::session::{Opening, Session, Transport};

/// Answers a request for the socket; what follows the answer on the connection is a session.
pub(super) async fn upgrade(State(shared): State<Arc<Shared>>, mut request: Request) -> Response {
    let upgraded = hyper::upgrade::on(&mut request);
    let response = match create_response_with_body(&request, Body::empty) {
        Ok(response) => response,
        Err(error) => {
            return (StatusCode::BAD_REQUEST, format!("this is the address of a WebSocket: {error}\n")).into_response();
        }
    };
    let Some(ends) = request.extensions().get::<Ends>().copied() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let (headers, proxies) = (request.headers(), &shared.hub.proxies);
    let address = proxy::client(ends.peer, headers, proxies);
    let private = |tls| proxy::is_private(ends.peer, tls, headers, proxies);
    let (plain_private, tls_private) = (private(false), private(true));
    let tasks = shared.tasks.clone();
    tasks.spawn(async move {
        let upgraded = match upgraded.await {
            Ok(upgraded) => upgraded,
            Err(error) => return debug!(%error, "a WebSocket broke before it began"),
        };
        match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(plain) => serve(&shared, address, plain_private, plain.io.into_inner(), &plain.read_buf).await,
            Err(upgraded) => match upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>() {
                Ok(tls) => serve(&shared, address, tls_private, tls.io.into_inner(), &tls.read_buf).await,
                Err(_) => warn!("a WebSocket over a transport that isn't known"),
            },
        }
    });
    response
}

/// Runs a session over a new WebSocket, where there is a place for it. `begun`: what the client sent behind its request.
async fn serve<S: Transport>(shared: &Shared, address: IpAddr, private: bool, stream: S, begun: &[u8]) {
    let hub = &shared.hub;
    if let Some(bye) = hub.ban_of(address) {
        hub.kept_out(address, &bye);
        return tell(shared, stream, begun, &bye).await;
    }
    match hub.register(Some(address), private) {
        Ok(peer) => {
            debug!(connection = peer.id.0, address = %hub.addresses.of(address), private, "connected by WebSocket");
            run(hub, &peer, stream, begun).await;
        }
        Err(refused) => {
            let bye = words(refused);
            info!(address = %hub.addresses.of(address), code = bye.code.as_str(), reason = %bye.reason, "turned away");
            tell(shared, stream, begun, &bye).await;
        }
    }
}

/// Tells somebody who can't come in why, where there is a place for that.
async fn tell<S: Transport>(shared: &Shared, stream: S, begun: &[u8], bye: &Bye) {
    if let Ok(_place) = shared.turned_away.try_acquire() {
        turn_away(stream, begun, &shared.hub, bye).await;
    }
}

/// `begun`: what the client sent behind its request.
async fn run<S: Transport>(hub: &Arc<Hub>, peer: &Arc<Peer>, stream: S, begun: &[u8]) {
    let io = WebSocketIo::new(stream, begun, Arc::clone(peer), hub.limits().max_line).await;
    Session::new(Arc::clone(hub), Arc::clone(peer), io, Opening::WebSocket).run().await;
}

/// Tells somebody that he can't be let in. A browser shows a script nothing of a refused upgrade, so it is told afterwards.
async fn turn_away<S: Transport>(stream: S, begun: &[u8], hub: &Hub, bye: &Bye) {
    let mut line = Vec::new();
    json::render(&mut line, &ServerMessage::Bye(bye.clone()));
    let peer = Arc::new(Peer::new(ConnId::NOBODY, None, false));
    let mut io = WebSocketIo::new(stream, begun, peer, hub.limits().max_line).await;
    let _ = timeout(BYE_DEADLINE, async {
        io.write_all(&line).await?;
        io.shutdown().await
    })
    .await;
    let mut dropped = [0; 1024];
    let _ = timeout(LINGER, async { while matches!(io.read(&mut dropped).await, Ok(n) if n > 0) {} }).await;
}
