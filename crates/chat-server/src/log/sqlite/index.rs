//! The index of words: written behind the commits, never in them; thrown away and made anew where it can't be used.

use std::sync::Arc;

use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;
use rusqlite::{Connection, params};

use super::row::{self, COLUMNS, MAX_SEQ, RoomRow, Rows};
use crate::log::Record;
use crate::log::search::{Query, terms};

/// Adds the words of up to `most` messages of a room after those that it has; up to which it has them then.
pub(super) fn extend(db: &Connection, name: &RoomName, room: &RoomRow, most: usize) -> rusqlite::Result<Seq> {
    let from = room.indexed.max(room.first.previous());
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE place > ? AND place <= ? ORDER BY place LIMIT ?");
    let mut statement = db.prepare_cached(&sql)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![row::place(room.id, from), row::place(room.id, room.head), most])?;
    let mut reader = Rows::new(name, room.id);
    let mut insert = db.prepare_cached("INSERT INTO words (rowid, terms) VALUES (?, ?)")?;
    let mut upto = room.head;
    let mut taken = 0;
    while let Some(row) = rows.next()? {
        taken += 1;
        let place: i64 = row.get(0)?;
        upto = row::seq_of(place);
        let Ok(record) = reader.read(row) else { continue };
        let terms = terms(record.stored.text.as_str());
        if !terms.is_empty() {
            insert.execute(params![place, terms])?;
        }
    }
    if taken < most {
        upto = room.head;
    }
    let number = i64::try_from(upto.get()).unwrap_or(i64::MAX);
    db.prepare_cached("UPDATE rooms SET indexed = ? WHERE id = ?")?.execute([number, room.id])?;
    Ok(upto)
}

/// Takes the words of a message out. An index without texts has to be told what they were.
pub(super) fn remove(db: &Connection, place: i64, text: &str) -> rusqlite::Result<()> {
    let terms = terms(text);
    if !terms.is_empty() {
        let sql = "INSERT INTO words (words, rowid, terms) VALUES ('delete', ?, ?)";
        db.prepare_cached(sql)?.execute(params![place, terms])?;
    }
    Ok(())
}

/// The newest `limit` messages before `before` that match, newest first: those not indexed yet are looked at one by one.
pub(super) fn search(
    db: &Connection,
    name: &RoomName,
    room: &RoomRow,
    query: &Query,
    before: Seq,
    limit: usize,
) -> rusqlite::Result<Vec<Arc<Record>>> {
    let before = before.min(Seq::new(MAX_SEQ));
    let mut found = scan(db, name, room, query, before, limit)?;
    let mut reader = Rows::new(name, room.id);
    if found.len() == limit {
        return Ok(found);
    }
    let mut one = db.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE place = ?"))?;
    let sql = "SELECT rowid FROM words WHERE words MATCH ? AND rowid > ? AND rowid < ? ORDER BY rowid DESC";
    let mut statement = db.prepare_cached(sql)?;
    let start = row::place(room.id, Seq::ZERO);
    let end = row::place(room.id, before.min(room.indexed.next()));
    let mut places = statement.query(params![query.fts5(), start, end])?;
    while found.len() < limit
        && let Some(place) = places.next()?
    {
        let mut rows = one.query([place.get::<_, i64>(0)?])?;
        if let Some(row) = rows.next()? {
            take_if_matching(&mut reader, row, query, &mut found);
        }
    }
    Ok(found)
}

/// The newest `limit` messages before `before` that match, among those that the index lacks.
pub(super) fn scan(
    db: &Connection,
    name: &RoomName,
    room: &RoomRow,
    query: &Query,
    before: Seq,
    limit: usize,
) -> rusqlite::Result<Vec<Arc<Record>>> {
    let sql = format!("SELECT {COLUMNS} FROM messages WHERE place > ? AND place < ? ORDER BY place DESC");
    let mut statement = db.prepare_cached(&sql)?;
    let before = before.min(Seq::new(MAX_SEQ));
    let mut rows = statement.query([row::place(room.id, room.indexed), row::place(room.id, before)])?;
    let (mut reader, mut found) = (Rows::new(name, room.id), Vec::new());
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        take_if_matching(&mut reader, row, query, &mut found);
    }
    Ok(found)
}

fn take_if_matching(reader: &mut Rows<'_>, row: &rusqlite::Row<'_>, query: &Query, found: &mut Vec<Arc<Record>>) {
    if let Ok(record) = reader.read(row)
        && query.matches(record.stored.text.as_str())
    {
        found.push(Arc::new(record));
    }
}
