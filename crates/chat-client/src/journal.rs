//! What a client keeps on disk: what was said and isn't stored, the session, and where it is in each room.
//!
//! What is said is written and synced before it is sent, and crossed out with its answer. Whatever ends the program, the next one
//! that opens the journal says again what is left, with the ids of before and in the session of before, so that the server
//! stores each line once.

mod book;
mod file;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat_protocol::message::{ClientMessage, RoomStart};
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Seq};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::sleep;

use self::book::{Book, Record};
use self::file::{Disk, Found};
use crate::client::Receipt;
use crate::event::Secret;
use crate::options::Resume;
use crate::outbox::Answer;
use crate::reply::{Ack, PrivateAck, Reply};

/// How long a position may wait to be written: a lost one costs a repeated message, and a sync for each would cost the disk.
const POSITIONS_WITHIN: Duration = Duration::from_secs(1);

/// A client's journal, for [`Options::journal`](crate::Options::journal); clones are the same one. While one of them lives, no other
/// process can open it.
///
/// A position is that of the last event whose successor was asked for: what is taken from [`Events`](crate::Events) and not worked off when the
/// program is killed comes again.
#[derive(Clone, Debug)]
pub struct Journal(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    book: Mutex<Book>,
    /// Locked while it is written to, and only by threads that may wait.
    disk: Mutex<Option<Disk>>,
    trouble: Option<String>,
    wake: Notify,
    moved: Notify,
    progress: watch::Sender<Progress>,
}

/// How far the disk has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The number of the last record that is on disk.
    pub(crate) upto: u64,
    /// Why nothing more is written.
    pub(crate) failed: Option<String>,
}

/// Why a journal can't be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process has it.
    #[error("another process has {} open{}", .path.display(), .pid.map(|pid| format!(": {pid}")).unwrap_or_default())]
    Held {
        /// Its file.
        path: PathBuf,
        /// Which process, where that can be read.
        pid: Option<u32>,
    },
    /// A later version of this program wrote it.
    #[error("{} was written by a later version of this program", .path.display())]
    Later {
        /// Its file.
        path: PathBuf,
    },
    /// Its folder or file can't be read or written.
    #[error("{}: {}", .path.display(), crate::error::plain(.error))]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A line of an earlier client that has no answer yet. The client that gets the journal sends it again, if that is safe.
#[derive(Debug)]
#[non_exhaustive]
pub struct Kept {
    /// The room that it was said in; of a private message none.
    pub room: Option<RoomName>,
    /// To whom a private message goes.
    pub to: Option<String>,
    /// The text as it was given.
    pub text: String,
    /// How it is meant.
    pub kind: Kind,
    /// What will become of it.
    pub receipt: Receipt<Settled>,
}

/// What became of a kept line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// It is stored.
    Said(Ack),
    /// It reached the other's mailbox.
    Private(PrivateAck),
}

/// A line for a new outbox.
pub(crate) struct Again {
    pub(crate) id: MessageId,
    pub(crate) message: ClientMessage,
    /// It may have been sent.
    pub(crate) sent: bool,
    pub(crate) answer: Option<Answer>,
}

