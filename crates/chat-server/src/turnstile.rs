//! Who is woken when something was published: a few at a time, each room in its turn.
//!
//! A batch for 10,000 members gives 10,000 tasks something to do. Were all of them woken at once they would stand in the
//! runtime's queue before everybody else: the other rooms, whoever connects, and whoever sends, who would hear of his acks
//! last. So no more than [`TURNS`] are woken whose tasks haven't run yet, and each task that runs has the next one woken before
//! it does its own work. What is published meanwhile reaches those who are still to come with the same write: the
//! more is said, the more a write carries.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::limits::TURNS;
use crate::peer::Peer;
use crate::room::Room;
use crate::rooms::Rooms;

/// Lets through those who have something to read.
#[derive(Debug, Default)]
pub(crate) struct Turnstile(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The rooms in which somebody has still to be looked at. Each lets one through, then the next.
    rooms: VecDeque<Arc<Room>>,
    /// How many were let through whose tasks haven't run since.
    through: usize,
}

impl Turnstile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everybody woken who keeps up with a room in which something was published.
    pub(crate) fn open(&self, room: &Arc<Room>) {
        let mut state = self.state();
        if room.crowd.stir(room.number()) {
            state.rooms.push_back(Arc::clone(room));
        }
        let wakers: Vec<_> = std::iter::from_fn(|| state.next()).collect();
        drop(state);
        // Not under the lock: a task may run at once, on another thread.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether somebody has still to be looked at, or was let through and hasn't run.
    pub(crate) fn is_busy(&self) -> bool {
        let state = self.state();
        state.through > 0 || !state.rooms.is_empty()
    }

    /// One who was let through runs: the next may come.
    fn pass_on(&self) {
        let mut state = self.state();
        state.through -= 1;
        let waker = state.next();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl State {
    fn next(&mut self) -> Option<Waker> {
        if self.through == TURNS {
            return None;
        }
        while let Some(room) = self.rooms.pop_front() {
            if let Some(waker) = room.crowd.next() {
                self.rooms.push_back(room);
                self.through += 1;
                return Some(waker);
            }
        }
        None
    }
}

/// Of a session: passes its turn on as soon as its task runs, whatever that is about to do, and at its end.
#[derive(Debug)]
pub(crate) struct Turn {
    rooms: Arc<Rooms>,
    peer: Arc<Peer>,
}

impl Turn {
    pub(crate) const fn new(rooms: Arc<Rooms>, peer: Arc<Peer>) -> Self {
        Self { rooms, peer }
    }

    /// To be called whenever the task runs.
    pub(crate) fn pass_on(&self) {
        if self.peer.takes_turn() {
            self.rooms.turnstile.pass_on();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.pass_on();
    }
}

#[cfg(test)]
mod tests;
