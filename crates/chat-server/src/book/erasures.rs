//! Whom the log is still to be emptied of: asked for by `chat-server erase`, done by whoever has the log.

use chat_protocol::names::Alias;
use rusqlite::{Transaction, TransactionBehavior, params};

use super::{Book, sentence};
use crate::log::{AuthorId, Person};

pub(super) const TABLES: &str = "
CREATE TABLE erasures (number INTEGER PRIMARY KEY, account BLOB, alias TEXT NOT NULL) STRICT;
";

impl Book {
    /// Asks for it, and forgets what the book has of an account: itself, and where it is a member. The number of the request.
    pub(crate) fn ask_to_erase(&mut self, person: &Person, alias: &Alias) -> Result<i64, String> {
        let mut ask = || {
            let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
            let account = match person {
                Person::Account(id) => Some(id.0),
                Person::Guest(_) => None,
            };
            if let Some(id) = account {
                tx.execute("DELETE FROM accounts WHERE id = ?", [id])?;
                tx.execute("DELETE FROM members WHERE account = ?", [id])?;
                tx.execute("UPDATE rooms SET maker = NULL WHERE maker = ?", [id])?;
            }
            tx.execute("INSERT INTO erasures (account, alias) VALUES (?, ?)", params![account, alias.as_str()])?;
            let number = tx.last_insert_rowid();
            tx.commit()?;
            Ok(number)
        };
        ask().map_err(sentence)
    }

    /// What is asked for and not done.
    pub(crate) fn erasures(&self) -> Result<Vec<(i64, Person)>, String> {
        self.read("SELECT number, account, alias FROM erasures ORDER BY number", |row| {
            let person = match row.get::<_, Option<[u8; 16]>>(1)? {
                Some(id) => Person::Account(AuthorId(id)),
                // A name that a newer table of Unicode doesn't allow any more isn't looked for.
                None => match Alias::new(&row.get::<_, String>(2)?) {
                    Ok(alias) => Person::Guest(alias),
                    Err(_) => return Ok(None),
                },
            };
            Ok(Some((row.get(0)?, person)))
        })
    }

    /// It is done; nothing is left of the request either.
    pub(crate) fn erased(&self, number: i64) -> Result<(), String> {
        self.db.execute("DELETE FROM erasures WHERE number = ?", [number]).map_err(sentence)?;
        // What the write-ahead log still has of it goes with the checkpoint.
        let emptied = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()));
        emptied.map_err(sentence)
    }
}
