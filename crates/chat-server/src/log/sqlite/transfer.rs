//! Taking a log elsewhere: as one file that is it (backup, restore), or as lines that anybody can read (export, import).
//!
//! Restored and imported logs have names of their own: clients that were ahead of them begin anew instead of missing
//! what was said since.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use chat_protocol::message::Stored;
use chat_protocol::names::{NameMap, RoomName};
use chat_protocol::value::{MessageId, Seq, Time};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use serde::{Deserialize, Serialize};

use super::folder::{self, Folder};
use super::row::{self, MAX_SEQ, RoomRow};
use super::{OpenError, reader, schema};
use crate::book::Book;
use crate::log::{AuthorId, Record};
use crate::private_file;

/// Messages of one step of an export or import.
const STEP: usize = 1000;

/// What an export writes out; by default everything.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selection {
    /// This room alone.
    pub room: Option<RoomName>,
    /// Messages stored at this time or later.
    pub since: Option<Time>,
}

/// Why a log was not taken elsewhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// One of the two can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file is there already.
    #[error("{} is there already; give another name", .0.display())]
    FileExists(PathBuf),
    /// There is no such room.
    #[error("there is no room #{0}")]
    NoSuchRoom(RoomName),
    /// A backup without its accounts.
    #[error(
        "{} is missing, which has the accounts of this backup and whose the private rooms are; to restore the messages alone, with all other rooms than the lobby closed, say --without-accounts",
        .0.display()
    )]
    NoAccounts(PathBuf),
    /// The accounts that belong to a log can't be used.
    #[error("{0}")]
    Accounts(String),
    /// What was copied isn't sound.
    #[error(
        "the log is damaged ({0}), and a copy of it would be no backup; `chat-server export` writes out what can still be read"
    )]
    Damaged(String),
    /// A line can't be taken in.
    #[error("line {number}: {why}; nothing was imported")]
    Line {
        /// Its number, from 1.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Reading or writing failed.
    #[error("{0}")]
    Failed(String),
}

impl From<rusqlite::Error> for TransferError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(format!("the log can't be read or written: {error}"))
    }
}

impl TransferError {
    /// Whether something stood in the way from the beginning, so that nothing was begun.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Open(_) | Self::FileExists(_) | Self::NoSuchRoom(_) | Self::Line { .. } | Self::NoAccounts(_)
        )
    }
}

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    /// Before the room's messages.
    Room {
        room: RoomName,
        head: Seq,
        #[serde(default)]
        topic: String,
        /// It was private, or closed; where that isn't known any more nobody is let in.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        guarded: bool,
    },
    Message {
        #[serde(flatten)]
        stored: Stored,
        author: Author,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<MessageId>,
    },
}

/// An author in hexadecimal.
#[derive(Debug)]
struct Author(AuthorId);

impl Serialize for Author {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&crate::secret::hex(&self.0.0))
    }
}

impl<'de> Deserialize<'de> for Author {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32);
        let number = number.ok_or_else(|| serde::de::Error::custom("an author has 32 hexadecimal digits"))?;
        Ok(Self(AuthorId(number.to_be_bytes())))
    }
}

/// Writes everything that is kept into one new file, consistent as of one moment; a server may run on the folder meanwhile.
///
/// # Errors
///
/// [`TransferError`]; then there is no file.
pub fn backup(data: &Path, file: &Path) -> Result<(), TransferError> {
    let from = open_existing(data)?;
    Book::check_mark(data, schema::mark(&from).as_deref()).map_err(TransferError::Accounts)?;
    if file.exists() {
        return Err(TransferError::FileExists(file.to_owned()));
    }
    let part = folder::beside(file, ".part");
    let copied = copy(&from, &part).and_then(|()| Ok(schema::put_in_place(&part, file)?));
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied
}

