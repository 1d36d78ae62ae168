//! The seam between the log and what keeps it.
//!
//! A [`Store`] takes operations in the order in which they are to happen and answers what became of each: that is a
//! deterministic fold over the order (seq, dedupe), so that another engine which orders the same operations comes to
//! the same places. A [`Reader`] reads what was committed, from any thread, while the store writes.

use std::sync::Arc;
use std::time::Duration;

use chat_protocol::message::Stored;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Seq, Text, Time};

/// Who sent a message, for as long as it is kept: a guest's session or an account. Ids of messages are the author's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorId(pub [u8; 16]);

/// The SHA-256 of a session's secret. Secrets themselves are never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A message as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What everybody may see of it.
    pub stored: Stored,
    /// Who sent it.
    pub author: AuthorId,
    /// The id that its client gave it.
    pub id: Option<MessageId>,
}

/// A message that asks to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// In which room.
    pub room: RoomName,
    /// By whom.
    pub author: AuthorId,
    /// The session that sent it, where it has one: kept with its first message, so that it outlives the server.
    pub session: Option<TokenHash>,
    /// The author's id for it. A second message of this author with the same id stores nothing.
    pub id: Option<MessageId>,
    /// The author's alias at this moment.
    pub from: Alias,
    /// What.
    pub text: Text,
    /// How it is meant.
    pub kind: Kind,
}

/// Something to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// A message.
    Say(NewMessage),
    /// Whether a message is kept already, under its id. Stores nothing: [`Verdict::Missing`] where it isn't.
    Known(NewMessage),
    /// A room's topic; empty clears it.
    Topic {
        /// Which room.
        room: RoomName,
        /// The topic.
        topic: String,
    },
    /// A session was used, under this alias. What is kept of it is brought up to date; one that isn't kept stays so.
    Session {
        /// Which.
        token: TokenHash,
        /// Its alias now.
        alias: Alias,
    },
    /// The sessions of an account are worth nothing from now on, but for one that may go on.
    Revoke {
        /// Whose.
        author: AuthorId,
        /// What is kept of that one.
        keep: Option<(TokenHash, KeptSession)>,
    },
    /// The text of a message is taken away. Its place stays, with an empty text, and so does its id.
    Redact {
        /// In which room.
        room: RoomName,
        /// Which message.
        seq: Seq,
        /// Whose it has to be; `None`: anybody's, as an operator asks.
        author: Option<AuthorId>,
    },
    /// The texts of all that somebody said are taken away, and those of his private conversations; his sessions are forgotten. A step of that:
    /// it is asked again from where it came to.
    Erase {
        /// Who.
        person: Person,
        /// 0, or what the last step said.
        after: u64,
    },
}

/// Somebody whose messages are meant, wherever they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// The account with this id.
    Account(AuthorId),
    /// Whoever spoke under this alias.
    Guest(Alias),
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The message is kept, at this place.
    Stored(Arc<Record>),
    /// The same message was kept before, at this place; nothing was stored.
    Repeat(Arc<Record>),
    /// The author used this id for another room, kind or text; nothing was stored.
    Conflict,
    /// Done, and nothing more to say.
    Done,
    /// The text was taken away; this is what is left.
    Redacted(Arc<Record>),
    /// These texts were taken away; this is what is left.
    Erased {
        /// That.
        left: Vec<Arc<Record>>,
        /// From where to go on; `None`: that was all.
        next: Option<u64>,
    },
    /// There is no such message, or none any more.
    Missing,
    /// The message is somebody else's.
    Forbidden,
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// There is no room for it. It is certain that nothing of it was stored; reading goes on, and a later commit may succeed.
    #[error("the log has no room for more: {why}")]
    Full {
        /// In words.
        why: String,
        /// For each operation what could be said of it without storing anything: a repeat of what was kept before is one
        /// also now, and to refuse it would be untrue. It may be shorter than the operations are many.
        known: Vec<Option<Verdict>>,
    },
    /// What became of it is not known. Nobody may be answered, and the store must not be used any more.
    #[error("the log can't be written: {0}")]
    Failed(String),
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the log can't be read: {0}")]
pub struct ReadError(pub String);

/// A room as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRoom {
    /// Its name, as its first visitor spelt it.
    pub name: RoomName,
    /// The place of its newest message.
    pub head: Seq,
    /// Its topic; empty where none is set.
    pub topic: String,
}

/// A session that the store remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSession {
    /// Whose messages it sends.
    pub author: AuthorId,
    /// The alias it had with its last message.
    pub alias: Alias,
    /// When it was last used.
    pub last_used: Time,
}

/// The room that a log takes where it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// Bytes that it takes.
    pub used: u64,
    /// Bytes that are free there; `None` where that isn't known or means nothing.
    pub free: Option<u64>,
}

/// Keeps messages. Called by the appender alone, on a thread that may block.
pub trait Store: Send + 'static {
    /// Carries out `operations` in their order, all of them or none, and returns a verdict for each once they are
    /// durable. `now` becomes the time of what is stored.
    ///
    /// # Errors
    ///
    /// See [`CommitError`]; its variants differ in what the caller may do next.
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError>;

    /// Does a piece of what can wait (indexing, retention, clearing up), some milliseconds of it. Called between two
    /// commits, best while nobody waits. Returns when there will be more to do; zero: at once.
    ///
    /// # Errors
    ///
    /// [`CommitError::Failed`], as for a commit. What finds no room is left for later and is no error.
    fn tend(&mut self, now: Time) -> Result<Option<Duration>, CommitError> {
        let _ = now;
        Ok(None)
    }

    /// What was removed since this was asked last: rooms, and for each the newest seq up to which nothing is kept any more.
    fn take_removed(&mut self) -> Vec<(RoomName, Seq)> {
        Vec::new()
    }
}

impl Store for Box<dyn Store> {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        (**self).commit(now, operations)
    }

    fn tend(&mut self, now: Time) -> Result<Option<Duration>, CommitError> {
        (**self).tend(now)
    }

    fn take_removed(&mut self) -> Vec<(RoomName, Seq)> {
        (**self).take_removed()
    }
}

/// Reads what was committed.
///
/// A message that is kept no longer, or fails its checksum, is left out: the caller sees the hole in the seqs. Fewer
/// messages than the limit are returned only where there are no more.
pub trait Reader: Send + Sync + 'static {
    /// Names this log: positions learned in another mean nothing here.
    fn log(&self) -> &str;

    /// Whether calls return without waiting for a disk, so that they may be made on the runtime's threads.
    fn is_immediate(&self) -> bool;

    /// What the log takes and what is left for it. May wait for a disk.
    fn space(&self) -> Space;

    /// All rooms that have messages, had some, or have a topic.
    ///
    /// # Errors
    ///
    /// [`ReadError`] where the store can't be read; so for all that follow.
    fn rooms(&self) -> Result<Vec<KeptRoom>, ReadError>;

    /// The oldest `limit` messages of `room` in `after < seq ≤ upto`, oldest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn after(&self, room: &RoomName, after: Seq, upto: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError>;

    /// The newest `limit` messages of `room` with `seq < before`, oldest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn before(&self, room: &RoomName, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError>;

    /// The newest `limit` messages of `room` with `seq < before` that contain every word of `query` (see
    /// [`Query`](super::search::Query)), newest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn search(&self, room: &RoomName, query: &str, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError>;

    /// The session with this secret, where it was kept.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    fn session(&self, token: &TokenHash) -> Result<Option<KeptSession>, ReadError>;
}
