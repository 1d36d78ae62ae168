//! The log: the one order of all that happens in rooms, and the only publisher of every room.
//!
//! Whatever goes into a room's channel passes through one bounded queue. The appender takes what has queued up, has
//! its messages stored as one transaction, and then publishes one batch to each room concerned.

mod appender;
mod memory;
mod pages;
pub mod search;
mod sqlite;
mod store;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chat_protocol::message::{Refusal, Stored};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::Seq;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

pub use memory::Memory;
pub(crate) use pages::{Page, Reading};
pub use sqlite::{
    Beside, Durable, FolderError, Keep, OpenError, Selection, Sqlite, SqliteReader, TransferError, backup, export,
    import, restore,
};
pub(crate) use sqlite::{mark_of, said_under};
pub use store::{
    AuthorId, CommitError, KeptRoom, KeptSession, NewMessage, Operation, Person, ReadError, Reader, Record, Space,
    Store, TokenHash, Verdict,
};

use self::pages::Pages;
use crate::batch::Origin;
use crate::clock::Clock;
use crate::limits::{APPEND_QUEUE, READS};
use crate::metrics::{Limit, Metrics};
use crate::peer::Peer;
use crate::room::{Room, Snapshot};
use crate::rooms::{CannotEnter, Rooms};

/// Something that is to happen in rooms.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A message. Its fate is seen in the room, or told to the peer. `refused`: it may not be said any more, and is only looked for
    /// among what is kept, as it may have been said before.
    Say { message: NewMessage, room: Arc<Room>, origin: Origin, peer: Arc<Peer>, refused: Option<Box<Refusal>> },
    /// Somebody enters a room.
    Enter {
        room: RoomName,
        alias: Alias,
        author: AuthorId,
        quiet: bool,
        reply: oneshot::Sender<Result<Entered, CannotEnter>>,
    },
    /// Somebody leaves a room. `abrupt`: without a goodbye.
    Exit { room: Arc<Room>, alias: Alias, author: AuthorId, reason: Option<String>, abrupt: bool },
    /// Somebody changes name in all his rooms; `token`: so does what is kept of his session. Answered once every roster has
    /// the new name.
    Rename { rooms: Vec<Arc<Room>>, from: Alias, to: Alias, token: Option<TokenHash>, reply: oneshot::Sender<()> },
    /// A session goes on: what is kept of it lives from now.
    Session { token: TokenHash, alias: Alias },
    /// What is kept of an account's sessions is worth nothing any more, but for one. Whether it is gone comes back.
    Revoke { author: AuthorId, keep: Option<(TokenHash, KeptSession)>, reply: oneshot::Sender<bool> },
    /// Somebody removes a message: of `author`, or where that is `None` of anybody.
    Redact {
        room: Arc<Room>,
        seq: Seq,
        author: Option<AuthorId>,
        by: Alias,
        reply: oneshot::Sender<Result<(), CannotRedact>>,
    },
    /// Somebody is erased, a step of that. From where to go on comes back.
    Erase { person: Person, after: u64, reply: oneshot::Sender<Result<(u64, Option<u64>), String>> },
    /// A topic is set.
    Topic { room: Arc<Room>, from: Alias, topic: String, reply: oneshot::Sender<Result<(), String>> },
}

/// Where somebody stands who entered a room.
#[derive(Debug)]
pub(crate) struct Entered {
    pub(crate) room: Arc<Room>,
    pub(crate) snapshot: Snapshot,
    /// The room did not exist before.
    pub(crate) made: bool,
}

/// Why a message is not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CannotRedact {
    Missing,
    Forbidden,
    Full(String),
}

/// The log can't be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log has stopped")]
pub(crate) struct Stopped;

/// A handle on the log.
#[derive(Debug)]
pub(crate) struct Log {
    queue: mpsc::Sender<Entry>,
    reader: Arc<dyn Reader>,
    reads: Semaphore,
    pages: Arc<Pages>,
    failure: Arc<Failure>,
    busy: Arc<Busy>,
    metrics: Metrics,
}

impl std::fmt::Debug for dyn Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.log())
    }
}

/// Since when the log's thread is at work on one round.
#[derive(Debug, Default)]
struct Busy(Mutex<Option<Instant>>);