pub(super) fn copy(from: &Connection, part: &Path) -> Result<(), TransferError> {
    let _ = fs::remove_file(part);
    private_file::make(part)
        .map_err(|error| TransferError::Failed(format!("can't write {}: {error}", part.display())))?;
    let mut to = Connection::open(part)?;
    let backup = Backup::new(from, &mut to)?;
    // All in one step, so that commits meanwhile don't begin it again; they go on beside it.
    while !matches!(backup.step(-1)?, StepResult::Done) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(backup);
    // One file, with no other beside it.
    to.pragma_update(None, "journal_mode", "delete")?;
    let sound: String = to.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
    if sound == "ok" { Ok(()) } else { Err(TransferError::Damaged(sound)) }
}

fn open_existing(data: &Path) -> Result<Connection, TransferError> {
    let path = folder::database(data);
    if !path.exists() {
        return Err(OpenError::Nothing { folder: data.to_owned() }.into());
    }
    let db = schema::open_for_reading(&path).map_err(|error| OpenError::of(&path, &error))?;
    schema::check(&db, &path)?;
    Ok(db)
}

pub(super) fn empty(data: &Path) -> Result<Folder, TransferError> {
    let folder = Folder::take(data).map_err(OpenError::from)?;
    let path = folder.database();
    if path.exists() || folder::beside(&path, "-wal").exists() {
        return Err(OpenError::Exists { folder: data.to_owned() }.into());
    }
    Ok(folder)
}

/// Writes what is kept as JSON, one object a line: each room (`type` `room`), then its messages (`type` `message`), oldest first.
/// How many messages that were. A server may run on the folder meanwhile.
///
/// # Errors
///
/// [`TransferError`]. What is damaged is left out and logged, and is no error.
pub fn export(data: &Path, selection: &Selection, out: &mut dyn Write) -> Result<u64, TransferError> {
    let db = open_existing(data)?;
    // One transaction for all of it: what is written out is what was there at one moment.
    let tx = db.unchecked_transaction()?;
    let path = folder::database(data);
    let mut rooms = row::read_rooms(&tx).map_err(|why| OpenError::Damaged { path, why })?;
    if let Some(wanted) = &selection.room {
        rooms.retain(|(name, _)| name.key().is_same(&wanted.key(), false));
        if rooms.is_empty() {
            return Err(TransferError::NoSuchRoom(wanted.clone()));
        }
    }
    let guarded = Book::guarded_in(data).map_err(TransferError::Accounts)?;
    let mut count = 0;
    for (name, room) in rooms {
        let guarded = guarded.contains(name.key().folded());
        write_line(out, &Line::Room { room: name.clone(), head: room.head, topic: room.topic.clone(), guarded })?;
        count += export_room(&tx, &name, &room, selection.since, out)?;
    }
    out.flush().map_err(|error| TransferError::Failed(format!("can't write: {error}")))?;
    Ok(count)
}

fn export_room(
    db: &Connection,
    name: &RoomName,
    room: &RoomRow,
    since: Option<Time>,
    out: &mut dyn Write,
) -> Result<u64, TransferError> {
    let (mut cursor, mut count) = (room.first.previous(), 0);
    loop {
        let records = reader::page(db, name, room.id, cursor, room.head, STEP);
        for record in &records {
            if since.is_none_or(|since| record.stored.time >= since) {
                let (stored, author) = (record.stored.clone(), Author(record.author));
                write_line(out, &Line::Message { stored, author, id: record.id.clone() })?;
                count += 1;
            }
        }
        match records.last() {
            Some(last) if records.len() == STEP => cursor = last.stored.seq,
            _ => return Ok(count),
        }
    }
}

fn write_line(out: &mut dyn Write, line: &Line) -> Result<(), TransferError> {
    let failed = |error: io::Error| TransferError::Failed(format!("can't write: {error}"));
    let mut bytes = serde_json::to_vec(line).map_err(|error| TransferError::Failed(error.to_string()))?;
    bytes.push(b'\n');
    out.write_all(&bytes).map_err(failed)
}

