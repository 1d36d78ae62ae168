//! The house's book: accounts, bans, mutes and the audit log, in one SQLite file beside the log.
//!
//! A file of its own, as `chat-server account` writes to it beside a running server, and the log has one writer alone: an
//! account that is made must never hold a commit of messages up. Whoever reads it sees by SQLite's `data_version` that
//! another connection wrote.

mod erasures;
mod house;
mod rooms;
mod rules;

use std::fs;
use std::path::Path;
use std::time::Duration;

use chat_protocol::message::AuditInfo;
use chat_protocol::names::Alias;
use chat_protocol::value::Time;
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::accounts::{Account, AccountError, Keeper, KeptAccount, KeptInvite};
use crate::log::{AuthorId, mark_of};
use crate::moderation::{Change, RuleKeeper};
use crate::private_file;

/// The file in a data folder.
const FILE: &str = "accounts.db";

/// Tells a book of ours from other databases: "book".
const APPLICATION: i64 = 0x626f_6f6b;

/// What makes each schema of the one before; the first, of nothing. Their number is the schema that this program reads and writes.
const STEPS: [&str; 5] = [TABLES, INVITES, rooms::TABLES, erasures::TABLES, house::TABLES];

const TABLES: &str = "
CREATE TABLE accounts (
    id BLOB PRIMARY KEY, folded TEXT NOT NULL UNIQUE, alias TEXT NOT NULL, operator INTEGER NOT NULL,
    created INTEGER NOT NULL, sessions_from INTEGER NOT NULL, hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE rules (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, author BLOB, until INTEGER, reason TEXT,
    maker TEXT NOT NULL, time INTEGER NOT NULL
) STRICT;
CREATE TABLE switches (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, time INTEGER NOT NULL, maker TEXT NOT NULL, what TEXT NOT NULL
) STRICT;
";

const INVITES: &str = "
CREATE TABLE invites (hash BLOB PRIMARY KEY, alias TEXT NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// A connection to the book. Each of those who keep something in it has one.
#[derive(Debug)]
pub(crate) struct Book {
    db: Connection,
    seen: i64,
}

impl Book {
    /// Opens the book in a data folder; both are made if need be. Errors are sentences.
    pub(crate) fn open(data: &Path) -> Result<Self, String> {
        let path = data.join(FILE);
        let failed = |error: &dyn std::fmt::Display| format!("{} can't be used: {error}", path.display());
        let mark = mark_of(&data.join("chat.db"));
        Self::check_mark(data, mark.as_deref())?;
        make(data).map_err(|error| failed(&error))?;
        private_file::make(&path).and_then(|_| private_file::close_to_others(&path)).map_err(|error| failed(&error))?;
        let mut db = connect(&path).map_err(|error| failed(&error))?;
        let tx = Transaction::new(&mut db, TransactionBehavior::Immediate).map_err(|error| failed(&error))?;
        let pragma = |name: &str| tx.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        match (pragma("application_id"), pragma("user_version")) {
            (Ok(0), Ok(0)) => upgrade(&tx, 0).map_err(|error| failed(&error))?,
            (Ok(APPLICATION), Ok(schema)) => match usize::try_from(schema) {
                Ok(schema) if schema <= STEPS.len() => upgrade(&tx, schema).map_err(|error| failed(&error))?,
                _ => {
                    let known = STEPS.len();
                    let newer =
                        format!("it was written by a newer chat-server (schema {schema}; this one knows {known})");
                    return Err(failed(&newer));
                }
            },
            (Err(error), _) | (_, Err(error)) => return Err(failed(&error)),
            _ => return Err(failed(&"it is no book of chat-server's")),
        }
        tx.commit().map_err(|error| failed(&error))?;
        let book = Self { db, seen: 0 };
        if mark.is_some_and(|mark| book.mark().is_ok_and(|own| own != mark)) {
            return Err(failed(&"it has the accounts of another log than the one beside it"));
        }
        Ok(book)
    }

    /// Writes all that is in the book of `data` into a new file. Errors are sentences.
    pub(crate) fn backup(data: &Path, file: &Path) -> Result<(), String> {
        let failed =
            |error: &dyn std::fmt::Display| format!("the accounts can't be written to {}: {error}", file.display());
        let name = file.to_str().ok_or_else(|| failed(&"its name is not UTF-8"))?;
        let book = Self::open(data)?;
        if file.exists() {
            return Err(failed(&"it is there already"));
        }
        // SQLite takes an empty file for none, and asks nobody else to read what was made for its owner alone.
        private_file::make(file).map_err(|error| failed(&error))?;
        book.db.execute("VACUUM INTO ?", [name]).map_err(|error| failed(&error))?;
        fs::File::open(file).and_then(|file| file.sync_all()).map_err(|error| failed(&error))
    }

    fn version(&self) -> Result<i64, String> {
        self.db.pragma_query_value(None, "data_version", |row| row.get(0)).map_err(sentence)
    }

    pub(crate) fn stale(&mut self) -> Result<bool, String> {
        let version = self.version()?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }

    fn read<T>(&self, query: &str, row: impl Fn(&Row<'_>) -> rusqlite::Result<Option<T>>) -> Result<Vec<T>, String> {
        let read = || {
            let mut statement = self.db.prepare_cached(query)?;
            let rows = statement.query_map([], |found| row(found))?;
            rows.filter_map(Result::transpose).collect::<rusqlite::Result<Vec<T>>>()
        };
        read().map_err(sentence)
    }
}

/// Makes the folder, for its owner alone: there are hashes of passwords in it.
fn make(data: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    // What was given up or changed leaves the file.
    db.pragma_update(None, "secure_delete", true)?;
    Ok(db)
}

fn upgrade(tx: &Transaction<'_>, from: usize) -> rusqlite::Result<()> {
    if from == STEPS.len() {
        return Ok(());
    }
    STEPS[from..].iter().try_for_each(|step| tx.execute_batch(step))?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", signed(STEPS.len() as u64))
}

/// Puts something on record that was done to the accounts of a data folder by whoever may write to it.
///
/// # Errors
///
/// [`AccountError::Unavailable`].
pub fn put_on_record(data: &Path, what: &str, now: Time) -> Result<(), AccountError> {
    let entry = AuditInfo { number: 0, time: now, by: AuditInfo::SERVER.to_owned(), what: what.to_owned() };
    let mut book = Book::open(data).map_err(AccountError::Unavailable)?;
    book.record(&Change::default(), &entry).map(drop).map_err(AccountError::Unavailable)
}

/// SQLite's numbers are signed. None of ours comes near the end of them.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

#[expect(clippy::needless_pass_by_value, reason = "as an argument of map_err")]
fn sentence(error: rusqlite::Error) -> String {
    error.to_string()
}

impl Keeper for Book {
    fn is_stale(&mut self) -> Result<bool, String> {
        self.stale()
    }

    fn load(&mut self) -> Result<Vec<KeptAccount>, String> {
        self.seen = self.version()?;
        self.read("SELECT id, alias, operator, created, sessions_from, hash FROM accounts", |row| {
            // A name that a newer table of Unicode doesn't allow any more is nobody's until it does.
            let Ok(alias) = Alias::new(&row.get::<_, String>(1)?) else { return Ok(None) };
            let mut account = Account::new(AuthorId(row.get(0)?), alias, Time::from_millis(row.get(3)?));
            account.operator = row.get(2)?;
            account.sessions_from = Time::from_millis(row.get(4)?);
            Ok(Some(KeptAccount::new(account, row.get(5)?)))
        })
    }

    fn save(&mut self, kept: &KeptAccount) -> Result<(), String> {
        save(&self.db, kept).map_err(sentence)
    }

    fn delete(&mut self, id: AuthorId) -> Result<(), String> {
        self.db.execute("DELETE FROM accounts WHERE id = ?", [id.0]).map(drop).map_err(sentence)
    }

    fn invites(&mut self) -> Result<Vec<KeptInvite>, String> {
        self.read("SELECT hash, alias, expires FROM invites", |row| {
            let Ok(alias) = Alias::new(&row.get::<_, String>(1)?) else { return Ok(None) };
            Ok(Some(KeptInvite::new(row.get(0)?, alias, Time::from_millis(row.get(2)?))))
        })
    }

    fn save_invite(&mut self, invite: &KeptInvite, now: Time) -> Result<(), String> {
        let save = || {
            self.db.execute("DELETE FROM invites WHERE expires <= ?", [now.as_millis()])?;
            let values = params![invite.hash, invite.alias.as_str(), invite.expires.as_millis()];
            self.db.execute("INSERT INTO invites (hash, alias, expires) VALUES (?, ?, ?)", values)
        };
        save().map(drop).map_err(sentence)
    }

    fn redeem(&mut self, invite: &KeptInvite, account: &KeptAccount) -> Result<bool, String> {
        let redeem = |db: &mut Connection| {
            let tx = Transaction::new(db, TransactionBehavior::Immediate)?;
            if tx.execute("DELETE FROM invites WHERE hash = ?", [invite.hash])? == 0 {
                return Ok(false);
            }
            save(&tx, account)?;
            tx.commit().map(|()| true)
        };
        redeem(&mut self.db).map_err(sentence)
    }
}

fn save(db: &Connection, kept: &KeptAccount) -> rusqlite::Result<()> {
    let Account { id, alias, operator, created, sessions_from } = &kept.account;
    let (created, sessions_from) = (created.as_millis(), sessions_from.as_millis());
    let key = alias.key();
    let values = params![id.0, key.folded(), alias.as_str(), operator, created, sessions_from, kept.hash];
    let query = "INSERT INTO accounts (id, folded, alias, operator, created, sessions_from, hash)
            VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET operator = excluded.operator,
            sessions_from = excluded.sessions_from, hash = excluded.hash";
    db.execute(query, values).map(drop)
}

#[cfg(test)]
mod tests;
