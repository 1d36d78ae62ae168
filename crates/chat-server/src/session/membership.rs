//! A session's place in one room: its cursor, and the channel while it keeps up.

use std::sync::Arc;

use chat_protocol::value::Seq;

use crate::batch::Batch;
use crate::log::{Log, Reading};
use crate::room::{Place, Room, Snapshot};

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
    standing: Standing,
}

/// How a session stands to a room's channel.
#[derive(Debug)]
enum Standing {
    /// At the hot end of the room's log, for as long as it keeps up.
    Live(Place),
    /// Away from it. On the long way back, by the log, with the pages kept that others read too.
    Away(Option<Reading>),
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
        Self {
            room,
            number,
            cursor: head,
            marked: Seq::ZERO,
            expected: Seq::ZERO,
            version,
            standing: Standing::Away(None),
        }
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
        self.standing = Standing::Live(place);
    }

    /// Whether reading begins with this; else it is under way.
    pub(super) fn begin_to_read(&mut self, log: &Log) -> bool {
        let begins = !matches!(self.standing, Standing::Away(Some(_)));
        if begins {
            self.standing = Standing::Away(Some(log.reading()));
        }
        begins
    }

    pub(super) fn let_go(&mut self) {
        if !self.is_detached() {
            self.standing = Standing::Away(None);
        }
    }

    pub(super) const fn is_detached(&self) -> bool {
        matches!(self.standing, Standing::Away(_))
    }

    pub(super) fn ready(&mut self) -> Ready {
        let Standing::Live(place) = &mut self.standing else { return Ready::Behind };
        // Looked at first, as it costs no lock: most have taken everything when they ask.
        if self.number == self.room.number() {
            return Ready::Nothing;
        }
        match place.next() {
            Ok(batch) => Ready::Batch(batch),
            // It lagged: the way back is by the tail.
            Err(_) => {
                self.standing = Standing::Away(None);
                Ready::Behind
            }
        }
    }

    /// Whether there is something to collect.
    pub(super) fn has_news(&self) -> bool {
        self.is_detached() || self.number != self.room.number()
    }
}
