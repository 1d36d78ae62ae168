//! Where we are in each room: the cursor on its log, seen from this end.

use chat_protocol::limits::MAX_ROOMS_PER_SESSION;
use chat_protocol::message::RoomStart;
use chat_protocol::names::RoomName;
use chat_protocol::value::{MessageId, Seq};

/// A room we are in or want to be in.
#[derive(Debug)]
pub(crate) struct Place {
    /// The room, called as the server calls it once it has.
    pub(crate) room: RoomName,
    pub(crate) position: Position,
    /// The server said on this connection that we are in.
    pub(crate) joined: bool,
    /// Whoever takes the events has not had all up to `position`.
    pub(crate) behind: Option<Behind>,
}

/// Up to where the server's stream of a room has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Nothing is known.
    Unknown,
    /// A page of history comes that ends at `head` and has at most `wanted` messages.
    Start { head: Seq, wanted: u32 },
    /// This seq was the last.
    At(Seq),
}

/// Events of the room that found no place in the queue.
#[derive(Debug)]
pub(crate) struct Behind {
    /// The last seq that was delivered.
    pub(crate) delivered: Seq,
    /// The request for the next ones.
    pub(crate) fetch: Option<MessageId>,
}

/// How a seq stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is the next one.
    Next,
    /// It was had already.
    Repeat { expected: Seq },
    /// Others are missing.
    Hole { expected: Seq },
}

impl Position {
    /// Where to go on from after a new connection.
    pub(crate) fn after(self) -> Option<Seq> {
        match self {
            Self::Unknown => None,
            Self::Start { head, wanted } => Some(Seq::new(head.get().saturating_sub(u64::from(wanted)))),
            Self::At(seq) => Some(seq),
        }
    }

    /// How `seq` stands to this position. A page of history may begin anywhere up to the head.
    pub(crate) fn order(self, seq: Seq) -> Order {
        let expected = match self {
            Self::Unknown => return Order::Next,
            Self::Start { head, .. } if seq <= head => return Order::Next,
            Self::Start { head, .. } => head.next(),
            Self::At(last) => last.next(),
        };
        match seq.cmp(&expected) {
            std::cmp::Ordering::Less => Order::Repeat { expected },
            std::cmp::Ordering::Equal => Order::Next,
            std::cmp::Ordering::Greater => Order::Hole { expected },
        }
    }
}

/// All rooms.
#[derive(Debug, Default)]
pub(crate) struct Places {
    list: Vec<Place>,
    /// The server chooses the first room.
    lobby: bool,
}

impl Places {
    /// The rooms of a hello; none: the server's lobby.
    pub(crate) fn new(rooms: impl IntoIterator<Item = RoomStart>) -> Self {
        let mut places = Self::default();
        for RoomStart { room, after } in rooms {
            if places.get_mut(&room).is_none() {
                places.add(room, after.map_or(Position::Unknown, Position::At));
            }
        }
        places.lobby = places.list.is_empty();
        places
    }

    /// What the next hello asks for; `None` leaves the choice to the server.
    pub(crate) fn starts(&self) -> Option<Vec<RoomStart>> {
        // Conversations that there is no room for come by themselves.
        let (conversations, rooms): (Vec<_>, Vec<_>) = self.list.iter().partition(|place| place.room.is_conversation());
        let starts = rooms.into_iter().chain(conversations.into_iter().rev()).take(MAX_ROOMS_PER_SESSION);
        let starts = starts.map(|place| RoomStart { room: place.room.clone(), after: place.position.after() });
        (!self.lobby).then(|| starts.collect())
    }

    pub(crate) fn disconnected(&mut self) {
        self.list.iter_mut().for_each(|place| place.joined = false);
    }

    /// The place in a room, by whatever of its names.
    pub(crate) fn get_mut(&mut self, room: &RoomName) -> Option<&mut Place> {
        let exact = self.list.iter().position(|place| place.room == *room);
        // The key takes a microsecond and decides only where somebody wrote the name differently.
        let index = exact.or_else(|| {
            let key = room.key();
            self.list.iter().position(|place| place.room.key().is_same(&key, false))
        })?;
        self.list.get_mut(index)
    }

    pub(crate) fn add(&mut self, room: RoomName, position: Position) {
        self.lobby = false;
        self.list.push(Place { room, position, joined: true, behind: None });
    }

    pub(crate) fn remove(&mut self, room: &RoomName) {
        let Some(name) = self.get_mut(room).map(|place| place.room.clone()) else { return };
        self.list.retain(|place| place.room != name);
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.list.iter_mut()
    }

    /// Whether we are in no room, and want to be in none.
    pub(crate) fn are_none(&self) -> bool {
        self.list.is_empty() && !self.lobby
    }

    pub(crate) fn are_behind(&self) -> bool {
        self.list.iter().any(|place| place.behind.as_ref().is_some_and(|behind| behind.fetch.is_none()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(position: Position, seq: u64, order: Order) {
        assert_eq!(position.order(Seq::new(seq)), order, "{seq} at {position:?}");
    }

    #[test]
    fn orders() {
        let at = Position::At(Seq::new(7));
        let expected = Seq::new(8);
        check(at, 8, Order::Next);
        check(at, 7, Order::Repeat { expected });
        check(at, 9, Order::Hole { expected });
        let start = Position::Start { head: Seq::new(7), wanted: 3 };
        check(start, 5, Order::Next);
        check(start, 7, Order::Next);
        check(start, 8, Order::Next);
        check(start, 9, Order::Hole { expected });
        check(Position::Unknown, 9, Order::Next);
    }

    #[test]
    fn a_page_that_was_lost_whole_is_asked_for_again() {
        let start = |head, wanted| Position::Start { head: Seq::new(head), wanted }.after();
        assert_eq!(start(60, 50), Some(Seq::new(10)));
        assert_eq!(start(7, 50), Some(Seq::ZERO));
        assert_eq!(start(7, 0), Some(Seq::new(7)));
    }

    #[test]
    fn rooms_are_found_by_any_of_their_names_and_the_lobby_is_the_servers() {
        let name = |name| RoomName::new(name).expect("a valid name");
        let mut places = Places::new([]);
        assert_eq!(places.starts(), None);
        places.add(name("lobby"), Position::At(Seq::new(3)));
        assert!(places.get_mut(&name("Lobby")).is_some());
        places.remove(&name("LOBBY"));
        assert_eq!(places.starts(), Some(Vec::new()), "who left the lobby is not put back into it");
    }
}
