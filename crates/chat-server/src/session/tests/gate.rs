//! A log that stands still while it is told to.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use chat_protocol::names::RoomName;
use chat_protocol::value::{Seq, Time};

use super::{Lab, until};
use crate::hub::Hub;
use crate::limits::APPEND_QUEUE;
use crate::log::{CommitError, Entry, Memory, Operation, Reader as _, Store, TokenHash, Verdict};

/// A log in memory whose commits wait while the gate is closed.
#[derive(Clone)]
pub(super) struct Gate {
    state: Arc<(Mutex<State>, Condvar)>,
    pub(super) memory: Memory,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// A commit waits.
    waits: bool,
}

impl Gate {
    pub(super) async fn lab() -> (Lab, Self) {
        let gate = Self { state: Arc::default(), memory: Memory::new("log", 64 << 20) };
        (Lab::over(Box::new(gate.clone()), Arc::new(gate.memory.clone())).await, gate)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().expect("nobody panics with it")
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
    }

    pub(super) fn open(&self) {
        self.state().closed = false;
        self.state.1.notify_all();
    }

    /// Until the log stands still over what was sent to it.
    pub(super) async fn until_it_waits(&self) {
        until(|| self.state().waits).await;
    }

    /// Closes the gate, and fills the log's queue with what has no effect.
    pub(super) async fn fill(&self, hub: &Hub) {
        self.close();
        let alias = chat_protocol::names::Alias::new("nobody").expect("an alias");
        let entry = || Entry::Session { token: TokenHash([0; 32]), alias: alias.clone() };
        hub.log.append(entry()).await.expect("a log");
        self.until_it_waits().await;
        for _ in 0..APPEND_QUEUE {
            hub.log.append(entry()).await.expect("a log");
        }
    }

    /// The texts that were said in a room.
    pub(super) fn said(&self, room: &str) -> Vec<String> {
        let room = RoomName::new(room).expect("a room");
        let records = self.memory.after(&room, Seq::ZERO, Seq::new(u64::MAX), usize::MAX).expect("records");
        records.iter().map(|record| record.stored.text.as_str().to_owned()).collect()
    }
}

impl Store for Gate {
    fn commit(&mut self, now: Time, operations: &[Operation]) -> Result<Vec<Verdict>, CommitError> {
        let mut state = self.state();
        while state.closed {
            state.waits = true;
            state = self.state.1.wait(state).expect("nobody panics with it");
        }
        state.waits = false;
        drop(state);
        self.memory.commit(now, operations)
    }
}
