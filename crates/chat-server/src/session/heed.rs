//! Which requests to end a session hears at once, and which wait until a line is carried out.

use std::future::pending;
use std::sync::Arc;

use chat_protocol::message::{Bye, ByeCode};
use tokio::time::{Instant, sleep_until};

use super::{Ended, Flow, Session, Transport};
use crate::hub::Hub;
use crate::limits::DRAIN_DEADLINE;
use crate::peer::Peer;

/// Which requests to end are heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heed {
    All,
    /// A line is being carried out. That the server stops, or that nobody listens any more, is looked at when it is done: the
    /// lines after it are carried out then, and mean something else without it, as what is said after `/join` does.
    AllButTheStop,
    /// What it had received is being carried out, as it was asked to end or its connection broke.
    Nothing,
}

impl Heed {
    const fn hears(self, bye: &Bye) -> bool {
        match self {
            Self::All => true,
            Self::AllButTheStop => !matches!(bye.code, ByeCode::Shutdown),
            Self::Nothing => false,
        }
    }

    /// The words to end with, where it was asked to and hears that.
    pub(super) fn ending(self, peer: &Peer) -> Option<Bye> {
        peer.ending().filter(|bye| self.hears(bye))
    }
}

/// Waits for a request to end that is heard. Cancel-safe.
pub(super) async fn asked_to_end(peer: &Peer, heed: Heed) -> Bye {
    let bye = peer.asked_to_end().await;
    // Only the first request counts, so that none is to come after one that isn't heard.
    if heed.hears(&bye) { bye } else { pending().await }
}

/// Carries a line out, unless the server stops and everything that had arrived should be done by now.
pub(super) async fn in_time(hub: &Hub, peer: &Peer, line: impl Future<Output = Flow>) -> Flow {
    let overdue = async {
        let bye = peer.asked_to_end().await;
        if bye.code != ByeCode::Shutdown {
            return pending().await;
        }
        sleep_until(drained_by(hub)).await;
        bye
    };
    tokio::select! {
        biased;
        done = line => done,
        bye = overdue => Err(Ended::Closed(bye)),
    }
}

/// When the server stops: until when sessions carry out what had arrived.
pub(super) fn drained_by(hub: &Hub) -> Instant {
    hub.connections.stopping_since().unwrap_or_else(Instant::now) + DRAIN_DEADLINE
}

impl<S: Transport> Session<S> {
    /// From here on something is carried out to its end; see [`Heed::AllButTheStop`].
    pub(super) fn hold_out(&mut self) -> (Arc<Hub>, Arc<Peer>) {
        self.heed = Heed::AllButTheStop;
        (Arc::clone(&self.hub), Arc::clone(&self.peer))
    }

    /// Waits for what others do for this session, unless it is asked to end before and hears that. Cancel-safe where `work` is.
    pub(super) async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Flow<T> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            bye = asked_to_end(&self.peer, self.heed) => Err(Ended::Closed(bye)),
        }
    }

    /// It is, or it ends the session.
    pub(super) fn give_in(&mut self, done: Flow) -> Flow {
        self.heed = Heed::All;
        done?;
        if self.deaf { Err(Ended::Lost) } else { Ok(()) }
    }
}
