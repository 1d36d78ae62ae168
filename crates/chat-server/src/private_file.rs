//! Files for their owner alone: there are hashes of passwords in them, secrets, and what people said.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a file, empty, for nobody else to read, before anything is written into it; one that is there stays.
pub(crate) fn make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes a file that everybody on the machine may read from them. One that a group may read was given to it by somebody.
#[cfg(unix)]
pub(crate) fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
    let mode = std::fs::metadata(path)?.mode();
    if mode & 0o007 == 0 { Ok(()) } else { std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)) }
}

/// Who may read a file is a matter of its folder here.
#[cfg(not(unix))]
pub(crate) fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}
