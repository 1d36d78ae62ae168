//! Reading what was committed: a few connections of their own, which neither wait for the writer nor hold it up.

use std::sync::{Arc, Mutex, PoisonError};

use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;
use rusqlite::{Connection, OptionalExtension as _};
use tracing::error;

use super::folder::{Folder, available, beside};
use super::row::{self, COLUMNS, MAX_SEQ, RoomRow, Rows};
use super::{index, schema};
use crate::limits::{READS, SALVAGE};
use crate::log::search::Query;
use crate::log::store::{KeptRoom, KeptSession, ReadError, Reader, Record, Space, TokenHash};

/// The reading end: any thread may use it.
#[derive(Debug)]
pub struct SqliteReader {
    log: String,
    folder: Arc<Folder>,
    /// Connections that nobody uses just now.
    idle: Mutex<Vec<Connection>>,
}

impl SqliteReader {
    pub(super) fn new(log: String, folder: Arc<Folder>) -> Self {
        Self { log, folder, idle: Mutex::default() }
    }

    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, ReadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let words = |error: rusqlite::Error| ReadError(error.to_string());
        let db = match idle {
            Some(db) => db,
            None => schema::open_for_reading(&self.folder.database()).map_err(words)?,
        };
        let result = read(&db);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READS {
            idle.push(db);
        }
        result.map_err(words)
    }
}

impl Reader for SqliteReader {
    fn log(&self) -> &str {
        &self.log
    }

    fn is_immediate(&self) -> bool {
        false
    }

    fn space(&self) -> Space {
        let database = self.folder.database();
        let files = [database.clone(), beside(&database, "-wal")];
        let used = files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum();
        Space { used, free: available(self.folder.path()) }
    }

    fn rooms(&self) -> Result<Vec<KeptRoom>, ReadError> {
        let rooms = self.with(|db| Ok(row::read_rooms(db)))?.map_err(ReadError)?;
        Ok(rooms.into_iter().map(|(name, room)| KeptRoom { name, head: room.head, topic: room.topic }).collect())
    }

    fn after(&self, room: &RoomName, after: Seq, upto: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.with(|db| {
            let Some(RoomRow { id, first, .. }) = find(db, room)? else { return Ok(Vec::new()) };
            let after = after.max(first.previous());
            Ok(page(db, room, id, after, upto.min(Seq::new(MAX_SEQ)), limit))
        })
    }

    fn before(&self, room: &RoomName, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        self.with(|db| {
            let Some(RoomRow { id, .. }) = find(db, room)? else { return Ok(Vec::new()) };
            let sql = format!("SELECT {COLUMNS} FROM messages WHERE place > ? AND place < ? ORDER BY place DESC");
            let mut statement = db.prepare_cached(&sql)?;
            let mut rows =
                statement.query([row::place(id, Seq::ZERO), row::place(id, before.min(Seq::new(MAX_SEQ)))])?;
            let mut reader = Rows::new(room, id);
            let mut records = Vec::new();
            while records.len() < limit
                && let Some(row) = next_or_none(&mut rows, room)
            {
                take(&mut reader, row, room, &mut records);
            }
            records.reverse();
            Ok(records)
        })
    }

    fn search(&self, room: &RoomName, query: &str, before: Seq, limit: usize) -> Result<Vec<Arc<Record>>, ReadError> {
        let query = Query::new(query);
        if query.is_empty() {
            return Ok(Vec::new());
        }
        self.with(|db| {
            let Some(mut row) = find(db, room)? else { return Ok(Vec::new()) };
            index::search(db, room, &row, &query, before, limit).or_else(|error| {
                error!(%error, %room, "the index can't be used; every message is looked at instead");
                row.indexed = Seq::ZERO;
                index::scan(db, room, &row, &query, before, limit)
            })
        })
    }

    fn session(&self, token: &TokenHash) -> Result<Option<KeptSession>, ReadError> {
        self.with(|db| row::read_session(db, token))
    }
}

