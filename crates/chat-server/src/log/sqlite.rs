//! The durable store: one SQLite database in a data folder of which this process is the only writer.
//!
//! What was committed is on the disk when [`Store::commit`] returns: the write-ahead log is synced by every commit
//! (`synchronous=FULL`). Each row has a checksum over all that it says, and a row that fails it is left out of what is
//! read: a damaged message is a gap, never another message.
//!
//! What can't be noticed: a write-ahead log (`chat.db-wal`) whose end was cut off or damaged opens without complaint and
//! without what its end said, as nothing outside of it knows how long it was. The same goes for a folder that was put
//! back to what it was earlier. The clients' positions give that away: one beyond the head is answered with `reset`.

mod erase;
mod fold;
mod folder;
mod index;
mod reader;
mod restore;
mod row;
mod schema;
mod tend;
mod transfer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chat_protocol::names::RoomName;
use chat_protocol::value::{Seq, Time};
use rusqlite::{Connection, Transaction, TransactionBehavior};

pub(crate) use self::erase::said_under;
pub use self::folder::FolderError;
pub use self::reader::SqliteReader;
pub use self::restore::{Beside, restore};
pub use self::schema::OpenError;
pub(crate) use self::schema::mark_of;
pub use self::transfer::{Selection, TransferError, backup, export, import};

use self::fold::{Changes, Fold, KnownSessions, RoomRows};
use self::folder::Folder;
use self::tend::Tending;
use super::store::{CommitError, Operation, Store, Verdict};
use crate::limits::{KNOWN_SESSIONS, MIN_FREE};
use crate::planted::{Bug, planted};

/// Where messages are kept on disk, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durable {
    /// The data folder; it is made if need be.
    pub data: PathBuf,
    /// Bytes that stay free on its disk: messages that would take of them are refused. 0: as many as there are.
    pub min_free: u64,
    /// What is removed.
    pub keep: Keep,
}

/// How long messages are kept: until any of these is exceeded, then a room's oldest go first. Unset: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Keep {
    /// Time since a message was stored, by the server's clock.
    pub age: Option<Duration>,
    /// Messages of each room.
    pub messages: Option<u64>,
    /// Bytes of the database in use, all rooms together. The room with the oldest message gives.
    pub bytes: Option<u64>,
}

impl Durable {
    /// Keeps all messages, for ever, in this folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), min_free: MIN_FREE, keep: Keep::default() }
    }
}

/// The writing end. Dropping it closes the log; the folder is free for others once its readers are gone too.
#[derive(Debug)]
pub struct Sqlite {
    db: Connection,
    folder: Arc<Folder>,
    rooms: RoomRows,
    sessions: KnownSessions,
    min_free: u64,
    tending: Tending,
    /// A commit's outcome is unknown: nothing is written any more, not even on closing.
    failed: bool,
}

impl Sqlite {
    /// Opens the log in a data folder, made if need be.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: each is a sentence for the operator.
    pub fn open(options: &Durable) -> Result<(Self, SqliteReader), OpenError> {
        let folder = Arc::new(Folder::take(&options.data)?);
        let path = folder.database();
        let db = schema::open(&path)?;
        let damaged = |why| OpenError::Damaged { path: path.clone(), why };
        let mut rooms: RoomRows = row::read_rooms(&db).map_err(damaged)?.into_iter().collect();
        if planted(Bug::LogCut) {
            cut_short(&db, &mut rooms).map_err(|error| OpenError::of(&path, &error))?;
        }
        for (name, room) in &rooms {
            let newest = reader::newest(&db, room.id).map_err(|error| OpenError::of(&path, &error))?;
            if newest.is_some_and(|newest| newest > room.head) {
                return Err(damaged(format!("#{name} has messages after its newest one")));
            }
        }
        let log = schema::log_name(&db).map_err(|error| OpenError::of(&path, &error))?;
        let reader = SqliteReader::new(log, Arc::clone(&folder));
        let tending = Tending::new(options.keep);
        let sessions = KnownSessions::new();
        Ok((Self { db, folder, rooms, sessions, min_free: options.min_free, tending, failed: false }, reader))
    }

    /// Marks the log as one that belongs to a book: it isn't opened without that any more.
    pub(crate) fn belongs_to(&self, mark: &str) -> Result<(), OpenError> {
        if schema::mark(&self.db).as_deref() == Some(mark) {
            return Ok(());
        }
        schema::set_mark(&self.db, Some(mark)).map_err(|error| OpenError::of(&self.folder.database(), &error))
    }

    fn transact(&mut self, now: Time, operations: &[Operation]) -> rusqlite::Result<(Vec<Verdict>, Changes)> {
        if planted(Bug::AckBeforeCommit) {
            return self.transact_later(now, operations);
        }
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let mut fold = Fold::new(&tx, &self.rooms, &self.sessions, now);
        let verdicts = operations.iter().map(|operation| fold.run(operation)).collect::<Result<_, _>>()?;
        let changes = fold.finish()?;
        tx.commit()?;
        Ok((verdicts, changes))
    }

    /// [`Bug::AckBeforeCommit`]: what the last call did is committed by the next one.
    fn transact_later(&self, now: Time, operations: &[Operation]) -> rusqlite::Result<(Vec<Verdict>, Changes)> {
        if !self.db.is_autocommit() {
            self.db.execute_batch("COMMIT")?;
        }
        self.db.execute_batch("BEGIN IMMEDIATE")?;
        let mut fold = Fold::new(&self.db, &self.rooms, &self.sessions, now);
        let verdicts = operations.iter().map(|operation| fold.run(operation)).collect::<Result<_, _>>()?;
        Ok((verdicts, fold.finish()?))
    }

