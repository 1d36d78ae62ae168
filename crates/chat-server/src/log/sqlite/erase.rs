//! Emptying all that somebody said, some of it in each commit.

use std::sync::Arc;

use chat_protocol::names::{Alias, RoomName};
use chat_protocol::value::Text;
use rusqlite::params;

use super::fold::Fold;
use super::row;
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
            Person::Guest(alias) => self.db.execute("DELETE FROM sessions WHERE alias = ?", [alias.as_str()])?,
        };
        Ok(())
    }
}

fn concerns(person: &Person, room: &RoomName, author: [u8; 16], sender: &str) -> bool {
    match person {
        Person::Account(id) => author == id.0 || room.ends().is_some_and(|ends| ends.contains(&id.0)),
        Person::Guest(alias) => {
            sender == alias.as_str()
                || Alias::new(sender).is_ok_and(|sender| sender.key().folded() == alias.key().folded())
        }
    }
}
