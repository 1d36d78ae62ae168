//! The fold of operations over what is kept, inside a transaction that its caller commits or rolls back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use chat_protocol::message::Stored;
use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::{Seq, Text, Time};
use rusqlite::{Connection, params};

use super::row::{self, COLUMNS, MAX_SEQ, RoomRow, Rows};
use super::{index, schema};
use crate::limits::SESSION_STEP;
use crate::log::{AuthorId, KeptSession, NewMessage, Operation, Record, TokenHash, Verdict};
use crate::planted::{Bug, is_of_an_earlier_process, planted};

/// The rooms as of the last commit.
pub(super) type RoomRows = HashMap<RoomName, RoomRow>;

/// Sessions whose rows are known to be up to date: their alias, and when the row says they were last used.
pub(super) type KnownSessions = HashMap<TokenHash, (Alias, Time)>;

/// What is being done in one transaction.
pub(super) struct Fold<'a> {
    pub(super) db: &'a Connection,
    pub(super) rooms: &'a RoomRows,
    sessions: &'a KnownSessions,
    now: Time,
    pub(super) changes: Changes,
}

/// What a transaction changes of what its caller holds in memory, valid once it is committed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// `None`: forgotten.
    pub(super) rooms: HashMap<RoomName, Option<RoomRow>>,
    pub(super) sessions: KnownSessions,
    /// Rows of sessions are gone.
    pub(super) revoked: bool,
    /// The index was begun anew.
    pub(super) reindexed: bool,
    /// Messages stored.
    pub(super) stored: usize,
    /// A text was taken away, and has to leave the file too.
    pub(super) redacted: bool,
}

impl<'a> Fold<'a> {
    pub(super) fn new(db: &'a Connection, rooms: &'a RoomRows, sessions: &'a KnownSessions, now: Time) -> Self {
        Self { db, rooms, sessions, now, changes: Changes::default() }
    }

    pub(super) fn run(&mut self, operation: &Operation) -> rusqlite::Result<Verdict> {
        match operation {
            Operation::Say(message) => self.say(message),
            Operation::Known(message) => {
                Ok(known(self.db, &self.names(&message.room), message)?.unwrap_or(Verdict::Missing))
            }
            Operation::Topic { room, topic } => {
                self.room(room).topic.clone_from(topic);
                Ok(Verdict::Done)
            }
            Operation::Session { token, alias } => self.session(token, None, alias).map(|()| Verdict::Done),
            Operation::Redact { room, seq, author } => self.redact(room, *seq, *author),
            Operation::Revoke { author, keep } => self.revoke(*author, keep.as_ref()),
            Operation::Erase { person, after } => self.erase(person, *after),
        }
    }

    /// Writes what goes into one row a room however many messages there were, and hands over what has changed.
    pub(super) fn finish(mut self) -> rusqlite::Result<Changes> {
        for (name, slot) in &mut self.changes.rooms {
            let Some(room) = slot else { continue };
            if self.changes.reindexed {
                room.indexed = Seq::ZERO;
            }
            if room.head == Seq::ZERO && room.topic.is_empty() {
                // Nothing is kept of it, and it may be made again under another spelling.
                self.db.prepare_cached("DELETE FROM rooms WHERE id = ?")?.execute([room.id])?;
                *slot = None;
            } else {
                row::write_room(self.db, name, room)?;
            }
        }
        Ok(self.changes)
    }

