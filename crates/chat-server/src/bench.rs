//! Doors for the benchmarks in `benches/`, to what nobody outside may touch otherwise. No part of the interface.

use std::sync::Arc;

use chat_protocol::names::RoomName;
use jiff::tz::TimeZone;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::broadcast::Receiver;

use crate::batch::{Batch, Dialect, Item, Origin};
use crate::clock::Clock;
use crate::log::{Entry, Log, NewMessage, Reader, Record, Store};
use crate::metrics::{Metrics, Surroundings};
use crate::peer::{ConnId, Peer};
use crate::room::Room;
use crate::rooms::Rooms;
use crate::session::{Opening, Session};
use crate::{Config, Server};

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
            let said =
                self.log.append(Entry::Say { message: message.clone(), room, origin, peer, refused: None }).await;
            said.unwrap_or_default();
        }
        let mut left = count;
        while left > 0 {
            let Ok(batch) = self.channel.recv().await else { return };
            left = left.saturating_sub(batch.messages());
        }
    }
}

/// A server without its doors, and somebody in its lobby, so that the room keeps its newest messages in memory.
#[derive(Debug)]
pub struct House {
    server: Server,
    newest: u64,
}

impl House {
    /// Opens it, and has a message said so many times.
    ///
    /// # Panics
    ///
    /// Where it can't be opened.
    #[expect(clippy::expect_used, reason = "for programs that measure")]
    pub async fn open(config: Config, message: &NewMessage, newest: u64) -> Self {
        let server = Server::bind(config).await.expect("a server");
        let hub = Arc::clone(server.hub());
        let (room, _) = hub.rooms.get_or_make(&message.room).expect("a room");
        room.enter(&message.from, message.author, true);
        let peer = Arc::new(Peer::new(ConnId(u64::MAX), None, true));
        for ticket in 0..newest {
            let (room, peer) = (Arc::clone(&room), Arc::clone(&peer));
            let origin = Origin { connection: peer.id, ticket };
            hub.log
                .append(Entry::Say { message: message.clone(), room, origin, peer, refused: None })
                .await
                .expect("a log");
        }
        // Answered once all that was said before it is stored.
        let (reply, answer) = tokio::sync::oneshot::channel();
        let topic = Entry::Topic { room, from: message.from.clone(), topic: String::new(), reply };
        hub.log.append(topic).await.expect("a log");
        answer.await.expect("an answer").expect("room for it");
        Self { server, newest }
    }

    /// Somebody connects, has had all but the last `behind` messages, is sent these, goes live and leaves. How many bytes he was sent.
    pub async fn come_back(&self, behind: u64) -> usize {
        let log = self.server.hub().log.name();
        let after = self.newest - behind;
        self.visit(&format!(r#""log":"{log}","rooms":[{{"room":"lobby","after":{after}}}]"#)).await
    }

    /// Somebody connects for the first time, is shown the last `history` messages, goes live and leaves.
    pub async fn come_in(&self, history: u64) -> usize {
        self.visit(&format!(r#""history":{history}"#)).await
    }

    /// For as long as this is held pages that were read of the log are kept, as while others read them.
    #[must_use]
    pub fn others_read(&self) -> impl Sized + use<> {
        self.server.hub().log.reading()
    }

    #[expect(clippy::expect_used, reason = "for programs that measure")]
    async fn visit(&self, wants: &str) -> usize {
        let hub = Arc::clone(self.server.hub());
        let peer = hub.register(None, true).expect("a place");
        let (mut client, there) = tokio::io::duplex(1 << 20);
        let mut session = Session::new(hub, peer, there, Opening::WebSocket);
        // The goodbye is read once he is live, and what is due is written before it is answered.
        let lines = format!("{{\"type\":\"hello\",\"alias\":\"bob\",\"quiet\":true,{wants}}}\n{{\"type\":\"quit\"}}\n");
        let mut sent = Vec::new();
        let visit = async {
            client.write_all(lines.as_bytes()).await.expect("written");
            client.shutdown().await.expect("the end of what he sends");
            client.read_to_end(&mut sent).await.expect("read");
        };
        tokio::join!(session.run(), visit);
        let newest = format!("\"seq\":{},", self.newest);
        assert!(memchr::memmem::find(&sent, newest.as_bytes()).is_some(), "the newest message didn't come");
        sent.len()
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
