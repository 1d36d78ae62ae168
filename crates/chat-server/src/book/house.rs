//! Which log a book belongs to. A log that was opened beside a book has the book's mark, and is not opened without it any more: with the
//! book it would lose who owns an alias and whose the private rooms are, and all of them would be everybody's.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use chat_protocol::names::RoomName;
use rusqlite::{Connection, OpenFlags};

use super::{APPLICATION, Book, FILE, STEPS, sentence};
use crate::access::{Guarded, Rule};
use crate::log::mark_of;
use crate::private_file;

/// A book on its way into its place.
const UNFINISHED: &str = "accounts.db.new";

pub(super) const TABLES: &str = "
CREATE TABLE house (id BLOB NOT NULL) STRICT;
INSERT INTO house (id) VALUES (randomblob(16));
";

impl Book {
    /// What a log that belongs to this book is marked with.
    pub(crate) fn mark(&self) -> Result<String, String> {
        self.db.query_row("SELECT lower(hex(id)) FROM house", [], |row| row.get(0)).map_err(sentence)
    }

    /// Whether a book may be used, or made, in a folder whose log has this mark.
    pub(crate) fn check_mark(data: &Path, mark: Option<&str>) -> Result<(), String> {
        let path = data.join(FILE);
        if mark.is_none() || path.exists() {
            return Ok(());
        }
        let log = data.join("chat.db");
        Err(format!(
            "{} is missing, which has the accounts and whose the private rooms are; bring it back from a backup (its FILE.accounts), \
             or make a log without accounts, whose rooms are closed: chat-server restore {} --without-accounts --data NEW",
            path.display(),
            log.display()
        ))
    }

    /// Opens a book that nothing is to be changed in.
    fn open_for_reading(path: &Path) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{} can't be used: {error}", path.display());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).map_err(|error| failed(&error))?;
        let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        match (pragma("application_id"), pragma("user_version")) {
            (Ok(APPLICATION), Ok(schema)) if usize::try_from(schema).is_ok_and(|schema| schema <= STEPS.len()) => {}
            (Err(error), _) | (_, Err(error)) => return Err(failed(&error)),
            _ => return Err(failed(&"it is no book of chat-server's, or a newer one's")),
        }
        Ok(Self { db, seen: 0 })
    }

    fn has(&self, table: &str) -> Result<bool, String> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?";
        self.db.query_row(sql, [table], |row| row.get::<_, i64>(0)).map(|count| count > 0).map_err(sentence)
    }

    /// Whether `file` is the book of a log with this mark; one from before there were marks may be.
    pub(crate) fn check_belongs(file: &Path, mark: Option<&str>) -> Result<(), String> {
        let book = Self::open_for_reading(file)?;
        let Some(mark) = mark else { return Ok(()) };
        if !book.has("house")? || book.mark()? == mark {
            return Ok(());
        }
        Err(format!("{} has the accounts of another log", file.display()))
    }

    /// The folded names of the rooms in a folder that aren't everybody's.
    pub(crate) fn guarded_in(data: &Path) -> Result<HashSet<String>, String> {
        let path = data.join(FILE);
        Self::check_mark(data, mark_of(&data.join("chat.db")).as_deref())?;
        if !path.exists() {
            return Ok(HashSet::new());
        }
        let mut book = Self::open_for_reading(&path)?;
        if !book.has("rooms")? {
            return Ok(HashSet::new());
        }
        book.guarded().map(guarded_names)
    }

    /// Closes rooms of a log that comes without what was on record of them; what the folder's book has of one stays in force.
    pub(crate) fn close_rooms(data: &Path, rooms: &[RoomName]) -> Result<(), String> {
        let mut book = Self::open(data)?;
        let known = guarded_names(book.guarded()?);
        for name in rooms.iter().filter(|name| !known.contains(name.key().folded())) {
            book.keep_guarded(&Guarded { name: name.clone(), maker: None, rule: Rule::Open, closed: true })?;
        }
        Ok(())
    }

    /// Whether a folder has no book yet.
    pub(crate) fn check_absent(data: &Path) -> Result<(), String> {
        let path = data.join(FILE);
        if path.exists() { Err(format!("{} is there already", path.display())) } else { Ok(()) }
    }

    /// Makes the book of `data` what was written out.
    pub(crate) fn restore(file: &Path, data: &Path) -> Result<(), String> {
        Self::check_absent(data)?;
        let (path, new) = (data.join(FILE), data.join(UNFINISHED));
        let copied = private_file::make(&new).and_then(|mut to| {
            to.set_len(0)?;
            io::copy(&mut fs::File::open(file)?, &mut to)?;
            to.sync_all()?;
            fs::rename(&new, &path)
        });
        copied.map_err(|error| format!("the accounts can't be read from {}: {error}", file.display()))?;
        Self::open(data).map(drop)
    }
}

fn guarded_names(rooms: Vec<Guarded>) -> HashSet<String> {
    let guarded = rooms.into_iter().filter(|room| !room.is_everybodys());
    guarded.map(|room| room.name.key().folded().to_owned()).collect()
}
