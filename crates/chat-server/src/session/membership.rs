//! A session's place in one room: its cursor, and the channel while it keeps up.

use std::sync::Arc;

use chat_protocol::value::Seq;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use crate::batch::Batch;
use crate::room::{Room, Snapshot};

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
    /// The hot end of the room's log; held only while the session keeps up.
    channel: Option<Receiver<Arc<Batch>>>,
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
        Self { room, number, cursor: head, marked: Seq::ZERO, expected: Seq::ZERO, version, channel: None }
    }

    /// A message was knocked for.
    pub(super) fn expect(&mut self, knock: Option<Seq>) {
        self.expected = self.expected.max(knock.unwrap_or(Seq::ZERO));
    }

    /// Whether it has all there is, and nothing is announced.
    pub(super) fn is_up_to_date(&self) -> bool {
        !self.is_detached() && self.cursor >= self.expected && self.cursor == self.room.head()
    }

    pub(super) fn go_live(&mut self, channel: Receiver<Arc<Batch>>) {
        self.channel = Some(channel);
    }

    pub(super) fn let_go(&mut self) {
        self.channel = None;
    }

    pub(super) const fn is_detached(&self) -> bool {
        self.channel.is_none()
    }

    pub(super) fn ready(&mut self) -> Ready {
        let Some(channel) = &mut self.channel else { return Ready::Behind };
        match channel.try_recv() {
            Ok(batch) => Ready::Batch(batch),
            Err(TryRecvError::Empty) => Ready::Nothing,
            Err(TryRecvError::Lagged(_) | TryRecvError::Closed) => {
                self.channel = None;
                Ready::Behind
            }
        }
    }

    async fn recv(&mut self) -> Option<Arc<Batch>> {
        match &mut self.channel {
            // Whether it lagged or the room is gone: the way back is by the tail.
            Some(channel) => channel.recv().await.ok(),
            None => None,
        }
    }
}

/// The next batch of any room, with the room's index; `None` where its channel has run away. Cancel-safe, as
/// `broadcast::Receiver::recv` is.
pub(super) async fn any_batch(rooms: &mut [Membership]) -> (usize, Option<Arc<Batch>>) {
    match rooms {
        [] => std::future::pending().await,
        // Most are in one room; only the others pay for waiting in several.
        [only] => (0, only.recv().await),
        several => {
            let (batch, index, _) = futures::future::select_all(several.iter_mut().map(|m| Box::pin(m.recv()))).await;
            (index, batch)
        }
    }
}
