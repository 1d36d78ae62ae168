//! Those who keep up with a room, in the order in which they are woken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::Room;
use crate::batch::Batch;
use crate::peer::Peer;

/// The sessions at the hot end of a room. Its members are woken by the [`Turnstile`](crate::turnstile::Turnstile), not by
/// the channel: that would wake all of them at once.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// One for each session. An index stays a session's own until it goes, so that nobody is passed over.
    peers: Vec<Option<Arc<Peer>>>,
    /// Places that were given up, and perhaps taken again since.
    free: Vec<usize>,
    /// Who is looked at next.
    next: usize,
    /// Where the round began that is under way: it ends there, having come by the end of the list.
    began: usize,
    wrapped: bool,
    under_way: bool,
    /// The batch up to which everybody was or is being woken.
    stirred: u64,
}

impl Crowd {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, peer: Arc<Peer>) -> usize {
        let mut places = self.places();
        while let Some(index) = places.free.pop() {
            if let Some(free) = places.peers.get_mut(index).filter(|place| place.is_none()) {
                *free = Some(peer);
                return index;
            }
        }
        places.peers.push(Some(peer));
        places.peers.len() - 1
    }

    fn leave(&self, index: usize) {
        let mut places = self.places();
        places.peers[index] = None;
        places.free.push(index);
        // After a crowd has gone nothing is held for it; what is then beyond the end isn't free any more.
        while places.peers.pop_if(|place| place.is_none()).is_some() {}
        if places.peers.is_empty() {
            (places.peers, places.free) = (Vec::new(), Vec::new());
        }
    }

    /// Begins a round from here, as batches up to `number` were published. Whether none was under way.
    pub(crate) fn stir(&self, number: u64) -> bool {
        let mut places = self.places();
        if places.stirred == number {
            return false;
        }
        let Places { next, under_way, .. } = *places;
        (places.stirred, places.began, places.wrapped, places.under_way) = (number, next, false, true);
        !under_way
    }

    /// Lets the next one through who waits: what wakes him. `None`: the round is over.
    ///
    /// Who doesn't wait is passed over: he looks at his rooms before he does.
    pub(crate) fn next(&self) -> Option<Waker> {
        let mut places = self.places();
        while let Some(index) = places.turn() {
            if let Some(waker) = places.peers[index].as_ref().and_then(|peer| peer.let_through()) {
                return Some(waker);
            }
        }
        None
    }
}

impl Places {
    /// Whose turn it is. Sessions may come and go between two calls: those who came need no turn, and get one or not.
    fn turn(&mut self) -> Option<usize> {
        if self.next >= self.peers.len() && !self.wrapped {
            (self.next, self.wrapped) = (0, true);
        }
        let is_over = self.next >= self.peers.len() || (self.wrapped && self.next >= self.began);
        self.under_way &= !is_over;
        self.under_way.then(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

/// A session's place at the hot end of a room, for as long as it keeps up: the channel, and its turn.
#[derive(Debug)]
pub(crate) struct Place {
    room: Arc<Room>,
    channel: Receiver<Arc<Batch>>,
    index: usize,
}

impl Place {
    /// Called under the room's lock: what is published later is in the channel, and wakes `peer`.
    pub(super) fn new(room: &Arc<Room>, peer: &Arc<Peer>) -> Self {
        let index = room.crowd.enter(Arc::clone(peer));
        Self { room: Arc::clone(room), channel: room.sender.subscribe(), index }
    }

    /// The next batch, where there is one.
    ///
    /// # Errors
    ///
    /// Where there is none, or it has left the channel.
    pub(crate) fn next(&mut self) -> Result<Arc<Batch>, TryRecvError> {
        self.channel.try_recv()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.crowd.leave(self.index);
    }
}
