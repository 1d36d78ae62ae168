//! Doors for the benchmarks in `benches/`, to what nobody outside may touch otherwise. No part of the interface.

use std::sync::Arc;

use chat_protocol::names::RoomName;
use jiff::tz::TimeZone;
use tokio::sync::broadcast::Receiver;

use crate::batch::{Batch, Dialect, Item, Origin};
use crate::clock::Clock;
use crate::log::{Entry, Log, NewMessage, Reader, Record, Store};
use crate::metrics::{Metrics, Surroundings};
use crate::peer::{ConnId, Peer};
use crate::room::Room;
use crate::rooms::Rooms;

/// A log, the lobby, and a member of it.
#[derive(Debug)]
pub struct Hall {
    log: Log,
    room: Arc<Room>,
    peer: Arc<Peer>,
    channel: Receiver<Arc<Batch>>,
}

impl Hall {
    /// Starts a log over this store.
    ///
    /// # Panics
    ///
    /// Where no thread can be started.
    #[expect(clippy::expect_used, reason = "for programs that measure")]
    pub fn new(store: impl Store, reader: Arc<dyn Reader>) -> Self {
        let metrics = Metrics::new(&Surroundings::default()).expect("figures");
        let lobby = crate::config::lobby();
        let rooms = Arc::new(Rooms::of_lobby(&lobby));
        let (room, _) = rooms.get_or_make(&lobby).expect("a lobby");
        let channel = room.listen();
        let (log, _) = Log::start(store, reader, rooms, Clock::system(), metrics).expect("a thread");
        let peer = Arc::new(Peer::new(ConnId(1), None, true));
        Self { log, room, peer, channel }
    }

    /// Says a message so many times, and waits until the member has all.
    pub async fn say(&mut self, message: &NewMessage, count: u64) {
        for ticket in 0..count {
            let (room, peer) = (Arc::clone(&self.room), Arc::clone(&self.peer));
            let origin = Origin { connection: peer.id, ticket };
            let said = self.log.append(Entry::Say { message: message.clone(), room, origin, peer }).await;
            said.unwrap_or_default();
        }
        let mut left = count;
        while left > 0 {
            let Ok(batch) = self.channel.recv().await else { return };
            left = left.saturating_sub(batch.messages());
        }
    }
}

/// A dialect that a batch is rendered in.
#[derive(Clone, Copy, Debug)]
pub enum Rendered {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Rendered {
    /// Makes a batch of these messages, renders it, and returns how many bytes that gave.
    #[must_use]
    pub fn of(self, room: &RoomName, records: Vec<Arc<Record>>) -> usize {
        let origin = Origin { connection: ConnId(1), ticket: 0 };
        let items = records.into_iter().map(|record| Item::Message { record, origin }).collect();
        let batch = Batch::new(1, room.clone(), items);
        let dialect = match self {
            Self::Text => Dialect::Text,
            Self::Json => Dialect::Json,
        };
        batch.chunk(dialect, &TimeZone::UTC).bytes.len()
    }
}
