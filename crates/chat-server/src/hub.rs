//! What all sessions share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chat_protocol::message::Bye;
use chat_protocol::names::RoomName;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::info;

use crate::accounts::Gate;
use crate::clock::Clock;
use crate::config::Limits;
use crate::directory::Directory;
use crate::full;
use crate::limits::LOG_STUCK;
use crate::log::{Log, Space};
use crate::metrics::{Limit, Metrics, Now, Surroundings};
use crate::moderation::Order;
use crate::peer::{ConnId, Peer};
use crate::quotas::Quotas;
use crate::rooms::Rooms;
use crate::session::banned;
use crate::speakers::Speakers;
use crate::trust::Proxies;
use crate::written::Addresses;

/// The server as a session sees it.
#[derive(Debug)]
pub(crate) struct Hub {
    /// Those of connections that come from now on.
    pub(crate) limits: RwLock<Arc<Limits>>,
    /// Nobody is here without an account.
    pub(crate) require_account: bool,
    pub(crate) addresses: Addresses,
    /// Those who may speak for others.
    pub(crate) proxies: Proxies,
    pub(crate) lobby: RoomName,
    /// The address of the page for browsers.
    pub(crate) page: Option<String>,
    pub(crate) clock: Clock,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) log: Log,
    pub(crate) accounts: Gate,
    pub(crate) order: Arc<Order>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) connections: Connections,
    pub(crate) speakers: Speakers,
    pub(crate) quotas: Quotas,
    /// Places of those who ask for history or search.
    pub(crate) reads: Arc<Semaphore>,
    /// Bytes that wait for clients that take nothing just now.
    pub(crate) backlog: AtomicUsize,
    pub(crate) metrics: Metrics,
    /// What the metrics look at besides.
    pub(crate) surroundings: Surroundings,
}

impl Hub {
    /// Counts a connection in, where the limits allow. `private`: nobody on the way can read what it sends.
    pub(crate) fn register(&self, address: Option<IpAddr>, private: bool) -> Result<Arc<Peer>, Refused> {
        let registered = self.connections.register(address, private, &self.limits());
        match &registered {
            Ok(_) => self.metrics.connections_total.inc(),
            Err(Refused::Full) => self.metrics.limit_met(Limit::Connections),
            Err(Refused::PerAddress) => self.metrics.limit_met(Limit::PerAddress),
            Err(Refused::Outsider) => {}
        }
        registered.inspect_err(|refused| full::count(&self.metrics, *refused))
    }

    /// What whoever comes from a banned address is told.
    pub(crate) fn ban_of(&self, address: IpAddr) -> Option<Bye> {
        // A ban that was made before the proxy was named would hit all who come by way of it.
        if self.proxies.are_at(address) {
            return None;
        }
        let rule = self.order.ban_of_address(address, self.clock.now())?;
        Some(banned(&rule, &self.clock))
    }

    /// Writes down and counts that somebody from a banned address was sent away before he had a place.
    pub(crate) fn kept_out(&self, address: IpAddr, bye: &Bye) {
        self.metrics.closings_total.with_label_values(&[bye.code.as_str()]).inc();
        info!(address = %self.addresses.of(address), code = bye.code.as_str(), reason = %bye.reason, "turned away");
    }

    pub(crate) fn limits(&self) -> Arc<Limits> {
        Arc::clone(&self.limits.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits);
    }

    /// What the metrics ask of the moment; may wait for a disk.
    pub(crate) fn now(&self) -> Now {
        let (connections, draining) = self.connections.now();
        let (queue, log_busy) = self.log.load();
        let Space { used: log_bytes, free: free_bytes } = self.log.space();
        Now { connections, rooms: self.rooms.count(), queue, log_busy, draining, log_bytes, free_bytes }
    }

    /// Why nobody new should be sent here; `None` where all is well.
    pub(crate) fn not_ready(&self) -> Option<&'static str> {
        if self.connections.now().1 {
            Some("the server is stopping")
        } else if self.metrics.log_refusing.get() != 0 {
            Some("the log has no room for more")
        } else if self.log.load().1 >= LOG_STUCK {
            Some("the log doesn't answer")
        } else {
            None
        }
    }
}

/// The connections that there are.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    next: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    peers: HashMap<ConnId, Arc<Peer>>,
    by_address: HashMap<IpAddr, usize>,
    /// The words with which everybody is sent away, and since when.
    stopping: Option<(Bye, Instant)>,
}

/// Why one connection more can't be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    PerAddress,
    /// A balancer is in front, and this is somebody else.
    Outsider,
}

impl Connections {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, address: Option<IpAddr>, private: bool, limits: &Limits) -> Result<Arc<Peer>, Refused> {
        let mut state = self.state();
        if limits.max_connections > 0 && state.peers.len() >= limits.max_connections {
            return Err(Refused::Full);
        }
        if let Some(block) = address.map(block) {
            let held = state.by_address.entry(block).or_default();
            if limits.max_per_address > 0 && *held >= limits.max_per_address {
                return Err(Refused::PerAddress);
            }
            *held += 1;
        }
        let peer = Arc::new(Peer::new(ConnId(self.next.fetch_add(1, Ordering::Relaxed)), address, private));
        if let Some((bye, _)) = &state.stopping {
            peer.end(bye.clone());
        }
        state.peers.insert(peer.id, Arc::clone(&peer));
        Ok(peer)
    }

    /// How many there are, and whether they are being sent away.
    fn now(&self) -> (usize, bool) {
        let state = self.state();
        (state.peers.len(), state.stopping.is_some())
    }

    /// Since when everybody is sent away, where that has begun.
    pub(crate) fn stopping_since(&self) -> Option<Instant> {
        self.state().stopping.as_ref().map(|(_, since)| *since)
    }

    /// Counts a connection out.
    pub(crate) fn unregister(&self, peer: &Peer) {
        let mut state = self.state();
        if state.peers.remove(&peer.id).is_none() {
            return;
        }
        if let Some(block) = peer.address.map(block)
            && let Some(held) = state.by_address.get_mut(&block)
        {
            *held -= 1;
            if *held == 0 {
                state.by_address.remove(&block);
            }
        }
    }

    /// All of them.
    pub(crate) fn peers(&self) -> Vec<Arc<Peer>> {
        self.state().peers.values().cloned().collect()
    }

    /// Asks everybody to end, those who come later too.
    pub(crate) fn end_all(&self, bye: &Bye) {
        let mut state = self.state();
        state.stopping = Some((bye.clone(), Instant::now()));
        state.peers.values().for_each(|peer| peer.end(bye.clone()));
    }
}

/// What counts as one address: of IPv6 a /64, as that is the least that one subscriber has.
pub(crate) fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_counts_as_its_64() {
        let parse = |address: &str| address.parse().expect("an address");
        assert_eq!(block(parse("2001:db8:1:2:3:4:5:6")), parse("2001:db8:1:2::"));
        assert_eq!(block(parse("::ffff:192.0.2.1")), parse("192.0.2.1"));
        assert_eq!(block(parse("192.0.2.1")), parse("192.0.2.1"));
    }
}