    fn say(&mut self, message: &NewMessage) -> rusqlite::Result<Verdict> {
        if let Some(known) = known(self.db, &self.names(&message.room), message)? {
            return Ok(known);
        }
        let now = self.now;
        let room = self.room(&message.room);
        if room.head.get() >= MAX_SEQ {
            // Thousands of years at the speed of a disk: only a damaged or an invented head gets here.
            return Err(rusqlite::Error::IntegralValueOutOfRange(0, i64::MAX));
        }
        room.head = room.head.next();
        let (id, seq) = (room.id, room.head);
        let record = Record {
            stored: Stored {
                room: message.room.clone(),
                seq,
                time: now,
                from: message.from.clone(),
                text: message.text.clone(),
                kind: message.kind,
            },
            author: message.author,
            id: message.id.clone(),
        };
        match row::insert(self.db, id, &record) {
            Err(_) if planted(Bug::ForgetfulDedupe) => {
                row::insert(self.db, id, &Record { id: None, ..record.clone() })?;
            }
            inserted => inserted?,
        }
        self.changes.stored += 1;
        if let Some(token) = &message.session {
            self.session(token, Some(message.author), &message.from)?;
        }
        Ok(Verdict::Stored(Arc::new(record)))
    }

    /// Brings a session's row up to date; makes it where an author is given. Not more often than once an hour, unless the alias changed.
    fn session(&mut self, token: &TokenHash, author: Option<AuthorId>, alias: &Alias) -> rusqlite::Result<()> {
        let before = || self.sessions.get(token).filter(|_| !self.changes.revoked);
        let known = self.changes.sessions.get(token).or_else(before);
        let fresh = |kept: &Alias, used: Time, now: Time| {
            kept == alias && now.as_millis().saturating_sub(used.as_millis()) < SESSION_STEP
        };
        if known.is_some_and(|(kept, used)| fresh(kept, *used, self.now)) {
            return Ok(());
        }
        let kept = row::read_session(self.db, token)?;
        let Some(author) = author.or_else(|| kept.as_ref().map(|kept| kept.author)) else { return Ok(()) };
        let session = match kept {
            Some(kept) if fresh(&kept.alias, kept.last_used, self.now) => kept,
            _ => {
                let session = KeptSession { author, alias: alias.clone(), last_used: self.now };
                row::write_session(self.db, token, &session)?;
                session
            }
        };
        self.changes.sessions.insert(*token, (session.alias, session.last_used));
        Ok(())
    }

    fn revoke(&mut self, author: AuthorId, keep: Option<&(TokenHash, KeptSession)>) -> rusqlite::Result<Verdict> {
        self.db.prepare_cached("DELETE FROM sessions WHERE author = ?")?.execute([author.0])?;
        // Which rows are up to date has to be looked up again: some that were are gone.
        self.changes.revoked = true;
        self.changes.sessions.clear();
        if let Some((token, session)) = keep {
            row::write_session(self.db, token, session)?;
        }
        Ok(Verdict::Done)
    }

    fn redact(&mut self, name: &RoomName, seq: Seq, author: Option<AuthorId>) -> rusqlite::Result<Verdict> {
        let Some(room) = self.existing(name).cloned() else { return Ok(Verdict::Missing) };
        let Some(mut record) = read_one(self.db, name, room.id, seq)? else { return Ok(Verdict::Missing) };
        if author.is_some_and(|author| record.author != author) {
            return Ok(Verdict::Forbidden);
        }
        if record.stored.text.as_str().is_empty() {
            return Ok(Verdict::Done);
        }
        if seq <= room.indexed {
            self.unindex(row::place(room.id, seq), record.stored.text.as_str())?;
        }
        record.stored.text = Text::new("");
        row::blank(self.db, room.id, &record)?;
        self.changes.redacted = true;
        Ok(Verdict::Redacted(Arc::new(record)))
    }