/// The messages in `after < seq ≤ upto`, oldest first, at most `limit`. What is damaged is left out, and costs no other.
pub(super) fn page(db: &Connection, room: &RoomName, id: i64, after: Seq, upto: Seq, limit: usize) -> Vec<Arc<Record>> {
    let mut records = Vec::new();
    let mut reader = Rows::new(room, id);
    let Err(error) = walk(db, id, after, upto, |row| {
        take(&mut reader, row, room, &mut records);
        records.len() < limit
    }) else {
        return records;
    };
    error!(%error, %room, "a part of the log is damaged; its messages are read one by one");
    let last = records.last().map_or(after, |record: &Arc<Record>| record.stored.seq);
    let one = format!("SELECT {COLUMNS} FROM messages WHERE place = ?");
    for seq in (last.get() + 1..=upto.get()).take(SALVAGE) {
        if records.len() == limit {
            break;
        }
        let found = db.prepare_cached(&one).and_then(|mut statement| {
            let mut rows = statement.query([row::place(id, Seq::new(seq))])?;
            if let Some(row) = rows.next()? {
                take(&mut reader, row, room, &mut records);
            }
            Ok(())
        });
        if let Err(error) = found {
            tracing::debug!(%error, %room, seq, "a message can't be read");
        }
    }
    records
}

fn walk(
    db: &Connection,
    id: i64,
    after: Seq,
    upto: Seq,
    mut go_on: impl FnMut(&rusqlite::Row<'_>) -> bool,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE place > ? AND place <= ? ORDER BY place");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([row::place(id, after), row::place(id, upto)])?;
    while let Some(row) = rows.next()? {
        if !go_on(row) {
            break;
        }
    }
    Ok(())
}

fn next_or_none<'r>(rows: &'r mut rusqlite::Rows<'_>, room: &RoomName) -> Option<&'r rusqlite::Row<'r>> {
    rows.next().unwrap_or_else(|error| {
        error!(%error, %room, "a part of the log is damaged; a gap takes its place");
        None
    })
}

fn take(reader: &mut Rows<'_>, row: &rusqlite::Row<'_>, room: &RoomName, records: &mut Vec<Arc<Record>>) {
    match reader.read(row) {
        Ok(record) if records.last().is_none_or(|last| last.stored.seq != record.stored.seq) => {
            records.push(Arc::new(record));
        }
        _ => {
            let seq = row.get(0).map_or(0, |place| row::seq_of(place).get());
            error!(%room, seq, "a message is damaged; a gap takes its place");
        }
    }
}

/// A room's row. Of its fields a reader needs the number, where messages begin, and what the index has.
pub(super) fn find(db: &Connection, name: &RoomName) -> rusqlite::Result<Option<RoomRow>> {
    let sql = "SELECT id, head, first, indexed FROM rooms WHERE name = ?";
    let seq = |row: &rusqlite::Row<'_>, column| -> rusqlite::Result<Seq> {
        Ok(Seq::new(row.get::<_, i64>(column)?.unsigned_abs()))
    };
    db.prepare_cached(sql)?
        .query_row([name.as_str()], |row| {
            let (head, first, indexed) = (seq(row, 1)?, seq(row, 2)?, seq(row, 3)?);
            Ok(RoomRow { id: row.get(0)?, head, first, indexed, topic: String::new() })
        })
        .optional()
}

/// The newest seq that a room has a row of.
pub(super) fn newest(db: &Connection, id: i64) -> rusqlite::Result<Option<Seq>> {
    let sql = "SELECT max(place) FROM messages WHERE place > ? AND place <= ?";
    let places = [row::place(id, Seq::ZERO), row::place(id, Seq::new(MAX_SEQ))];
    let newest: Option<i64> = db.prepare_cached(sql)?.query_row(places, |row| row.get(0))?;
    Ok(newest.map(row::seq_of))
}
