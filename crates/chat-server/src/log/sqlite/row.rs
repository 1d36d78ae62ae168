//! Messages, rooms and sessions as rows, each with a checksum over all that it says.

use chat_protocol::message::Stored;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Kind, MessageId, Seq, Text, Time};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Row, params};
use sha2::{Digest as _, Sha256};

use crate::log::{AuthorId, KeptSession, Record, TokenHash};

/// Bits of a place that are the seq; those above are the room's number. So a room's messages lie together and in order.
const SEQ_BITS: u32 = 40;

/// The highest seq that a place can hold: a thousand thousand million.
pub(super) const MAX_SEQ: u64 = (1 << SEQ_BITS) - 1;

/// The columns of a message, in the order in which [`Rows::read`] takes them.
pub(super) const COLUMNS: &str = "place, time, author, id, sender, kind, text, sum";

/// A row that doesn't say what was written: it is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadRow;

/// A room's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RoomRow {
    pub(super) id: i64,
    pub(super) head: Seq,
    /// The first message that retention left.
    pub(super) first: Seq,
    /// The last message that the index has; not part of the checksum, as nothing but the index depends on it.
    pub(super) indexed: Seq,
    pub(super) topic: String,
}

pub(super) fn place(room: i64, seq: Seq) -> i64 {
    let seq = i64::try_from(seq.get().min(MAX_SEQ)).unwrap_or(i64::MAX);
    (room << SEQ_BITS) | seq
}

pub(super) fn seq_of(place: i64) -> Seq {
    Seq::new(place.unsigned_abs() & MAX_SEQ)
}

pub(super) const fn room_of(place: i64) -> i64 {
    place >> SEQ_BITS
}

/// Reads the messages of one room. It remembers the last alias: to check one again costs more than all else.
pub(super) struct Rows<'a> {
    room: &'a RoomName,
    id: i64,
    alias: Option<Alias>,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(room: &'a RoomName, id: i64) -> Self {
        Self { room, id, alias: None }
    }

    /// The message of a row of [`COLUMNS`], if it is as it was written and belongs to this room.
    pub(super) fn read(&mut self, row: &Row<'_>) -> Result<Record, BadRow> {
        let at: i64 = get(row, 0)?;
        let seq = seq_of(at);
        if at != place(self.id, seq) {
            return Err(BadRow);
        }
        let author: [u8; 16] = get(row, 2)?;
        let id: Option<&str> = match row.get_ref(3).map_err(|_| BadRow)? {
            ValueRef::Null => None,
            value => Some(value.as_str().map_err(|_| BadRow)?),
        };
        let from = self.alias(text(row, 4)?)?;
        let text = text(row, 6)?;
        let kind = match get::<i64>(row, 5)? {
            0 => Kind::Say,
            1 => Kind::Action,
            _ => return Err(BadRow),
        };
        let id = id.map(MessageId::new).transpose().map_err(|_| BadRow)?;
        let time = Time::from_millis(get(row, 1)?);
        let stored = Stored { room: self.room.clone(), seq, time, from, text: Text::new(text), kind };
        let record = Record { stored, author: AuthorId(author), id };
        // The sum is over the text that was written: were it to be cleaned differently by now, it would be another one.
        if record.stored.text.as_str() == text && sum(&record) == get::<i64>(row, 7)? {
            Ok(record)
        } else {
            Err(BadRow)
        }
    }

    fn alias(&mut self, name: &str) -> Result<Alias, BadRow> {
        match &self.alias {
            Some(alias) if alias.as_str() == name => Ok(alias.clone()),
            _ => {
                let alias = Alias::new(name).map_err(|_| BadRow)?;
                self.alias = Some(alias.clone());
                Ok(alias)
            }
        }
    }
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, BadRow> {
    row.get(column).map_err(|_| BadRow)
}

fn text<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r str, BadRow> {
    row.get_ref(column).map_err(|_| BadRow)?.as_str().map_err(|_| BadRow)
}

/// Writes a message at its place.
pub(super) fn insert(db: &Connection, room: i64, record: &Record) -> rusqlite::Result<()> {
    let stored = &record.stored;
    let sql = "INSERT INTO messages (place, time, author, id, sender, kind, text, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute(params![
        place(room, stored.seq),
        stored.time.as_millis(),
        record.author.0,
        record.id.as_ref().map(MessageId::as_str),
        stored.from.as_str(),
        kind_number(stored.kind),
        stored.text.as_str(),
        sum(record),
    ])?;
    Ok(())
}

/// Writes what is left of a message whose text was taken away.
pub(super) fn blank(db: &Connection, room: i64, record: &Record) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE messages SET text = '', sum = ? WHERE place = ?")?
        .execute(params![sum(record), place(room, record.stored.seq)])?;
    Ok(())
}

