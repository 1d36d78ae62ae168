//! What is kept of private conversations and private rooms.

use rusqlite::{Transaction, TransactionBehavior, params};

use super::{Book, sentence, signed, unsigned};
use crate::conversations::Mark;
use crate::log::AuthorId;
use chat_protocol::value::Seq;

pub(super) const TABLES: &str = "
CREATE TABLE marks (
    reader BLOB NOT NULL, other BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (reader, other)
) STRICT, WITHOUT ROWID;
";

impl Book {
    /// How far everybody has read his private conversations.
    pub(crate) fn marks(&self) -> Result<Vec<Mark>, String> {
        self.read("SELECT reader, other, seq FROM marks", |row| {
            let (reader, other) = (AuthorId(row.get(0)?), AuthorId(row.get(1)?));
            Ok(Some(Mark { reader, other, seq: Seq::new(unsigned(row, 2)?) }))
        })
    }

    /// Keeps some of that.
    pub(crate) fn keep_marks(&mut self, marks: &[Mark]) -> Result<(), String> {
        let mut keep = || {
            let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
            for Mark { reader, other, seq } in marks {
                tx.prepare_cached("INSERT OR REPLACE INTO marks (reader, other, seq) VALUES (?, ?, ?)")?
                    .execute(params![reader.0, other.0, signed(seq.get())])?;
            }
            tx.commit()
        };
        keep().map_err(sentence)
    }
}
