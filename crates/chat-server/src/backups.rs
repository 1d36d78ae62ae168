//! When a data folder was last backed up: the time of a file in it, which a backup that is complete touches. And what else was taken out of
//! it, so that whoever erases somebody can be told where he still is.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file in the data folder. Whoever backs up by other means may touch it himself.
const FILE: &str = "last-backup";

/// Backups, and exports, that are remembered.
const REMEMBERED: usize = 100;

/// The same of exports, in a file of their own: they are no backups.
const EXPORTS: &str = "exports";

/// Notes that a backup of `data` into `file` is complete: a line with the time and where it is.
///
/// # Errors
///
/// Where the folder can't be written to; the backup is none the worse for it.
pub fn note(data: &Path, file: &Path) -> io::Result<()> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    add_line(&data.join(FILE), &file.display().to_string())
}

/// Notes that messages of `data` were exported; `file`: where to, as far as that is known.
///
/// # Errors
///
/// Where the folder can't be written to; the export is none the worse for it.
pub fn note_export(data: &Path, file: Option<&Path>) -> io::Result<()> {
    let place = file.map_or_else(|| "standard output".to_owned(), |file| file.display().to_string());
    add_line(&data.join(EXPORTS), &place)
}

fn add_line(path: &Path, line: &str) -> io::Result<()> {
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let mut lines: Vec<_> = before.lines().map(str::to_owned).collect();
    lines.push(format!("{}\t{line}", jiff::Timestamp::now()));
    let kept = lines.len().saturating_sub(REMEMBERED);
    std::fs::write(path, lines[kept..].join("\n") + "\n")
}

/// The exports that were noted, oldest first: when, and where to. One whose file is gone is left out.
#[must_use]
pub fn exports(data: &Path) -> Vec<(String, String)> {
    let noted = std::fs::read_to_string(data.join(EXPORTS)).unwrap_or_default();
    let lines = noted.lines().filter_map(|line| line.split_once('\t'));
    let is_left = |place: &str| !Path::new(place).is_absolute() || Path::new(place).exists();
    lines.filter(|(_, place)| is_left(place)).map(|(when, place)| (when.to_owned(), place.to_owned())).collect()
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
