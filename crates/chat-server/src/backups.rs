//! When a data folder was last backed up: the time of a file in it, which a backup that is complete touches.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file in the data folder. Whoever backs up by other means may touch it himself.
const FILE: &str = "last-backup";

/// Backups whose names are remembered.
const REMEMBERED: usize = 100;

/// Notes that a backup of `data` into `file` is complete: a line with the time and where it is.
///
/// # Errors
///
/// Where the folder can't be written to; the backup is none the worse for it.
pub fn note(data: &Path, file: &Path) -> io::Result<()> {
    let path = data.join(FILE);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut lines: Vec<_> = before.lines().map(str::to_owned).collect();
    lines.push(format!("{}\t{}", jiff::Timestamp::now(), file.display()));
    let kept = lines.len().saturating_sub(REMEMBERED);
    std::fs::write(path, lines[kept..].join("\n") + "\n")
}

/// The backups of a data folder that were noted and are still where they were made, oldest first.
#[must_use]
pub fn known(data: &Path) -> Vec<PathBuf> {
    let noted = std::fs::read_to_string(data.join(FILE)).unwrap_or_default();
    let mut files: Vec<_> = noted.lines().filter_map(|line| Some(PathBuf::from(line.split_once('\t')?.1))).collect();
    files.retain(|file| file.exists());
    files.dedup();
    files
}

/// When the last backup was complete; `None` where there was none.
pub(crate) fn last(data: &Path) -> Option<SystemTime> {
    std::fs::metadata(data.join(FILE)).and_then(|meta| meta.modified()).ok()
}
