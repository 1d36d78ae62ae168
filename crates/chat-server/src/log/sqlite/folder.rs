//! The data folder: who may use it, on what it lies, and how much room there is.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The database in a data folder.
const DATABASE: &str = "chat.db";
/// Locked by the process that uses the folder, for as long as it lives.
const LOCK: &str = "server.lock";
/// The number of that process. A file of its own, as on some systems a locked one can't be read.
const PID: &str = "server.pid";

/// Why a data folder can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another server has it.
    #[error(
        "the data folder {} is in use by {}; give this server another one with --data DIR, or keep nothing on disk with --ephemeral",
        folder.display(), Process(*pid)
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The number of the other's process, where it can be read.
        pid: Option<u32>,
    },
    /// It lies on another machine, where neither locks nor shared memory can be relied on.
    #[error(
        "the data folder {} is on a network file system ({kind}), where messages can't be kept safely; choose a local one with --data DIR, or keep nothing on disk with --ephemeral",
        folder.display()
    )]
    Network {
        /// The folder.
        folder: PathBuf,
        /// What kind of file system.
        kind: &'static str,
    },
    /// It can't be made or opened.
    #[error("the data folder {} can't be used: {source}; choose another one with --data DIR, or keep nothing on disk with --ephemeral", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

struct Process(Option<u32>);

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "the chat-server with pid {pid}"),
            None => f.write_str("another chat-server"),
        }
    }
}

/// A data folder that this process alone may write to, until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder if need be, and takes it.
    pub(super) fn take(path: &Path) -> Result<Self, FolderError> {
        let io = |source| FolderError::Io { folder: path.to_owned(), source };
        make(path).map_err(io)?;
        if let Some(kind) = network(path).map_err(io)? {
            return Err(FolderError::Network { folder: path.to_owned(), kind });
        }
        let lock = File::options().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = fs::read_to_string(path.join(PID)).ok().and_then(|pid| pid.trim().parse().ok());
                return Err(FolderError::InUse { folder: path.to_owned(), pid });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        // Only for the words of the one that comes second: on a full disk the server starts all the same.
        if let Err(error) = fs::write(path.join(PID), format!("{}\n", std::process::id())) {
            tracing::debug!(%error, "the file with this process's number can't be written");
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn database(&self) -> PathBuf {
        database(&self.path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Where in a data folder the database is.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// The file that SQLite puts beside a database under the same name and `suffix`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes what was done to a folder's list of files last.
#[cfg(unix)]
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    // The parent of a name without a folder is the empty one.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Folders can't be opened for this here; the file system's own journal keeps their order.
#[cfg(not(unix))]
pub(super) fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the folder, for its owner alone, and everything above it.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => Ok(()),
    }
}

/// Bytes that this process may still write where `path` is; `None` where that can't be found out.
#[cfg(unix)]
pub(super) fn available(path: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(path).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Not asked for on this system: there, a full disk is noticed when it is full.
#[cfg(not(unix))]
pub(super) fn available(_path: &Path) -> Option<u64> {
    None
}

/// The kind of network file system that `path` is on, if it is on one.
#[cfg(target_os = "linux")]
fn network(path: &Path) -> io::Result<Option<&'static str>> {
    let magic = rustix::fs::statfs(path)?.f_type;
    // The type differs between architectures, the magic numbers have 32 bits on all.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is in the lower 32 bits")]
    Ok(network_kind(magic as u32))
}

/// Other systems don't say it in a way that is the same everywhere: there it is on the operator to choose a local folder.
#[cfg(not(target_os = "linux"))]
fn network(_path: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// By the numbers of `statfs(2)`. FUSE is not among them, as most of what it is used for is local; `sshfs` isn't noticed.
#[cfg(target_os = "linux")]
const fn network_kind(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0x517B | 0xFE53_4D42 | 0xFF53_4D42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x00C3_6400 => Some("Ceph"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x7375_7245 => Some("Coda"),
        0x564C => Some("NCP"),
        0x0BD0_0BD0 => Some("Lustre"),
        0x0116_1970 => Some("GFS2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_the_folder_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::take(folder.path()).unwrap();
        let refused = Folder::take(folder.path()).unwrap_err().to_string();
        for part in [&format!("pid {}", std::process::id()), "--data", "--ephemeral"] {
            assert!(refused.contains(part), "{part:?} in {refused:?}");
        }
        drop(first);
        Folder::take(folder.path()).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn network_file_systems_are_known_and_local_ones_are_not_taken_for_one() {
        assert_eq!(network_kind(0x6969), Some("NFS"));
        assert_eq!(network_kind(0xFF53_4D42), Some("SMB"));
        assert_eq!(network_kind(0xEF53), None, "ext4");
        assert_eq!(network_kind(0x0102_1994), None, "tmpfs");
        assert_eq!(network(tempfile::tempdir().unwrap().path()).unwrap(), None);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = Folder::take(&file.path().join("data")).unwrap_err().to_string();
        assert!(refused.contains(&file.path().display().to_string()) && refused.contains("--data"), "{refused}");
    }

    #[cfg(unix)]
    #[test]
    fn there_is_room_in_the_temporary_folder() {
        assert!(available(&std::env::temp_dir()).unwrap() > 0);
    }
}
