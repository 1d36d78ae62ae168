//! The rooms there are. Only the appender makes and forgets them, so that neither can race with what happens in one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chat_protocol::names::{NameMap, RoomName};
use chat_protocol::value::Seq;

use crate::access::{Access, Guarded, NotChanged};
use crate::accounts::Accounts;
use crate::conversations::Conversations;
use crate::directory::Directory;
use crate::limits::MAX_ROOMS;
use crate::log::KeptRoom;
use crate::room::{Room, RoomId};
use crate::turnstile::Turnstile;

/// All rooms by name.
#[derive(Debug)]
pub(crate) struct Rooms {
    map: Mutex<NameMap<Arc<Room>>>,
    pub(crate) conversations: Conversations,
    pub(crate) access: Access,
    /// Who is woken by what is published.
    pub(crate) turnstile: Turnstile,
    /// There before anybody, and when all have left.
    lobby: RoomId,
    max_roster: usize,
}

/// What whoever wants one more room than there may be is told. How many there are of which kind isn't among it: some are nobody's
/// business.
pub(crate) const NO_MORE: &str = "there are as many rooms here as there may be, and no more are made";

/// Why a room can't be entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotEnter {
    #[error("#{wanted} looks like #{existing}, which is another room")]
    LooksLike { wanted: RoomName, existing: RoomName },
    #[error("there is no room {}", .0.shown())]
    NoSuchRoom(RoomName),
    #[error("{NO_MORE}")]
    TooMany,
    #[error("{0}")]
    Limit(String),
}

impl Rooms {
    /// The lobby alone, where nobody has an account and nothing was said: for what only needs a room.
    pub(crate) fn of_lobby(lobby: &RoomName) -> Self {
        let accounts = Arc::new(Accounts::default());
        let conversations = Conversations::new(&[], Arc::new(Directory::new(accounts.clone())), accounts);
        Self::new(Vec::new(), lobby, 200, conversations, Access::default())
    }

    pub(crate) fn new(
        kept: Vec<KeptRoom>,
        lobby: &RoomName,
        max_roster: usize,
        conversations: Conversations,
        access: Access,
    ) -> Self {
        let mut map = NameMap::new();
        for KeptRoom { name, head, topic } in kept.into_iter().filter(|kept| !kept.name.is_conversation()) {
            let room = Arc::new(Room::new(name.clone(), head, topic, max_roster));
            access.guard(&room);
            // Two rooms that were kept may look alike to a newer table of Unicode; neither may be lost for that.
            let _ = map.restore(name.as_str(), name.key(), false, room);
        }
        let room = Arc::new(Room::new(lobby.clone(), Seq::ZERO, String::new(), max_roster));
        let _ = map.insert(lobby.as_str(), lobby.key(), false, Arc::clone(&room));
        let lobby = map.get(&lobby.key()).map_or(room.id, |lobby| lobby.id);
        Self { map: Mutex::new(map), conversations, access, turnstile: Turnstile::default(), lobby, max_roster }
    }

    fn map(&self) -> MutexGuard<'_, NameMap<Arc<Room>>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room of this name.
    pub(crate) fn get(&self, name: &RoomName) -> Option<Arc<Room>> {
        self.map().get(&name.key()).cloned()
    }

    /// The room of this name, made if need be; whether it was.
    pub(crate) fn get_or_make(&self, name: &RoomName) -> Result<(Arc<Room>, bool), CannotEnter> {
        if name.is_conversation() {
            return Err(CannotEnter::NoSuchRoom(name.clone()));
        }
        let mut map = self.map();
        let key = name.key();
        if let Some(room) = map.get(&key) {
            return Ok((Arc::clone(room), false));
        }
        if let Some((_, room)) = map.conflict(&key) {
            return Err(CannotEnter::LooksLike { wanted: name.clone(), existing: room.name.clone() });
        }
        if map.len() >= MAX_ROOMS {
            return Err(CannotEnter::TooMany);
        }
        let room = Arc::new(Room::new(name.clone(), Seq::ZERO, String::new(), self.max_roster));
        self.access.guard(&room);
        let _ = map.insert(name.as_str(), key, false, Arc::clone(&room));
        Ok((room, true))
    }

    /// Forgets a room that nobody is in and nothing is kept of, unless it is the lobby.
    pub(crate) fn forget_if_unused(&self, room: &Room) {
        if room.id != self.lobby && room.is_unused() {
            self.map().remove(&room.name.key());
            self.access.forget(room);
        }
    }

    /// Changes whose a room is, also of one that is on record alone; see [`Access::change`]. May block.
    pub(crate) fn change_access<E: From<NotChanged>>(
        &self,
        name: &RoomName,
        change: impl FnOnce(&mut Guarded) -> Result<(), E>,
    ) -> Result<(), E> {
        // Looked for once the change is made: one that is made meanwhile either is found or has looked by itself.
        let guard = || self.get(name).iter().for_each(|room| self.access.guard(room));
        self.access.change(name, change, guard)
    }

    /// Takes over what another process changed about whose rooms are; whether it did. May block.
    pub(crate) fn refresh_access(&self) -> Result<bool, String> {
        self.access.refresh(|| self.all().iter().for_each(|room| self.access.guard(room)))
    }

    /// How many there are, those that are private or closed among them: each takes of what is everybody's.
    pub(crate) fn count_all(&self) -> usize {
        self.map().len()
    }

    /// How many are everybody's.
    pub(crate) fn count(&self) -> usize {
        self.map().iter().filter(|(_, room)| !room.is_guarded()).count()
    }

    /// Whether this is the room that everybody starts in.
    pub(crate) fn is_lobby(&self, room: &Room) -> bool {
        room.id == self.lobby
    }

    pub(crate) fn all(&self) -> Vec<Arc<Room>> {
        self.map().iter().map(|(_, room)| Arc::clone(room)).collect()
    }
}