impl Busy {
    fn set(&self, since: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn lasts(&self) -> Duration {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

/// Why the log stopped, once it has.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    why: OnceLock<String>,
    happened: Notify,
}

impl Failure {
    fn set(&self, why: String) {
        if self.why.set(why).is_ok() {
            self.happened.notify_waiters();
        }
    }

    /// Waits for the log to fail. Cancel-safe.
    pub(crate) async fn wait(&self) -> &str {
        loop {
            let happened = self.happened.notified();
            tokio::pin!(happened);
            happened.as_mut().enable();
            if let Some(why) = self.why.get() {
                return why;
            }
            happened.await;
        }
    }
}

impl Log {
    /// Starts the appender on a thread of its own. The receiver resolves when it has ended.
    pub(crate) fn start(
        store: impl Store,
        reader: Arc<dyn Reader>,
        rooms: Arc<Rooms>,
        clock: Clock,
        metrics: Metrics,
    ) -> std::io::Result<(Self, oneshot::Receiver<()>)> {
        let (queue, entries) = mpsc::channel(APPEND_QUEUE);
        let failure = Arc::new(Failure::default());
        let (ended, end) = oneshot::channel();
        let busy = Arc::new(Busy::default());
        let pages = Arc::<Pages>::default();
        let (appender_pages, appender_busy) = (Arc::clone(&pages), Arc::clone(&busy));
        let appender = appender::Appender::new(store, rooms, appender_pages, clock, metrics.clone(), appender_busy);
        appender::spawn(appender, entries, Arc::clone(&failure), ended)?;
        Ok((Self { queue, reader, reads: Semaphore::new(READS), pages, failure, busy, metrics }, end))
    }

    pub(crate) const fn failure(&self) -> &Arc<Failure> {
        &self.failure
    }

    /// How many entries wait, and how long the log's thread is at work on those before them.
    pub(crate) fn load(&self) -> (usize, Duration) {
        (self.queue.max_capacity() - self.queue.capacity(), self.busy.lasts())
    }

    /// What the log takes and what is left for it. May wait for a disk.
    pub(crate) fn space(&self) -> Space {
        self.reader.space()
    }

    /// The name of this log.
    pub(crate) fn name(&self) -> &str {
        self.reader.log()
    }

    /// Waits for a place in the queue. Places are given in the order in which they were asked for.
    pub(crate) async fn append(&self, entry: Entry) -> Result<(), Stopped> {
        if self.queue.capacity() == 0 {
            self.metrics.limit_met(Limit::AppendQueue);
        }
        self.queue.send(entry).await.map_err(|_| Stopped)
    }

    /// Waits for a place in the queue, which can then be taken without waiting.
    pub(crate) async fn place(&self) -> Result<mpsc::Permit<'_, Entry>, Stopped> {
        self.queue.reserve().await.map_err(|_| Stopped)
    }

    /// The oldest messages in `after < seq ≤ upto`, a page of them.
    pub(crate) async fn after(
        &self,
        room: &RoomName,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, ReadError> {
        let room = room.clone();
        self.read(move |reader| reader.after(&room, after, upto, limit)).await
    }

    /// Held while [`Self::page`] is called again and again.
    pub(crate) fn reading(&self) -> Reading {
        self.pages.reading()
    }

    /// The page in which the first message in `cursor < seq ≤ upto` stands, shared with all who read it at this time.
    pub(crate) async fn page(&self, room: &Room, cursor: Seq, upto: Seq) -> Result<Arc<Page>, ReadError> {
        let (after, end) = pages::bounds(cursor, upto);
        let read = async {
            let records = self.after(&room.name, after, upto, pages::LIMIT).await?;
            Ok(Page::new(&room.name, records, end, upto))
        };
        self.pages.get((room.id, after, end), read).await
    }

    /// The newest messages with `seq < before`, oldest first.
    pub(crate) async fn before(
        &self,
        room: &RoomName,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, ReadError> {
        let room = room.clone();
        self.read(move |reader| reader.before(&room, before, limit)).await
    }

    /// The newest messages with `seq < before` that contain all the words, newest first. Takes no place of those who read
    /// pages, so that no search delays them; how many search at once is the caller's to bound.
    pub(crate) async fn search(
        &self,
        room: &RoomName,
        query: String,
        before: Seq,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, ReadError> {
        let room = room.clone();
        // However fast a read of one page is: this may look at every message of a room.
        self.read_on_a_thread(move |reader| reader.search(&room, &query, before, limit)).await
    }

    /// The session with this secret, where the store kept it.
    pub(crate) async fn session(&self, token: TokenHash) -> Result<Option<KeptSession>, ReadError> {
        self.read(move |reader| reader.session(&token)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        if self.reader.is_immediate() { read(&*self.reader) } else { self.read_elsewhere(read).await }
    }

    async fn read_elsewhere<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let closed = |_| ReadError("the server is stopping".to_owned());
        let _permit = self.reads.acquire().await.map_err(closed)?;
        self.read_on_a_thread(read).await
    }

    async fn read_on_a_thread<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let reader = Arc::clone(&self.reader);
        let result = tokio::task::spawn_blocking(move || read(&*reader)).await;
        result.map_err(|error| ReadError(error.to_string()))?
    }
}

/// The seqs that are missing before, between and after `records` in `after < seq ≤ upto`: what can't be had any more.
pub(crate) fn holes<'a>(
    records: impl IntoIterator<Item = &'a Stored>,
    after: Seq,
    upto: Seq,
) -> impl Iterator<Item = (Seq, Seq)> {
    let mut last = after;
    let mut found = Vec::new();
    for stored in records {
        if stored.seq > last.next() {
            found.push((last.next(), stored.seq.previous()));
        }
        last = stored.seq;
    }
    if upto > last {
        found.push((last.next(), upto));
    }
    found.into_iter()
}

#[cfg(test)]
mod tests;