    fn apply(&mut self, changes: Changes) {
        if changes.reindexed {
            self.rooms.values_mut().for_each(|room| room.indexed = Seq::ZERO);
            self.tending.reindexed();
        }
        for (name, room) in changes.rooms {
            match room {
                Some(room) => drop(self.rooms.insert(name, room)),
                None => drop(self.rooms.remove(&name)),
            }
        }
        if changes.revoked || self.sessions.len() + changes.sessions.len() > KNOWN_SESSIONS {
            self.sessions = KnownSessions::new();
        }
        self.sessions.extend(changes.sessions);
        self.tending.committed(changes.stored, changes.redacted);
    }

    /// Why nothing may be written just now, if so.
    fn low_space(&self) -> Option<String> {
        let free = folder::available(self.folder.path()).filter(|free| *free < self.min_free)?;
        let path = self.folder.path().display();
        Some(format!("{} are free in {path}, and --min-free keeps {}", Bytes(free), Bytes(self.min_free)))
    }

    /// A refusal of everything that isn't known already.
    fn full(&mut self, why: String, operations: &[Operation]) -> CommitError {
        self.tending.make_room();
        let known = operations.iter().map(|operation| self.known(operation)).collect();
        CommitError::Full { why, known }
    }

    /// Where there is too little room for messages texts are taken away all the same: that needs none to speak of.
    fn remove_only(&mut self, now: Time, why: String, operations: &[Operation]) -> CommitError {
        let is_removal =
            |operation: &&Operation| matches!(operation, Operation::Redact { .. } | Operation::Erase { .. });
        let removals: Vec<_> = operations.iter().filter(is_removal).cloned().collect();
        if removals.is_empty() {
            return self.full(why, operations);
        }
        let (verdicts, changes) = match self.transact(now, &removals) {
            Ok(done) => done,
            Err(error) => match self.commit_error(&error) {
                CommitError::Full { why, .. } => return self.full(why, operations),
                failed @ CommitError::Failed(_) => return failed,
            },
        };
        self.apply(changes);
        let mut full = self.full(why, operations);
        if let CommitError::Full { known, .. } = &mut full {
            let places = operations.iter().zip(known).filter(|(operation, _)| is_removal(operation));
            places.zip(verdicts).for_each(|((_, known), verdict)| *known = Some(verdict));
        }
        full
    }

    fn known(&self, operation: &Operation) -> Option<Verdict> {
        let (Operation::Say(message) | Operation::Known(message)) = operation else { return None };
        let name = |id| self.rooms.iter().find(|(_, room)| room.id == id).map(|(name, _)| name.clone());
        fold::known(&self.db, &name, message).ok().flatten()
    }

    /// What an error of SQLite's means for what was to be stored. Certain is only a full disk, and only where the
    /// transaction is known to be rolled back; a sync that failed may have written all the same.
    fn commit_error(&mut self, error: &rusqlite::Error) -> CommitError {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) && self.db.is_autocommit() {
            let path = self.folder.path().display();
            return CommitError::Full { why: format!("the disk of {path} is full"), known: Vec::new() };
        }
        self.failed = true;
        CommitError::Failed(error.to_string())
    }
}

impl Store for Sqlite {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        if self.failed {
            return Err(CommitError::Failed("an earlier commit failed".to_owned()));
        }
        if let Some(why) = self.low_space() {
            return Err(self.remove_only(now, why, operations));
        }
        match self.transact(now, operations) {
            Ok((verdicts, changes)) => {
                self.apply(changes);
                Ok(verdicts)
            }
            Err(error) => match self.commit_error(&error) {
                CommitError::Full { why, .. } => Err(self.full(why, operations)),
                failed @ CommitError::Failed(_) => Err(failed),
            },
        }
    }

    fn tend(&mut self, now: Time) -> Result<Option<Duration>, CommitError> {
        if planted(Bug::AckBeforeCommit) {
            return Ok(None);
        }
        self.tend_once(now)
    }

    fn take_removed(&mut self) -> Vec<(RoomName, Seq)> {
        self.tending.take_removed()
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        if !self.failed {
            // Only for a quick start next time: what is in the write-ahead log is as safe there.
            let _ = tend::checkpoint(&self.db, true);
        }
    }
}

/// [`Bug::LogCut`]: takes the newest message of every room for one that was only half written.
fn cut_short(db: &Connection, rooms: &mut RoomRows) -> rusqlite::Result<()> {
    for (name, room) in rooms {
        db.execute("DELETE FROM messages WHERE place = ?", [row::place(room.id, room.head)])?;
        room.head = room.head.previous();
        room.indexed = room.indexed.min(room.head);
        row::write_room(db, name, room)?;
    }
    Ok(())
}

/// A number of bytes for people.
struct Bytes(u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            bytes if bytes >= 10 << 30 => write!(f, "{} GiB", bytes >> 30),
            bytes if bytes >= 10 << 20 => write!(f, "{} MiB", bytes >> 20),
            bytes => write!(f, "{} KiB", bytes >> 10),
        }
    }
}

/// The seqs that are kept of a room, for what walks over them.
fn kept(room: &row::RoomRow) -> std::ops::RangeInclusive<u64> {
    room.first.max(Seq::new(1)).get()..=room.head.get()
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod tests;
