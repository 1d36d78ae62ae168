//! The settings on their way to the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::settings::Settings;

/// Keeps the settings in their file, one state of them after the other; clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None`: there is no place for them.
    path: Option<PathBuf>,
    /// What isn't kept yet. Only the last state matters.
    latest: Mutex<Option<Settings>>,
    /// Held while the file is written: two at once would take each other's new file away.
    file: Mutex<()>,
}

impl Keeper {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self(Arc::new(Inner { path, latest: Mutex::default(), file: Mutex::default() }))
    }

    /// Takes settings that are to be kept.
    pub(super) fn take(&self, settings: Settings) {
        *lock(&self.0.latest) = Some(settings);
    }

    /// Writes what was taken last, unless somebody else has. Blocks for as long as the disk does.
    ///
    /// # Errors
    ///
    /// A sentence that names the file.
    pub(super) fn write(&self) -> Result<(), String> {
        let _file = lock(&self.0.file);
        let latest = lock(&self.0.latest).take();
        match (&self.0.path, latest) {
            (Some(path), Some(settings)) => settings.save(path),
            _ => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_many_at_once_is_kept_and_none_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat-client").join("client.toml");
        let keeper = Keeper::new(Some(path.clone()));
        std::thread::scope(|scope| {
            for n in 0..100 {
                keeper.take(Settings { alias: format!("alice{n}"), ..Settings::default() });
                scope.spawn(|| assert_eq!(keeper.write(), Ok(())));
            }
        });
        assert!(std::fs::read_to_string(path).unwrap().contains("alice99"));
    }
}
