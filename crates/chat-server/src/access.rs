//! Who may be in which room: rooms are everybody's, their members' alone, or closed.
//!
//! All of it is in memory, where sessions ask before everything that they do or show in such a room; it is kept first and in force then. A room
//! that is closed to somebody is to him as if there were none.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use chat_protocol::names::RoomName;

use crate::book::Book;
use crate::limits::{MAX_GUARDED, MAX_MEMBERS};
use crate::log::{AuthorId, KeptRoom, Person};
use crate::room::Room;

/// Whose a room is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guarded {
    pub(crate) name: RoomName,
    /// The account that made it, or made it private.
    pub(crate) maker: Option<AuthorId>,
    pub(crate) rule: Rule,
    /// Nobody may be in it, until an operator opens it: then it is again whose it was.
    pub(crate) closed: bool,
}

impl Guarded {
    /// Whether everybody may be in it: then it is on record for its maker's sake alone.
    pub(crate) fn is_everybodys(&self) -> bool {
        self.rule == Rule::Open && !self.closed
    }
}

/// Who may be in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Everybody.
    Open,
    /// These accounts.
    Members(BTreeSet<AuthorId>),
}

/// Why a change wasn't made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotChanged {
    #[error("the room has {MAX_MEMBERS} members, the most there may be")]
    TooManyMembers,
    #[error("{MAX_GUARDED} rooms have a maker or members, the most there may be")]
    TooManyRooms,
    #[error("it can't be kept just now: {0}")]
    Unavailable(String),
}

/// All that is not simply everybody's, by the folded name.
#[derive(Debug, Default)]
pub(crate) struct Access {
    rooms: RwLock<HashMap<Box<str>, Arc<Guarded>>>,
    /// Goes up with each change: sessions look at their rooms again then.
    version: AtomicU64,
    book: Mutex<Option<Book>>,
}

impl Access {
    /// Takes over what is kept in `book`, and keeps it there from now on.
    pub(crate) fn keep_in(&self, mut book: Book, kept: &[KeptRoom]) -> Result<(), String> {
        let kept: HashSet<Box<str>> = kept.iter().map(|room| room.name.key().folded().into()).collect();
        let (known, gone): (Vec<_>, Vec<_>) = book
            .guarded()?
            .into_iter()
            .partition(|room| !room.is_everybodys() || kept.contains(room.name.key().folded()));
        book.forget_guarded(&gone)?;
        self.put(known);
        self.in_force();
        *self.book.lock().unwrap_or_else(PoisonError::into_inner) = Some(book);
        Ok(())
    }

    fn rooms(&self) -> RwLockReadGuard<'_, HashMap<Box<str>, Arc<Guarded>>> {
        self.rooms.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, rooms: Vec<Guarded>) {
        let rooms = rooms.into_iter().map(|room| (room.name.key().folded().into(), Arc::new(room)));
        *self.rooms.write().unwrap_or_else(PoisonError::into_inner) = rooms.collect();
    }

    /// Has sessions look at their rooms again. Only once these say of themselves that they are guarded: a session that looked
    /// in between would find nothing and not look again.
    fn in_force(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What is on record of a room, by its folded name.
    pub(crate) fn get(&self, folded: &str) -> Option<Arc<Guarded>> {
        self.rooms().get(folded).cloned()
    }

    /// Has a room say of itself whether it is everybody's.
    pub(crate) fn guard(&self, room: &Room) {
        room.set_guarded(self.get(&room.folded).is_some_and(|guarded| !guarded.is_everybodys()));
    }

    /// Forgets who made a room that has vanished.
    pub(crate) fn forget(&self, room: &Room) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        if rooms.get(&room.folded).is_some_and(|guarded| guarded.is_everybodys()) {
            rooms.remove(&room.folded);
        }
    }

    /// Whether this one may be in the room with this folded name, or know that there is one.
    pub(crate) fn is_open_to(&self, folded: &str, author: Option<AuthorId>) -> bool {
        let rooms = self.rooms();
        let Some(room) = rooms.get(folded) else { return true };
        match &room.rule {
            _ if room.closed => false,
            Rule::Open => true,
            Rule::Members(members) => author.is_some_and(|author| members.contains(&author)),
        }
    }

    /// Puts a room on record, or changes what is: `change` gets what there is so far. `guard` has the room, if there is one, say
    /// so of itself, before any session looks. May block.
    pub(crate) fn change<E: From<NotChanged>>(
        &self,
        name: &RoomName,
        change: impl FnOnce(&mut Guarded) -> Result<(), E>,
        guard: impl FnOnce(),
    ) -> Result<(), E> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let folded = name.key().folded().to_owned();
        let known = self.get(&folded);
        if known.is_none() && self.rooms().len() >= MAX_GUARDED {
            return Err(NotChanged::TooManyRooms.into());
        }
        let mut room = known.map_or_else(
            || Guarded { name: name.clone(), maker: None, rule: Rule::Open, closed: false },
            |known| Guarded::clone(&known),
        );
        change(&mut room)?;
        if matches!(&room.rule, Rule::Members(members) if members.len() > MAX_MEMBERS) {
            return Err(NotChanged::TooManyMembers.into());
        }
        if let Some(book) = &mut *book {
            book.keep_guarded(&room).map_err(NotChanged::Unavailable)?;
        }
        self.rooms.write().unwrap_or_else(PoisonError::into_inner).insert(folded.into(), Arc::new(room));
        guard();
        self.in_force();
        Ok(())
    }

    /// Whom the log is to be emptied of. May block.
    pub(crate) fn erasures(&self) -> Result<Vec<(i64, Person)>, String> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.as_ref().map_or_else(|| Ok(Vec::new()), Book::erasures)
    }

    /// One of these is done. May block.
    pub(crate) fn erased(&self, number: i64) -> Result<(), String> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.as_ref().map_or(Ok(()), |book| book.erased(number))
    }

    /// Takes over what another process changed, and has the rooms say so of themselves by `guard`; whether it did. May block.
    pub(crate) fn refresh(&self, guard: impl FnOnce()) -> Result<bool, String> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(book) = &mut *book else { return Ok(false) };
        if !book.stale()? {
            return Ok(false);
        }
        let mut rooms = book.guarded()?;
        let before = self.rooms().clone();
        // Of a room that has vanished it is still on the disk who made it.
        rooms.retain(|room| !room.is_everybodys() || before.contains_key(room.name.key().folded()));
        let same = rooms.len() == before.len()
            && rooms.iter().all(|room| before.get(room.name.key().folded()).is_some_and(|other| **other == *room));
        if !same {
            self.put(rooms);
            guard();
            self.in_force();
        }
        Ok(!same)
    }
}

#[cfg(test)]
mod tests {
    use chat_protocol::value::Seq;

    use super::*;

    #[test]
    fn a_room_says_that_it_is_guarded_before_sessions_are_to_look() {
        let access = Access::default();
        let name = RoomName::new("den").expect("a name");
        let room = Room::new(name.clone(), Seq::ZERO, String::new(), 200);
        let before = access.version();
        let close = |guarded: &mut Guarded| {
            guarded.closed = true;
            Ok::<_, NotChanged>(())
        };
        let guard = || {
            assert_eq!(access.version(), before, "a session would look, find the room open, and not look again");
            access.guard(&room);
        };
        access.change(&name, close, guard).expect("closed");
        assert!(room.is_guarded() && access.version() > before);
    }
}