/// Makes a data folder's log from the lines of an export. The folder must have none. Seqs, times and ids are as they were;
/// what the export left out is a gap. How many messages that were. Rooms that were private are closed, unless the folder has accounts already
/// that know whose they are.
///
/// # Errors
///
/// [`TransferError`]; then the folder has still none.
pub fn import(input: &mut dyn BufRead, data: &Path) -> Result<u64, TransferError> {
    let folder = empty(data)?;
    let path = folder.database();
    let new = folder::beside(&path, ".new");
    schema::make_empty(&new, &path)?;
    let taken = take_in(input, &new).and_then(|(count, guarded)| {
        if !guarded.is_empty() {
            Book::close_rooms(data, &guarded).map_err(TransferError::Accounts)?;
        }
        Ok(count)
    });
    match taken {
        Ok(count) => {
            schema::put_in_place(&new, &path)?;
            Ok(count)
        }
        Err(error) => {
            let _ = fs::remove_file(&new);
            Err(error)
        }
    }
}

/// How many messages there were, and which rooms were not everybody's.
fn take_in(input: &mut dyn BufRead, new: &Path) -> Result<(u64, Vec<RoomName>), TransferError> {
    let db = Connection::open(new)?;
    // Until it has its name nothing is lost with it; it is synced as a whole before.
    db.pragma_update(None, "synchronous", "off")?;
    let tx = db.unchecked_transaction()?;
    let mut importer = Importer {
        db: &tx,
        names: NameMap::new(),
        rooms: HashMap::new(),
        guarded: Vec::new(),
        last: HashMap::new(),
        count: 0,
    };
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(|error| TransferError::Failed(format!("can't read line {number}: {error}")))?;
        if !line.trim().is_empty() {
            importer.line(&line).map_err(|why| TransferError::Line { number, why })?;
        }
    }
    let Importer { rooms, guarded, count, .. } = importer;
    for (name, room) in &rooms {
        row::write_room(&tx, name, room)?;
    }
    tx.commit()?;
    Ok((count, guarded))
}

struct Importer<'a> {
    db: &'a Connection,
    names: NameMap<()>,
    rooms: HashMap<RoomName, RoomRow>,
    guarded: Vec<RoomName>,
    /// The seq that came last in each room that had one.
    last: HashMap<RoomName, Seq>,
    count: u64,
}

impl Importer<'_> {
    fn line(&mut self, line: &str) -> Result<(), String> {
        match serde_json::from_str(line).map_err(|error| error.to_string())? {
            Line::Room { room, head, topic, guarded } => {
                self.guarded.extend(guarded.then(|| room.clone()));
                self.room(room, head, topic)
            }
            Line::Message { stored, author, id } => self.message(Record { stored, author: author.0, id }),
        }
    }

    fn room(&mut self, name: RoomName, head: Seq, topic: String) -> Result<(), String> {
        if head.get() > MAX_SEQ / 2 {
            return Err(format!("a room's head is {} at most", MAX_SEQ / 2));
        }
        if self.names.restore(name.as_str(), name.key(), false, ()).is_err() {
            return Err(format!("the room #{name} came before"));
        }
        let id = i64::try_from(self.rooms.len()).unwrap_or(i64::MAX) + 1;
        self.rooms.insert(name, RoomRow { id, head, first: head.next(), indexed: Seq::ZERO, topic });
        Ok(())
    }

    fn message(&mut self, record: Record) -> Result<(), String> {
        let stored = &record.stored;
        let Some(room) = self.rooms.get_mut(&stored.room) else {
            return Err(format!("the line of the room #{} has to come first", stored.room));
        };
        let last = self.last.insert(stored.room.clone(), stored.seq).unwrap_or(Seq::ZERO);
        if stored.seq <= last || stored.seq > room.head {
            return Err(format!("seq {} can't come after {last} in a room whose head is {}", stored.seq, room.head));
        }
        room.first = room.first.min(stored.seq);
        row::insert(self.db, room.id, &record).map_err(|error| match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => "its author has used this id before".to_owned(),
            _ => error.to_string(),
        })?;
        self.count += 1;
        Ok(())
    }
}
