//! The database: made whole or not at all, brought up to date after it was copied, refused where it is newer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};

use super::folder::{self, FolderError};
use crate::planted::{Bug, planted};
use crate::private_file;
use crate::secret::{hex, random};

/// The schema that this program writes. What a migration does stands in [`MIGRATIONS`].
pub(super) const SCHEMA: i64 = 1;

/// Tells a database of ours from others: "chat".
const APPLICATION: i64 = 0x6368_6174;

/// How the words of messages are cut into terms. Another number, and the index is made anew.
const INDEX: &str = "1";

/// The step from schema n + 1 to n + 2 is at index n. Each runs in a transaction, with the file copied before.
const MIGRATIONS: &[fn(&Transaction<'_>) -> rusqlite::Result<()>] = &[];

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, head INTEGER NOT NULL, first INTEGER NOT NULL,
    indexed INTEGER NOT NULL, topic TEXT NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE TABLE messages (
    place INTEGER PRIMARY KEY, time INTEGER NOT NULL, author BLOB NOT NULL, id TEXT, sender TEXT NOT NULL,
    kind INTEGER NOT NULL, text TEXT NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_by_id ON messages (author, id) WHERE id IS NOT NULL;
CREATE TABLE sessions (
    token BLOB PRIMARY KEY, author BLOB NOT NULL, alias TEXT NOT NULL, last_used INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_use ON sessions (last_used);
";

/// Without the text (the messages have it), places or counts: which messages hold a term, and no more.
const WORDS: &str = "
CREATE VIRTUAL TABLE words USING fts5(terms, content='', detail=none, columnsize=0, tokenize='ascii');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
";

/// Why a log can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder can't be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A later program wrote it.
    #[error("{} was written by a newer chat-server (schema {found}; this one knows {SCHEMA}); use that one, or another folder with --data DIR", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// It isn't what it was, or never was a log.
    #[error("{} is damaged or no log of chat-server: {why}; `chat-server export` writes out what can still be read, `chat-server restore` brings a backup back", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is a log where there should be none.
    #[error("{} has a log already; give an empty folder with --data DIR", folder.display())]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no log.
    #[error("{} has no log; name the folder of one with --data DIR", folder.display())]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// SQLite or the file system says no.
    #[error("{} can't be opened: {why}", path.display())]
    Failed {
        /// The database.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

impl OpenError {
    pub(super) fn failed(path: &Path) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |why| Self::Failed { path: path.to_owned(), why: why.to_string() }
    }

    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged { path: path.to_owned(), why },
            _ => Self::Failed { path: path.to_owned(), why },
        }
    }
}

/// Opens the database for writing, made if there is none.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let failed = OpenError::failed(path);
    if !path.try_exists().map_err(|error| failed(&error))? {
        // Half of a log is none: without the file itself nothing that lies beside it can be understood.
        if folder::beside(path, "-wal").exists() {
            let why = "its file is missing, and the -wal beside it is there".to_owned();
            return Err(OpenError::Damaged { path: path.to_owned(), why });
        }
        create(path)?;
    }
    private_file::close_to_others(path).map_err(|error| failed(&error))?;
    let mut db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| OpenError::of(path, &error))?;
    check(&db, path)?;
    for_writing(&db).map_err(|error| OpenError::of(path, &error))?;
    migrate(&mut db, path, MIGRATIONS)?;
    check_tables(&db, path)?;
    reindex_if_cut_differently(&mut db).map_err(|error| OpenError::of(path, &error))?;
    Ok(db)
}

/// Opens an existing database for reading.
pub(super) fn open_for_reading(path: &Path) -> rusqlite::Result<Connection> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(5))?;
    db.set_prepared_statement_cache_capacity(64);
    // What closes last would checkpoint and swallow every error of that; we do it ourselves, and look.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    db.pragma_update(None, "temp_store", "memory")?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

/// What makes a commit last, and what was deleted gone.
fn for_writing(db: &Connection) -> rusqlite::Result<()> {
    db.pragma_update(None, "journal_mode", "wal")?;
    db.pragma_update(None, "synchronous", "full")?;
    db.pragma_update(None, "secure_delete", true)?;
    db.pragma_update(None, "cache_size", -8192)?;
    if planted(Bug::SynchronousNormal) {
        db.pragma_update(None, "synchronous", "normal")?;
    }
    // Checkpoints are made between commits, where their errors are seen.
    db.pragma_update(None, "wal_autocheckpoint", 0)
}

/// Makes a database under another name first: under its own there is never half of one.
fn create(path: &Path) -> Result<(), OpenError> {
    let new = folder::beside(path, ".new");
    make_empty(&new, path)?;
    put_in_place(&new, path)
}