/// Writes a room's row.
pub(super) fn write_room(db: &Connection, name: &RoomName, room: &RoomRow) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO rooms (id, name, head, first, indexed, topic, sum) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let number = |seq: Seq| i64::try_from(seq.get()).unwrap_or(i64::MAX);
    db.prepare_cached(sql)?.execute(params![
        room.id,
        name.as_str(),
        number(room.head),
        number(room.first),
        number(room.indexed),
        room.topic,
        room_sum(name.as_str(), room),
    ])?;
    Ok(())
}

/// All rooms.
///
/// # Errors
///
/// The words for a row that isn't as it was written, or for what SQLite says.
pub(super) fn read_rooms(db: &Connection) -> Result<Vec<(RoomName, RoomRow)>, String> {
    let words = |error: rusqlite::Error| error.to_string();
    let mut statement =
        db.prepare("SELECT id, name, head, first, indexed, topic, sum FROM rooms ORDER BY id").map_err(words)?;
    let mut rows = statement.query(()).map_err(words)?;
    let mut rooms = Vec::new();
    while let Some(row) = rows.next().map_err(words)? {
        rooms.push(read_room(row).map_err(|BadRow| "a row of its list of rooms is damaged".to_owned())?);
    }
    Ok(rooms)
}

fn read_room(row: &Row<'_>) -> Result<(RoomName, RoomRow), BadRow> {
    let number = |column| -> Result<Seq, BadRow> {
        let number = u64::try_from(get::<i64>(row, column)?).map_err(|_| BadRow)?;
        if number > MAX_SEQ { Err(BadRow) } else { Ok(Seq::new(number)) }
    };
    let room = RoomRow {
        id: get(row, 0)?,
        head: number(2)?,
        first: number(3)?,
        indexed: number(4)?,
        topic: text(row, 5)?.to_owned(),
    };
    let name = text(row, 1)?;
    if room_sum(name, &room) != get::<i64>(row, 6)? {
        return Err(BadRow);
    }
    Ok((RoomName::new(name).map_err(|_| BadRow)?, room))
}

/// Writes a session's row, or brings it up to date.
pub(super) fn write_session(db: &Connection, token: &TokenHash, session: &KeptSession) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO sessions (token, author, alias, last_used, sum) VALUES (?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute(params![
        token.0,
        session.author.0,
        session.alias.as_str(),
        session.last_used.as_millis(),
        session_sum(token, session),
    ])?;
    Ok(())
}

/// The session with this secret; `None` also where its row is damaged, as it can't be believed then.
pub(super) fn read_session(db: &Connection, token: &TokenHash) -> rusqlite::Result<Option<KeptSession>> {
    let mut statement = db.prepare_cached("SELECT author, alias, last_used, sum FROM sessions WHERE token = ?")?;
    let mut rows = statement.query(params![token.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let session = (|| {
        let author = AuthorId(get(row, 0)?);
        let alias = Alias::new(text(row, 1)?).map_err(|_| BadRow)?;
        let session = KeptSession { author, alias, last_used: Time::from_millis(get(row, 2)?) };
        if session_sum(token, &session) == get::<i64>(row, 3)? { Ok(session) } else { Err(BadRow) }
    })();
    if session.is_err() {
        tracing::error!("a session's row is damaged; whoever comes back with it has to begin a new one");
    }
    Ok(session.ok())
}

const fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::Say => 0,
        Kind::Action => 1,
    }
}

/// Eight bytes of SHA-256 over the fields, each with its length before it, so that nothing can move from one to another.
fn checksum(fields: &[&[u8]]) -> i64 {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(first)
}

fn sum(record: &Record) -> i64 {
    let stored = &record.stored;
    checksum(&[
        stored.room.as_str().as_bytes(),
        &stored.seq.get().to_le_bytes(),
        &stored.time.as_millis().to_le_bytes(),
        &record.author.0,
        // An id has at least one byte, so that none at all is told from every other.
        record.id.as_ref().map_or("", MessageId::as_str).as_bytes(),
        stored.from.as_str().as_bytes(),
        &kind_number(stored.kind).to_le_bytes(),
        stored.text.as_str().as_bytes(),
    ])
}

fn room_sum(name: &str, room: &RoomRow) -> i64 {
    checksum(&[
        &room.id.to_le_bytes(),
        name.as_bytes(),
        &room.head.get().to_le_bytes(),
        &room.first.get().to_le_bytes(),
        room.topic.as_bytes(),
    ])
}

fn session_sum(token: &TokenHash, session: &KeptSession) -> i64 {
    checksum(&[
        &token.0,
        &session.author.0,
        session.alias.as_str().as_bytes(),
        &session.last_used.as_millis().to_le_bytes(),
    ])
}