    /// Takes a text's words out of the index; all of them, where it is too damaged for that.
    pub(super) fn unindex(&mut self, place: i64, text: &str) -> rusqlite::Result<()> {
        // Flushed, so that what is wrong with the index is seen here, and not when the transaction is committed.
        self.db.execute_batch("SAVEPOINT unindex")?;
        let removed = index::remove(self.db, place, text)
            .and_then(|()| self.db.execute_batch("INSERT INTO words (words) VALUES ('flush'); RELEASE unindex"));
        match removed {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseCorrupt) => {
                tracing::error!(%error, "the index is damaged; it is made anew");
                self.changes.reindexed = true;
                self.db.execute_batch("ROLLBACK TO unindex; RELEASE unindex")?;
                schema::reset_index(self.db)
            }
            other => other,
        }
    }

    fn existing(&self, name: &RoomName) -> Option<&RoomRow> {
        match self.changes.rooms.get(name) {
            Some(room) => room.as_ref(),
            None => self.rooms.get(name),
        }
    }

    fn room(&mut self, name: &RoomName) -> &mut RoomRow {
        let rooms = self.rooms;
        // Numbers of rooms that were forgotten before anything was said in them may be given again.
        let highest = || rooms.values().map(|room| room.id).max().unwrap_or(0);
        let fresh = |id| RoomRow { id, head: Seq::ZERO, first: Seq::new(1), indexed: Seq::ZERO, topic: String::new() };
        let next = match self.changes.rooms.get(name) {
            Some(Some(_)) => 0,
            _ if rooms.contains_key(name) => 0,
            _ => self.changes.rooms.values().flatten().map(|room| room.id).max().unwrap_or(0).max(highest()) + 1,
        };
        let slot = match self.changes.rooms.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(rooms.get(name).cloned()),
        };
        slot.get_or_insert_with(|| fresh(next))
    }

    /// The name of the room with a number, which is mostly `likely`.
    fn names<'s>(&'s self, likely: &'s RoomName) -> impl Fn(i64) -> Option<RoomName> + 's {
        |id| {
            if self.existing(likely).is_some_and(|room| room.id == id) {
                return Some(likely.clone());
            }
            let changed = self.changes.rooms.iter().filter_map(|(name, room)| Some((name, room.as_ref()?)));
            changed.chain(self.rooms).find(|(_, room)| room.id == id).map(|(name, _)| name.clone())
        }
    }
}

/// What is known of a message without storing anything: that it is a repeat of another, or in conflict with one.
///
/// `names` has the name of the room with a number.
pub(super) fn known(
    db: &Connection,
    names: &dyn Fn(i64) -> Option<RoomName>,
    message: &NewMessage,
) -> rusqlite::Result<Option<Verdict>> {
    let Some(id) = &message.id else { return Ok(None) };
    let mut statement = db.prepare_cached("SELECT place FROM messages WHERE author = ? AND id = ?")?;
    let mut rows = statement.query(params![message.author.0, id.as_str()])?;
    let Some(place) = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()? else { return Ok(None) };
    drop(rows);
    let room = row::room_of(place);
    let record = match names(room) {
        Some(name) => read_one(db, &name, room, row::seq_of(place))?,
        None => None,
    };
    if planted(Bug::ForgetfulDedupe)
        && record.as_ref().is_some_and(|record| is_of_an_earlier_process(record.stored.time.timestamp()))
    {
        return Ok(None);
    }
    let Some(record) = record.filter(|record| record.author == message.author && record.id == message.id) else {
        // What was kept under this id is damaged, and a gap to everybody: its id is free for the message to be said again.
        db.prepare_cached("UPDATE messages SET id = NULL WHERE place = ?")?.execute([place])?;
        return Ok(None);
    };
    let stored = &record.stored;
    // Of a text that was taken away nothing is kept to compare with; to store it once more would undo the removal.
    let same_text = stored.text == message.text || stored.text.as_str().is_empty();
    let same = stored.room == message.room && stored.kind == message.kind && same_text;
    let same = same || planted(Bug::ReusedId);
    Ok(Some(if same { Verdict::Repeat(Arc::new(record)) } else { Verdict::Conflict }))
}

pub(super) fn read_one(db: &Connection, name: &RoomName, room: i64, seq: Seq) -> rusqlite::Result<Option<Record>> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM messages WHERE place = ?"))?;
    let mut rows = statement.query([row::place(room, seq)])?;
    Ok(rows.next()?.and_then(|row| Rows::new(name, room).read(row).ok()))
}
