//! The journal's file, and the lock beside it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::JournalError;
use super::book::{Book, Record, VERSION};

/// Bytes of the largest file that is read: the outbox full of the longest lines has less.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// A file that is ours as long as this lives.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    /// Of the file that is in place.
    file: Option<File>,
    /// Beside it, as the file itself is replaced.
    _lock: File,
}

/// What an earlier client left.
pub(super) struct Found {
    pub(super) book: Book,
    pub(super) trouble: Option<String>,
}

impl Disk {
    /// Locks the file and reads it.
    pub(super) fn open(path: &Path) -> Result<(Self, Found), JournalError> {
        let io = |error| JournalError::Io { path: path.to_owned(), error };
        if let Some(folder) = path.parent() {
            make_folder(folder).map_err(|error| JournalError::Io { path: folder.to_owned(), error })?;
        }
        let lock = options().create(true).truncate(false).write(true).open(path.with_extension("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Held { path: path.to_owned(), pid: holder(path) });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let found = match File::open(path) {
            Ok(file) => {
                let mut bytes = Vec::new();
                file.take(MOST_BYTES).read_to_end(&mut bytes).map_err(io)?;
                read(path, &bytes)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found { book: Book::default(), trouble: None },
            Err(error) => return Err(io(error)),
        };
        Ok((Self { path: path.to_owned(), file: None, _lock: lock }, found))
    }

    /// Puts another file in place, whole or not at all.
    pub(super) fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = options().create(true).truncate(true).write(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Some systems don't put a file in the place of one that is open.
        self.file = None;
        fs::rename(&beside, &self.path)?;
        sync_folder(&self.path)?;
        self.file = Some(file);
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8], sync: bool) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(bytes)?;
        if sync { file.sync_data() } else { Ok(()) }
    }

    #[cfg(test)]
    pub(super) fn closed(path: &Path) -> Self {
        Self { path: path.to_owned(), file: None, _lock: File::open(path).unwrap() }
    }

    /// Takes the file away, as far as that is possible.
    pub(super) fn remove(&mut self) {
        self.file = None;
        let _ = fs::remove_file(&self.path);
    }
}

/// Only for its owner: a session in it is a secret.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A file is in place for sure once its folder is on disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// The process that has the file: its first record says so.
fn holder(path: &Path) -> Option<u32> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(256).read_to_end(&mut start).ok()?;
    match Record::read(start.split(|byte| *byte == b'\n').next()?)? {
        Record::Begin { pid, .. } => Some(pid),
        _ => None,
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Found, JournalError> {
    let (mut book, mut torn, mut damaged) = (Book::default(), false, None);
    for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1_usize..) {
        let Some(line) = line.strip_suffix(b"\n") else {
            torn = true;
            continue;
        };
        match Record::read(line) {
            Some(Record::Begin { v, .. }) if v > VERSION => return Err(JournalError::Later { path: path.to_owned() }),
            Some(Record::Begin { .. }) if number == 1 => {}
            Some(record) if number > 1 => book.apply(record),
            _ => damaged = damaged.or(Some(number)),
        }
    }
    let trouble = match damaged {
        Some(line) => {
            // What is missing may be the session, or that a line was sent: nothing of it can be said again safely.
            book.session = None;
            book.lines.iter_mut().for_each(|line| line.sent = true);
            let copy = path.with_extension("damaged");
            let kept = match fs::copy(path, &copy) {
                Ok(_) => format!("a copy is in {}", copy.display()),
                Err(error) => format!("it could not be copied: {}", crate::error::plain(&error)),
            };
            Some(format!("{} is damaged in line {line}; nothing in it is sent again, and {kept}", path.display()))
        }
        None if torn => {
            Some(format!("the end of {} was cut off; what was being kept then was not sent", path.display()))
        }
        None => None,
    };
    Ok(Found { book, trouble })
}
