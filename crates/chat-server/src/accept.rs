//! Accepting: from a listener to a connection's task. Whatever takes time happens in that task.

mod proxy;
mod spare;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chat_protocol::message::Bye;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::full;
use crate::hub::{Hub, Refused};
use crate::limits::{
    ACCEPT_PAUSE, FULL_AT_ONCE, HEADER_DEADLINE, HEADERS_AT_ONCE, KEEPALIVE, KEEPALIVE_RETRIES, SEND_BUFFER,
    SPARE_DEADLINE, USER_TIMEOUT,
};
use crate::peer::Peer;
use crate::session::{Opening, Session};
use crate::tls::Tls;
use crate::written::Written;

use self::proxy::Source;
pub(crate) use self::spare::{Spare, is_needed as is_spare_needed};

/// A listener and what is behind it.
#[derive(Debug)]
pub(crate) struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
    /// Each connection begins with a header that says for whom it is.
    proxied: bool,
    /// Places for telling somebody that he can't come in.
    refusals: Arc<Semaphore>,
}

/// Somebody who connects.
#[derive(Clone, Copy, Debug)]
struct Caller {
    address: SocketAddr,
    /// Nobody on the way can read what he sends, before any encryption of our own.
    private: bool,
}

impl Caller {
    const fn direct(address: SocketAddr) -> Self {
        Self { address, private: canonical(address).is_loopback() }
    }

    /// A balancer's word on the address says nothing of the way to the balancer, whatever the address.
    const fn behind(address: SocketAddr) -> Self {
        Self { address, private: false }
    }
}

impl Door {
    pub(crate) fn new(listener: TcpListener, tls: Option<Tls>, proxied: bool) -> Self {
        Self { listener, tls, proxied, refusals: Arc::new(Semaphore::new(FULL_AT_ONCE)) }
    }

