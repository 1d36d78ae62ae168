//! How far people have read their private conversations, in a file of its own beside the log.
//!
//! Not in the book of accounts: it is written every second while people talk, and whoever has the book open reads all of it again when
//! something in it changed. It is no treasure either: where it is lost, people are shown again what they have read.

use std::fs;
use std::path::Path;

use chat_protocol::value::Seq;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::log::AuthorId;
use crate::private_file;

/// The file in a data folder.
const FILE: &str = "marks.db";

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS marks (
    reader BLOB NOT NULL, other BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (reader, other)
) STRICT, WITHOUT ROWID;
";

/// How far an account has read its conversation with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) reader: AuthorId,
    pub(crate) other: AuthorId,
    pub(crate) seq: Seq,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Marks(Connection);

impl Marks {
    /// Opens the file in a data folder, and reads it. One that can't be used is made anew. Errors are sentences.
    pub(crate) fn open(data: &Path) -> Result<(Self, Vec<Mark>), String> {
        let path = data.join(FILE);
        open(&path).or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "how far people have read is lost; they are shown it again");
            fs::remove_file(&path).map_err(|error| error.to_string()).and_then(|()| open(&path))
        })
    }

    /// Keeps some.
    pub(crate) fn keep(&mut self, marks: &[Mark]) -> Result<(), String> {
        self.write(marks).map_err(|error| error.to_string())
    }

    fn write(&mut self, marks: &[Mark]) -> rusqlite::Result<()> {
        let tx = Transaction::new(&mut self.0, TransactionBehavior::Immediate)?;
        for Mark { reader, other, seq } in marks {
            tx.prepare_cached("INSERT OR REPLACE INTO marks (reader, other, seq) VALUES (?, ?, ?)")?
                .execute(params![reader.0, other.0, i64::try_from(seq.get()).unwrap_or(i64::MAX)])?;
        }
        tx.commit()
    }

    /// Forgets whatever an account has read, and what others have read of it.
    pub(crate) fn forget(&self, account: AuthorId) -> Result<(), String> {
        let forget = "DELETE FROM marks WHERE ?1 IN (reader, other)";
        self.0.execute(forget, [account.0]).map(drop).map_err(|error| error.to_string())
    }
}

fn open(path: &Path) -> Result<(Marks, Vec<Mark>), String> {
    let open = || {
        let db = Connection::open(path)?;
        db.busy_timeout(std::time::Duration::from_secs(5))?;
        db.pragma_update(None, "secure_delete", true)?;
        db.pragma_update(None, "synchronous", "off")?;
        db.execute_batch(TABLES)?;
        let mut statement = db.prepare("SELECT reader, other, seq FROM marks")?;
        let rows = statement.query_map((), |row| {
            let (reader, other, seq) = (AuthorId(row.get(0)?), AuthorId(row.get(1)?), row.get::<_, i64>(2)?);
            Ok(Mark { reader, other, seq: Seq::new(u64::try_from(seq).unwrap_or(0)) })
        })?;
        let marks = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        drop(statement);
        Ok((Marks(db), marks))
    };
    private_file::make(path).and_then(|_| private_file::close_to_others(path)).map_err(|error| error.to_string())?;
    open().map_err(|error: rusqlite::Error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_kept_and_a_file_that_is_none_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let mark = |seq| Mark { reader: AuthorId([1; 16]), other: AuthorId([2; 16]), seq: Seq::new(seq) };
        let (mut marks, none) = Marks::open(folder.path()).unwrap();
        assert_eq!(none, []);
        marks.keep(&[mark(3)]).unwrap();
        marks.keep(&[mark(7)]).unwrap();
        assert_eq!(Marks::open(folder.path()).unwrap().1, [mark(7)]);
        marks.forget(AuthorId([2; 16])).unwrap();
        assert_eq!(Marks::open(folder.path()).unwrap().1, []);
        drop(marks);
        fs::write(
            folder.path().join(FILE),
            "these are not the bytes of a database, and there are more than hundred of them; so SQLite looks",
        )
        .unwrap();
        assert_eq!(Marks::open(folder.path()).unwrap().1, []);
    }
}