/// Makes a database with the tables and nothing in them but the name of a new log.
pub(super) fn make_empty(new: &Path, path: &Path) -> Result<(), OpenError> {
    let of = |error: rusqlite::Error| OpenError::of(path, &error);
    let failed = OpenError::failed(path);
    let _ = fs::remove_file(new);
    private_file::make(new).map_err(|error| failed(&error))?;
    let mut db = connect(new, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE).map_err(of)?;
    let name = hex(&random::<16>().map_err(|error| failed(&error))?);
    fill(&mut db, &name).map_err(of)
}

fn fill(db: &mut Connection, name: &str) -> rusqlite::Result<()> {
    db.pragma_update(None, "auto_vacuum", "incremental")?;
    let tx = db.transaction()?;
    tx.execute_batch(TABLES)?;
    tx.execute_batch(WORDS)?;
    tx.execute("INSERT INTO meta (key, value) VALUES ('log', ?), ('index', ?)", [name, INDEX])?;
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", SCHEMA)?;
    tx.commit()
}

/// Gives a finished database its name, for good.
pub(super) fn put_in_place(new: &Path, path: &Path) -> Result<(), OpenError> {
    let failed = OpenError::failed(path);
    let moved =
        fs::File::options().write(true).open(new).and_then(|file| file.sync_all()).and_then(|()| fs::rename(new, path));
    moved.and_then(|()| path.parent().map_or(Ok(()), folder::sync)).map_err(|error| failed(&error))
}

/// Gives the log a new name: positions learned under the old one mean nothing in it.
pub(super) fn rename_log(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let name = hex(&random::<16>().map_err(|error| OpenError::failed(path)(&error))?);
    db.execute("UPDATE meta SET value = ? WHERE key = 'log'", [name]).map_err(|error| OpenError::of(path, &error))?;
    Ok(())
}

/// The mark of the book that a log belongs to, which it isn't opened without.
pub(super) fn mark(db: &Connection) -> Option<String> {
    db.query_row("SELECT value FROM meta WHERE key = 'book'", (), |row| row.get(0)).ok()
}

/// The same of a database that may be none, or not there.
pub(crate) fn mark_of(database: &Path) -> Option<String> {
    open_for_reading(database).ok().as_ref().and_then(mark)
}

pub(super) fn set_mark(db: &Connection, mark: Option<&str>) -> rusqlite::Result<()> {
    db.execute("DELETE FROM meta WHERE key = 'book'", ())?;
    match mark {
        Some(mark) => db.execute("INSERT INTO meta (key, value) VALUES ('book', ?)", [mark]).map(drop),
        None => Ok(()),
    }
}

/// Whether this is a log, and one that this program understands.
pub(super) fn check(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let pragma = |name: &str| -> Result<i64, OpenError> {
        db.pragma_query_value(None, name, |row| row.get(0)).map_err(|error| OpenError::of(path, &error))
    };
    if pragma("application_id")? != APPLICATION {
        return Err(OpenError::Damaged { path: path.to_owned(), why: "it doesn't begin as one".to_owned() });
    }
    match pragma("user_version")? {
        found if found > SCHEMA => Err(OpenError::Newer { path: path.to_owned(), found }),
        1..=SCHEMA => Ok(()),
        found => Err(OpenError::Damaged { path: path.to_owned(), why: format!("its schema has the number {found}") }),
    }
}

