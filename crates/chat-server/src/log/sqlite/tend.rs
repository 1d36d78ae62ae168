//! What is done between commits, in steps of some milliseconds: checkpoints, the index, retention, giving room back.

use std::time::{Duration, Instant};

use chat_protocol::names::RoomName;
use chat_protocol::value::{Seq, Time};
use rusqlite::{Connection, ErrorCode};

use super::row::{self, COLUMNS, Rows};
use super::{CommitError, Keep, Sqlite, index, schema};
use crate::limits::{
    FREE_PAGES, INDEX_DELAY, INDEX_STEP, MEASURE_EVERY, RETENTION_EVERY, RETENTION_STEP, ROOMS_STEP, SESSION_LIFE,
    WAL_PAGES,
};

/// How long after something found no room, or a reader in its way, it is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// What there is to do.
#[derive(Debug)]
pub(super) struct Tending {
    keep: Keep,
    /// The write-ahead log is to be emptied: a text was taken away and may still be in it, or its room is needed.
    scrub: bool,
    /// There may be messages that the index lacks, since then, and about as many.
    unindexed: Option<Instant>,
    pending: usize,
    /// The index can't be written any more; searching does without.
    index_broken: bool,
    /// It was made anew once; damage that comes back at once is not mended by that.
    index_mended: bool,
    /// Retention: when all rooms are looked at again, and the rooms that are still to be looked at.
    next_sweep: Instant,
    /// When the size of the database is looked at again.
    next_measure: Instant,
    sweep: Vec<RoomName>,
    /// Something was written since the length of the write-ahead log was looked at.
    dirty: bool,
    /// Messages were removed, so that pages may be free.
    removed: bool,
    /// What was removed and is still to be told to those who keep copies.
    untold: Vec<(RoomName, Seq)>,
    /// Nothing is done before, as something was in the way.
    pause: Option<Instant>,
}

impl Tending {
    pub(super) fn new(keep: Keep) -> Self {
        let now = Instant::now();
        Self {
            keep,
            scrub: false,
            unindexed: Some(now),
            pending: INDEX_STEP,
            index_broken: false,
            index_mended: false,
            next_sweep: now,
            next_measure: now,
            sweep: Vec::new(),
            dirty: true,
            removed: true,
            untold: Vec::new(),
            pause: None,
        }
    }

    /// A commit found no room: what the write-ahead log takes can be given back.
    pub(super) fn make_room(&mut self) {
        self.scrub = true;
    }

    pub(super) fn take_removed(&mut self) -> Vec<(RoomName, Seq)> {
        std::mem::take(&mut self.untold)
    }

    /// The index was begun anew in a commit.
    pub(super) fn reindexed(&mut self) {
        (self.unindexed, self.pending) = (Some(Instant::now()), INDEX_STEP);
    }

    pub(super) fn committed(&mut self, messages: usize, redacted: bool) {
        self.scrub |= redacted;
        self.pending += messages;
        self.dirty = true;
        self.unindexed.get_or_insert_with(Instant::now);
    }
}

#[cfg(test)]
impl Tending {
    pub(super) const fn is_scrubbing(&self) -> bool {
        self.scrub
    }

    pub(super) fn sweep_now(&mut self) {
        self.next_sweep = Instant::now();
    }

    pub(super) fn measure_now(&mut self) {
        self.next_measure = Instant::now();
    }

    pub(super) const fn index_now(&mut self) {
        self.pending = INDEX_STEP;
    }
}

/// What a step did.
enum Step {
    /// Something, and there may be more.
    Done,
    /// There was nothing to do.
    Idle,
    /// Something was in the way.
    Blocked,
}