    pub(crate) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Accepts for as long as it is polled. No error ends it: one that stays only slows it.
    pub(crate) async fn accept(self: &Arc<Self>, hub: &Arc<Hub>, tasks: &TaskTracker) {
        let mut spare = Spare::new();
        let mut pause = Duration::ZERO;
        let headers = Arc::new(Semaphore::new(HEADERS_AT_ONCE));
        loop {
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    pause = Duration::ZERO;
                    if !self.proxied {
                        self.admit(stream, Caller::direct(address), hub, tasks);
                    } else if hub.proxies.may_introduce(canonical(address)) {
                        self.introduce(stream, address, &headers, hub, tasks).await;
                    } else {
                        full::count(&hub.metrics, Refused::Outsider);
                        self.turn_away(stream, address, Refused::Outsider, hub, tasks);
                    }
                }
                Err(error) if is_spare_needed(&error) => {
                    if pause.is_zero() {
                        warn!(%error, "no descriptor is left for another connection; members go on");
                    }
                    pause = longer(pause);
                    match spare.accept(&self.listener).await {
                        Some((stream, address)) => {
                            full::count(&hub.metrics, Refused::Full);
                            let refusal = refuse(stream, hub, address, self.tls.as_ref(), full::words(Refused::Full));
                            let _ = timeout(SPARE_DEADLINE, refusal).await;
                        }
                        None => tokio::time::sleep(pause).await,
                    }
                    spare.restore();
                }
                Err(error) => {
                    pause = longer(pause);
                    warn!(%error, pause_ms = pause.as_millis(), "can't accept a connection");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Lets a balancer say for whom it comes. It does so at once, so that a place among those who may is soon free.
    async fn introduce(
        self: &Arc<Self>,
        mut stream: TcpStream,
        balancer: SocketAddr,
        headers: &Arc<Semaphore>,
        hub: &Arc<Hub>,
        tasks: &TaskTracker,
    ) {
        let Ok(place) = Arc::clone(headers).acquire_owned().await else { return };
        let (door, hub, others) = (Arc::clone(self), Arc::clone(hub), tasks.clone());
        tasks.spawn(async move {
            let source = timeout(HEADER_DEADLINE, proxy::read(&mut stream)).await;
            drop(place);
            match source {
                Ok(Ok(Source::Client(address))) => door.admit(stream, Caller::behind(address), &hub, &others),
                Ok(Ok(Source::Balancer)) => door.admit(stream, Caller::behind(balancer), &hub, &others),
                Ok(Err(why)) => info!(address = %balancer, %why, "a connection was closed"),
                Err(_) => info!(address = %balancer, "a connection was closed, as its PROXY header took too long"),
            }
        });
    }

    fn admit(&self, stream: TcpStream, caller: Caller, hub: &Arc<Hub>, tasks: &TaskTracker) {
        let Caller { address, private } = caller;
        let written = hub.addresses.of(address);
        if let Err(error) = prepare(&stream) {
            // A peer that has hung up already makes this fail; the session will notice.
            debug!(address = %written, %error, "a socket option can't be set");
        }
        // Before he has a place: whoever is kept out may come again as often as he likes.
        if let Some(bye) = hub.ban_of(canonical(address)) {
            hub.kept_out(canonical(address), &bye);
            return self.say(stream, address, bye, hub, tasks);
        }
        match hub.register(Some(canonical(address)), private) {
            Ok(peer) => {
                debug!(connection = peer.id.0, address = %written, tls = self.is_tls(), "connected");
                self.serve(stream, written, peer, hub, tasks);
            }
            Err(refused) => self.turn_away(stream, address, refused, hub, tasks),
        }
    }

    fn turn_away(&self, stream: TcpStream, address: SocketAddr, refused: Refused, hub: &Arc<Hub>, tasks: &TaskTracker) {
        let bye = full::words(refused);
        info!(address = %hub.addresses.of(address), code = bye.code.as_str(), reason = %bye.reason, "turned away");
        self.say(stream, address, bye, hub, tasks);
    }

    /// Tells somebody who can't come in why, where there is a place for that.
    fn say(&self, stream: TcpStream, address: SocketAddr, bye: Bye, hub: &Arc<Hub>, tasks: &TaskTracker) {
        if let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() {
            let (tls, hub) = (self.tls.clone(), Arc::clone(hub));
            tasks.spawn(async move {
                refuse(stream, &hub, address, tls.as_ref(), bye).await;
                drop(permit);
            });
        }
    }

    /// Each kind of connection has a task of its own kind: a plain one shall not be as large as one with TLS.
    fn serve(
        &self,
        stream: TcpStream,
        address: Written<SocketAddr>,
        peer: Arc<Peer>,
        hub: &Arc<Hub>,
        tasks: &TaskTracker,
    ) {
        let hub = Arc::clone(hub);
        let Some(tls) = self.tls.clone() else {
            let mut session = Session::new(hub, peer, stream, Opening::Tcp);
            tasks.spawn(async move { session.run().await });
            return;
        };
        tasks.spawn(async move {
            // Boxed: what the handshake needs is given back after it.
            let greeted = Box::pin(async {
                tokio::select! {
                    greeted = tls.accept(stream, address, &hub) => greeted,
                    _ = peer.asked_to_end() => None,
                }
            });
            match greeted.await {
                Some(stream) => {
                    peer.set_secure();
                    Session::new(hub, peer, stream, Opening::Tls).run().await;
                }
                None => hub.connections.unregister(&peer),
            }
        });
    }
}

/// Tells somebody, in TLS where that is spoken, that he can't come in.
async fn refuse(stream: TcpStream, hub: &Hub, address: SocketAddr, tls: Option<&Tls>, bye: Bye) {
    match tls {
        None => full::turn_away(stream, bye).await,
        Some(tls) => {
            if let Some(stream) = tls.accept(stream, hub.addresses.of(address), hub).await {
                full::turn_away(stream, bye).await;
            }
        }
    }
}

/// The pause of an accept loop after one more error.
pub(crate) fn longer(pause: Duration) -> Duration {
    (pause * 2).clamp(Duration::from_millis(10), ACCEPT_PAUSE)
}

pub(crate) const fn canonical(address: SocketAddr) -> IpAddr {
    address.ip().to_canonical()
}

/// No delay, as the session writes once per wake; and a vanished peer is noticed within a minute, in a quiet room (by
/// keep-alive) and in a talking one (by unacknowledged data).
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
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