/// Brings the schema up to date, one step a transaction; the file as it was is kept beside it.
fn migrate(
    db: &mut Connection,
    path: &Path,
    steps: &[fn(&Transaction<'_>) -> rusqlite::Result<()>],
) -> Result<(), OpenError> {
    let of = |error: rusqlite::Error| OpenError::of(path, &error);
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of)?;
    let done = usize::try_from(found - 1).unwrap_or(0);
    if done >= steps.len() {
        return Ok(());
    }
    let copy = folder::beside(path, &format!(".v{found}"));
    if !copy.exists() {
        let part = folder::beside(path, ".copy");
        let _ = fs::remove_file(&part);
        private_file::make(&part).map_err(|error| OpenError::failed(path)(&error))?;
        db.execute("VACUUM INTO ?", [part.to_string_lossy()]).map_err(of)?;
        put_in_place(&part, &copy)?;
    }
    tracing::info!(copy = %copy.display(), from = found, to = steps.len() + 1, "the log is brought up to date");
    for (number, step) in (found + 1..).zip(&steps[done..]) {
        let tx = db.transaction().map_err(of)?;
        step(&tx).map_err(of)?;
        tx.pragma_update(None, "user_version", number).map_err(of)?;
        tx.commit().map_err(of)?;
    }
    Ok(())
}

/// Whether the tables are the ones that this program makes: damage to their definitions could change what all rows mean.
fn check_tables(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let of = |error: rusqlite::Error| OpenError::of(path, &error);
    let fresh = Connection::open_in_memory().and_then(|db| db.execute_batch(TABLES).map(|()| db)).map_err(of)?;
    let definitions = |db: &Connection| -> rusqlite::Result<Vec<(String, Option<String>)>> {
        let sql = "SELECT name, sql FROM sqlite_schema WHERE name NOT GLOB 'words*' ORDER BY name";
        db.prepare(sql)?.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    if definitions(db).map_err(of)? == definitions(&fresh).map_err(of)? {
        return Ok(());
    }
    Err(OpenError::Damaged { path: path.to_owned(), why: "the definitions of its tables are not ours".to_owned() })
}

fn reindex_if_cut_differently(db: &mut Connection) -> rusqlite::Result<()> {
    let how: String = db.query_row("SELECT value FROM meta WHERE key = 'index'", (), |row| row.get(0))?;
    if how == INDEX { Ok(()) } else { reindex(db) }
}

/// Throws the index away; it is made anew from the messages, behind the commits.
pub(super) fn reindex(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    reset_index(&tx)?;
    tx.commit()
}

/// The same, in a transaction of the caller's.
pub(super) fn reset_index(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch("DROP TABLE IF EXISTS words;")?;
    db.execute_batch(WORDS)?;
    db.execute("UPDATE rooms SET indexed = 0", ())?;
    db.execute("UPDATE meta SET value = ? WHERE key = 'index'", [INDEX])?;
    Ok(())
}

/// The name of the log.
pub(super) fn log_name(db: &Connection) -> rusqlite::Result<String> {
    db.query_row("SELECT value FROM meta WHERE key = 'log'", (), |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.db");
        (folder, path)
    }

    #[test]
    fn it_is_durable_by_its_settings_and_wipes_what_is_deleted() {
        let (_folder, path) = fresh();
        let db = open(&path).unwrap();
        let pragma =
            |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap();
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("synchronous"), 2.into(), "FULL");
        assert_eq!(pragma("secure_delete"), 1.into());
        assert_eq!(pragma("auto_vacuum"), 2.into(), "INCREMENTAL");
    }

    #[test]
    fn the_name_of_the_log_stays() {
        let (_folder, path) = fresh();
        let name = log_name(&open(&path).unwrap()).unwrap();
        assert_eq!(name.len(), 32);
        assert_eq!(log_name(&open(&path).unwrap()).unwrap(), name);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let (_folder, path) = fresh();
        open(&path).unwrap().pragma_update(None, "user_version", SCHEMA + 1).unwrap();
        let refused = open(&path).unwrap_err();
        assert!(matches!(refused, OpenError::Newer { found, .. } if found == SCHEMA + 1), "{refused}");
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let (_folder, path) = fresh();
        fs::write(&path, b"").unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged { .. })), "an empty file");
        fs::write(&path, b"these are not the bytes of a database, and there are more than hundred of them; so SQLite looks at it and refuses").unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged { .. })));
        fs::remove_file(&path).unwrap();
        fs::write(folder::beside(&path, "-wal"), b"x").unwrap();
        assert!(matches!(open(&path), Err(OpenError::Damaged { .. })), "a -wal alone");
    }

    #[test]
    fn a_migration_copies_the_file_first_and_is_done_once() {
        let (_folder, path) = fresh();
        let mut db = open(&path).unwrap();
        let step: fn(&Transaction<'_>) -> rusqlite::Result<()> = |tx| tx.execute_batch("CREATE TABLE more (x TEXT);");
        migrate(&mut db, &path, &[step]).unwrap();
        migrate(&mut db, &path, &[step]).unwrap();
        let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 2);
        let copy = Connection::open(folder::beside(&path, ".v1")).unwrap();
        assert_eq!(copy.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), 1);
        assert_eq!(log_name(&copy).unwrap(), log_name(&db).unwrap());
    }

    #[test]
    fn a_failed_migration_changes_nothing() {
        let (_folder, path) = fresh();
        let mut db = open(&path).unwrap();
        let step: fn(&Transaction<'_>) -> rusqlite::Result<()> =
            |tx| tx.execute_batch("CREATE TABLE more (x TEXT); SELECT nonsense;");
        assert!(migrate(&mut db, &path, &[step]).is_err());
        drop(db);
        open(&path).unwrap();
    }
}