impl Sqlite {
    /// Takes the first step for which there is something to do.
    pub(super) fn tend_once(&mut self, now: Time) -> Result<Option<Duration>, CommitError> {
        if self.failed {
            return Ok(None);
        }
        if let Some(pause) = self.tending.pause {
            let left = pause.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Ok(Some(left));
            }
            self.tending.pause = None;
        }
        let steps: [fn(&mut Self, Time) -> rusqlite::Result<Step>; 4] =
            [Self::checkpoint_step, Self::index_step, Self::retention_step, Self::room_step];
        for step in steps {
            match step(self, now) {
                Ok(Step::Idle) => {}
                Ok(Step::Done) => return Ok(Some(Duration::ZERO)),
                Ok(Step::Blocked) => return Ok(Some(self.pause())),
                Err(error) => {
                    self.step_failed(&error)?;
                    return Ok(Some(self.pause()));
                }
            }
        }
        Ok(Some(self.until_next()))
    }

    fn pause(&mut self) -> Duration {
        self.tending.pause = Some(Instant::now() + AGAIN);
        AGAIN
    }

    /// A full disk is waited out. Damage costs what it hits. All else is the end, as it is for a commit.
    fn step_failed(&mut self, error: &rusqlite::Error) -> Result<(), CommitError> {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
                if self.db.is_autocommit() =>
            {
                Ok(())
            }
            Some(ErrorCode::DatabaseCorrupt) if self.db.is_autocommit() => {
                tracing::error!(%error, "the log is damaged; its index is made anew, and nothing is removed any more");
                self.mend_index();
                self.tending.keep = Keep::default();
                self.tending.sweep.clear();
                Ok(())
            }
            _ => {
                self.failed = true;
                Err(CommitError::Failed(error.to_string()))
            }
        }
    }

    fn until_next(&self) -> Duration {
        let sweep = self.tending.next_sweep.saturating_duration_since(Instant::now());
        let index = self.tending.unindexed.filter(|_| !self.tending.index_broken);
        let index = index.map_or(sweep, |since| (since + INDEX_DELAY).saturating_duration_since(Instant::now()));
        sweep.min(index).max(Duration::from_millis(1))
    }

    /// Moves the write-ahead log into the database, once it is long, or after a text was taken away.
    fn checkpoint_step(&mut self, _now: Time) -> rusqlite::Result<Step> {
        if self.tending.scrub {
            if !checkpoint(&self.db, true)? {
                return Ok(Step::Blocked);
            }
            self.tending.scrub = false;
            return Ok(Step::Done);
        }
        if !std::mem::take(&mut self.tending.dirty) {
            return Ok(Step::Idle);
        }
        // Not by the size of its file, which stays what it was when the log begins again at its start.
        if waiting_pages(&self.db)? < WAL_PAGES {
            return Ok(Step::Idle);
        }
        checkpoint(&self.db, false)?;
        Ok(Step::Done)
    }

    /// Indexes messages of one room: where there are many, or when the first of them has waited long enough.
    fn index_step(&mut self, _now: Time) -> rusqlite::Result<Step> {
        let Some(since) = self.tending.unindexed else { return Ok(Step::Idle) };
        if self.tending.index_broken || (self.tending.pending < INDEX_STEP && since.elapsed() < INDEX_DELAY) {
            return Ok(Step::Idle);
        }
        let lacks = |room: &row::RoomRow| room.head.get().saturating_sub(room.indexed.get());
        let most = self.rooms.iter().max_by_key(|(_, room)| lacks(room));
        let Some((name, room)) = most.filter(|(_, room)| lacks(room) > 0) else {
            (self.tending.unindexed, self.tending.pending) = (None, 0);
            return Ok(Step::Idle);
        };
        let name = name.clone();
        let tx = self.db.transaction()?;
        let indexed = index::extend(&tx, &name, room, INDEX_STEP)?;
        tx.commit()?;
        self.tending.dirty = true;
        if let Some(room) = self.rooms.get_mut(&name) {
            room.indexed = indexed;
        }
        Ok(Step::Done)
    }

    /// Removes a few of the oldest messages of a room that has too many, or too old ones; and sessions that are over.
    fn retention_step(&mut self, now: Time) -> rusqlite::Result<Step> {
        if self.tending.sweep.is_empty() {
            if self.tending.next_sweep > Instant::now() {
                return self.shrink_step();
            }
            self.tending.next_sweep = Instant::now() + RETENTION_EVERY;
            forget_sessions(&self.db, now)?;
            let keep = self.tending.keep;
            if keep.age.is_some() || keep.messages.is_some() {
                self.tending.sweep = self.rooms.keys().cloned().collect();
            }
            return Ok(Step::Done);
        }
        for _ in 0..ROOMS_STEP {
            let Some(name) = self.tending.sweep.last().cloned() else { break };
            let most = self.surplus(&name, now)?;
            if most == 0 {
                self.tending.sweep.pop();
                continue;
            }
            self.remove_oldest(&name, most.min(RETENTION_STEP))?;
            break;
        }
        Ok(Step::Done)
    }

    /// How many of a room's oldest seqs may not be kept, counted up to a step's worth and a bit.
    fn surplus(&self, name: &RoomName, now: Time) -> rusqlite::Result<u64> {
        let Some(room) = self.rooms.get(name) else { return Ok(0) };
        let kept = super::kept(room);
        if kept.is_empty() {
            return Ok(0);
        }
        let count = kept.end() + 1 - kept.start();
        let by_number = self.tending.keep.messages.map_or(0, |most| count.saturating_sub(most));
        let Some(age) = self.tending.keep.age.filter(|_| by_number == 0) else { return Ok(by_number) };
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let horizon = now.as_millis().saturating_sub(age);
        // Oldest first and none left out: where clocks jumped, an old one after a young one stays until that goes too.
        let mut statement = self
            .db
            .prepare_cached("SELECT place, time FROM messages WHERE place >= ? AND place <= ? ORDER BY place")?;
        let mut rows = statement.query([row::place(room.id, room.first), row::place(room.id, room.head)])?;
        let mut over = 0;
        while over < RETENTION_STEP {
            let Some(row) = rows.next()? else {
                // Nothing young is left: damaged or removed ones at the end go with the rest.
                return Ok(if over == 0 { 0 } else { count.min(RETENTION_STEP) });
            };
            if row.get::<_, i64>(1)? >= horizon {
                break;
            }
            over = row::seq_of(row.get(0)?).get() + 1 - kept.start();
        }
        Ok(over)
    }

    /// Removes a few of the oldest messages of all while the database is larger than it may be.
    fn shrink_step(&mut self) -> rusqlite::Result<Step> {
        let Some(most) = self.tending.keep.bytes else { return Ok(Step::Idle) };
        if self.tending.next_measure > Instant::now() {
            return Ok(Step::Idle);
        }
        if in_use(&self.db)? <= most {
            self.tending.next_measure = Instant::now() + MEASURE_EVERY;
            return Ok(Step::Idle);
        }
        let mut oldest: Option<(i64, &RoomName)> = None;
        for (name, room) in &self.rooms {
            let mut statement = self
                .db
                .prepare_cached("SELECT time FROM messages WHERE place >= ? AND place <= ? ORDER BY place LIMIT 1")?;
            let mut rows = statement.query([row::place(room.id, room.first), row::place(room.id, room.head)])?;
            if let Some(row) = rows.next()? {
                let time = row.get(0)?;
                if oldest.is_none_or(|(other, _)| time < other) {
                    oldest = Some((time, name));
                }
            }
        }
        let Some((_, name)) = oldest else { return Ok(Step::Idle) };
        let name = name.clone();
        self.remove_oldest(&name, RETENTION_STEP)?;
        Ok(Step::Done)
    }

    /// Removes the messages at a room's oldest `count` seqs, with their ids and their words.
    fn remove_oldest(&mut self, name: &RoomName, count: u64) -> rusqlite::Result<()> {
        let Some(room) = self.rooms.get(name) else { return Ok(()) };
        let mut room = room.clone();
        let last = Seq::new((super::kept(&room).start() + count).saturating_sub(1)).min(room.head);
        let tx = self.db.transaction()?;
        let (from, to) = (row::place(room.id, room.first), row::place(room.id, last));
        {
            let sql = format!("SELECT {COLUMNS} FROM messages WHERE place >= ? AND place <= ? ORDER BY place");
            let mut statement = tx.prepare_cached(&sql)?;
            let mut rows = statement.query([from, to])?;
            let mut reader = Rows::new(name, room.id);
            while let Some(row) = rows.next()? {
                let Ok(record) = reader.read(row) else { continue };
                if record.stored.seq <= room.indexed && !self.tending.index_broken {
                    index::remove(&tx, row::place(room.id, record.stored.seq), record.stored.text.as_str())?;
                }
            }
        }
        tx.prepare_cached("DELETE FROM messages WHERE place >= ? AND place <= ?")?.execute([from, to])?;
        room.first = last.next();
        room.indexed = room.indexed.max(last);
        row::write_room(&tx, name, &room)?;
        tx.commit()?;
        (self.tending.dirty, self.tending.removed) = (true, true);
        self.tending.untold.push((name.clone(), last));
        self.rooms.insert(name.clone(), room);
        Ok(())
    }

    /// Gives pages that nothing uses any more back to the disk, a few at a time.
    fn room_step(&mut self, _now: Time) -> rusqlite::Result<Step> {
        if !self.tending.removed {
            return Ok(Step::Idle);
        }
        let free: i64 = self.db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
        if free < 2 * FREE_PAGES {
            self.tending.removed = false;
            return Ok(Step::Idle);
        }
        self.db.prepare(&format!("PRAGMA incremental_vacuum({FREE_PAGES})"))?.query(())?.next()?;
        self.tending.dirty = true;
        Ok(Step::Done)
    }

    /// Makes an index that can't be used anew from the messages; where that fails too, searching does without.
    fn mend_index(&mut self) {
        let mended = schema::reindex(&mut self.db);
        self.rooms.values_mut().for_each(|room| room.indexed = Seq::ZERO);
        self.tending.index_broken = mended.is_err() || self.tending.index_mended;
        self.tending.index_mended = true;
        (self.tending.unindexed, self.tending.pending) = (Some(Instant::now()), INDEX_STEP);
    }
}