impl Journal {
    /// Opens the journal in this file, made with its folder where there is none; on Unix only its owner may read it.
    ///
    /// A record that was cut off is left out, as it can't have been sent. From a file that is damaged otherwise nothing is said again: the fate
    /// of its lines is unknown, and [`Journal::trouble`] names a copy. Blocks for as long as the disk does.
    ///
    /// # Errors
    ///
    /// [`JournalError`]; nothing was changed.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, JournalError> {
        let path = path.into();
        let (mut disk, found) = Disk::open(&path)?;
        let Found { mut book, trouble } = found;
        let io = |error| JournalError::Io { path: path.clone(), error };
        disk.replace(&book.rewritten()).map_err(io)?;
        Ok(Self(Arc::new(Inner {
            path,
            book: Mutex::new(book),
            disk: Mutex::new(Some(disk)),
            trouble,
            wake: Notify::new(),
            moved: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
        })))
    }

    /// Its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What was wrong with the file, in a sentence for a person.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.0.trouble.as_deref()
    }

    /// Where the last client was; `None` where there was none. What a client does with the journal alone: it goes on exactly there.
    #[must_use]
    pub fn resume(&self) -> Option<Resume> {
        let book = self.book();
        let session = book.session.as_ref()?;
        let starts = book.rooms.iter().map(|room| RoomStart { room: room.name.clone(), after: room.after });
        Some(Resume { session: Secret::new(&*session.secret), log: session.log.clone(), rooms: starts.collect() })
    }

    /// The lines that have no answer yet, in their order. Ask before the client is made that sends them: each one's receipt
    /// is of the client that is made next.
    #[must_use]
    pub fn lines(&self) -> Vec<Kept> {
        let mut book = self.book();
        let kept = book.lines.iter_mut().filter_map(|line| {
            let (room, to, text, kind) = match &line.message {
                ClientMessage::Say { room, text, kind, .. } => (Some(room.clone()), None, text, kind),
                ClientMessage::Private { to, text, kind, .. } => (None, Some(to.clone()), text, kind),
                _ => return None,
            };
            let (answer, receiver) = oneshot::channel();
            let receipt = Receipt::new(line.message.id()?.clone(), receiver, Settled::read);
            line.answer = Some(answer);
            Some(Kept { room, to, text: text.clone(), kind: *kind, receipt })
        });
        kept.collect()
    }

    /// The lines for a new outbox.
    pub(crate) fn again(&self) -> Vec<Again> {
        let mut book = self.book();
        let again = book.lines.iter_mut().filter_map(|line| {
            let (id, message) = (line.message.id()?.clone(), line.message.clone());
            Some(Again { id, message, sent: line.sent, answer: line.answer.take() })
        });
        again.collect()
    }

    /// Something was said; it may be sent once this record is on disk. `sent`: it will be at once.
    pub(crate) fn line(&self, message: &ClientMessage, sent: bool) -> u64 {
        self.put(Record::Line { sent, message: message.clone() })
    }

    /// What was said so far may be sent once this record is on disk.
    pub(crate) fn sending(&self) -> u64 {
        self.put(Record::Sending)
    }

    /// A line has its answer.
    pub(crate) fn done(&self, id: &MessageId) {
        self.put(Record::Done { id: id.clone() });
    }

    /// The server let us in.
    pub(crate) fn session(&self, secret: &Secret, alias: &Alias, log: &str) {
        let known =
            self.book().session.as_ref().is_some_and(|session| {
                session.secret == secret.reveal() && session.alias == *alias && session.log == log
            });
        if !known {
            let (session, log) = (secret.reveal().to_owned(), log.to_owned());
            self.put(Record::Session { session, alias: alias.clone(), log });
        }
    }

    /// We are in a room; a position that is known stays.
    pub(crate) fn entered(&self, room: &RoomName, after: Option<Seq>) {
        let known = self.book().room(room).map(|known| known.after);
        if known.is_none_or(|known| known.is_none() && after.is_some()) {
            self.put(Record::Room { room: room.clone(), after });
        }
    }

    /// We are not in a room any more.
    pub(crate) fn left(&self, room: &RoomName) {
        self.put(Record::Left { room: room.clone() });
    }

    /// The room's messages begin anew, in this log.
    pub(crate) fn reset(&self, log: &str, room: &RoomName) {
        if self.book().session.as_ref().is_some_and(|session| session.log == log) {
            self.put(Record::Room { room: room.clone(), after: None });
        }
    }

    /// Up to here a room's messages were worked off, in this log.
    pub(crate) fn worked_off(&self, log: &str, room: &RoomName, seq: Seq) {
        if self.book().advance(log, room, seq) {
            self.0.moved.notify_one();
        }
    }

    /// Tells how far the disk has come.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.0.progress.subscribe()
    }

    /// The number of the last record that is on disk.
    pub(crate) fn upto(&self) -> u64 {
        self.0.progress.borrow().upto
    }

    /// Writes what there is to write, as long as it is polled.
    pub(crate) async fn write_on(&self) -> Infallible {
        loop {
            let moved = async {
                self.0.moved.notified().await;
                sleep(POSITIONS_WITHIN).await;
            };
            tokio::select! {
                () = self.0.wake.notified() => {}
                () = moved => {}
            }
            self.flush().await;
        }
    }

    /// Writes all that there is. Dropped, it goes on.
    pub(crate) async fn flush(&self) {
        let journal = self.clone();
        let _ = tokio::task::spawn_blocking(move || journal.write()).await;
    }

    fn write(&self) {
        let mut disk = lock(&self.0.disk);
        let Some(open) = disk.as_mut() else { return };
        // Under the lock of the disk, so that what is taken later is written later.
        let batch = self.book().take();
        let written = match &batch.bytes[..] {
            [] => return,
            bytes if batch.whole => open.replace(bytes),
            bytes => open.append(bytes, batch.sync),
        };
        let progress = match written {
            Ok(()) => Progress { upto: batch.upto, failed: None },
            Err(error) => {
                // What it says would be of the past from now on: without it nothing is said twice.
                open.remove();
                *disk = None;
                let failed = format!("{}: {}", self.0.path.display(), crate::error::plain(&error));
                Progress { upto: u64::MAX, failed: Some(failed) }
            }
        };
        self.0.progress.send_replace(progress);
    }

    fn put(&self, record: Record) -> u64 {
        let number = self.book().put(record);
        self.0.wake.notify_one();
        number
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }
}

impl Settled {
    fn read(reply: Reply) -> Option<Self> {
        match reply {
            Reply::Said(ack) => Some(Self::Said(ack)),
            Reply::Private(ack) => Some(Self::Private(ack)),
            _ => None,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
