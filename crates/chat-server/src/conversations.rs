//! Private conversations of two accounts: rooms of two, of which only those are in memory that somebody attends.
//!
//! Of every other one just the head is held here, and how far each end has read. A session attends a conversation once something
//! is said in it: the appender *knocks* at every connection of both ends before it publishes. So whoever has many
//! conversations holds no channel for those that are silent.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chat_protocol::names::RoomName;
use chat_protocol::value::Seq;

use crate::accounts::{Account, Authenticator};
use crate::batch::Item;
use crate::directory::Directory;
use crate::limits::MAX_CONVERSATIONS;
use crate::log::{AuthorId, KeptRoom};
use crate::marks::{Mark, Marks};
use crate::room::{Ends, Room};

/// A conversation in which something was said that one of its ends hasn't read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) other: AuthorId,
    /// The last message that was read.
    pub(crate) read: Seq,
    pub(crate) head: Seq,
}

/// All private conversations that are kept.
#[derive(Debug)]
pub(crate) struct Conversations {
    directory: Arc<Directory>,
    accounts: Arc<dyn Authenticator>,
    state: Mutex<State>,
    /// Where marks are kept; nowhere, if nothing outlives the process.
    marks: Mutex<Option<Marks>>,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<[AuthorId; 2], Kept>,
    partners: HashMap<AuthorId, BTreeSet<AuthorId>>,
    attended: HashMap<[AuthorId; 2], Weak<Room>>,
    /// How many of those there were when the ones nobody attends any more were last forgotten.
    swept: usize,
    /// Marks that changed since they were last kept.
    changed: BTreeSet<[AuthorId; 2]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    head: Seq,
    /// How far each end has read.
    read: [Seq; 2],
}

/// There are as many conversations of this account as there may be.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Conversations {
    /// Those among the rooms that are kept.
    pub(crate) fn new(kept: &[KeptRoom], directory: Arc<Directory>, accounts: Arc<dyn Authenticator>) -> Self {
        let mut state = State::default();
        for KeptRoom { name, head, .. } in kept {
            if let Some(ends) = name.ends() {
                state.published(ends.map(AuthorId), *head);
            }
        }
        Self { directory, accounts, state: Mutex::new(state), marks: Mutex::default() }
    }

    /// Takes over how far everybody has read, and keeps it in `marks` from now on.
    pub(crate) fn keep_marks(&self, (marks, kept): (Marks, Vec<Mark>)) {
        kept.into_iter().for_each(|mark| self.state().read(mark));
        self.state().changed.clear();
        *self.marks.lock().unwrap_or_else(PoisonError::into_inner) = Some(marks);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The conversation of two accounts, in memory for as long as somebody holds it.
    pub(crate) fn room(&self, one: &Account, other: &Account) -> Arc<Room> {
        let key = key(one.id, other.id);
        let mut state = self.state();
        if let Some(room) = state.attended.get(&key).and_then(Weak::upgrade) {
            return room;
        }
        let head = state.kept.get(&key).map_or(Seq::ZERO, |kept| kept.head);
        let aliases = if key[0] == one.id { [one, other] } else { [other, one] }.map(|account| account.alias.clone());
        let name = RoomName::between(one.id.0, other.id.0);
        let room = Arc::new(Room::conversation(name, Ends { ids: key, aliases }, head));
        if state.attended.len() >= 2 * state.swept + 64 {
            state.attended.retain(|_, room| room.strong_count() > 0);
            state.swept = state.attended.len();
        }
        state.attended.insert(key, Arc::downgrade(&room));
        room
    }

    /// The conversation that is kept under this name, if somebody attends it.
    pub(crate) fn attended(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.state().attended.get(&name.ends()?.map(AuthorId)).and_then(Weak::upgrade)
    }

    /// Whether this account may begin a conversation with that one, or has.
    pub(crate) fn may_begin(&self, one: AuthorId, other: AuthorId) -> Result<(), TooMany> {
        let state = self.state();
        let theirs = state.partners.get(&one);
        let allowed = theirs.is_none_or(|theirs| theirs.len() < MAX_CONVERSATIONS || theirs.contains(&other));
        if allowed { Ok(()) } else { Err(TooMany) }
    }

    /// Called by the appender with what it is about to publish: whoever attends after this call, and isn't told by it, sees it in the channel.
    pub(crate) fn knock(&self, room: &Room, items: &[Item]) {
        let Some(ends) = room.ends() else { return };
        let mut seqs = items.iter().filter_map(|item| match item {
            Item::Message { record, .. } => Some(record.stored.seq),
            _ => None,
        });
        let (Some(first), Some(last)) = (seqs.clone().next(), seqs.next_back()) else { return };
        self.state().published(ends.ids, last);
        let [one, other] = ends.ids;
        for id in if one == other { vec![one] } else { vec![one, other] } {
            let Some(account) = self.accounts.account(id) else { continue };
            for peer in self.directory.connections(&account) {
                peer.knock(ends.ids, first);
            }
        }
    }

    /// Remembers that `reader` has read up to there.
    pub(crate) fn read(&self, mark: Mark) {
        self.state().read(mark);
    }

    /// The conversations of an account in which something was said since it read them.
    pub(crate) fn unread(&self, reader: AuthorId) -> Vec<Unread> {
        let state = self.state();
        let Some(partners) = state.partners.get(&reader) else { return Vec::new() };
        let unread = partners.iter().filter_map(|other| {
            let key = key(reader, *other);
            let kept = state.kept.get(&key)?;
            let read = kept.read[end(key, reader)];
            (read < kept.head).then_some(Unread { other: *other, read, head: kept.head })
        });
        unread.collect()
    }

    /// Forgets how far an account has read, and how far others have read what it said. May block.
    pub(crate) fn forget(&self, account: AuthorId) -> Result<(), String> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        self.state().changed.retain(|ends| !ends.contains(&account));
        marks.as_ref().map_or(Ok(()), |marks| marks.forget(account))
    }

    /// Keeps the marks that changed. May block.
    pub(crate) fn save(&self) -> Result<(), String> {
        let mut kept = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = &mut *kept else { return Ok(()) };
        let marks = self.state().take_changed();
        if marks.is_empty() { Ok(()) } else { kept.keep(&marks) }
    }
}

impl State {
    fn published(&mut self, ends: [AuthorId; 2], head: Seq) {
        let kept = self.kept.entry(ends).or_default();
        kept.head = kept.head.max(head);
        let [one, other] = ends;
        self.partners.entry(one).or_default().insert(other);
        self.partners.entry(other).or_default().insert(one);
    }

    fn read(&mut self, Mark { reader, other, seq }: Mark) {
        let key = key(reader, other);
        let Some(kept) = self.kept.get_mut(&key) else { return };
        let read = &mut kept.read[end(key, reader)];
        if *read < seq {
            // What was kept of another log may be beyond the head of this one.
            *read = seq.min(kept.head);
            self.changed.insert([reader, other]);
        }
    }

    fn take_changed(&mut self) -> Vec<Mark> {
        let changed = std::mem::take(&mut self.changed);
        let mark = |[reader, other]: [AuthorId; 2]| {
            let key = key(reader, other);
            let seq = self.kept.get(&key)?.read[end(key, reader)];
            Some(Mark { reader, other, seq })
        };
        changed.into_iter().filter_map(mark).collect()
    }
}

fn key(one: AuthorId, other: AuthorId) -> [AuthorId; 2] {
    [one.min(other), one.max(other)]
}

/// Which of the two ends this one is.
fn end(key: [AuthorId; 2], id: AuthorId) -> usize {
    usize::from(key[0] != id)
}
