//! What is kept of a person's conversation from one start to the next.

use std::path::{Path, PathBuf};

use chat_client::protocol::limits::MAX_PAGE;
use chat_client::protocol::message::RoomStart;
use chat_client::protocol::names::{Alias, RoomName};
use chat_client::protocol::value::Seq;
use chat_client::{Journal, JournalError};
use etcetera::base_strategy::{BaseStrategy as _, choose_base_strategy};
use sha2::{Digest as _, Sha256};

/// Characters of a file's name that are there for people.
const MOST_SHOWN: usize = 60;

/// The folder that the argument names, or the platform's; `None`: nothing is kept.
pub(crate) fn folder(argument: Option<PathBuf>) -> Option<PathBuf> {
    match argument {
        Some(folder) if folder == Path::new("off") => None,
        Some(folder) if !folder.as_os_str().is_empty() => Some(folder),
        _ => {
            let platform = choose_base_strategy().ok()?;
            // Windows has no folder for state; its cache is the one that stays on the machine.
            Some(platform.state_dir().unwrap_or_else(|| platform.cache_dir()).join("chat-client"))
        }
    }
}

/// Opens the journal of this alias at this server; nothing is kept of what can't be an alias.
///
/// # Errors
///
/// [`JournalError`].
pub(crate) fn open(folder: &Path, server: &str, alias: &str) -> Result<Option<Journal>, JournalError> {
    match Alias::new(alias) {
        Ok(alias) => Journal::open(folder.join(file_name(server, &alias))).map(Some),
        Err(_) => Ok(None),
    }
}

/// A name for people and, as not all that an alias may hold can stand in one, a hash.
fn file_name(server: &str, alias: &Alias) -> String {
    let server = server.to_lowercase();
    let key = alias.key();
    let hash = Sha256::digest(format!("{}\0{server}", key.folded()));
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let shown = |c: char| if c.is_ascii_alphanumeric() || "@-_.".contains(c) { c } else { '_' };
    let shown: String = format!("{}@{server}", key.folded()).chars().map(shown).take(MOST_SHOWN).collect();
    // What stands after the last point is replaced by the names of the files beside it.
    format!("{shown}-{hash}.journal")
}

/// How far somebody had read when he was here last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    log: String,
    rooms: Vec<RoomStart>,
}

impl Read {
    pub(crate) fn of(journal: &Journal) -> Self {
        journal.resume().map_or_else(Self::default, |resume| Self { log: resume.log, rooms: resume.rooms })
    }

    #[cfg(test)]
    pub(crate) fn new(log: &str, rooms: Vec<RoomStart>) -> Self {
        Self { log: log.to_owned(), rooms }
    }

    /// The server has this log; positions in another mean nothing.
    pub(crate) fn keep_for(&mut self, log: &str) {
        if self.log != log {
            self.rooms.clear();
        }
    }

    /// The last message of a room that was had, told once.
    pub(crate) fn take(&mut self, room: &RoomName) -> Option<Seq> {
        let key = room.key();
        let known = self.rooms.iter_mut().find(|start| start.room == *room || start.room.key().is_same(&key, false));
        known?.after.take()
    }
}

/// How many messages came since somebody was here.
pub(crate) fn since(count: u64) -> String {
    let most = u64::from(MAX_PAGE);
    match count {
        1 => "1 message since you were here last".to_owned(),
        count if count <= most => format!("{count} messages since you were here last"),
        count => format!("{count} messages since you were here last; these are the newest {most}"),
    }
}

/// What helps where the journal can't be had, for a person.
pub(crate) fn held(alias: &str, server: &str, pid: Option<u32>) -> String {
    let process = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    format!("{alias} is talking to {server} from this machine already{process}; go on there, or take another name")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(server: &str, alias: &str) -> String {
        file_name(server, &Alias::new(alias).unwrap())
    }

    #[test]
    fn every_alias_and_server_has_a_file_of_its_own() {
        let alice = name("127.0.0.1:5555", "alice");
        assert!(alice.starts_with("alice@127.0.0.1_5555-") && alice.ends_with(".journal"), "{alice}");
        assert_eq!(alice, name("127.0.0.1:5555", "Alice"));
        assert_ne!(alice, name("127.0.0.1:5556", "alice"));
        assert_ne!(name("h:1", "日本"), name("h:1", "日木"));
        let long = format!("{}:1", "h".repeat(250));
        assert!(name(&long, "alice").len() < 100);
    }
}
