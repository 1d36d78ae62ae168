//! When a data folder was last backed up: the time of a file in it, which a backup that is complete touches.

use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The file in the data folder. Whoever backs up by other means may touch it himself.
const FILE: &str = "last-backup";

/// Notes that a backup of `data` is complete.
///
/// # Errors
///
/// Where the folder can't be written to; the backup is none the worse for it.
pub fn note(data: &Path) -> io::Result<()> {
    std::fs::write(data.join(FILE), format!("{}\n", jiff::Timestamp::now()))
}

/// When the last backup was complete; `None` where there was none.
pub(crate) fn last(data: &Path) -> Option<SystemTime> {
    std::fs::metadata(data.join(FILE)).and_then(|meta| meta.modified()).ok()
}
