//! A session's place in one room: its cursor, and the channel while it keeps up.

use std::sync::Arc;

use crate::batch::Batch;
use crate::room::{Place, Room, Snapshot};
use chat_protocol::value::Seq;

/// A room that a session is in.
#[derive(Debug)]
pub(super) struct Membership {
    pub(super) room: Arc<Room>,
    /// The number of the last batch it has had.
    pub(super) number: u64,
    /// The last seq it has had.
    pub(super) cursor: Seq,
    /// Of a conversation: the last seq that is known to be taken in.
    pub(super) marked: Seq,
    /// Of a conversation: a message that was knocked for, and comes if it hasn't.
    expected: Seq,
    /// The version of the roster that it was given.
    pub(super) version: u64,
    /// At the hot end of the room's log; held only while the session keeps up.
    place: Option<Place>,
}

/// What a room has for a session at once.
pub(super) enum Ready {
    Batch(Arc<Batch>),
    Nothing,
    /// The channel was let go or ran away.
    Behind,
}

impl Membership {
    pub(super) fn new(room: Arc<Room>, snapshot: &Snapshot) -> Self {
        let Snapshot { number, head, version, .. } = *snapshot;
        Self { room, number, cursor: head, marked: Seq::ZERO, expected: Seq::ZERO, version, place: None }
    }

    /// A message was knocked for.
    pub(super) fn expect(&mut self, knock: Option<Seq>) {
        self.expected = self.expected.max(knock.unwrap_or(Seq::ZERO));
    }

    /// Whether it has all there is, and nothing is announced.
    pub(super) fn is_up_to_date(&self) -> bool {
        !self.is_detached() && self.cursor >= self.expected && self.cursor == self.room.head()
    }

    pub(super) fn go_live(&mut self, place: Place) {
        self.place = Some(place);
    }

    pub(super) fn let_go(&mut self) {
        self.place = None;
    }

    pub(super) const fn is_detached(&self) -> bool {
        self.place.is_none()
    }

    pub(super) fn ready(&mut self) -> Ready {
        let Some(place) = &mut self.place else { return Ready::Behind };
        // Looked at first, as it costs no lock: most have taken everything when they ask.
        if self.number == self.room.number() {
            return Ready::Nothing;
        }
        match place.next() {
            Ok(batch) => Ready::Batch(batch),
            // It lagged: the way back is by the tail.
            Err(_) => {
                self.place = None;
                Ready::Behind
            }
        }
    }

    /// Whether there is something to collect.
    pub(super) fn has_news(&self) -> bool {
        self.is_detached() || self.number != self.room.number()
    }
}
