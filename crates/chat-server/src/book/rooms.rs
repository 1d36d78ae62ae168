//! Whose rooms are.

use std::collections::{BTreeMap, BTreeSet};

use chat_protocol::names::RoomName;
use rusqlite::{Transaction, TransactionBehavior, params};

use super::{Book, sentence};
use crate::access::{Guarded, Rule};
use crate::log::AuthorId;

pub(super) const TABLES: &str = "
CREATE TABLE rooms (folded TEXT PRIMARY KEY, name TEXT NOT NULL, maker BLOB, rule TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE members (
    folded TEXT NOT NULL, account BLOB NOT NULL, PRIMARY KEY (folded, account)
) STRICT, WITHOUT ROWID;
";

/// How the rule of a closed room is kept that was everybody's, or its members'. An earlier server takes the second, which it
/// doesn't know, for the first.
const CLOSED: &str = "closed";
const CLOSED_MEMBERS: &str = "closed to members";

impl Book {
    /// All rooms that are on record.
    pub(crate) fn guarded(&mut self) -> Result<Vec<Guarded>, String> {
        self.seen = self.version()?;
        let members = self.read("SELECT folded, account FROM members", |row| {
            Ok(Some((row.get::<_, String>(0)?, AuthorId(row.get(1)?))))
        })?;
        let mut of_room: BTreeMap<String, BTreeSet<AuthorId>> = BTreeMap::new();
        for (room, member) in members {
            of_room.entry(room).or_default().insert(member);
        }
        self.read("SELECT folded, name, maker, rule FROM rooms", |row| {
            // A name that a newer table of Unicode doesn't allow any more can't be asked for.
            let Ok(name) = RoomName::new(&row.get::<_, String>(1)?) else { return Ok(None) };
            let members = || of_room.get(&row.get::<_, String>(0).unwrap_or_default()).cloned().unwrap_or_default();
            let (rule, closed) = match row.get::<_, String>(3)?.as_str() {
                "open" => (Rule::Open, false),
                "members" => (Rule::Members(members()), false),
                CLOSED => (Rule::Open, true),
                // What isn't known is better closed than open.
                _ => (Rule::Members(members()), true),
            };
            Ok(Some(Guarded { name, maker: row.get::<_, Option<[u8; 16]>>(2)?.map(AuthorId), rule, closed }))
        })
    }

    /// Forgets these.
    pub(crate) fn forget_guarded(&self, rooms: &[Guarded]) -> Result<(), String> {
        for room in rooms {
            let key = room.name.key();
            for table in ["rooms", "members"] {
                self.db.execute(&format!("DELETE FROM {table} WHERE folded = ?"), [key.folded()]).map_err(sentence)?;
            }
        }
        Ok(())
    }

    /// Keeps what is on record of a room.
    pub(crate) fn keep_guarded(&mut self, room: &Guarded) -> Result<(), String> {
        let mut keep = || {
            let key = room.name.key();
            let folded = key.folded();
            let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
            let (rule, members) = match (&room.rule, room.closed) {
                (Rule::Open, false) => ("open", None),
                (Rule::Open, true) => (CLOSED, None),
                (Rule::Members(members), false) => ("members", Some(members)),
                (Rule::Members(members), true) => (CLOSED_MEMBERS, Some(members)),
            };
            tx.execute("DELETE FROM members WHERE folded = ?", [folded])?;
            for member in members.into_iter().flatten() {
                tx.execute("INSERT INTO members (folded, account) VALUES (?, ?)", params![folded, member.0])?;
            }
            let values = params![folded, room.name.as_str(), room.maker.map(|maker| maker.0), rule];
            tx.execute("INSERT OR REPLACE INTO rooms (folded, name, maker, rule) VALUES (?, ?, ?, ?)", values)?;
            tx.commit()
        };
        keep().map_err(sentence)
    }
}
