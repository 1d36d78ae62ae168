//! The accept loop of the page's address: who has a place, and what those hear who don't.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::Ends;
use crate::accept::{Spare, canonical, is_spare_needed, longer, prepare};
use crate::full;
use crate::hub::{Hub, block};
use crate::limits::{
    BYE_DEADLINE, FULL_AT_ONCE, HTTP_AT_ONCE, HTTP_HEAD_BYTES, HTTP_HEAD_DEADLINE, HTTP_PER_ADDRESS, SPARE_DEADLINE,
};
use crate::session::Transport;
use crate::stranger;
use crate::tls::Tls;
use crate::written::Written;

/// What each accepted connection needs.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) hub: Arc<Hub>,
    pub(super) tls: Option<Tls>,
    pub(super) router: Router,
    /// Changes when the server stops.
    pub(super) stopped: watch::Receiver<()>,
}

/// Who holds how many places for HTTP.
#[derive(Debug, Default)]
struct Places(Mutex<HashMap<IpAddr, usize>>);

/// One of them, held as long as it lives.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    of: IpAddr,
}

/// Why there is no place, in words.
const FULL: &str = "the server is full; try again in half a minute\n";
const PER_ADDRESS: &str = "too many connections from your address; try again in half a minute\n";

impl Places {
    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `shared`: others come by way of this address too, so that only all together are counted.
    fn take(self: &Arc<Self>, address: IpAddr, shared: bool) -> Result<Place, &'static str> {
        let of = block(address);
        let mut held = self.held();
        if held.values().sum::<usize>() >= HTTP_AT_ONCE {
            return Err(FULL);
        }
        let own = held.entry(of).or_default();
        if *own >= HTTP_PER_ADDRESS && !shared {
            return Err(PER_ADDRESS);
        }
        *own += 1;
        Ok(Place { places: Arc::clone(self), of })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.held();
        if let Some(own) = held.get_mut(&self.of) {
            *own -= 1;
            if *own == 0 {
                held.remove(&self.of);
            }
        }
    }
}

impl Door {
    /// Accepts for as long as it is polled; like the accept loop of TCP, no error ends it, and out of descriptors it tells so.
    pub(super) async fn accept(&self, listener: &TcpListener, tasks: &TaskTracker) {
        let (places, refusals) = (Arc::<Places>::default(), Arc::new(Semaphore::new(FULL_AT_ONCE)));
        let mut spare = Spare::new();
        let mut pause = Duration::ZERO;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => {
                    pause = Duration::ZERO;
                    self.admit(stream, address, &places, &refusals, tasks);
                }
                Err(error) => {
                    // Once, and not for everybody who is told that the server is full.
                    if pause.is_zero() {
                        warn!(%error, "can't accept a connection to the page");
                    }
                    pause = longer(pause);
                    let met = match is_spare_needed(&error) {
                        true => spare.accept(listener).await,
                        false => None,
                    };
                    match met {
                        Some((stream, address)) => {
                            let _ = timeout(SPARE_DEADLINE, self.turn_away(stream, address, FULL)).await;
                        }
                        None => tokio::time::sleep(pause).await,
                    }
                    spare.restore();
                }
            }
        }
    }

    fn admit(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        places: &Arc<Places>,
        refusals: &Arc<Semaphore>,
        tasks: &TaskTracker,
    ) {
        let door = self.clone();
        match places.take(canonical(address), self.hub.proxies.are_at(canonical(address))) {
            Ok(place) => {
                tasks.spawn(async move {
                    door.serve(stream, address).await;
                    drop(place);
                });
            }
            Err(why) => {
                debug!(address = %self.hub.addresses.of(address), why = why.trim_end(), "an HTTP connection was turned away");
                if let Ok(permit) = Arc::clone(refusals).try_acquire_owned() {
                    tasks.spawn(async move {
                        door.turn_away(stream, address, why).await;
                        drop(permit);
                    });
                }
            }
        }
    }

    /// Answers whatever is asked that it can't be answered just now.
    async fn turn_away(&self, stream: TcpStream, address: SocketAddr, why: &str) {
        let answer = stranger::response("503 Service Unavailable", "Retry-After: 30\r\n", why);
        match &self.tls {
            None => say(stream, &answer).await,
            Some(tls) => {
                if let Some(stream) = tls.accept(stream, self.hub.addresses.of(address), &self.hub).await {
                    say(stream, &answer).await;
                }
            }
        }
    }

    /// Answers the requests of one connection until it ends, becomes a WebSocket, or the server stops.
    async fn serve(mut self, stream: TcpStream, address: SocketAddr) {
        let written = self.hub.addresses.of(address);
        if let Err(error) = prepare(&stream) {
            debug!(address = %written, %error, "a socket option can't be set");
        }
        let Ok(local) = stream.local_addr() else { return };
        let ends = Ends { peer: canonical(address), local: canonical(local) };
        let Some(tls) = self.tls.take() else {
            return serve_http(stream, ends, written, self.router, self.stopped).await;
        };
        let stream = tokio::select! {
            stream = tls.accept(stream, written, &self.hub) => stream,
            _ = self.stopped.changed() => None,
        };
        if let Some(stream) = stream {
            serve_http(stream, ends, written, self.router, self.stopped).await;
        }
    }
}

async fn say(mut stream: impl Transport, answer: &[u8]) {
    let _ = timeout(BYE_DEADLINE, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    })
    .await;
    full::linger(&mut stream).await;
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
            match timeout(BYE_DEADLINE, connection).await {
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
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_a_part_of_the_places_and_all_together_no_more_than_there_are() {
        let places = Arc::<Places>::default();
        let address = |n: u32| IpAddr::V4((0x0a00_0000 + n).into());
        let mut held: Vec<_> =
            (0..HTTP_PER_ADDRESS).map(|_| places.take(address(1), false).expect("a place")).collect();
        assert_eq!(places.take(address(1), false).map(drop), Err(PER_ADDRESS));
        held.push(places.take(address(1), true).expect("a proxy speaks for others"));
        let others = (2..).map_while(|n| places.take(address(n), false).ok());
        held.extend(others.take(2 * HTTP_AT_ONCE));
        assert_eq!(places.take(address(3), false).map(drop), Err(FULL));
        assert_eq!(held.len(), HTTP_AT_ONCE);
        drop(held);
        assert!(places.held().is_empty());
    }
}