/// Moves what is in the write-ahead log into the database; `truncate`: and empties its file. Whether nobody was in the way.
///
/// # Errors
///
/// Those after which the database can't be relied on. That there is no room for it is none: the messages are safe where they are.
pub(super) fn checkpoint(db: &Connection, truncate: bool) -> rusqlite::Result<bool> {
    let mode = if truncate { "PRAGMA wal_checkpoint(TRUNCATE)" } else { "PRAGMA wal_checkpoint(PASSIVE)" };
    // Waiting for a reader here would hold up commits.
    db.busy_timeout(Duration::ZERO)?;
    let busy = db.query_row(mode, (), |row| row.get::<_, i64>(0));
    db.busy_timeout(Duration::from_secs(5))?;
    match busy {
        Ok(busy) => Ok(busy == 0),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Pages of the write-ahead log that aren't in the database yet.
pub(super) fn waiting_pages(db: &Connection) -> rusqlite::Result<i64> {
    let mut statement = db.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
    statement.query_row((), |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))
}

/// Bytes of the database that hold something.
fn in_use(db: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")? - pragma("freelist_count")?;
    Ok(u64::try_from(pages * pragma("page_size")?).unwrap_or(0))
}

fn forget_sessions(db: &Connection, now: Time) -> rusqlite::Result<()> {
    let life = i64::try_from(SESSION_LIFE.as_millis()).unwrap_or(i64::MAX);
    let sql = "DELETE FROM sessions WHERE token IN (SELECT token FROM sessions WHERE last_used < ? LIMIT 1000)";
    db.prepare_cached(sql)?.execute([now.as_millis().saturating_sub(life)])?;
    Ok(())
}
