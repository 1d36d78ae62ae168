//! Emptying all that somebody said, some of it in each commit.

use std::path::Path;
use std::sync::Arc;

use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::Text;
use rusqlite::params;

use super::fold::Fold;
use super::{folder, row, schema};
use crate::limits::{ERASE_LOOK, ERASE_STEP};
use crate::log::store::{Person, Verdict};

impl Fold<'_> {
    /// Goes through the messages after `after`, a step of them.
    pub(super) fn erase(&mut self, person: &Person, after: u64) -> rusqlite::Result<Verdict> {
        if after == 0 {
            self.forget_sessions(person)?;
        }
        let mut left = Vec::new();
        let mut last = i64::try_from(after).unwrap_or(i64::MAX);
        let (mut looked, mut is_end) = (0, true);
        for (place, author, sender) in self.place_after(last)? {
            looked += 1;
            if left.len() >= ERASE_STEP {
                is_end = false;
                break;
            }
            last = place;
            let Some((name, indexed)) = self.room_at(row::room_of(place)) else { continue };
            if !concerns(person, &name, author, &sender) {
                continue;
            }
            let seq = row::seq_of(place);
            let Some(mut record) = super::fold::read_one(self.db, &name, row::room_of(place), seq)? else {
                // It can't be read, so it can't be kept either: what is left is a gap.
                self.db.execute("DELETE FROM messages WHERE place = ?", [place])?;
                continue;
            };
            if seq <= indexed {
                self.unindex(place, record.stored.text.as_str())?;
            }
            record.stored.text = Text::new("");
            row::blank(self.db, row::room_of(place), &record)?;
            self.changes.redacted = true;
            left.push(Arc::new(record));
        }
        let next = (!is_end || looked == ERASE_LOOK).then(|| last.unsigned_abs());
        Ok(Verdict::Erased { left, next })
    }

    /// The next messages that aren't empty: where, by whom, under which alias.
    fn place_after(&self, after: i64) -> rusqlite::Result<Vec<(i64, [u8; 16], String)>> {
        let sql = "SELECT place, author, sender FROM messages WHERE place > ? AND text <> '' ORDER BY place LIMIT ?";
        let most = i64::try_from(ERASE_LOOK).unwrap_or(i64::MAX);
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map([after, most], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    }

    fn room_at(&self, id: i64) -> Option<(RoomName, chat_protocol::value::Seq)> {
        let known = self.rooms.iter().find(|(_, room)| room.id == id);
        known.map(|(name, room)| (name.clone(), room.indexed))
    }

    fn forget_sessions(&self, person: &Person) -> rusqlite::Result<()> {
        match person {
            Person::Account(author) => self.db.execute("DELETE FROM sessions WHERE author = ?", params![author.0])?,
            Person::Guest(alias) => {
                let mut statement = self.db.prepare("SELECT DISTINCT alias FROM sessions")?;
                let names = statement.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
                let meant = names.iter().filter(|name| is_called(name, alias));
                meant
                    .map(|name| self.db.execute("DELETE FROM sessions WHERE alias = ?", [name]))
                    .sum::<Result<_, _>>()?
            }
        };
        Ok(())
    }
}

/// How many messages in a data folder that were said under an alias aren't empty.
pub(crate) fn said_under(data: &Path, alias: &Alias) -> rusqlite::Result<u64> {
    let db = schema::open_for_reading(&folder::database(data))?;
    let mut statement = db.prepare("SELECT sender, count(*) FROM messages WHERE text <> '' GROUP BY sender")?;
    let counts = statement.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let meant = counts.filter(|row| row.as_ref().map_or(true, |(sender, _)| is_called(sender, alias)));
    meant.map(|row| row.map(|(_, count)| count.unsigned_abs())).sum()
}

/// Whether a name that was kept is this one, in any case.
fn is_called(kept: &str, alias: &Alias) -> bool {
    kept == alias.as_str() || Alias::new(kept).is_ok_and(|kept| kept.key().folded() == alias.key().folded())
}

fn concerns(person: &Person, room: &RoomName, author: [u8; 16], sender: &str) -> bool {
    match person {
        Person::Account(id) => author == id.0 || room.ends().is_some_and(|ends| ends.contains(&id.0)),
        Person::Guest(alias) => is_called(sender, alias),
    }
}
